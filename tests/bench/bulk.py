# SPDX-License-Identifier: MIT
"""Many bytes: out of a job to an HTTP client, into one, and collected files."""
import json
import os
import socket
import statistics
import time

import machine
from images import image_of
from report import join
from served import Service

OUT_BYTES = 100_000_000
FILE_BYTES = 64 << 20
BUFFER = bytearray(1 << 20)

TASK = """
task "bulk" {
	image = "%s"
	command = {"/bench_bulk"}
	isolation = %s
	warm = 2
	warm_max = 2
	collect = {"*.out"}
	collect_bytes = 1G
	limits { output_bytes = 200M  disk_bytes = 300M  file_bytes = 200M  memory_bytes = 512M }
}
"""


# ---- what a raw attach reader gets ---------------------------------------------------------------

def head_of(sock):
    """The head of an HTTP answer, and the bytes that came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(65536)
        if not piece:
            raise SystemExit(f"bench: the connection ended in an answer's head: {data!r}")
        data += piece
    head, rest = data.split(b"\r\n\r\n", 1)
    return head.decode("latin-1"), rest


def read_body(sock, left):
    while left > 0:
        n = sock.recv_into(BUFFER, min(left, len(BUFFER)))
        if n == 0:
            raise SystemExit(f"bench: {left} bytes are missing")
        left -= n


def attach_s(docker, image, argv, bytes_):
    """Seconds from the first byte of a container's output at the attached reader to the last."""
    body = {"Image": image, "Cmd": argv, "NetworkDisabled": True, "AttachStdout": True,
            "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}},
            "Labels": {"dockgate-bench": ""}}
    name = docker.call("POST", "/containers/create", json.dumps(body),
                       {"Content-Type": "application/json"}).json()["Id"]
    try:
        with docker.http.socket() as sock:
            sock.sendall(f"POST /v1.41/containers/{name}/attach?stream=1&stdout=1&stderr=1 HTTP/1.1\r\n"
                         "Host: docker\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n".encode())
            _, rest = head_of(sock)
            docker.call("POST", f"/containers/{name}/start")
            got = len(rest)
            began = None
            while n := sock.recv_into(BUFFER):
                began = began or time.monotonic()
                got += n
            if got < bytes_:
                raise SystemExit(f"bench: {got} of {bytes_} bytes came by the raw attach")
            return time.monotonic() - began
    finally:
        docker.call("DELETE", f"/containers/{name}?force=1&v=1")


# ---- what a client of ours gets ------------------------------------------------------------------

