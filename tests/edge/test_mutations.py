# SPDX-License-Identifier: MIT
"""
Malformed and hostile requests: each answer is well-formed, none is our fault, nothing hangs, nothing
grows, and the service goes on as before.

On every build a fifth of them, by turns; all in the long run.
"""
import collections
import concurrent.futures
import os
import re
import unittest

import figures
import grammar
import service
import talk
from apache import Apache
from case import OwnService

MUTANTS = 10000
WARM_UP = 400
AT_ONCE = 24
THROUGH_APACHE = 5  # one in so many, in each of two ways
HTTP_0_9 = re.compile(rb"\s*\S+ +\S+\r?\n")  # Apache answers it, without a head
OURS = re.compile(rb" /(?=v1/|healthz|readyz|metrics|openapi|assets/)")
HEAD_BYTES = 8 << 10  # a head beyond that may be refused while it is still being sent
# Growth that is none: the allocator's, and under the sanitizer what is kept of freed memory.
RSS_KIB = 4096 if not service.SANITIZED else 300 << 10
SETTINGS = {"wait_max_s": 1, "retention_s": 86400, "body_json_max": 65536, "idle_timeout_s": 3,
            "connections_max": 2000}


def may_be_silent(mutant):
    """
    May it be closed without a word? What is no request at all: no blank in its first line, or
    nothing before it. And an answer is lost where it crosses bytes of a head without end.
    """
    first = next((line for line in mutant.data.split(b"\n") if line.strip(b"\r")), b"")
    return (mutant.ending != "stay" or len(mutant.data) > HEAD_BYTES or b" " not in first
            or first[:1] in b" \0")


def through_apache(mutant):
    """All below its folder. It is patient: so it hears at once that there is no more."""
    return mutant._replace(data=OURS.sub(b" /executor/", mutant.data), ending="half" if mutant.ending == "stay" else mutant.ending)


class Held:
    """What the processes hold: memory (KiB) and descriptors, by role; and how many processes there are."""

    def __init__(self, svc):
        self.pids = {role: svc.pid(role) for role in service.UIDS}
        self.processes = len(service.descendants(svc.process.pid))
        self.fds = {role: len(os.listdir(f"/proc/{pid}/fd")) for role, pid in self.pids.items()}
        self.rss = {role: int(service.status_of(pid)["VmRSS"].split()[0])
                    for role, pid in self.pids.items()}


class Mutations(OwnService):
    settings = SETTINGS

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.job = cls.native.run("sh", args=["mkdir sub; echo a | tee a.out sub/b.txt; echo b >&2"],
                                 collect=["**"])["id"].encode()
        # What is good in spite of all only waits: this is about the edge.
        cls.steer("POST", "/v1/queue/pause")

    @classmethod
    def steer(cls, method, target):
        reply = cls.service.unix.request(method, target)
        if reply.status != 200:
            raise AssertionError(f"{method} {target}: {reply}")

    def setUp(self):
        self.said = collections.Counter()
        self.wrong = []

    def one(self, number, http, change=lambda mutant: mutant, check=talk.check):
        mutant = change(grammar.mutant(number, self.job))
        try:
            answers = talk.answers(talk.exchange(http, mutant.data, mutant.pieces, mutant.ending), b"HEAD" in mutant.data)
            for answer in answers:
                check(answer)
                if not answer.whole and not may_be_silent(mutant):
                    raise talk.Malformed(f"breaks off: {answer}")
            if not answers and not may_be_silent(mutant):
                raise talk.Malformed("no answer")
        except (AssertionError, OSError, ValueError, KeyError) as e:
            return [], f"{number} ({mutant.how}) {mutant.data[:300]!r}: {type(e).__name__}: {e}"
        return [answer.status for answer in answers], None

    def each(self, numbers, http_of, **how):
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            for statuses, wrong in pool.map(lambda n: self.one(n, http_of(n), **how), numbers):
                self.said.update(statuses)
                if wrong:
                    self.wrong.append(wrong)
        if self.wrong:
            self.fail("\n".join(self.wrong[:5]) + f"\n{len(self.wrong)} in all\n{self.service.log()}")

    def listener(self, number):
        return self.service.unix if number % 4 == 3 else self.http

    def settled(self, before):
        """What is held once the last connections are gone."""
        for _ in service.until(30):
            held = Held(self.service)
            if (held.fds, held.processes) == (before.fds, before.processes):
                break
        return held

    def test_all_are_answered_and_nothing_grows(self):
        self.each(range(-WARM_UP, 0), self.listener)
        before = self.settled(Held(self.service))
        self.said.clear()
        numbers = figures.part(range(MUTANTS))
        self.each(numbers, self.listener)
        after = self.settled(before)
        self.assertEqual(after.pids, before.pids, self.service.log())
        self.assertEqual((after.fds, after.processes), (before.fds, before.processes))
        for role in ("gateway", "driver", "courier"):  # the queue holds the jobs that wait
            self.assertLess(after.rss[role], before.rss[role] + RSS_KIB, (before.rss, after.rss))
        figures.add("edge.mutants", len(numbers))
        good = sum(n for status, n in self.said.items() if status < 400)
        print(f"{len(numbers)} mutants, {sum(self.said.values())} answers, {good} of them good; "
              f"gateway {before.rss['gateway']} KiB, then {after.rss['gateway']} KiB ", end="", flush=True)

    def through(self, kind, way, faults):
        def check(answer):
            """Apache's own are HTML; what it cannot reach or read from us would be one of `faults`."""
            if answer.status in faults:
                raise talk.Malformed(f"our fault: {answer}")
            if "x-content-type-options" in answer.headers:
                talk.check(answer)

        with Apache(kind, self.service.unix.address) as apache:
            http = apache.http(way)
            numbers = [n for n in figures.part(range(MUTANTS)) if n // figures.TURNS % THROUGH_APACHE == 0 and not
                       HTTP_0_9.match(grammar.mutant(n, self.job).data)]
            self.each(numbers, lambda _: http, change=through_apache, check=check)
            self.assertEqual(http.get("/executor/healthz").status, 200)

    def test_through_apache_and_the_program(self):
        self.through("cgid", "conf", (500, 502, 503, 504))

    def test_through_apache_and_its_proxy(self):
        # Apache's own 500 is what it says of chunks that it cannot read.
        self.through("proxy", "proxy", (502, 503, 504))

    def test_z_afterwards_a_job_is_what_it_was(self):
        """Last of these, by its name."""
        self.steer("DELETE", "/v1/jobs?all=1")
        self.steer("POST", "/v1/queue/resume")
        job = self.native.run("sh", args=["echo fine"])
        self.assertEqual((job["verdict"], job["stdout"]["content"]), ("ok", "fine\n"))
        self.assertTrue(self.service.is_sound())


if __name__ == "__main__":
    unittest.main()
