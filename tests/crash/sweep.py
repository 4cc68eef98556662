# SPDX-License-Identifier: MIT
"""
Kills a role at each call that writes, makes durable, names or connects, from a job's submit to
its ending: n = 1, 2, ... until the job passes without reaching the n-th.
"""
import contextlib
import http.client
import json
import os
import signal
import subprocess
import time

import service
from ledger import Ending, Ledger, Sent

STOP_AT = os.path.join(service.BUILD, "tests", "crash", "stop_at")
ENDS_S = 60


class NotThere(Exception):
    """It has ended before it was watched."""


class Stopper:
    """stop_at at a role's process."""

    def __init__(self, pid, n, when):
        self.process = subprocess.Popen([STOP_AT, str(pid), str(n), when], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "ready\n":
            self.process.stdout.close()
            self.process.wait(ENDS_S)
            raise NotThere(pid)

    def end(self):
        """How many calls there were, and the name of the one it killed at, or None."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        self.process.wait(ENDS_S)
        # Not communicate(): with a time limit that loses what readline() has read ahead.
        said = self.process.stdout.read()
        self.process.stdout.close()
        if self.process.returncode:
            raise AssertionError(f"a process ended that nobody killed: {said}")
        count, name = said.split()
        return int(count), None if name == "-" else name


class Sweep:
    """kind: as Ledger's. What is wrong is in `wrong`."""

    def __init__(self, svc, role, kind, when):
        self.service, self.role, self.kind, self.when = svc, role, kind, when
        self.name = f"{role}, {kind}, {when}"
        self.points = {}  # n to the call's name
        self.wrong = []

    def request(self, key):
        before = Ledger.before(Sent(0, self.kind))
        members = {"files": [{"name": "in", "content": "y" * 70000}]} if self.kind == "files" else {}
        return json.dumps({"task": "sh", "args": [f"{before}echo {key}"], **members})

    def submit(self, key):
        """The job's id: whoever has no answer asks again with the same key."""
        target = "/v1/jobs?wait=5" if self.kind == "waited" else "/v1/jobs"
        for _ in service.until(ENDS_S):
            try:
                reply = self.service.http.request("POST", target, self.request(key), {
                    "Content-Type": "application/json", "Idempotency-Key": f"{self.name}, {key}".replace(", ", "-")})
            except (OSError, http.client.HTTPException):
                continue
            if reply.status in (200, 202):
                return reply.json()["id"]
            if reply.status != 503:
                raise AssertionError(f"{self.name}: {reply.status} {reply.text}")
        raise AssertionError(f"{self.name}: not taken within {ENDS_S} s\n{self.service.log()}")

    def watch(self, n):
        """One that finds its predecessor's connection still there ends, and is started again."""
        for _ in service.until(ENDS_S):
            self.service.await_ready()
            with contextlib.suppress(NotThere):
                return Stopper(self.service.await_pid(self.role), n, self.when)
        raise AssertionError(f"{self.name}: no process stays for {ENDS_S} s\n{self.service.log()}")

    def point(self, n):
        """Kills at the n-th call. False where there is none."""
        self.service.await_ready()
        before = set(self.service.stored())
        stopper = self.watch(n)
        try:
            job = self.submit(n)
            ended = self.service.native.ended(job, ENDS_S)
        finally:
            _, call = stopper.end()
        self.check(n, call, job, ended, set(self.service.stored()) - before)
        if call is not None:
            self.points[n] = call
        return call is not None

    def check(self, n, call, job, ended, new):
        where = f"{self.name}, call {n} ({call}): "
        before = Ledger.expected(Sent(n, self.kind))
        ending = Ending.of(ended)
        if ending != Ending("ok", ended["finished_at"], Ending.hashed(before)):
            self.wrong.append(f"{where}{ended}"[:800])
        if new != {job}:
            self.wrong.append(f"{where}jobs {new} in place of {job}")
        if Ending.of(self.service.native.ended(job, ENDS_S)) != ending:
            self.wrong.append(f"{where}its ending changed")
        if self.service.endings().get(job.upper()) != 1:
            self.wrong.append(f"{where}{self.service.endings().get(job.upper())} endings")
        if not self.service.is_sound():
            self.wrong.append(f"{where}the database is not sound")

    def run(self):
        n = 1
        while self.point(n):
            n += 1

    def __str__(self):
        calls = {}
        for call in self.points.values():
            calls[call] = calls.get(call, 0) + 1
        return (f"{self.name}: {len(self.points)} kills: " +
                ", ".join(f"{call} {times}" for call, times in sorted(calls.items())))
