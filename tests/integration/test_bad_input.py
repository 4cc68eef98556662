# SPDX-License-Identifier: MIT
"""What bad input gets: a 4xx that names the member, nothing stored, nothing started."""
import json
import socket
import unittest

import client
from case import Case, OwnService

JSON = "application/json"


def sh(**members):
    return {"task": "sh", "args": ["true"], **members}


def file(name, content="x", **more):
    return sh(files=[{"name": name, "content": content, **more}])


# Each a request, and the word that `detail` must have.
MEMBERS = [
    # wrong types
    ({"task": 7}, "task"), ({"task": None}, "task"), (sh(args="true"), "args"),
    (sh(args=[1]), "args"), (sh(args=[None]), "args"), (sh(stdin=7), "stdin"),
    (sh(env=[]), "env"), (sh(env={"A": 1}), "A"), (sh(files={}), "files"), (sh(files=[7]), "files"),
    (sh(cases={}), "cases"), (sh(cases=["x"]), "cases"), (sh(limits=[]), "limits"),
    (sh(limits={"cpu_ms": "1"}), "cpu_ms"), (sh(limits={"cpu_ms": 1.5}), "cpu_ms"),
    (sh(limits={"cpu_ms": True}), "cpu_ms"), (sh(limits={"cpu_ms": None}), "cpu_ms"),
    (sh(collect="*"), "collect"), (sh(collect=[1]), "collect"), (sh(labels=[]), "labels"),
    (sh(labels={"a": 1}), "labels"), (sh(stop_on_failure=1), "stop_on_failure"),
    (sh(network="yes"), "network"), (sh(build=[]), "build"), (sh(build={"command": "x"}), "command"),
    (sh(command="sh"), "command"), (sh(command=[]), "command"), (sh(retention_s="1"), "retention_s"),
    (sh(priority=10), "priority"), (sh(priority="high"), "priority"),
    # unknown members, at every depth
    (sh(colour="red"), "colour"), (sh(Task="sh"), "Task"), (sh(limits={"cpu": 1}), "cpu"),
    (file("a", mode=7), "mode"), (sh(cases=[{"stdout": "x"}]), "stdout"),
    (sh(build={"command": ["x"], "env": {}}), "env"),
    # how output is compared
    (sh(compare="loose"), "compare"), (sh(compare=["exact"]), "compare"),
    (sh(compare="checker"), "compare"), (sh(cases=[{"compare": "checker"}]), "cases[0].compare"),
    # missing ones, and those that exclude each other
    ({}, "task"), ({"args": ["x"]}, "task"), (sh(files=[{"content": "x"}]), "name"),
    (sh(files=[{"name": "x"}]), "content"), (sh(image="dockgate/test"), "image"),
    # tasks and images
    ({"task": "nothing"}, "task"), ({"task": ""}, "task"), ({"task": "SH"}, "task"),
    ({"task": "x" * 1000}, "task"), ({"image": "debian:12", "command": ["x"]}, "image"),
    # limits
    (sh(limits={"cpu_ms": 0}), "cpu_ms"), (sh(limits={"wall_ms": -1}), "wall_ms"),
    (sh(limits={"memory_bytes": 0}), "memory_bytes"), (sh(limits={"processes": 0}), "processes"),
    (sh(limits={"output_bytes": -5}), "output_bytes"), (sh(limits={"file_bytes": 0}), "file_bytes"),
    (sh(limits={"disk_bytes": 0}), "disk_bytes"), (sh(limits={"open_files": 0}), "open_files"),
    (sh(limits={"cpus": 0}), "cpus"), (sh(limits={"cpus": -0.5}), "cpus"),
    (sh(limits={"wall_ms": 1200001}), "wall_ms"), (sh(limits={"memory_bytes": 1 << 40}), "memory_bytes"),
    (sh(limits={"processes": 1 << 62}), "processes"), (sh(limits={"cpus": 1e300}), "cpus"),
    (sh(cases=[{"limits": {"cpu_ms": 0}}]), "cpu_ms"),
    (sh(build={"command": ["x"], "limits": {"wall_ms": 0}}), "wall_ms"),
    (sh(retention_s=0), "retention_s"), (sh(retention_s=-1), "retention_s"),
    # names of files
    (file(""), "name"), (file("/etc/passwd"), "name"), (file("../x"), "name"), (file("a/../../x"), "name"),
    (file("a/.."), "name"), (file("."), "name"), (file(".."), "name"), (file("a//b"), "name"),
    (file("a\0b"), "name"), (file("a/"), "name"), (file("a\nb"), "name"), (file("x" * 256), "name"),
    (file("a/" * 600 + "x"), "name"),
    (sh(files=[{"name": "a", "content": "1"}, {"name": "a", "content": "2"}]), "a"),
    (sh(files=[{"name": "a", "content": "1"}, {"name": "a/b", "content": "2"}]), "a"),
    # contents
    (file("a", "x", encoding="rot13"), "encoding"), (file("a", "x", encoding=1), "encoding"),
    (file("a", "*", encoding="base64"), "content"), (file("a", "YQ", encoding="base64"), "content"),
    (file("a", "YR==", encoding="base64"), "content"), (file("a", "Y Q=", encoding="base64"), "content"),
    # globs
    (sh(collect=["../x"]), "collect"), (sh(collect=["/x"]), "collect"), (sh(collect=[""]), "collect"),
    (sh(collect=["a[b"]), "collect"), (sh(collect=["a\0"]), "collect"),
    # what cannot be an argument or an environment
    (sh(args=["a\0b"]), "args"), (sh(args=["x" * 131072]), "args"), (sh(env={"A=B": "x"}), "env"),
    (sh(env={"": "x"}), "env"), (sh(env={"1A": "x"}), "env"), (sh(env={"A": "x\0"}), "A"),
    # what the task does not allow
    (sh(network=True), "network"), (sh(gpus="all"), "gpus"),
    ({"task": "cold", "command": ["/bin/id"]}, "command"),
    ({"task": "cold", "args": ["true"], "build": {"command": ["/bin/id"]}}, "build"),
]

