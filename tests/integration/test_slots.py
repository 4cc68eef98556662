# SPDX-License-Identifier: MIT
"""Containers that run job after job: what ends one, what does not, and where there are none."""
import os
import shutil
import signal
import subprocess
import unittest

import service
from case import OwnService, content

MIB = 1 << 20


class SlotCase(OwnService):
    level = "sandbox"

    def slots(self, task="sh"):
        return {c["Id"] for c in self.service.containers_of(task) if c["State"] == "running"}

    def await_slots(self, condition, task="sh", seconds=30):
        for _ in service.until(seconds, 0.05):
            found = self.slots(task)
            if condition(found):
                return found
        raise AssertionError(f"slots of {task}: {found}\n{self.service.log()}")

    def one_slot(self, task="one"):
        """The task's only one: one job at a time, and no time between them to make another one."""
        self.sh("true", task=task)
        return self.await_slots(lambda found: found, task)

    def running(self, task, script):
        job = self.native.accept(task, args=[script])
        for _ in service.until(30):
            if self.native.job(job)["started_at"]:
                return job
        raise AssertionError(self.service.log())


class Slots(SlotCase):
    changes = {"sh": {"warm": 1, "warm_idle_s": 3600}, "classic": {"warm": 0}, "payload": {"warm": 0},
               "one": {"isolation": "sandbox", "warm": 1}}
    tasks = {"few": None}

    @classmethod
    def setUpClass(cls):
        image = service.make_image(service.Docker(service.docker_socket()))
        shell = {"image": image, "command": ["/bin/sh", "-c"], "isolation": "sandbox", "warm": 1}
        cls.tasks = {"few": {**shell, "slot_jobs": 3, "concurrency": 1},
                     "big": {**shell, "warm": 0, "concurrency": 1, "limits": {"memory_bytes": 64 * MIB}}}
        super().setUpClass()

    def assert_kept(self, before, task="one"):
        job = self.sh("echo fine", task=task)
        self.assertEqual(content(job["stdout"]), b"fine\n")
        self.assertLessEqual(before, self.slots(task))

    def test_one_is_used_again(self):
        before = self.one_slot()
        for _ in range(20):
            self.assertEqual(self.sh("true", task="one")["verdict"], "ok")
        self.assert_kept(before)

    def test_one_is_replaced_after_so_many_jobs(self):
        before = self.one_slot("few")
        for _ in range(60):  # there may be two, of which one is seldom used
            self.assertEqual(self.sh("true", task="few")["attempt"], 1)
            if not before & self.slots("few"):
                return
        self.fail(self.service.log())

    def test_limits_do_not_cost_it(self):
        before = self.one_slot()
        for script, limits, verdict in (
                ("while :; do :; done", {"cpu_ms": 100}, "cpu_time_limit"),
                ("sleep 60", {"wall_ms": 100}, "wall_time_limit"),
                ("yes", {"output_bytes": 1000, "wall_ms": 200}, "wall_time_limit"),
                ("tail /dev/zero", {"memory_bytes": 16 * MIB}, "memory_limit"),
                ("kill -9 -1; exit 7", {}, "nonzero_exit"), ("kill -SEGV $$", {}, "signaled")):
            job = self.sh(script, task="one", limits=limits)
            self.assertEqual((job["verdict"], job["isolation"]), (verdict, "sandbox"), job)
        self.assert_kept(before)

    def test_arguments_past_the_memory_limit_do_not_cost_it(self):
        before = self.one_slot()
        job = self.native.run("one", args=["x" * 131000] * 64, limits={"memory_bytes": 4 * MIB})
        self.assertEqual((job["verdict"], job["isolation"], job["attempt"]), ("memory_limit", "sandbox", 1), job)
        self.assert_kept(before)

    def test_a_cancelled_job_does_not_cost_it(self):
        before = self.one_slot()
        job = self.running("one", "trap '' TERM; echo begun; sleep 60")
        self.native.call("DELETE", f"/v1/jobs/{job}")
        self.assertEqual(self.native.ended(job)["verdict"], "cancelled")
        self.assert_kept(before)

    def test_a_cancelled_job_that_does_not_read_its_input(self):
        job = self.native.accept("one", args=["sleep 60"], stdin="x" * (4 * MIB))
        for _ in service.until(30):
            if self.native.job(job)["started_at"]:
                break
        self.native.call("DELETE", f"/v1/jobs/{job}")
        self.assertEqual(self.native.ended(job)["verdict"], "cancelled")
        self.assertEqual(content(self.sh("echo fine", task="one")["stdout"]), b"fine\n")

    def test_a_dead_one_is_replaced_and_its_job_runs_again(self):
        before = self.one_slot()
        job = self.running("one", "sleep 1; echo fine")
        for container in before:
            self.service.docker.call("POST", f"/containers/{container}/kill", fine=(204, 404, 409))
        ended = self.native.ended(job)
        self.assertEqual((ended["verdict"], ended["attempt"]), ("ok", 2), ended)
        self.await_slots(lambda found: found and not found & before, "one")

    def test_a_frozen_one_ends_at_the_drivers_clock(self):
        before = self.one_slot()
        job = self.native.accept("one", args=["sleep 60"], limits={"wall_ms": 1000})
        for _ in service.until(30):
            if self.native.job(job)["started_at"]:
                break
        for container in before:
            self.service.docker.call("POST", f"/containers/{container}/pause", fine=(204, 404, 409))
        ended = self.native.ended(job)
        self.assertEqual((ended["verdict"], ended["attempt"]), ("wall_time_limit", 1), ended)
        self.assertEqual(content(self.sh("echo fine", task="one")["stdout"]), b"fine\n")
        self.await_slots(lambda found: found and not found & before, "one")

    def test_raised_limits_take_a_container_of_their_own(self):
        before = self.one_slot("big")
        tasks = {t["name"]: t for t in self.native.call("GET", "/v1/tasks").json()["tasks"]}
        raised = tasks["big"]["limits"]["memory_bytes"] * 2
        job = self.sh("echo fine", task="big", limits={"memory_bytes": raised})
        self.assertEqual((job["verdict"], job["isolation"]), ("ok", "container"))
        lowered = self.sh("echo fine", task="big", limits={"memory_bytes": raised // 4})
        self.assertEqual((lowered["verdict"], lowered["isolation"]), ("ok", "sandbox"))
        self.assertLessEqual(before, self.slots("big"))

    def test_there_are_more_under_load_than_at_rest(self):
        jobs = [self.native.accept("sh", args=["sleep 0.5"]) for _ in range(8)]
        for job in jobs:
            self.assertEqual(self.native.ended(job)["isolation"], "sandbox")
        self.assertGreater(len(self.slots()), 1)

    def test_a_driver_that_starts_anew_removes_those_of_before(self):
        before = self.one_slot()
        job = self.running("one", "sleep 2; echo fine")
        pid = self.service.await_pid("driver")
        os.kill(pid, signal.SIGKILL)
        self.service.await_pid("driver", other_than=pid)
        ended = self.native.ended(job)
        self.assertEqual((ended["verdict"], ended["attempt"]), ("ok", 2), ended)
        self.await_slots(lambda found: found and not found & before, "one")

    def test_doctor_says_that_it_works(self):
        self.one_slot()
        done = subprocess.run([service.DOCKGATE, "doctor", "--config", self.service.config],
                              capture_output=True, text=True, check=False)
        self.assertRegex(done.stdout, r"(?m)^ok +sandbox +works here")


class NewImage(SlotCase):
    """The tag is this test's alone, and becomes another image under the running service."""
    repo, tag = "dockgate/test-slots", str(os.getpid())

    @classmethod
    def make(cls, docker, version):
        files = {"bin/busybox": (0o755, service.read(shutil.which("busybox"))),
                 "version": (0o644, version)}
        docker.import_image(cls.repo, cls.tag, service.image_tar(files))

    @classmethod
    def setUpClass(cls):
        docker = service.Docker(service.docker_socket())
        name = f"{cls.repo}:{cls.tag}"
        cls.make(docker, b"old")
        cls.addClassCleanup(docker.call, "DELETE", f"/images/{name}?force=1", fine=(200, 404, 409))
        cls.tasks = {"tagged": {"image": name, "command": ["/bin/busybox", "cat", "/version"],
                                "isolation": "sandbox", "warm": 1, "concurrency": 1}}
        super().setUpClass()

    def test_slots_of_the_old_one_go(self):
        job = self.native.run("tagged")
        self.assertEqual((content(job["stdout"]), job["isolation"]), (b"old", "sandbox"))
        before = self.await_slots(lambda found: found, "tagged")
        self.make(self.service.docker, b"new")
        self.await_slots(lambda found: found and not found & before, "tagged", 60)
        after = self.native.run("tagged")
        self.assertEqual(content(after["stdout"]), b"new")
        self.assertNotEqual(after["image"], job["image"])


class Fallback(SlotCase):
    """
    A part of /proc is covered in the containers of this task: as on a host that hides it, the
    kernel refuses a proc of their own to the jobs.
    """

    @classmethod
    def setUpClass(cls):
        image = service.make_image(service.Docker(service.docker_socket()))
        cls.tasks = {"covered": {"image": image, "command": ["/bin/sh", "-c"], "warm": 1,
                                 "isolation": "sandbox",
                                 "mount": {"source": "/proc/uptime", "target": "/proc/uptime"}}}
        super().setUpClass()

    def test_jobs_get_a_container_each(self):
        for _ in range(2):
            job = self.native.run("covered", args=["echo fine"])
            self.assertEqual((job["verdict"], job["isolation"], job["attempt"]), ("ok", "container", 1), job)
        self.assertEqual(self.native.run("sh", args=["true"])["isolation"], "sandbox")
        said = [line for line in self.service.log(10000).splitlines() if "isolation sandbox" in line]
        self.assertEqual(len(said), 1, said)
        self.assertIn("task=covered", said[0])
        done = subprocess.run([service.DOCKGATE, "doctor", "--config", self.service.config],
                              capture_output=True, text=True, check=False)
        self.assertRegex(done.stdout, r"(?m)^warn +sandbox +not possible here")


if __name__ == "__main__":
    unittest.main()
