# SPDX-License-Identifier: MIT
"""The pool of containers that wait for a job."""
import unittest

import service
from case import OwnService, content


class WarmCase(OwnService):
    def ids(self, task):
        return {c["Id"] for c in self.service.containers_of(task) if c["State"] == "running"}

    def await_count(self, task, count, seconds=30, without=frozenset()):
        """The running containers of that task, once there are so many, and none of `without`."""
        for _ in service.until(seconds, 0.05):
            found = self.ids(task)
            if len(found) == count and not found & without:
                return found
        raise AssertionError(f"{len(found)} containers of {task}, not {count}\n{self.service.log()}")


class Pool(WarmCase):
    changes = {"sh": {"warm": 2, "warm_max": 4, "warm_idle_s": 1}, "classic": {"warm": 0},
               "one": {"warm": 0, "warm_max": 0}, "payload": {"warm": 0}}

    def test_as_many_as_the_task_says_wait(self):
        self.await_count("sh", 2)
        self.await_count("cold", 0)

    def test_each_is_used_once_and_replaced(self):
        for n in range(4):
            before = self.await_count("sh", 2)
            job = self.sh(f"[ ! -e /tmp/used ] && : > /tmp/used && echo {n}")
            self.assertEqual(content(job["stdout"]), f"{n}\n".encode())
            for _ in service.until(30, 0.05):
                after = self.ids("sh")
                if len(after) == 2 and after != before:
                    break
            self.assertEqual(len(after), 2)
            self.assertNotEqual(after, before)

    def test_a_job_takes_a_waiting_one_and_makes_none_first(self):
        before = self.await_count("sh", 2)
        job = self.native.accept("sh", args=["sleep 1.5"])
        for _ in service.until(10):
            if self.native.job(job)["state"] == "running":
                break
        self.assertEqual(len(before & self.ids("sh")), 2)  # both live: one of them runs it
        self.native.ended(job)

    def test_idle_ones_above_the_floor_go(self):
        jobs = [self.native.accept("sh", args=["sleep 0.3"]) for _ in range(10)]
        most = 0
        for _ in service.until(60, 0.05):
            most = max(most, len(self.ids("sh")))
            if self.native.job(jobs[-1])["state"] == "done":
                break
        for job in jobs:
            self.assertEqual(self.native.ended(job)["verdict"], "ok")
        self.assertGreater(most, 2)
        self.await_count("sh", 2)

    def test_a_cold_job(self):
        self.assertEqual(self.ids("cold"), set())
        job = self.sh("echo cold", task="cold")
        self.assertEqual(content(job["stdout"]), b"cold\n")
        self.await_count("cold", 0)

    def test_raised_limits_start_cold(self):
        self.await_count("sh", 2)
        job = self.sh("cat /proc/meminfo > /dev/null; echo fine", limits={"memory_bytes": 512 << 20})
        self.assertEqual((job["verdict"], content(job["stdout"])), ("ok", b"fine\n"))

    def test_a_waiting_one_that_dies_is_replaced(self):
        before = self.await_count("sh", 2)
        victim = sorted(before)[0]
        self.service.docker.call("POST", f"/containers/{victim}/kill")
        self.await_count("sh", 2, without={victim})
        self.assertEqual(self.sh("true")["verdict"], "ok")

    def test_the_hardening_of_each(self):
        """What the engine was told of a container, member by member."""
        found = self.service.docker.inspect(sorted(self.await_count("sh", 2))[0])
        host = found["HostConfig"]
        self.assertEqual((host["NetworkMode"], host["ReadonlyRootfs"], host["Privileged"],
                          host["AutoRemove"], host["CapDrop"]), ("none", True, False, False, ["ALL"]))
        self.assertEqual(sorted(c.removeprefix("CAP_") for c in host["CapAdd"]), ["KILL", "SETGID", "SETUID"])
        self.assertEqual(host["LogConfig"]["Type"], "none")
        self.assertEqual(host["Memory"], host["MemorySwap"])
        self.assertGreater(host["Memory"], 0)
        self.assertGreater(host["PidsLimit"], 0)
        self.assertGreater(host["OomScoreAdj"], 0)
        self.assertIn("no-new-privileges", " ".join(host["SecurityOpt"]))
        self.assertTrue(any(option.startswith("seccomp=") and "unconfined" not in option
                            for option in host["SecurityOpt"]))
        self.assertEqual(host["CgroupnsMode"], "private")
        self.assertIn(host["IpcMode"], ("none", "private"))
        self.assertTrue(host["CgroupParent"])
        self.assertEqual(host["Binds"] or [], [])
        for mount in found["Mounts"]:
            self.assertFalse(mount["RW"], mount)
        limits = {entry["Name"]: entry["Hard"] for entry in host["Ulimits"]}
        self.assertEqual(limits["core"], 0)
        self.assertNotIn("docker.sock", str(found))


class Stop(WarmCase):
    def test_nothing_is_left_after_a_stop(self):
        self.await_count("sh", 2)
        running = self.native.accept("sh", args=["sleep 1; echo ran"])
        self.assertEqual(self.service.stop(), 0)
        self.assertEqual(self.service.containers(), [])
        self.service.start()
        self.assertEqual(content(self.native.ended(running)["stdout"]), b"ran\n")


if __name__ == "__main__":
    unittest.main()
