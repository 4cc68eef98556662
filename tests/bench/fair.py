# SPDX-License-Identifier: MIT
"""Whose turn it is: what deciding costs, and what one client's crowd costs another's single job."""
import datetime
import hashlib
import http.client
import json
import threading

from images import image_of
from served import Service

LENGTH_MS = 100  # of each job
CONFIG = """
slots = 2
client "many" { token_hash = "sha256:%s" }
client "one" { token_hash = "sha256:%s" }
task "length" {
	image = "%s"
	command = {"/bench_wait", "%d"}
	isolation = sandbox
	warm = 2
	limits { memory_bytes = 16M }
}
"""
MANY, ONE = "many's token", "one's token"


def turns(bench):
    few, many = 1000, bench.n(100_000, 10_000)
    best = {}
    for waiting in (few, many) * 3:
        found = bench.tools.figures("turns", waiting, bench.n(200_000, 20_000))
        for name in ("decision_us", "position_us"):
            best[waiting, name] = min(found[name], best.get((waiting, name), found[name]))
    for name, what in (("decision_us", "decisions whose turn it is"), ("position_us", "places in the queue")):
        for waiting in (few, many):
            bench.report.value(f"fair_{name}_{waiting}", f"{what}, {waiting:,} waiting",
                               1e6 / best[waiting, name], "/s", "100 clients, 10 tasks; in memory, of processor time")
    bench.report.value("fair_flat", f"a decision: {many:,} waiting against {few:,}",
                       best[many, "decision_us"] / best[few, "decision_us"], "x", "flat is 1", at_most=2.5)


def call(connection, method, path, token, body=None):
    connection.request(method, path, body and json.dumps(body),
                       {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})
    reply = connection.getresponse()
    return reply.status, json.loads(reply.read())


def crowd(service, n):
    def submit(n):
        connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=120)
        for _ in range(n):
            status, answer = call(connection, "POST", "/v1/jobs", MANY, {"task": "length"})
            if status != 202:
                raise SystemExit(f"bench: submit: {status} {answer}")
        connection.close()

    threads = [threading.Thread(target=submit, args=(n // 8,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def ms_between(job, first, last):
    at = [datetime.datetime.fromisoformat(job[name]) for name in (first, last)]
    return (at[1] - at[0]).total_seconds() * 1000


def single(bench):
    n, times = bench.n(10_000, 400), bench.n(30, 5)
    hashes = tuple(hashlib.sha256(token.encode()).hexdigest() for token in (MANY, ONE))
    with image_of(bench.tools.path("wait")) as image:
        with Service(bench.build, more=CONFIG % (*hashes, image, LENGTH_MS)) as service:
            crowd(service, n)
            connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=120)
            jobs = [call(connection, "POST", "/v1/jobs?wait=60", ONE, {"task": "length"})[1]
                    for _ in range(times)]
            call(connection, "DELETE", "/v1/jobs?all=1", MANY)
            connection.close()
    waited = sorted(ms_between(job, "queued_at", "started_at") for job in jobs)
    length = sorted(ms_between(job, "started_at", "finished_at") for job in jobs)[times // 2]
    bench.report.value("fair_wait_ms", f"a single job's wait behind {n:,} of another client",
                       waited[times // 2], " ms", f"median of {times}, most {waited[-1]:.0f} ms; each job takes "
                       f"{length:.0f} ms, two run at one time")
    bench.report.value("fair_wait_jobs", "the longest such wait, in lengths of a job", waited[-1] / length, "x",
                       at_most=1.5)


def run(bench):
    bench.report.section("fair shares")
    turns(bench)
    single(bench)
