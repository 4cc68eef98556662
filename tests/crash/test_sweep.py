# SPDX-License-Identifier: MIT
"""
Each role is killed at every call that writes, syncs, names or connects, from a job's submit to its
ending, before the call and after it. In each case the job is there once, with its own result.
"""
import unittest

import figures
import service
from apart import Apart
from sweep import Sweep

# Role, kind of job, when: those of every build; the long run has all.
SHORT = (("queue", "files", "before"), ("queue", "waited", "after"), ("driver", "plain", "before"),
         ("gateway", "files", "after"))
WHOLE = tuple((role, kind, when) for role in ("queue", "driver", "gateway")
              for kind in ("plain", "files", "waited") for when in ("before", "after"))
FEWEST = {"queue": 20, "driver": 6, "gateway": 3}
LONG = figures.amount(0, 1) > 0


class SweepCase(unittest.TestCase):
    level = "sandbox"
    store = "sqlite"
    wanted = WHOLE if LONG else SHORT

    def test_kill_at_every_call(self):
        wanted = figures.mine(self.wanted)
        if not wanted:
            return  # all of it is other lanes'
        tasks = {name: None for name in service.default_tasks("", "") if name != "sh"}
        svc = Apart({"lease_ms": 1000}, tasks, {"sh": {"attempts": 100}}, level=self.level, store=self.store)
        self.addCleanup(svc.close)
        svc.start()
        for role, kind, when in wanted:
            with self.subTest(role=role, kind=kind, when=when):
                sweep = Sweep(svc, role, kind, when)
                sweep.run()
                print(f"\n  {sweep}", end="", flush=True)
                figures.add("crash.points", len(sweep.points))
                self.assertEqual(sweep.wrong, [], svc.log(200))
                self.assertGreaterEqual(len(sweep.points), FEWEST[role])
        print()
        unwell = {role: unit.unwell for role, unit in svc.units.items() if unit.unwell}
        self.assertEqual(unwell, {}, svc.log(200))


class OnSQLite(SweepCase):
    pass


class OnMariaDB(SweepCase):
    store = "mariadb"
    wanted = WHOLE if LONG else (("queue", "plain", "before"),)


class InContainers(SweepCase):
    level = "container"
    wanted = WHOLE if LONG else (("driver", "plain", "after"),)


del SweepCase

if __name__ == "__main__":
    unittest.main()
