# SPDX-License-Identifier: MIT
"""
What was promised to clients under load, and what came of it: counted as Jepsen's total-queue does.

	with Ledger(service, seed) as ledger:
	    ...break things...
	tally = ledger.tally()
	assert not tally.bad(), tally
"""
import hashlib
import http.client
import json
import queue
import threading
import time
from typing import NamedTuple

import service
from case import content

CLIENTS = 3
BIG = 70000  # more than a row holds
PAUSE_S = 0.15


class Broken(Exception):
    """No answer, or one that promises nothing."""


class Tally:
    """
    attempted, acknowledged: jobs. lost: acknowledged, without its own result. duplicated: with two
    endings, one that changed, or two jobs for one key. unexpected: jobs that nobody sent. recovered:
    jobs that were stored though nobody was told. unannounced: whose callback never came.
    """

    def __init__(self, seed):
        self.seed = seed
        self.attempted = self.acknowledged = self.recovered = 0
        self.lost, self.duplicated, self.unexpected, self.unannounced = [], [], [], []

    def bad(self):
        return self.lost + self.duplicated + self.unexpected + self.unannounced

    def __str__(self):
        text = (f"{self.attempted} attempted, {self.acknowledged} acknowledged, {len(self.lost)} lost, "
                f"{len(self.duplicated)} duplicated, {len(self.unexpected)} unexpected, "
                f"{self.recovered} recovered, seed {self.seed}")
        return "\n".join([text, *(f"  {what}" for what in self.bad()[:20])])


class Sent(NamedTuple):
    number: int
    kind: str


class Ending(NamedTuple):
    verdict: str
    finished_at: str
    stdout: str  # its SHA-256

    @staticmethod
    def hashed(stdout):
        return hashlib.sha256(stdout).hexdigest()

    @classmethod
    def of(cls, job):
        return cls(job["verdict"], job["finished_at"], cls.hashed(content(job["stdout"])))


