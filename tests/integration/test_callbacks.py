# SPDX-License-Identifier: MIT
"""Callbacks: endings are announced to real receivers, signed, until they are taken; and nowhere else."""
import json
import os
import queue
import re
import signal
import subprocess
import threading
import time
import unittest

import certificates
import service
import tlsfiles
from case import OwnService, content
from client import Native
from receiver import Receiver, verify

FEW = {name: None for name in ("cold", "kill-output", "build", "files", "lines", "tokens", "classic",
                               "payload")}
# One address of the loopback net is allowed: all the others show what is not.
ALLOWED = "127.0.0.9"


class CallbackCase(OwnService):
    tasks = FEW
    settings = {"callback_allow": [ALLOWED], "callback_timeout_ms": 1500}

    def receiver(self, **more):
        receiver = Receiver(**more)
        self.addCleanup(receiver.close)
        return receiver

    def secret(self):
        return service.read(os.path.join(self.service.state, "courier", "secret")).decode().strip()

    def until_state(self, job, state, seconds=30):
        for _ in service.until(seconds):
            found = self.native.job(job)["callback"]
            if found["state"] == state:
                return found
        raise AssertionError(f"{found} after {seconds} s")

    def until_tried(self, job, seconds=30):
        for _ in service.until(seconds):
            found = self.native.job(job)["callback"]
            if found["attempts"] > 0:
                return found
        raise AssertionError(f"{found} after {seconds} s")


