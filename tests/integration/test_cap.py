# SPDX-License-Identifier: MIT
"""The cgroup that all jobs are in together, and the bounds on it."""
import os
import unittest

import service
from case import OwnService

MIB = 1 << 20
NAME = f"dockgate-test-{os.getpid()}"
ROOT = "/sys/fs/cgroup"


def is_v2():
    return os.path.exists(f"{ROOT}/cgroup.controllers")


def number(controller, name_v1, name_v2, group=NAME):
    path = f"{ROOT}/{group}/{name_v2}" if is_v2() else f"{ROOT}/{controller}/{group}/{name_v1}"
    return int(service.read(path))


class Cap(OwnService):
    settings = {"memory_budget": 400 * MIB, "cgroup_parent": NAME}

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls.remove)
        super().setUpClass()
        info = cls.service.docker.call("GET", "/info").json()
        if info["CgroupDriver"] != "cgroupfs":
            raise AssertionError("where systemd has the cgroups, tests/package looks at the slice")

    @classmethod
    def remove(cls):
        for directory in [""] if is_v2() else os.listdir(ROOT):
            try:
                os.rmdir(os.path.join(ROOT, directory, NAME))
            except OSError:
                pass

    def test_it_follows_from_the_budget(self):
        self.assertEqual(number("memory", "memory.limit_in_bytes", "memory.max"), (500 + 256) * MIB)
        self.assertEqual(number("pids", "pids.max", "pids.max"), 16384)
        self.assertLess(number("cpu", "cpu.shares", "cpu.weight"), 1024 if not is_v2() else 100)

    def test_every_job_is_in_it(self):
        for task in ("sh", "cold"):
            job = self.native.accept(task, args=["sleep 60"])
            for _ in service.until(30):
                found = self.service.containers_of(task)
                pids = [self.service.docker.inspect(c["Id"])["State"]["Pid"] for c in found
                        if c["State"] == "running"]
                if pids and self.native.job(job)["state"] == "running":
                    break
            self.assertNotEqual(pids, [], task)
            for pid in pids:
                lines = service.read(f"/proc/{pid}/cgroup").decode().splitlines()
                for controller in ("memory", "pids") if not is_v2() else ("",):
                    path = next(line.split(":", 2)[2] for line in lines
                                if controller in line.split(":")[1].split(","))
                    self.assertTrue(path.startswith(f"/{NAME}/"), lines)
            self.native.call("DELETE", f"/v1/jobs/{job}")


if __name__ == "__main__":
    unittest.main()
