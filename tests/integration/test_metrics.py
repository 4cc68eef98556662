# SPDX-License-Identifier: MIT
"""/metrics as Prometheus wants it, its figures against what was done, and the dashboard against both."""
import json
import os
import re
import unittest

import service
from case import Case, OwnService
from service import ROOT

LINE = re.compile(r'([a-zA-Z_:][\w:]*)(?:\{(.*)\})? ([-+0-9.eInfNa]+)\Z')
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\\n]|\\.)*)"(?:,|\Z)')


def parse(text):
    """[(name, {label: value}, number)], {name: type}, {name: help}; what is no line of the format is refused."""
    samples, types, helps = [], {}, {}
    for line in text.splitlines():
        if line.startswith("# "):
            _, kind, name, rest = line.split(" ", 3)
            if kind not in ("HELP", "TYPE") or name in (helps if kind == "HELP" else types):
                raise AssertionError(f"twice, or neither: {line}")
            (helps if kind == "HELP" else types)[name] = rest
            continue
        match = LINE.match(line)
        if not match:
            raise AssertionError(f"no sample: {line}")
        labels = match.group(2) or ""
        found = LABEL.findall(labels)
        if ",".join(f'{name}="{value}"' for name, value in found) != labels:
            raise AssertionError(f"labels of {line}")
        samples.append((match.group(1), dict(found), float(match.group(3))))
    return samples, types, helps


def family(name, types):
    """The name that HELP and TYPE have, of a sample's name."""
    base = re.sub(r"_(bucket|sum|count)\Z", "", name)
    return base if types.get(base) == "histogram" else name


