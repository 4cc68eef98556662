# SPDX-License-Identifier: MIT
"""
GPUs: what the engine is asked for, who gets which, and what is said where there are none.

An engine without the NVIDIA toolkit refuses. An engine hands a container to the toolkit's hook if
that program is in its PATH: one that does nothing lets jobs run without a GPU, so that everything
but the toolkit is the real thing.
"""
import os
import subprocess
import tempfile
import unittest

import engine
import service
from case import Case, OwnService, content

HOOK = "nvidia-container-runtime-hook"


def doctor(svc):
    return subprocess.run([service.DOCKGATE, "doctor", "--config", svc.config],
                          capture_output=True, text=True, timeout=120, check=False)


class NoToolkit(OwnService):
    tasks = {"gpu": {"image": "-", "command": ["/bin/sh", "-c"], "gpus": 1, "warm": 1}}

    @classmethod
    def setUpClass(cls):
        cls.tasks = {"gpu": {**service.default_tasks("i", "u")["sh"], "gpus": 1, "warm": 0}}
        cls.tasks["gpu"]["image"] = service.make_image(service.Docker(service.docker_socket()))
        super().setUpClass()

    def test_the_job_says_what_to_install(self):
        job = self.native.run("gpu", args=["echo never"])
        self.assert_verdict(job, "engine_error")
        self.assertIn("could not select device driver", job["error"])
        self.assertIn("nvidia-container-toolkit", job["error"])

    def test_doctor_says_it_before(self):
        done = doctor(self.service)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertRegex(done.stdout, r"FAIL +gpus +task gpu \(1\): .*could not select device driver"
                                      r".*\n +-> install .*nvidia-container-toolkit")
        left = self.service.docker.containers("org.dockgate.doctor")
        self.assertEqual(left, [])

    def test_other_tasks_are_not_harmed(self):
        self.assertEqual(content(self.sh("echo fine")["stdout"]), b"fine\n")


class Dealt(Case):
    """Two GPUs by the configuration's word."""

    @classmethod
    def setUpClass(cls):
        cls.bin = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.bin.cleanup)
        hook = os.path.join(cls.bin.name, HOOK)
        service.Service.write_file(hook, "#!/bin/sh\nexit 0\n", 0o755)
        cls.engine = engine.Engine([cls.bin.name])
        cls.addClassCleanup(cls.engine.stop)
        cls.engine.start()
        shell = service.default_tasks(service.make_image(cls.engine.docker), "u")["sh"]
        shell = {**shell, "warm": 0}
        svc = service.Service(
            {"gpus": ["0", "GPU-b"], "slots": 8},
            {"gpu": {**shell, "gpus": 1}, "both": {**shell, "gpus": "all"},
             "named": {**shell, "gpus": "device=0"},
             "shared": {**shell, "gpus": "all", "gpus_shared": True, "warm": 1}},
            socket_path=cls.engine.socket)
        cls.addClassCleanup(svc.close)
        cls.use(svc.__enter__())

    def start(self, task, seconds=60):
        return self.native.accept(task, args=[f"sleep {seconds}"])

    def await_running(self, *jobs):
        for _ in service.until(60, 0.05):
            states = [self.native.job(job)["state"] for job in jobs]
            if all(state == "running" for state in states):
                return
        self.fail(f"{states}\n{self.service.log()}")

    def cancel(self, *jobs):
        for job in jobs:
            self.native.call("DELETE", f"/v1/jobs/{job}")

    def requests(self, task):
        """What running containers of the task were made with."""
        found = []
        for container in self.service.containers_of(task):
            if container["State"] == "running":
                host = self.engine.docker.inspect(container["Id"])["HostConfig"]
                found += host["DeviceRequests"]
        return found

    def gpus(self):
        node, = self.native.call("GET", "/v1/nodes").json()["nodes"]
        return {gpu["id"]: gpu["busy"] for gpu in node["gpus"]}

    def await_gpus(self, expected):
        for _ in service.until(60, 0.05):
            if self.gpus() == expected:
                return
        self.assertEqual(self.gpus(), expected)

    def test_two_jobs_never_have_one(self):
        first, second, third = (self.start("gpu") for _ in range(3))
        self.await_running(first, second)
        self.assertEqual(self.gpus(), {"0": True, "GPU-b": True})
        self.assertEqual(self.native.job(third)["state"], "queued")
        for _ in service.until(30, 0.05):
            requests = self.requests("gpu")
            if len(requests) == 2:
                break
        for request in requests:
            self.assertEqual(request["Capabilities"], [["gpu"]])
        self.assertEqual(sorted(id_ for r in requests for id_ in r["DeviceIDs"]), ["0", "GPU-b"])
        self.assertEqual(content(self.sh("echo past")["stdout"]), b"past\n")
        self.assertEqual(self.native.job(third)["state"], "queued")
        self.cancel(second)
        self.await_running(third)
        self.cancel(first, third)
        self.await_gpus({"0": False, "GPU-b": False})

    def test_all_waits_for_all(self):
        named = self.start("named")
        self.await_running(named)
        self.assertEqual(self.gpus(), {"0": True, "GPU-b": False})
        both = self.start("both")
        behind = self.start("gpu")  # one is free, but `both` was first
        self.assertEqual(content(self.sh("echo past")["stdout"]), b"past\n")
        self.assertEqual([self.native.job(job)["state"] for job in (both, behind)], ["queued"] * 2)
        self.cancel(named)
        self.await_running(both)
        self.assertEqual(self.gpus(), {"0": True, "GPU-b": True})
        self.assertEqual(self.native.job(behind)["state"], "queued")
        self.cancel(both, behind)
        self.await_gpus({"0": False, "GPU-b": False})

    def test_those_that_share_run_together_and_warm(self):
        jobs = [self.start("shared") for _ in range(2)]
        self.await_running(*jobs)
        for _ in service.until(30, 0.05):
            requests = self.requests("shared")
            if requests:
                break
        self.assertEqual(requests[0]["Count"], -1)
        alone = self.start("gpu")
        self.assertEqual(content(self.sh("echo past")["stdout"]), b"past\n")
        self.assertEqual(self.native.job(alone)["state"], "queued")
        self.cancel(*jobs)
        self.await_running(alone)
        self.cancel(alone)
        self.await_gpus({"0": False, "GPU-b": False})

    def test_doctor_is_content(self):
        self.assertRegex(doctor(self.service).stdout, r"ok +gpus +task gpu: the engine has")


if __name__ == "__main__":
    unittest.main()
