# SPDX-License-Identifier: MIT
"""
What stored and waiting jobs cost those that come after them.

The driver is a played one (driver.c) that ends each job at once: what is measured is the gateway,
the queue and its store, at rates that no container could keep up with.
"""
import os
import random
import sqlite3

from served import Played
from tools import HELLO

STORED = (0, 10_000, 100_000)
RETENTION_RATE = 500


# ---- stored jobs ---------------------------------------------------------------------------------

def copy(db, table, columns, changed, seq, values):
    chosen = ", ".join(changed.get(column, column) for column in columns)
    db.executemany(f"INSERT INTO {table} ({', '.join(columns)}) SELECT {chosen} FROM {table} "
                   f"WHERE seq = {seq}", values)


def seed(path, n):
    """n copies of the first finished job that the store has, each with an id of its own; the ids."""
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA foreign_keys = ON")
        columns = {table: [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
                   for table in ("job", "blob", "event")}
        seq = db.execute("SELECT seq FROM job WHERE state = 2 ORDER BY seq LIMIT 1").fetchone()[0]
        ids = [os.urandom(32) for _ in range(n)]
        first = db.execute("SELECT max(seq) FROM job").fetchone()[0] + 1
        copy(db, "job", columns["job"], {"seq": "?1", "id": "?2"}, seq,
             ((first + i, job) for i, job in enumerate(ids)))
        for table in ("blob", "event"):
            copy(db, table, columns[table], {"seq": "?1"}, seq, ((first + i,) for i in range(n)))
    db.close()
    random.shuffle(ids)
    return [job.hex() for job in ids]


def store(service, path, n):
    """Brings the number of stored jobs up to n more; their paths are in the file `path`."""
    service.stop()
    ids = seed(service.database(), n)
    with open(path, "a", encoding="ascii") as file:
        file.writelines(f"/v1/jobs/{job}\n" for job in ids[:100_000])
    service.start()


def measured(service, run):
    """Figures of run(), with `cpu_us` of the gateway and the queue for each request."""
    before = service.cpu_s()
    figures = run()
    after = service.cpu_s()
    figures["cpu_us"] = 1e6 * sum(after[role] - before[role] for role in ("gateway", "queue")) / figures["n"]
    return figures


def at(bench, service, stored, paths):
    """Figures of each kind of request with so many jobs stored."""
    tools, seconds, some = bench.tools, bench.n(3, 1), bench.n(4000, 500)
    runs = {
        "constant": lambda: tools.load(service, path="/healthz", expect=200, connections=8,
                                       seconds=seconds),
        "status": lambda: tools.load(service, paths=paths, expect=200, connections=8, seconds=seconds),
        "submit": lambda: tools.load(service, method="POST", path="/v1/jobs", expect=202, body=HELLO,
                                     connections=8, requests=some),
        "way": lambda: tools.jobs(service, connections=8, requests=some),
        "list": lambda: tools.load(service, path="/v1/jobs", expect=200, seconds=1),
    }
    found = {kind: measured(service, run) for kind, run in runs.items()}
    for kind, what in (("submit", "durable submits"), ("way", "jobs through gateway, queue and store"),
                       ("status", "status reads, over all of them"), ("list", "lists of 50")):
        bench.report.rate(f"state_{kind}_{stored}", f"{what}, {stored:,} stored", found[kind],
                          f"{1 if kind == 'list' else 8} connections, median "
                          f"{found[kind]['p50_ms']:.2f} ms, {found[kind]['cpu_us']:.0f} us of processor each")
    bench.report.value(f"state_share_{stored}", f"status reads as a share of constant answers, {stored:,} stored",
                       100 * found["status"]["per_s"] / found["constant"]["per_s"], " %",
                       f"constant: {found['constant']['per_s']:,.0f}/s")
    return {"stored": stored, **{kind: figures["cpu_us"] for kind, figures in found.items()}}


def flatness(bench, found):
    for kind, what in (("submit", "submit"), ("way", "job's way"), ("status", "status read"), ("list", "list")):
        bench.report.value(
            f"state_flat_{kind}", f"{what}: {found[-1]['stored']:,} stored against none",
            found[-1][kind] / found[0][kind], "x", "processor time of gateway and queue; flat is 1",
            at_most=1.5)


def stored_jobs(bench):
    found, have = [], 0
    paths = os.path.join(bench.scratch, "paths")
    counts = STORED + ((1_000_000,) if bench.full else ())
    if bench.quick:
        counts = (0, 5000)
    with Played(bench.build) as service:
        first = service.submit("hello", 60)
        with open(paths, "w", encoding="ascii") as file:
            file.write(f"/v1/jobs/{first['id']}\n")
        for stored in counts:
            if stored > have:
                bench.say(f"storing {stored - have:,} jobs")
                store(service, paths, stored - have)
                have = stored
            found.append(at(bench, service, stored, paths))
            bench.report.value(f"state_resident_{stored}", f"resident of gateway and queue, {stored:,} stored",
                               sum(service.memory_kib().values()) / 1024, " MiB")
    bench.report.figures["state"] = found
    flatness(bench, found)


# ---- waiting jobs --------------------------------------------------------------------------------

def waiting(bench):
    """Jobs that wait for a driver; then it comes."""
    report, n = bench.report, bench.n(100_000, 3000)
    with Played(bench.build, drive=False) as service:
        few = bench.tools.load(service, method="POST", path="/v1/jobs", expect=202, connections=8,
                               body=HELLO, requests=bench.n(4000, 500))
        bench.tools.load(service, method="POST", path="/v1/jobs", expect=202, connections=64,
                         body=HELLO, requests=n - bench.n(4000, 500))
        many = bench.tools.load(service, method="POST", path="/v1/jobs", expect=202, connections=8,
                                body=HELLO, requests=bench.n(4000, 500))
        job = service.submit("hello")
        status = bench.tools.load(service, path=f"/v1/jobs/{job['id']}", expect=200, connections=8,
                                  seconds=bench.n(2, 1))
        listed = bench.tools.load(service, path="/v1/jobs", expect=200, seconds=1)
        resident = sum(service.memory_kib().values()) / 1024
        claims = service.drain(n)
    report.rate("waiting_submit_few", "durable submits, none waiting at first", few, "8 connections")
    report.rate("waiting_submit", f"durable submits, {n:,} waiting", many, "8 connections")
    report.rate("waiting_status", f"status of the last, {n:,} waiting", status, "8 connections")
    report.rate("waiting_list", f"lists of 50, {n:,} waiting", listed, "1 connection")
    report.value("waiting_resident_mib", f"resident of gateway and queue, {n:,} waiting", resident, " MiB")
    report.value("waiting_claims_first", f"jobs started and ended a second, {n:,} to {n // 2:,} waiting",
                 claims[0], "/s")
    report.value("waiting_claims_last", f"jobs started and ended a second, the last {n // 4:,}",
                 claims[1], "/s")
    report.value("waiting_flat", "claims: many waiting against few", claims[1] / claims[0], "x",
                 "flat is 1", at_most=1.5)


# ---- retention -----------------------------------------------------------------------------------

def with_retention(bench, retention_s):
    """500 jobs a second come and end, for longer than they are kept."""
    seconds = bench.n(5, 2)
    with Played(bench.build, more=f"retention_s = {retention_s}") as service:
        bench.tools.jobs(service, connections=64, rate=RETENTION_RATE, seconds=seconds)
        jobs = bench.tools.jobs(service, connections=64, rate=RETENTION_RATE, seconds=2 * seconds)
        return jobs, service.stored()


def retention(bench):
    report = bench.report
    without, kept_without = with_retention(bench, 86400)
    with_, kept = with_retention(bench, 2)
    how = f"{RETENTION_RATE} jobs offered a second, each through gateway, queue and store"
    report.times("retention_without", "a job's way, nothing expires", without,
                 f"{how}; {kept_without:,} stored at the end")
    report.times("retention_with", f"a job's way, {RETENTION_RATE} expire a second", with_,
                 f"the same; {kept:,} stored at the end")
    report.value("retention_p99", "p99 with retention against without",
                 with_["p99_ms"] / without["p99_ms"], "x", at_most=1.5)
    report.value("retention_kept", "jobs stored with retention of 2 s", kept, "",
                 f"{2 * RETENTION_RATE:,} have not expired", at_most=4 * RETENTION_RATE)


def run(bench):
    bench.report.section("stored and waiting jobs (without containers)")
    stored_jobs(bench)
    waiting(bench)
    retention(bench)
