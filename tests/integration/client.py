# SPDX-License-Identifier: MIT
"""Conversations with the service and with the Docker engine: http.client and raw sockets."""
import http.client
import json
import socket
import time
import urllib.parse
from typing import NamedTuple

import schema

TIMEOUT_S = 60


class Reply(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self):
        return json.loads(self.body)

    @property
    def text(self):
        return self.body.decode()

    @property
    def type(self):
        """Of the content, without parameters such as its charset."""
        return self.headers.get("Content-Type", "").split(";")[0].strip()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=TIMEOUT_S):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Http:
    """One request, one connection, one answer; to ("127.0.0.1", port) or to a unix socket's path."""

    def __init__(self, address):
        self.address = address

    def connection(self, timeout=TIMEOUT_S):
        if isinstance(self.address, str):
            return UnixConnection(self.address, timeout)
        return http.client.HTTPConnection(*self.address, timeout=timeout)

    def request(self, method, target, body=None, headers=None, timeout=TIMEOUT_S):
        connection = self.connection(timeout)
        try:
            connection.request(method, target, body, headers or {})
            answer = connection.getresponse()
            return Reply(answer.status, answer.headers, answer.read())
        finally:
            connection.close()

    def get(self, target, **headers):
        return self.request("GET", target, headers=dashes(headers))

    def post(self, target, body=b"", **headers):
        return self.request("POST", target, body, dashes(headers))

    def post_json(self, target, value, **headers):
        return self.request("POST", target, json.dumps(value),
                            {"Content-Type": "application/json", **dashes(headers)})

    def socket(self, timeout=TIMEOUT_S):
        if isinstance(self.address, str):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(timeout)
            sock.connect(self.address)
            return sock
        return socket.create_connection(self.address, timeout=timeout)

    def raw(self, data, timeout=TIMEOUT_S, half_close=False):
        """All bytes that come back until the other side closes."""
        with self.socket(timeout) as sock:
            try:
                sock.sendall(data)
                if half_close:
                    sock.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass
            return read_all(sock)


def dashes(headers):
    return {name.replace("_", "-"): value for name, value in headers.items()}


def read_all(sock):
    parts = []
    try:
        while part := sock.recv(65536):
            parts.append(part)
    except ConnectionResetError:
        pass
    return b"".join(parts)


def raw_status(data):
    """The status of raw bytes that a server sent; 0 where it said nothing."""
    return int(data.split(b" ", 2)[1]) if data.startswith(b"HTTP/") else 0


class Classic:
    """The classic face: what its functions answer, as text."""

    def __init__(self, http_, prefix="/executor/"):
        self.http, self.prefix = http_, prefix

    def call(self, function, value=None):
        return self.http.post(self.prefix + function, b"" if value is None else json.dumps(value))

    def submit(self, data):
        reply = self.call("submit", {"data": data})
        if reply.status != 200:
            raise AssertionError(f"submit: {reply.status} {reply.body!r}")
        return reply.text

    def queueing(self):
        return self.call("queueing").text

    def get_result(self, job):
        return self.call("get_result", {"id": job}).text

    def get_data(self, job):
        return self.call("get_data", {"id": job}).body


class Native:
    """The native face; every JSON answer is held against /openapi.json."""

    def __init__(self, http_):
        self.http = http_
        self.description = None

    def call(self, method, target, value=None, headers=None):
        headers = dict(headers or {})
        body = None
        if value is not None:
            body = json.dumps(value)
            headers["Content-Type"] = "application/json"
        reply = self.http.request(method, target, body, headers)
        self.check(method, target, reply)
        return reply

    def check(self, method, target, reply):
        if self.description is None:
            self.description = schema.Description(self.http.get("/openapi.json").json())
        self.description.check(method, target, reply)

    def submit(self, task, wait=None, **members):
        """The reply to POST /v1/jobs."""
        target = "/v1/jobs" + (f"?wait={wait}" if wait is not None else "")
        return self.call("POST", target, {"task": task, **members})

    def accept(self, task, **members):
        """The id of a job that was accepted."""
        reply = self.submit(task, **members)
        if reply.status not in (200, 202):
            raise AssertionError(f"submit: {reply.status} {reply.text}")
        return reply.json()["id"]

    def run(self, task, **members):
        """The whole job, ended."""
        reply = self.submit(task, wait=30, **members)
        if reply.status == 200:
            return reply.json()
        if reply.status != 202:
            raise AssertionError(f"submit: {reply.status} {reply.text}")
        return self.ended(reply.json()["id"])

    def job(self, job):
        return self.call("GET", f"/v1/jobs/{job}").json()

    def ended(self, job, seconds=120):
        """The job once it is done; long polls, again and again while the service is away."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                reply = self.call("GET", f"/v1/jobs/{job}?wait=10")
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)  # nobody listens: there is nothing to wait on
                continue
            if reply.status == 503:
                time.sleep(0.05)
                continue
            if reply.status != 200:
                raise AssertionError(f"job {job[:12]}: {reply.status} {reply.text}")
            if reply.json()["state"] == "done":
                return reply.json()
        raise AssertionError(f"job {job[:12]} did not end within {seconds} s: {reply.text}")


class Docker:
    """As much of the engine's API as the tests look at."""

    def __init__(self, path="/var/run/docker.sock"):
        self.http = Http(path)

    def call(self, method, target, body=None, headers=None, fine=(200, 201, 204)):
        reply = self.http.request(method, "/v1.41" + target, body, headers)
        if reply.status not in fine:
            raise AssertionError(f"docker {method} {target}: {reply.status} {reply.body[:300]!r}")
        return reply

    def containers(self, *labels):
        """
        All of them, in any state, that have these labels ("name" or "name=value").

        A container that is removed while a dead driver's start of it is still under way is gone,
        but engine 20.10 goes on listing it, without a name, until it is started anew: asked for
        that one it answers 404. Only what it then still knows is a container.
        """
        filters = urllib.parse.quote(json.dumps({"label": list(labels)}))
        found = self.call("GET", f"/containers/json?all=1&filters={filters}").json()
        return [c for c in found if c["Names"] or self.exists(c["Id"])]

    def exists(self, container):
        return self.call("GET", f"/containers/{container}/json", fine=(200, 404)).status == 200

    def inspect(self, container):
        return self.call("GET", f"/containers/{container}/json").json()

    def has_image(self, name):
        return self.call("GET", f"/images/{name}/json", fine=(200, 404)).status == 200

    def import_image(self, repo, tag, tar, changes=()):
        query = urllib.parse.urlencode(
            [("fromSrc", "-"), ("repo", f"{repo}:{tag}")] + [("changes", c) for c in changes])
        reply = self.call("POST", f"/images/create?{query}", tar,
                          {"Content-Type": "application/x-tar"})
        if b"errorDetail" in reply.body:
            raise AssertionError(reply.text)