# Each a body that is no JSON object of its own.
BODIES = [
    b"", b" ", b"{", b"}", b"[]", b'"sh"', b"1", b"null", b"{}{}", b'{"task": "sh"} x',
    b"{'task': 'sh'}", b'{"task": "sh",}', b'{"task": "sh" "args": []}', b'\xff\xfe{\0}\0',
    b'{"task": "s\xffh"}', b'{"task": "\\ud800"}', b'{"task": "s\nh"}', b'{"task": NaN}',
    b'{"task": "sh", "limits": {"cpu_ms": 1e400}}', b'{"task": "sh", "limits": {"cpu_ms": 01}}',
    b'{"a":' * 5000 + b"1" + b"}" * 5000, b"[" * 100000,
]

# Duplicate members, at every depth.
DUPLICATES = [
    (b'{"task": "sh", "task": "sh"}', "task"),
    (b'{"task": "sh", "limits": {"cpu_ms": 1, "cpu_ms": 2}}', "cpu_ms"),
    (b'{"task": "sh", "files": [{"name": "a", "name": "b", "content": ""}]}', "name"),
    (b'{"task": "sh", "env": {"A": "1", "A": "2"}}', "A"),
]

QUERIES = ["wait=-1", "wait=x", "wait=", "wait=1e3", "wait=99999999999999999999", "wait=1&wait=2",
           "colour=red"]


class Nothing(Case):
    """Whatever was sent: afterwards as many jobs and containers as before."""

    def setUp(self):
        self.before = self.count()
        self.addCleanup(lambda: self.assertEqual(self.count(), self.before))

    def count(self):
        jobs = self.native.call("GET", "/v1/jobs?limit=1000").json()["jobs"]
        return len(jobs), jobs[0]["id"] if jobs else None

    def refused(self, reply, word=None, status=400):
        self.assertEqual(reply.status, status, reply.body[:500])
        self.assertEqual(reply.type, "application/problem+json")
        problem = reply.json()
        self.assertEqual(problem["status"], status)
        if word is not None:
            self.assertIn(word, problem["detail"])


