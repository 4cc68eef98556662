# SPDX-License-Identifier: MIT
"""
Another OCI runtime than the engine's own, chosen by a task: gVisor's runsc, which is a kernel of its
own, as far as it runs here; and one that the engine does not have.

The distribution's runsc knows cgroup v1 alone and no namespaces of processes' own cgroups, so it is
told to ignore them: what then limits a job is what the agent does without.
"""
import os
import shutil
import subprocess
import unittest

import service
from case import OwnService, content
from engine import Engine

RUNSC = {"path": shutil.which("runsc") or "/usr/bin/runsc",
         "runtimeArgs": ["--platform=ptrace", "--network=none"]}


class Runtimes(OwnService):
    @classmethod
    def setUpClass(cls):
        if shutil.which("runsc") is None:
            raise AssertionError("runsc is not installed: misc/packages test")
        cls.engine = Engine(settings={"runtimes": {"runsc": RUNSC}})
        cls.addClassCleanup(cls.engine.stop)
        cls.engine.start()
        image = service.make_image(cls.engine.docker)
        task = {**service.default_tasks(image, "u")["sh"], "warm": 0, "runtime": "runsc"}
        tasks = {name: None for name in service.default_tasks(image, "u") if name != "sh"}
        svc = service.Service(socket_path=cls.engine.socket, tasks={
            **tasks, "gvisor": {**task, "warm": 1}, "nested": {**task, "isolation": "sandbox"},
            "absent": {**task, "runtime": "kata"}})
        cls.addClassCleanup(svc.close)
        cls.use(svc.__enter__())

    def gvisor(self, script, **members):
        return self.native.run("gvisor", args=[script], **members)

    def test_its_kernel_is_another(self):
        job = self.gvisor("cat /proc/version; uname -r")
        self.assertEqual((job["verdict"], job["isolation"]), ("ok", "container"), job)
        self.assertNotIn(os.uname().release.encode(), content(job["stdout"]))

    def test_a_job_is_as_elsewhere(self):
        job = self.gvisor("cat; echo out; echo err >&2; echo made >made; exit 3", stdin="in\n",
                          collect=["made"])
        self.assert_verdict(job, "nonzero_exit")
        self.assertEqual((job["exit_code"], content(job["stdout"]), content(job["stderr"])),
                         (3, b"in\nout\n", b"err\n"))
        self.assertEqual([file["name"] for file in job["files"]], ["made"], job)

    def test_the_end_is_complete(self):
        """What outlives the first process is killed, in each of several steps."""
        job = self.gvisor("sleep 1000 & (sleep 1000 &) & cat", cases=[{"stdin": "1"}, {"stdin": "2"}])
        self.assert_verdict(job, "ok")
        self.assertEqual([content(case["stdout"]) for case in job["cases"]], [b"1", b"2"])

    def test_limits_that_hold(self):
        for script, limits, verdict, limit in (
                ("sleep 60", {"wall_ms": 500}, "wall_time_limit", "wall_ms"),
                ("while :; do :; done", {"cpu_ms": 100}, "cpu_time_limit", "cpu_ms"),
                ("head -c 2000000 /dev/zero >f || exit 1", {"disk_bytes": 1 << 20}, "disk_limit", "disk_bytes"),
                ("head -c 2000000 /dev/zero >f", {"file_bytes": 1 << 20}, "disk_limit", "file_bytes"),
                ("exec /payload touch-child 200000000", {"memory_bytes": 64 << 20}, "memory_limit", "memory_bytes"),
                ("i=0; while [ $i -lt 100 ]; do sleep 50 & i=$((i+1)); done; wait", {"processes": 20}, "process_limit", "processes"),
                ("kill -SEGV $$", {}, "signaled", None)):
            with self.subTest(script, **limits):
                self.assert_verdict(self.gvisor(script, limits=limits), verdict, limit)

    def test_no_sandbox_in_it(self):
        """Not refused: its jobs get a container each, and the log and doctor say so."""
        job = self.native.run("nested", args=["echo fine"])
        self.assertEqual((job["verdict"], job["isolation"]), ("ok", "container"), job)
        self.assertIn("task=nested isolation sandbox is not possible here", self.service.log(10000))

    def test_a_runtime_that_the_engine_does_not_have(self):
        job = self.native.run("absent", args=["echo never"])
        self.assert_verdict(job, "engine_error")
        self.assertIn("kata", job["error"])

    def test_doctor_knows_which_there_are(self):
        done = subprocess.run([service.DOCKGATE, "doctor", "--config", self.service.config],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, r"ok +runtime +task gvisor: runsc\n")
        self.assertRegex(done.stdout, r"FAIL +runtime +task absent: the engine has no runtime kata\n +-> ")


if __name__ == "__main__":
    unittest.main()
