# SPDX-License-Identifier: MIT
"""
The real service, in a directory of its own, against the real engine.

	with Service() as service:
	    service.native.run("sh", args=["echo hello"])

shared() is one service for all the tests that change nothing about it.
"""
import atexit
import glob
import hashlib
import io
import os
import select
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time

from client import Classic, Docker, Http, Native

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("DOCKGATE_BUILD", os.path.join(ROOT, "build")))
DEPLOY = os.path.join(ROOT, "deploy")
DOCKGATE = os.path.join(BUILD, "dockgate")
SANITIZED = "sanitize" in os.path.basename(BUILD) or bool(os.environ.get("DOCKGATE_SANITIZED"))
# Where a role looks for its leaks when it ends, no filter of system calls is in its way.
SECCOMP = "0" if os.environ.get("DOCKGATE_LEAKS") else "2"

LABEL_INSTANCE = "org.dockgate.instance"
LABEL_TASK = "org.dockgate.task"
LABEL_JOB = "org.dockgate.job"

# Users of the roles, other than a real installation's on the same machine.
UIDS = {"gateway": 61601, "queue": 61602, "driver": 61603, "courier": 61604}
JOB_UID_BASE = 67000

ORIGIN = "https://allowed.example"


def docker_socket():
    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if not host.startswith("unix://"):
        raise AssertionError(f"the tests need an engine on a unix socket, not {host}")
    return host[len("unix://"):]


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


# ---- the image ------------------------------------------------------------------------------

def find_payload():
    for path in (os.path.join(BUILD, "tests", "payloads", "payload"), os.path.join(BUILD, "payload")):
        if os.path.exists(path):
            return path
    raise AssertionError(f"there is no payload program below {BUILD}")


