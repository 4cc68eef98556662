# SPDX-License-Identifier: MIT
"""
Every hostile program as a job, at both levels: what must come of it is in its source. And each
of them without a cage, as root in namespaces of its own: the attack must be live.
"""
import concurrent.futures
import ctypes
import errno
import hashlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import unittest
import urllib.parse

import agents
import figures
import sentinel
import service
from case import OwnService

AT_ONCE = 6
# So often each program is submitted at each level.
ROUNDS = figures.amount(1, 20)
# So many jobs at each level look for what the one before left.
PAIRS = figures.amount(24, 500)
JOB_UID_BASE = 77000
LEVELS = ("container", "sandbox")
SEGMENT = 0x646f636b  # the key of a segment of shared memory
LIMITS = {"memory_bytes": 64 << 20, "processes": 40, "cpu_ms": 800, "wall_ms": 2500,
          "disk_bytes": 16 << 20, "file_bytes": 16 << 20, "open_files": 64,
          "output_bytes": 256 << 10}


def program():
    return os.path.join(service.BUILD, "tests", "hostile", "hostile")


def table():
    """Name to what must come of it: the verdict, and the rest by name."""
    done = subprocess.run([program(), "--list"], capture_output=True, text=True, check=True)
    found = {}
    for line in done.stdout.splitlines():
        name, expected = line.split("\t")
        verdict, *rest = expected.split(" ")
        found[name] = {"verdict": verdict, **dict(word.split("=", 1) for word in rest)}
    return found


TABLE = table()


# One more group for who starts as root.
GROUPS = {"etc/passwd": (0o644, b"root:x:0:0::/:/none\n"),
          "etc/group": (0o644, b"root:x:0:\nmore:x:4242:root\n")}
# What the engine would do of itself for a container of the image.
CHANGES = ["VOLUME /volume", "HEALTHCHECK --interval=100ms --timeout=60s "
           'CMD ["/hostile", "sleep_for_ever"]']


def make_image(docker):
    # Set-uid root: nothing must come of it.
    files = {name: (0o4755, service.read(path)) for name in ("hostile", "calls")
             if os.path.exists(path := os.path.join(os.path.dirname(program()), name))}
    files.update(GROUPS)
    tag = hashlib.sha256(b"".join([*(data for _, data in files.values()),
                                   "".join(CHANGES).encode()])).hexdigest()[:16]
    name = f"dockgate/test-hostile:{tag}"
    if not docker.has_image(name):
        docker.import_image("dockgate/test-hostile", tag, service.image_tar(files, ("open", "volume")),
                            CHANGES)
    return name


def tasks(image, canary):
    found = {}
    for level in LEVELS:
        common = {"image": image, "isolation": level, "command": ["/hostile"], "warm": 2,
                  "warm_max": 4, "concurrency": AT_ONCE, "limits": LIMITS,
                  "mount": {"source": canary, "target": "/data"}}
        found[f"hostile-{level}"] = common
        found[f"killed-{level}"] = {**common, "on_output_limit": "kill", "warm": 0}
        found[f"burning-{level}"] = {**common, "limits": {**LIMITS, "wall_ms": 60000}, "warm": 0}
        found[f"calls-{level}"] = {**common, "command": ["/calls"], "warm": 0,
                                   "limits": {**LIMITS, "cpu_ms": 60000, "wall_ms": 120000}}
        found[f"looked-at-{level}"] = {**found[f"burning-{level}"], "warm_max": 1,
                                       "concurrency": 1}
        # One place, so that each job comes right after the one before.
        found[f"next-{level}"] = {**common, "warm": 1, "warm_max": 1, "concurrency": 1}
        found[f"collecting-{level}"] = {
            **common, "collect": ["**.out", "*.out"], "collect_files": 50,
            "collect_bytes": 1 << 20, "warm": 1}
    return found


