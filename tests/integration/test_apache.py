# SPDX-License-Identifier: MIT
"""
The service behind a real Apache2, in every way that is shipped: the CGI program with mod_cgid and
with mod_cgi, in the document root, in a folder, in a folder that has its name, by ScriptAlias; and
mod_proxy. What the classic face's own tests say holds behind each of them.
"""
import hashlib
import os
import socket
import tempfile
import threading
import time
import unittest

import client
import service
import test_classic
from apache import KINDS, PAGES, Apache
from case import Case
from events import Stream
from fake_gateway import OK, FakeGateway, peak_kib

WAYS = [("cgid", "conf"), ("cgid", "docroot"), ("cgid", "subfolder"), ("cgid", "folder"),
        ("cgi", "conf"), ("cgi", "docroot"), ("cgi", "subfolder"), ("proxy", "proxy")]
# The sanitizers need not see each placement.
CONVERSED = WAYS if not service.SANITIZED else [("cgid", "folder"), ("cgi", "docroot")]
PLACED = [way for way in WAYS if way[1] in ("docroot", "subfolder", "folder")]
# One for each that hands requests on in its own manner.
MANNERS = [("cgid", "conf"), ("cgi", "conf"), ("proxy", "proxy")]
PIECE = b"0123456789abcdef" * 4096

_running = {}


def running(kind):
    """The Apache of that kind in front of the shared service."""
    if kind not in _running:
        apache = Apache(kind, service.shared().unix.address)
        _running[kind] = apache.__enter__()
        unittest.addModuleCleanup(close, kind)
    return _running[kind]


def close(kind):
    _running.pop(kind).__exit__()


class Through:
    """The shared service, reached in another way; the native face is asked directly."""
    kind = way = None
    # These are about the service's own listeners.
    test_over_the_unix_socket_too = None
    test_unknown_host_is_refused = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.http = running(cls.kind).http(cls.way)
        cls.classic = client.Classic(cls.http)


for _kind, _way in CONVERSED:
    for _base in (test_classic.Answers, test_classic.Ours):
        _name = f"{_base.__name__}_{_kind}_{_way}"
        globals()[_name] = type(_name, (Through, _base), {"kind": _kind, "way": _way,
                                                          "__module__": __name__})
        if _way == "folder": # there Apache leads by itself
            globals()[_name].test_a_browser_is_led_to_where_the_parts_of_the_page_are = None


class States(test_classic.States):
    def test_every_state_in_every_way(self):
        apaches = {kind: self.enterContext(Apache(kind, self.service.unix.address))
                   for kind in KINDS}
        faces = [client.Classic(apaches[kind].http(way)) for kind, way in CONVERSED]
        for face in faces:
            self.nothing_there(face)
        for way, face in zip(CONVERSED, faces):
            with self.subTest(way):
                self.every_state(face)


