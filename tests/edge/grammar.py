# SPDX-License-Identifier: MIT
"""
Hostile requests, made of good ones by a seeded mutator.

	grammar.py NUMBER	prints the bytes of that one

A mutant is all that goes over one connection. Its number says all about it: the same number is the
same bytes, on every machine.
"""
import json
import random
import sys
from typing import NamedTuple

SEED = "edge 1"
JOB = b"j" * 64  # stands for the id of a job that has ended
# Behind each mutant whose sender stays: whoever reads on from the wrong place says so here.
LAST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

JSON_TYPE = (b"Content-Type", b"application/json")
BOUNDARY = b"edgeb0undary"
MULTIPART_TYPE = (b"Content-Type", b"multipart/form-data; boundary=" + BOUNDARY)

SUBMIT = {
    "task": "sh", "args": ["true"], "files": [{"name": "dir/a.txt", "content": "x", "encoding": "utf8"}],
    "stdin": "in", "env": {"A": "1"}, "cases": [{"name": "one", "stdin": "1", "expected_stdout": "1",
                                                 "limits": {"cpu_ms": 1000}}],
    "stop_on_failure": True, "limits": {"wall_ms": 1000, "memory_bytes": 1 << 26, "cpus": 0.5},
    "collect": ["*.out"], "labels": {"a": "b"}, "retention_s": 60, "priority": 1,
}

TEXTS = [
    "", " ", "\0", "a\0b", "\n", "\r\n", "\x1b[2J\x1b]0;x\x07", "\u202e\u2066", "\ufeff", "\u2028", "\U0010ffff",
    "../../../../etc/passwd", "/etc/passwd", "..\\..\\x", "C:\\x", "a/" * 40 + "x", "%00", "%2e%2e%2f", "%n%s%x",
    "' OR 1=1 --", "\"; DROP TABLE job; --", "$(reboot)", "`id`", "; id", "|id", "{{7*7}}", "${7*7}", "<script>",
    "</script><img src=x onerror=alert(1)>", "-rf", "--help", "true", "null", "0", "-1", "1e999", "NaN",
    "x" * 256, "x" * 4097, "x" * 70000, "\u00e9" * 3000, "*" * 200, "[" * 100, "**/" * 50, "a" * 64, "0" * 64, "g" * 64,
]
NUMBERS = [
    "0", "-0", "-1", "1", "255", "256", "65536", "2147483647", "2147483648", "4294967296",
    "9223372036854775807", "9223372036854775808", "-9223372036854775808", "-9223372036854775809",
    "18446744073709551616", "1" + "0" * 400, "0.5", "1.5", "-0.0001", "1e5", "1E+400", "1e-400", "0.1" + "0" * 300,
]
ODD_JSON = [
    "01", "+1", ".5", "1.", "0x10", "1e", "NaN", "Infinity", "-", "tru", "nul", "'x'", "\"\\x41\"", "\"\\ud800\"",
    "\"\\udc00\\ud800\"", "\"\\u00\"", "\"\t\"", "\"unended", "[1,]", "{\"a\":1,}", "{,}", "{\"a\"}", "{1:2}", "[,]", "//x",
    "/* x */ 1", "{\"a\":1,\"a\":2}", "[" * 3000, "{\"a\":" * 3000, "[" * 600 + "]" * 600, "undefined", "\ufeff1",
]
BYTES = [b"\0", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x80\xae", b"\x80", b"\r", b"\n",
         b"\x1b", b"\x7f", b"\x0b", b"\x08", b"\t", b" ", b"%", b"\\", b"\"", b"'", b"<", b";", b",", b":", b"=", b"&"]

METHODS = [b"PUT", b"PATCH", b"TRACE", b"CONNECT", b"PROPFIND", b"get", b"Post", b"GETT", b"", b"G\0ET", b"\xff", b"A" * 60,
           b"A" * 20000, b"GET,POST", b"-", b"(", b"\"GET\"", b"PRI", b"OPTIONS", b"DELETE", b"HEAD", b"POST", b"GET"]
VERSIONS = [b"HTTP/1.0", b"HTTP/0.9", b"HTTP/2.0", b"HTTP/3", b"HTTP/1.2", b"HTTP/1.10", b"HTTP/01.1", b"HTTP/1.1 x", b"http/1.1",
            b"HTTP/-1.1", b"HTTP/1.", b"HTTP/", b"HTTP", b"", b"HTTPS/1.1", b"HTTP/99999999999.1", b"HTTP/1.1\0", b"ICY"]
