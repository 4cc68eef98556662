# SPDX-License-Identifier: MIT
"""What the long run says it saw, and what becomes of it: figures, the page, what is run again."""
import argparse
import contextlib
import importlib.machinery
import importlib.util
import io
import json
import os
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import figures
from service import ROOT

TESTS = os.path.join(ROOT, "tests")
LONG = os.path.join(TESTS, "long")
sys.path.insert(1, TESTS)
import promises


def module_of(path):
    loader = importlib.machinery.SourceFileLoader("long", path)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("long", loader))
    loader.exec_module(module)
    return module


long = module_of(LONG)
PAGE = ("<!--a.jobs-->5<!----> jobs, <!--b.seconds/3600-->–<!----> hours, <!--c.none-->7<!---->\n"
        "<!--runs-->\nold\n<!--end-->\nlast\n")
RUN = {"date": "2000-01-01", "version": "abc", "share": 1, "time_s": 60, "passed": 3, "failed": 0,
       "seconds": 90, "budget_min": 2}


class Figures(unittest.TestCase):
    def setUp(self):
        self.path = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), "figures.tsv")

    def read(self, text):
        with open(self.path, "w", encoding="utf-8") as file:
            file.write(text)
        return figures.read(self.path)

    def test_they_add_up(self):
        with mock.patch.dict(os.environ, DOCKGATE_FIGURES=self.path):
            for name, number in (("a.jobs", 2), ("b.none", 0), ("a.jobs", 3), ("c.hours", 0.5)):
                figures.add(name, number)
        self.assertEqual(figures.read(self.path), {"a.jobs": 5, "b.none": 0, "c.hours": 0.5})

    def test_nowhere_outside_of_a_run(self):
        with mock.patch.dict(os.environ):
            os.environ.pop("DOCKGATE_FIGURES", None)
            figures.add("a.jobs", 2)
        self.assertEqual(figures.read(self.path), {})

    def test_what_is_no_figure(self):
        for line in ("a.jobs 2\n", "jobs\t2\n", "a.jobs\t-2\n", "a.jobs\t2", "a.jobs\tx\n", "\n"):
            with self.subTest(line), self.assertRaises(ValueError):
                self.read(line)

    def test_amounts(self):
        for share, amount in (("", 5), ("0", 5), ("1", 1000), ("0.1", 100), ("0.001", 5)):
            with mock.patch.dict(os.environ, DOCKGATE_LONG=share):
                self.assertEqual(figures.amount(5, 1000), amount, share)


class Page(unittest.TestCase):
    def test_numbers_of_the_run_and_no_others(self):
        results = {"x": {**RUN, "figures": {"a.jobs": 1200, "b.seconds": 5400}},
                   "y": {**RUN, "figures": {"a.jobs": 34}}}
        page = promises.written(PAGE, results)
        self.assertIn("<!--a.jobs-->1,234<!----> jobs, <!--b.seconds/3600-->1.5<!----> hours, "
                      "<!--c.none-->–<!---->\n", page)
        self.assertIn("\n| x | 2000-01-01 | abc | 1 | 3 | 0 | 1.5 | 2 |\n", page)
        self.assertNotIn("old", page)
        self.assertTrue(page.endswith("<!--end-->\nlast\n"))
        self.assertEqual(promises.written(page, results), page)


class Runs(unittest.TestCase):
    """Of a suite that says what this test wants it to."""

    def setUp(self):
        self.directory = self.enterContext(tempfile.TemporaryDirectory())
        self.ran = []
        for name, value in (("STATE", self.directory), ("RESULTS", self.path("results.json")),
                            ("KEPT", self.path("kept.json")), ("PAGE", self.path("page.md")),
                            ("version", lambda: "abc"), ("run", self.run_one)):
            self.enterContext(mock.patch.object(long, name, value))
        self.enterContext(mock.patch.object(long.suites, "SUITES", {"x": 1, "y": 1}))
        self.failed = 0
        with open(self.path("page.md"), "w", encoding="utf-8") as file:
            file.write(PAGE)

    def path(self, name):
        return os.path.join(self.directory, name)

    def run_one(self, suite, options):
        self.ran.append(suite)
        return {**RUN, "share": options.share, "time_s": options.time, "failed": self.failed,
                "figures": {"a.jobs": 1}}

    def go(self, *suite, share=1, time=60):
        options = argparse.Namespace(suite=suite, share=share, time=time)
        self.ran.clear()
        with contextlib.redirect_stdout(io.StringIO()):
            results = long.run_all(options)
            long.write(results, sum(r["failed"] for r in results.values()))
        return self.ran

    def page(self):
        with open(self.path("page.md"), encoding="utf-8") as file:
            return file.read()

    def test_what_was_done_is_not_done_again(self):
        self.assertEqual(self.go(), ["x", "y"])
        self.assertEqual(self.go(), [])
        self.assertEqual(self.go("y"), ["y"])
        self.assertEqual(self.go(time=61), ["x", "y"])
        with mock.patch.object(long, "version", lambda: "abd"):
            self.assertEqual(self.go(time=61), ["x", "y"])

    def test_what_failed_is_done_again_and_promises_nothing(self):
        self.failed = 1
        self.go()
        self.assertEqual(self.page(), PAGE)
        self.assertFalse(os.path.exists(self.path("kept.json")))
        self.failed = 0
        self.assertEqual(self.go(), ["x", "y"])
        self.assertIn("<!--a.jobs-->2<!---->", self.page())
        with open(self.path("kept.json"), encoding="utf-8") as file:
            self.assertEqual(promises.written(PAGE, json.load(file)), self.page())

    def test_a_part_promises_nothing(self):
        self.go("x")
        self.go(share=0.5)
        self.go("x")
        self.assertEqual(self.page(), PAGE)
        self.go()
        self.assertNotEqual(self.page(), PAGE)


class Command(unittest.TestCase):
    def test_wrong_use(self):
        for words in (["--share", "0"], ["--share", "1.5"], ["--share", "x"], ["--time", "0"],
                      ["--time", "-1"], ["--time", "x"], ["nothing"], ["--what"]):
            done = subprocess.run([LONG, *words], capture_output=True, text=True, check=False)
            self.assertEqual((done.returncode, done.stdout), (2, ""), words)
            self.assertIn(words[-1], done.stderr)


if __name__ == "__main__":
    unittest.main()
