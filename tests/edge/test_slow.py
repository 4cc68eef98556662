# SPDX-License-Identifier: MIT
"""
500 slow clients: heads and bodies that trickle in, answers that nobody takes. Whoever is cut off comes
back at once. Meanwhile a normal client is answered, each request within its own deadline; so it is beside
large bodies that take all the memory there is for such, and do not end.
"""
import contextlib
import itertools
import re
import select
import selectors
import socket
import statistics
import threading
import time
import unittest

import client
import figures
import service
from case import OwnService, foreign_address

SLOW = 500
REQUESTS = 60
DEADLINE_S = 60  # of a normal request: figures belong to what is printed
OUTPUT_BYTES = 8 << 20
LARGE = 36             # bodies of LARGE_BYTES, more than there is room for
LARGE_BYTES = 16 << 20
HELD_BYTES = (512 << 20) - LARGE_BYTES  # with more than that held, no other of them has room
SHARE = 7              # so many of them are all that one address has room for
PACE_S = 0.2
IDLE_S = 5


class Slow:
    """One slow client: what it sends at once, what then trickles, and whether it reads."""

    def __init__(self, address, first, trickle, reads):
        self.address, self.first, self.trickle, self.reads = address, first, trickle, reads
        self.sock = None
        self.since = 0

    def connect(self):
        self.sock = socket.socket()
        if not self.reads:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.settimeout(10)
        self.sock.connect(self.address)
        self.sock.sendall(self.first)
        self.sock.setblocking(False)
        self.since = time.monotonic()

    def step(self):
        """A byte more. False: it was cut off, also where it reads nothing and would not hear of it."""
        hung_up = select.poll()
        hung_up.register(self.sock, select.POLLRDHUP)
        # With its window shut it is not even told: the gateway gives it IDLE_S.
        if not self.reads and (hung_up.poll(0) or time.monotonic() > self.since + IDLE_S):
            return False
        try:
            if self.reads:
                try:
                    if not self.sock.recv(4096):
                        return False
                except BlockingIOError:
                    pass
            if self.trickle:
                self.sock.send(self.trickle)
            return True
        except BlockingIOError:
            return True
        except OSError:
            return False

    def close(self):
        if self.sock is not None:
            self.sock.close()


class Crowd(threading.Thread):
    """All of them, for as long as it is entered."""

    def __init__(self, clients):
        super().__init__(daemon=True)
        self.clients = clients
        self.there = threading.Event()
        self.done = threading.Event()
        self.returns = 0

    def run(self):
        for client in self.clients:
            client.connect()
        self.there.set()
        with selectors.DefaultSelector() as timer:
            while not self.done.is_set():
                for client in self.clients:
                    if not client.step():
                        client.close()
                        client.connect()
                        self.returns += 1
                timer.select(PACE_S)
        for client in self.clients:
            client.close()

    def __enter__(self):
        self.start()
        if not self.there.wait(60):
            raise AssertionError("the slow clients do not get in")
        return self

    def __exit__(self, *_):
        self.done.set()
        self.join(60)


