# SPDX-License-Identifier: MIT
"""
Every call of memory or of the system that a role makes for a job fails, one at a time: no job is lost, has
two endings or one that is our failure, nobody is told that it was his, nobody waits for ever, and the
next job works. A role may end of it, with a status that says that it may be started again.
"""
import contextlib
import os
import unittest

import figures
import service
from at_work import MEMORY, PRELOAD, ROUNDS, SYSCALL, Apart, Client, InAgent, InRole, Page, Sweep
from receiver import Receiver

ALLOWED = "127.0.0.9"
# Role, what fails, with which of its errnos, kind of job, and how many points on every build.
SHORT = (("queue", SYSCALL, 0, "small", 4), ("queue", SYSCALL, 0, "large", 5),
         ("queue", MEMORY, 0, "small", 3), ("queue", MEMORY, 0, "large", 4),
         ("driver", SYSCALL, 0, "small", 4), ("driver", SYSCALL, 0, "large", 5),
         ("driver", MEMORY, 0, "small", 3), ("driver", MEMORY, 0, "large", 4), ("driver", SYSCALL, 0, "boxed", 3),
         ("gateway", SYSCALL, 0, "small", 8), ("gateway", SYSCALL, 0, "large", 6),
         ("gateway", MEMORY, 0, "small", 8), ("gateway", MEMORY, 0, "large", 7),
         ("courier", SYSCALL, 0, "called", 3), ("courier", MEMORY, 0, "called", 2),
         ("agent", SYSCALL, 0, "slot", 3))
KINDS = {"queue": ("small", "large", "called"), "driver": ("small", "large", "boxed"), "gateway": ("small", "large"),
         "courier": ("called",)}
WHOLE = tuple((role, kinds, round_, kind, 1) for role, kinds_of_jobs in KINDS.items() for kind in kinds_of_jobs
              for kinds, rounds in ((SYSCALL, ROUNDS), (MEMORY, 1)) for round_ in range(rounds)) + (
    ("agent", SYSCALL, 0, "slot", 1),)
LONG = figures.amount(0, 1) > 0


def tasks(image):
    task = {"image": image, "command": ["/bin/sh", "-c"], "attempts": 100, "concurrency": 4,
            "isolation": "sandbox", "warm": 2, "warm_max": 3, "retention_s": 86400}
    return {"sh": task, "box": {**task, "isolation": "container", "warm": 1, "warm_max": 2},
            "slot": {**task, "concurrency": 1, "warm": 1, "warm_max": 1}}


class AtWork(unittest.TestCase):
    store = "sqlite"
    wanted = figures.mine(WHOLE if LONG else SHORT)

    def start(self):
        """The service, with a page for each role that is tried."""
        svc = Apart(store=self.store)
        self.stack.enter_context(contextlib.closing(svc))
        self.pages = {role: Page(os.path.join(svc.directory, f"page-{role}"))
                      for role in {role for role, *_ in self.wanted} - {"agent"}}
        svc.environment = {role: {"LD_PRELOAD": PRELOAD, "FAULT_PAGE": page.path}
                           for role, page in self.pages.items()}
        settings = {"lease_ms": 1000, "callback_allow": [ALLOWED], "callback_timeout_ms": 1000}
        if svc.mariadb:
            settings.update(svc.write_database_file())
        svc.write_config(settings, {**{name: None for name in service.default_tasks("", "")}, **tasks(svc.image)}, {})
        svc.start()
        svc.await_ready()
        return svc

    def breaker(self, svc, role, kinds, round_):
        return InAgent(svc, "slot") if role == "agent" else InRole(svc, self.pages[role], role, kinds, round_)

    def test_each_call_fails_once(self):
        with contextlib.ExitStack() as self.stack:
            receiver = self.stack.enter_context(contextlib.closing(Receiver(ALLOWED)))
            svc = self.start()
            client = Client(svc, receiver)
            for role, kinds, round_, kind, short in self.wanted:
                with self.subTest(role=role, kinds=kinds, round=round_, kind=kind):
                    sweep = Sweep(svc, client, self.breaker(svc, role, kinds, round_), kind)
                    sweep.run(short)
                    print(f"\n  {sweep}", end="", flush=True)
                    figures.add("fault.at_work", sweep.points)
                    self.assertEqual(sweep.wrong, [], "\n".join(sweep.wrong))
                    self.assertGreater(sweep.points + sweep.spared, 0)
            print()
            self.assertEqual({job for job, times in svc.endings().items() if times != 1}, set())
            self.assertEqual(set(svc.stored()) ^ client.jobs, set())
            self.assertTrue(svc.is_sound())


class OnSQLite(AtWork):
    pass


if LONG:
    class OnMariaDB(AtWork):
        store = "mariadb"
        wanted = figures.mine(tuple(one for one in WHOLE if one[0] == "queue"))

del AtWork

if __name__ == "__main__":
    unittest.main()