class Announced(CallbackCase):
    @classmethod
    def setUpClass(cls):
        cls.ca = tlsfiles.Authority()
        cls.addClassCleanup(cls.ca.close)
        cls.settings = {**cls.settings, "callback_ca_file": cls.ca.path}
        super().setUpClass()

    def figures(self):
        return {name: float(value) for name, value in re.findall(
            r"^dockgate_(callback\S*_total\S*) (\S+)$", self.native.call("GET", "/metrics").text, re.MULTILINE)}

    def test_an_ending_is_announced_and_signed(self):
        receiver = self.receiver()
        job = self.native.accept("sh", args=["echo out; exit 3"], callback=receiver.url)
        call = receiver.get()
        self.assertEqual(call.path, "/hook?a=b")
        self.assertTrue(verify(self.secret(), call.headers, call.body))
        self.assertFalse(verify(self.secret(), call.headers, call.body + b" "))
        self.assertEqual(call.headers["content-type"], "application/json")
        self.assertLess(abs(time.time() - int(call.headers["webhook-timestamp"])), 60)
        said = call.json()
        self.assertEqual(sorted(said), ["data", "timestamp", "type"])
        self.assertEqual((said["type"], said["timestamp"]), ("job.done", said["data"]["finished_at"]))
        found = self.until_state(job, "delivered")
        self.assertEqual(found, {"state": "delivered", "attempts": 1, "next_at": None, "last_error": None})
        shown = self.native.job(job)
        del shown["callback"], shown["expires_at"], said["data"]["expires_at"]
        self.assertEqual(said["data"], shown)
        self.assertNotIn(job, call.headers["webhook-id"])

    def test_as_an_object_and_of_a_cancelled_job(self):
        receiver = self.receiver(answers=(204,))
        job = self.native.accept("sh", args=["sleep 60"], callback={"url": receiver.url})
        self.assertEqual(self.native.job(job)["callback"],
                         {"state": "pending", "attempts": 0, "next_at": None, "last_error": None})
        self.native.call("DELETE", f"/v1/jobs/{job}")
        self.assertEqual(receiver.get().json()["data"]["verdict"], "cancelled")
        self.until_state(job, "delivered")

    def test_much_output_is_signed_too(self):
        receiver = self.receiver()
        self.native.accept("sh", args=["head -c 300000 /dev/zero | tr '\\0' 'x'"], callback=receiver.url)
        call = receiver.get()
        self.assertTrue(verify(self.secret(), call.headers, call.body))
        self.assertEqual(content(call.json()["data"]["stdout"]), b"x" * 300000)

    def test_tried_again_until_it_is_taken(self):
        before = self.figures()
        receiver = self.receiver(answers=(500, 404, 200))
        job = self.native.accept("sh", args=["true"], callback=receiver.url)
        calls = [receiver.get() for _ in range(3)]
        self.assertEqual(len({call.headers["webhook-id"] for call in calls}), 1)
        self.assertEqual({json.dumps({**call.json()["data"], "expires_at": 0}) for call in calls},
                         {json.dumps({**calls[0].json()["data"], "expires_at": 0})})
        for call in calls:
            self.assertTrue(verify(self.secret(), call.headers, call.body))
        self.assertEqual(self.until_state(job, "delivered")["attempts"], 3)
        after = self.figures()
        grown = [after[name] - before[name] for name in sorted(before)]  # others' too
        self.assertTrue(grown[0] >= 2 and grown[1] >= 1 and grown[2] == 0, (before, after))
        self.assertIn("\ndockgate_courier_up 1\n", self.native.call("GET", "/metrics").text)

    def test_a_job_that_is_handed_in_again_is_announced_again(self):
        receiver = self.receiver()
        label = {"again": "callback"}
        job = self.native.accept("sh", args=["exit 3"], callback=receiver.url, labels=label)
        first = receiver.get()
        self.until_state(job, "delivered")
        reply = self.native.call("POST", f"/v1/jobs/{job}/retry")
        self.assertEqual((reply.status, reply.json()["callback"]["state"]), (202, "pending"))
        second = receiver.get()
        self.assertEqual(second.json()["data"]["id"], reply.json()["id"])
        self.assertNotEqual(second.headers["webhook-id"], first.headers["webhook-id"])
        self.until_state(reply.json()["id"], "delivered")
        swept = Native(self.service.unix).call("POST", "/v1/jobs/retry?label=again:callback").json()
        self.assertEqual(swept, {"retried": 2, "refused": 0})
        again = {receiver.get().json()["data"]["id"] for _ in range(2)}
        self.assertEqual(len(again | {job, reply.json()["id"]}), 4)

    def test_https(self):
        """Only to one with a certificate of ours for its address."""
        stranger = tlsfiles.Authority()
        self.addCleanup(stranger.close)
        receivers = [self.receiver(tls=tls) for tls in (self.ca.sign(ALLOWED), self.ca.sign("127.0.0.8"),
                                                        stranger.sign(ALLOWED))]
        jobs = [self.native.accept("sh", args=["true"], callback=receiver.url) for receiver in receivers]
        call = receivers[0].get()
        self.assertEqual(call.json()["data"]["id"], jobs[0])
        self.assertTrue(verify(self.secret(), call.headers, call.body))
        self.until_state(jobs[0], "delivered")
        for job, receiver in zip(jobs[1:], receivers[1:]):
            self.assertRegex(self.until_tried(job)["last_error"], "(?i)certificate|subject name|SSL")
            self.assertRaises(queue.Empty, receiver.calls.get_nowait)

    def test_the_system_s_authorities_are_not_believed(self):
        """Only those of callback_ca_file, where it is set."""
        stranger = tlsfiles.Authority("stranger")
        self.addCleanup(stranger.close)
        program = certificates.with_system_authority(stranger.directory, stranger.path, service.DOCKGATE)
        for settings, state in (({"callback_ca_file": self.ca.path}, "pending"), ({}, "delivered")):
            with self.subTest(state), \
                    service.Service({**CallbackCase.settings, **settings}, FEW, program=program) as svc:
                job = svc.native.accept("sh", args=["true"], callback=self.receiver(tls=stranger.sign(ALLOWED)).url)
                for _ in service.until(30):
                    found = svc.native.job(job)["callback"]
                    if found["attempts"] > 0:
                        break
                self.assertEqual(found["state"], state, found)

    def test_redirects_are_not_followed(self):
        target = self.receiver()
        receiver = self.receiver(answers=(307,), headers={"Location": target.url})
        job = self.native.accept("sh", args=["true"], callback=receiver.url)
        found = self.until_tried(job)
        self.assertIn("307", found["last_error"])
        self.assertRaises(queue.Empty, target.calls.get_nowait)

    def test_a_long_answer_is_cut_off(self):
        receiver = self.receiver(more=b"x" * 4_000_000)
        job = self.native.accept("sh", args=["true"], callback=receiver.url)
        self.assertEqual(self.until_state(job, "delivered")["attempts"], 1)

    def test_a_slow_receiver_holds_up_nobody(self):
        stuck = threading.Event()
        self.addCleanup(stuck.set)
        slow = self.receiver(answers=lambda call: (stuck.wait(60), 200)[1])
        fast = self.receiver()
        jobs = [self.native.accept("sh", args=["true"], callback=slow.url) for _ in range(12)]
        for job in jobs:
            self.native.ended(job)
        self.native.accept("sh", args=["true"], callback=fast.url)
        fast.get(seconds=5)
        found = self.until_tried(jobs[0])
        self.assertEqual(found["state"], "pending")
        self.assertIsNotNone(found["last_error"])

    def test_ps_shows_what_is_not_delivered(self):
        port = service.free_port()  # nobody listens there
        job = self.native.accept("sh", args=["true"], callback=f"http://{ALLOWED}:{port}/")
        self.until_tried(job)
        rows = {row["id"]: row["callback"] for row in self.native.call("GET", "/v1/jobs").json()["jobs"]}
        self.assertEqual(rows[job[:12]], "pending")
        done = subprocess.run([service.DOCKGATE, "ps", "--socket",
                               os.path.join(self.service.state, "sock", "dockgate.sock")],
                              capture_output=True, text=True, check=True)
        line = next(line for line in done.stdout.splitlines() if line.startswith(job))
        self.assertTrue(line.endswith(" pending"), line)

    def test_from_the_command_line(self):
        receiver = self.receiver()

        def submit(*args):
            return subprocess.run([service.DOCKGATE, "submit", "--socket", self.service.unix.address, *args],
                                  capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        big = os.path.join(self.service.directory, "big")
        service.Service.write_file(big, "x" * 600_000)  # goes as a form
        for more in ((), (big,)):
            words = ("--callback", receiver.url, "--idempotency-key", f"my key {more}", "sh", *more, "--", "true")
            done = [submit(*words) for _ in range(2)]
            self.assertEqual([d.returncode for d in done], [0, 0], done[0].stderr)
            self.assertEqual(done[0].stdout, done[1].stdout)
            self.assertEqual(receiver.get().json()["data"]["id"], done[0].stdout.strip())
        for words, status, said in ((("--callback", "ftp://a/", "sh"), 1, "callback"),
                                    (("--idempotency-key", "a\nX: y", "sh"), 2, "--idempotency-key"),
                                    (("--idempotency-key", "", "sh"), 2, "--idempotency-key"),
                                    (("--idempotency-key", "my key ()", "sh", "--", "false"), 1, "422")):
            done = submit(*words)
            self.assertEqual((done.returncode, done.stdout), (status, ""), done.stderr)
            self.assertIn(said, done.stderr)

    def test_forbidden_when_it_is_looked_up(self):
        """Names are everybody's; what they stand for decides, at the time of connecting."""
        job = self.native.accept("sh", args=["true"], callback=f"http://localhost:{service.free_port()}/")
        self.assertIn("callback_allow", self.until_tried(job)["last_error"])

    def test_no_connection_reaches_a_forbidden_address(self):
        forbidden = self.receiver(address="127.0.0.1")
        job = self.native.accept("sh", args=["true"], callback=f"http://localhost:{forbidden.port}/")
        self.assertIn("callback_allow", self.until_tried(job)["last_error"])
        self.assertRaises(queue.Empty, forbidden.calls.get_nowait)

    # ---- what is refused before it is a job --------------------------------------------------------

    def test_addresses_that_are_none(self):
        for url, why in (("http://127.0.0.1/", "may not go"), ("http://[::1]/", "may not go"),
                         ("http://10.1.2.3/", "may not go"), ("http://192.168.0.1/", "may not go"),
                         ("http://172.16.0.1/", "may not go"), ("http://100.64.0.1/", "may not go"),
                         ("http://169.254.169.254/latest/meta-data", "may not go"),
                         ("http://0.0.0.0/", "may not go"), ("http://224.0.0.1/", "may not go"),
                         ("http://[::ffff:127.0.0.1]/", "may not go"), ("http://[fd00::1]/", "may not go"),
                         ("http://[fe80::1]/", "may not go"), ("http://[2002:7f00:1::]/", "may not go"),
                         ("http://[64:ff9b::7f00:1]/", "may not go"),
                         ("http://2130706433/", "number"), ("http://0x7f000001/", "number"),
                         ("http://0177.0.0.1/", "number"), ("http://127.1/", "number"),
                         ("http://user:pass@example.com/", "password"), ("ftp://example.com/", "http"),
                         ("file:///etc/passwd", "http"), ("example.com", "http"), ("", "http"),
                         ("http://example.com:0/", "port"), ("http://exa mple.com/", "character"),
                         ("http://example.com/#x", "character"), ("http://a/" + "x" * 2000, "bytes")):
            for value in (url, {"url": url}):
                with self.subTest(callback=value):
                    reply = self.native.submit("sh", args=["true"], callback=value)
                    self.assertEqual(reply.status, 400, reply.text)
                    self.assertIn(why, reply.json()["detail"])
                    self.assertTrue(reply.json()["detail"].startswith("callback"), reply.text)

    def test_values_that_are_none(self):
        for value, path in ((1, "callback:"), (None, "callback:"), ([], "callback:"), ({}, "callback.url:"),
                            ({"url": 5}, "callback.url:"), ({"url": "http://a/", "event": 1}, "callback.event")):
            with self.subTest(callback=value):
                reply = self.native.submit("sh", args=["true"], callback=value)
                self.assertEqual(reply.status, 400, reply.text)
                self.assertTrue(reply.json()["detail"].startswith(path), reply.text)

    # ---- what the doctor says ----------------------------------------------------------------------

    def doctor(self, *more):
        config = os.path.join(self.service.directory, "doctor.conf")
        keys = {line.split(" =")[0] for line in more}
        text = [line for line in service.read(self.service.config).decode().splitlines()
                if line.split(" =")[0] not in keys]
        service.Service.write_file(config, "\n".join((*more, *text)))
        done = subprocess.run([service.DOCKGATE, "doctor", "--config", config], capture_output=True, text=True,
                              check=False, stdin=subprocess.DEVNULL)
        lines = [line.split(None, 2) for line in done.stdout.splitlines() if " callbacks " in line]
        return done.returncode, [(state, text) for state, _, text in lines], done.stdout

    def test_the_secret(self):
        own = os.path.join(self.service.state, "courier", "secret")
        self.assertEqual(self.doctor()[:2], (0, [("ok", f"they are signed with {own}")]))
        self.assertNotIn(self.secret(), self.doctor()[2])
        path = os.path.join(self.service.directory, "whsec")
        key = f'callback_secret_file = "{path}"'
        self.assertEqual(self.doctor(key)[0], 1)
        for content_, mode, status, said in ((self.secret(), 0o600, 0, path), (self.secret(), 0o644, 1, "0640"),
                                             ("whsec_c2hvcnQ=", 0o600, 1, "whsec_"), ("", 0o600, 1, path)):
            service.Service.write_file(path, content_, mode)
            found, lines, _ = self.doctor(key)
            self.assertEqual((found, len(lines)), (status, 1), lines)
            self.assertIn(said, lines[0][1])
        found, lines, _ = self.doctor('callback_ca_file = "/nonexistent/ca.pem"')
        self.assertEqual((found, lines[0][0]), (1, "FAIL"))
        self.assertIn("/nonexistent/ca.pem", lines[0][1])


class Processes(CallbackCase):
    settings = {**CallbackCase.settings, "callback_retry_s": 60, "callback_timeout_ms": 500}

    def kill(self, role):
        pid = self.service.await_pid(role)
        os.kill(pid, signal.SIGKILL)
        return pid

    def test_kill_9_loses_no_announcement(self):
        """What was on its way is sent again when its time is over: for all of them at once."""
        receivers = {}
        for roles in (("courier",), ("queue",), ("gateway",), ("courier", "queue")):
            receiver = self.receiver(answers=(503,))
            job = self.native.accept("sh", args=["true"], callback=receiver.url)
            receivers[job] = receiver
            self.assertEqual(receiver.get().json()["data"]["id"], job)
            pids = {role: self.kill(role) for role in roles}
            for role, pid in pids.items():
                self.service.await_pid(role, other_than=pid)
            self.service.await_ready()
        for receiver in receivers.values():
            receiver.answers = [200]
        for job in receivers:
            self.until_state(job, "delivered")
            self.assertIn(200, receivers[job].given)

    def test_a_courier_that_is_away(self):
        receiver = self.receiver()
        pid = self.service.await_pid("courier")
        os.kill(pid, signal.SIGSTOP)
        try:
            job = self.native.run("sh", args=["true"], callback=receiver.url)["id"]
            self.assertEqual(self.native.job(job)["callback"]["state"], "pending")
        finally:
            os.kill(pid, signal.SIGKILL)
        receiver.get()
        self.until_state(job, "delivered")


class TooLate(CallbackCase):
    settings = {**CallbackCase.settings, "callback_retry_s": 1}

    def test_a_job_goes_when_its_time_is_over(self):
        """Delivered or not; one that is not is kept for that time from the last attempt on."""
        taken, refused = self.receiver(), self.receiver(answers=(500,))
        jobs = [self.native.accept("short", args=["true"], callback=r.url) for r in (taken, refused)]
        taken.get()
        found = self.until_state(jobs[1], "failed")
        self.assertGreaterEqual(found["attempts"], 2)
        self.assertEqual((found["next_at"], found["last_error"]), (None, "it answered 500"))
        for _ in service.until(30):
            if {self.native.call("GET", f"/v1/jobs/{job}").status for job in jobs} == {404}:
                return
        self.fail("they are still there")


if __name__ == "__main__":
    unittest.main()
