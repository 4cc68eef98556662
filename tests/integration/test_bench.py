# SPDX-License-Identifier: MIT
"""What `make bench` makes of figures: its table, its pictures, the page. Nothing is measured here."""
import os
import sys
import tempfile
import unittest
import xml.etree.ElementTree

from service import ROOT, read

sys.path.append(os.path.join(ROOT, "tests", "bench"))

import document
import drawing
from cost import counted
from report import Report, percentiles

ABOUT = {"cpus": 2, "cpu": "x", "memory_mib": 1, "kernel": "6", "cgroup": 2, "engine": "20",
         "load_average": 0.1}
FIGURES = {
    "hello_level": "sandbox",
    "hello_offered": [{"offered": n, "p50_ms": 1.5, "p90_ms": 2, "p99_ms": n / 10} for n in (10, 500, 900)],
    "hello_throughput": [{"connections": n, "per_s": 100.0 * n} for n in (1, 8, 64)],
    "state": [{"stored": n, "submit": 100, "way": 120.5, "status": 30, "list": 90} for n in (0, 10, 1000)],
}


class Said(unittest.TestCase):
    def report(self):
        report = Report()
        report.section("part")
        report.value("a", "share", 80.0, " %", at_least=95)
        report.times("b", "hello", percentiles([1.0] * 98 + [2.0, 50.0]), at_most=3, p99_at_most=1)
        report.rate("c", "rate", {"per_s": 900.0, "p99_ms": 1}, at_least=800)
        return report

    def test_hits_and_misses(self):
        report = self.report()
        self.assertEqual([row[3] for row in report.rows],
                         ["", "at least 95 %: MISS", "at most 3 ms: hit, p99 at most 1 ms: MISS",
                          "at least 800/s: hit"])
        self.assertEqual(report.misses, ["share", "hello (p99)"])
        self.assertEqual(report.figures["b"]["p99_ms"], 2.0)

    def test_what_is_saved_says_the_same(self):
        report, again = self.report(), Report()
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "bench.json")
            report.save(path, ABOUT)
            self.assertEqual(again.load(path), ABOUT)
        self.assertEqual(again.table(), report.table())
        self.assertEqual(again.misses, report.misses)

    def test_pictures(self):
        with tempfile.TemporaryDirectory() as directory:
            self.assertEqual(set(drawing.draw(FIGURES, directory)), set(drawing.PICTURES))
            for name in drawing.PICTURES:
                root = xml.etree.ElementTree.parse(os.path.join(directory, name)).getroot()
                lines = [e for e in root.iter() if e.get("class") == "line"]
                self.assertGreater(len(lines), 0, name)
            self.assertEqual(drawing.draw({}, directory), {})

    def test_the_page(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "performance.md")
            before = read(os.path.join(ROOT, "docs", "performance.md")).decode()
            with open(path, "w", encoding="utf-8") as file:
                file.write(before)
            for _ in range(2):
                document.write(path, self.report(), ABOUT, {"a.svg": "A picture"})
                after = read(path).decode()
                self.assertEqual(after.count("| share | 80 % |"), 1)
                self.assertEqual(after.count("![A picture](a.svg)"), 1)
            for text in before.split(document.BEGIN)[0], before.split(document.END)[1]:
                self.assertIn(text, after)

    def test_system_calls_are_read_from_strace(self):
        self.assertEqual(counted("% time     seconds  usecs/call     calls    errors syscall\n"
                                 "------ ----------- ----------- --------- --------- --------\n"
                                 " 60.00    0.000006           3         2           read\n"
                                 " 40.00    0.000004           1         4         1 openat\n"
                                 "------ ----------- ----------- --------- --------- --------\n"
                                 "100.00    0.000010           1         6         1 total\n"),
                         {"read": 2, "openat": 4})


if __name__ == "__main__":
    unittest.main()
