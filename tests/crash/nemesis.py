# SPDX-License-Identifier: MIT
"""
What happens to processes, disks, clocks and connections, in an order that a seed decides.

	nemesis = Nemesis(world, random, {"kill queue": 5, "pause driver": 1})
	nemesis.run()

Each fault is a function of the world, named in FAULTS. It does not wait until what it killed is back:
so several may be away at one time. A fault whose victim is not there is put off (NotNow).
"""
import contextlib
import ctypes
import os
import shutil
import signal
import socket
import struct
import subprocess
import time

import service

BACK_S = 60
PIDFD_GETFD = 438


class NotNow(Exception):
    """There is nothing that this could happen to."""


class World:
    """
    The service and what it stands on. engine: a Docker engine that may be killed, or None; clock:
    the file that the roles' clocks follow, or None.
    """

    def __init__(self, svc, random, engine=None, clock=None):
        self.service, self.random, self.engine, self.clock = svc, random, engine, clock
        self.gone = {}  # by role or program: the process that was killed last

    def role(self, role):
        """Its process, another one than that which was killed."""
        pid = self.service.pid(role)
        if pid in (None, self.gone.get(role)):
            raise NotNow(f"no {role}")
        return pid

    def while_short(self):
        time.sleep(self.random.uniform(0.1, 1.2))

    def note(self, what):
        """Into the service's log, between its own lines."""
        with open(self.service.log_path, "ab", buffering=0) as log:
            log.write(f"{time.strftime('%FT%T', time.gmtime())} nemesis: {what}\n".encode())

    def containers(self):
        """Running ones: id to the process that is its first."""
        found = {}
        for c in self.service.containers():
            if c["State"] == "running":
                with contextlib.suppress(AssertionError):  # gone meanwhile
                    pid = self.service.docker.inspect(c["Id"])["State"]["Pid"]
                    if pid:
                        found[c["Id"]] = pid
        return found

    def a_container(self):
        """A running one's first process."""
        try:
            found = self.containers()
        except OSError as e:
            raise NotNow("no engine") from e
        if not found:
            raise NotNow("no container")
        return found[self.random.choice(sorted(found))]


# ---- processes -------------------------------------------------------------------------------------

def send(pid, number):
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def kill_role(world, role):
    pid = world.role(role)
    world.gone[role] = pid
    send(pid, signal.SIGKILL)


def restart_role(world, role):
    pid = world.role(role)
    world.gone[role] = pid
    send(pid, signal.SIGTERM)


def pause_role(world, role):
    pid = world.role(role)
    send(pid, signal.SIGSTOP)
    world.while_short()
    send(pid, signal.SIGCONT)


def kill_agent(world, _):
    send(world.a_container(), signal.SIGKILL)


def pause_agent(world, _):
    pid = world.a_container()
    send(pid, signal.SIGSTOP)
    world.while_short()
    send(pid, signal.SIGCONT)


