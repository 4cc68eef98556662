# SPDX-License-Identifier: MIT
"""Programs that are typed to while they run: input, its end, signals; dockgate run -i."""
import hashlib
import os
import pty
import random
import select
import signal
import subprocess
import unittest

import service
from case import Case, OwnService, at_both_levels, content
from events import Stream

PIECE = 65536


class Typing(Case):
    def open(self, *args, task="sh", **members):
        """The id of a job whose stdin is open."""
        return self.native.accept(task, args=list(args), stdin="open", **members)

    def type(self, job, data=b"", end=False, wait=20):
        target = f"/v1/jobs/{job}/stdin?wait={wait}" + ("&end=1" if end else "")
        reply = self.http.post(target, data)
        self.native.check("POST", target, reply)
        return reply

    def typed(self, job, data=b"", end=False):
        reply = self.type(job, data, end)
        self.assertEqual((reply.status, reply.json() if reply.status == 202 else reply.text),
                         (202, {"bytes": len(data), "end": end}))

    def signal(self, job, name, wait=20):
        return self.native.call("POST", f"/v1/jobs/{job}/signal?wait={wait}", {"signal": name})

    def signaled(self, job, name):
        reply = self.signal(job, name)
        self.assertEqual((reply.status, reply.json()), (202, {"signal": name}))

    def assert_refused(self, reply, status, *words):
        self.assertEqual(reply.status, status, reply.text)
        for word in words:
            self.assertIn(word, reply.json()["detail"])

    def printed(self, job):
        return content(self.native.ended(job)["stdout"])


def read_until(stream, text, have=b""):
    """Output of the stream's job, which must come to be `text`."""
    while have != text:
        if not text.startswith(have):
            raise AssertionError(f"{have!r} is not the start of {text!r}")
        have += stream.until("stdout")[-1].bytes


@at_both_levels
class Typed(Typing):
    def test_question_and_answer(self):
        job = self.open("ask", task="payload")
        with Stream(self.http, job) as stream:
            read_until(stream, b"name? ")
            self.typed(job, b"you\n")
            read_until(stream, b"hello you\nname? ")
            self.signaled(job, "INT")
            read_until(stream, b"INT\n")
            self.typed(job, b"a")
            self.typed(job, b"ll\n")
            read_until(stream, b"hello all\nname? ")
            self.signaled(job, "USR1")
            read_until(stream, b"USR1\n")
            self.typed(job, end=True)
            read_until(stream, b"bye\n")
        self.assertEqual(self.native.ended(job)["verdict"], "ok")
        self.assert_refused(self.type(job, b"more"), 409, "has ended")
        self.assert_refused(self.signal(job, "INT"), 409, "has ended")

    def test_all_bytes_arrive_in_order(self):
        data = random.Random(7).randbytes(7 * PIECE + 77)
        job = self.open("sleep 0.2; exec sha256sum")
        for at in range(0, len(data), PIECE):
            while (reply := self.type(job, data[at:at + PIECE])).status == 429:
                self.assertGreaterEqual(int(reply.headers["Retry-After"]), 1)
            self.assertEqual(reply.status, 202)
        self.typed(job, b"end", end=True)
        self.assertEqual(self.printed(job).split()[0].decode(), hashlib.sha256(data + b"end").hexdigest())

    def test_a_program_that_does_not_read(self):
        job = self.open("trap 'echo told; exit 3' TERM; echo here; while :; do sleep 0.1; done")
        with Stream(self.http, job) as stream:
            read_until(stream, b"here\n")
        taken = 0
        while (reply := self.type(job, b"x" * PIECE)).status == 202:
            taken += 1
            self.assertLess(taken, 10)
        self.assert_refused(reply, 429, "does not read")
        self.assertGreaterEqual(int(reply.headers["Retry-After"]), 1)
        self.assertGreaterEqual(taken, 2)
        self.signaled(job, "TERM")
        ended = self.native.ended(job)
        self.assertEqual((ended["exit_code"], content(ended["stdout"])), (3, b"here\ntold\n"))

    def test_the_whole_group_is_told(self):
        job = self.open("echo here; cat; echo never")
        with Stream(self.http, job) as stream:
            read_until(stream, b"here\n")
            self.typed(job, b"typed\n")
            read_until(stream, b"typed\n")
        self.signaled(job, "INT")
        ended = self.native.ended(job)
        self.assertEqual((ended["verdict"], ended["signal"]), ("signaled", signal.SIGINT))
        self.assertEqual(content(ended["stdout"]), b"here\ntyped\n")

    def test_after_a_build(self):
        job = self.open("cat built -", build={"command": ["/bin/sh", "-c", "sleep 0.5; cat > built"]})
        self.typed(job, b"early\n")
        self.typed(job, b"late\n", end=True)
        self.assert_refused(self.type(job, b"later"), 409, "ended")
        self.assertEqual(self.printed(job), b"early\nlate\n")

    def test_nobody_types(self):
        job = self.native.ended(self.open("cat", limits={"wall_ms": 300}))
        self.assert_verdict(job, "wall_time_limit", "wall_ms")

    def test_what_is_left_over_is_not_the_next_ones(self):
        for _ in range(3):
            job = self.open("read line; echo $line")
            self.typed(job, b"first\nand more\n")
            self.assertEqual(self.printed(job), b"first\n")
        self.assertEqual(self.sh("cat")["stdout"]["content"], "")


