# SPDX-License-Identifier: MIT
"""How long results stay, and how many bytes of them."""
import os
import re
import unittest

import service
from case import OwnService

MIB = 1 << 20


class Bounds(OwnService):
    settings = {"keep_bytes": 4 * MIB}

    def figure(self, name):
        text = self.native.call("GET", "/metrics").text
        return float(re.search(rf"(?m)^dockgate_{re.escape(name)} (\S+)$", text)[1])

    def output(self, n):
        return self.native.run("sh", args=[f"head -c {n} /dev/zero"])["id"]

    def status(self, job):
        return self.native.call("GET", f"/v1/jobs/{job}").status

    def await_gone(self, job):
        for _ in service.until(20):
            if self.status(job) == 404:
                return
        self.fail(f"{job} is still there")

    def spool(self):
        size = 0
        for entry in os.scandir(f"{self.service.state}/queue/spool"):
            try:
                size += entry.stat().st_size
            except FileNotFoundError:
                pass  # it went while we looked
        return size

    def test_the_oldest_go_first_and_a_running_one_never(self):
        running = self.native.submit("sh", args=["cat; sleep 60"], stdin="x" * MIB).json()["id"]
        jobs = [self.output(MIB) for _ in range(5)]
        self.await_gone(jobs[0])
        self.await_gone(jobs[1])
        self.assertEqual([self.status(job) for job in jobs[-2:]], [200, 200])
        self.assertIn(self.native.job(running)["state"], ("queued", "running"))
        self.native.call("DELETE", f"/v1/jobs/{running}")
        for _ in service.until(20):
            if self.spool() <= 4 * MIB:
                break
        self.assertLessEqual(self.spool(), 4 * MIB)
        self.assertGreaterEqual(self.figure('jobs_removed_total{reason="keep_bytes"}'), 2)
        self.assertLessEqual(self.figure("kept_bytes"), 4 * MIB)
        self.assertGreaterEqual(self.figure("kept_oldest_seconds"), 0)

    def test_what_could_not_be_stored_in_any_case(self):
        reply = self.native.submit("sh", args=["true"], stdin="x" * 5 * MIB)
        self.assertEqual(reply.status, 503)
        self.assertIn("keep_bytes", reply.json()["detail"])
        self.assertGreater(int(reply.headers["Retry-After"]), 0)

    def test_it_holds_after_a_start(self):
        job = self.output(MIB)
        kept = self.figure("kept_bytes")
        queue = self.service.pid("queue")
        os.kill(queue, 9)
        self.service.await_pid("queue", other_than=queue)
        self.service.await_ready()
        self.assertEqual(self.figure("kept_bytes"), kept)
        self.assertEqual(self.status(job), 200)


if __name__ == "__main__":
    unittest.main()
