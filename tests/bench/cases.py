# SPDX-License-Identifier: MIT
"""Many cases in one job: what each costs, and whether the last costs more than the first."""
import time

from served import Service

LEVELS = ("sandbox", "container")


def case_rate(service, n):
    """Cases a second, all ended ok, of one job of n."""
    began = time.monotonic()
    job = service.submit("hello", wait=300, cases=[{"stdin": str(i)} for i in range(n)])
    took = time.monotonic() - began
    verdicts = [case["verdict"] for case in job["cases"]]
    if verdicts != ["ok"] * n:
        raise AssertionError(f"{n} cases: {set(verdicts)}")
    return n / took


def run(bench):
    bench.report.section("Cases of one job")
    for level in LEVELS:
        with Service(bench.build, level=level, warm=1, warm_max=2) as service:
            service.wait_warm()
            few, many = bench.n(100, 10), bench.n(1000, 50)
            rates = {n: case_rate(service, n) for n in (few, many)}
            bench.report.value(f"cases_{level}_per_s", f"cases of a job of {many}", rates[many], "/s",
                               f"level {level}, hello, one after the other")
            bench.report.value(f"cases_{level}_flat", f"what a case of {many} costs, times one of {few}",
                               rates[few] / rates[many], "x", f"level {level}",
                               at_most=None if bench.quick else 2)
