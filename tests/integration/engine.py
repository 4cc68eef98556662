# SPDX-License-Identifier: MIT
"""A Docker engine of the tests' own, which they may kill; nobody else's is touched."""
import json
import os
import shutil
import signal
import subprocess
import tempfile

from client import Docker
from service import until


class Engine:
    """path: directories that its PATH begins with; settings: its daemon.json."""

    def __init__(self, path=(), settings=None):
        self.environment = {**os.environ, "PATH": os.pathsep.join([*path, os.environ["PATH"]])}
        self.directory = tempfile.mkdtemp(prefix="dge-", dir="/tmp")
        os.chmod(self.directory, 0o711)  # the driver's user has to reach the socket
        self.socket = os.path.join(self.directory, "docker.sock")
        self.log_path = os.path.join(self.directory, "log")
        self.docker = Docker(self.socket)
        self.process = None
        with open(self.path("daemon.json"), "w", encoding="utf-8") as file:
            json.dump(settings or {}, file)

    def path(self, name):
        return os.path.join(self.directory, name)

    def start(self, seconds=60):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                # One that is to have no bridge removes docker0 where it is: not the machine's.
                ["unshare", "--net", "dockerd", "--config-file", self.path("daemon.json"),
                 "--data-root", self.path("data"), "--exec-root", self.path("exec"),
                 "--host", f"unix://{self.socket}", "--pidfile", self.path("pid"), "--bridge", "none",
                 "--iptables=false", "--ip-forward=false", "--ip-masq=false"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env=self.environment)
        for _ in until(seconds, 0.1):
            try:
                if self.docker.http.get("/_ping").status == 200:
                    return self
            except OSError:
                pass
            if self.process.poll() is not None:
                break
        self.kill()
        raise AssertionError(f"the engine did not start\n{self.log()}")

    def kill(self):
        """The daemon, and with it its containerd; containers live on, as after a crash."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
            # Where nobody reaps orphans, a dead containerd's number still looks alive.
            for name in ("pid", os.path.join("exec", "containerd", "containerd.pid")):
                if os.path.exists(self.path(name)):
                    os.unlink(self.path(name))

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.kill()
            self.process = None
        self.end_containerd()
        with open("/proc/self/mounts", encoding="utf-8") as file:
            mounts = [line.split()[1] for line in file]
        for mount in sorted(mounts, reverse=True):
            if mount.startswith(self.directory):
                subprocess.run(["umount", "-l", mount], check=False)
        shutil.rmtree(self.directory, ignore_errors=True)

    def end_containerd(self):
        """What a killed daemon left: its containerd and shims say our directory in their arguments."""
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/cmdline", "rb") as file:
                    ours = self.directory.encode() in file.read() and int(pid) != os.getpid()
                if ours:
                    os.kill(int(pid), signal.SIGKILL)
            except OSError:
                pass

    def log(self):
        with open(self.log_path, errors="replace", encoding="utf-8") as file:
            return "".join(file.readlines()[-20:])
