# SPDX-License-Identifier: MIT
"""
Lets one call of a role fail while it is at work: the n-th of those that it makes from a job's submit
until all of its result has been read. Nothing may be lost, said twice, blamed on the client, or wait for ever.

The role has inject.c in front of its C library (preload.c): a call fails with what it may fail with, once.
"""
import contextlib
import http.client
import json
import mmap
import os
import queue
import signal
import struct
import subprocess
import sys
import time

import figures
import service
from case import content
from ledger import Ending

sys.path.append(os.path.join(service.ROOT, "tests", "crash"))
from apart import Apart  # noqa: E402

STOP_AT = os.path.join(service.BUILD, "tests", "crash", "stop_at")
PRELOAD = os.path.join(service.BUILD, "tests", "fault", "fault_preload.so")
# Of fault.h.
MEMORY, SYSCALL, ROUNDS, SPARED = 1, 2, 3, 2
BIG = 70000  # more than a row holds
# A point takes milliseconds; what takes longer hangs.
ENDS_S = 25
SHOWN = 4  # failures of a sweep, then it is left
LEAKED = 8  # descriptors: a connection or two may be under way


class Page:
    """What a role's preload shares: struct fault_page of fault.h."""
    MEMBERS = {"armed": ("=I", 0), "kinds": ("=I", 4), "round": ("=I", 8), "n": ("=Q", 16), "seen": ("=Q", 24),
               "fired": ("=I", 32), "code": ("=i", 36), "call": ("=32s", 40)}

    def __init__(self, path):
        self.path = path
        with open(path, "w+b") as file:
            file.truncate(mmap.PAGESIZE)
            self.map = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def __setitem__(self, name, value):
        struct.pack_into(self.MEMBERS[name][0], self.map, self.MEMBERS[name][1], value)

    def __getitem__(self, name):
        return struct.unpack_from(self.MEMBERS[name][0], self.map, self.MEMBERS[name][1])[0]


class InRole:
    """The n-th call of a role fails. kinds: of memory, of the system; round_: with which of its errnos."""

    def __init__(self, svc, page, role, kinds, round_):
        self.service, self.page, self.role, self.kinds, self.round = svc, page, role, kinds, round_

    def __str__(self):
        return f"{self.role}, {'memory' if self.kinds == MEMORY else f'errno {self.round} of calls'}"

    def arm(self, n):
        """From now on; 0: they are counted."""
        self.service.await_pid(self.role)
        for name, value in (("kinds", self.kinds), ("round", self.round), ("n", n), ("seen", 0), ("fired", 0),
                            ("armed", 1)):
            self.page[name] = value

    def disarm(self):
        """
        How many there were, and which one has failed: "" where a library was spared it, None where it
        was not reached.
        """
        self.page["armed"] = 0
        seen, fired, code = self.page["seen"], self.page["fired"], self.page["code"]
        if fired in (0, SPARED):
            return seen, "" if fired else None
        call = self.page["call"].rstrip(bytes(1)).decode()
        return seen, f"{call}: {os.strerror(code) if code > 0 else 'half of it'}"


