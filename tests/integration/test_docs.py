# SPDX-License-Identifier: MIT
"""What the documents say is what is served: keys, limits, calls, errors, and the first requests."""
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import unittest

import service
from case import Case
from service import ROOT

sys.path.insert(1, os.path.join(ROOT, "tests"))
import promises


def text_of(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def rows(markdown):
    """The cells of every row of the tables in a text, without their heads."""
    found = []
    for line in markdown.splitlines():
        if line.startswith("|"):
            found.append([cell.strip() for cell in line.strip("|").split("|")])
    return [row for i, row in enumerate(found)
            if not set("".join(row)) <= set("-") and not (i + 1 < len(found) and
                                                           set("".join(found[i + 1])) <= set("-"))]


def part(markdown, heading):
    """What stands below a heading, up to the next one of its rank or above."""
    rank = len(heading.split(" ", 1)[0])
    at = markdown.index(f"\n{heading}\n") + len(heading) + 2
    end = re.search(r"^#{1,%d} " % rank, markdown[at:], re.M)
    return markdown[at:at + end.start()] if end else markdown[at:]


def bytes_of(number):
    """256M as the number it stands for."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
    return int(number[:-1]) * units[number[-1]] if number[-1] in units else float(number)


class Configuration(unittest.TestCase):
    """docs/configuration.md and the manual page against `dockgate check` and the sources' tables."""

    @classmethod
    def setUpClass(cls):
        cls.doc = text_of("docs", "configuration.md")
        cls.page = text_of("docs", "man", "dockgate.conf.5.scd")
        cls.source = text_of("backend", "common", "config_keys.c")

    def keys_of_source(self, table):
        body = re.search(r"%s\[\] = \{\n(.*?)\n\};" % table, self.source, re.S).group(1)
        return re.findall(r'^\t\{ "(\w+)"', body, re.M)

    def documented(self, *headings):
        return [row for heading in headings for row in rows(part(self.doc, heading))]

    def top(self):
        return self.documented("## Files and addresses", "## Rights", "## HTTP", "## Queue", "## Driver",
                               "## Callbacks")

    def task(self):
        whole = part(self.doc, '## task "NAME" { … }')
        return rows(whole[:whole.index("\n### ")])

    def client(self):
        return self.documented('## client "NAME" { … }')

    def names(self, found):
        return [row[0].strip("`") for row in found]

    def test_every_key_and_no_other(self):
        for table, found in (("config_keys", self.top()), ("task_keys", self.task()),
                             ("mount_keys", self.documented("### mount { … }")),
                             ("checker_keys", self.documented("### checker { … }")),
                             ("client_keys", self.client()),
                             ("result_keys", self.documented('### result "MEMBER" { … }'))):
            keys = self.keys_of_source(table)
            self.assertGreater(len(keys), 0, table)
            self.assertEqual(sorted(self.names(found)), sorted(keys), table)
            for key in keys:
                self.assertIn(f"*{key}*", self.page, "the manual page")

    def check(self, config):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write(config)
            file.flush()
            done = subprocess.run([service.DOCKGATE, "check", "--config", file.name],
                                  capture_output=True, text=True, check=False)
            return done.returncode == 0, done.stdout + done.stderr

    def test_the_shipped_file_has_every_key(self):
        """Commented, each in its section; without the comment signs it is right."""
        text = text_of("deploy", "dockgate.conf")
        plain = "\n".join(line[2:] for line in text.splitlines()
                          if re.match(r'# \t*(\w+ = .*|\w+( "\w+")? \{|\})$', line))
        # Its examples, where one needs the other.
        whole = plain.replace('"everything"', '"classic"').replace("store_shared = false", "store_shared = true")
        whole = re.sub(r"\ttoken_file = .*\n", "", whole)
        taken, said = self.check(whole)
        self.assertTrue(taken, said)
        task = plain[plain.index('\ntask "'):]
        client = plain[plain.index('\nclient "'):plain.index('\ntask "')]
        top = re.sub(r'(?ms)^\w+( "\w+")? \{.*?^\}$', "", plain)
        inner = {name: re.search(r"(?s)\n\t%s.*?\{(.*?)\n\t\}" % name, task).group(1)
                 for name in ("mount", "checker", "result")}
        for table, where, depth in (("config_keys", top, ""), ("task_keys", task, "\t"),
                                    ("client_keys", client, "\t"),
                                    ("mount_keys", inner["mount"], "\t\t"),
                                    ("checker_keys", inner["checker"], "\t\t"),
                                    ("result_keys", inner["result"], "\t\t")):
            found = re.findall(r"(?m)^%s(\w+) = " % depth, where)
            self.assertEqual(sorted(found), sorted(self.keys_of_source(table)), table)
        limits = re.findall(r"X\(\w+,\s*(\w+),\s*[^,]+,\s*[^,]+,\s*[^,]+,\s*\"",
                            text_of("backend", "common", "limits.h"))
        self.assertGreater(len(limits), 5)
        for name in limits:
            self.assertRegex(plain, r"(?m)^\t\t%s = " % name)

    def try_values(self, found, form):
        """The ends of each documented range are taken, what lies beyond is refused."""
        tried = 0
        for name, values, default in (row[:3] for row in found):
            ends = re.match(r"(-?\d+[KMGT]?) to (\d+[KMGT]?)\b", values)
            if not ends:
                continue
            low, high = (int(bytes_of(end)) for end in ends.groups())
            for value, fine in ((low, True), (high, True), (low - 1, False), (high + 1, False)):
                if name.strip("`") in ("gateway_uid", "queue_uid", "driver_uid", "courier_uid") and value == 0:
                    fine = False  # the users must differ, and none is root
                taken, said = self.check(form % (name.strip("`"), value))
                self.assertEqual(taken, fine, f"{name} = {value}: {said}")
                if not fine:
                    self.assertIn(name.strip("`"), said)
            if re.fullmatch(r"`\d+[KMG]?`", default):
                taken, said = self.check(form % (name.strip("`"), default.strip("`")))
                self.assertTrue(taken, f"{name} = {default}: {said}")
            tried += 1
        return tried

    def test_ranges(self):
        task = 'task "t" {\n\timage = "i"\n\tcommand = {"c"}\n\twarm_max = 1000\n\t%s = %s\n}\n'
        self.assertGreater(self.try_values(self.top(), "%s = %s\n"), 20)
        self.assertGreater(self.try_values(
            [row for row in self.task() if row[0] not in ("`warm_max`",)], task), 6)
        client = 'client "c" {\n\ttoken_hash = "sha256:%s"\n\trate = 1\n\t%%s = %%s\n}\n' % ("0" * 64)
        self.assertGreater(self.try_values(self.client(), client), 5)

    def test_limits(self):
        table = text_of("backend", "common", "limits.h")
        found = {row[0].strip("`"): row[1:4] for row in self.documented("## Limits")}
        units = {"MIB": 1 << 20}
        in_source = {}
        for name, *numbers in re.findall(
                r"X\(\w+,\s*(\w+),\s*([^,]+),\s*([^,]+),\s*([^,]+),\s*\"", table):
            in_source[name] = [eval(n, units) for n in numbers]  # "256 * MIB"
        self.assertEqual(sorted(found), sorted(in_source))
        for name, cells in found.items():
            said = [bytes_of(cell.strip("`")) for cell in cells]
            if name == "cpus":
                said = [1000 * n for n in said]
            self.assertEqual(said, in_source[name], name)
            self.assertIn(f"*{name}*", self.page)

    def test_defaults(self):
        """Those that are numbers stand in the sources as designated initialisers."""
        source = text_of("backend", "common", "config.c")
        names = {"MIB": 1 << 20}
        names.update((n, int(v)) for n, v in re.findall(r"#define (\w+)\s+(\d+)$", source, re.M))
        in_source = {n: eval(v, names) for n, v in re.findall(r"^\t\t\.(\w+) = ([\w *]+),$", source, re.M)
                     if re.fullmatch(r"[\dA-Z_ *]+", v) and "COMPARE" not in v}
        seen = 0
        for name, _, default, _ in self.top() + self.task():
            name = name.strip("`")
            if name not in in_source:
                self.assertNotRegex(default, r"^`[1-9]", f"{name}: a default that the source has not")
                continue
            if re.fullmatch(r"`\d+[KMG]?`", default):
                self.assertEqual(bytes_of(default.strip("`")), in_source[name], name)
                seen += 1
        self.assertGreater(seen, 25)

    def test_the_example(self):
        block = re.search(r"\n```\n(# a comment.*?)```", self.doc, re.S).group(1)
        taken, said = self.check(block.replace('include("more.conf")', ""))
        self.assertTrue(taken, said)

    def test_tasks_of_the_documents(self):
        for path in ("README.md", "docs/adding-a-task.md"):
            blocks = re.findall(r"^ *```\n( *task .*?)^ *```", text_of(path), re.S | re.M)
            self.assertTrue(blocks, path)
            for block in blocks:
                taken, said = self.check(block)
                self.assertTrue(taken, f"{path}: {block}\n{said}")


class Http(Case):
    """docs/http-api.md against /openapi.json."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.doc = text_of("docs", "http-api.md")
        cls.description = cls.http.get("/openapi.json").json()

    def test_every_call_and_no_other(self):
        said = set()
        for cell in (row[0] for row in rows(part(self.doc, "## Native face"))):
            said |= {(m, p.split("?")[0]) for m, p in re.findall(r"(GET|POST|DELETE) (/[^`]*)`", cell)}
        served = {(method.upper(), path) for path, item in self.description["paths"].items()
                  for method in item if method in ("get", "post", "delete")}
        self.assertEqual({call for call in said if call[1] != "/"},
                         {call for call in served if call[1] != "/" and "executor" not in call[1]})

    def test_the_manual_page_has_every_call(self):
        """Whole, or behind the first of its kind as the last part alone."""
        page = text_of("docs", "man", "dockgate-http.7.scd").replace("\\", "")
        for path in self.description["paths"]:
            ends = [f"{start}{path}*" for start in ("GET ", "POST ", "DELETE ", "*")]
            if path.count("/") > 2:
                ends.append(f"*{path[path.index('}') + 1 if '}/' in path else path.rindex('/'):]}*")
            self.assertTrue(any(end in page for end in ends), path)

    def test_every_problem_and_no_other(self):
        header = text_of("backend", "gateway", "problem.h")
        in_source = set(re.findall(r'X\(\w+,\s*"([a-z-]+)",\s*(\d+)', header))
        said = {(row[0].strip("`"), row[1]) for row in rows(part(self.doc, "### Errors"))}
        self.assertGreater(len(in_source), 10)
        self.assertEqual(said, in_source)

    def test_every_verdict(self):
        header = text_of("backend", "common", "verdict.h")
        body = re.search(r"#define VERDICTS\(X\).*?\n\n", header, re.S).group(0)
        answer = part(self.doc, "### The answer")
        page = text_of("docs", "man", "dockgate-http.7.scd").replace("\\", "")
        names = re.findall(r'"(\w+)"', body)
        self.assertGreater(len(names), 10)
        for name in names:
            self.assertIn(f"`{name}`", answer)
            self.assertIn(name, page)

    def test_members_of_requests(self):
        source = text_of("backend", "gateway", "request.c")
        body = re.search(r"\} members\[\] = \{\n(.*?)\n\};", source, re.S).group(1)
        said = {name for row in rows(part(self.doc, "### The request")) for name in
                re.findall(r"`(\w+)`", row[0])}
        self.assertEqual(said, set(re.findall(r'\{ "(\w+)"', body)))

    def test_members_of_answers(self):
        job = self.sh("true")
        said = {name for row in rows(part(self.doc, "### The answer")) if "means" not in row
                for name in re.findall(r"`(\w+)`", row[0])}
        self.assertEqual(set(job) - said, set())


class Commands(unittest.TestCase):
    """The manual page against --help."""

    def help(self, *words):
        return subprocess.run([service.DOCKGATE, *words, "--help"], capture_output=True, text=True,
                              check=True).stdout

    def test_every_command_and_option(self):
        pages = [text_of("docs", "man", f"{name}.scd").replace("\\_", "_")
                 for name in ("dockgate.1", "dockgate-serve.8")]
        commands = re.findall(r"^  (\w+) +\w", self.help(), re.M)
        self.assertGreater(len(commands), 12)
        for command in commands:
            self.assertIn(f"*{command}*", pages[0])
            page = pages[1] if command in ("serve", "gateway", "queue", "driver") else pages[0]
            for option in re.findall(r"(--[a-z][a-z-]+)", self.help(command)):
                if option not in ("--help", "--format"):
                    self.assertIn(f"*{option}*", page, command)
        for page in pages:
            for option in re.findall(r"\*(--[a-z-]+)\*", page):
                self.assertTrue(any(option in self.help(c) for c in commands), option)


class Links(unittest.TestCase):
    def test_none_is_broken(self):
        paths = ["README.md", "SECURITY.md", "CONTRIBUTING.md"] + [
            os.path.relpath(p, ROOT) for p in glob.glob(os.path.join(ROOT, "docs", "*.md"))]
        for path in paths:
            for target in re.findall(r"\]\(([^)]+)\)", text_of(path)):
                if "://" in target:
                    continue
                name, _, anchor = target.partition("#")
                whole = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
                self.assertTrue(os.path.exists(os.path.join(ROOT, whole)), f"{path}: {target}")
                if anchor:
                    anchors = {re.sub(r"[^\w -]", "", h.lower()).strip().replace(" ", "-")
                               for h in re.findall(r"^#+ (.*)$", text_of(whole), re.M)}
                    self.assertIn(anchor, anchors, f"{path}: {target}")

    def test_the_tour_names_what_is_there(self):
        tour = part(text_of("README.md"), "## A tour of the code")
        for row in rows(tour):
            for place in re.findall(r"`([\w./]+/?)`", row[0]):
                self.assertTrue(os.path.exists(os.path.join(ROOT, place)), place)
                for name in re.findall(r"`(\w+\.[ch])`", row[1] if len(row) > 1 else ""):
                    self.assertTrue(os.path.exists(os.path.join(ROOT, place, name)), f"{place}{name}")


class Layers(unittest.TestCase):
    """CONTRIBUTING.md's last word on who includes whom. The command line stands above all of them."""
    MAY = {"common": [], "wire": ["common/"], "document": ["common/", "wire/"], "store": ["common/", "wire/"],
           "agent": ["common/", "wire/frame.h", "wire/pack.h", "wire/proc_masks.h"],
           "gateway": ["common/", "wire/", "document/"], "courier": ["common/", "wire/", "document/"],
           "queue": ["common/", "wire/", "store/"], "driver": ["common/", "wire/", "agent/slot_profile.h"]}

    def test_nobody_includes_what_he_may_not(self):
        layers = [name for name in os.listdir(os.path.join(ROOT, "backend")) if name != "cli"]
        self.assertEqual(set(layers), set(self.MAY))
        for layer in layers:
            for path in glob.glob(os.path.join(ROOT, "backend", layer, "*.[ch]")):
                with open(path, encoding="utf-8") as file:
                    for name in re.findall(r'^#include "([^"]*/[^"]*)"', file.read(), re.M):
                        self.assertTrue(name.startswith(tuple(self.MAY[layer])), f"{path}: {name}")


def assert_there(case, cell):
    """Each test of a table's cell: a file, and what is defined in it."""
    for one in filter(None, cell.split(";")):
        path, *names = re.findall(r"`([^`]+)`", one)
        programs = path == os.path.join("hostile", "programs")
        sources = glob.glob(os.path.join(ROOT, "tests", path, "*", "*.c")) if programs else [path]
        source = "".join(text_of("tests", source) for source in sources)
        for name in names:
            case.assertRegex(source, r"(?m)^HOSTILE\(%s," % name if programs else
                             r"(?m)^\s*(def|class|static void) %s\b" % name, path)


class Threats(unittest.TestCase):
    """docs/threats.md: each test, program and file that it names is there."""

    def test_each_has_what_stands_against_it(self):
        found = [row for row in rows(text_of("docs", "threats.md")) if row[0] != ""]
        self.assertEqual([row[0] for row in found], [str(i + 1) for i in range(len(found))])
        self.assertGreaterEqual(len(found), 72)
        for number, _, defence, tests in found:
            with self.subTest(number):
                assert_there(self, tests)
                paths = re.findall(r"`((?:backend|cgi-bin|deploy|misc|images)/[^`]+)`", defence)
                for path in paths:
                    self.assertTrue(os.path.exists(os.path.join(ROOT, path)), path)
                self.assertTrue(tests and paths or "*not covered:*" in defence.lower())


class Promises(unittest.TestCase):
    """docs/promises.md: each test that it names is there, and no number was written by hand."""

    @classmethod
    def setUpClass(cls):
        cls.page = text_of("docs", "promises.md")
        cls.kept = json.loads(text_of("tests", "promises.json"))
        cls.rows = [row for row in rows(cls.page[:cls.page.index("## What is not")]) if len(row) == 4]

    def test_each_is_enforced_as_it_says(self):
        self.assertGreater(len(self.rows), 30)
        for promise, enforced, state, _ in self.rows:
            with self.subTest(promise):
                self.assertIn(state, ("every build", "long run", "not yet"))
                self.assertTrue(promise.endswith("."))
                self.assertEqual(enforced == "", state == "not yet")
                assert_there(self, enforced)
                for script in re.findall(r"`((?:agent/\w+\.py|fuzz/run))`", enforced):
                    self.assertIn(f'"tests/{script}"', text_of("tests", "suites.py"))

    def test_what_was_seen_is_of_the_last_run(self):
        self.assertEqual(promises.written(self.page, self.kept), self.page)
        for *_, seen in self.rows:
            self.assertNotRegex(promises.NUMBER.sub("", seen), r"\d", "a number that no script wrote")

    def test_each_figure_is_some_suites(self):
        sources = "".join(text_of(path) for path in glob.glob(os.path.join(ROOT, "tests", "**"), recursive=True)
                          if os.path.isfile(path) and path.endswith((".py", ".c", "run")))
        for name, _ in promises.NUMBER.findall(self.page):
            self.assertIn(name, sources)


def same(said):
    """Text that differs from run to run, as one word: ids, digests, times."""
    said = re.sub(r"sha256:[0-9a-f]{64}", "IMAGE", said)
    said = re.sub(r"\b[0-9a-f]{64}\b", "ID", said)
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME", said)


def same_json(value):
    """The same for an answer: figures and the machine's name differ as well."""
    if isinstance(value, dict):
        return {name: "FIGURE" if name in ("wall_ms", "cpu_ms", "memory_peak_bytes", "processes_peak")
                else "NODE" if name == "node" else same_json(member) for name, member in value.items()}
    if isinstance(value, list):
        return [same_json(member) for member in value]
    return same(value) if isinstance(value, str) else value


class FirstRequest(unittest.TestCase):
    """Every command of README's first requests, run by a shell, with the shipped tasks."""

    @classmethod
    def setUpClass(cls):
        subprocess.run([os.path.join(ROOT, "images", "build"), "hello", "bash", "python"], check=True)
        cls.service = service.Service(shipped=True)
        cls.addClassCleanup(cls.service.close)
        cls.service.__enter__()

    def commands(self):
        """(command, what it prints) of each `$` line."""
        blocks = re.findall(r"```console\n(.*?)```", part(text_of("README.md"), "## The first request"), re.S)
        found = []
        for line in "".join(blocks).splitlines():
            if line.startswith("$ "):
                found.append([line[2:], ""])
            elif found[-1][0].endswith("\\"):
                found[-1][0] += "\n" + line
            else:
                found[-1][1] += line + "\n"
        return found

    def run_all(self, commands):
        mark = "----a-mark----"
        script = f"\nprintf '\\n%s\\n' {mark}\n".join(c for c, _ in commands)
        script = script.replace("127.0.0.1:8080", f"127.0.0.1:{self.service.port}")
        script = script.replace("build/dockgate", service.DOCKGATE)
        script = "set -e\n" + script
        env = {**os.environ, "DOCKGATE_HOST": f"http://127.0.0.1:{self.service.port}"}
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=120,
                              env=env, cwd=ROOT, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), done.stdout)
        return done.stdout.split(f"\n{mark}\n")

    def test_each_answers_as_shown(self):
        commands = self.commands()
        self.assertGreater(len(commands), 4)
        for (command, said), printed in zip(commands, self.run_all(commands)):
            with self.subTest(command):
                if said.lstrip().startswith("{"):
                    self.assertEqual(same_json(json.loads(printed)), same_json(json.loads(said)))
                else:
                    self.assertEqual(same(printed).strip(), same(said).strip())
        self.assertTrue(any(s for _, s in commands))


if __name__ == "__main__":
    unittest.main()
