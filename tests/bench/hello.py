# SPDX-License-Identifier: MIT
"""A job that prints hello, over HTTP, result stored: one at a time, at a rate, as many as go."""
import cost
import floors
from served import Service

CONNECTIONS = (1, 2, 4, 8, 16, 32, 64)
SHARES = (0.1, 0.25, 0.4, 0.55, 0.7, 0.8, 0.9)  # of what was reached, offered


def rate_text(pace_ms):
    return f"one per {pace_ms} ms" if pace_ms else "back to back"


def paced(bench, service, level):
    report = bench.report
    for pace, times in ((0, None), (100, bench.n(100, 10)), (500, bench.n(24, 4))):
        options = {"requests": times, "pace_ms": pace} if pace else {"seconds": bench.n(6, 2)}
        figures = bench.tools.jobs(service, **options)
        aims = {"at_most": 3} if pace == 100 else {"p99_at_most": 6} if pace == 0 else {}
        report.times(f"hello_{pace}", f"hello, {rate_text(pace)}", figures,
                     f"level {level}, 1 kept connection", **aims)


def against_floors(bench, service):
    """Ratios, of what is measured in turns within some seconds."""
    for pace, which, name, at_most in ((0, "program", "fork + exec", 2.5),
                                       (0, "ahead", "a sandbox by hand, prepared before", None),
                                       (100, "ahead", "a sandbox by hand, prepared before", None)):
        floor, job = [], []
        for _ in range(bench.n(1 if pace else 3, 1)):
            floor.append(floors.beside(bench, which, pace))
            job.append(bench.tools.jobs(service, requests=bench.n(40 if pace else 500, 20),
                                        pace_ms=pace)["p50_ms"])
        floor, job = sorted(floor)[len(floor) // 2], sorted(job)[len(job) // 2]
        bench.report.value(f"hello_{pace}_to_{which}", f"hello, {rate_text(pace)}: times {name}",
                           job / floor, "x", f"medians in turns: {job:.2f} and {floor:.2f} ms",
                           at_most=at_most)


def throughput(bench, service, level):
    """Jobs a second of 1 to 64 connections; the best, and what a job costs there."""
    report, found = bench.report, []
    for connections in CONNECTIONS:
        figures = cost.metered(service, lambda: bench.tools.jobs(
            service, connections=connections, seconds=bench.n(4, 1)))
        found.append({"connections": connections, **figures})
        report.rate(f"hello_connections_{connections}", f"hello, {connections} at once", figures,
                    f"level {level}")
    best = max(found, key=lambda figures: figures["per_s"])
    report.figures["hello_throughput"] = found
    report.value("hello_per_s", "hello at saturation", best["per_s"], "/s",
                 f"level {level}, {best['connections']} connections, the client on the same processors",
                 at_least=800)
    cpu = dict(best["cpu_ms"])
    report.value("hello_cpu_ms", "processor time of a job", cpu.pop("all"), " ms",
                 "all that the machine did, less the client", at_most=2.2)
    report.value("hello_own_cpu_ms", "of that, by our processes and the job", sum(cpu.values()), " ms",
                 ", ".join(f"{who} {ms:.2f}" for who, ms in cpu.items()))
    return best["per_s"]


def offered(bench, service, level, best):
    """Latency where jobs come at a rate and not one after the other."""
    found = []
    for rate in sorted({max(1, round(best * share)) for share in SHARES}):
        figures = bench.tools.jobs(service, connections=256, rate=rate,
                                   seconds=bench.n(4, 1) if rate >= 20 else bench.n(8, 2))
        found.append({"offered": rate, **figures})
        bench.report.times(f"hello_offered_{rate}", f"hello, {rate} offered a second", figures,
                           f"level {level}, {100 * rate / best:.0f} % of what was reached")
    bench.report.figures["hello_offered"] = found


def run(bench):
    bench.report.section("hello at level sandbox")
    with Service(bench.build, "sandbox", warm=4, warm_max=16) as service:
        level = service.level()
        bench.report.figures["hello_level"] = level
        if level != "sandbox":
            bench.report.note("level", f"asked for sandbox, got {level}")
        paced(bench, service, level)
        against_floors(bench, service)
        best = throughput(bench, service, level)
        offered(bench, service, level, best)
        bench.report.value("hello_resident_mib", "resident after it",
                           sum(service.memory_kib().values()) / 1024, " MiB")