PATHS = [b"/../../etc/passwd", b"/%2e%2e/%2e%2e/etc/passwd", b"/..%2f..%2f..%2fetc%2fpasswd", b"/%252e%252e/", b"/%c0%ae%c0%ae/",
         b"/assets/../../../etc/passwd", b"/assets/%2e%2e%2f%2e%2e%2fetc/passwd", b"/assets/..\\..\\x", b"/assets/%00", b"/assets/",
         b"/executor/../v1/jobs", b"/executor/assets/%2e%2e/x", b"/executor/v1/../../etc", b"/executor//submit", b"//", b"///v1///jobs",
         b"/v1/jobs/", b"/v1/jobs/../queue", b"/v1/jobs/%00", b"/v1/jobs/" + b"a" * 63, b"/v1/jobs/" + b"a" * 64, b"/v1/jobs/" + b"A" * 64,
         b"/v1/jobs/" + b"a" * 65, b"/v1/jobs/" + JOB + b"/files/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
         b"/v1/jobs/" + JOB + b"/files//etc/passwd", b"/v1/jobs/" + JOB + b"/files/%00", b"/v1/jobs/" + JOB + b"/files/" + b"a" * 2000,
         b"/v1/clients/%2e%2e", b"/v1/clients/" + b"%ff" * 100, b"*", b"", b"?", b"#", b"http://evil.example/v1/jobs", b"evil.example:80",
         b"http://localhost/healthz", b"\\", b"/\xff\xfe", b"/caf\xc3\xa9", b"/a b", b"/a\tb", b"/a\0b", b"/\x1b[2J", b"/%", b"/%4", b"/%zz",
         b"/%0d%0aX-Evil:%201", b"/;x=1", b"/v1/jobs;x=1", b"/v1%2fjobs", b"/V1/jobs", b"/executor", b"/executor/", b"/executor?submit",
         b"/executor?../../x", b"/executor/executor/executor", b"/executor/-h+--version", b"/" + b"a" * 9000, b"/" + b"a/" * 9000, b"/" + b"%41" * 30000]
QUERIES = [b"wait=0", b"wait=-1", b"wait=1e9", b"wait=99999999999999999999", b"wait=0.0001", b"wait=0&wait=0", b"wait", b"=", b"&", b"&&&=&", b"wait=%00",
           b"wait=%ff", b"limit=0", b"limit=-1", b"limit=1001", b"limit=1e3", b"limit=%31", b"cursor=-1", b"cursor=x", b"cursor=0", b"state=", b"state=,",
           b"state=queued,,done", b"state=%27%20OR%201=1", b"task=" + b"x" * 1000, b"client=%1b%5b2J", b"label=a", b"label=%00:x", b"label=" + b"%41" * 500,
           b"verdict=x", b"purge=2", b"purge=1", b"end=x", b"all=0", b"colour=red", b"a" * 100 + b"=1", b"a=" + b"b" * 9000, b"x=1&" * 2000, b"%zz=1", b"?", b"a[]=1"]
HOSTS = [b"", b"evil.example", b"localhost.evil.example", b"localhost@evil.example", b"127.0.0.1:1:2", b"[::1", b"[::1]x", b"[::ffff:127.0.0.1]", b"2130706433",
         b"0x7f.1", b"127.1", b"localhost\0evil", b"localhost,evil", b"localhost evil", b"LOCALHOST", b"localhost.", b":80", b"localhost:", b"localhost:99999",
         b"localhost:-1", b"x" * 300, b"\xff", b"localhost\t", b"http://localhost"]
LENGTHS = [b"-1", b"+5", b"0x5", b"5 5", b"5,5", b"5, 6", b"5;5", b"5.0", b"5e0", b"", b" ", b"x", b"\t5", b"05", b"5\0", b"4294967296", b"4294967301",
           b"9223372036854775807", b"9223372036854775808", b"18446744073709551615", b"18446744073709551616", b"18446744073709551621", b"9" * 100, b"1" + b"0" * 5000]
ENCODINGS = [b"chunked", b"Chunked", b"identity", b"chunked, identity", b"identity, chunked", b"gzip, chunked", b"chunked, chunked", b"xchunked", b"chunkedx",
             b" chunked", b"chunked ", b"\"chunked\"", b"chunked;q=1", b",chunked", b"chunked\0", b"\x0bchunked", b"", b"gzip", b"x" * 500]