def program_of(docker, image):
    """The program as a container of the image has it."""
    made = docker.call("POST", "/containers/create", json.dumps({"Image": image, "Cmd": ["/hostile"]}),
                       {"Content-Type": "application/json"}).json()["Id"]
    try:
        return docker.call("GET", f"/containers/{made}/archive?path=/hostile").body
    finally:
        docker.call("DELETE", f"/containers/{made}?v=1")


class Hosts:
    """
    What programs look for on the host: a port of the loopback, an abstract name, a segment of
    shared memory, a directory that all may write and that tasks mount.
    """

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="dockgate-canary-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.canary = os.path.join(self.directory, "canary")
        sentinel.make_canary(self.canary)
        libc = ctypes.CDLL(None, use_errno=True)
        self.segment = libc.shmget(SEGMENT, 4096, 0o1666)
        if self.segment < 0:
            raise OSError(ctypes.get_errno(), "shmget")
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.abstract = socket.socket(socket.AF_UNIX)
        try:
            self.abstract.bind("\0dockgate-hostile")
            self.abstract.listen()
        except OSError as e:
            if e.errno != errno.EADDRINUSE:
                raise  # another run of the tests has it: that is as good
        self.port = self.tcp.getsockname()[1]

    def close(self):
        self.tcp.close()
        self.abstract.close()
        ctypes.CDLL(None).shmctl(self.segment, 0, None)
        shutil.rmtree(self.directory)


def run_one(native, name, level, port):
    """The job, ended, and the files that came back."""
    job = native.run(f"{TABLE[name].get('task', 'hostile')}-{level}", args=[name, str(port)])
    path = f"/v1/jobs/{job['id']}/files/"
    return job, [native.http.get(path + urllib.parse.quote(file["name"])).body
                 for file in job["files"]]


def not_as_expected(name, job, files):
    """What is not as the program's source says; None where all is."""
    expected = TABLE[name]
    if job["verdict"] not in expected["verdict"].split("|"):
        return "verdict"
    if "exit" in expected and job["exit_code"] != int(expected["exit"]):
        return "exit code"
    if "limit" in expected and job["limit"]["name"] != expected["limit"]:
        return "limit"
    if not job["stdout"]["content"].startswith(expected.get("out", "")):
        return "output"
    if len(files) != int(expected.get("files", len(files))):
        return "number of files"
    if any(b"root:" in file for file in files):
        return "a file of the host"
    return None


