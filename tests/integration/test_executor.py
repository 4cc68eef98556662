# SPDX-License-Identifier: MIT
"""The CGI program by itself, run with an environment: what goes to the gateway, what comes back."""
import os
import select
import subprocess
import tempfile
import threading
import unittest

import service
from client import read_all
from fake_gateway import OK, FakeGateway, peak_kib

EXECUTOR = os.path.join(service.BUILD, "executor")
GONE = (b"Status: 503 Service Unavailable\r\nRetry-After: 5\r\n"
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: 39\r\n"
        b"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
        b"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n\r\n"
        b"the service is not there at the moment\n")
PIECE = b"0123456789abcdef" * 4096


class ExecutorCase(unittest.TestCase):
    maxDiff = 3000

    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory(prefix="dockgate-executor-"))
        self.socket = os.path.join(self.directory, "sock")

    def environment(self, **env):
        found = {"GATEWAY_INTERFACE": "CGI/1.1", "REQUEST_METHOD": "POST",
                 "SCRIPT_NAME": "/executor", "PATH_INFO": "", "QUERY_STRING": "",
                 "DOCKGATE_SOCKET": self.socket, "REMOTE_ADDR": "192.0.2.1", "HTTP_HOST": "site",
                 **({} if not service.SANITIZED else dict(os.environ)), **env}
        return {name: value for name, value in found.items() if value is not None}

    def start(self, *args, **env):
        return subprocess.Popen([EXECUTOR, *args], env=self.environment(**env), cwd="/",
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def run_(self, *args, body=b"", **env):
        """Its output; it must have ended with 0 and said nothing else."""
        process = self.start(*args, **env)
        out, said = process.communicate(body, timeout=60)
        self.assertEqual((process.returncode, said), (0, b""), out)
        return out

    def asked(self, *args, body=b"", **env):
        """The request that the gateway gets, and that its answer comes back."""
        with FakeGateway(self.socket) as gateway:
            out = self.run_(*args, body=body, **env)
            self.assertEqual(out, b"Status: 200 OK\r\nContent-Type: text/plain\r\n"
                                  b"Content-Length: 2\r\n\r\nok")
            return gateway.request()

    def answered(self, answer, said=b"", **env):
        """What becomes of a gateway's answer."""
        with FakeGateway(self.socket, answer if callable(answer) else
                         lambda sock, _: sock.sendall(answer)):
            process = self.start(**env)
            out, errors = process.communicate(b"", timeout=60)
        self.assertEqual((process.returncode, errors), (0, said), out)
        return out

    def refused(self, status, **env):
        """It answers by itself, with one plain line, and the gateway hears nothing."""
        with FakeGateway(self.socket) as gateway:
            head, text = self.run_(**env).split(b"\r\n\r\n")
            self.assertTrue(gateway.came.empty())
        self.assertTrue(head.startswith(f"Status: {status} ".encode()), head)
        self.assertRegex(text, rb"\A[^\n]+\n\Z")
        return text.decode()


class Addresses(ExecutorCase):
    def assert_target(self, expected, **env):
        request = self.asked(**env)
        self.assertEqual(request.line, f"POST {expected} HTTP/1.1", env)

    def test_the_clients_own_words_go_on(self):
        for uri, path, query in (
                ("/executor", "", ""), ("/executor/", "/", ""), ("/executor/submit", "/submit", ""),
                ("/executor?submit", "", "submit"), ("/executor/?submit", "/", "submit"),
                ("/executor/executor?submit", "/executor", "submit"),
                ("/executor/executor/submit", "/executor/submit", ""),
                ("/executor/queue%69ng", "/queueing", ""), ("/executor/a%2520b", "/a%20b", ""),
                ("/executor/a/../b", "/b", ""), ("/executor//b", "/b", ""),
                ("/executor?a=%41&b=+", "", "a=%41&b=+"), ("/executor?a?b", "", "a?b"),
                ("/executor/v1/jobs?wait=1", "/v1/jobs", "wait=1"),
                ("/executor/%C3%A4", "/ä", "")):
            self.assert_target(uri, REQUEST_URI=uri, PATH_INFO=path, QUERY_STRING=query)

    def test_wherever_the_program_is(self):
        for script, uri, expected in (
                ("/tools/executor", "/tools/executor/submit", "/executor/submit"),
                ("/tools/run", "/tools/run/submit", "/executor/submit"),
                ("/a%20b/executor", "/a%2520b/executor/x", "/executor/x"),
                ("/a b/executor", "/a%20b/executor/x", "/executor/x"),
                ("/a b/executor", "/a%20b/%65xecutor/%78", "/executor/%78"),
                ("/executor", "http://site:8080/executor/x", "/executor/x"),
                ("/executor", "https://site/executor", "/executor"),
                # in a folder that has its name, with or without a rewritten address
                ("/executor/executor", "/executor/submit", "/executor/submit"),
                ("/executor/executor", "/executor", "/executor"),
                ("/executor/executor", "/executor/executor/submit", "/executor/executor/submit"),
                ("/sub/executor/executor", "/sub/executor/v1/jobs", "/executor/v1/jobs")):
            self.assert_target(expected, SCRIPT_NAME=script, REQUEST_URI=uri)

    def test_an_address_that_the_websites_rules_have_changed(self):
        for uri in ("/run/submit", "/executorX/submit", "//executor/submit", "/", "*", "site:80",
                    None):
            self.assert_target("/executor/submit", REQUEST_URI=uri, PATH_INFO="/submit")
        self.assert_target("/executor/a%20b%25%0A%C3%A4%3F%23", REQUEST_URI="/other",
                           PATH_INFO="/a b%\n\xe4?#")

    def test_blanks_and_controls_are_refused(self):
        for uri in ("/executor/a b", "/executor/a\rb", "/executor/a\nHost: x", "/executor/\x7f",
                    "/executor/\t"):
            self.assertIn("address", self.refused(400, REQUEST_URI=uri))
        for query in ("a b", "a\r\nX: y", "\x01"):
            self.assertIn("address", self.refused(400, REQUEST_URI="/executor", QUERY_STRING=query))

    def test_too_long_an_address_is_refused(self):
        self.refused(431, REQUEST_URI="/executor/" + "x" * 17000)
        self.refused(431, SCRIPT_NAME="/" + "x" * 2000)


class Head(ExecutorCase):
    def test_all_of_it(self):
        request = self.asked(HTTP_ACCEPT="*/*", HTTP_X_SOME_THING="a,  b", CONTENT_TYPE="text/x; a=b",
                             CONTENT_LENGTH="2", body=b"{}", HTTP_AUTHORIZATION="Bearer t")
        self.assertEqual(request.line, "POST /executor HTTP/1.1")
        self.assertEqual(sorted(request.headers), [
            ("accept", "*/*"), ("authorization", "Bearer t"), ("connection", "close"),
            ("content-length", "2"), ("content-type", "text/x; a=b"), ("host", "site"),
            ("x-forwarded-for", "192.0.2.1"), ("x-some-thing", "a,  b")])
        self.assertEqual(request.body, b"{}")

    def test_what_stays_behind(self):
        names = ("PROXY", "CONNECTION", "KEEP_ALIVE", "TE", "TRAILER", "UPGRADE", "EXPECT",
                 "PROXY_AUTHORIZATION", "PROXY_CONNECTION", "CONTENT_TYPE", "FORWARDED",
                 "X_FORWARDED_FOR", "HTTP2_SETTINGS", "lower", "ODD.NAME", "")
        request = self.asked(**{f"HTTP_{name}": "evil" for name in names})
        self.assertEqual(sorted(name for name, _ in request.headers),
                         ["connection", "host", "x-forwarded-for"])
        self.assertEqual(request.header("connection"), "close")
        self.assertEqual(request.header("x-forwarded-for"), "192.0.2.1")

    def test_headers_that_Connection_names_stay_behind(self):
        request = self.asked(HTTP_CONNECTION="close, X-One ,x-two", HTTP_X_ONE="1", HTTP_X_TWO="2",
                             HTTP_X_ON="3")
        self.assertEqual([request.header(f"x-{name}") for name in ("one", "two", "on")],
                         [None, None, "3"])

    def test_body_framing_of_the_client_stays_behind(self):
        request = self.asked(HTTP_TRANSFER_ENCODING="chunked", HTTP_CONTENT_LENGTH="5",
                             CONTENT_LENGTH="2", body=b"{}")
        self.assertEqual((request.header("content-length"), request.header("transfer-encoding")),
                         ("2", None))

    def test_no_header_can_bring_another(self):
        for value in ("a\r\nEvil: 1", "a\nEvil: 1", "a\rb", "\x7f", "\x01", "a\x0bb"):
            self.assertIn("x-name", self.refused(400, HTTP_X_NAME=value))
            self.assertIn("content-type", self.refused(400, CONTENT_TYPE=value))
            self.assertIn("host", self.refused(400, HTTP_HOST=value))
        self.assertEqual(self.asked(HTTP_X_NAME="a\tb\xe4").header("x-name"), "a\tb\xe4".encode(
            ).decode("latin-1"))

    def test_bad_methods_are_refused(self):
        for method in ("", "PO ST", "POST /evil HTTP/1.1\r\nX:", "P\x01", "\xe4", "x" * 33):
            self.assertIn("method", self.refused(400, REQUEST_METHOD=method))
        self.assertTrue(self.asked(REQUEST_METHOD="M-SEARCH").line.startswith("M-SEARCH /"))

    def test_bad_lengths_are_refused(self):
        for length in ("-1", "+1", "0x1", "1,1", " 1", "1 ", "x", "9223372036854775808", "1\r\nX: y"):
            self.assertIn("Content-Length", self.refused(400, CONTENT_LENGTH=length))

    def test_too_large_a_head_is_refused(self):
        self.refused(431, HTTP_COOKIE="x" * 17000)
        self.refused(431, **{f"HTTP_X_{n}": "x" * 1000 for n in range(17)})

    def test_an_address_of_the_client_that_is_none(self):
        for address in ("", "x\r\nEvil: 1", "a b", None):
            self.assertEqual(self.asked(REMOTE_ADDR=address).header("x-forwarded-for"), "unknown")
        self.assertEqual(self.asked(REMOTE_ADDR="2001:db8::1").header("x-forwarded-for"),
                         "2001:db8::1")

    def test_no_host_of_an_old_client(self):
        self.assertEqual(self.asked(HTTP_HOST=None).header("host"), "localhost")

    def test_arguments_mean_nothing(self):
        self.assertEqual(self.asked("--help", "-d", "x", REQUEST_URI="/executor?--help+-d+x",
                                    QUERY_STRING="--help+-d+x").line,
                         "POST /executor?--help+-d+x HTTP/1.1")

    def test_without_a_request_it_says_what_it_is(self):
        process = self.start("--help", REQUEST_METHOD=None)
        out, said = process.communicate(b"", timeout=60)
        self.assertEqual((process.returncode, out), (64, b""))
        self.assertRegex(said, rb"\Aexecutor: [^\n]*CGI[^\n]*\n\Z")


class Bodies(ExecutorCase):
    def test_of_a_known_length(self):
        for n in (0, 1, 4096, 65536, 1000001):
            request = self.asked(CONTENT_LENGTH=str(n), body=b"x" * n)
            self.assertEqual((request.header("content-length"), len(request.body)), (str(n), n))

    def test_nothing_behind_it_is_sent(self):
        self.assertEqual(self.asked(CONTENT_LENGTH="2", body=b"{}GET / HTTP/1.1\r\n\r\n").body, b"{}")

    def test_of_an_unknown_length(self):
        for n in (1, 4096, 4097, 65536, 1000001):
            body = (b"0123456789abcdef" * (n // 16 + 1))[:n]
            for length in (None, ""):
                request = self.asked(CONTENT_LENGTH=length, body=body)
                self.assertEqual((request.header("content-length"),
                                  request.header("transfer-encoding")), (None, "chunked"))
                self.assertEqual(request.body, body)

    def test_none(self):
        for method in ("GET", "POST", "DELETE"):
            request = self.asked(REQUEST_METHOD=method)
            self.assertEqual((request.header("content-length"), request.header("transfer-encoding"),
                              request.body), (None, None, b""))

    def test_one_that_ends_too_early_is_not_completed(self):
        with FakeGateway(self.socket) as gateway:
            self.assertEqual(self.run_(CONTENT_LENGTH="10", body=b"{}"), b"")
            self.assertIsNone(gateway.request().body)

    def test_one_that_stops_while_it_is_awaited_is_not_completed(self):
        with FakeGateway(self.socket) as gateway:
            process = self.start(CONTENT_LENGTH="100000")
            process.stdin.write(b"x" * 60000)
            process.stdin.flush()
            process.communicate(timeout=60)
            self.assertIsNone(gateway.request().body)

    def test_large_ones_need_no_memory(self):
        peaks = []

        def look(sock, request):
            peaks.append(peak_kib(request.pid))
            sock.sendall(OK)

        for length in (str(1600 * len(PIECE)), None):  # 100 MiB
            with FakeGateway(self.socket, look) as gateway:
                out = self.run_(CONTENT_LENGTH=length, body=PIECE * 1600)
                self.assertTrue(out.startswith(b"Status: 200"), out)
                self.assertEqual(gateway.body().bytes, 1600 * len(PIECE))
        if not service.SANITIZED:
            self.assertLess(max(peaks), 2048)

    def test_an_answer_before_the_end_of_the_body(self):
        """The body is taken on, so that whoever writes it comes to read the answer."""
        answer = b"HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nlong"

        def refuse(sock, _):
            sock.sendall(answer)
            sock.shutdown(1)

        with FakeGateway(self.socket, refuse, read=False):
            out = self.run_(CONTENT_LENGTH=str(200 * len(PIECE)), body=PIECE * 200)
        self.assertEqual(out, b"Status: 413 Too Large\r\nContent-Length: 4\r\n\r\nlong")

    def test_a_large_answer_while_the_body_still_comes(self):
        """Neither side waits for the other to read first."""
        def both(sock, _):
            reader = threading.Thread(target=read_all, args=(sock,))
            reader.start()
            sock.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (32 * len(PIECE)))
            for _ in range(32):
                sock.sendall(PIECE)
            reader.join(60)

        with FakeGateway(self.socket, both, read=False):
            process = self.start(CONTENT_LENGTH=str(40 * len(PIECE)))
            got = [b""]
            reader = threading.Thread(target=lambda: got.append(process.stdout.read()))
            for _ in range(40):
                process.stdin.write(PIECE)
            reader.start()
            process.stdin.close()
            reader.join(60)
            process.wait(60)
            process.stdout.close()
            process.stderr.close()
        self.assertEqual(len(got[-1].split(b"\r\n\r\n", 1)[1]), 32 * len(PIECE))


class Answers(ExecutorCase):
    def test_bodies(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n"
        translated = b"Status: 200 OK\r\nContent-Type: a/b\r\n"
        for answer, expected in (
                (b"Content-Length: 5\r\n\r\nhello", b"Content-Length: 5\r\n\r\nhello"),
                (b"Content-Length: 5\r\n\r\nhello and more", b"Content-Length: 5\r\n\r\nhello"),
                (b"Content-Length: 0\r\n\r\n", b"Content-Length: 0\r\n\r\n"),
                (b"\r\nup to the end", b"\r\nup to the end"), (b"\r\n", b"\r\n"),
                (b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", b"\r\nhello"),
                (b"Transfer-Encoding: Chunked\r\n\r\n0005;x=y\r\nhello\r\nA \r\n0123456789\r\n"
                 b"0\r\nTrailer: x\r\n\r\nmore", b"\r\nhello0123456789"),
                (b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"\r\n")):
            self.assertEqual(self.answered(head + answer), translated + expected, answer)

    def test_byte_by_byte(self):
        def slowly(sock, _):
            for byte in (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted\r\nX: y\r\n"
                         b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\n\r\n"):
                sock.sendall(bytes([byte]))

        self.assertEqual(self.answered(slowly), b"Status: 202 Accepted\r\nX: y\r\n\r\nhello")

    def test_answers_without_a_body(self):
        for status, method in ((b"204 No Content", "POST"), (b"304 Not Modified", "GET"),
                               (b"200 OK", "HEAD")):
            out = self.answered(b"HTTP/1.1 " + status + b"\r\nContent-Length: 7\r\n\r\n",
                                REQUEST_METHOD=method)
            self.assertEqual(out, b"Status: " + status + b"\r\nContent-Length: 7\r\n\r\n")

    def test_headers(self):
        out = self.answered(b"HTTP/1.1 405\r\nAllow: POST\r\nConnection: close\r\nkeep-alive: 5\r\n"
                            b"Date: x\r\nServer: y\r\nStatus: 200\r\nVary:Origin\r\nVary: \tB\r\n"
                            b"Trailer: T\r\nUpgrade: u\r\nETag: \"e\"\r\n\r\n")
        self.assertEqual(out, b"Status: 405 -\r\nAllow: POST\r\nVary: Origin\r\nVary: B\r\n"
                              b"ETag: \"e\"\r\n\r\n")

    def test_Location_is_the_websites(self):
        for script, uri, location, expected in (
                ("/executor", "/executor/v1/jobs", "/executor/v1/jobs/1", "/executor/v1/jobs/1"),
                ("/a b/executor", "/a%20b/executor/v1/jobs", "/executor/v1/jobs/1",
                 "/a%20b/executor/v1/jobs/1"),
                ("/x/executor/executor", "/x/executor/v1/jobs", "/executor/v1/jobs/1",
                 "/x/executor/v1/jobs/1"),
                ("/x/executor", "/x/executor/v1/jobs", "https://other/", "https://other/"),
                ("/x/executor", "/x/executor/v1/jobs", "/executors", "/executors")):
            out = self.answered(b"HTTP/1.1 202 OK\r\nLocation: " + location.encode() + b"\r\n\r\n",
                                SCRIPT_NAME=script, REQUEST_URI=uri)
            self.assertEqual(out, f"Status: 202 OK\r\nLocation: {expected}\r\n\r\n".encode())

    def test_no_Location_behind_a_200(self):
        """Apache would redirect to it and throw the answer away."""
        out = self.answered(b"HTTP/1.1 200 OK\r\nLocation: /executor/v1/jobs/1\r\n\r\nbody")
        self.assertEqual(out, b"Status: 200 OK\r\n\r\nbody")

    def test_what_is_no_answer_is_503(self):
        for answer, why in ((b"", "left"), (b"HTTP/1.1 200 OK\r\nX: y\r\n", "left"),
                            (b"HELLO\r\n\r\n", "not HTTP"), (b"HTTP/1.1 2000 OK\r\n\r\n", "not HTTP"),
                            (b"HTTP/1.1 abc\r\n\r\n", "status"), (b"HTTP/1.1 999 x\r\n\r\n", "status"),
                            (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "header"),
                            (b"HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", "header"),
                            (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", "header"),
                            (b"HTTP/1.1 200 OK\r\n: x\r\n\r\n", "header"),
                            (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "Content-Length"),
                            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "encoded"),
                            (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 17000, "too large")):
            with FakeGateway(self.socket, lambda sock, _, a=answer: sock.sendall(a)):
                process = self.start()
                out, said = process.communicate(b"", timeout=60)
            self.assertEqual((process.returncode, out), (0, GONE), answer)
            self.assertRegex(said.decode(), rf"\Aexecutor: [^\n]*{why}[^\n]*\n\Z")

    def test_an_answer_that_breaks_off_is_not_made_whole(self):
        for answer in (b"Content-Length: 9\r\n\r\nhello",
                       b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                       b"Transfer-Encoding: chunked\r\n\r\n5\r\nhelloX",
                       b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nxyz\r\n",
                       b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1111111111111111\r\n"):
            with FakeGateway(self.socket, lambda sock, _, a=answer: sock.sendall(
                    b"HTTP/1.1 200 OK\r\n" + a)):
                process = self.start()
                out, said = process.communicate(b"", timeout=60)
            self.assertTrue(out.endswith(b"\r\n\r\nhello"), out)
            self.assertRegex(said, rb"\Aexecutor: the gateway[^\n]+\n\Z")

    def test_pieces_go_on_as_they_come(self):
        gate = threading.Event()

        def stream(sock, _):
            sock.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nfirst\n\r\n")
            gate.wait(60)
            sock.sendall(b"7\r\nsecond\n\r\n0\r\n\r\n")

        with FakeGateway(self.socket, stream):
            process = self.start()
            process.stdin.close()
            for expected in (b"Status: 200 OK\r\n", b"\r\n", b"first\n"):
                self.assertEqual(process.stdout.readline(), expected)
            gate.set()
            self.assertEqual(process.stdout.read(), b"second\n")
            process.wait(60)
            process.stdout.close()
            process.stderr.close()

    def test_a_small_answer_is_written_at_once(self):
        with FakeGateway(self.socket):
            process = self.start()
            process.stdin.close()
            out = os.read(process.stdout.fileno(), 65536)
            process.wait(60)
            process.stdout.close()
            process.stderr.close()
        self.assertEqual(out, b"Status: 200 OK\r\nContent-Type: text/plain\r\n"
                              b"Content-Length: 2\r\n\r\nok")


class Ends(ExecutorCase):
    def test_no_gateway(self):
        with self.subTest("no socket"):
            self.assert_gone()
        with self.subTest("nobody listens"):
            with FakeGateway(self.socket):
                os.rename(self.socket, self.socket + "2")
                open(self.socket, "w", encoding="ascii").close()
                self.assert_gone()
                os.rename(self.socket + "2", self.socket)
        with self.subTest("too long a path"):
            self.assert_gone(DOCKGATE_SOCKET="/" + "x" * 200)

    def assert_gone(self, **env):
        process = self.start(CONTENT_LENGTH="2", **env)
        out, said = process.communicate(b"{}", timeout=60)
        self.assertEqual((process.returncode, out), (0, GONE))
        self.assertRegex(said, rb"\Aexecutor: [^\n]+\n\Z")

    def test_a_reader_that_leaves_while_nothing_comes(self):
        gone = threading.Event()

        def wait(sock, _):
            if sock.recv(1) == b"":
                gone.set()

        with FakeGateway(self.socket, wait) as gateway:
            process = self.start()
            process.stdin.close()
            gateway.request()
            process.stdout.close()
            self.assertTrue(gone.wait(60))
            self.assertEqual(process.wait(60), 0)
            process.stderr.close()

    def test_a_reader_that_leaves_in_the_middle(self):
        gone = threading.Event()

        def flood(sock, _):
            try:
                sock.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
                while True:
                    sock.sendall(PIECE)
            except (BrokenPipeError, ConnectionResetError):
                gone.set()

        with FakeGateway(self.socket, flood):
            process = self.start()
            process.stdin.close()
            select.select([process.stdout], [], [], 60)
            process.stdout.close()
            self.assertTrue(gone.wait(60))
            self.assertEqual(process.wait(60), 0)
            process.stderr.close()

    def test_its_output_ends_when_it_is_gone(self):
        """Apache sleeps where it still finds a program whose output has ended."""
        for _ in range(20):
            with FakeGateway(self.socket):
                process = self.start(CONTENT_LENGTH="0", SERVER_PROTOCOL="HTTP/1.1")
                self.assertTrue(process.stdout.read().endswith(b"ok"))
                with open(f"/proc/{process.pid}/stat", encoding="ascii") as file:
                    self.assertEqual(file.read().rsplit(")", 1)[1].split()[0], "Z")
                process.communicate(timeout=60)

    def test_a_terminated_one_ends_at_once(self):
        with FakeGateway(self.socket, lambda sock, _: sock.recv(1)) as gateway:
            process = self.start(CONTENT_LENGTH="0")
            gateway.request()
            process.terminate()
            process.communicate(timeout=60)
            self.assertEqual(process.returncode, -15)


class Files(unittest.TestCase):
    def test_it_needs_nothing_of_the_machine(self):
        """No library, no file, no credentials: what it may call is in it, and that is little."""
        if service.SANITIZED:
            return
        needs = subprocess.run(["readelf", "-d", EXECUTOR], capture_output=True, text=True, check=True)
        self.assertNotIn("NEEDED", needs.stdout)
        names = subprocess.run(["nm", EXECUTOR], capture_output=True, text=True, check=True).stdout
        for name in ("execve", "system", "popen", "posix_spawn", "setuid"):
            self.assertNotRegex(names, rf" [TW] {name}\n")


if __name__ == "__main__":
    unittest.main()
