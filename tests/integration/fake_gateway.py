# SPDX-License-Identifier: MIT
"""
A gateway that answers what a test tells it, on a unix socket: what really goes over that socket,
and when, is seen from here.

	with FakeGateway(path, b"HTTP/1.1 200 OK\\r\\n...") as gateway:
	    ...
	    gateway.request()   # what came first
"""
import hashlib
import os
import queue
import socket
import struct
import threading
from typing import NamedTuple

TIMEOUT_S = 60
OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Request(NamedTuple):
    line: str
    headers: list      # (name in lower case, value)
    body: bytes        # None where it did not come whole
    pid: int           # of the client

    def header(self, name):
        found = [value for key, value in self.headers if key == name]
        assert len(found) < 2, f"{name} came {len(found)} times"
        return found[0] if found else None


def peak_kib(pid):
    """The most memory that a process has had."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(next(line.split()[1] for line in file if line.startswith("VmHWM:")))


class Incomplete(Exception):
    pass


class Reader:
    """Bytes of a connection, in the sizes that are asked for."""

    def __init__(self, sock):
        self.sock, self.data = sock, b""

    def until(self, mark):
        while mark not in self.data:
            self.more()
        found, self.data = self.data.split(mark, 1)
        return found

    def more(self):
        part = self.sock.recv(1 << 16)
        if not part:
            raise Incomplete
        self.data += part

    def pieces(self, n):
        while n > 0:
            if not self.data:
                self.more()
            part, self.data = self.data[:n], self.data[n:]
            n -= len(part)
            yield part


class Body:
    """Kept where it is small; digested in any case."""

    def __init__(self):
        self.kept, self.bytes, self.digest = b"", 0, hashlib.sha256()

    def add(self, part):
        self.digest.update(part)
        self.bytes += len(part)
        if self.bytes < 1 << 22:
            self.kept += part


def read_body(reader, headers, body):
    if headers.get("transfer-encoding") == "chunked":
        while True:
            n = int(reader.until(b"\r\n").split(b";")[0], 16)
            for part in reader.pieces(n):
                body.add(part)
            assert reader.until(b"\r\n") == b""
            if n == 0:
                return
    for part in reader.pieces(int(headers.get("content-length", 0))):
        body.add(part)


class FakeGateway:
    """
    `answer`: bytes, or a function that is given (connection, request) and may take its time;
    `read`: False where the body is not to be read before it is called.
    """

    def __init__(self, path, answer=OK, read=True):
        self.path, self.answer, self.read = path, answer, read
        self.came = queue.Queue()
        self.bodies = queue.Queue()
        self.listener = socket.socket(socket.AF_UNIX)
        self.threads = []
        self.connections = set()

    def __enter__(self):
        self.listener.bind(self.path)
        os.chmod(self.path, 0o777)
        self.listener.listen(64)
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join(TIMEOUT_S)
        self.listener.close()
        for sock in list(self.connections):
            sock.shutdown(socket.SHUT_RD)  # those that are kept for a next request
        for thread in self.threads:
            thread.join(TIMEOUT_S)
        os.unlink(self.path)

    def accept(self):
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            sock.settimeout(TIMEOUT_S)
            self.threads.append(threading.Thread(target=self.serve, args=(sock,)))
            self.threads[-1].start()

    def serve(self, sock):
        """Requests of one connection, one after the other."""
        with sock:
            self.connections.add(sock)
            reader = Reader(sock)
            try:
                while True:
                    request = self.take(sock, reader)
                    self.came.put(request)
                    if callable(self.answer):
                        self.answer(sock, request)
                        return
                    sock.sendall(self.answer)
                    if request.header("connection") == "close":
                        return
            except (Incomplete, OSError):
                pass
            finally:
                self.connections.discard(sock)

    def take(self, sock, reader):
        pid, _, _ = struct.unpack("3i", sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        line, *lines = reader.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        pairs = [(name.lower(), value.strip()) for name, value in (h.split(":", 1) for h in lines)]
        body = Body()
        if not self.read:
            return Request(line, pairs, None, pid)
        if ("expect", "100-continue") in pairs:
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        try:
            read_body(reader, dict(pairs), body)
        except (Incomplete, OSError):
            self.bodies.put(body)
            self.came.put(Request(line, pairs, None, pid))
            raise Incomplete from None
        self.bodies.put(body)
        return Request(line, pairs, body.kept, pid)

    def request(self):
        return self.came.get(timeout=TIMEOUT_S)

    def body(self):
        return self.bodies.get(timeout=TIMEOUT_S)
