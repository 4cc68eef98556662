# SPDX-License-Identifier: MIT
"""Idempotency-Key: a submit that is repeated is one job, whatever happens in between."""
import json
import os
import secrets
import signal
import threading
import unittest

import service
from case import Case, OwnService, content

REPLAYED = "Idempotency-Replayed"


def multipart(boundary, parts):
    lines = [b"--%s\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n" % (boundary, head, data)
             for head, data in parts]
    return b"".join(lines) + b"--%s--\r\n" % boundary


class KeyCase(Case):
    def setUp(self):
        self.key = secrets.token_urlsafe(16)

    def send(self, value, key=None, wait=None):
        target = "/v1/jobs" + (f"?wait={wait}" if wait is not None else "")
        return self.native.call("POST", target, value, {"Idempotency-Key": key or self.key})

    def upload(self, boundary, blob, key=None):
        body = multipart(boundary, [
            (b'name="job"', json.dumps({"task": "sh", "args": ["wc -c < b.bin"]}).encode()),
            (b'name="file"; filename="b.bin"', blob)])
        reply = self.http.post("/v1/jobs?wait=30", body, Idempotency_Key=key or self.key,
                               Content_Type=f"multipart/form-data; boundary={boundary.decode()}")
        self.native.check("POST", "/v1/jobs", reply)
        return reply

    def assert_same(self, first, again):
        self.assertIn(again.status, (200, 202), again.text)
        self.assertEqual(again.headers[REPLAYED], "true")
        self.assertEqual(again.json()["id"], first["id"])
        self.assertEqual(again.headers["Location"], f"/v1/jobs/{first['id']}")