class Client:
    """One kept connection that throws bodies away, or parses them where that is asked."""

    def __init__(self, port):
        self.sock = socket.create_connection(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def close(self):
        self.sock.close()

    def send(self, method, path, kind=None, pieces=(), length=0):
        head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        if method == "POST":
            head += f"Content-Type: {kind}\r\nContent-Length: {length}\r\n"
        self.sock.sendall((head + "\r\n").encode())
        for piece in pieces:
            self.sock.sendall(piece)

    def answer(self, expect, parse=False):
        head, rest = head_of(self.sock)
        status = int(head.split(" ", 2)[1])
        length = int(next(line.split(":", 1)[1] for line in head.split("\r\n")
                          if line.lower().startswith("content-length:")))
        if status != expect or parse:
            while len(rest) < length:
                rest += self.sock.recv(65536)
            if status != expect:
                raise SystemExit(f"bench: status {status}, not {expect}: {rest[:500]!r}")
            return json.loads(rest)
        read_body(self.sock, length - len(rest))
        return length

    def submit(self, members, wait=0):
        body = json.dumps({"task": "bulk", **members}).encode()
        self.send("POST", f"/v1/jobs?wait={wait}", "application/json", [body], len(body))
        return self.answer(200 if wait else 202, parse=True)

    def get(self, path, parse=False):
        self.send("GET", path)
        return self.answer(200, parse)


def output_s(client, bytes_):
    """From the submit to the last byte of the job's output at the client."""
    began = time.monotonic()
    job = client.submit({"args": ["out", str(bytes_)]})
    got = client.get(f"/v1/jobs/{job['id']}/stdout?wait=60")
    if got != bytes_:
        raise SystemExit(f"bench: {got} of {bytes_} bytes came")
    return time.monotonic() - began


def collect_s(client, bytes_):
    """From the submit to the last byte of a file that the job made."""
    began = time.monotonic()
    job = client.submit({"args": ["make", "a.out", str(bytes_)]})
    got = client.get(f"/v1/jobs/{job['id']}/files/a.out?wait=60")
    if got != bytes_:
        raise SystemExit(f"bench: {got} of {bytes_} bytes came")
    return time.monotonic() - began


def upload_s(client, bytes_, piece):
    """From the first byte of a file sent in to the end of a job that has looked at it."""
    job = json.dumps({"task": "bulk", "args": ["size", "a.in"]})
    head = ("--bench\r\nContent-Disposition: form-data; name=\"job\"\r\n\r\n" + job +
            "\r\n--bench\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.in\"\r\n\r\n").encode()
    tail = b"\r\n--bench--\r\n"
    pieces = [head] + [piece] * (bytes_ // len(piece)) + [tail]
    began = time.monotonic()
    client.send("POST", "/v1/jobs?wait=60", "multipart/form-data; boundary=bench", pieces,
                sum(map(len, pieces)))
    ended = client.answer(200, parse=True)
    if ended["stdout"]["content"] != f"{bytes_}\n":
        raise SystemExit(f"bench: the job saw another file: {ended}")
    return time.monotonic() - began


# ---- the part ------------------------------------------------------------------------------------

def measure(bench, service, image):
    """In turns, so that whatever else the machine does is everybody's. {what: seconds of each}"""
    found = {"attach": [], "out": [], "in": [], "collected": []}
    engine, client, piece = machine.engine(), Client(service.port), os.urandom(1 << 20)
    for _ in range(bench.n(5, 1)):
        for what, run in (
                ("attach", lambda: attach_s(engine, image, ["/bench_bulk", "out", str(OUT_BYTES)], OUT_BYTES)),
                ("out", lambda: output_s(client, OUT_BYTES)),
                ("in", lambda: upload_s(client, FILE_BYTES, piece)),
                ("collected", lambda: collect_s(client, FILE_BYTES))):
            time.sleep(1)  # a pool fills, the engine clears up
            found[what].append(run())
    client.close()
    return found


def run(bench):
    report = bench.report
    report.section("many bytes")
    with image_of(bench.tools.path("bulk")) as image:
        with Service(bench.build, "sandbox", more=TASK % (image, "sandbox")) as service:
            level = service.level()
            client = Client(service.port)
            output_s(client, 1000)
            client.close()
            before = service.memory_kib()
            service.memory_forget()
            found = measure(bench, service, image)
            peak = service.memory_kib("VmHWM")
    rates = {what: (OUT_BYTES if what in ("attach", "out") else FILE_BYTES) / statistics.median(seconds) / 1e6
             for what, seconds in found.items()}
    spread = {what: f"{len(seconds)} times, in seconds " + " ".join(f"{s:.2f}" for s in seconds)
              for what, seconds in found.items()}
    report.value("bulk_attach", "100 MB of output to a raw attach reader", rates["attach"], " MB/s",
                 spread["attach"])
    report.value("bulk_out", "100 MB of output of a job, submit to last byte at the client", rates["out"],
                 " MB/s", join(f"level {level}", spread["out"]))
    report.value("bulk_share", "as a share of the raw attach reader", 100 * rates["out"] / rates["attach"],
                 " %", "medians", at_least=70)
    report.value("bulk_in", "64 MiB in as multipart, to the end of a job that looks at it", rates["in"],
                 " MB/s", spread["in"])
    report.value("bulk_collected", "64 MiB collected, submit to last byte at the client",
                 rates["collected"], " MB/s", spread["collected"])
    grown = {role: (peak[role] - before[role]) / 1024 for role in peak}
    report.value("bulk_memory", "most that a role grew by meanwhile", max(grown.values()), " MiB",
                 ", ".join(f"{role} {mib:.1f}" for role, mib in grown.items()), at_most=16)
