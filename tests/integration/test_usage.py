# SPDX-License-Identifier: MIT
"""The figures of a job against programs of known cost. These measure the program, not the service."""
import unittest

from case import Case, at_both_levels, content

MIB = 1 << 20


@at_both_levels
class Usage(Case):
    def payload(self, *args, **members):
        job = self.native.run("payload", args=[str(a) for a in args], **members)
        self.assertEqual(job["verdict"], "ok", job)
        return job

    def reported(self, job):
        """What the payload says that it took, in milliseconds; of several, their sum."""
        return sum(float(line) for line in content(job["stdout"]).split())

    def assert_cpu(self, step, burned_ms):
        self.assertLessEqual(abs(step["usage"]["cpu_ms"] - burned_ms), max(burned_ms * 0.05, 5),
                             step["usage"])

    def assert_memory(self, step, size):
        self.assertLessEqual(abs(step["usage"]["memory_peak_bytes"] - size),
                             max(size * 0.05, 2 * MIB), step["usage"])

    def test_cpu_time(self):
        for ms in (20, 200, 1000):
            job = self.payload("spin", ms)
            self.assertGreaterEqual(self.reported(job), ms)
            self.assert_cpu(job, self.reported(job))

    def test_cpu_time_of_children(self):
        job = self.sh("for i in 1 2 3; do /payload spin 150 & done; wait")
        self.assertGreaterEqual(self.reported(job), 450)
        self.assert_cpu(job, self.reported(job))

    def test_cpu_time_of_orphans(self):
        self.assert_cpu(self.payload("orphan", 400), 400)

    def test_an_idle_program_costs_nothing(self):
        self.assert_cpu(self.payload("sleep", 300), 0)

    def test_anonymous_memory(self):
        for mib in (16, 64, 200):
            self.assert_memory(self.payload("touch", mib * MIB), mib * MIB)

    def test_memory_of_two_programs_at_one_time(self):
        self.assert_memory(self.payload("touch-two", 32 * MIB), 64 * MIB)

    def test_tmpfs_memory(self):
        for path in ("/workspace/f", "/tmp/f"):
            for mib in (16, 48):
                self.assert_memory(self.payload("tmpfs", mib * MIB, path), mib * MIB)

    def test_memory_that_was_given_back_still_counts(self):
        self.assert_memory(self.sh(f"/payload touch {64 * MIB}; /payload touch {16 * MIB}"), 64 * MIB)

    def test_each_case_has_its_own_peak(self):
        sizes = (64 * MIB, 16 * MIB)
        job = self.native.run("payload", args=["touch"], cases=[{"args": [str(n)]} for n in sizes])
        for case, size in zip(job["cases"], sizes):
            self.assert_memory(case, size)

    def test_each_case_has_its_own_cpu_time(self):
        job = self.native.run("payload", args=["spin"], cases=[{"args": ["300"]}, {"args": ["20"]}])
        for case in job["cases"]:
            self.assert_cpu(case, self.reported(case))

    def test_wall_time(self):
        """The best of some: on a busy machine time passes between the start and the program's first look."""
        for ms in (1, 100, 500):
            off = []
            while len(off) < 4 or (min(off) > 5 and len(off) < 40):
                job = self.payload("sleep", ms)
                off.append(job["usage"]["wall_ms"] - self.reported(job))
            self.assertGreaterEqual(min(off), 0, off)
            self.assertLessEqual(min(off), 5, off)

    def test_processes(self):
        job = self.sh("for i in 1 2 3 4 5; do sleep 0.5 & done; wait")
        self.assertEqual(job["usage"]["processes_peak"], 6)


if __name__ == "__main__":
    unittest.main()
