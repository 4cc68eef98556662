# SPDX-License-Identifier: MIT
"""The four roles started one by one, as an init system would, with nothing handed over."""
import contextlib
import os
import select
import signal
import socket
import subprocess
import tempfile
import unittest

import service
from service import DOCKGATE, SECCOMP, UIDS, status_of, until

ORDER = ("gateway", "queue", "courier", "driver") # and back at the end


class Apart(service.Service):
    """Without a supervisor; self.roles has the processes."""

    def __init__(self, **more):
        super().__init__(**more)
        self.roles = {}

    def start(self, seconds=60):
        os.makedirs(self.state, exist_ok=True)
        for role in ORDER:
            self.start_role(role, seconds)
        return self

    def start_role(self, role, seconds=60, config=None):
        """Returns once it has said that it is ready."""
        path = os.path.join(self.directory, f"notify-{role}")
        if os.path.exists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            os.chmod(path, 0o777)
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(
                    [DOCKGATE, role, "--config", config or self.config], cwd="/",
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env={**os.environ, "NOTIFY_SOCKET": path, "WATCHDOG_USEC": "300000"})
            self.roles[role] = self.process
            try:
                self.await_notice(notify, seconds)
            finally:
                self.process = None

    def stop_role(self, role, signo=signal.SIGTERM):
        process = self.roles.pop(role)
        process.send_signal(signo)
        return process.wait(60)

    def stop(self, seconds=60):
        status = [self.stop_role(role) for role in reversed(ORDER) if role in self.roles]
        return max(status) if status else None

    def kill(self):
        for process in self.roles.values():
            process.kill()
            process.wait()
        self.roles = {}


class Roles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.service = Apart()
        cls.addClassCleanup(cls.service.close)
        cls.service.__enter__()

    def run_one(self):
        for _ in until(30):
            if self.service.http.get("/readyz").status == 200:
                break
        self.assertEqual(self.service.native.run("sh", args=["echo apart"])["stdout"]["content"], "apart\n")

    def test_a_job_runs(self):
        self.run_one()

    def test_each_became_its_user(self):
        for role, process in self.service.roles.items():
            status = status_of(process.pid)
            self.assertEqual(status["Uid"].split(), [str(UIDS[role])] * 4)
            self.assertEqual((status["CapEff"].strip("0"), status["Seccomp"]), ("", SECCOMP))

    def test_each_ends_at_a_hangup_and_starts_again(self):
        """That is a reload: systemd starts it again, and it reads the new configuration."""
        for role in ORDER:
            self.assertEqual(self.service.stop_role(role, signal.SIGHUP), 0, role)
            self.service.start_role(role)
            self.run_one()

    def test_another_configuration_is_refused(self):
        other = self.service.config + ".other"
        with open(self.service.config, encoding="utf-8") as file:
            self.service.write_file(other, file.read() + "\nwait_max_s = 7\n")
        self.assertEqual(self.service.stop_role("gateway"), 0)
        self.service.start_role("gateway", config=other)
        reply = self.service.http.get("/readyz")
        self.assertEqual(reply.status, 503)
        self.assertEqual(self.service.native.call(
            "POST", "/v1/jobs", {"task": "sh", "args": ["true"]}).status, 503)
        for _ in until(30):
            if "another configuration" in self.service.log():
                break
        self.assertIn("another configuration", self.service.log())
        self.assertEqual(self.service.stop_role("gateway"), 0)
        self.service.start_role("gateway")
        self.run_one()

    def test_what_a_restart_mends_and_what_not(self):
        """An address may come with a network; a port in use is somebody's to mend."""
        taken = f"127.0.0.1:{self.service.port}"
        for listen, status, said in (("203.0.113.9:8099", 1, "203.0.113.9:8099"),
                                     (taken, 78, f"{taken} is in use by another program")):
            done = subprocess.run([DOCKGATE, "gateway", "--config", self.service.config], text=True,
                                  env={**os.environ, "DOCKGATE_LISTEN": listen, "DOCKGATE_AUTH": "none"},
                                  capture_output=True, timeout=30, check=False)
            self.assertEqual(done.returncode, status, done.stderr)
            self.assertIn(said, done.stderr)

    def start_alone(self, role, directory, nofile=None):
        """In a state directory of its own: its exit status, None where it got ready."""
        path = os.path.join(self.service.directory, f"alone-{role}")
        env = {**os.environ, "DOCKGATE_STATE_DIR": directory,
               "DOCKGATE_SOCKET_DIR": os.path.join(directory, "sock")}
        with open(path, "wb") as log:
            process = subprocess.Popen(
                [*(["prlimit", f"--nofile={nofile}:{nofile}"] if nofile else []),
                 DOCKGATE, role, "--config", self.service.config], env=env, stdout=log, stderr=log)
            for _ in until(30):
                with open(path, errors="replace", encoding="utf-8") as said:
                    text = said.read()
                if process.poll() is not None or " ready" in text:
                    break
            if process.poll() is None:
                process.terminate()
                process.wait()
                return None, text
        return process.returncode, text

    def test_a_full_disk_is_no_mistake_of_the_configuration(self):
        directory = os.path.join(self.service.directory, "full")
        os.mkdir(directory)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k,mode=755", "full", directory], check=True)
        try:
            with open(os.path.join(directory, "fill"), "wb", buffering=0) as file:
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * 4096)
            for role in ("queue", "driver", "courier"):
                status, said = self.start_alone(role, directory)
                self.assertEqual(status, 1, (role, said))
                self.assertIn("full" if role == "queue" else "No space left", said)
        finally:
            subprocess.run(["umount", "-l", directory], check=True)

    def test_few_descriptors_are_no_mistake_of_the_configuration(self):
        directory = tempfile.mkdtemp(dir=self.service.directory)
        os.chmod(directory, 0o755)
        statuses = []
        for nofile in range(9, 100, 2):
            status, said = self.start_alone("queue", directory, nofile)
            statuses.append(status)
            self.assertIn(status, (1, 127, None), (nofile, said))
            if status is None:
                break
        self.assertIn(1, statuses)
        self.assertIsNone(statuses[-1])

    def test_the_watchdog_is_fed(self):
        """Ten times a second, since a third of a second was asked for."""
        path = os.path.join(self.service.directory, "notify-queue")
        os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            os.chmod(path, 0o777)
            ready, _, _ = select.select([notify], [], [], 30)
            self.assertTrue(ready)
            self.assertEqual(notify.recv(100), b"WATCHDOG=1")

    def test_a_second_one_does_not_take_the_socket(self):
        done = subprocess.run([DOCKGATE, "queue", "--config", self.service.config], text=True,
                              capture_output=True, timeout=30, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("another dockgate listens there", done.stderr)
        self.run_one()


if __name__ == "__main__":
    unittest.main()
