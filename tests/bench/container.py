# SPDX-License-Identifier: MIT
"""A container for each job: warm, cold, and as many as the engine can make."""
import floors
from served import Service


def merged(batches):
    """Figures of several batches of equal kind: the middle one's median, the worst p99."""
    return {"n": sum(b["n"] for b in batches),
            "p50_ms": sorted(b["p50_ms"] for b in batches)[len(batches) // 2],
            **{key: pick(b[key] for b in batches) for key, pick in (
                ("min_ms", min), ("p90_ms", max), ("p99_ms", max), ("max_ms", max))}}


def warm(bench):
    """Each job finds a container that waits: at that rate the pool is full again for the next."""
    with Service(bench.build, "container", warm=8) as service:
        service.level()
        for pace, times, aim in ((500, bench.n(30, 4), 5), (0, bench.n(3, 1), None)):
            batches = []
            for _ in range(1 if pace else times):
                service.wait_warm()
                batches.append(bench.tools.jobs(service, requests=times if pace else 6, pace_ms=pace))
            bench.report.times(
                f"container_warm_{pace}", "hello at level container, warm, " +
                (f"one per {pace} ms" if pace else "6 back to back"), merged(batches),
                f"fastest {min(b['min_ms'] for b in batches):.2f} ms", at_most=aim)


def cold(bench):
    with Service(bench.build, "container") as service:
        service.level()
        bench.report.times("container_cold", "hello at level container, none waiting",
                           bench.tools.jobs(service, requests=bench.n(10, 2)))


def sustained(bench):
    """The pool as it comes, and the loop before and behind it, since the machine is not always alike."""
    report = bench.report
    best = floors.engine_loop(bench)
    with Service(bench.build, "container", warm=4, warm_max=16) as service:
        service.level()
        bench.tools.jobs(service, connections=32, seconds=bench.n(4, 1))  # what waited is gone
        before = floors.loop_rate(best, bench.n(4, 1)) if not bench.quick else 0
        bench.tools.jobs(service, connections=32, seconds=bench.n(3, 1))
        jobs = bench.tools.jobs(service, connections=32, seconds=bench.n(12, 2))
    after = floors.loop_rate(best, bench.n(4, 1))
    bare = sorted(filter(None, [report.figures["floor_engine_per_s"], before, after]))
    bare = bare[len(bare) // 2]
    report.rate("container_sustained", "hello at level container, as many as go", jobs,
                "32 connections, none left over from before")
    report.value("container_share", "as a share of the bare loop", 100 * jobs["per_s"] / bare, " %",
                 f"the loop's {bare:.1f}/s, {best} at once", at_least=95)


def run(bench):
    bench.report.section("a container for each job")
    warm(bench)
    cold(bench)
    sustained(bench)
