# SPDX-License-Identifier: MIT
"""Which of the machine's processors a job's programs run on."""
import os

import service
from case import OwnService, at_both_levels, content

LIST = "grep Cpus_allowed_list /proc/self/status"
CPUS = sorted(os.sched_getaffinity(0))


def processors(job):
    """Of the list that it printed: "Cpus_allowed_list:\t0-3,8"."""
    found = []
    for part in content(job["stdout"]).decode().split()[1].split(","):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


@at_both_levels
class Pinned(OwnService):

    def test_a_job_has_as_many_as_it_may_use(self):
        for cpus, n in ((0.5, 1), (1, 1), (1.5, min(2, len(CPUS)))):
            job = self.sh(LIST, limits={"cpus": cpus})
            self.assertEqual(len(processors(job)), n, (cpus, job))

    def test_its_threads_see_that_many(self):
        self.assertEqual(content(self.sh("nproc")["stdout"]), b"1\n")

    def test_jobs_at_one_time_have_their_own(self):
        for _ in service.until(60):
            ids = [self.native.accept("sh", args=[f"sleep 1; {LIST}; sleep 1"])
                   for _ in range(min(2, len(CPUS)))]
            jobs = [self.native.ended(job) for job in ids]
            if max(job["started_at"] for job in jobs) < min(job["finished_at"] for job in jobs):
                break
        found = sum(map(processors, jobs), [])
        self.assertEqual(len(set(found)), len(jobs), found)

    def test_one_after_the_other_has_the_same(self):
        """What a job had is free again once it has ended, however it ends."""
        for script in ("exit 1", "kill -9 $$", "while :; do :; done", LIST):
            job = self.sh(script, limits={"cpus": 1, "wall_ms": 300})
        self.assertEqual(processors(job), CPUS[:1])


class Unpinned(OwnService):
    settings = {"pin_jobs": False}

    def test_a_job_runs_on_any(self):
        self.assertEqual(processors(self.sh(LIST)), CPUS)
