# SPDX-License-Identifier: MIT
"""What the machine itself takes: nothing that does more can be faster."""
import json
import os
import subprocess
import threading
import time

import machine
from images import root_of
from machine import docker
from report import percentiles
from served import IMAGE

LOOPS = (1, 2, 4, 6, 8)


def program(bench):
    """A directory with the files of the image hello; made once."""
    root = os.path.join(bench.scratch, "hello")
    if not os.path.exists(root):
        os.mkdir(root)
        root_of(IMAGE, root)
    return root


def by_hand(bench):
    root = program(bench)
    floor = ("floor", os.path.join(root, "hello"))
    fresh = ("sandbox", root, "/hello")
    ahead = ("sandbox", "-a", root, "/hello")
    for key, what, argv in (("program", "fork + exec", floor),
                            ("sandbox", "sandbox by hand, made on the way", fresh),
                            ("ahead", "sandbox by hand, prepared before", ahead)):
        for pace, times in ((0, bench.n(1500, 100)), (100, bench.n(80, 10))):
            figures = bench.tools.figures(argv[0], "-n", times, "-p", pace, *argv[1:])
            how = "one per 100 ms" if pace else "back to back"
            if not pace:
                figures["cpu_ms"] = 1000 * figures["own_cpu_s"] / figures["n"]
                how += f", {figures['cpu_ms']:.2f} ms cpu"
            bench.report.times(f"floor_{key}_{pace}", what, figures, how)


def beside(bench, which, pace):
    """Once more, right beside what is held against it: its median in milliseconds."""
    root = program(bench)
    argv = {"program": ("floor", os.path.join(root, "hello")),
            "ahead": ("sandbox", "-a", root, "/hello")}[which]
    return bench.tools.figures(argv[0], "-n", bench.n(30 if pace else 500, 10), "-p", pace,
                               *argv[1:])["p50_ms"]


def ahead(bench, times, pace):
    """So many sandboxes prepared before, one per `pace` milliseconds."""
    return bench.tools.figures("sandbox", "-a", "-n", times, "-p", pace, program(bench), "/hello")


def together(bench):
    """As many of them at once as there are processors."""
    root = program(bench)
    argv = [bench.tools.path("sandbox"), "-n", str(bench.n(1500, 100)), root, "/hello"]
    running = [subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
               for _ in range(os.cpu_count())]
    rate = sum(json.loads(process.communicate()[0])["per_s"] for process in running)
    bench.report.value("floor_sandbox_per_s", "sandboxes by hand a second", rate, "/s",
                       f"{len(running)} at once")


def docker_run(bench):
    found = []
    for _ in range(bench.n(12, 3)):
        begun = time.monotonic()
        docker("run", "--rm", "--network", "none", "--label", "dockgate-bench", IMAGE, "/hello")
        found.append(1000 * (time.monotonic() - begun))
    bench.report.times("floor_docker_run", "docker run --rm --network none", percentiles(found))


# ---- the engine's own rate -----------------------------------------------------------------------

BODY = json.dumps({"Image": IMAGE, "Cmd": ["/hello"], "NetworkDisabled": True,
                   "Labels": {"dockgate-bench": ""},
                   "HostConfig": {"NetworkMode": "none", "LogConfig": {"Type": "none"}}})


def one_container(engine):
    name = engine.call("POST", "/containers/create", BODY,
                       {"Content-Type": "application/json"}).json()["Id"]
    engine.call("POST", f"/containers/{name}/start")
    engine.call("DELETE", f"/containers/{name}?force=1&v=1")


def loop_rate(at_once, seconds):
    """Containers a second, created, started and removed by so many loops."""
    end = time.monotonic() + seconds
    counts = [0] * at_once

    def loop(i):
        engine = machine.engine()
        while time.monotonic() < end:
            one_container(engine)
            counts[i] += 1

    began = time.monotonic()
    threads = [threading.Thread(target=loop, args=(i,)) for i in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.monotonic() - began)


def engine_loop(bench, say=True):
    """The best rate of a bare create, start, remove over the engine's API."""
    rates = {n: loop_rate(n, bench.n(4, 1)) for n in LOOPS}
    best = max(rates, key=rates.get)
    bench.report.value("floor_engine_per_s", "create, start, remove over the engine's API",
                       rates[best], "/s", "at once: " + ", ".join(
                           f"{n}: {rate:.1f}" for n, rate in rates.items()))
    bench.report.figures["floor_engine_loops"] = rates
    return best


def run(bench):
    bench.report.section("the machine's floors")
    by_hand(bench)
    together(bench)
    docker_run(bench)
