# SPDX-License-Identifier: MIT
"""
The service that is measured: `dockgate serve` with its state in a directory of its own.

	with Service(build, warm=8) as service:
	    service.submit("hello", wait=60)
"""
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import machine

IMAGE = "dockgate/hello"
ROLES = ("gateway", "queue", "driver")

CONFIG = """
state_dir = "%(state)s"
listen = {"127.0.0.1:%(port)d"}
log_level = "warning"
waiting_max = 10000000
connections_max = 10000
retention_s = 86400
%(more)s
task "hello" {
	image = "%(image)s"
	command = {"/hello"}
	isolation = %(level)s
	warm = %(warm)d
	warm_max = %(warm_max)d
	limits { memory_bytes = 16M }
}
"""


def until(done, what, process=None, seconds=300):
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise SystemExit(f"bench: waited {seconds} s for {what}")
        if process is not None and process.poll() is not None:
            raise SystemExit(f"bench: the service ended with {process.returncode}")
        time.sleep(0.05)


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def own_cgroup():
    """A cgroup for our containers alone, where the engine takes any name."""
    if machine.docker("info", "--format", "{{.CgroupDriver}}") == "systemd":
        return None
    return f"dockgate-bench-{os.getpid()}"


class Service:
    """Ended, and its state removed, at the end of the block."""

    def __init__(self, build, level="container", warm=0, warm_max=None, more=""):
        self.dockgate = os.path.join(build, "dockgate")
        self.directory = tempfile.mkdtemp(prefix="dockgate-bench-")
        self.state = os.path.join(self.directory, "state")
        self.port = free_port()
        self.warm = warm
        self.cgroup = own_cgroup()
        if self.cgroup:
            more += f'\ncgroup_parent = "{self.cgroup}"\n'
        self.config = os.path.join(self.directory, "bench.conf")
        with open(self.config, "w", encoding="utf-8") as file:
            file.write(CONFIG % {"state": self.state, "port": self.port, "image": IMAGE,
                                 "level": level, "warm": warm,
                                 "warm_max": warm if warm_max is None else warm_max, "more": more})
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        if self.cgroup:
            machine.cgroup_remove(self.cgroup)
        shutil.rmtree(self.directory, ignore_errors=True)

    def start(self):
        self.process = subprocess.Popen([self.dockgate, "serve", "--config", self.config],
                                        stdin=subprocess.DEVNULL, stdout=sys.stderr)
        until(lambda: self.status("/readyz") == 200, "the service to be ready", self.process)
        if self.warm:
            self.wait_warm()

    def stop(self):
        if self.process is None:
            return
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        if process.wait(120) != 0:
            raise SystemExit(f"bench: the service ended with {process.returncode}")

    # ---- conversations -----------------------------------------------------------------------

    def request(self, method, path, body=None, kind="application/json"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            connection.request(method, path, body, {"Content-Type": kind})
            reply = connection.getresponse()
            return reply.status, reply.read()
        finally:
            connection.close()

    def status(self, path):
        try:
            return self.request("GET", path)[0]
        except OSError:
            return 0

    def submit(self, task, wait=0, **members):
        status, body = self.request("POST", f"/v1/jobs?wait={wait}",
                                    json.dumps({"task": task, **members}))
        if status not in (200, 202):
            raise SystemExit(f"bench: submit: {status} {body[:300]}")
        return json.loads(body)

    def level(self, task="hello"):
        """The isolation that a job of the task really has; the job must succeed."""
        job = self.submit(task, 60)
        if job["state"] != "done" or job["verdict"] != "ok":
            raise SystemExit(f"bench: a job of {task} did not succeed: {job}")
        return job["isolation"]

    def wait_warm(self):
        until(lambda: self.ready_containers() >= self.warm, f"{self.warm} warm containers",
              self.process)

    def ready_containers(self):
        nodes = json.loads(self.request("GET", "/v1/nodes")[1])["nodes"]
        return sum(t["warm"] for node in nodes for t in node["tasks"] if t["name"] == "hello")

    # ---- what it uses ------------------------------------------------------------------------

    def roles(self):
        """{role: pid} of the children of `serve`."""
        found = {}
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
                    parent = int(file.read().rsplit(")", 1)[1].split()[1])
                with open(f"/proc/{pid}/cmdline", encoding="utf-8") as file:
                    argv = file.read().split("\0")
            except OSError:
                continue
            role = next((r for r in ROLES if r in argv), None)
            if parent == self.process.pid and role:
                found[role] = int(pid)
        if len(found) != len(ROLES):
            raise SystemExit(f"bench: of the roles only these run: {found}")
        return found

    def cpu_s(self):
        """{role: seconds}, "containers" (agents and jobs) among them where they can be told."""
        found = {role: machine.cpu_s(pid) for role, pid in self.roles().items()}
        if self.cgroup:
            found["containers"] = machine.cgroup_cpu_s(self.cgroup)
        return found

    def memory_kib(self, which="VmRSS"):
        return {role: machine.memory_kib(pid, which) for role, pid in self.roles().items()}

    def memory_forget(self):
        for pid in self.roles().values():
            machine.memory_forget(pid)