class Site(Case):
    """The rest of a website, and the native face in it."""

    def test_other_files_are_what_they_were(self):
        for kind, way in PLACED:
            site = client.Http(running(kind).http(way).address)
            for page, text in PAGES.items():
                reply = site.get("/" + page)
                self.assertEqual((reply.status, reply.body), (200, text.encode("latin-1")),
                                 (kind, way, page))
            for target, status in (("/", 200), ("/sub", 301), ("/sub/", 403), ("/missing", 404),
                                   ("/.htaccess", 403),
                                   ("/sub/executor", 404), ("/index.html/more", 404)):
                self.assertEqual(site.get(target).status, status, (kind, way, target))

    def test_other_files_in_the_folder_itself(self):
        apache = running("cgid")
        site = client.Http(apache.http("folder").address)
        for page in ("style.css", "run.cgi", "deep/page.html"):
            reply = site.get("/executor/" + page)
            self.assertEqual((reply.status, reply.body), (200, b"folder " + page.encode()), page)
        self.assertEqual(site.get("/executor/deep").status, 301)
        self.assertEqual(site.get("/executor/.htaccess").status, 403)
        own = "www/folder/executor/index.html"
        apache.write(own, "its own page")
        self.addCleanup(os.unlink, apache.path(own))
        self.assertEqual(site.get("/executor/").body, b"its own page")
        for target in ("/executor", "/executor/", "/executor/executor"):
            self.assertIn(b"<h1>", site.post(target).body, target)

    def test_events_as_they_come(self):
        for kind, way in MANNERS:
            with self.subTest(kind):
                http = running(kind).http(way)
                job = self.native.accept("sh", args=["echo one; echo two >&2; exec sleep 60"])
                with Stream(http, job, prefix="/executor") as stream:
                    self.assertEqual((stream.status, stream.headers["Content-Type"]),
                                     (200, "text/event-stream; charset=utf-8"))
                    seen = {}
                    while {"stdout", "stderr"} - seen.keys():  # in either order; the job goes on
                        event = next(stream)
                        seen[event.name] = event.id
                last = event.id
                with Stream(http, job, last, prefix="/executor") as stream:
                    self.native.call("DELETE", f"/v1/jobs/{job}")
                    events = list(stream)
                self.assertEqual([e.name for e in events if e.name != "state"], ["end"])
                with Stream(http, job, events[-1].id, prefix="/executor") as stream:
                    self.assertEqual(stream.status, 204)
                with Stream(http, job, "x", prefix="/executor") as stream:
                    self.assertEqual(stream.status, 400)

    def test_the_native_face(self):
        for kind, way in WAYS:
            http = running(kind).http(way)
            base = "/tools" if way == "subfolder" else ""
            reply = http.request("POST", "/executor/v1/jobs", '{"task": "sh", "args": ["echo $0"]}',
                                 {"Content-Type": "application/json"})
            self.assertEqual(reply.status, 202, (kind, way, reply.body))
            job = reply.json()["id"]
            self.assertEqual(reply.headers["Location"], f"{base}/executor/v1/jobs/{job}")
            reply = http.get(f"/executor/v1/jobs/{job}?wait=30")
            self.assertEqual(reply.json()["state"], "done", (kind, way))
            self.assertEqual(http.get(f"/executor/v1/jobs/{job}/stdout").body, b"/bin/sh\n")
            reply = http.get(f"/executor/v1/jobs/{job}/stdout", Range="bytes=1-3")
            self.assertEqual((reply.status, reply.body), (206, b"bin"))
            reply = http.get(f"/executor/v1/jobs/{service_unknown()}")
            self.assertEqual((reply.status, reply.type), (404, "application/problem+json"))
            for name in ("healthz", "readyz", "metrics", "openapi.json"):
                self.assertEqual(http.get(f"/executor/{name}").status, 200, (kind, way, name))

    def test_a_whole_answer_behind_a_200(self):
        for kind, way in WAYS:
            reply = running(kind).http(way).request(
                "POST", "/executor/v1/jobs?wait=30", '{"task": "sh", "args": ["echo out"]}',
                {"Content-Type": "application/json"})
            self.assertEqual((reply.status, reply.json()["stdout"]["content"]), (200, "out\n"))

    def test_nobody_is_an_operator_through_a_web_server(self):
        job = self.native.accept("sh", args=["true"])
        self.native.ended(job)
        self.assertIn(job, self.service.unix.get("/v1/jobs").text)
        for kind, way in WAYS:
            text = running(kind).http(way).get("/executor/v1/jobs").text
            self.assertIn(job[:12], text)
            self.assertNotIn(job, text, (kind, way))
        # Whoever the web server runs as.
        for name in ("X_Forwarded_For", "Forwarded", "Via"):
            self.assertNotIn(job, self.service.unix.get("/v1/jobs", **{name: "x"}).text, name)

    def test_files_of_a_job(self):
        job = self.sh("mkdir d; echo 1 >'d/a b.out'; echo 2 >'ä+%.out'; echo 3 >'a?b&c.out'; yes | head -c 300000 >c.out",
                      task="files")["id"]
        for kind, way in WAYS:
            http = running(kind).http(way)
            for name in ("%C3%A4%2B%25.out", "a%3Fb&c.out", "c.out"):
                expected = self.http.get(f"/v1/jobs/{job}/files/{name}")
                reply = http.get(f"/executor/v1/jobs/{job}/files/{name}")
                self.assertEqual((reply.status, reply.body), (expected.status, expected.body))
                self.assertEqual(reply.status, 200, (kind, way, name))


