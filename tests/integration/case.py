# SPDX-License-Identifier: MIT
"""What the suites have in common."""
import base64
import os
import subprocess
import sys
import unittest

import service


def at_both_levels(cls):
    """A class of tests, and beside it the same tests with tasks at sandbox level."""
    twin = type(f"{cls.__name__}InSandbox", (cls,), {
        "level": "sandbox", "__module__": cls.__module__, "__doc__": cls.__doc__})
    setattr(sys.modules[cls.__module__], twin.__name__, twin)
    return cls


def foreign_address(test):
    """One that is this machine's for the test, and is not loopback's: of a net that nobody else has."""
    pid = os.getpid()
    address = f"198.18.{pid >> 8 & 255}.{pid & 255 or 1}"
    subprocess.run(["ip", "address", "add", address + "/32", "dev", "lo"], check=True)
    test.addCleanup(subprocess.run, ["ip", "address", "del", address + "/32", "dev", "lo"], check=True)
    return address


class Case(unittest.TestCase):
    """A test against the shared service."""
    maxDiff = 2000
    level = "container"  # of the tasks' isolation

    @classmethod
    def setUpClass(cls):
        cls.use(service.shared(cls.level))

    @classmethod
    def use(cls, svc):
        cls.service = svc
        cls.http, cls.native, cls.classic = svc.http, svc.native, svc.classic

    def sh(self, script, task="sh", **members):
        """A shell script run as a job, ended."""
        job = self.native.run(task, args=[script], **members)
        if "limits" not in members:  # a raised one takes a container of its own
            self.assertEqual(job["isolation"], self.level, job)
        return job

    def jobs_stored(self):
        return len(self.native.call("GET", "/v1/jobs?limit=1000").json()["jobs"])

    def assert_verdict(self, job, verdict, limit=None):
        self.assertEqual(job["verdict"], verdict, job)
        if limit is not None:
            self.assertEqual(job["limit"]["name"], limit, job)


class OwnService(Case):
    """Tests that need a service of their own; these members say what is different in it."""
    settings = {}
    tasks = {}    # added, or None to take one away
    changes = {}  # of keys of the tasks that are there
    clients = {}  # by name

    @classmethod
    def setUpClass(cls):
        svc = service.Service(cls.settings, cls.tasks, cls.changes, level=cls.level,
                              clients=cls.clients)
        cls.addClassCleanup(svc.close)
        cls.use(svc.__enter__())


def content(stream):
    """The bytes of a job's stdout or stderr member."""
    if stream["encoding"] == "base64":
        return base64.b64decode(stream["content"], validate=True)
    return stream["content"].encode()