class Keys(KeyCase):
    def test_the_same_request_is_the_same_job(self):
        request = {"task": "sh", "args": ["echo once"]}
        first = self.send(request)
        self.assertEqual(first.status, 202)
        self.assertIsNone(first.headers[REPLAYED])
        self.assert_same(first.json(), self.send(request))
        self.native.ended(first.json()["id"])
        done = self.send(request, wait=30)
        self.assert_same(first.json(), done)
        self.assertEqual((done.status, content(done.json()["stdout"])), (200, b"once\n"))

    def test_a_repeat_after_the_end_has_the_whole_result(self):
        """Also where it does not wait for anything."""
        request = {"task": "sh", "args": ["echo out; echo err >&2; exit 3"]}
        done = self.send(request, wait=30).json()
        again = self.send(request)
        self.assert_same(done, again)
        self.assertEqual(again.status, 200)
        self.assertEqual({**again.json(), "expires_at": None}, {**done, "expires_at": None})

    def test_a_repeat_waits_as_the_first_does(self):
        request = {"task": "sh", "args": ["sleep 0.5; echo slow"]}
        first = self.send(request)
        again = self.send(request, wait=30)
        self.assert_same(first.json(), again)
        self.assertEqual((again.status, content(again.json()["stdout"])), (200, b"slow\n"))

    def test_another_request_is_refused(self):
        first = self.send({"task": "sh", "args": ["echo one"]}).json()
        stored = self.jobs_stored()
        reply = self.send({"task": "sh", "args": ["echo two"]})
        self.assertEqual(reply.status, 422)
        self.assertEqual(reply.json()["type"], "urn:dockgate:problem:idempotency-key-reused")
        self.assertIn("Idempotency-Key", reply.json()["detail"])
        self.assertEqual(self.jobs_stored(), stored)
        self.native.ended(first["id"])

    def test_other_keys_and_none_are_other_jobs(self):
        request = {"task": "sh", "args": ["true"]}
        replies = [self.send(request), self.send(request, self.key + "x"),
                   self.send(request, self.key.swapcase()), self.native.call("POST", "/v1/jobs", request)]
        self.assertEqual(len({reply.json()["id"] for reply in replies}), 4)
        self.assertFalse([reply for reply in replies if reply.headers[REPLAYED]])

    def test_a_refused_request_uses_no_key(self):
        self.assertEqual(self.send({"task": "sh", "argz": []}).status, 400)
        self.assertEqual(self.send({"task": "sh", "args": ["true"]}).status, 202)

    def test_longest_key(self):
        request = {"task": "sh", "args": ["true"]}
        key = self.key + "k" * (255 - len(self.key))
        self.assert_same(self.send(request, key).json(), self.send(request, key))

    def test_keys_that_are_none(self):
        for key in ("k" * 256, "a\tb", "gr\u00fcn"):
            with self.subTest(key=key[:8]):
                reply = self.http.request(
                    "POST", "/v1/jobs", json.dumps({"task": "sh", "args": ["true"]}),
                    {"Content-Type": "application/json", "Idempotency-Key": key.encode()})
                self.assertEqual(reply.status, 400, reply.text)
                self.assertIn("Idempotency-Key", reply.json()["detail"])

    def test_multipart_is_its_parts(self):
        blob = secrets.token_bytes(200_000)  # beyond what a row holds
        first = self.upload(b"one", blob)
        self.assertEqual(content(first.json()["stdout"]), b"200000\n", first.text)
        self.assert_same(first.json(), self.upload(b"another", blob))
        self.assertEqual(self.upload(b"one", blob[:-1] + bytes([blob[-1] ^ 1])).status, 422)
        self.assertEqual(self.send({"task": "sh", "args": ["wc -c < b.bin"]}).status, 422)

    def test_many_at_once_are_one_job(self):
        request = {"task": "sh", "args": ["echo all; " + "#" * 100_000]}
        start, replies = threading.Barrier(12), []

        def send():
            start.wait()
            replies.append(self.send(request, wait=30))

        threads = [threading.Thread(target=send) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual({reply.status for reply in replies}, {200})
        self.assertEqual(len({reply.json()["id"] for reply in replies}), 1)
        self.assertEqual(len([r for r in replies if not r.headers[REPLAYED]]), 1)

    def test_the_classic_face_knows_no_keys(self):
        ids = {self.http.post("/executor/submit", json.dumps({"data": "x"}),
                              Idempotency_Key=self.key).text for _ in range(2)}
        self.assertEqual(len(ids), 2)


class Restarts(KeyCase, OwnService):
    tasks = {name: None for name in ("cold", "kill-output", "build", "files", "lines", "tokens",
                                     "classic", "payload")}
    settings = {"waiting_max": 2}

    def test_over_kill_9_of_each_process(self):
        request = {"task": "sh", "args": ["echo kept"]}
        first = self.send(request, wait=30)
        self.assertEqual(first.status, 200, first.text)
        for role in ("gateway", "queue", "driver"):
            with self.subTest(role=role):
                pid = self.service.await_pid(role)
                os.kill(pid, signal.SIGKILL)
                self.service.await_pid(role, other_than=pid)
                self.service.await_ready()
                self.assert_same(first.json(), self.send(request))
                self.assertEqual(self.send({"task": "sh", "args": ["echo other"]}).status, 422)

    def test_a_key_goes_with_its_job(self):
        request = {"task": "short", "args": ["true"], "retention_s": 1}
        first = self.send(request, wait=30).json()
        for _ in service.until(30):
            again = self.send(request)
            if not again.headers[REPLAYED]:
                break
        self.assertEqual(again.status, 202)
        self.assertNotEqual(again.json()["id"], first["id"])

    def test_a_full_queue_knows_what_it_has(self):
        request = {"task": "one", "args": ["sleep 60"]}
        jobs = [self.native.accept("one", args=["sleep 60"]) for _ in range(2)]
        last = self.send(request)
        for _ in service.until(30):
            reply = self.native.submit("one", args=["true"])
            if reply.status == 503:
                break
            jobs.append(reply.json()["id"])
        self.assertEqual(reply.status, 503)
        self.assert_same(last.json(), self.send(request))
        for job in jobs + [last.json()["id"]]:
            self.native.call("DELETE", f"/v1/jobs/{job}")


if __name__ == "__main__":
    unittest.main()
