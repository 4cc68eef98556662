# SPDX-License-Identifier: MIT
"""What open connections take: long polls of one job that goes on."""
import json
import subprocess
import time

from images import image_of
from served import ROLES, Service

TASK = """
task "wait" {
	image = "%s"
	command = {"/bench_wait"}
	warm = 0
	limits { wall_ms = 1000000  memory_bytes = 16M }
}
"""


def held(bench, service, job, polls):
    argv = [bench.tools.path("load"), "--port", str(service.port), "--connections", str(polls),
            "--hold", "--path", f"/v1/jobs/{job}?wait=300"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as load:
        if load.stdout.readline() != "holding\n":
            raise SystemExit("bench: the long polls could not be held")
        service.status("/healthz")
        time.sleep(1)  # what is measured is rest
        kib = service.memory_kib()
        load.stdin.close()
        if json.loads(load.stdout.readline())["errors"]:
            raise SystemExit("bench: long polls were answered early")
    return kib


def resident(bench, key, what, kib, at_most=None):
    text = ", ".join(f"{role} {kib[role] / 1024:.1f}" for role in ROLES)
    bench.report.value(key, what, sum(kib.values()) / 1024, " MiB", text, at_most=at_most)


def run(bench):
    polls = bench.n(5000, 500)
    bench.report.section("memory of the three roles")
    with image_of(bench.tools.path("wait")) as image:
        with Service(bench.build, more=TASK % image) as service:
            service.level()
            resident(bench, "resident_idle", "resident, idle", service.memory_kib())
            job = service.submit("wait")["id"]
            kib = held(bench, service, job, polls)
            service.request("DELETE", f"/v1/jobs/{job}")
    resident(bench, "resident_polls", f"resident, {polls:,} long polls waiting", kib, 200)