CHUNK_SIZES = [b"0", b"00000000000000005", b"5;ext=1", b"5 ; x", b"5;" + b"x" * 5000, b"-5", b"+5", b"0x5", b"5g", b"g", b"", b" 5", b"5 ", b"ffffffff", b"100000000",
               b"7fffffffffffffff", b"8000000000000000", b"ffffffffffffffff", b"10000000000000005", b"f" * 100, b"0" * 5000 + b"5", b"5\0", b"5\r", b"5\t"]
HEADERS = [
    (b"Expect", b"100-continue"), (b"Expect", b"200-ok"), (b"Connection", b"close, Host"), (b"Connection", b"Transfer-Encoding"), (b"Connection", b"keep-alive"),
    (b"Upgrade", b"websocket"), (b"Upgrade", b"h2c"), (b"HTTP2-Settings", b"AAMAAABkAAQAAP__"), (b"X-HTTP-Method-Override", b"DELETE"), (b"X-Original-URL", b"/metrics"),
    (b"X-Forwarded-For", b"127.0.0.1"), (b"X-Forwarded-Host", b"evil.example"), (b"Forwarded", b"for=\"[::1]\""), (b"Via", b"\x1b[1m"), (b"Proxy", b"http://evil.example"),
    (b"Origin", b"null"), (b"Origin", b"http://evil.example"), (b"Origin", b"http://localhost\0.evil"), (b"Origin", b"x" * 1000), (b"Origin", b""), (b"Origin", b"file://"),
    (b"Sec-Fetch-Site", b"cross-site"), (b"Referer", b"http://evil.example/\x1b"), (b"Cookie", b"a=" + b"b" * 3000), (b"User-Agent", b"() { :;}; echo x"),
    (b"Authorization", b"Bearer "), (b"Authorization", b"Bearer " + b"a" * 256), (b"Authorization", b"Bearer " + b"a" * 257), (b"Authorization", b"Bearer dg_\xff\0"),
    (b"Authorization", b"Basic dTpw"), (b"Authorization", b"bearer\tx"), (b"Idempotency-Key", b""), (b"Idempotency-Key", b"x" * 256), (b"Idempotency-Key", b"a\x7fb"),
    (b"Idempotency-Key", b"\xc3\xa9"), (b"Idempotency-Key", b"' OR 1=1"), (b"Last-Event-ID", b"x"), (b"Last-Event-ID", b"9" * 100), (b"Last-Event-ID", b"1:2:3"), (b"Last-Event-ID", b"-1"),
    (b"Last-Event-ID", b"\xff"), (b"traceparent", b"00-" + b"0" * 32 + b"-" + b"0" * 16 + b"-01"), (b"traceparent", b"x" * 500), (b"tracestate", b"a=b," * 200), (b"Prefer", b"wait=-1"),
    (b"Prefer", b"wait=" + b"9" * 50), (b"Prefer", b"wait=0;;;,,,wait=1"), (b"Prefer", b"," * 3000), (b"Range", b"bytes=0-"), (b"Range", b"bytes=-0"), (b"Range", b"bytes=5-1"),
    (b"Range", b"bytes=18446744073709551615-18446744073709551616"), (b"Range", b"bytes=" + b"0-0," * 1000), (b"Range", b"lines=1-2"), (b"If-Range", b"\"x"), (b"If-None-Match", b"*"),
    (b"If-Modified-Since", b"never"), (b"Accept", b"text/html"), (b"Accept", b"*/*;q=" + b"9" * 500), (b"Accept-Encoding", b"gzip;q=0x1p-1074"), (b"Accept-Encoding", b"gzip;q=nan,;;;,gzip"),
    (b"Accept-Encoding", b"," * 2000), (b"Content-Encoding", b"gzip"), (b"Content-Type", b""), (b"Content-Type", b"text/plain"), (b"Content-Type", b"application/json; charset=utf-16"),
    (b"Content-Type", b"application/x-www-form-urlencoded"), (b"Content-Type", b"multipart/form-data"), (b"Content-Type", b"multipart/form-data; boundary="),
    (b"Content-Type", b"multipart/form-data; boundary=\"" + b"x" * 500), (b"Content-Type", b"multipart/form-data; boundary=a; boundary=b"), (b"Content-Type", b"multipart/mixed; boundary=a"),
    (b"TE", b"trailers, deflate"), (b"Trailer", b"Content-Length"), (b"Max-Forwards", b"0"), (b"Keep-Alive", b"timeout=99999999"), (b"Access-Control-Request-Method", b"DELETE"),
    (b"Access-Control-Request-Headers", b"x" * 2000), (b"X-\xff", b"1"), (b"X Y", b"1"), (b"", b"1"), (b"X-Long", b"a" * 9000), (b"X-Longer", b"a" * 90000), (b"N" * 9000, b"1"),
    (b"X-Nul", b"a\0b"), (b"X-Cr", b"a\rX-Evil: 1"), (b"X-Lf", b"a\nX-Evil: 1"), (b"X-Fold", b"a\r\n b\r\n\tc"), (b"X-High", bytes(range(128, 256))), (b"X-Escape", b"\x1b]0;x\x07"),
]
GARBAGE = [b"\x16\x03\x01\x02\0\1\0\1\xfc\3\3" + bytes(300), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\r\n" * 5000, b"\n" * 100, b" " * 20000, b"\0" * 5000,
           b"hello\r\n\r\n", b"GET\r\n\r\n", b"GET /\r\n\r\n", b"SSH-2.0-x\r\n", b"EHLO x\r\nMAIL FROM:<a>\r\n", b"*1\r\n$4\r\nPING\r\n", b"{\"task\": \"sh\"}\r\n\r\n", b"\xff" * 3000,
           b"GET / HTTP/1.1", b"GET / HTTP/1.1\r", b"GET / HTTP/1.1\r\n", b": x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""]


class Request:
    """What is said of it, before it is written as bytes; mutators change it in place."""

    def __init__(self, method, target, headers=(), body=b"", value=None):
        self.method, self.target, self.version = method, target, b"HTTP/1.1"
        self.headers = [(b"Host", b"localhost"), *headers]
        self.body, self.value = body, value  # a value is written as JSON
        self.length = len(body) if body or method == b"POST" else None  # None: no such header
        self.chunks = None  # (size as written, bytes, what ends it)
        self.space, self.eol = b" ", b"\r\n"

    def dump(self):
        if self.value is not None:
            self.body, self.value = written(self.value), None
            if isinstance(self.length, int):
                self.length = len(self.body)

    def head(self):
        lines = [self.space.join((self.method, self.target, self.version))]
        lines += [name + b": " + value for name, value in self.headers]
        if self.length is not None:
            lines.append(b"Content-Length: " + str(self.length).encode())
        return self.eol.join(lines) + 2 * self.eol

    def bytes(self):
        self.dump()
        if self.chunks is None:
            return self.head() + self.body
        return self.head() + b"".join(size + b"\r\n" + data + end for size, data, end in self.chunks)


class Raw(str):
    """Stands in a value for text that json would not write."""


class Twice(dict):
    """An object whose last member is written twice."""


def text_of(value):
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, dict):
        members = [f"{json.dumps(k)}: {text_of(v)}" for k, v in value.items()]
        return "{" + ", ".join(members + members[-1:] * isinstance(value, Twice)) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(text_of(v) for v in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def written(value):
    return text_of(value).encode("utf-8", "surrogatepass")


def copy(value):
    if isinstance(value, dict):
        return {k: copy(v) for k, v in value.items()}
    return [copy(v) for v in value] if isinstance(value, list) else value


# ---- good ones ------------------------------------------------------------------------------------

def part(name, data, filename=None, more=b""):
    file = b"" if filename is None else b'; filename="' + filename + b'"'
    return (b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="' + name + b'"' + file + b"\r\n" +
            more + b"\r\n" + data + b"\r\n")


def multipart(*parts):
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


def submits(r):
    value = {"task": "sh", "args": ["true"]}
    for name in r.sample(sorted(SUBMIT), r.randrange(6)):
        value[name] = copy(SUBMIT[name])
    return Request(b"POST", b"/v1/jobs", [JSON_TYPE], value=value)


def uploads(_r):
    body = multipart(part(b"job", b'{"task": "sh", "args": ["true"]}'), part(b"file", b"bytes", b"a.txt"))
    return Request(b"POST", b"/v1/jobs", [MULTIPART_TYPE], body)


def classics(r):
    name, value = r.choice([("submit", {"data": "x"}), ("get_result", {"id": "0" * 64}), ("get_data", {"id": JOB.decode()}),
                            ("queueing", {})])
    return Request(b"POST", b"/executor/" + name.encode(), value=value)


def forms(r):
    body = b"data=" + r.choice([b"x", b"%00", b"a+b", b"x" * 5000]) + b"&id=1"
    return Request(b"POST", b"/executor/" + r.choice([b"submit", b"get_result", b"x"]),
                   [(b"Content-Type", b"application/x-www-form-urlencoded")], body)


def gets(r):
    job = b"/v1/jobs/" + JOB
    return Request(r.choice([b"GET", b"GET", b"GET", b"HEAD", b"OPTIONS", b"DELETE"]), r.choice([
        b"/", b"/healthz", b"/readyz", b"/metrics", b"/openapi.json", b"/assets/dockgate.js", b"/v1/queue", b"/v1/queue/history",
        b"/v1/tasks", b"/v1/nodes", b"/v1/me", b"/v1/jobs/" + b"0" * 64, job + b"/events", job + b"/stdout",
        job + b"/stderr", job + b"/files", job + b"/files/a.out", job + b"/files/sub/b.txt", b"/executor/", b"/executor/healthz"]))


def lists(r):
    return Request(b"GET", r.choice([b"/v1/jobs", b"/v1/clients", b"/v1/audit"]) + b"?" +
                   r.choice([b"limit=5", b"limit=1&cursor=1", b"state=done", b"task=sh", b"limit=2&state=queued,running"]))


def others(r):
    """What changes something: what it is asked of is not there."""
    job = b"/v1/jobs/" + b"0" * 64
    target, value = r.choice([
        (job + b"/retry", None), (job + b"/signal", {"signal": "INT"}), (job + b"/stdin", None),
        (b"/v1/queue/pause", {"task": "cold"}), (b"/v1/jobs/retry?task=none", None),
        (b"/v1/clients", {"name": "no name", "weight": 1, "max_running": 1, "tasks": ["sh"], "operator": False})])
    return Request(b"POST", target, [JSON_TYPE] if value is not None else [], value=value)


GOOD = [submits] * 8 + [uploads] * 3 + [classics] * 3 + [forms] + [gets] * 4 + [lists] + [others] * 2


# ---- mutators -------------------------------------------------------------------------------------

def change_method(r, q):
    q.method = r.choice(METHODS)


def change_path(r, q):
    q.target = r.choice(PATHS)


def change_query(r, q):
    q.target += r.choice([b"?", b"&"]) + r.choice(QUERIES)


def change_version(r, q):
    q.version = r.choice(VERSIONS)


def change_spacing(r, q):
    q.space = r.choice([b"  ", b"\t", b"", b"\r", b" \t ", b"\x0b", b"\0", b" " * 3000])


def change_line_ends(r, q):
    q.eol = r.choice([b"\n", b"\r", b"\n\r", b"\r\r\n", b" \r\n"])


def insert_bytes_into_target(r, q):
    at = r.randrange(len(q.target) + 1)
    q.target = q.target[:at] + r.choice(BYTES) + q.target[at:]


def add_header(r, q):
    q.headers.insert(r.randrange(len(q.headers) + 1), r.choice(HEADERS))


def add_many_headers(r, q):
    n = r.choice([20, 100, 1000, 5000])
    q.headers += [(b"X-%d" % i, b"y" * r.randrange(20)) for i in range(n)]


def repeat_header(r, q):
    name, value = r.choice(q.headers or HEADERS)
    q.headers.append((name, r.choice([value, value + b"x", b"", b"evil"])))


def drop_header(r, q):
    if q.headers:
        q.headers.pop(r.randrange(len(q.headers)))


def change_host(r, q):
    q.headers = [(b"Host", r.choice(HOSTS))] + [h for h in q.headers if h[0] != b"Host"]


def break_header(r, q):
    if not q.headers:
        return
    i = r.randrange(len(q.headers))
    name, value = q.headers[i]
    at = r.randrange(len(value) + 1)
    q.headers[i] = r.choice([
        (name + b" ", value), (b" " + name, value), (name + r.choice(BYTES), value), (name.upper(), value), (b"", value),
        (name, value[:at] + r.choice(BYTES) + value[at:]), (name, b"\t" * 100 + value), (name, value + b" " * 9000)])


def change_length(r, q):
    q.dump()
    n = len(q.body)
    q.length = None
    q.headers.append((b"Content-Length", r.choice(LENGTHS + [b"%d" % max(0, n + d) for d in (-2, -1, 1, 2, 1000)])))


def two_lengths(r, q):
    q.dump()
    q.headers.append((b"Content-Length", b"%d" % r.choice([0, 1, len(q.body), len(q.body) + len(LAST)])))


def no_length(r, q):
    q.length = None


def make_chunks(r, q):
    q.dump()
    q.length = None
    q.headers.append((b"Transfer-Encoding", b"chunked"))
    step = r.choice([1, 7, 100, 100000])
    pieces = [q.body[i:i + step] for i in range(0, len(q.body), step)][:3000]
    q.chunks = [(b"%x" % len(p), p, b"\r\n") for p in pieces] + [(b"0", b"", b"\r\n")]


def break_chunks(r, q):
    make_chunks(r, q)
    i = r.randrange(len(q.chunks))
    size, data, end = q.chunks[i]
    q.chunks[i] = r.choice([
        (r.choice(CHUNK_SIZES), data, end), (r.choice(CHUNK_SIZES), data, end), (size, data, r.choice([b"", b"\n", b"\r", b"xx", b"\r\n\r\n"])),
        (size, data + b"more", end), (size, data[:-1], end)])
    if r.random() < 0.3:
        size, data, _ = q.chunks[-1]
        q.chunks[-1] = (size, data, r.choice([b"X: y\r\n\r\n", b"Content-Length: 5\r\n\r\n", b"X: " + b"y" * 20000 + b"\r\n\r\n", b": \0\r\n\r\n", b""]))


def smuggle(r, q):
    """Two ways to say where the body ends."""
    q.dump()
    encoding = (r.choice([b"Transfer-Encoding", b"Transfer-Encoding", b"Transfer-Encoding ", b"transfer-encoding", b"Transfer-Encoding\t", b"X\nTransfer-Encoding"]),
                r.choice(ENCODINGS))
    hidden = b"POST /executor/submit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 21\r\n\r\n{\"data\": \"smuggled!\"}"
    q.headers.insert(r.randrange(len(q.headers) + 1), encoding)
    q.body = r.choice([b"0\r\n\r\n" + hidden, b"%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden), hidden, q.body])
    q.length = r.choice([None, len(q.body), 5, 0])


def places(value, found):
    """Every place in a value, as (its container, key)."""
    for key in (value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()):
        found.append((value, key))
        places(value[key], found)
    return found


def odd_value(r):
    return r.choice([
        lambda: r.choice(TEXTS), lambda: r.choice(TEXTS), lambda: Raw(r.choice(NUMBERS)), lambda: Raw(r.choice(ODD_JSON)), lambda: None,
        lambda: True, lambda: [], lambda: {}, lambda: [[]], lambda: {"": ""}, lambda: [r.choice(TEXTS)] * r.choice([2, 70, 2000]),
        lambda: {f"k{i}": "v" for i in range(r.choice([2, 70, 2000]))}, lambda: Twice({"a": 1, r.choice(TEXTS): 2}), lambda: copy(SUBMIT)])()


def change_value(r, q):
    if q.value is None:
        return change_bytes(r, q)
    found = places(q.value, [])
    if not found or r.random() < 0.05:
        q.value = odd_value(r)
        return None
    where, key = r.choice(found)
    deed = r.random()
    if deed < 0.6 or isinstance(where, list):
        where[key] = odd_value(r)
    elif deed < 0.8:
        where[r.choice([key.upper(), key + "s", key + "\0", "", "__proto__", r.choice(TEXTS)])] = where.pop(key)
    elif deed < 0.9:
        del where[key]
    else:
        where[key] = Raw(text_of(where[key]) + ", " + json.dumps(key) + ": " + text_of(odd_value(r)))
    return None


def change_bytes(r, q):
    q.dump()
    body = q.body
    for _ in range(r.choice([1, 1, 2, 5])):
        at = r.randrange(len(body) + 1)
        body = r.choice([body[:at] + r.choice(BYTES) + body[at:], body[:at] + r.choice(BYTES) + body[at + 1:], body[:at] + body[at + 1:], body[:at],
                         body + body[at:], b"\xef\xbb\xbf" + body, body + r.choice(BYTES), body[:at] + b"\0" * 100 + body[at:]])
    if r.random() < 0.05:
        body = body.decode("latin-1").encode("utf-16")
    q.body = body
    if isinstance(q.length, int):
        q.length = len(body)


def change_parts(r, q):
    job = part(b"job", b'{"task": "sh", "args": ["true"]}')
    name = r.choice(TEXTS).encode().replace(b"\r", b"")
    odd = r.choice([
        part(b"file", b"x", name), part(name[:200], b"x", b"a"), part(b"file", b"x", b'a"; filename="b'), part(b"file", b"x", b"a\\\"b"), part(b"file", b"x" * 100000, b"big"),
        part(b"file", b"x", b"a", b"Content-Transfer-Encoding: base64\r\n"), part(b"file", b"x", b"a", b"X: " + b"y" * 20000 + b"\r\n"), part(b"file", b"x", b"a", b"no colon\r\n"),
        part(b"file", b"x", b"a", b"X: y\r\n" * 3000), job, part(b"job", b"{"), part(b"job", b"x" * 70000), part(b"stdin", b"x"), b"--" + BOUNDARY + b"\r\n\r\nx\r\n", b"--" + BOUNDARY + b"\r\n",
        b"--" + BOUNDARY + b"x\r\n", b"--" + BOUNDARY + b"\r\nContent-Disposition: form-data\r\n\r\nx\r\n", b"--" + BOUNDARY + b"\r\nContent-Disposition: attachment; name=file\r\n\r\nx\r\n",
        b"preamble\r\n", b"\r\n--" + BOUNDARY[:-1] + b"\r\n" + b"-" * 5000])
    parts = r.choice([[odd, job], [job, odd], [odd], [job, odd, odd], []])
    body = multipart(*parts)
    q.value, q.chunks = None, None
    q.body = r.choice([body, body, body[:-4], body[:-2 - len(BOUNDARY)], body.replace(b"\r\n", b"\n"), body + b"epilogue" * 1000, body * 2])
    q.length = len(q.body)
    q.headers = [(b"Host", b"localhost"), MULTIPART_TYPE]


MUTATORS = [change_method, change_path, change_path, change_query, change_version, change_spacing, change_line_ends, insert_bytes_into_target,
            add_header, add_header, add_header, add_many_headers, repeat_header, drop_header, change_host, break_header, change_length, two_lengths, no_length,
            break_chunks, break_chunks, make_chunks, smuggle, smuggle, change_value, change_value, change_value, change_value, change_bytes, change_bytes,
            change_parts]


# ---- mutants ---------------------------------------------------------------------------------------

class Mutant(NamedTuple):
    number: int
    how: str       # names of the mutators
    data: bytes
    pieces: int    # in how many it is sent
    ending: str    # "stay" for all answers; "half": it closes its side; "cut": it leaves without reading


def one_request(r):
    request = r.choice(GOOD)(r)
    names = []
    for _ in range(r.choice([1, 1, 1, 2, 3])):
        mutator = r.choice(MUTATORS)
        mutator(r, request)
        names.append(mutator.__name__)
    return request.bytes(), names


def scramble(r, data):
    """Bytes of the whole message."""
    data = bytearray(data)
    for _ in range(r.choice([1, 3, 20])):
        if data:
            data[r.randrange(len(data))] = r.randrange(256)
    return bytes(data)


def mutant(number, job):
    r = random.Random(f"{SEED}/{number}")
    data, names = one_request(r)
    deed = r.random()
    if deed < 0.06:
        names, data = ["scramble", *names], scramble(r, data)
    elif deed < 0.12:
        names, data = ["truncate", *names], data[:r.randrange(len(data) + 1)]
    elif deed < 0.18:
        more = [one_request(r) for _ in range(r.randrange(1, 8))]
        names, data = ["pipeline", *names], data + b"".join(m[0] for m in more)
    elif deed < 0.22:
        names, data = ["garbage"], r.choice(GARBAGE) + r.choice([b"", data])
    ending = r.choices(["stay", "half", "cut"], [80, 12, 8])[0]
    if ending == "stay":
        data += LAST
    return Mutant(number, "+".join(names), data.replace(JOB, job), r.choice([1, 1, 1, 2, 5]), ending)


if __name__ == "__main__":
    sys.stdout.buffer.write(mutant(int(sys.argv[1]), b"0" * 64).data)
