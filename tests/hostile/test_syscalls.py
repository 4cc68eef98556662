# SPDX-License-Identifier: MIT
"""Every system call's answer, beside the table."""
import os
import platform
import subprocess
import unittest

import figures
import service
import syscalls
from test_hostile import JOB_UID_BASE, make_image

TASKS = {"sandbox": {"isolation": "sandbox"}, "container": {"isolation": "container"},
         "network": {"isolation": "container", "network": True}}


def ask():
    """What calls.c hears as a job: column to answers."""
    image = make_image(service.Docker(service.docker_socket()))
    tasks = {f"calls-{name}": {"image": image, "command": ["/calls"], "warm": 0, **what,
                               "limits": {"output_bytes": 1 << 20, "cpu_ms": 60000,
                                          "wall_ms": 120000}}
             for name, what in TASKS.items()}
    # The others' containers are not needed.
    tasks.update({name: None for name in service.default_tasks("", "")})
    with service.Service({"job_uid_base": JOB_UID_BASE}, tasks) as svc:
        answers = {}
        for name in TASKS:
            job = svc.native.run(f"calls-{name}")
            if job["verdict"] != "ok" or job["isolation"] != TASKS[name]["isolation"]:
                raise AssertionError(job)
            answers[name] = syscalls.read_answers(job["stdout"]["content"])
        return answers


@unittest.skipIf(platform.machine() != "x86_64", "the numbers are x86-64's")
class Syscalls(unittest.TestCase):
    maxDiff = None

    def test_each_answer_is_the_table_s(self):
        table, _ = syscalls.read_table()
        self.assertEqual(syscalls.differences(table, ask()), [])
        figures.add("hostile.calls", len(table))

    def test_a_difference_is_seen(self):
        table, _ = syscalls.read_table()
        key = next(key for key in table if key[1] == 101)  # ptrace
        table[key] = ("allowed", "EPERM", "EPERM")
        columns = {name: {("native", 101, "0"): "EPERM"} for name in syscalls.COLUMNS}
        self.assertEqual(syscalls.differences(table, columns),
                         ["native 101 ptrace 0: sandbox: the table says allowed, it is EPERM"])

    def test_whoever_has_no_filter_is_refused_nothing(self):
        """Else the answers would be the program's own, or another filter's."""
        program = os.path.join(service.BUILD, "tests", "hostile", "calls")
        done = subprocess.run([program], capture_output=True, text=True, check=True)
        found = {key: answer for key, answer in syscalls.read_answers(done.stdout).items()
                 if answer != "allowed" and key[1] not in (335, 336)}
        self.assertEqual(found, {})

    def test_the_engine_s_own_filter_would_not_do(self):
        """What ours adds to it; engines differ, these are of those that all of them allow."""
        image = make_image(service.Docker(service.docker_socket()))
        found = syscalls.under_default_profile(image)
        self.assertEqual({found["native", number, "0"] for number in (101, 278)}, {"allowed"})
        self.assertEqual(found["i386", 20, "0"], "allowed")  # getpid
        self.assertEqual(found["native", 165, "0"], "EPERM")  # mount
