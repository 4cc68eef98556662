# SPDX-License-Identifier: MIT
"""
The agent's processes in a container, seen from the host: which users they are, and what is left
to them. A job sees few of them, and would gain from what they have only behind another hole.
"""
import glob
import os

import service

UIDS_PER_BOX = 8  # backend/driver/pool.h
NAMESPACES = ("user", "pid", "mnt", "ipc", "uts", "cgroup")
ALL = "user pid mnt ipc uts cgroup"

# Kind to: its user, its capabilities, how many filters it has besides the engine's, whether it
# is one that its own user may look into, which namespaces it has of its own, what is in its root,
# how soon it dies where memory is short, whether it leads a session.
IN_CONTAINER = {
    "agent": {"agent e0 filters=1 closed own= root=image oom=500 session=own"},
    "keeper": {"root 0 filters=0 closed own= root=image oom=500 session=shared"},
    "killer": {"other 80 filters=1 closed own= root=image oom=500 session=shared"},
    "waiting": {"agent e0 filters=2 closed own= root=image oom=1000 session=own"},
    "program": {"job 0 filters=3 open own= root=image oom=1000 session=own"},
}
IN_SANDBOX = {
    "agent": {"agent e0 filters=1 closed own= root=image oom=500 session=own"},
    "keeper": {"root 0 filters=0 closed own=user mnt root=nothing oom=500 session=shared"},
    "killer": {"other 80 filters=1 closed own= root=image oom=500 session=shared"},
    # Whom it makes have files that only its own user may write.
    "nursery": {"other c0 filters=1 open own=user mnt root=image oom=1000 session=shared"},
    "init": {f"other 2000c0 filters=1 closed own={ALL} root=image oom=1000 session=shared"},
    "waiting": {f"other 2000c0 filters=2 closed own={ALL} root=image oom=1000 session=own"},
    "program": {f"job 0 filters=3 open own={ALL} root=image oom=1000 session=own"},
}


class Process:
    def __init__(self, pid):
        self.pid = pid
        path = f"/proc/{pid}/"
        status = dict(line.split(":", 1) for line in
                      service.read(path + "status").decode().splitlines())
        self.name = status["Name"].strip()
        self.parent = int(status["PPid"])
        self.uids = set(status["Uid"].split()) | set(status["Gid"].split())
        self.groups = status["Groups"].split()
        self.uid = int(status["Uid"].split()[0])
        self.caps = int(status["CapEff"], 16) | int(status["CapPrm"], 16)
        self.filters = int(status.get("Seccomp_filters", "0"))
        self.privileges = status["NoNewPrivs"].strip()
        self.open = self.uid == 0 or os.stat(path + "fd").st_uid == self.uid
        self.namespaces = {name: os.readlink(path + "ns/" + name) for name in (*NAMESPACES, "net")}
        self.empty = not os.listdir(path + "root")
        self.oom = int(service.read(path + "oom_score_adj"))
        with open(path + "stat", encoding="utf-8") as file:
            self.session = int(file.read().rpartition(") ")[2].split()[3])


def processes(first):
    """Those of the container whose PID 1 is `first`: all with its network, which is its own."""
    found = {}
    network = os.readlink(f"/proc/{first}/ns/net")
    for path in glob.glob("/proc/[0-9]*"):
        try:
            if os.readlink(path + "/ns/net") == network:
                found[int(path[6:])] = Process(int(path[6:]))
        except OSError:
            continue  # it ended
    return found


def kind_of(process, all_, first, user):
    parent = all_.get(process.parent)
    if process is first:
        return "agent"
    if process.uid == user + 1:
        return "program" if process.name != first.name else "not yet a program"
    if parent is first and process.uid == 0:
        return "keeper"
    if parent is first and process.uid == user:
        return "waiting"
    if parent is first and process.namespaces["user"] != first.namespaces["user"]:
        return "nursery"
    if parent is first:
        return "killer"
    return "init" if parent is not None and parent.parent == first.pid else "waiting"


def describe(process, first, user, engines):
    who = {0: "root", user: "agent", user + 1: "job"}.get(process.uid, "other")
    own = " ".join(n for n in NAMESPACES if process.namespaces[n] != first.namespaces[n])
    strange = "" if len(process.uids) == 1 and process.privileges == "1" else " strange"
    strange += " groups" if process.groups and process.uid != 0 else ""
    closed = "open" if process.open and process.uid != 0 else "closed"
    return (f"{who} {process.caps:x} filters={process.filters - engines} {closed} own={own} "
            f"root={'nothing' if process.empty else 'image'}{strange} "
            f"oom={process.oom} session={'own' if process.session == process.pid else 'shared'}")


def seen(pid, user):
    """Kind to descriptions, of the container whose PID 1 that is; the agent should be `user`."""
    all_ = processes(pid)
    first = all_[pid]
    engines = min(process.filters for process in all_.values())
    found = {}
    for process in all_.values():
        found.setdefault(kind_of(process, all_, first, user), set()).add(
            describe(process, first, user, engines))
    return found


def look(svc, task, base):
    """seen() of the task's container in which a job runs; None where there is none yet."""
    for container in svc.containers_of(task):
        slot = int(container["Labels"]["org.dockgate.slot"])
        try:
            pid = svc.docker.inspect(container["Id"])["State"]["Pid"]
            found = seen(pid, base + UIDS_PER_BOX * slot) if pid else {}
        except (KeyError, OSError, AssertionError):
            continue  # on its way, or gone
        if "program" in found:
            return found
    return None


def settled(svc, task, base, job, seconds=60):
    """
    The same three times within a fifth of a second, for a process may be on its way to what it
    will be; nothing where the job has ended. The users of containers begin with `base`.
    """
    before, same = None, 0
    for _ in service.until(seconds, 0.1):
        now = look(svc, task, base)
        same = same + 1 if now is not None and now == before else 0
        if same == 2 and "not yet a program" not in now:
            return now
        if now is None and svc.native.job(job)["state"] == "done":
            return {}
        before = now
    return before or {}


def differ(expected, found):
    """Kinds that are not as expected."""
    return {kind for kind in expected.keys() | found.keys()
            if expected.get(kind) != found.get(kind)}