def service_unknown():
    return "0" * 64


class Wire(unittest.TestCase):
    """What comes to the gateway, and when: Apache in front of one that does as it is told."""

    @classmethod
    def setUpClass(cls):
        cls.directory = cls.enterClassContext(tempfile.TemporaryDirectory(prefix="dockgate-wire-"))
        os.chmod(cls.directory, 0o755)
        cls.socket = os.path.join(cls.directory, "sock")
        cls.apaches = {kind: cls.enterClassContext(Apache(kind, cls.socket)) for kind in KINDS}

    def each(self, ways=MANNERS):
        for kind, way in ways:
            yield kind, self.apaches[kind].http(way)

    def gateway(self, answer=OK, **more):
        return FakeGateway(self.socket, answer, **more)

    def test_pieces_go_on_as_they_come(self):
        for kind, http in self.each():
            gate = threading.Semaphore(0)

            def stream(sock, _, gate=gate):
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                             b"Transfer-Encoding: chunked\r\n\r\n")
                for n in range(3):
                    sock.sendall(b"9\r\ndata: %d\n\n\r\n" % n)
                    gate.acquire(timeout=60)
                sock.sendall(b"0\r\n\r\n")

            with self.gateway(stream):
                connection = http.connection()
                connection.request("GET", "/executor/v1/jobs/x/events",
                                   headers={"Accept": "text/event-stream", "Last-Event-ID": "1.2"})
                reply = connection.getresponse()
                self.assertEqual(reply.headers["Content-Type"], "text/event-stream")
                for n in range(3):
                    self.assertEqual(reply.readline(), b"data: %d\n" % n, kind)
                    self.assertEqual(reply.readline(), b"\n")
                    gate.release()
                self.assertEqual(reply.read(), b"")
                connection.close()

    def test_a_long_silence_is_an_answer_that_has_not_come(self):
        for kind, http in self.each():
            gate = threading.Event()

            def late(sock, _, gate=gate):
                gate.wait(60)
                sock.sendall(OK)

            with self.gateway(late) as gateway:
                connection = http.connection()
                connection.request("GET", "/executor/v1/jobs/x?wait=60")
                gateway.request()
                with self.assertRaises(TimeoutError):
                    connection.sock.settimeout(0.2)
                    connection.sock.recv(1)
                gate.set()
                connection.sock.settimeout(60)
                self.assertEqual(connection.getresponse().read(), b"ok", kind)
                connection.close()

    def test_bodies_without_a_length(self):
        for kind, http in self.each():
            for n in (1, 4096, 1 << 20):
                body = PIECE[:n] if n <= len(PIECE) else PIECE * (n // len(PIECE))
                with self.gateway() as gateway:
                    reply = http.request("POST", "/executor/submit", iter([body]))
                    self.assertEqual((reply.status, reply.body), (200, b"ok"))
                    request = gateway.request()
                    self.assertEqual(request.body, body)
                    if kind != "proxy":  # which waits for the end of a small one
                        self.assertEqual(request.header("transfer-encoding"), "chunked")

    def test_no_body(self):
        for _, http in self.each():
            with self.gateway() as gateway:
                for method, length in (("GET", None), ("POST", "0")):
                    http.request(method, "/executor/queueing")
                    request = gateway.request()
                    self.assertEqual((request.body, request.header("transfer-encoding"),
                                      request.header("content-length") or length),
                                     (b"", None, length))

    def test_100_megabytes(self):
        digest = hashlib.sha256()
        for _ in range(1600):
            digest.update(PIECE)
        for kind, http in self.each():
            for length in (str(1600 * len(PIECE)), None):
                self.large_body(kind, http, length, digest.hexdigest())

    def large_body(self, kind, http, length, digest):
        peaks = []

        def look(sock, request):
            peaks.append(peak_kib(request.pid))
            sock.sendall(OK)

        framing = {"Content-Length": length} if length else {}  # chunked
        with self.gateway(look) as gateway:
            reply = http.request("POST", "/executor/v1/jobs", (PIECE for _ in range(1600)), framing)
            self.assertEqual((reply.status, reply.body), (200, b"ok"))
            self.assertEqual(gateway.body().digest.hexdigest(), digest)
        if kind != "proxy" and not service.SANITIZED:
            self.assertLess(peaks[0], 2048)

    def test_a_large_answer(self):
        def large(sock, _):
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (1600 * len(PIECE)))
            for _ in range(1600):
                sock.sendall(PIECE)

        for _, http in self.each():
            with self.gateway(large):
                reply = http.get("/executor/v1/jobs/x/stdout")
                self.assertEqual((len(reply.body), reply.body[-16:]),
                                 (1600 * len(PIECE), PIECE[-16:]))

    def test_what_the_gateway_is_told(self):
        for kind, http in self.each(WAYS):
            with self.gateway() as gateway:
                http.request("POST", "/executor/submit", b"{}", {
                    "Proxy": "http://evil.example", "Authorization": "Bearer token",
                    "Connection": "close, X-Hop", "X-Hop": "1", "TE": "trailers", "X-Plain": "1",
                    "X_Under": "1", "X-Forwarded-For": "192.0.2.1", "Host": "site:81",
                    "Content-Type": "application/json", "Idempotency-Key": "k"})
                request = gateway.request()
            for name, value in (("proxy", None), ("authorization", "Bearer token"), ("x-hop", None),
                                ("te", None), ("x-plain", "1"), ("x-under", None),
                                ("host", "site:81"), ("content-type", "application/json"),
                                ("idempotency-key", "k"), ("content-length", "2")):
                self.assertEqual(request.header(name), value, (kind, name))
            forwarded = request.header("x-forwarded-for")
            self.assertEqual(forwarded.split(", ")[-1], "127.0.0.1")
            user = service.status_of(request.pid).get("Uid", "").split()
            self.assertNotIn("0", user)

    def test_no_second_request_in_a_request(self):
        tries = (
            b"POST /executor/a HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked"
            b"\r\nConnection: close\r\n\r\n0\r\n\r\nGET /executor/evil HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST /executor/a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 40\r\n"
            b"\r\nGET /executor/evil HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST /executor/a HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\n{}\n"
            b"GET /executor/evil HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /executor/a%0d%0aX:%20y HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            b"GET /executor/a\x0bHTTP/1.1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
            b"GET /executor/a HTTP/1.1\r\nHost: x\r\nX: a\rEvil: 1\r\nConnection: close\r\n\r\n")
        for _, http in self.each():
            with self.gateway() as gateway:
                for text in tries:
                    http.raw(text, half_close=True)
                while not gateway.came.empty():
                    request = gateway.request()
                    self.assertNotIn("evil", request.line)
                    self.assertIsNone(request.header("evil"))
                    self.assertRegex(request.line, r"\A(GET|POST) /executor/a(%0d%0aX:%20y)? HTTP/1.1\Z")

    def test_a_client_that_leaves_while_it_sends(self):
        for kind, http in self.each():
            for framing in (b"Content-Length: 100000\r\n\r\n" + b"x" * 5000,
                            b"Transfer-Encoding: chunked\r\n\r\n1000\r\n" + b"x" * 100):
                with self.gateway() as gateway:
                    with http.socket() as sock:
                        sock.sendall(b"POST /executor/submit HTTP/1.1\r\nHost: x\r\n" + framing)
                    self.assert_not_whole(kind, gateway)

    def assert_not_whole(self, kind, gateway):
        """Either the gateway never hears of it, or not the whole of it."""
        self.assertEqual(client_reply(self.apaches[kind]).status, 200)  # by then that is over
        while True:
            request = gateway.request()
            if request.line.startswith("GET "):
                return
            self.assertIsNone(request.body, kind)

    def test_a_client_that_leaves_while_it_is_answered(self):
        for _, http in self.each():
            gone = threading.Event()

            def stream(sock, _, gone=gone):
                try:
                    sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                    while True:
                        sock.sendall(b"data: x\n\n" * 100)
                        time.sleep(0.001)
                except OSError:
                    gone.set()

            with self.gateway(stream):
                with http.socket() as sock:
                    sock.sendall(b"GET /executor/v1/jobs/x/events HTTP/1.1\r\nHost: x\r\n\r\n")
                    self.assertTrue(sock.recv(1000).startswith(b"HTTP/1.1 200"))
                self.assertTrue(gone.wait(60))

    def test_no_gateway(self):
        for kind, http in self.each(WAYS):
            for body in (b"{}", PIECE * 64):
                reply = http.post("/executor/submit", body)
                self.assertEqual(reply.status, 503, kind)
                self.assertRegex(reply.body, rb"\A[^\n<]+\n?\Z")
                self.assertEqual(reply.headers["Retry-After"], "5")
            with self.gateway():  # and it is asked again at once
                self.assertEqual(http.post("/executor/submit", b"{}").status, 200, kind)

    def test_a_refusal_in_front_of_the_body(self):
        def refuse(sock, _):
            sock.sendall(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\n"
                         b"Connection: close\r\n\r\nlong")
            sock.shutdown(socket.SHUT_WR)
            client.read_all(sock)

        for _, http in self.each():
            with self.gateway(refuse, read=False):
                reply = http.request("POST", "/executor/submit", PIECE * 64)
                self.assertEqual((reply.status, reply.body), (413, b"long"))

    def test_an_answer_of_an_error_goes_on_as_it_is(self):
        def refuse(sock, _):
            sock.sendall(b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
                         b"Retry-After: 60\r\nContent-Length: 5\r\n\r\nbusy\n")

        for _, http in self.each():
            with self.gateway(refuse):
                reply = http.post("/executor/submit", b"{}")
                self.assertEqual((reply.status, reply.body, reply.headers.get_all("Retry-After")),
                                 (503, b"busy\n", ["60"]))

    def test_several_at_once(self):
        for _, http in self.each():
            together = threading.Barrier(8)

            def answer(sock, request, together=together):
                together.wait(60)  # all are there, or none is answered
                sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(request.body)
                             + request.body)

            with self.gateway(answer):
                bodies = [b"%d" % n * 1000 for n in range(8)]
                replies = test_classic.in_parallel(
                    lambda body, http=http: http.post("/executor/submit", body), bodies)
                self.assertEqual([reply.body for reply in replies], bodies)

    def test_a_client_that_asks_before_it_sends(self):
        for _, http in self.each():
            with self.gateway() as gateway, http.socket() as sock:
                sock.sendall(b"POST /executor/submit HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n"
                             b"Expect: 100-continue\r\nConnection: close\r\n\r\n")
                self.assertTrue(sock.recv(1000).startswith(b"HTTP/1.1 100 "))
                sock.sendall(b"hello")
                self.assertTrue(client.read_all(sock).endswith(b"\r\n\r\nok"))
                self.assertEqual(gateway.request().body, b"hello")

    def test_a_client_of_old(self):
        for _, http in self.each():
            with self.gateway() as gateway:
                reply = http.raw(b"POST /executor/submit HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}")
                self.assertTrue(reply.endswith(b"\r\n\r\nok"), reply)
                self.assertEqual(gateway.request().body, b"{}")

    def test_one_connection_for_several_requests(self):
        for _, http in self.each():
            with self.gateway():
                connection = http.connection()
                for _ in range(3):
                    connection.request("POST", "/executor/queueing", b"x")
                    self.assertEqual(connection.getresponse().read(), b"ok")
                connection.close()


def client_reply(apache):
    way = "proxy" if apache.kind == "proxy" else "conf"
    return apache.http(way).get("/executor/")


if __name__ == "__main__":
    unittest.main()
