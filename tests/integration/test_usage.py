# SPDX-License-Identifier: MIT
"""The figures of a job against programs of known cost. These measure the program, not the service."""
import statistics
import unittest

from case import Case

MIB = 1 << 20


class Usage(Case):
    def payload(self, *args, **members):
        job = self.native.run("payload", args=[str(a) for a in args], **members)
        self.assertEqual(job["verdict"], "ok", job)
        return job["usage"]

    def assert_cpu(self, usage, burned_ms):
        self.assertLessEqual(abs(usage["cpu_ms"] - burned_ms), max(burned_ms * 0.05, 5), usage)

    def assert_memory(self, usage, size):
        self.assertLessEqual(abs(usage["memory_peak_bytes"] - size), max(size * 0.05, 2 * MIB), usage)

    def test_cpu_time(self):
        for ms in (20, 200, 1000):
            self.assert_cpu(self.payload("spin", ms), ms)

    def test_cpu_time_of_children(self):
        job = self.sh("for i in 1 2 3; do /payload spin 150 & done; wait")
        self.assert_cpu(job["usage"], 450)

    def test_cpu_time_of_orphans(self):
        self.assert_cpu(self.payload("orphan-spin", 400), 400)

    def test_an_idle_program_costs_nothing(self):
        self.assertLessEqual(self.payload("sleep", 300)["cpu_ms"], 5)

    def test_anonymous_memory(self):
        for mib in (16, 64, 200):
            self.assert_memory(self.payload("memory", mib), mib * MIB)

    def test_tmpfs_memory(self):
        for mib in (16, 48):
            self.assert_memory(self.payload("tmpfs", mib), mib * MIB)

    def test_memory_that_was_given_back_still_counts(self):
        self.assert_memory(self.sh("/payload memory 64; /payload memory 16")["usage"], 64 * MIB)

    def test_each_case_has_its_own_peak(self):
        job = self.native.run("payload", args=["memory"], cases=[{"args": ["64"]}, {"args": ["16"]}])
        for case, mib in zip(job["cases"], (64, 16)):
            self.assert_memory(case["usage"], mib * MIB)

    def test_each_case_has_its_own_cpu_time(self):
        job = self.native.run("payload", args=["spin"], cases=[{"args": ["300"]}, {"args": ["20"]}])
        for case, ms in zip(job["cases"], (300, 20)):
            self.assert_cpu(case["usage"], ms)

    def test_wall_time(self):
        """The median of five: a busy machine wakes a sleeper late, and that is the program's time."""
        for ms in (1, 100, 500):
            walls = [self.payload("sleep", ms)["wall_ms"] for _ in range(5)]
            self.assertLessEqual(abs(statistics.median(walls) - ms), 5, walls)

    def test_processes(self):
        usage = self.sh("for i in 1 2 3 4 5; do sleep 0.5 & done; wait")["usage"]
        self.assertEqual(usage["processes_peak"], 6)


if __name__ == "__main__":
    unittest.main()