class Queued(Typing):
    def test_input_waits_for_the_start(self):
        first = self.open("cat", task="one")
        self.typed(first, b"1")
        second = self.open("cat", task="one")
        self.assert_refused(self.type(second, b"2", wait=0), 409, "has not started")
        self.assert_refused(self.type(second, b"2", wait=0.1), 409, "has not started")
        self.assert_refused(self.signal(second, "INT", wait=0), 409, "has not started")
        with self.http.socket() as waiting:
            waiting.sendall(b"POST /v1/jobs/%s/stdin?wait=60&end=1 HTTP/1.1\r\nHost: localhost\r\n"
                            b"Content-Length: 3\r\nConnection: close\r\n\r\ntwo" % second.encode())
            self.typed(first, end=True)
            self.assertIn(b" 202 ", waiting.recv(65536))
        self.assertEqual((self.printed(first), self.printed(second)), (b"1", b"two"))

    def test_a_job_that_is_cancelled_while_it_waits(self):
        first, second = self.open("cat", task="one"), self.open("cat", task="one")
        self.native.call("DELETE", f"/v1/jobs/{second}")
        self.assert_refused(self.type(second, b"2"), 409, "has ended")
        self.native.call("DELETE", f"/v1/jobs/{first}")
        self.assert_refused(self.type(first, b"1"), 409, "has ended")
        self.assertEqual(self.native.ended(first)["verdict"], "cancelled")


class BadInput(Typing):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.job = cls.native.accept("sh", args=["cat"], stdin="open")
        cls.addClassCleanup(cls.native.call, "DELETE", f"/v1/jobs/{cls.job}")

    def test_jobs_that_are_not_there(self):
        for job in ("0" * 64, self.job[:12], "x" * 64, "0"):
            self.assert_refused(self.type(job, b"x"), 404, "no such job")
            self.assert_refused(self.signal(job, "INT"), 404, "no such job")

    def test_a_job_whose_stdin_is_not_open(self):
        for members in ({}, {"stdin": "text"}, {"stdin": {"content": "open"}}):
            job = self.native.accept("sh", args=["echo here; sleep 30"], **members)
            with Stream(self.http, job) as stream:
                read_until(stream, b"here\n")
            self.assert_refused(self.type(job, b"x"), 409, "not open")
            self.assert_refused(self.signal(job, "INT"), 409, "not open")
            self.native.call("DELETE", f"/v1/jobs/{job}")

    def test_bytes(self):
        def post(query, data=b"", **headers):
            return self.http.post(f"/v1/jobs/{self.job}/stdin{query}", data, **headers)

        self.assert_refused(post(""), 400, "body is empty")
        self.assert_refused(post("?end=0"), 400, "body is empty")
        self.assert_refused(post("?end=yes", b"x"), 400, "'end'")
        self.assert_refused(post("?end=1&end=1", b"x"), 400, "'end'")
        self.assert_refused(post("?close=1", b"x"), 400, "'close'")
        self.assert_refused(post("?wait=x", b"x"), 400, "'wait'")
        self.assert_refused(post("", b"x" * (PIECE + 1)), 413)
        reply = self.http.get(f"/v1/jobs/{self.job}/stdin")
        self.assertEqual((reply.status, reply.headers["Allow"]), (405, "POST, OPTIONS"))

    def test_signals(self):
        def post(body, type_="application/json"):
            return self.http.post(f"/v1/jobs/{self.job}/signal", body, Content_Type=type_)

        for body, word in ((b"", "empty"), (b"{", "malformed"), (b"[]", "object"), (b'"INT"', "malformed"),
                           (b"{}", "signal: is missing"), (b'{"signal": 2}', "signal: expected a string"),
                           (b'{"signal": "INT", "pid": 1}', "unknown"), (b'{"sig": "INT"}', "unknown"),
                           (b'{"signal": "INT", "signal": "INT"}', "malformed"),
                           (b'{"signal": "SEGV"}', '"SEGV"'), (b'{"signal": "int"}', '"int"'),
                           (b'{"signal": ""}', '""'), (b'{"signal": "SIG"}', '"SIG"')):
            self.assert_refused(post(body), 400, word)
        self.assert_refused(post(b'{"signal": "INT"}', "text/plain"), 415, "application/json")
        self.assertEqual(post(b'{"signal": "' + b"I" * 2000 + b'"}').status, 413)

    def test_requests(self):
        reply = self.native.submit("sh", args=["cat"], stdin="open", cases=[{}])
        self.assert_refused(reply, 400, "stdin: ", "cases")
        body = (b'--b\r\nContent-Disposition: form-data; name="job"\r\n\r\n'
                b'{"task": "sh", "stdin": "open"}\r\n'
                b'--b\r\nContent-Disposition: form-data; name="stdin"\r\n\r\nx\r\n--b--\r\n')
        reply = self.http.post("/v1/jobs", body, Content_Type="multipart/form-data; boundary=b")
        self.assert_refused(reply, 400, "stdin: ")

    def test_the_word_itself(self):
        for members in ({"stdin": {"content": "open"}}, {"stdin": {"content": "b3Blbg==", "encoding": "base64"}},
                        {"cases": [{"stdin": "open"}]}):
            self.assertEqual(content(self.sh("cat", **members)["stdout"]), b"open")


