# SPDX-License-Identifier: MIT
"""The tasks that dockgate comes with, on real input."""
import os
import random
import shutil
import struct
import subprocess
import unittest
import zlib

import service
from case import Case, content
from events import Stream

IMAGES = ("hello", "python", "bash", "c", "node", "perl", "plot")


class Shipped(Case):
    @classmethod
    def setUpClass(cls):
        subprocess.run([os.path.join(service.ROOT, "images", "build"), *IMAGES], check=True)
        svc = service.Service(shipped=True)
        cls.addClassCleanup(svc.close)
        cls.use(svc.__enter__())

    def run_main(self, task, text, **members):
        return self.native.run(task, files=[{"name": members.pop("name", "main"), "content": text}],
                               **members)

    def assert_ok(self, job):
        self.assertEqual(job["verdict"], "ok", job)
        return content(job["stdout"]).decode()


BOMB_LIMITS = {"cpu_ms": 800, "wall_ms": 30000, "memory_bytes": 96 << 20, "disk_bytes": 32 << 20,
               "file_bytes": 32 << 20}
# What gcc is to make of little, and what may come of it.
BOMBS = (
    ("int main[0x10000000] = {1};\n", ("disk_limit", "memory_limit", "cpu_time_limit", "build_failed")),
    ('#include "/dev/zero"\n', ("memory_limit", "cpu_time_limit", "build_failed")),
    ('#include "main.c"\n#include "main.c"\n', ("memory_limit", "cpu_time_limit")),
    ('#include "/proc/1/environ"\n', ("build_failed",)),
    ("#define A(x) x x x x x x x x\n#define B(x) A(A(A(A(x))))\nB(B(B(B(int a;))))\n",
     ("memory_limit", "cpu_time_limit")),
)


class Languages(Shipped):
    def test_hello(self):
        self.assertEqual(self.assert_ok(self.native.run("hello")), "hello\n")
        self.assertEqual(self.assert_ok(self.native.run("hello", args=["you"])), "hello, you\n")

    def test_python(self):
        job = self.run_main("python", "import sys\nprint(sys.argv[1:], sys.stdin.read())\nsys.exit(3)",
                            name="x.py", args=["a b"], stdin="in")
        self.assertEqual((content(job["stdout"]), job["exit_code"]), (b"['a b'] in\n", 3))

    def test_bash(self):
        job = self.run_main("bash", "a=(1 2 3); echo ${#a[@]} | sed s/3/three/; awk 'BEGIN{print 6*7}'")
        self.assertEqual(self.assert_ok(job), "three\n42\n")

    def test_c(self):
        job = self.run_main("c", '#include <math.h>\n#include <stdio.h>\n'
                            'int main(void){printf("%.3f\\n", sqrt(2.0));return 0;}', name="m.c")
        self.assertEqual(self.assert_ok(job), "1.414\n")

    def test_c_of_several_files_that_does_not_compile(self):
        job = self.native.run("c", files=[
            {"name": "a.c", "content": "int f(void);\nint main(void){return f()}\n"},
            {"name": "b.c", "content": "int f(void){return 0;}\n"}])
        self.assertEqual(job["verdict"], "build_failed")
        self.assertIn(b"a.c:2:", content(job["build"]["stderr"]))

    def test_builds_that_are_bombs(self):
        """They want all memory, all time, all of the disk, or what others may not read."""
        for source, verdicts in BOMBS:
            job = self.native.run("c", files=[{"name": "main.c", "content": source}],
                                  build={"limits": BOMB_LIMITS})
            with self.subTest(source[:40]):
                self.assertIn(job["verdict"], verdicts, job)
                self.assertEqual(job["build"]["verdict"], job["verdict"])
                self.assertNotIn(b"PATH=", content(job["build"]["stderr"]))

    def test_node(self):
        job = self.run_main("node", "process.stdin.on('data', d => console.log([...`${d}`].reverse().join('')))",
                            name="m.js", stdin="abc")
        self.assertEqual(self.assert_ok(job), "cba\n")

    def test_perl(self):
        job = self.run_main("perl", 'my %c; $c{lc $_}++ for map { split } <STDIN>; print "$_ $c{$_}\\n" '
                            'for sort keys %c;', name="m.pl", stdin="b a B")
        self.assertEqual(self.assert_ok(job), "a 1\nb 2\n")

    def test_a_prompt_is_seen_before_its_answer(self):
        programs = {
            "c": "#include <stdio.h>\nint main(void){char s[9];printf(\"name? \");"
                 "if(scanf(\"%8s\",s)==1)printf(\"hello %s\\n\",s);return 0;}\n",
            "python": "print('hello', input('name? '))\n",
        }
        for task, text in programs.items():
            job = self.native.accept(task, files=[{"content": text}], stdin="open")
            with self.subTest(task), Stream(self.http, job) as stream:
                seen = b""
                while seen != b"name? ":
                    seen += stream.until("stdout")[-1].bytes
                    self.assertTrue(b"name? ".startswith(seen), seen)
                self.assertEqual(self.http.post(f"/v1/jobs/{job}/stdin", b"you\n").status, 202)
                self.assertEqual(self.assert_ok(self.native.ended(job)), "name? hello you\n")

    def test_every_example_of_a_task_runs(self):
        stdins = {"c": "1 2\n", "cpp": "1 2\n", "perl": "a b a\n"}
        for task in self.native.call("GET", "/v1/tasks").json()["tasks"]:
            if task.get("example"):
                job = self.native.run(task["name"], files=[{"name": task["main"], "content": task["example"]}],
                                      stdin=stdins.get(task["name"], ""))
                with self.subTest(task["name"]):
                    self.assert_ok(job)


