# SPDX-License-Identifier: MIT
"""
Everything dies, waits and comes back at random moments under load: no acknowledged job is lost,
none has two endings, and ten seconds later nothing is left that nobody owns.

The seed of each round is printed; DOCKGATE_TEST_SEED repeats it.
"""
import contextlib
import os
import random
import re
import sys
import time
import unittest

import engine
import figures
import sentinel
import service
from apart import ROLES, Apart
from ledger import Ledger
from nemesis import Nemesis, World, small_disk
from receiver import Receiver

SEED = int(os.environ.get("DOCKGATE_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
# Kills of each process: in all, and in a round.
WANTED = figures.amount(5, 1000)
KILLS = min(WANTED, 20)
ROUNDS = figures.mine(range(-(-WANTED // KILLS)))
LEFT_S = 10
DISK = 256 << 20
JOB_UID_BASE = 81000 + 1000 * ROUNDS.start  # other rounds may be going on beside this one
JOB_UIDS = range(JOB_UID_BASE, JOB_UID_BASE + 1000)
ALLOWED = "127.0.0.9"

KINDS = ("plain", "big", "waited", "keyed", "files", "called")
EVERY_ROLE = {f"{fault} {role}": times for role in ROLES
              for fault, times in (("kill", KILLS), ("pause", 1), ("restart", 1), ("cut", 2))}


def only_box_and_sh(image):
    """Slots for most jobs, and a container of its own for some."""
    task = {"image": image, "command": ["/bin/sh", "-c"], "attempts": 100, "concurrency": 4,
            "retention_s": 3600}
    return {"sh": {**task, "isolation": "sandbox", "warm": 2, "warm_max": 4},
            "box": {**task, "isolation": "container", "warm": 2, "warm_max": 3}}


class Round(unittest.TestCase):
    settings = {"lease_ms": 1000, "job_uid_base": JOB_UID_BASE, "callback_allow": [ALLOWED],
                "callback_timeout_ms": 1500}

    def rounds(self):
        for n in ROUNDS:
            with self.subTest(seed=SEED + n), contextlib.ExitStack() as self.stack:
                self.random = random.Random(SEED + n)
                self.receiver = self.stack.enter_context(contextlib.closing(Receiver()))
                self.one(SEED + n)

    def make(self, store, socket_path=None, environment=None):
        """The service; its end is the stack's."""
        none = {name: None for name in service.default_tasks("", "")}
        self.service = Apart(store=store, socket_path=socket_path, environment=environment)
        self.stack.enter_context(contextlib.closing(self.service))
        settings = dict(self.settings)
        if store == "mariadb":
            settings.update(self.service.write_database_file())
        self.service.write_config(settings, {**none, **only_box_and_sh(self.service.image)}, {})

    def round(self, seed, world, wanted):
        nemesis = Nemesis(world, wanted)
        began = time.monotonic()
        self.service.await_ready()
        with Ledger(self.service, seed, KINDS, box="box", receiver=self.receiver) as ledger:
            time.sleep(0.5)
            try:
                nemesis.run()
            except BaseException:
                print(f"seed {seed}: after {nemesis}", file=sys.stderr)
                raise
            for role in ROLES:
                self.service.await_pid(role, world.gone.get(role))
            self.service.await_ready()
            time.sleep(0.5)
        self.service.await_ready()
        self.assert_the_dead_go(seed)
        over = time.monotonic()
        tally = ledger.tally()
        print(f"\n  {tally}\n  {nemesis}\n  {over - began:.0f} s, {time.monotonic() - over:.0f} s until all had ended",
              flush=True)
        self.assertEqual(tally.bad(), [], f"seed {seed}\n{self.service.log(100)}")
        self.assertGreater(tally.acknowledged, KILLS)
        self.assertTrue(self.service.is_sound())
        unwell = {role: unit.unwell for role, unit in self.service.units.items() if unit.unwell}
        self.assertEqual(unwell, {}, f"seed {seed}\n{self.service.log(400)}")
        self.count(nemesis, tally)

    @staticmethod
    def count(nemesis, tally):
        kills = sum(times for name, times in nemesis.done.items() if name.startswith("kill "))
        figures.add("crash.kills", kills)
        figures.add("crash.faults", sum(nemesis.done.values()) - kills)
        figures.add("crash.jobs", tally.acknowledged)
        figures.add("crash.lost", len(tally.lost))
        figures.add("crash.duplicated", len(tally.duplicated))
        figures.add("crash.unexpected", len(tally.unexpected))

    def counted(self):
        """Containers that the driver knows of."""
        return sum(map(float, re.findall(r"(?m)^dockgate_containers(?:\{.*\}|_stuck) (\S+)$",
                                         self.service.http.get("/metrics").text)))

    def dead(self):
        return {c["Id"] for c in self.service.containers() if c["State"] != "running"}

    def assert_the_dead_go(self, seed):
        """While jobs go on: of the containers that do not live, none is there ten seconds later."""
        left = self.dead()
        for _ in service.until(LEFT_S, 0.1):
            if not left:
                break
            left &= self.dead()
        self.assertEqual(left, set(), f"seed {seed}\n{self.service.log(200)}")

    def assert_nothing_left(self, seed):
        """Ten seconds later the driver knows all containers, and they live. Once it ends: nothing."""
        for _ in service.until(LEFT_S, 0.1):
            found, known = self.service.containers(), self.counted()
            dead = [c["Id"] for c in found if c["State"] != "running"]
            if not dead and len(found) == known:
                break
        self.assertEqual((dead, len(found)), ([], known), f"seed {seed}: {found}\n{self.service.log(200)}")
        self.assertEqual(self.service.stop(), 0)
        for _ in service.until(LEFT_S, 0.1):
            left = sentinel.processes(JOB_UIDS), self.service.containers()
            if left == ([], []):
                break
        self.assertEqual(left, ([], []), f"seed {seed}")


class OnSQLite(Round):
    """With an engine of its own, on a small disk, and with clocks that jump."""

    def test_everything_dies(self):
        self.rounds()

    def one(self, seed):
        own = engine.Engine()
        self.stack.callback(own.stop)
        own.start()
        clock = os.path.join(own.directory, "clock")
        service.Service.write_file(clock, "\0" * 8)
        preload = {"LD_PRELOAD": os.path.join(service.BUILD, "tests", "crash", "crash_clock.so"),
                   "CRASH_CLOCK": clock}
        self.make("sqlite", own.socket, {role: preload for role in ROLES})
        with small_disk(self.service.state, DISK):
            self.service.start()
            for role in ROLES: # of a role with another clock nothing would jump
                with open(f"/proc/{self.service.await_pid(role)}/maps", encoding="utf-8") as maps:
                    self.assertIn(clock, maps.read())
            world = World(self.service, self.random, own, clock)
            self.round(seed, world, {
                **EVERY_ROLE, "kill agent": KILLS, "pause agent": 2, "kill shim": KILLS,
                "kill containerd": max(1, KILLS // 5), "kill dockerd": KILLS, "pause dockerd": 1,
                "fill disk": 2, "read-only store": 1, "move clock": 3})
            self.assert_nothing_left(seed)


class OnMariaDB(Round):
    def test_everything_dies(self):
        self.rounds()

    def one(self, seed):
        self.make("mariadb")
        self.service.start()
        world = World(self.service, self.random)
        self.round(seed, world, {**EVERY_ROLE, "kill mariadb": KILLS, "pause mariadb": 1})
        self.assert_nothing_left(seed)


if __name__ == "__main__":
    unittest.main()