class SlowClients(OwnService):
    settings = {"header_timeout_s": 2, "body_timeout_s": 2, "idle_timeout_s": IDLE_S}

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # In hexadecimal: no NULs, so that it is one string in JSON, too.
        cls.large = cls.native.run(
            "sh", args=[f"dd if=/dev/zero bs=64k count={OUTPUT_BYTES >> 16} 2>/dev/null | tr '\\0' x"],
            limits={"output_bytes": OUTPUT_BYTES})["id"]

    def crowd(self):
        address = ("127.0.0.1", self.service.port)
        host = f"Host: 127.0.0.1:{self.service.port}\r\n"
        post = f"POST /v1/jobs HTTP/1.1\r\n{host}Content-Type: application/json\r\n"
        large = f"/v1/jobs/{self.large}"
        kinds = [
            (f"GET /v1/queue HTTP/1.1\r\n{host}X-Slow: ", b"a", True),
            ("G", b"E", True),
            (f"{post}Content-Length: 60000\r\n\r\n{{", b" ", True),
            (f"{post}Transfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n", True),
            (f"POST /executor/submit HTTP/1.1\r\n{host}Content-Length: 60000\r\n\r\n", b" ", True),
            (f"GET {large}/stdout HTTP/1.1\r\n{host}\r\n", b"", False),
            (f"GET {large} HTTP/1.1\r\n{host}\r\n", b"", False),
            (f"GET {large}/events HTTP/1.1\r\n{host}\r\n", b"", False),
        ]
        return Crowd([Slow(address, first.encode(), trickle, reads)
                      for first, trickle, reads in itertools.islice(itertools.cycle(kinds), SLOW)])

    def normal(self):
        """What each of the requests took, in seconds; all have their answer."""
        took = []
        for i in range(REQUESTS):
            began = time.monotonic()
            if i % 6 == 5:
                reply = self.http.request("POST", "/v1/jobs?wait=30", b'{"task": "sh", "args": ["echo x"]}',
                                          {"Content-Type": "application/json"}, timeout=DEADLINE_S)
                self.assertEqual((reply.status, reply.json()["verdict"]), (200, "ok"))
            else:
                reply = self.http.request("GET", ("/healthz", "/v1/queue", "/v1/tasks", "/readyz", "/v1/jobs")[i % 6],
                                          timeout=DEADLINE_S)
                self.assertEqual(reply.status, 200)
            took.append(time.monotonic() - began)
        return took

    def connections(self):
        """The most that the gateway has within a second: whoever is cut off takes a moment to come back."""
        found = []
        for _ in service.until(1, PACE_S):
            text = self.http.get("/metrics").text
            found.append(int(re.search(r"^dockgate_http_connections (\d+)$", text, re.M).group(1)))
        return max(found)

    def held(self):
        return int(re.search(r"^dockgate_http_body_bytes (\d+)$", self.http.get("/metrics").text, re.M).group(1))

    def head(self):
        return (f"POST /v1/jobs HTTP/1.1\r\nHost: 127.0.0.1:{self.service.port}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {LARGE_BYTES}\r\n\r\n").encode()

    def large_bodies(self):
        """Room is taken by doubling, and of each a little more than half is there. What is left smaller ones take."""
        sizes = [LARGE_BYTES] * LARGE + [LARGE_BYTES >> n for n in range(1, 13)]
        return Crowd([Slow(("127.0.0.1", self.service.port), self.head() + b" " * (size // 2 + 256), b" ", True)
                      for size in sizes])

    def test_a_normal_client_is_answered_beside_large_bodies(self):
        with self.large_bodies() as crowd:
            for _ in service.until(60):
                if self.held() > HELD_BYTES:
                    break
            self.normal()
            self.assertGreater(self.held(), HELD_BYTES)
            reply = self.http.post("/v1/jobs", b" " * LARGE_BYTES, Content_Type="application/json")
            self.assertEqual((reply.status, reply.headers["Retry-After"]), (503, "1"))
            self.assertTrue(crowd.is_alive())
        for _ in service.until(60):
            if self.held() == 0:
                break

    def post_large(self, source):
        with socket.create_connection(("127.0.0.1", self.service.port), 60, (source, 0)) as sock:
            sock.sendall(self.head() + b" " * LARGE_BYTES)
            return client.raw_status(sock.recv(1000))

    def test_one_address_does_not_take_all_room_for_bodies(self):
        theirs = foreign_address(self)
        address = ("127.0.0.1", self.service.port)
        with contextlib.ExitStack() as stack:
            for _ in range(SHARE):
                sock = stack.enter_context(socket.create_connection(address, 60, (theirs, 0)))
                sock.sendall(self.head() + b" " * (LARGE_BYTES - 1))
            for _ in service.until(60):
                if self.held() >= SHARE * LARGE_BYTES:
                    break
            self.assertEqual(self.post_large(theirs), 503)
            self.assertEqual(self.post_large("127.0.0.1"), 400)

    def test_a_normal_client_is_answered(self):
        alone = self.normal()
        with self.crowd() as crowd:
            before = self.connections()
            beside = self.normal()
            slow = min(before, self.connections(), len(crowd.clients))
            self.assertTrue(crowd.is_alive())
        self.assertGreaterEqual(slow, SLOW * 9 // 10)
        self.assertEqual(self.native.run("sh", args=["echo x"])["verdict"], "ok")
        figures.add("edge.slow_clients", slow)
        print(f"beside {slow} slow clients ({crowd.returns} came back): median "
              f"{statistics.median(beside) / statistics.median(alone):.1f} times, longest "
              f"{max(beside) * 1000:.0f} ms, alone {max(alone) * 1000:.0f} ms ", end="", flush=True)


if __name__ == "__main__":
    unittest.main()