class Ledger:
    """
    Clients that submit jobs without a pause, and one that reads what comes of them, of a service
    that is up. kinds: names of Ledger's methods, in which each job is sent in turn; box: a task for
    every ninth job; receiver: takes the callbacks of the kind `called`.
    """

    def __init__(self, svc, seed, kinds=("plain",), task="sh", box=None, receiver=None):
        self.service, self.native, self.http = svc, svc.native, svc.http
        self.seed, self.kinds, self.task, self.box, self.receiver = seed, kinds, task, box, receiver
        self.attempted = {}
        self.others = set()
        self.jobs = {}  # acknowledged: id to Sent
        self.told = {}  # with the acknowledgement already: id to Ending
        self.read = {}  # id to the Ending that was read first
        self.twice = []
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.end = 0  # of the waiting for endings
        self.unread = queue.Queue()
        self.threads = [threading.Thread(target=self.client, args=(n,)) for n in range(CLIENTS)]
        self.reader = threading.Thread(target=self.read_all)

    def __enter__(self):
        self.others = set(self.service.stored())  # that were there before
        for thread in (*self.threads, self.reader):
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        self.unread.put(None)
        self.reader.join()

    # ---- submitting ---------------------------------------------------------------------------

    def client(self, n):
        while not self.over.is_set():
            kind = self.kinds[n // CLIENTS % len(self.kinds)]
            with self.lock:
                self.attempted[n] = kind
            try:
                getattr(self, kind)(Sent(n, kind))
            except Broken:
                self.over.wait(0.02)
            else:
                self.over.wait(PAUSE_S)
            n += CLIENTS

    def post(self, sent, members=None, target="/v1/jobs", headers=None):
        """An acknowledged job's id and, where it has ended, its Ending."""
        script = f"sleep 0.0{sent.number % 9}; {self.before(sent)}echo {sent.number}"
        task = self.box if self.box and sent.number % 9 == 4 else self.task
        request = {"task": task, "args": [script], "labels": {"n": str(sent.number)}, **(members or {})}
        try:
            reply = self.http.request("POST", target, json.dumps(request),
                                      {"Content-Type": "application/json", **(headers or {})})
        except (OSError, http.client.HTTPException) as e:
            raise Broken(str(e)) from e  # nobody listens: no job was acknowledged
        if reply.status not in (200, 202):
            if reply.status not in (503, 507):
                self.twice.append(f"job {sent.number}: refused with {reply.status} {reply.text}")
            raise Broken(str(reply.status))
        job = reply.json()
        with self.lock:
            self.jobs[job["id"]] = sent
            if job["state"] == "done":
                self.told[job["id"]] = Ending.of(job)
        self.unread.put(job["id"])
        return job["id"]

    @staticmethod
    def before(sent):
        if sent.kind == "big":
            return f"head -c {BIG} /dev/zero | tr '\\0' x; "
        return "wc -c <in; " if sent.kind == "files" else ""

    @staticmethod
    def expected(sent):
        before = {"big": b"x" * BIG, "files": b"%d\n" % BIG}.get(sent.kind, b"")
        return before + f"{sent.number}\n".encode()

    def plain(self, sent):
        self.post(sent)

    def big(self, sent):
        self.post(sent)

    def files(self, sent):
        self.post(sent, {"files": [{"name": "in", "content": "y" * BIG}]})

    def waited(self, sent):
        """May be told its ending with the acknowledgement, and is written once then."""
        self.post(sent, target="/v1/jobs?wait=3")

    def called(self, sent):
        self.post(sent, {"callback": self.receiver.url})

    def keyed(self, sent):
        """Whoever has no answer asks again; one key is one job."""
        ids = set()
        while not ids:
            try:
                ids.add(self.post(sent, headers={"Idempotency-Key": f"n{sent.number}"}))
            except Broken:
                if self.over.wait(0.05):
                    return
        try:
            ids.add(self.post(sent, headers={"Idempotency-Key": f"n{sent.number}"}))
        except Broken:
            return
        if len(ids) > 1:
            self.twice.append(f"job {sent.number}: one key, two jobs")

    # ---- reading ------------------------------------------------------------------------------

    def read_all(self):
        """Reads each ending as soon as there is one: what comes later must say the same."""
        while (job := self.unread.get()) is not None:
            if job not in self.read and not self.over.is_set() and (ending := self.ending(job, 5)):
                self.read[job] = ending

    def ending(self, job, seconds):
        """None where there is none, or no answer, within this time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                reply = self.http.get(f"/v1/jobs/{job}?wait=2")
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)  # nobody listens: there is nothing to wait on
                continue
            if reply.status == 200 and reply.json()["state"] == "done":
                return Ending.of(reply.json())
            if reply.status not in (200, 503):
                return None
            if reply.status == 503:
                time.sleep(0.05)
        return None

    # ---- the end ------------------------------------------------------------------------------

    def tally(self, seconds=60):
        """What came of all within this time; the service is up again."""
        self.end = time.monotonic() + seconds
        tally = Tally(self.seed)
        tally.attempted, tally.acknowledged = len(self.attempted), len(self.jobs)
        tally.duplicated = list(self.twice)
        for job, sent in self.jobs.items():
            self.judge(tally, job, sent)
        self.look_for_others(tally)
        for job, count in self.service.endings().items():
            if count != 1:
                tally.duplicated.append(f"{job[:12]}: {count} endings in the store")
        if self.receiver:
            self.judge_callbacks(tally)
        return tally

    def judge(self, tally, job, sent):
        ending = self.ending(job, max(1, self.end - time.monotonic()))
        if ending is None:
            tally.lost.append(f"{job[:12]} ({sent.kind} {sent.number}): {self.http.get('/v1/jobs/' + job).text}")
            return
        if ending.verdict != "ok" or ending.stdout != Ending.hashed(self.expected(sent)):
            tally.lost.append(f"{job[:12]} ({sent.kind} {sent.number}): {self.http.get('/v1/jobs/' + job).text[:600]}")
        for before in (self.told.get(job), self.read.get(job)):
            if before not in (None, ending):
                tally.duplicated.append(f"{job[:12]} ({sent.kind} {sent.number}): {before}, then {ending}")

    def look_for_others(self, tally):
        """Jobs of the store that nobody was told of."""
        acknowledged = {sent.number for sent in self.jobs.values() if sent.kind == "keyed"}
        for job in self.service.stored():
            if job in self.jobs or job in self.others:
                continue
            number = int(self.http.get(f"/v1/jobs/{job}").json().get("labels", {}).get("n", -1))
            kind = self.attempted.get(number)
            if kind is None:
                tally.unexpected.append(f"{job[:12]}: number {number}")
            elif kind == "keyed" and number in acknowledged:
                tally.duplicated.append(f"{job[:12]}: another job of the key n{number}")
            else:
                before = len(tally.lost)
                self.judge(tally, job, Sent(number, kind))
                tally.recovered += len(tally.lost) == before

    def judge_callbacks(self, tally):
        """Each ending is announced at least once, in the end."""
        wanted = {job for job, sent in self.jobs.items() if sent.kind == "called"}
        announced = set()
        for _ in service.until(40, 0.1):
            while not self.receiver.calls.empty():
                announced.add(self.receiver.calls.get().json()["data"]["id"])
            if wanted <= announced:
                return
        tally.unannounced = [f"{job[:12]}: its ending was never announced" for job in wanted - announced]
