# SPDX-License-Identifier: MIT
"""Raw conversations, and answers read as strictly as RFC 9112 lets one."""
import json
import re
import select
import socket
import struct
import time
from typing import NamedTuple

ANSWER_S = 60  # nothing here takes that long: who waits longer hangs

STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d) ([ -~]*)\Z")
FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): *([ -~\t]*)\Z")
CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})\r\n")
ONCE = ("content-length", "content-type", "transfer-encoding", "content-security-policy", "x-content-type-options",
        "location", "cache-control", "etag", "retry-after", "date")


class Malformed(AssertionError):
    pass


class Answer(NamedTuple):
    status: int
    headers: dict  # lower case; the values of one that came twice are joined
    body: bytes
    whole: bool    # all of the body came

    @property
    def type(self):
        return self.headers.get("content-type", "").split(";")[0]


def exchange(http, data, pieces=1, ending="stay", seconds=ANSWER_S):
    """
    Sends the bytes and gives all that came back until the other side closed. What it does not
    take any more is not sent; what it said before is read. The other side has `seconds`.
    """
    end = time.monotonic() + seconds
    with http.socket(seconds) as sock:
        sock.setblocking(False)
        if ending == "cut":
            try:
                sock.send(data)
            except OSError:
                pass
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return b""
        step = max(1, -(-len(data) // pieces))
        return converse(sock, [data[i:i + step] for i in range(0, len(data), step)], ending == "half", end)


def converse(sock, out, half, end):
    came = []
    open_out = True
    while True:
        left = end - time.monotonic()
        ready, takes, _ = select.select([sock], [sock] if open_out else [], [], max(0, left))
        if not ready and not takes:
            raise TimeoutError(f"no end of the answer; so far: {b''.join(came)[:300]!r}")
        try:
            if ready:
                data = sock.recv(65536)
                if not data:
                    return b"".join(came)
                came.append(data)
            if takes:
                open_out = send_some(sock, out, half)
        except ConnectionResetError:
            return b"".join(came)


def send_some(sock, out, half):
    """Is there, or may there be, more to send?"""
    try:
        if out:
            n = sock.send(out[0])
            out[0] = out[0][n:]
            if not out[0]:
                out.pop(0)
        if not out and half:
            sock.shutdown(socket.SHUT_WR)
    except OSError:
        return False  # it has left; what it said before can still be read
    return bool(out)


# ---- answers ---------------------------------------------------------------------------------------

def read_head(data):
    end = data.find(b"\r\n\r\n")
    if end < 0:
        raise Malformed(f"a head without an end: {data[:300]!r}")
    first, *lines = data[:end].split(b"\r\n")
    found = STATUS_LINE.match(first)
    if not found:
        raise Malformed(f"status line {first[:200]!r}")
    headers = {}
    for line in lines:
        field = FIELD.match(line)
        if not field:
            raise Malformed(f"header {line[:200]!r}")
        name, value = field.group(1).decode().lower(), field.group(2).decode()
        if name in headers and name in ONCE:
            raise Malformed(f"{name} comes twice: {data[:end]!r}")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(found.group(1)), headers, data[end + 4:]


def read_chunks(data):
    """The body and what follows it; None where the connection ended before it did."""
    body = []
    while found := CHUNK.match(data):
        n = int(found.group(1), 16)
        data = data[found.end():]
        if len(data) < n + 2:
            return None
        if data[n:n + 2] != b"\r\n":
            raise Malformed(f"no line end behind a chunk: {data[n:n + 20]!r}")
        body.append(data[:n])
        data = data[n + 2:]
        if n == 0:
            return b"".join(body), data
    if len(data) > 10:
        raise Malformed(f"the size of a chunk: {data[:20]!r}")
    return None


def read_one(data, head_only):
    status, headers, rest = read_head(data)
    length, encoding = headers.get("content-length"), headers.get("transfer-encoding")
    if length is not None and encoding is not None:
        raise Malformed(f"both Content-Length and Transfer-Encoding: {headers}")
    if head_only or status in (204, 304) or status < 200:
        return Answer(status, headers, b"", True), rest
    if encoding is not None:
        found = read_chunks(rest)
        return (Answer(status, headers, *found[:1], True), found[1]) if found else (
            Answer(status, headers, rest, False), b"")
    if length is None:
        return Answer(status, headers, rest, True), b""
    if not length.isdigit():
        raise Malformed(f"Content-Length: {length!r}")
    n = int(length)
    return Answer(status, headers, rest[:n], len(rest) >= n), rest[n:]


def answers(data, head=True):
    """All answers of a connection. Where HEAD may have asked, that there is a body shows by what follows."""
    found = []
    while data:
        one, rest = read_one(data, False)
        if head and (not one.whole or (rest and not rest.startswith(b"HTTP/")) or one.body.startswith(b"HTTP/1.")):
            empty, behind = read_one(data, True)
            if not behind or behind.startswith(b"HTTP/1."):
                one, rest = empty, behind
        if rest and not rest.startswith(b"HTTP/"):
            raise Malformed(f"behind an answer: {rest[:100]!r}")
        if one.status >= 200:
            found.append(one)
        data = rest
    return found


# ---- what every answer must be -----------------------------------------------------------------------

# The HTTP library's own, to what is not HTTP: constant, with nothing of the request in it.
LIBRARYS = {400, 408, 411, 413, 414, 431, 501, 505}


def is_librarys(answer):
    return "x-content-type-options" not in answer.headers and answer.status in LIBRARYS and (
        answer.headers.get("connection") == "close" and answer.body[:19] in (b"", b"<html><head><title>"))


def check_policy(answer):
    """What keeps a browser from taking an answer for something else."""
    if answer.headers.get("x-content-type-options") != "nosniff":
        raise Malformed(f"no nosniff: {answer}")
    if "default-src 'none'" not in answer.headers.get("content-security-policy", ""):
        raise Malformed(f"no policy: {answer}")


def check_problem(answer):
    """An error has a name, as RFC 9457 has it, or is one plain line on the classic face."""
    text = answer.body.decode("utf-8")
    if answer.type == "text/plain":
        if not re.fullmatch(r"[^\x00-\x1f\x7f]+\n", text):
            raise Malformed(f"not one plain line: {answer}")
        return
    if answer.type != "application/problem+json":
        raise Malformed(f"an error of type {answer.type!r}: {answer}")
    problem = json.loads(text)
    if not problem["type"].startswith("urn:dockgate:problem:") or problem["status"] != answer.status or (
            not problem["title"] or not problem["detail"] or problem["message"] != problem["detail"]):
        raise Malformed(f"no problem of RFC 9457: {answer}")


def check(answer):
    if is_librarys(answer):  # 505 is the one right answer to HTTP/2.0
        return
    if answer.status >= 500:
        raise Malformed(f"our fault: {answer}")
    check_policy(answer)
    if answer.status >= 400 and answer.body:
        check_problem(answer)
