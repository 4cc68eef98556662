# SPDX-License-Identifier: MIT
"""A Python program as a job, against the same by hand in the same image."""
import json

from machine import docker
from served import Service

IMAGE = "dockgate/python"
PROGRAM = ["/usr/bin/python3", "-c", "print('hello')"]

TASK = """
task "python" {
	image = "%s"
	command = {"/usr/bin/python3", "-c", "print('hello')"}
	isolation = %s
	warm = 4
	warm_max = 16
}
"""


def by_hand(bench, times):
    """fork, exec, output, wait, again and again, in one container."""
    name = docker("create", "--network", "none", "--label", "dockgate-bench", "--log-driver", "local",
                  IMAGE, "/bench_floor", "-n", str(times), *PROGRAM)
    try:
        docker("cp", bench.tools.path("floor"), f"{name}:/bench_floor")
        return json.loads(docker("start", "-a", name))
    finally:
        docker("rm", "-f", name)


def run(bench):
    report, times = bench.report, bench.n(200, 20)
    report.section("Python")
    with Service(bench.build, "sandbox", more=TASK % (IMAGE, "sandbox")) as service:
        level = service.level("python")
        hand = by_hand(bench, times)
        job = bench.tools.jobs(service, "python", requests=times)
    report.times("python_by_hand", "python3 -c by hand", hand, "in one container of the image")
    report.times("python", "the same as a job", job, f"level {level}, 1 kept connection")
    report.value("python_extra_ms", "a Python hello costs more", job["p50_ms"] - hand["p50_ms"], " ms",
                 "medians", at_most=1)
