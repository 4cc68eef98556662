# SPDX-License-Identifier: MIT
"""
What a job and a status request take while hostile jobs hold every place but one, against the same
with nobody else there; how long jobs live that refuse to end; and what many jobs leave behind in the
roles' memory.
"""
import contextlib
import json
import threading

import floors
import machine
from images import image_of
from report import middle
from served import Played, Service, until

KINDS = {"forks": "fork bombs", "memory": "memory hogs", "output": "floods of output",
         "disk": "disk writers", "cpu": "cpu burners", "killed": "programs that are killed for memory"}
REFUSING = ("lives", "orphan")
WALL_MS = 100  # of those that refuse
HOLD = max(1, machine.CPUS - 1)  # each takes a processor of the budget: one is left
TASK = """
retention_s = 5
task "hostile" {
	image = "%s"
	command = {"/bench_hostile"}
	isolation = sandbox
	concurrency = %d
	warm = %d
	limits { wall_ms = 600000  cpu_ms = 600000  memory_bytes = 256M  processes = 64  disk_bytes = 64M }
}
"""


class Neighbours:
    """Hostile jobs of one kind; one that ends is followed by the next."""

    def __init__(self, service, kind):
        self.service, self.kind = service, kind
        self.over = threading.Event()
        self.ids = [None] * HOLD
        self.threads = [threading.Thread(target=self.hold, args=(i,)) for i in range(HOLD)]

    def hold(self, i):
        while not self.over.is_set():
            self.ids[i] = self.service.submit("hostile", args=[self.kind])["id"]
            while not self.over.is_set() and self.job(self.ids[i], "?wait=1")["state"] != "done":
                pass

    def job(self, job, query=""):
        return json.loads(self.service.request("GET", f"/v1/jobs/{job}{query}")[1])

    def run(self):
        return all(job and self.job(job)["state"] != "queued" for job in list(self.ids))

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        until(self.run, f"{KINDS[self.kind]} to run", self.service.process)
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        for job in self.ids:
            self.service.request("DELETE", f"/v1/jobs/{job}")
            until(lambda job=job: self.job(job)["state"] == "done", "a hostile job to end")


def measured(bench, service):
    """
    (hello jobs, status requests, sandboxes by hand). The jobs and sandboxes come one per 40 ms: one
    after the other they would keep two processors busy by themselves, of which the neighbours hold one
    by right.
    """
    jobs = bench.tools.jobs(service, requests=bench.n(100, 10), pace_ms=40)
    job = service.submit("hello", 60)["id"]
    status = bench.tools.load(service, path=f"/v1/jobs/{job}", rate=50, connections=16,
                              seconds=bench.n(2, 1))
    return jobs, status, floors.ahead(bench, bench.n(100, 10), 40)


def in_turns(bench, service, kind):
    """The middles of some rounds: alone, and the same with neighbours."""
    alone, beside = [], []
    for _ in range(bench.n(3, 1)):
        alone.append(measured(bench, service))
        with Neighbours(service, kind):
            beside.append(measured(bench, service))

    def of(rounds):
        return {what: middle([run[i] for run in rounds], key)[key] for what, i, key in (
            ("p50", 0, "p50_ms"), ("p99", 0, "p99_ms"), ("status", 1, "p99_ms"),
            ("floor_p50", 2, "p50_ms"), ("floor_p99", 2, "p99_ms"))}

    return of(alone), of(beside)


def beside(bench, service, level):
    report = bench.report
    for kind, name in KINDS.items():
        alone, now = in_turns(bench, service, kind)
        for which, what, at_most in (("p50", "median", 1.10), ("p99", "p99", 1.25)):
            report.value(f"neighbours_{kind}_{which}", f"hello beside {name}: {what} against alone",
                         now[which] / alone[which], "x",
                         f"{now[which]:.2f} and {alone[which]:.2f} ms in turns, one per 40 ms, level {level}, "
                         f"{HOLD} of {HOLD + 1} places held", at_most=at_most)
            floor, none = now[f"floor_{which}"], alone[f"floor_{which}"]
            report.value(f"neighbours_{kind}_floor_{which}",
                         f"a sandbox by hand beside {name}: {what} against alone", floor / none, "x", f"{floor:.2f} and {none:.2f} ms, in the same turns")
        report.value(f"neighbours_{kind}_status_ms", f"status beside {name}: p99", now["status"],
                     " ms", f"alone {alone['status']:.2f} ms; 50 offered a second", at_most=100)


def lived(service, kind):
    """For how many milliseconds, by its own clock, a job did that had WALL_MS."""
    job = service.submit("hostile", 60, args=[kind], limits={"wall_ms": WALL_MS})
    if job["verdict"] != "wall_time_limit":
        raise SystemExit(f"bench: a job that refuses to end did: {job}")
    said = job["stdout"]["content"].split()
    return int(said[-1]) / 1000 if said else 0  # its time was over before it could say anything


def refusing(bench, service, level):
    jobs = 1000 if bench.full else bench.n(200, 10)
    late = sorted(lived(service, REFUSING[i % len(REFUSING)]) - WALL_MS for i in range(jobs))
    bench.report.value("neighbours_late_ms", "what refuses to end lives past its wall time, 999 of 1,000",
                       late[(jobs * 999 + 999) // 1000 - 1], " ms",
                       f"by its own clock, n={jobs}, median {late[jobs // 2]:.2f} ms, level {level}",
                       at_most=250)


def grown(bench, service, key, what, jobs, run):
    """The roles' resident memory after a fifth of the jobs, against that after all of them."""
    run(jobs // 5)
    before = service.memory_kib()
    run(jobs - jobs // 5)
    after = service.memory_kib()
    bench.report.value(f"neighbours_memory_{key}", f"resident after {jobs:,} jobs {what}, against a fifth of them",
                       sum(after.values()) / sum(before.values()), "x", ", ".join(
                           f"{role} {before[role] / 1024:.1f} to {after[role] / 1024:.1f} MiB"
                           for role in after), at_most=1.05)


def memory(bench, service):
    jobs = 100_000 if bench.full else bench.n(10_000, 200)
    grown(bench, service, "served", "in sandboxes", jobs,
          lambda n: bench.tools.jobs(service, connections=4, requests=n))
    played = bench.n(100_000, 2000)
    with Played(bench.build, "\nretention_s = 5\n") as other:
        grown(bench, other, "played", "through gateway, queue and store", played,
              lambda n: bench.tools.jobs(other, connections=8, requests=n))


def run(bench):
    bench.report.section("neighbours")
    with contextlib.ExitStack() as stack:
        image = stack.enter_context(image_of(bench.tools.path("hostile")))
        service = stack.enter_context(Service(bench.build, "sandbox", warm=2, more=TASK % (image, HOLD, HOLD)))
        level = service.level()
        refusing(bench, service, level)
        beside(bench, service, level)
        memory(bench, service)
