# SPDX-License-Identifier: MIT
"""
Where a job's time on the processors goes: cpu by role, and system calls by role.

cpu of a role is the kernel's own sum over its threads; "containers" is the cgroup that all our
containers are in, agents and jobs; "all" is whatever the machine did in that time, less what the
load generator used: the engine and the kernel's threads are in it, and so is anything else that
runs here, so that it counts on a quiet machine only.
"""
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import machine


class Meter:
    """Seconds on the processors between start() and stop()."""

    def __init__(self, service):
        self.service = service

    def start(self):
        self.began, self.idle = time.monotonic(), machine.idle_s()
        self.before = self.service.cpu_s()

    def stop(self, load_cpu_s, jobs):
        """{who: milliseconds of a job}"""
        after = self.service.cpu_s()
        elapsed = time.monotonic() - self.began
        busy = elapsed * machine.CPUS - (machine.idle_s() - self.idle)
        found = {who: 1000 * (after[who] - self.before[who]) / jobs for who in after}
        found["all"] = 1000 * (busy - load_cpu_s) / jobs
        return found


def metered(service, run):
    """Figures of run(), with `cpu_ms` per job by who used it."""
    meter = Meter(service)
    meter.start()
    figures = run()
    figures["cpu_ms"] = meter.stop(figures["own_cpu_s"], figures["n"])
    return figures


# ---- system calls ------------------------------------------------------------------------------

def counted(text):
    """{name: calls} of what strace -c printed."""
    found = {}
    for line in text.splitlines():
        match = re.fullmatch(r"\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)(?:\s+\d+)?\s+(\w+)\s*", line)
        if match and match[2] != "total":
            found[match[2]] = int(match[1])
    return found


class Tracer:
    """strace -c -f on processes that run, and on what they fork from now on."""

    def __init__(self, pids):
        with tempfile.NamedTemporaryFile(prefix="dockgate-bench-", delete=False) as file:
            self.path = file.name
        argv = ["strace", "-c", "-f", "-o", self.path]
        for pid in pids:
            argv += ["-p", str(pid)]
        self.process = subprocess.Popen(argv, stderr=subprocess.PIPE, text=True)
        for _ in pids:  # "strace: Process N attached": one for each, more for their threads
            if "attached" not in self.process.stderr.readline():
                raise SystemExit("bench: strace cannot attach")

    def stop(self):
        self.process.send_signal(signal.SIGINT)
        self.process.communicate()
        with open(self.path, encoding="utf-8") as file:
            text = file.read()
        os.unlink(self.path)
        return counted(text)


def system_calls(service, run, level):
    """({who: {name: calls a job}}, figures of run())"""
    watched = {role: [pid] for role, pid in service.roles().items()}
    if level == "sandbox" and service.cgroup:
        watched["containers"] = machine.cgroup_pids(service.cgroup)
    tracers = {who: Tracer(pids) for who, pids in watched.items() if pids}
    try:
        figures = run()
    finally:
        found = {who: tracer.stop() for who, tracer in tracers.items()}
    return {who: {name: calls / figures["n"] for name, calls in sorted(
        counts.items(), key=lambda item: -item[1])} for who, counts in found.items()}, figures


# ---- the profile -------------------------------------------------------------------------------

def profile(tools, service, jobs, connections, pace_ms=0):
    """Prints where the time of a hello job goes."""
    if shutil.which("strace") is None:
        raise SystemExit("bench: the profile needs strace")
    level = service.level()

    def run(n):
        return tools.jobs(service, connections=connections, requests=n, pace_ms=pace_ms)

    run(max(jobs // 10, connections))  # whatever is done once is done now
    if service.warm:
        service.wait_warm()
    figures = metered(service, lambda: run(jobs))
    if service.warm:
        service.wait_warm()
    calls, traced = system_calls(service, lambda: run(max(jobs // 4, connections)), level)
    print(f"hello at level {level}, {connections} connections, {figures['n']} jobs: "
          f"p50 {figures['p50_ms']:.2f} ms, p99 {figures['p99_ms']:.2f} ms, "
          f"{figures['per_s']:.0f} jobs/s\n")
    print("cpu of a job")
    cpu = figures["cpu_ms"]
    for who, ms in cpu.items():
        if who != "all":
            print(f"  {who:<12} {1000 * ms:7.0f} us")
    print(f"  {'together':<12} {1000 * sum(v for k, v in cpu.items() if k != 'all'):7.0f} us")
    print(f"  {'all':<12} {1000 * cpu['all']:7.0f} us  whatever the machine did, less the load "
          f"generator's {1e6 * figures['own_cpu_s'] / figures['n']:.0f} us")
    print(f"\nsystem calls of a job (traced: p50 {traced['p50_ms']:.2f} ms)")
    for who, counts in calls.items():
        print(f"  {who:<12} {sum(counts.values()):7.1f}  " +
              ", ".join(f"{name} {n:.2f}" for name, n in counts.items() if n >= 0.05))