class Hostile(OwnService):
    settings = {"slots": AT_ONCE + 2, "job_uid_base": JOB_UID_BASE}

    @classmethod
    def setUpClass(cls):
        cls.hosts = Hosts()
        cls.addClassCleanup(cls.hosts.close)
        cls.docker = service.Docker(service.docker_socket())
        cls.image = make_image(cls.docker)
        cls.tasks = tasks(cls.image, cls.hosts.canary)
        super().setUpClass()
        cls.program = program_of(cls.docker, cls.image)
        cls.sentinel = sentinel.Sentinel(
            cls.hosts.canary,
            [program(), service.DOCKGATE, os.path.join(service.BUILD, "dockgate-agent"),
             *filter(None, map(shutil.which, ("runc", "dockerd", "containerd")))])
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            cls.jobs = {(name, level): [pool.submit(run_one, cls.native, name, level, cls.hosts.port)
                                        for _ in range(ROUNDS)]
                        for name in TABLE for level in LEVELS}
        figures.add("hostile.programs", len(TABLE))

    def came_of(self, name, level):
        for ended in self.jobs[name, level]:
            job, files = ended.result()
            self.assertEqual(job["isolation"], level, job)
            self.assertIsNone(not_as_expected(name, job, files), job)
            figures.add("hostile.jobs", 1)

    def test_nothing_is_left_for_the_next_job(self):
        for level in LEVELS:
            pairs, before = 0, None
            for _ in range(2 * PAIRS):
                job, files = run_one(self.native, "left_behind", level, self.hosts.port)
                self.assertIsNone(not_as_expected("left_behind", job, files), job)
                # In a sandbox of the same slot; a slot may be replaced.
                slots = {c["Id"] for c in self.service.containers_of("next-sandbox")}
                pairs += before is not None and not slots.isdisjoint(before)
                before = slots
                if pairs == PAIRS:
                    break
            self.assertEqual(pairs, PAIRS)
            figures.add("hostile.pairs", pairs)
        kinds = int(re.search(r"none of (\d+) kinds", job["stdout"]["content"])[1])
        self.assertGreaterEqual(kinds, 30)
        figures.add("hostile.traces", kinds)

    def test_the_agent_s_processes_have_what_they_need_and_no_more(self):
        for jobs in self.jobs.values():
            concurrent.futures.wait(jobs)
        for level, expected in (("container", agents.IN_CONTAINER), ("sandbox", agents.IN_SANDBOX)):
            with self.subTest(level):
                job = self.native.accept(f"looked-at-{level}", args=["sleep_for_ever", "0"])
                found = agents.settled(self.service, f"looked-at-{level}", JOB_UID_BASE, job)
                self.native.call("DELETE", f"/v1/jobs/{job}")
                self.assertEqual(found, expected)

    def test_nothing_of_the_host_has_changed(self):
        for jobs in self.jobs.values():
            concurrent.futures.wait(jobs)
        self.assertEqual(self.sentinel.changed(), [])
        self.assertIn(service.read(program()), self.program)
        self.assertEqual(program_of(self.docker, self.image), self.program)

    def test_nobody_is_left(self):
        uids = range(JOB_UID_BASE, JOB_UID_BASE + 1000)
        jobs = uids[1::agents.UIDS_PER_BOX]  # the agent's have the others
        for _ in service.until(10, 0.1):
            if not sentinel.processes(jobs):
                break
        # While their slots live: a stop ends everything that is in a container.
        self.assertEqual(sentinel.processes(jobs), [])
        self.service.stop()
        self.assertEqual(sentinel.processes(uids), [])
        self.assertEqual(sentinel.listeners(uids), [])
        self.assertEqual(self.service.containers(), [])
        self.service.start()


def add_test(name, level):
    def test(self):
        self.came_of(name, level)
    test.__name__ = f"test_{name}_in_{level}"
    setattr(Hostile, test.__name__, test)


for _name in TABLE:
    for _level in LEVELS:
        add_test(_name, _level)


class Live(unittest.TestCase):
    """Without a cage each attack gets what it wants: else it proves nothing."""

    def test_each_attack_is_live(self):
        self.assertGreaterEqual(len(TABLE), 100)
        hosts = Hosts()
        self.addCleanup(hosts.close)
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            ended = {name: pool.submit(self.uncaged, name, hosts.port)
                     for name, expected in TABLE.items() if expected.get("uncaged") != "no"}
        self.assertGreaterEqual(len(ended), 100)
        for name, status in ended.items():
            with self.subTest(name):
                self.assertEqual(status.result(), 0)
                figures.add("hostile.attacks", 1)

    def uncaged(self, name, port):
        own = ["unshare", "--mount", "--pid", "--ipc", "--uts", "--cgroup", "--fork", "--mount-proc",
               "--kill-child", "sh", "-c",
               # The engine's socket where hosts have it; below an own /run, this host may not.
               "mount -t tmpfs none /mnt && : >/mnt/engine && mount --bind \"$0\" /mnt/engine && "
               "mount -t tmpfs none /run && : >/run/docker.sock && "
               "mount --bind /mnt/engine /run/docker.sock && "
               "mount -t tmpfs none /mnt && mount -t tmpfs none /dev/shm && cd /mnt && "
               "exec 3</dev/null && exec \"$@\""]
        done = subprocess.run([*own, service.docker_socket(), program(), name, str(port)], stdout=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
                              check=False)
        return done.returncode