class InAgent:
    """The n-th call of the processes of the agent in the one slot of a task."""

    def __init__(self, svc, task):
        self.service, self.task = svc, task
        self.role = "driver"  # who is to come over it
        self.process = None

    def __str__(self):
        return "agent"

    def slot(self):
        """Its first process."""
        for _ in service.until(ENDS_S):
            for found in self.service.containers_of(self.task):
                with contextlib.suppress(AssertionError):  # gone meanwhile
                    pid = self.service.docker.inspect(found["Id"])["State"]["Pid"]
                    if found["State"] == "running" and pid:
                        return pid
        raise AssertionError(f"no slot within {ENDS_S} s\n{self.service.log()}")

    def arm(self, n):
        self.process = subprocess.Popen([STOP_AT, str(self.slot()), str(n), "fail"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError("stop_at does not watch the agent")

    def disarm(self):
        self.process.terminate()
        said, _ = self.process.communicate()
        seen, call = said.split()
        return int(seen), None if call == "-" else call


class Wrong(Exception):
    """What must not be, whatever has failed."""


class Client:
    """
    Whoever is cut off, or told that something of ours is amiss, asks again. What he asks for is
    always right: an answer that says otherwise is wrong.
    """

    def __init__(self, svc, receiver):
        self.service, self.receiver = svc, receiver
        self.announced = set()
        self.jobs = set()  # that were acknowledged

    def ask(self, method, target, body=None, headers=None, fine=(200,)):
        end = time.monotonic() + ENDS_S
        reply = None
        while time.monotonic() < end:
            try:
                reply = self.service.http.request(method, target, body, headers, timeout=ENDS_S)
            except TimeoutError:
                break
            except (OSError, http.client.HTTPException) as e:
                reply = repr(e)
            else:
                if reply.status in fine:
                    return reply
                # 408: it was taken for cut off.
                if reply.status < 500 and reply.status != 408:
                    raise Wrong(f"{method} {target}: {reply.status} {reply.text[:300]}")
            time.sleep(0.02)
        raise Wrong(f"{method} {target}: no answer within {ENDS_S} s, but {reply}")

    def submit(self, key, request, target="/v1/jobs"):
        job = self.ask("POST", target, json.dumps(request), {
            "Content-Type": "application/json", "Idempotency-Key": key}, (200, 202)).json()["id"]
        self.jobs.add(job)
        return job

    def ended(self, job):
        """The job, which has ended as it should."""
        end = time.monotonic() + ENDS_S
        while time.monotonic() < end:
            found = self.ask("GET", f"/v1/jobs/{job}?wait=2").json()
            if found["state"] == "done" and found["verdict"] == "ok":
                return found
            if found["state"] == "done":
                break
        raise Wrong(f"job {job[:12]} has not ended well within {ENDS_S} s: {json.dumps(found)[:800]}")

    def read(self, job, wanted):
        ended = self.ended(job)
        if content(ended["stdout"]) != wanted:
            raise Wrong(f"another stdout: {json.dumps(ended)[:800]}")
        return ended

    # ---- kinds of jobs: an id, and a function that reads all that came of it ---------------------

    def small(self, key, task="sh", **members):
        job = self.submit(key, {"task": task, "args": [f"echo {key}"], **members}, "/v1/jobs?wait=5")
        return job, lambda: self.read(job, f"{key}\n".encode())

    def boxed(self, key):
        """In a container of its own."""
        return self.small(key, "box")

    def slot(self, key):
        """The same in a task that has one slot."""
        return self.large(key, "slot")

    def called(self, key):
        """Its ending is announced."""
        job, read = self.small(key, callback=self.receiver.url)

        def read_all():
            ended = read()
            self.await_callback(job)
            return ended
        return job, read_all

    def large(self, key, task="sh"):
        """With more bytes than a row holds wherever there may be some, and two cases."""
        script = (f"wc -c <in; head -c {BIG} /dev/zero | tr '\\0' x; echo {key} | tee out.a; "
                  f"head -c {BIG} /dev/zero >out.b")
        job = self.submit(key, {"task": task, "args": [script], "files": [{"name": "in", "content": "y" * BIG}],
                                "collect": ["out.*"], "cases": [{"name": "first"}, {"name": "second"}]})
        return job, lambda: self.read_large(job, key)

    def read_large(self, job, key):
        ended = self.ended(job)
        if [case.get("name") for case in ended["cases"]] != ["first", "second"]:
            raise Wrong(f"other cases: {json.dumps(ended)[:800]}")
        for what, wanted in (("stdout", b"%d\n" % BIG + b"x" * BIG + f"{key}\n".encode()),
                             ("files/out.a", f"{key}\n".encode()), ("files/out.b", bytes(BIG))):
            found = self.ask("GET", f"/v1/jobs/{job}/{what}").body
            if found != wanted:
                raise Wrong(f"another {what}, of {len(found)} bytes")
        return ended

    def await_callback(self, job):
        end = time.monotonic() + ENDS_S
        while job not in self.announced:
            try:
                call = self.receiver.get(max(0.001, end - time.monotonic()))
            except queue.Empty:
                raise Wrong(f"job {job[:12]}: its ending was not announced within {ENDS_S} s") from None
            with contextlib.suppress(ValueError):  # one that was cut off
                self.announced.add(call.json()["data"]["id"])


def descriptors(pid):
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except (FileNotFoundError, ProcessLookupError):
        return 0


class Sweep:
    """breaker: InRole or InAgent; kind: a method of Client's. What is wrong is in `wrong`."""

    def __init__(self, svc, client, breaker, kind):
        self.service, self.client, self.breaker, self.kind = svc, client, breaker, kind
        self.role = breaker.role
        self.name = f"{breaker}, {kind} jobs"
        self.began = time.monotonic()
        self.calls = {}  # that have failed, and how often
        self.spared = 0
        self.wrong = []

    def submit(self, key):
        return getattr(self.client, self.kind)(f"{key}-{time.monotonic_ns()}")

    def settle(self):
        """The next job works."""
        _, read = self.client.small(f"next-{time.monotonic_ns()}")
        read()

    def count(self):
        """About how many points there are."""
        self.settle()
        self.breaker.arm(0)
        try:
            _, read = self.submit("count")
            read()
        finally:
            seen, _ = self.breaker.disarm()
        return seen

    def try_point(self, n):
        """What has failed."""
        self.breaker.arm(n)
        try:
            _, read = self.submit(f"{self.role}-{n}")
            before = Ending.of(read())
        finally:
            _, failed = self.breaker.disarm()
            self.failed = failed
        self.settle()
        if Ending.of(read()) != before:
            raise Wrong("its ending has changed")

    def point(self, n):
        """False where there is none."""
        unit = self.service.units[self.role]
        wrong, self.failed = None, None
        try:
            self.try_point(n)
        except Wrong as e:
            wrong = str(e)
        if unit.unwell:
            wrong = f"{wrong or ''} the {self.role} ended with {unit.unwell}"
            unit.unwell.clear()
        if wrong:
            self.wrong.append(f"{self.name}, call {n} ({self.failed}): {wrong}\n{self.service.log(80)}")
            self.start_again()
        if self.failed:
            self.calls[self.failed] = self.calls.get(self.failed, 0) + 1
        self.spared += self.failed == ""
        return self.failed is not None

    def start_again(self):
        """Whatever state it is in, the next point begins with another process."""
        pid = self.service.pid(self.role)
        if pid:
            os.kill(pid, signal.SIGKILL)
        self.service.mended(self.role)
        self.service.await_pid(self.role, pid)
        self.service.await_ready()

    def run(self, short):
        """About `short` points on every build, all of them in the long run."""
        count = self.count()
        stride = max(1, count // figures.amount(short, count))
        pid = self.service.await_pid(self.role)
        before = descriptors(pid)
        n, missed = 1 + stride // 2, 0
        while missed < 2 and len(self.wrong) < SHOWN:
            missed = 0 if self.point(n) else missed + 1
            n += stride
        self.check_descriptors(pid, before)

    def check_descriptors(self, pid, before):
        for _ in service.until(5, 0.1):
            now = descriptors(pid)
            if now <= before + LEAKED:
                return
        self.wrong.append(f"{self.name}: {now} descriptors in place of {before}")

    @property
    def points(self):
        return sum(self.calls.values())

    def __str__(self):
        return (f"{self.name}, {time.monotonic() - self.began:.0f} s: {self.points} points"
                f"{f', {self.spared} left to libraries' if self.spared else ''}: " +
                ", ".join(f"{call} {times}" for call, times in sorted(self.calls.items())))
