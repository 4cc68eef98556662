# SPDX-License-Identifier: MIT
"""
What a web page of somebody else can have the visitor's browser do to a service on loopback: nothing.
And what every answer says to a browser, wherever it comes from.
"""
import json
import unittest

import client
import service
import talk
from apache import Apache
from case import OwnService

EVIL = "http://evil.example"
JOB = json.dumps({"task": "sh", "args": ["true"]})
MULTIPART = ('--b\r\nContent-Disposition: form-data; name="job"\r\n\r\n' + JOB + "\r\n--b--\r\n")

# What a page may send without asking first: these types, and no header of its own.
SIMPLE = [
    ("/v1/jobs", "text/plain", JOB), ("/v1/jobs", "application/x-www-form-urlencoded", JOB),
    ("/v1/jobs", "multipart/form-data; boundary=b", MULTIPART), ("/v1/jobs", None, JOB),
    ("/executor/v1/jobs", "multipart/form-data; boundary=b", MULTIPART),
    ("/executor/submit", "text/plain", '{"data": "x"}'), ("/executor?submit", "text/plain", '{"data": "x"}'),
    ("/executor/submit", "application/x-www-form-urlencoded", '{"data": "x", "a": "="}'),
    ("/v1/queue/pause", None, ""), ("/v1/jobs/retry?all=1", None, ""),
]
# How a browser says whose page it is that asks.
FOREIGN = [
    {"Origin": EVIL}, {"Origin": "null"}, {"Origin": EVIL, "Sec-Fetch-Site": "cross-site"},
    {"Origin": "http://127.0.0.1"}, {"Origin": "http://localhost:1"}, {"Origin": "https://localhost"},
    {"Origin": "http://localhost.evil.example"}, {"Origin": "http://user@localhost"}, {"Origin": "file://"},
    {"Origin": ""}, {"Origin": "http://"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
]
# A name that somebody has pointed at 127.0.0.1, with the page that he served by it.
REBOUND = ["evil.example", "evil.example:{port}", "localhost.evil.example", "127.0.0.1.evil.example", "2130706433",
           "0x7f000001", "127.1", "0.0.0.0:{port}", "localhost@evil.example", "127.0.0.2"]

ADDRESSES = [
    ("GET", "/"), ("GET", "/healthz"), ("GET", "/readyz"), ("GET", "/metrics"), ("GET", "/openapi.json"),
    ("GET", "/assets/dockgate.js"), ("GET", "/assets/nothing"), ("GET", "/v1/jobs"), ("GET", "/v1/queue"),
    ("GET", "/v1/queue/history"), ("GET", "/v1/tasks"), ("GET", "/v1/nodes"), ("GET", "/v1/me"), ("GET", "/v1/clients"),
    ("GET", "/v1/audit"), ("GET", "/v1/jobs/{job}"), ("GET", "/v1/jobs/{job}/stdout"), ("GET", "/v1/jobs/{job}/stderr"),
    ("GET", "/v1/jobs/{job}/events"), ("GET", "/v1/jobs/{job}/files"), ("GET", "/v1/jobs/{job}/files/a.html"),
    ("GET", "/v1/jobs/{job}/files/none"), ("GET", "/v1/jobs/x"), ("HEAD", "/v1/jobs/{job}"), ("OPTIONS", "/v1/jobs"),
    ("PUT", "/v1/jobs"), ("BREW", "/"), ("POST", "/v1/jobs"), ("POST", "/v1/jobs/{job}/stdin"), ("GET", "/nothing"),
    ("GET", "/v1/jobs?x=1"), ("GET", "/v1/jobs/%zz"), ("DELETE", "/v1/clients/nobody"), ("GET", "/executor"), ("GET", "/executor/"),
    ("GET", "/executor/submit"), ("POST", "/executor/submit"), ("POST", "/executor/queueing"), ("POST", "/executor/get_data"),
    ("POST", "/executor/nothing"), ("OPTIONS", "/executor/submit"), ("GET", "/executor/v1/nothing"),
]


class Pages(OwnService):
    # With no other origin than its own, as it comes.
    settings = {"origins": []}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.job = cls.native.run("sh", args=["echo '<script>' >a.html"], collect=["**"])["id"]
        cls.host = f"127.0.0.1:{cls.service.port}"

    def setUp(self):
        self.before = self.jobs_stored()
        self.addCleanup(lambda: self.assertEqual(self.jobs_stored(), self.before))

    def refused(self, reply, *what):
        self.assertEqual(reply.status, 403, (what, reply))
        self.assertNotIn("Access-Control-Allow-Origin", reply.headers)
        self.assertNotIn("Access-Control-Allow-Credentials", reply.headers)

    def test_no_simple_request_of_a_foreign_page_is_taken(self):
        for target, kind, body in SIMPLE:
            for headers in FOREIGN:
                given = {**headers, **({"Content-Type": kind} if kind else {})}
                self.refused(self.http.request("POST", target, body, given), target, given)

    def test_nor_of_a_page_whose_name_was_pointed_here(self):
        for name in REBOUND:
            host = name.format(port=self.service.port)
            for target, kind, body in SIMPLE:
                headers = {"Host": host, "Origin": f"http://{host}", "Content-Type": kind or "text/plain",
                           "Sec-Fetch-Site": "same-origin"}
                self.refused(self.http.request("POST", target, body, headers), host, target)
            self.refused(self.http.request("GET", "/v1/jobs", headers={"Host": host}), host)

    def test_nor_through_the_socket_that_web_servers_use(self):
        """There any name is the service's: of the page's own origin."""
        for headers in FOREIGN:
            for target, kind, body in SIMPLE[:6]:
                given = {**headers, "Host": "site.example", **({"Content-Type": kind} if kind else {})}
                self.refused(self.service.unix.request("POST", target, body, given), target, given)

    def test_no_preflight_is_granted(self):
        for target in ("/v1/jobs", "/executor/submit", f"/v1/jobs/{self.job}", "/metrics"):
            for method in ("POST", "DELETE", "PUT"):
                self.refused(self.http.request("OPTIONS", target, headers={
                    "Origin": EVIL, "Access-Control-Request-Method": method,
                    "Access-Control-Request-Headers": "content-type"}), target, method)

    def test_nothing_can_be_read(self):
        for method, target in ADDRESSES:
            for origin in (EVIL, "null"):
                reply = self.http.request(method, target.format(job=self.job), headers={"Origin": origin})
                self.refused(reply, method, target)

    def test_a_job_cannot_be_cancelled(self):
        for headers in FOREIGN:
            self.refused(self.http.request("DELETE", f"/v1/jobs/{self.job}?purge=1", headers=headers), headers)

    def test_no_answer_allows_an_origin_by_itself(self):
        for method, target in ADDRESSES:
            reply = self.http.request(method, target.format(job=self.job))
            self.assertEqual([h for h in reply.headers if h.startswith("Access-Control-Allow-O")], [], target)

    def test_its_own_page_may(self):
        for site in ("same-origin", "none"):
            headers = {"Origin": f"http://{self.host}"} if site == "same-origin" else {}
            reply = self.http.request("POST", "/v1/jobs", JOB, {
                **headers, "Sec-Fetch-Site": site, "Content-Type": "application/json"})
            self.assertEqual(reply.status, 202, reply)
            self.before += 1

    # ---- what each answer says to a browser -------------------------------------------------------

    def check(self, method, target, reply):
        headers = {name.lower(): value for name, value in reply.headers.items()}
        talk.check_policy(talk.Answer(reply.status, headers, reply.body[:100], True))
        self.assertEqual(len(reply.headers.get_all("Content-Security-Policy")), 1, (method, target))
        if reply.status >= 400 and method != "HEAD":
            talk.check_problem(talk.Answer(reply.status, headers, reply.body, True))

    def all_say(self, http, targets):
        for method, target in targets:
            for more in ({}, {"Range": "bytes=0-1"}, {"Accept-Encoding": "gzip"}):
                reply = http.request(method, target.format(job=self.job), headers=more)
                with self.subTest(method=method, target=target, status=reply.status):
                    self.check(method, target, reply)

    def test_every_answer_has_nosniff_and_a_policy(self):
        self.all_say(self.http, ADDRESSES)
        self.all_say(self.service.unix, ADDRESSES)

    def test_so_it_is_through_apache(self):
        below = [(method, target if target.startswith("/executor") else "/executor" + target)
                 for method, target in ADDRESSES if method != "BREW" and target != "/v1/jobs/%zz"]
        for kind, way in (("cgid", "conf"), ("proxy", "proxy")):
            with Apache(kind, self.service.unix.address) as apache:
                self.all_say(apache.http(way), below)

    def test_answers_past_the_parser_too(self):
        host = f"Host: {self.host}\r\nContent-Type: application/json\r\n"
        for text, status in (
                (f"POST /v1/jobs HTTP/1.1\r\n{host}Content-Length: 999999999999\r\n\r\n", 413),
                (f"POST /executor/submit HTTP/1.1\r\n{host}Content-Length: 999999999999\r\n\r\n", 413),
                (f"POST /v1/jobs HTTP/1.1\r\n{host}Content-Length: 9\r\n\r\n", 408),
                (f"POST /v1/jobs HTTP/1.1\r\n{host}Content-Length: 1x\r\n\r\n", 400),
                ("GET /healthz HTTP/1.1\r\n\r\n", 400)):
            answer, = talk.answers(talk.exchange(self.http, text.encode(), ending="half"))
            self.assertEqual(answer.status, status, answer)
            talk.check_policy(answer)
            talk.check_problem(answer)

    def test_without_a_gateway_too(self):
        with Apache("cgid", "/nonexistent/socket") as apache:
            reply = apache.http("conf").get("/executor/healthz")
        self.assertEqual(reply.status, 503)
        self.check("GET", "/executor/healthz", reply)

    def test_pages_and_files_of_jobs_act_in_nobodys_name(self):
        policy = self.http.get("/").headers["Content-Security-Policy"]
        for word in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
            self.assertIn(word, policy)
        self.assertNotIn("unsafe", policy)
        for part in ("stdout", "files/a.html"):
            reply = self.http.get(f"/v1/jobs/{self.job}/{part}")
            self.assertIn("sandbox", reply.headers["Content-Security-Policy"])
        self.assertTrue(reply.headers["Content-Disposition"].startswith("attachment"))


# Each is one request to one reader and two to another.
HIDDEN = b"POST /executor/submit HTTP/1.1\r\nHost: localhost\r\nContent-Length: 21\r\n\r\n{\"data\": \"smuggled!\"}"
TWO_READINGS = [
    (b"Content-Length: 5\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"), (b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n"),
    (b"Content-Length: 0\r\nContent-Length: %d" % len(HIDDEN), b""), (b"Content-Length: 2\r\nContent-Length: 2", b"{}"),
    (b"Content-Length: 0, 2", b""), (b"Content-Length: +2", b"{}"), (b"Content-Length: 0x2", b"{}"), (b"Content-Length: -1", b""),
    (b"Content-Length: -0", b""),
    (b"Content-Length : %d" % len(HIDDEN), b""), (b"Content-Length\t: %d" % len(HIDDEN), b""), (b"X: y\rContent-Length: 200", b""),
    (b"Transfer-Encoding : chunked", b"0\r\n\r\n"), (b"Transfer-Encoding: xchunked", b""), (b"Transfer-Encoding: identity", b""),
    (b"Transfer-Encoding: chunked, identity", b"0\r\n\r\n"), (b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", b"0\r\n\r\n"), (b"Transfer-Encoding: \x0bchunked", b"0\r\n\r\n"),
    (b"Content-Length:\r\n %d" % len(HIDDEN), b""), (b"Content-Length:\r\n\t%d" % len(HIDDEN), b""), (b"X: y\r\n z", b""), (b"X:\r\n \r\nY: z", b""),
    (b"Transfer-Encoding:\r\n chunked", b"0\r\n\r\n"), (b"Transfer-Encoding: chunked\r\n x\r\nX: y", b"0\r\n\r\n"),
    (b"Host: evil.example", b""), (b"Host: localhost\r\nContent-Length: 99999999999999999999999", b""),
]


# The HTTP library answers these itself.
UNREADABLE = [
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nno colon\r\n\r\n", 400), (b"GET /healthz HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + b"X: y\r\n" * 4000 + b"\r\n", 431),
    (b"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
]


class TwoReadings(OwnService):
    def test_are_refused_and_nothing_behind_them_is_read(self):
        before = self.jobs_stored()
        for http in (self.http, self.service.unix):
            for headers, body in TWO_READINGS:
                for first in (b"POST /executor/queueing", b"GET /healthz", b"POST /v1/jobs"):
                    data = first + b" HTTP/1.1\r\nHost: localhost\r\n" + headers + b"\r\n\r\n" + body + HIDDEN
                    with self.subTest(headers=headers, first=first):
                        answer, = talk.answers(talk.exchange(http, data))
                        self.assertEqual((answer.status, answer.headers["connection"]), (400, "close"))
                        talk.check(answer)
        self.assertEqual(self.jobs_stored(), before)

    def test_what_cannot_be_read_gets_one_answer(self):
        for http in (self.http, self.service.unix):
            for before in (b"", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"):
                for data, status in UNREADABLE:
                    with self.subTest(data=data[:200], before=before):
                        said = talk.answers(talk.exchange(http, before + data))
                        self.assertEqual([answer.status for answer in said], [200] * bool(before) + [status])

    def test_what_has_one_reading_is_taken(self):
        data = (b"POST /executor/queueing HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=y\r\n{}\r\n0\r\n\r\n"
                b"GET /healthz HTTP/1.0\r\n\r\n")
        self.assertEqual([a.status for a in talk.answers(talk.exchange(self.http, data))], [200, 200])
        self.assertEqual(client.raw_status(self.http.raw(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")), 200)


if __name__ == "__main__":
    unittest.main()
