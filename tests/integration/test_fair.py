# SPDX-License-Identifier: MIT
"""Whose turn it is: classes, places, and when a job is said to start."""
import hashlib
import os
import signal

from case import OwnService

STAMP = r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z"


def hash_of(token):
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


class Shares(OwnService):
    """Three clients; a client's name is its token."""
    settings = {'client "many"': {"token_hash": hash_of("many")},
                'client "heavy"': {"token_hash": hash_of("heavy"), "weight": 3},
                'client "bound"': {"token_hash": hash_of("bound"), "max_running": 1}}
    changes = {"one": {"limits": {"cpu_ms": 600000, "wall_ms": 600000}}}

    def call(self, client, method, target, value=None):
        return self.native.call(method, target, value, {"Authorization": f"Bearer {client}"})

    def accept(self, client, task, script):
        reply = self.call(client, "POST", "/v1/jobs", {"task": task, "args": [script]})
        self.assertEqual(reply.status, 202, reply.text)
        return reply.json()["id"]

    def job(self, client, job):
        return self.call(client, "GET", f"/v1/jobs/{job}").json()

    def ended(self, client, job):
        return self.call(client, "GET", f"/v1/jobs/{job}?wait=30").json()

    def tearDown(self):
        for client in ("many", "heavy", "bound"):
            self.call(client, "DELETE", "/v1/jobs?all=1")

    def positions(self, client, jobs):
        return [self.job(client, job)["position"] for job in jobs]

    def test_a_single_job_goes_before_a_crowd(self):
        holder = self.accept("many", "one", "sleep 600")
        crowd = [self.accept("many", "one", "true") for _ in range(5)]
        single = self.accept("bound", "one", "true")
        self.assertEqual(self.positions("bound", [single]), [1])
        self.assertEqual(self.positions("many", crowd), [2, 3, 4, 5, 6])
        self.call("many", "DELETE", f"/v1/jobs/{holder}")
        first = self.ended("bound", single)
        others = [self.ended("many", job) for job in crowd]
        self.assertEqual({job["verdict"] for job in (first, *others)}, {"ok"})
        for job in others:
            self.assertLessEqual(first["started_at"], job["started_at"])

    def test_weights(self):
        self.accept("bound", "one", "sleep 600")
        light = [self.accept("many", "one", "true") for _ in range(4)]
        heavy = [self.accept("heavy", "one", "true") for _ in range(9)]
        # Three of the heavy one's for each of the light one's, which goes behind where they meet.
        self.assertEqual(self.positions("many", light)[1:], [6, 10, 13])
        self.assertEqual(self.positions("heavy", heavy)[-1], 12)

    def test_a_bounded_client_is_passed_over(self):
        running = self.accept("bound", "sh", "sleep 600")
        waiting = self.accept("bound", "sh", "true")
        self.assertEqual(self.ended("many", self.accept("many", "sh", "true"))["verdict"], "ok")
        self.assertEqual(self.job("bound", waiting)["state"], "queued")
        self.call("bound", "DELETE", f"/v1/jobs/{running}")
        self.assertEqual(self.ended("bound", waiting)["verdict"], "ok")

    def test_only_ones_own_are_swept(self):
        mine = self.accept("many", "one", "sleep 600")
        theirs = self.accept("heavy", "one", "true")
        self.assertEqual(self.call("many", "DELETE", "/v1/jobs?client=heavy").status, 403)
        self.assertEqual(self.call("many", "DELETE", "/v1/jobs?task=one").json(), {"cancelled": 1})
        self.assertEqual(self.job("many", mine)["verdict"], "cancelled")
        self.assertEqual(self.ended("heavy", theirs)["verdict"], "ok")
        for target in (f"/v1/jobs/{theirs}/retry",):
            self.assertEqual(self.call("many", "POST", target).status, 404)
        self.assertEqual(self.call("many", "DELETE", f"/v1/jobs/{theirs}?purge=1").status, 404)
        again = self.call("heavy", "POST", f"/v1/jobs/{theirs}/retry").json()["id"]
        self.assertEqual(self.ended("heavy", again)["verdict"], "ok")
        self.assertEqual(self.call("many", "POST", "/v1/queue/pause").status, 403)


class Waiting(OwnService):
    """Task "one" runs one job at a time; the first holds it."""
    changes = {"one": {"limits": {"cpu_ms": 600000, "wall_ms": 600000}}}

    def setUp(self):
        self.holder = self.native.accept("one", args=["sleep 600"])
        self.jobs = [self.holder]
        self.addCleanup(self.cancel_all)

    def cancel_all(self):
        for job in self.jobs:
            self.native.call("DELETE", f"/v1/jobs/{job}")

    def wait_in_line(self, **members):
        self.jobs.append(self.native.accept("one", args=["true"], **members))
        return self.jobs[-1]

    def restart_queue(self):
        pid = self.service.pid("queue")
        os.kill(pid, signal.SIGKILL)
        self.service.await_pid("queue", other_than=pid)
        self.service.await_ready()

    def positions(self, jobs):
        return [self.native.job(job)["position"] for job in jobs]

    def test_a_class_goes_first_and_survives_a_restart(self):
        low, other, high = (self.wait_in_line(), self.wait_in_line(), self.wait_in_line(priority=3))
        self.assertEqual(self.positions([high, low, other]), [1, 2, 3])
        self.restart_queue()
        self.assertEqual(self.positions([high, low, other]), [1, 2, 3])
        rows = {row["id"][:12]: row for row in self.native.call("GET", "/v1/queue").json()["jobs"]}
        self.assertEqual([rows[job[:12]]["position"] for job in (high, low, other)], [1, 2, 3])
        self.native.call("DELETE", f"/v1/jobs/{self.holder}")
        ended = [self.native.ended(job) for job in (high, low, other)]
        self.assertEqual([job["verdict"] for job in ended], ["ok"] * 3)
        self.assertEqual(ended, sorted(ended, key=lambda job: job["started_at"]))

    def test_b_the_start_is_estimated_from_what_has_ended(self):
        self.restart_queue()  # it forgets how long jobs take
        waiting = [self.wait_in_line() for _ in range(3)]
        self.assertIsNone(self.native.job(waiting[0])["estimated_start"])
        self.sh("sleep 0.1")
        starts = [self.native.job(job)["estimated_start"] for job in waiting]
        for start in starts:
            self.assertRegex(start, STAMP)
        self.assertEqual(starts, sorted(starts))
        self.assertLess(starts[0], starts[2])
        listed = self.native.call("GET", "/v1/jobs?state=queued").json()["jobs"]
        self.assertRegex(listed[0]["estimated_start"], STAMP)
        self.native.call("DELETE", f"/v1/jobs/{self.holder}")
        self.assertIsNone(self.native.ended(waiting[0])["estimated_start"])