def image_tar(files, writable=("open",)):
    """A tar of a root directory: name to (mode, bytes), or to the target of a link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in ("bin", "dev", "etc", "proc", "sys", "tmp", "usr", "usr/bin", *writable):
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o777 if name in writable else 0o755
            tar.addfile(info)
        for name, what in files.items():
            info = tarfile.TarInfo(name)
            if isinstance(what, str):
                info.type, info.linkname = tarfile.SYMTYPE, what
                tar.addfile(info)
            else:
                info.mode, info.size = what[0], len(what[1])
                tar.addfile(info, io.BytesIO(what[1]))
    return out.getvalue()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def make_image(docker):
    """
    The payload program and busybox, nothing else. The tag says what is in it, so that it is
    imported once, and so that tests of two builds do not take each other's.
    """
    files = {"payload": (0o755, read(find_payload())),
             "bin/busybox": (0o755, read(shutil.which("busybox")))}
    names = subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True)
    for name in names.stdout.split():
        if name != "busybox":
            files[f"bin/{name}"] = "busybox"
    digest = hashlib.sha256(b"".join(f[1] for f in files.values() if isinstance(f, tuple)))
    tag = digest.hexdigest()[:16]
    name = f"dockgate/test-payload:{tag}"
    if not docker.has_image(name):
        docker.import_image("dockgate/test-payload", tag, image_tar(files), ["ENV PATH=/bin"])
    return name


# ---- the store --------------------------------------------------------------------------------

# "sqlite", as it comes, or "mariadb": a server of the tests' own, a database for each service.
STORE = os.environ.get("DOCKGATE_TEST_STORE", "sqlite")
MARIADB = os.path.join(ROOT, "tests", "mariadb")


class MariaDB:
    """A server on a unix socket (tests/mariadb); it may be killed and started again."""

    def __init__(self, options="", directory=None):
        self.directory = directory or tempfile.mkdtemp(prefix="dockgate-mariadb-", dir="/tmp")
        self.options = options
        self.databases = 0
        self.start()

    def call(self, word):
        subprocess.run([MARIADB, word, self.directory], check=True, stdin=subprocess.DEVNULL,
                       stdout=subprocess.DEVNULL, env={**os.environ, "MARIADB_OPTIONS": self.options})

    def start(self):
        self.call("start")

    def kill(self):
        self.call("kill")

    def stop(self):
        self.call("stop")

    def sql(self, query, database=""):
        """Rows of text, as the server's administrator."""
        done = subprocess.run(
            ["mariadb", "--no-defaults", f"--socket={self.directory}/socket", "--user=root", "--batch",
             "--skip-column-names", "--execute", query, *([database] if database else [])],
            capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
        return [line.split("\t") for line in done.stdout.splitlines()]

    def new_database(self):
        self.databases += 1
        name = f"dockgate_{self.databases}"
        self.sql(f"CREATE DATABASE {name}")
        return name

    def connection_string(self, database):
        return (f"Driver={{MariaDB}};SOCKET={self.directory}/socket;USER=dockgate;"
                f"PASSWORD=test-password;DATABASE={database}")


_mariadb = None


def mariadb():
    """The server of all tests of this process."""
    global _mariadb
    if _mariadb is None:
        _mariadb = MariaDB()
        atexit.register(_mariadb.stop)
    return _mariadb


# ---- the configuration ------------------------------------------------------------------------

def text(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "{ " + ", ".join(text(v) for v in value) + " }"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("${", "\\${") + '"'
    return str(value)


def section(name, values, indent="\t"):
    """A section of libConfuse's; members that are dicts are sections, lists of dicts repeat."""
    lines = [f"{indent[1:]}{name} {{"]
    for key, value in values.items():
        if isinstance(value, dict):
            lines += section(key, value, indent + "\t")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for one in value:
                lines += section(key, one, indent + "\t")
        else:
            lines.append(f"{indent}{key} = {text(value)}")
    return lines + [f"{indent[1:]}}}"]


# Says what it was given; what is expected says what it does about the output.
CHECKER = """
echo "input=$(cat "$1") output=$(cat "$2") answer=$(cat "$3")"
case $(cat "$3") in
even) [ $(($(cat "$2") % 2)) = 0 ] ;;
seven) exit 7 ;;
hang | hold) sleep 60 ;;
kill) kill -9 $$ ;;
size*) [ "size $(($(wc -c < "$2")))" = "$(cat "$3")" ] ;;
long) head -c 100000 /dev/zero ;;
look) ls -A /workspace /tmp /dev/shm; id -u; cat /proc/[0-9]*/cmdline; env ;;
esac
"""


def default_tasks(image, upload, level="container"):
    shell = {"image": image, "isolation": level, "command": ["/bin/sh", "-c"], "warm": 2, "warm_max": 4,
             "concurrency": 8, "custom_command": True}
    return {
        "sh": shell,
        "payload": {"image": image, "isolation": level, "command": ["/payload"], "warm": 1, "warm_max": 3,
                    "ceilings": {"memory_bytes": 1 << 30}},
        "cold": {"image": image, "isolation": level, "command": ["/bin/sh", "-c"], "warm": 0,
                 "warm_max": 0},
        "kill-output": {**shell, "on_output_limit": "kill", "warm": 0},
        "build": {"image": image, "isolation": level, "command": ["./program"], "warm": 0, "main": "main.src",
                  "build": ["/bin/sh", "{main}"], "sources": ["*.src"]},
        "kept": {"image": image, "isolation": level, "command": ["./program"], "warm": 0, "main": "main.src",
                 "build": ["/bin/sh", "{main}"], "custom_command": True, "build_cache": "task",
                 "collect": ["**"]},
        "one": {**shell, "concurrency": 1, "warm": 1, "warm_max": 1},
        "short": {**shell, "retention_s": 2, "warm": 0},
        "lines": {**shell, "compare": "lines", "warm": 0},
        "tokens": {**shell, "compare": "tokens", "warm": 0},
        "checked": {**shell, "warm": 0, "env": ["OF_THE_TASK=1"],
                    "checker": {"command": ["/bin/sh", "-c", CHECKER, "checker"],
                                "limits": {"wall_ms": 2000, "disk_bytes": 1 << 20}}},
        "files": {**shell, "collect": ["*.out"], "collect_files": 20, "collect_bytes": 1 << 20,
                  "warm": 0},
        "classic": {"image": image, "command": ["/bin/sh", "/workspace/upload/run.sh"],
                    "mount": {"source": upload, "target": "/workspace/upload"},
                    "warm": 2, "warm_max": 4},
    }


# What the classic task runs: data that begins with "call:" is a script, all other data is
# printed as it came.
RUN_SH = """#!/bin/sh
case "$1" in
call:*) eval "${1#call:}" ;;
*) printf '%s' "$1" ;;
esac
"""


class Service:
    """
    settings: keys of the configuration; tasks: added to default_tasks(), or (None) taken away;
    changes: of keys of default_tasks(); clients: by name; level: the tasks' isolation; shipped: those that dockgate comes
    with, instead; store: "sqlite" or "mariadb"; database: one that is there already.
    """

    def __init__(self, settings=None, tasks=None, changes=None, socket_path=None, shipped=False,
                 store=STORE, database=None, level="container", program=DOCKGATE, clients=None):
        self.level = level
        self.program = program
        self.docker_path = socket_path or docker_socket()
        self.docker = Docker(self.docker_path)
        self.directory = tempfile.mkdtemp(prefix="dockgate-test-", dir="/tmp")
        os.chmod(self.directory, 0o755)
        self.state = os.path.join(self.directory, "state")
        self.upload = os.path.join(self.directory, "upload")
        self.config = os.path.join(self.directory, "dockgate.conf")
        self.log_path = os.path.join(self.directory, "log")
        self.process = None
        self.mariadb = mariadb() if store == "mariadb" else None
        if self.mariadb:
            self.mariadb_database = database or self.mariadb.new_database()
            settings = {**self.write_database_file(), **(settings or {})}
        self.write_upload("run.sh", read(os.path.join(DEPLOY, "classic", "run.sh")).decode()
                          if shipped else RUN_SH)
        self.image = make_image(self.docker)
        self.port = free_port()
        if shipped:
            self.write_shipped(settings or {})
        else:
            self.write_config(settings or {}, tasks or {}, changes or {}, clients or {})
        self.http = Http(("127.0.0.1", self.port))
        self.unix = Http(os.path.join(self.state, "sock", "dockgate.sock"))
        self.classic = Classic(self.http)
        self.native = Native(self.http)

    def write_upload(self, name, content):
        os.makedirs(self.upload, exist_ok=True)
        self.write_file(os.path.join(self.upload, name), content, 0o755)

    def settings(self, changes):
        return {
            "state_dir": self.state, "listen": [f"127.0.0.1:{self.port}"],
            "docker_host": f"unix://{self.docker_path}", "origins": [ORIGIN],
            "job_uid_base": JOB_UID_BASE, "header_timeout_s": 2, "body_timeout_s": 2,
            "cpus_budget": 16, "slots": 8, "log_level": "debug",
            **{f"{role}_{kind}": uid for role, uid in UIDS.items() for kind in ("uid", "gid")},
            **changes,
        }

    def write_config(self, settings, tasks, changes, clients=None):
        all_tasks = {name: {**task, **changes.get(name, {})}
                     for name, task in default_tasks(self.image, self.upload, self.level).items()}
        all_tasks.update(tasks)
        lines = []
        for key, value in self.settings(settings).items():
            lines += section(key, value) if isinstance(value, dict) else [f"{key} = {text(value)}"]
        for name, task in all_tasks.items():
            if task is not None:
                lines += section(f"task {text(name)}", task)
        for name, client in (clients or {}).items():
            lines += section(f"client {text(name)}", client)
        self.write_file(self.config, "\n".join(lines) + "\n")

    def write_shipped(self, settings):
        tasks = read(os.path.join(DEPLOY, "conf.d", "tasks.conf")).decode()
        lines = [f"{key} = {text(value)}" for key, value in self.settings(settings).items()]
        self.write_file(self.config, "\n".join(lines) + "\n" +
                        tasks.replace("/var/lib/dockgate/classic", self.upload))

    @staticmethod
    def write_file(path, content, mode=0o644):
        with open(path, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(path, mode)

    # ---- its life ----------------------------------------------------------------------------

    def start(self, seconds=60, options=(), cwd="/"):
        """Returns once the service has said that it is ready (sd_notify(3))."""
        path = os.path.join(self.directory, "notify")
        if os.path.exists(path):
            os.unlink(path)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            os.chmod(path, 0o777)
            with open(self.log_path, "ab") as log:
                self.process = subprocess.Popen(
                    [self.program, "serve", "--config", self.config, *options], cwd=cwd,
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env={**os.environ, "NOTIFY_SOCKET": path})
            self.await_notice(notify, seconds)
        return self

    def await_notice(self, notify, seconds):
        end = time.monotonic() + seconds
        pidfd = os.pidfd_open(self.process.pid)
        try:
            while True:
                ready, _, _ = select.select([notify, pidfd], [], [], max(0, end - time.monotonic()))
                if notify in ready and b"READY=1" in notify.recv(4096).split(b"\n"):
                    return
                if pidfd in ready:
                    self.process.wait()
                    raise AssertionError(f"the service ended with {self.process.returncode}\n{self.log()}")
                if not ready:
                    self.kill()
                    raise AssertionError(f"not ready within {seconds} s\n{self.log()}")
        finally:
            os.close(pidfd)

    def await_ready(self, seconds=60):
        """Until /readyz says 200: nothing announces that, so it is asked."""
        reply = None
        for _ in until(seconds):
            try:
                reply = self.http.get("/readyz")
                if reply.status == 200:
                    return
            except OSError as e:
                reply = e
        raise AssertionError(f"/readyz: {reply}\n{self.log()}")

    def stop(self, seconds=60):
        """As Ctrl-C does; the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            log = self.log()
            self.kill()
            raise AssertionError(f"still there {seconds} s after SIGTERM\n{log}") from None
        self.process = None
        return status

    def kill(self):
        """All of its processes at once, as a power cut does."""
        if self.process is None:
            return
        pidfds = []
        for pid in [self.process.pid] + descendants(self.process.pid):
            try:
                pidfds.append(os.pidfd_open(pid))
                signal.pidfd_send_signal(pidfds[-1], signal.SIGKILL)
            except ProcessLookupError:
                pass
        for pidfd in pidfds:  # one that is still dying still listens
            select.select([pidfd], [], [], 60)
            os.close(pidfd)
        self.process.wait()
        self.process = None

    def close(self):
        """Stops it, and asserts that it left no container; then its directory goes."""
        try:
            status = self.stop()
            left = self.containers()
            if status not in (None, 0):
                raise AssertionError(f"the service ended with {status}\n{self.log()}")
            if left:
                raise AssertionError(f"containers were left: {left}\n{self.log()}")
            self.check_log()
        finally:
            self.kill()
            self.remove_containers()
            if os.environ.get("DOCKGATE_TEST_KEEP"):
                print(f"kept: {self.directory}", file=sys.stderr)
            else:
                shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self):
        try:
            self.start()
            self.await_ready()
        except BaseException:
            self.kill()
            self.remove_containers()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    # ---- looking at it -------------------------------------------------------------------------

    def log(self, lines=40):
        with open(self.log_path, errors="replace", encoding="utf-8") as file:
            return "".join(file.readlines()[-lines:])

    def check_log(self):
        """What a sanitizer or an assertion wrote is a failure, whoever's test it was."""
        for line in read(self.log_path).splitlines():
            for sign in (b"ERROR: AddressSanitizer", b"runtime error:", b"ERROR: LeakSanitizer",
                         b"Assertion `"):
                if sign in line:
                    raise AssertionError(f"{line.decode(errors='replace')}\n{self.log(400)}")

    def instance(self):
        found = glob.glob(os.path.join(self.state, "driver", "instance"))
        return read(found[0]).decode().strip() if found else None

    def containers(self):
        instance = self.instance()
        return self.docker.containers(f"{LABEL_INSTANCE}={instance}") if instance else []

    def containers_of(self, task):
        return [c for c in self.containers() if c["Labels"].get(LABEL_TASK) == task]

    def remove_containers(self):
        for container in self.containers():
            self.docker.call("DELETE", f"/containers/{container['Id']}?force=1&v=1",
                             fine=(204, 404, 409))

    def pid(self, role):
        """Of the live process of that role, by its user; None while it is not there."""
        for pid in descendants(self.process.pid):
            if uid_of(pid) == UIDS[role] and comm_of(pid) != "(gone)":
                return pid
        return None

    def await_pid(self, role, other_than=None, seconds=30):
        for _ in until(seconds):
            pid = self.pid(role)
            if pid is not None and pid != other_than:
                return pid
        raise AssertionError(f"no {role} within {seconds} s\n{self.log()}")

    def write_database_file(self):
        path = os.path.join(self.directory, "database")
        self.write_file(path, self.mariadb.connection_string(self.mariadb_database) + "\n", 0o640)
        return {"database_file": path}

    def database(self):
        return os.path.join(self.state, "queue", "dockgate.db")

    def is_sound(self):
        """The database's own check of all it holds."""
        if self.mariadb:
            tables = [row[0] for row in self.mariadb.sql("SHOW FULL TABLES WHERE Table_type = 'BASE TABLE'",
                                                         self.mariadb_database)]
            return all(self.mariadb.sql(f"CHECK TABLE `{table}`", self.mariadb_database)[-1][-1] == "OK"
                       for table in tables)
        db = sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True)
        found = db.execute("PRAGMA integrity_check").fetchone()
        db.close()
        return found == ("ok",)

    def stored(self):
        """The ids of all jobs of the store."""
        if self.mariadb:
            rows = self.mariadb.sql("SELECT HEX(id) FROM job", self.mariadb_database)
        else:
            db = sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True)
            rows = db.execute("SELECT hex(id) FROM job").fetchall()
            db.close()
        return [row[0].lower() for row in rows]

    def endings(self):
        """How often each job of the store was written as done (kind 4 of its events)."""
        if self.mariadb:
            rows = self.mariadb.sql("SELECT HEX(job.id), COUNT(*) FROM job_event JOIN job USING (seq) "
                                    "WHERE job_event.kind = 4 GROUP BY 1", self.mariadb_database)
            return {job: int(count) for job, count in rows}
        db = sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True)
        rows = db.execute("SELECT hex(job.id), count(*) FROM event JOIN job USING (seq) "
                          "WHERE event.kind = 4 GROUP BY 1").fetchall()
        db.close()
        return dict(rows)


def until(seconds, step=0.02):
    """For what nothing announces: once, and again after each step, until the time is over."""
    end = time.monotonic() + seconds
    while True:
        yield
        if time.monotonic() >= end:
            return
        time.sleep(step)


def descendants(pid):
    found = []
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            children = [int(c) for c in read(path).split()]
        except OSError:
            continue
        for child in children:
            found += [child] + descendants(child)
    return found


def status_of(pid):
    """/proc/PID/status as a dict; empty when it is gone."""
    try:
        lines = read(f"/proc/{pid}/status").decode().splitlines()
    except OSError:
        return {}
    return {k: v.strip() for k, v in (line.split(":", 1) for line in lines)}


def uid_of(pid):
    uids = status_of(pid).get("Uid", "").split()
    return int(uids[1]) if uids else None


def comm_of(pid):
    return status_of(pid).get("Name", "(gone)")


_shared = {}


def shared(level="container"):
    """The service of all tests that need nothing special, one for each level of its tasks."""
    if level not in _shared:
        if not _shared:
            atexit.register(close_shared)
        _shared[level] = Service(level=level)
        _shared[level].start()
        _shared[level].await_ready()
    return _shared[level]


def close_shared():
    while _shared:
        _shared.popitem()[1].close()