class Lost(OwnService, Typing):
    settings = {"lease_ms": 1000}

    def test_input_of_an_attempt_that_was_lost(self):
        job = self.open("while read line; do echo got $line; done")
        with Stream(self.http, job) as stream:
            stream.until("attempt", attempt=1)
            self.typed(job, b"lost\n")
            read_until(stream, b"got lost\n")
            os.kill(self.service.pid("driver"), signal.SIGKILL)
            stream.until("attempt", attempt=2)
            self.typed(job, b"again\n", end=True)
        ended = self.native.ended(job)
        self.assertEqual((ended["attempt"], content(ended["stdout"])), (2, b"got again\n"))


class Command(Typing):
    """dockgate run -i."""

    def run_it(self, *args, **streams):
        path = os.path.join(self.service.state, "sock", "dockgate.sock")
        process = subprocess.Popen([service.DOCKGATE, "run", "--socket", path, *args], **streams)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def assert_reads(self, fd, text):
        have = b""
        while len(have) < len(text):
            self.assertTrue(select.select([fd], [], [], 60)[0], f"only {have!r} came")
            part = os.read(fd, len(text) - len(have))
            self.assertTrue(part, f"it ended with {have!r}")
            have += part
        self.assertEqual(have, text)

    def test_pipes(self):
        process = self.run_it("-i", "payload", "--", "ask", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        out = process.stdout.fileno()
        self.assert_reads(out, b"name? ")
        os.write(process.stdin.fileno(), b"you\n")
        self.assert_reads(out, b"hello you\nname? ")
        process.send_signal(signal.SIGINT)
        self.assert_reads(out, b"INT\n")
        os.write(process.stdin.fileno(), b"all\n")
        process.stdin.close()
        self.assert_reads(out, b"hello all\nname? bye\n")
        self.assertEqual(process.wait(60), 0)
        process.stdout.close()

    def test_a_terminal(self):
        pid, master = pty.fork()
        if pid == 0:
            path = os.path.join(self.service.state, "sock", "dockgate.sock")
            os.execv(service.DOCKGATE, ["dockgate", "run", "--socket", path, "--interactive", "sh", "--",
                                        "echo -n 'name? '; read n; echo hello $n; exec cat"])
        self.addCleanup(os.close, master)
        self.assert_reads(master, b"name? ")
        os.write(master, b"you\n")
        self.assert_reads(master, b"you\r\nhello you\r\n")  # the first is the terminal's echo
        os.write(master, b"more\n")
        self.assert_reads(master, b"more\r\nmore\r\n")
        os.write(master, b"\x03")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 128 + signal.SIGINT)

    def test_a_program_that_does_not_mind(self):
        process = self.run_it("-i", "sh", "--", "trap 'echo told' INT; echo here; while :; do sleep 0.1; done",
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.assert_reads(process.stdout.fileno(), b"here\n")
        process.send_signal(signal.SIGINT)
        self.assert_reads(process.stdout.fileno(), b"told\n")
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            select.select([], [], [], 0.05)
        self.assertEqual(process.returncode, 128 + signal.SIGINT)
        self.assertIn(b"the job was cancelled", process.communicate()[1])

    def test_wrong_use(self):
        process = self.run_it("-i", "--stdin", "/dev/null", "sh", "--", "cat", stderr=subprocess.PIPE)
        self.assertIn(b"--interactive: not together with --stdin", process.communicate()[1])
        self.assertEqual(process.returncode, 125)


if __name__ == "__main__":
    unittest.main()