CSV_PROGRAM = """
import csv, collections
import matplotlib.pyplot as plt
totals = collections.defaultdict(float)
rows = 0
with open("data.csv", newline="") as file:
    for row in csv.DictReader(file):
        totals[row["city"]] += float(row["value"])
        rows += 1
print(rows)
for city in sorted(totals):
    print(f"{city} {totals[city]:.2f}")
names = sorted(totals)
plt.figure(figsize=(4, 3))
plt.bar(names, [totals[n] for n in names])
plt.savefig("totals.png")
"""

CPP_PROGRAM = """
#include <algorithm>
#include <iostream>
#include <vector>
int main()
{
	int n;
	std::cin >> n;
	std::vector<long> v(n);
	for (auto &x : v)
		std::cin >> x;
	std::sort(v.begin(), v.end());
	long sum = 0;
	for (auto x : v)
		sum += x;
	std::cout << v.front() << ' ' << v[n / 2] << ' ' << v.back() << ' ' << sum << '\\n';
}
"""


def png_size(data):
    """Width and height of a PNG whose every chunk is whole."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n", data[:8]
    at, size, pixels = 8, None, b""
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at:at + 8])
        chunk = data[at + 8:at + 8 + length]
        assert zlib.crc32(kind + chunk) == struct.unpack(">I", data[at + 8 + length:at + 12 + length])[0]
        if kind == b"IHDR":
            size = struct.unpack(">II", chunk[:8])
        if kind == b"IDAT":
            pixels += chunk
        at += 12 + length
    assert zlib.decompress(pixels)
    return size


class RealInput(Shipped):
    def test_a_5_MB_csv_and_its_plot(self):
        source = random.Random(1)
        cities = ("Aarhus", "Bergen", "Cusco", "Dakar", "Évora")
        rows, totals = ["id,city,value"], dict.fromkeys(cities, 0.0)
        while len(rows) < 230000:
            city, value = source.choice(cities), source.randrange(1, 1000000) / 100
            totals[city] += value
            rows.append(f"{len(rows)},{city},{value:.2f}")
        text = "\n".join(rows) + "\n"
        self.assertGreater(len(text.encode()), 4 << 20)
        job = self.native.run("plot", files=[{"name": "main.py", "content": CSV_PROGRAM},
                                             {"name": "data.csv", "content": text}])
        lines = self.assert_ok(job).splitlines()
        self.assertEqual(lines[0], str(len(rows) - 1))
        for line, city in zip(lines[1:], sorted(cities)):
            self.assertEqual(line.split()[0], city)
            self.assertAlmostEqual(float(line.split()[1]), totals[city], places=1)
        self.assertEqual([(f["name"], f["type"]) for f in job["files"]], [("totals.png", "image/png")])
        reply = self.native.call("GET", f"/v1/jobs/{job['id']}/files/totals.png")
        self.assertEqual(reply.type, "image/png")
        self.assertEqual(png_size(reply.body), (400, 300))

    def test_cpp_compiled_once_and_run_on_20_inputs(self):
        source = random.Random(2)
        cases = []
        for n in range(20):
            values = [source.randrange(-10**6, 10**6) for _ in range(1 + n * 50)]
            ordered = sorted(values)
            expected = f"{ordered[0]} {ordered[len(values) // 2]} {ordered[-1]} {sum(values)}\n"
            cases.append({"name": f"case {n}", "stdin": f"{len(values)}\n{' '.join(map(str, values))}\n",
                          "expected_stdout": expected if n != 13 else "wrong\n"})
        job = self.native.run("cpp", files=[{"name": "main.cpp", "content": CPP_PROGRAM}], cases=cases)
        self.assertEqual(job["build"]["verdict"], "ok", job["build"])
        self.assertEqual([c["verdict"] for c in job["cases"]],
                         ["ok" if n != 13 else "wrong_output" for n in range(20)])
        self.assertEqual(job["verdict"], "wrong_output")
        self.assertEqual(job["cases"][19]["name"], "case 19")

    def test_the_classic_workspace(self):
        shipped = service.read(os.path.join(service.ROOT, "deploy", "classic", "run.sh"))
        self.assertEqual(service.read(os.path.join(self.service.upload, "run.sh")), shipped)
        for data, upper in (("some data", b"SOME DATA"), ("-e", b"-E")): # which is no option
            job = self.classic.submit(data)
            ended = self.native.ended(job)
            self.assertEqual(ended["verdict"], "ok", ended)
            self.assertEqual(self.classic.get_data(job), upper)

    def test_a_bash_workspace_of_the_operators_own(self):
        own = os.path.join(self.service.upload, "run.sh")
        shutil.copy(own, own + ".was")
        self.addCleanup(shutil.move, own + ".was", own)
        self.service.write_upload("words.txt", "one two two three three three\n")
        self.service.write_upload("run.sh", """#!/bin/bash
cd "$(dirname "$0")"
sort <(tr ' ' '\\n' <words.txt) | uniq -c | sort -rn | awk '{ print $2, $1 }'
echo -
printf '%s' "$1" | tr a-d A-D
""")
        job = self.classic.submit("ab cd")
        self.native.ended(job)
        self.assertEqual(self.classic.get_data(job), b"AB CD")


if __name__ == "__main__":
    unittest.main()