class Json(Nothing):
    def test_members(self):
        for value, word in MEMBERS:
            with self.subTest(json.dumps(value)[:120]):
                self.refused(self.native.call("POST", "/v1/jobs", value), word)

    def test_bodies(self):
        for body in BODIES:
            with self.subTest(body[:60]):
                reply = self.http.post("/v1/jobs", body, Content_Type=JSON)
                self.native.check("POST", "/v1/jobs", reply)
                self.refused(reply)

    def test_duplicate_members(self):
        for body, word in DUPLICATES:
            with self.subTest(body):
                self.refused(self.http.post("/v1/jobs", body, Content_Type=JSON), word)

    def test_content_types(self):
        body = b'{"task": "sh", "args": ["true"]}'
        for kind in (None, "", "text/plain", "application/jsonx", "text/json", "application/xml",
                     "application/x-www-form-urlencoded", "x"):
            headers = {} if kind is None else {"Content-Type": kind}
            reply = self.http.request("POST", "/v1/jobs", body, headers)
            self.assertIn(reply.status, (400, 415), kind)
            self.assertIn("Content-Type", reply.json()["detail"])

    def test_content_type_parameters_are_fine(self):
        reply = self.http.post("/v1/jobs", b"[]", Content_Type="Application/JSON; charset=UTF-8")
        self.refused(reply)

    def test_queries(self):
        for query in QUERIES:
            with self.subTest(query):
                reply = self.native.call("POST", f"/v1/jobs?{query}", sh())
                self.refused(reply, query.split("=")[0])

    def test_list_queries(self):
        for query in ("limit=0", "limit=-1", "limit=x", "limit=1001", "cursor=-1", "cursor=x",
                      "cursor='", "state=sleeping", "colour=red"):
            with self.subTest(query):
                reply = self.native.call("GET", f"/v1/jobs?{query}")
                self.refused(reply, query.split("=")[0])

    def test_too_many(self):
        for value, word in (({"files": [{"name": f"f{n}", "content": ""} for n in range(10001)]}, "files"),
                            ({"cases": [{}] * 1001}, "cases"), ({"args": [""] * 4097}, "args")):
            self.refused(self.native.call("POST", "/v1/jobs", sh(**value)), word)

    def test_a_good_one_is_still_taken(self):
        job = self.sh("true")
        self.assertEqual(job["verdict"], "ok")
        self.before = self.count()


class Multipart(Nothing):
    def post(self, body, boundary="b"):
        return self.http.post("/v1/jobs", body, Content_Type=f"multipart/form-data; boundary={boundary}")

    def part(self, head, data):
        return b"--b\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (head, data)

    def test_bad_multiparts(self):
        job = self.part(b'name="job"', b'{"task": "sh", "args": ["true"]}')
        end = b"--b--\r\n"
        for body in (
                b"", end, job, b"--b\r\n", self.part(b'name="job"', b"{") + end,
                self.part(b'name="file"; filename="a"', b"x") + end,
                job + job + end,
                job + self.part(b'name="file"; filename="../a"', b"x") + end,
                job + self.part(b'name="file"; filename="/a"', b"x") + end,
                job + self.part(b'name="file"', b"x") + end,
                job + self.part(b'name="file"; filename="a"', b"x") * 2 + end,
                job + self.part(b'name="file"; filename="a"', b"x")[:-9]):
            with self.subTest(body[:200]):
                reply = self.post(body)
                self.assertEqual(reply.status, 400, reply.body)

    def test_no_boundary(self):
        reply = self.http.post("/v1/jobs", b"x", Content_Type="multipart/form-data")
        self.assertIn(reply.status, (400, 415))