class Metrics(Case):
    def scrape(self):
        reply = self.native.call("GET", "/metrics")
        self.assertEqual(reply.status, 200)
        return parse(reply.text)

    def value(self, name, **labels):
        found = [n for sample, have, n in self.scrape()[0] if (sample, have) == (name, labels)]
        self.assertEqual(len(found), 1, (name, labels))
        return found[0]

    def test_conventions(self):
        self.sh("true")
        samples, types, helps = self.scrape()
        self.assertGreater(len(types), 40)
        self.assertEqual(set(types), set(helps))
        self.assertEqual({family(name, types) for name, _, _ in samples}, set(types))
        seen = set()
        for name, labels, _ in samples:
            key = (name, tuple(sorted(labels.items())))
            self.assertNotIn(key, seen)
            seen.add(key)
        for name, kind in types.items():
            self.assertRegex(name, r"\Adockgate_[a-z][a-z_]*[a-z]\Z")
            self.assertIn(kind, ("counter", "gauge", "histogram"), name)
            self.assertEqual(name.endswith("_total"), kind == "counter", name)
            self.assertNotRegex(name, r"_(ms|us|milliseconds|kilobytes|mb|percent)(_|\Z)")
            self.assertRegex(helps[name], r"\A[A-Z0-9].*\.\Z", name)
            if kind == "histogram":
                self.assertTrue(name.endswith("_seconds"), name)

    def test_histograms_add_up(self):
        self.sh("true")
        samples, types, _ = self.scrape()
        for name in (name for name, kind in types.items() if kind == "histogram"):
            rows = {}
            for sample, labels, value in samples:
                rest = tuple(sorted((k, v) for k, v in labels.items() if k != "le"))
                if sample == name + "_bucket":
                    rows.setdefault(rest, []).append((float(labels["le"]), value))
            self.assertTrue(rows, name)
            for rest, buckets in rows.items():
                self.assertEqual(buckets, sorted(buckets), name)
                counts = [n for _, n in buckets]
                self.assertEqual(counts, sorted(counts), name)
                total, = [v for s, l, v in samples if s == name + "_count" and tuple(sorted(l.items())) == rest]
                self.assertEqual((buckets[-1][0], counts[-1]), (float("inf"), total), name)

    def test_what_is_done_is_counted(self):
        def figures():
            samples = self.scrape()[0]
            get = lambda name, **labels: sum(n for s, have, n in samples if s == name and
                                             labels.items() <= have.items())
            return (get("dockgate_jobs_submitted_total"), get("dockgate_jobs_done_total", verdict="nonzero_exit"),
                    get("dockgate_job_run_seconds_count"), get("dockgate_job_wait_seconds_count"),
                    get("dockgate_container_takes_total", task="sh"),
                    get("dockgate_store_call_seconds_count", operation="commit"),
                    get("dockgate_http_requests_total", method="POST", route="/v1/jobs", **{"class": "2xx"}))
        before = figures()
        self.sh("exit 3")
        after = figures()
        grown = [b - a for a, b in zip(before, after)]
        self.assertTrue(all(n >= 1 for n in grown), (before, after))
        self.assertEqual(grown[:5], [1, 1, 1, 1, 1])

    def test_what_is_kept_is_counted(self):
        self.sh("true")
        kept = sum(value for name, _, value in self.scrape()[0] if name == "dockgate_kept_jobs")
        self.assertGreaterEqual(kept, 1)

    def test_depth_by_task(self):
        running = self.native.submit("sh", args=["sleep 30"]).json()["id"]
        for _ in service.until(20):
            depth = self.value("dockgate_queue_jobs", task="sh", state="running")
            if depth == 1:
                break
        self.native.call("DELETE", f"/v1/jobs/{running}")
        self.assertEqual(depth, 1)
        self.assertEqual(self.value("dockgate_queue_jobs", task="", state="waiting"), 0)

    def test_the_engines_calls(self):
        self.sh("true", limits={"memory_bytes": 200 << 20})  # takes a container of its own
        self.assertGreaterEqual(self.value("dockgate_engine_calls_total", operation="container_create",
                                           result="ok"), 1)
        self.assertGreater(self.value("dockgate_engine_call_seconds_sum", operation="container_start"), 0)
        self.assertEqual(self.value("dockgate_engine_calls_total", operation="other", result="garbled"), 0)

    def test_the_dashboard_asks_for_what_is_there(self):
        with open(os.path.join(ROOT, "deploy", "grafana", "dockgate.json"), encoding="utf-8") as file:
            board = json.load(file)
        samples, types, _ = self.scrape()
        there = {name for name, _, _ in samples}
        labels = {}
        for name, have, _ in samples:
            labels.setdefault(name, set()).update(have)
        asked = set()
        panels = [panel for panel in board["panels"] if panel["type"] != "row"]
        self.assertGreater(len(panels), 10)
        self.assertEqual(len({panel["id"] for panel in board["panels"]}), len(board["panels"]))
        for panel in panels:
            self.assertTrue(panel["targets"], panel["title"])
            for target in panel["targets"]:
                names = set(re.findall(r"\bdockgate_\w+", target["expr"]))
                self.assertTrue(names, target["expr"])
                self.assertLessEqual(names, there, panel["title"])
                asked |= {family(name, types) for name in names}
                for name, inside in re.findall(r"\b(dockgate_\w+)\{([^}]*)\}", target["expr"]):
                    self.assertLessEqual(set(re.findall(r"(\w+)\s*(?:=~|!=|!~|=)", inside)) - {"instance", "job"},
                                         labels[name], target["expr"])
                for by in re.findall(r"\bby \(([^)]*)\)", target["expr"]):
                    known = set().union(*(labels[name] for name in names)) | {"instance", "job"}
                    self.assertLessEqual({word.strip() for word in by.split(",")}, known, target["expr"])
        self.assertGreater(len(asked), 15)


class WithoutADriver(OwnService):
    def test_the_queues_own_figures_are_there(self):
        """Also while the driver does not say anything."""
        os.kill(self.service.pid("driver"), 19)
        try:
            samples = parse(self.native.call("GET", "/metrics").text)[0]
        finally:
            os.kill(self.service.pid("driver"), 18)
        names = {name for name, _, _ in samples}
        self.assertIn("dockgate_jobs_waiting", names)
        self.assertNotIn("dockgate_engine_calls_total", names)


if __name__ == "__main__":
    unittest.main()
