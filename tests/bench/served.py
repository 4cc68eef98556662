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
import sqlite3
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


def until(done, what, process=None, seconds=60):
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


class Played(Service):
    """
    The same with a played driver (driver.c) in place of the real one: each job ends at once, without
    a container. drive=False: no driver yet, so that jobs wait.
    """

    def __init__(self, build, more="", drive=True):
        super().__init__(build, more=more + "\nslots = 1000\ncpus_budget = 10000\n")
        self.played = os.path.join(build, "tests", "bench", "bench_driver")
        self.drive = drive
        self.running = {}

    def start(self):
        shutil.rmtree(os.path.join(self.state, "sock"), ignore_errors=True)  # of a queue that has gone
        os.makedirs(os.path.join(self.state, "sock"))
        self.running["queue"] = subprocess.Popen([self.dockgate, "queue", "--config", self.config])
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", self.port))
            sock.listen(4096)
            self.running["gateway"] = self.with_listener(sock)
        if self.drive:
            self.start_driver()
        until(lambda: self.status("/readyz") == (200 if self.drive else 503),
              "gateway and queue to be ready", self.running["queue"])
        until(lambda: self.status("/v1/queue") == 200, "the queue to answer", self.running["queue"])

    def with_listener(self, sock):
        """As systemd hands it over: descriptor 3, and our own pid in the environment."""
        script = 'export LISTEN_PID=$$; exec "$0" gateway --config "$1" 3<&"$2"'
        return subprocess.Popen(
            ["bash", "-c", script, self.dockgate, self.config, str(sock.fileno())],
            pass_fds=[sock.fileno()],
            env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"})

    def start_driver(self):
        until(lambda: os.path.exists(os.path.join(self.state, "sock", "queue-driver.sock")),
              "the queue's socket", self.running["queue"])
        self.running["driver"] = subprocess.Popen([self.played, self.config, "1000"], cwd=self.state)

    def stop(self):
        for name in ("driver", "gateway", "queue"):
            process = self.running.pop(name, None)
            if process is not None:
                process.send_signal(signal.SIGTERM)
                if process.wait(120) not in (0, -signal.SIGTERM):
                    raise SystemExit(f"bench: the {name} ended with {process.returncode}")

    def roles(self):
        return {name: process.pid for name, process in self.running.items()}

    def database(self):
        return os.path.join(self.state, "queue", "dockgate.db")

    def stored(self):
        """Ends it, and counts the jobs in its database."""
        self.stop()
        with sqlite3.connect(self.database()) as db:
            found = db.execute("SELECT count(*) FROM job").fetchone()[0]
        db.close()
        return found

    def waiting(self):
        text = self.request("GET", "/metrics")[1].decode()
        return next(int(float(line.split()[-1])) for line in text.splitlines()
                    if line.startswith("dockgate_jobs_waiting"))

    def drain(self, n):
        """Starts the driver; jobs a second in the first half of n waiting ones and the last quarter."""
        marks = [(time.monotonic(), self.waiting())]
        self.start_driver()
        while marks[-1][1] > 0:
            time.sleep(0.01)
            marks.append((time.monotonic(), self.waiting()))

        def rate(most, least):
            first = [mark for mark in marks if mark[1] >= most][-1]
            last = next(mark for mark in marks if mark[1] <= least)
            return (first[1] - last[1]) / (last[0] - first[0])

        return rate(n, n // 2), rate(n // 4, 0)