def of_engine(world, word):
    """Processes with that word in their first argument that belong to the engine's directory."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            args = service.read(f"/proc/{pid}/cmdline").split(b"\0")
            if word in os.path.basename(args[0]) and world.engine.directory.encode() in b" ".join(args):
                found.append(int(pid))
    return sorted(found)


def kill_shim(world, _):
    shims = of_engine(world, b"containerd-shim")
    if not shims:
        raise NotNow("no shim")
    send(world.random.choice(shims), signal.SIGKILL)


def kill_containerd(world, _):
    found = set(of_engine(world, b"containerd")) - set(of_engine(world, b"containerd-shim"))
    found -= {world.gone.get("containerd")}
    if not found:
        raise NotNow("no containerd")
    world.gone["containerd"] = min(found)
    send(min(found), signal.SIGKILL)


def kill_dockerd(world, _):
    world.engine.kill()
    world.while_short()
    world.engine.start()


def pause_dockerd(world, _):
    world.engine.process.send_signal(signal.SIGSTOP)
    world.while_short()
    world.engine.process.send_signal(signal.SIGCONT)


def kill_mariadb(world, _):
    world.service.mariadb.kill()
    world.while_short()
    world.service.mariadb.start()


def pause_mariadb(world, _):
    with open(os.path.join(world.service.mariadb.directory, "pid"), encoding="ascii") as file:
        pid = int(file.read())
    send(pid, signal.SIGSTOP)
    world.while_short()
    send(pid, signal.SIGCONT)


# ---- connections -----------------------------------------------------------------------------------

def connections(pid):
    """Descriptors of a process that are connected sockets, as sockets of ours."""
    libc = ctypes.CDLL(None, use_errno=True)
    found = []
    pidfd = os.pidfd_open(pid)
    for fd in map(int, os.listdir(f"/proc/{pid}/fd")):
        ours = libc.syscall(PIDFD_GETFD, pidfd, fd, 0)
        if ours < 0:
            continue
        try:
            sock = socket.socket(fileno=ours)
        except OSError:
            os.close(ours)
            continue
        try:
            sock.getpeername()
            found.append(sock)
        except OSError:
            sock.close()
    os.close(pidfd)
    return found


def cut_role(world, role):
    """One of its connections ends in both directions, whoever is at the other end."""
    pid = world.role(role)
    try:
        found = connections(pid)
    except (FileNotFoundError, ProcessLookupError) as e:
        raise NotNow(f"no {role}") from e
    if not found:
        raise NotNow(f"{role} has no connection")
    with contextlib.suppress(OSError):
        world.random.choice(found).shutdown(socket.SHUT_RDWR)
    for sock in found:
        sock.close()


# ---- files -----------------------------------------------------------------------------------------

def fill_disk(world, _):
    """What the service has written last may be the last that fits."""
    path = os.path.join(world.service.state, "filler")
    with open(path, "wb", buffering=0) as file:
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        with contextlib.suppress(OSError):
            while True:
                file.write(bytes(512))
    world.while_short()
    os.unlink(path)


def read_only_store(world, _):
    """The next queue finds a database and a spool that it cannot write, and says so, until an operator mends it."""
    pid = world.role("queue")  # or nothing has happened yet
    top = os.path.join(world.service.state, "queue")
    found = [os.path.join(directory, name) for directory, names, files in os.walk(top)
             for name in [*names, *files]] + [top]
    modes = {}
    for path in found:
        with contextlib.suppress(FileNotFoundError):
            modes[path] = os.stat(path).st_mode & 0o7777
            os.chmod(path, modes[path] & 0o555)
    world.gone["queue"] = pid
    send(pid, signal.SIGKILL)
    world.while_short()
    for path, mode in modes.items():
        with contextlib.suppress(FileNotFoundError):
            os.chmod(path, mode)
    for _ in service.until(BACK_S):
        if world.service.pid("queue"):
            return
        world.service.mended("queue")
    raise AssertionError(f"no queue within {BACK_S} s\n{world.service.log()}")


# ---- clocks ----------------------------------------------------------------------------------------

def move_clock(world, _):
    """The roles' wall clock jumps, up to ten days in either direction."""
    with open(world.clock, "r+b") as file:
        file.write(struct.pack("=q", world.random.randint(-864000, 864000)))


FAULTS = {
    "kill": kill_role, "restart": restart_role, "pause": pause_role, "cut": cut_role,
    "kill agent": kill_agent, "pause agent": pause_agent, "kill shim": kill_shim,
    "kill containerd": kill_containerd, "kill dockerd": kill_dockerd, "pause dockerd": pause_dockerd,
    "kill mariadb": kill_mariadb, "pause mariadb": pause_mariadb,
    "fill disk": fill_disk, "read-only store": read_only_store, "move clock": move_clock,
}


class Nemesis:
    """wanted: how often each fault happens; "kill queue" is FAULTS' "kill" of the role "queue"."""

    def __init__(self, world, wanted):
        self.world = world
        self.deck = [name for name, times in wanted.items() for _ in range(times)]
        world.random.shuffle(self.deck)
        self.done = {}

    def run(self):
        """Until each has happened as often as is wanted."""
        began, mended = time.monotonic(), False
        while self.deck:
            time.sleep(self.world.random.uniform(0.01, 0.3))  # the moment is what is random
            name = self.deck.pop(0)
            word, _, what = name.partition(" ")
            try:
                FAULTS.get(name, FAULTS.get(word))(self.world, what)
            except NotNow as e:
                if time.monotonic() > began + BACK_S:
                    if mended or not self.mend_engine():
                        raise AssertionError(f"{name}: {e} for {BACK_S} s\n{self.world.service.log()}") from e
                    began, mended = time.monotonic(), True
                self.deck.insert(min(len(self.deck), 4), name)
                continue
            began, mended = time.monotonic(), False
            self.world.note(name)
            self.done[name] = self.done.get(name, 0) + 1

    def mend_engine(self):
        """
        A daemon may take another process that has its dead containerd's number for that one, and never
        start it again: that takes an operator, and jobs wait for him.
        """
        if self.world.engine is None:
            return False
        self.world.note("the engine is started anew")
        self.world.engine.kill()
        self.world.engine.start()
        return True

    def __str__(self):
        return ", ".join(f"{name} {times}" for name, times in sorted(self.done.items()))


@contextlib.contextmanager
def small_disk(path, size):
    """A file system of its own, of so many bytes, at path."""
    os.makedirs(path, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "crash", path], check=True)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", path], check=True)
        shutil.rmtree(path, ignore_errors=True)
