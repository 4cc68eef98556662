# SPDX-License-Identifier: MIT
"""What thousands of jobs leave behind in the memory of the roles: nothing that adds up."""
import http.client
import json
import threading
import unittest

import figures
import service
from case import OwnService

# Before them the roles have not yet seen what they keep: pages of the database, buffers, jobs
# that are retained.
FIRST = figures.amount(1500, 20_000)
JOBS = figures.amount(1500, 100_000)
AT_ONCE = 4
GROWN_MAX_KIB = 1024
KIB = 1024
# What ends well, badly, at a limit; with output that stands in the row and that has a file of its own,
# files in and out.
KINDS = (({"args": ["echo hello"]}, "ok"),
         ({"args": ["exit 3"]}, "nonzero_exit"),
         ({"args": ["head -c 3000 /dev/zero; head -c 9000 /dev/zero >&2"]}, "ok"),
         ({"args": ["cat in >out"], "files": [{"name": "in", "content": "x" * 2000}], "collect": ["out"]}, "ok"),
         ({"args": ["kill -9 $$"]}, "signaled"),
         ({"args": ["head -c 90000 /dev/zero"]}, "ok"),
         ({"args": ["head -c 90000 /dev/zero"], "limits": {"output_bytes": 5000}}, "ok"))


class Client(threading.Thread):
    """Jobs one after the other on one connection; `wrong` has what did not end as it should."""

    def __init__(self, port, numbers):
        super().__init__()
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.numbers = numbers
        self.wrong = []

    def run(self):
        for number in self.numbers:
            what, verdict = KINDS[number % len(KINDS)]
            try:
                self.connection.request("POST", "/v1/jobs?wait=60", json.dumps({"task": "sh", **what}),
                                        {"Content-Type": "application/json"})
                answer = json.loads(self.connection.getresponse().read())
            except (OSError, http.client.HTTPException, ValueError) as e:
                self.wrong.append(f"{what}: {e!r}")
                return
            if answer.get("verdict") != verdict:
                self.wrong.append(f"{what}: {answer}")
        self.connection.close()


class Growth(OwnService):
    level = "sandbox"
    # As it is run: what is said of each job at level debug is not measured here.
    settings = {"log_level": "info"}
    tasks = {name: None for name in service.default_tasks("", "") if name != "sh"}
    changes = {"sh": {"retention_s": 2}}

    def jobs(self, number):
        clients = [Client(self.service.port, range(i, number, AT_ONCE)) for i in range(AT_ONCE)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        self.assertEqual([wrong for client in clients for wrong in client.wrong][:5], [])

    def resident_kib(self, pids):
        return {role: int(service.status_of(pid)["VmRSS"].split()[0]) for role, pid in pids.items()}

    def pids(self):
        return {role: self.service.pid(role) for role in service.UIDS}

    def test_resident_memory_is_flat(self):
        self.jobs(FIRST)
        pids = self.pids()
        before = self.resident_kib(pids)
        self.jobs(JOBS)
        self.assertEqual(self.pids(), pids)  # who was started again would have given all of it back
        after = self.resident_kib(pids)
        print(f"\n  {JOBS} jobs: {before} to {after} KiB", end=" ", flush=True)
        grown = [after[role] - before[role] for role in pids]
        self.assertLess(max(sum(grown), *grown), GROWN_MAX_KIB, (before, after))
        figures.add("hostile.flat_jobs", JOBS)


if __name__ == "__main__":
    unittest.main()