class Sizes(OwnService):
    settings = {"body_json_max": 65536, "body_multipart_max": 200000}
    count, refused, setUp = Nothing.count, Nothing.refused, Nothing.setUp

    def head(self, target, length, kind=JSON, more=b""):
        return (b"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: %s\r\n%s" %
                (target.encode(), self.service.port, kind.encode(), more) +
                (b"Content-Length: %d\r\n\r\n" % length if length is not None else b"\r\n"))

    def first_line(self, data):
        """The status that comes although the body never does."""
        with self.http.socket() as sock:
            sock.sendall(data)
            return client.raw_status(sock.recv(4096))

    def test_413_before_the_body(self):
        for target, kind, length in (("/v1/jobs", JSON, 65537), ("/executor/submit", JSON, 300000),
                                     ("/v1/jobs", "multipart/form-data; boundary=b", 200001),
                                     ("/v1/jobs", JSON, 1 << 62)):
            self.assertEqual(self.first_line(self.head(target, length, kind)), 413, (target, length))

    def test_413_of_a_chunked_body(self):
        head = self.head("/v1/jobs", None, more=b"Transfer-Encoding: chunked\r\n")
        body = (b"1000\r\n" + b" " * 4096 + b"\r\n") * 1000
        answer = self.http.raw(head + body)
        self.assertIn(client.raw_status(answer), (413, 0))  # or it closed while we still sent

    def test_the_largest_body_is_taken(self):
        body = json.dumps(sh()).encode()
        body += b" " * (65536 - len(body))
        reply = self.http.post("/v1/jobs?wait=30", body, Content_Type=JSON)
        self.assertEqual(reply.status, 200, reply.body[:200])
        self.before = self.count()

    def test_oversized_headers(self):
        for line in (b"X: " + b"a" * 200000 + b"\r\n", b"".join(b"X%d: y\r\n" % n for n in range(20000))):
            status = client.raw_status(self.http.raw(self.head("/v1/jobs", 0, more=line)))
            self.assertIn(status, (400, 413, 414, 431))
        answer = self.http.raw(b"GET /" + b"a" * 200000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertIn(client.raw_status(answer), (400, 404, 414, 431))

    def test_bad_lengths(self):
        for length in (b"-1", b"x", b"1x", b"99999999999999999999999", b"", b"1, 2"):
            head = self.head("/v1/jobs", None, more=b"Content-Length: " + length + b"\r\n")
            status = client.raw_status(self.http.raw(head + b"{}"))
            self.assertIn(status, (0, 400, 408, 413, 411), length)

    def test_slow_body_is_408(self):
        with self.http.socket() as sock:
            sock.sendall(self.head("/v1/jobs", 100) + b'{"task"')
            answer = client.read_all(sock)  # the service has 2 s and then ends it
        self.assertEqual(client.raw_status(answer), 408, answer)

    def test_a_trickle_is_408(self):
        """A byte every half second does not start the clock again."""
        with self.http.socket() as sock:
            sock.sendall(self.head("/v1/jobs", 100) + b'{"task"')
            sock.settimeout(0.5)
            answer = b""
            for _ in range(40):
                try:
                    answer = sock.recv(4096)
                    break
                except socket.timeout:
                    try:
                        sock.sendall(b" ")
                    except OSError:
                        break
        self.assertEqual(client.raw_status(answer), 408, answer)

    def test_slow_headers_are_closed(self):
        with self.http.socket() as sock:
            sock.sendall(b"POST /v1/jobs HTTP/1.1\r\nHost: 127.0")
            self.assertIn(client.raw_status(client.read_all(sock)), (0, 408))

    def test_truncated_body(self):
        answer = self.http.raw(self.head("/v1/jobs", 1000) + b'{"task": "sh"}', half_close=True)
        self.assertIn(client.raw_status(answer), (0, 400, 408))

    def test_no_http_at_all(self):
        for data in (b"\0" * 100, b"hello\r\n\r\n", b"GET\r\n\r\n", b"\x16\x03\x01\x02\0\1\0\1\xfc\3\3",
                     b"POST /v1/jobs HTTP/9.9\r\n\r\n", b"POST /v1/jobs HTTP/1.1\r\n\r\n"):
            status = client.raw_status(self.http.raw(data, half_close=True))
            self.assertTrue(status == 0 or 400 <= status < 600, (data, status))
        self.assertEqual(self.http.get("/healthz").status, 200)


class Conflicts(OwnService):
    """What was right when it was sent, and cannot be done."""
    tasks = {"no-image": {"image": "dockgate/test-nowhere:none", "command": ["/x"], "warm": 0}}

    def test_a_missing_program_is_the_programs_affair(self):
        job = self.native.run("sh", command=["/no/such/program"])
        self.assertEqual((job["verdict"], job["exit_code"]), ("nonzero_exit", 127))

    def test_a_program_that_is_no_program(self):
        job = self.native.run("sh", command=["./data"], files=[{"name": "data", "content": "x"}])
        self.assertEqual((job["verdict"], job["exit_code"]), ("nonzero_exit", 126))

    def test_a_missing_image(self):
        reply = self.native.submit("no-image", wait=30)
        if reply.status == 503:
            self.assertIn("image", reply.json()["detail"])
        else:
            job = self.native.ended(reply.json()["id"])
            self.assertEqual(job["verdict"], "engine_error")
            self.assertIn("dockgate/test-nowhere", job["error"])

    def test_a_file_too_large_for_the_workspace(self):
        job = self.native.run("sh", args=["true"], limits={"disk_bytes": 65536},
                              files=[{"name": "big", "content": "x" * 200000}])
        self.assertEqual((job["verdict"], job["limit"]["name"]), ("disk_limit", "disk_bytes"))


if __name__ == "__main__":
    unittest.main()
