# SPDX-License-Identifier: MIT
"""A job's output on its way to whoever listens: how long it takes, and how many may listen."""
import re
import selectors
import socket
import time

from images import image_of
from served import Service

TASK = """
task "ticks" {
	image = "%s"
	command = {"/bench_ticks"}
	warm = 0
	limits { wall_ms = 1000000  memory_bytes = 16M  output_bytes = 64M }
}
"""
STAMP = re.compile(rb'(\d{6,})\\n')


def quantile(values, q):
    return values[min(int(len(values) * q), len(values) - 1)]


def figures_of(ns):
    ms = sorted(n / 1e6 for n in ns)
    return {"n": len(ms), "p50_ms": quantile(ms, 0.5), "p99_ms": quantile(ms, 0.99)}


class Listeners:
    """Connections to the event stream of one job."""

    def __init__(self, service, job, n):
        self.selector = selectors.DefaultSelector()
        self.sockets = []
        request = f"GET /v1/jobs/{job}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
        for _ in range(n):
            sock = socket.create_connection(("127.0.0.1", service.port), timeout=60)
            sock.sendall(request)
            self.sockets.append(sock)
            self.selector.register(sock, selectors.EVENT_READ)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.selector.close()
        for sock in self.sockets:
            sock.close()

    def stamps(self, seconds=10):
        """(socket, ns when the program wrote it, ns when it was here), as they come."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for key, _ in self.selector.select(1):
                data = key.fileobj.recv(65536)
                if not data:
                    raise SystemExit("bench: a stream of events ended early")
                now = time.monotonic_ns()
                for stamp in STAMP.findall(data):
                    yield key.fileobj, int(stamp), now
        raise SystemExit("bench: a stream of events has nothing to say")


def on_the_way(bench, service, ms, n):
    job = service.submit("ticks", args=[str(ms)])["id"]
    taken = []
    with Listeners(service, job, 1) as listeners:
        for _, wrote, came in listeners.stamps(seconds=300):
            taken.append(came - wrote)
            if len(taken) == n + 5:
                break
    service.request("DELETE", f"/v1/jobs/{job}")
    bench.report.times(f"events_{ms}", f"a program's write to its listener, one per {ms} ms",
                       figures_of(taken[5:]), "1 listener", p99_at_most=100)  # all before were old


def held(bench, service, n):
    """How long a line takes to the last of all listeners."""
    job = service.submit("ticks", args=["1000"])["id"]
    lines = {}  # stamp to (listeners that have it, when the last one got it)
    with Listeners(service, job, n) as listeners:
        connected = time.monotonic_ns()
        kib = service.memory_kib()
        for _, wrote, came in listeners.stamps(seconds=120):
            if wrote < connected:
                continue
            have, _ = lines.get(wrote, (0, 0))
            lines[wrote] = (have + 1, came)
            if sum(have == n for have, _ in lines.values()) == bench.n(10, 3):
                break
    service.request("DELETE", f"/v1/jobs/{job}")
    taken = [last - wrote for wrote, (have, last) in lines.items() if have == n]
    report = bench.report
    report.times("events_last", f"a program's write to the last of {n:,} listeners", figures_of(taken),
                 "our client reads them all in one thread")
    report.value("events_held", "listeners held", n, "", "of one job, all with every line", at_least=2000
                 if not bench.quick else None)
    report.value("events_gateway", f"resident, {n:,} listeners", kib["gateway"] / 1024, " MiB", "the gateway")


def run(bench):
    bench.report.section("events of a job")
    with image_of(bench.tools.path("ticks")) as image:
        with Service(bench.build, more=TASK % image) as service:
            for ms in (1, 20, 500):
                on_the_way(bench, service, ms, bench.n({1: 2000, 20: 300, 500: 20}[ms], 10))
            held(bench, service, bench.n(2000, 100))
