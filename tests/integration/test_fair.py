# SPDX-License-Identifier: MIT
"""Whose turn it is: classes, places, and when a job is said to start."""
import os
import signal

from case import OwnService

STAMP = r"\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\Z"


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
