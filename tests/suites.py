#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Runs every suite, or those named, against a Docker engine of its own, and counts.

A skipped test is a failed one, except where tests/machine-dependent.tsv names it. The last
line is "N passed, N failed"; the exit status is 0 only if nothing failed and something passed.
What each step printed is in build/test/.
"""
import argparse
import concurrent.futures
import glob
import io
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BUILD = os.path.join(ROOT, "build")
SANITIZED = os.path.join(BUILD, "sanitize")
LOGS = os.path.join(BUILD, "test")
ENGINE = os.path.join(LOGS, "engine")
# Package lists and packages are worth keeping between runs; `make run` has them there, too.
IMAGE_CACHE = os.path.join(ROOT, "run", "images")
CI = os.environ.get("CI") == "true"
CPUS = len(os.sched_getaffinity(0))
LANES = CPUS + 1
# The share of the long run that is run; 0 on every build (tests/integration/figures.py).
LONG = float(os.environ.get("DOCKGATE_LONG") or 0)
# Nothing may hang: no step takes longer than this.
STEP_S = 900 if not LONG else 7 * 86400
# Each parser is fuzzed so long.
FUZZ_S = int(os.environ.get("DOCKGATE_FUZZ_S") or 10)
# Lines shown of what a failed step printed; all of it is in build/test/.
SHOWN = 60

SANITIZER_ENV = {
    "ASAN_OPTIONS": "abort_on_error=0:exitcode=99:detect_stack_use_after_return=1:"
                    "strict_string_checks=1:detect_leaks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1:exitcode=99",
}

# What each image must be able to do without a network, without rights, on a read-only root.
IMAGE_CHECKS = [
    ("hello", ["/hello"], "hello\n"),
    ("bash", ["bash", "-c", "seq 3 | sort -r | awk '{ s += $1 } END { print s }'"], "6\n"),
    ("python", ["python3", "-c", "import csv, json, sqlite3, ssl; print(6 * 7)"], "42\n"),
    ("perl", ["perl", "-MData::Dumper", "-MJSON::PP", "-e", "print 6 * 7"], "42"),
    ("node", ["node", "-e", "console.log(6 * 7)"], "42\n"),
    ("c", ["sh", "-c", "echo '#include <stdio.h>\nint main(void) { puts(\"c\"); }' >a.c && "
                       "gcc -O2 -o a a.c && ./a && "
                       "echo '#include <iostream>\nint main() { std::cout << \"c++\" << std::endl; }' >b.cc && "
                       "g++ -O2 -o b b.cc && ./b"], "c\nc++\n"),
    ("plot", ["python3", "-c", "import numpy, matplotlib.pyplot as p; p.plot(numpy.arange(3)); "
                               "p.savefig('x.png'); print(open('x.png', 'rb').read()[1:4])"],
     "b'PNG'\n"),
]


class Count:
    def __init__(self):
        self.passed = self.failed = self.not_applicable = 0
        self.failures = []
        self.lock = threading.Lock()

    def add(self, name, passed, failed, not_applicable=0):
        with self.lock:
            self.passed += passed
            self.failed += failed
            self.not_applicable += not_applicable
        if failed:
            self.failures.append(f"{name}: {failed} failed")

    def one(self, name, good, text=""):
        print(f"  {'ok  ' if good else 'FAIL'} {name}", flush=True)
        if not good and text:
            path = os.path.join(LOGS, re.sub(r"\W+", "-", name) + ".log")
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
            print("\n".join("       " + line for line in text.strip().splitlines()[-SHOWN:]))
            print(f"       all of it: {path}", flush=True)
        self.add(name, int(good), int(not good))
        return good


count = Count()


def call(args, timeout=STEP_S, **more):
    """The command's exit status and all it printed; a command that takes too long has failed."""
    env = {**os.environ, **more.pop("env", {})}
    try:
        done = subprocess.run(args, cwd=ROOT, env=env, stdin=subprocess.DEVNULL, text=True,
                              errors="replace", stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout, check=False, **more)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired as e:
        return -1, f"{e.stdout or ''}\nnot done within {timeout} s"
    except FileNotFoundError as e:
        return -1, str(e)


def tracked(*patterns):
    """Files of the checkout; where it is not a git one, all that match."""
    status, out = call(["git", "ls-files", "-co", "--exclude-standard", "--", *patterns])
    if status == 0:
        return [f for f in out.splitlines() if os.path.exists(os.path.join(ROOT, f))]
    found = []
    for pattern in patterns:
        found += glob.glob(pattern, root_dir=ROOT) + glob.glob("**/" + pattern, root_dir=ROOT,
                                                              recursive=True)
    return sorted(f for f in set(found) if not f.startswith(("build", "run/")))


# ---- builds ---------------------------------------------------------------------------------

def build(directory, *options):
    status, out = call(["misc/build", *options], env={"DOCKGATE_BUILD": directory})
    out = "\n".join(line for line in out.splitlines() if not re.match(r"\[\d+/\d+\] ", line))
    return count.one(f"build of {os.path.relpath(directory, ROOT)}", status == 0, out)


def build_normal():
    # A directory that was set up without the tests' packages gets its tests now.
    return build(BUILD, "-Dtests=enabled", *(["--werror"] if CI else []))


def build_sanitized():
    # Without --werror: what a sanitizer adds to the code misleads some of gcc's warnings.
    return build(SANITIZED, "-Dtests=enabled", "-Db_sanitize=address,undefined", "-Doptimization=1")


def commands():
    """What the compiler is called with for each C file of the project."""
    with open(os.path.join(BUILD, "compile_commands.json"), encoding="utf-8") as file:
        return {os.path.relpath(os.path.join(c["directory"], c["file"]), ROOT): c
                for c in json.load(file)}


# ---- static checks ----------------------------------------------------------------------------

def scripts():
    """Shell scripts by their first line."""
    found = []
    for name in tracked("*"):
        try:
            with open(os.path.join(ROOT, name), "rb") as file:
                first = file.readline(80)
        except OSError:
            continue
        if re.match(rb"#! ?/(usr/)?bin/(env )?(ba)?sh\b", first):
            found.append(name)
    return found


# Takes what time of the processors nobody else wants.
BEHIND = ["chrt", "--idle", "0"]
# The hash table's macros send version 12 through states without end; clang's analyzer reads it.
ANALYZER_LEAVES_OUT = {"backend/queue/waiters.c"}


def analyze(command):
    args = shlex.split(command["command"])
    args[args.index("-o") + 1] = "/dev/null"
    # Version 12 takes what is stored through a pointer to a pointer for leaked; LeakSanitizer,
    # under the tests, does not.
    # Nor does it follow counts of users, or values copied by memcpy; the sanitizers do.
    args += ["-fanalyzer", "-Wno-analyzer-too-complex", "-Wno-analyzer-malloc-leak",
             "-Wno-analyzer-use-after-free", "-Wno-analyzer-use-of-uninitialized-value",
             "-fdiagnostics-color=never"]
    done = subprocess.run([*BEHIND, *args], text=True, cwd=command["directory"],
                          capture_output=True, check=False)
    return done.stderr if done.returncode or "-Wanalyzer" in done.stderr else ""


def tidy(name):
    status, out = call([*BEHIND, "clang-tidy", "--quiet", "-p", BUILD, "--warnings-as-errors=*",
                        "--extra-arg=-Wno-unknown-warning-option",
                        "--extra-arg=-Wno-unused-command-line-argument", name],
                       timeout=None)
    return out if status else ""


class Static:
    """Reads the sources, behind the other suites: these are mostly waiting."""

    def __init__(self):
        compiled = {name: command for name, command in commands().items()
                    if not name.startswith(("..", "build", "tests/hostile/programs/"))}
        self.pool = concurrent.futures.ThreadPoolExecutor(CPUS)
        self.format = self.pool.submit(call, ["clang-format", "--dry-run", "-Werror",
                                              *tracked("*.c", "*.h")])
        self.scripts = self.pool.submit(call, ["shellcheck", *scripts()])
        self.tidy = [self.pool.submit(tidy, name) for name in sorted(compiled)]
        self.analyzer = [self.pool.submit(analyze, c) for name, c in compiled.items()
                         if not name.startswith("tests/") and name not in ANALYZER_LEAVES_OUT]

    def await_all(self):
        for name, check in (("clang-format", self.format), ("shellcheck", self.scripts)):
            status, out = check.result()
            count.one(name, status == 0, out)
        for name, checks in (("clang-tidy", self.tidy), ("gcc -fanalyzer", self.analyzer)):
            bad = "".join(check.result() for check in checks)
            count.one(name, not bad, bad)

    def end(self):
        self.pool.shutdown(cancel_futures=True)


# ---- test programs -------------------------------------------------------------------------------

def cmocka_counts(text):
    """(passed, failed, skipped) as cmocka says them; None where it says nothing."""
    found = [0, 0, 0]
    said = False
    for i, word in enumerate(("PASSED", "FAILED", "SKIPPED")):
        for number in re.findall(rf"^\[  {word}\s*\] (\d+) test\(s\)", text, re.MULTILINE):
            found[i] += int(number)
            said = True
    return found if said else None


def programs(what, directory, *options):
    """Test programs that meson knows; `options` choose among them."""
    name = f"{what} of {os.path.relpath(directory, ROOT)}"
    path = os.path.join(directory, "meson-logs", "testlog.json")
    if os.path.exists(path):
        os.unlink(path) # where it finds no test meson writes none, and this would be another suite's
    status, out = call(["meson", "test", "-C", directory, "--no-rebuild", "--print-errorlogs",
                        *options], env=SANITIZER_ENV if directory == SANITIZED else {})
    passed = failed = 0
    try:
        with open(path, encoding="utf-8") as file:
            results = [json.loads(line) for line in file]
    except (OSError, ValueError):
        results = []
    for result in results:
        good = result["result"] == "OK"
        counts = cmocka_counts(result.get("stdout", "") + result.get("stderr", ""))
        ok, bad, skipped = counts or (int(good), int(not good), 0)
        bad += skipped
        # A program that says that all is well and then dies has failed.
        if not good and not bad:
            bad = 1
        passed += ok
        failed += bad
    if not results or (status and not failed):
        failed += 1
    print(f"  {'FAIL' if failed else 'ok  '} {name}: {passed} passed, {failed} failed", flush=True)
    if failed:
        print(out, flush=True)
    count.add(name, passed, failed)


def canary():
    for what, sign in (("address", "heap-buffer-overflow"), ("undefined", "signed integer overflow"),
                       ("leak", "detected memory leaks")):
        status, out = call([os.path.join(SANITIZED, "tests", "canary"), what], env=SANITIZER_ENV)
        count.one(f"canary: the {what} sanitizer is on", status == 99 and sign in out,
                  f"status {status}\n{out}")


# ---- the engine and its images ------------------------------------------------------------------

def engine_start():
    call(["misc/engine", "stop", ENGINE]) # a killed run's
    done = subprocess.run([os.path.join(ROOT, "misc/engine"), "own", ENGINE], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if done.returncode:
        raise SystemExit("test: no engine could be started")
    os.environ["DOCKER_HOST"] = done.stdout.strip()
    # Only this engine's, so all of them are a killed run's.
    status, out = call(["docker", "ps", "-aq"])
    if status == 0 and out.split():
        call(["docker", "rm", "-f", "-v", *out.split()])


def engine_stop():
    status, out = call(["misc/engine", "stop", ENGINE])
    if status:
        count.one("the engine that was started ends", False, out)


class Images:
    """Made behind the other suites, since it is mostly waiting."""

    def __init__(self):
        self.log = open(os.path.join(LOGS, "images.log"), "w", encoding="utf-8")
        self.process = subprocess.Popen(
            ["nice", "-n", "5", os.path.join(ROOT, "images/build"), "--cache", IMAGE_CACHE, "--all"],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, start_new_session=True)

    def await_all(self):
        try:
            status = self.process.wait(STEP_S)
        except subprocess.TimeoutExpired:
            self.end()
            status = -1
        with open(self.log.name, encoding="utf-8", errors="replace") as file:
            return count.one("images made of the distribution's packages", status == 0, file.read())

    def end(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait()


class Fuzzers:
    """Made behind the other suites, too."""

    def __init__(self):
        self.pool = concurrent.futures.ThreadPoolExecutor(1)
        self.made = self.pool.submit(call, [*BEHIND, "tests/fuzz/run", "0", "none"])

    def run(self):
        status, out = self.made.result()
        if not count.one("fuzzers are made", status == 0, out):
            return
        status, out = call(["tests/fuzz/run", str(FUZZ_S)])
        found = re.search(r"^fuzz: (\d+) passed, (\d+) failed\n\Z", out, re.M)
        passed, failed = map(int, found.groups()) if found else (0, 1)
        print(f"  {'FAIL' if failed or status else 'ok  '} {FUZZ_S} s of each parser: {passed} passed, "
              f"{failed} failed", flush=True)
        if failed or status:
            print(out, flush=True)
        count.add("fuzzing", passed, max(failed, int(status != 0)))

    def end(self):
        self.pool.shutdown(cancel_futures=True)


def in_image(name, args):
    return subprocess.run(
        ["docker", "run", "--rm", "--network", "none", "--read-only", "--cap-drop", "ALL",
         "--security-opt", "no-new-privileges", "--user", "12345:12345", "--tmpfs", "/tmp",
         "--tmpfs", "/workspace:exec,uid=12345", "--workdir", "/workspace", f"dockgate/{name}",
         *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)


def images():
    for name, args, expected in IMAGE_CHECKS:
        done = in_image(name, args)
        count.one(f"image {name} does its work",
                  done.returncode == 0 and done.stdout == expected and not done.stderr,
                  f"status {done.returncode}, stdout {done.stdout!r}, stderr {done.stderr}")
        if name != "hello":
            done = in_image(name, ["find", "/", "-xdev", "-perm", "/6000", "!", "-type", "d"])
            count.one(f"image {name} has no setuid program", not done.stdout, done.stdout)
    status, out = call(["images/build", "--cache", IMAGE_CACHE, "--all"])
    count.one("images that are there are not made again", status == 0 and not out, out)


# ---- integration --------------------------------------------------------------------------------

# What a store can break, once more with the other one.
WITH_MARIADB = ("test_native", "test_classic", "test_idempotency.Keys", "test_control", "test_fair",
                "test_clients.AtRunTime",
                "test_kill_the_queue", "test_kill_all_at_once")


# What the engine decides, with Podman in Docker's place.
WITH_PODMAN = ("test_verdicts.VerdictsInSandbox", "test_verdicts.Verdicts.test_nonzero",
               "test_verdicts.Verdicts.test_memory_limit", "test_verdicts.Verdicts.test_process_limit",
               "test_verdicts.Verdicts.test_disk_limit_that", "test_verdicts.Verdicts.test_wall",
               "test_verdicts.EngineErrors.test_engine", "test_native.Cancel.test_a_running",
               "test_native.Cancel.test_its", "test_files.Collect.test_links_are",
               "test_files.Collect.test_devices", "test_files.Collect.test_unreadable",
               "test_cases.BuildCache.test_the_second")


def with_podman():
    directory = os.path.join(LOGS, "podman")
    call(["tests/podman", "stop", directory]) # a killed run's
    done = subprocess.run([os.path.join(ROOT, "tests/podman"), "start", directory], text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, check=False)
    if not count.one("Podman's service starts", done.returncode == 0):
        return
    try:
        integration(BUILD, "integration tests with Podman",
                    *(word for name in WITH_PODMAN for word in ("--filter", name)),
                    DOCKER_HOST=done.stdout.strip())
    finally:
        call(["tests/podman", "stop", directory])


runners = []


def integration(directory, name="integration tests", *options, out=None, **environment):
    """out: takes the lines instead of standard output."""
    out = out or sys.stdout
    name = f"{name} of {os.path.relpath(directory, ROOT)}"
    print(f"  {name}", file=out, flush=True)
    env = {**os.environ, "DOCKGATE_BUILD": directory, **environment}
    if directory == SANITIZED:
        env.update(SANITIZER_ENV, DOCKGATE_SANITIZED="1", DOCKGATE_LEAKS="1")
    last = ""
    process = subprocess.Popen(
        [sys.executable, "tests/integration/runner.py", *options], cwd=ROOT, env=env, text=True,
        errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT)
    runners.append(process)
    try:
        for line in process.stdout:
            out.write("    " + line)
            out.flush()
            last = line
        status = process.wait()
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()
    found = re.fullmatch(r"integration: (\d+) passed, (\d+) failed, (\d+) not applicable\n", last)
    passed, failed, not_applicable = map(int, found.groups()) if found else (0, 1, 0)
    if status and not failed:
        failed = 1
    count.add(name, passed, failed, not_applicable)


def integration_side_by_side(chosen):
    """Each test is mostly waiting: those with the sanitizers run beside the others."""
    said = io.StringIO()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        other = pool.submit(integration, SANITIZED, out=said) if "sanitized" in chosen else None
        try:
            if "integration" in chosen:
                integration(BUILD)
                integration(BUILD, "integration tests with MariaDB",
                            *(word for name in WITH_MARIADB for word in ("--filter", name)),
                            DOCKGATE_TEST_STORE="mariadb")
                with_podman()
        finally:
            if other is not None:
                other.result()
                print(said.getvalue(), flush=True)


def in_lanes(name, *options):
    """In the long run by several processes side by side: what waits for what was killed leaves time."""
    if not LONG:
        integration(BUILD, name, *options)
        return
    said = [io.StringIO() for _ in range(LANES)]
    with concurrent.futures.ThreadPoolExecutor(LANES) as pool:
        for lane in [pool.submit(integration, BUILD, name, *options, out=out, DOCKGATE_LANE=f"{n}/{LANES}")
                     for n, out in enumerate(said)]:
            lane.result()
    for out in said:
        print(out.getvalue(), flush=True)


def counted(name, word, args, env):
    """A script of ours whose last line is "WORD: N passed, N failed"."""
    status, out = call([sys.executable, *args], env=env)
    found = re.search(rf"^{word}: (\d+) passed, (\d+) failed\n\Z", out, re.M)
    passed, failed = map(int, found.groups()) if found else (0, 1)
    if status and not failed:
        failed = 1
    print(f"  {'FAIL' if failed else 'ok  '} {name}: {passed} passed, {failed} failed", flush=True)
    if failed:
        print(out, flush=True)
    count.add(name, passed, failed)


# ---- release_website ---------------------------------------------------------------------------

def release(directory):
    """What the tool makes of sites, byte for byte."""
    name = f"release_website of {os.path.relpath(directory, ROOT)}"
    env = {"DOCKGATE_BUILD": directory}
    if directory == SANITIZED:
        env.update(SANITIZER_ENV)
    counted(name, "release", ["tests/release/runner.py"], env)


# ---- packages -----------------------------------------------------------------------------------

def package():
    """They are made, and live on a fresh machine."""
    status, out = call(["misc/deb"], env={"DOCKGATE_PACKAGES": "no"})
    if count.one("Debian packages are made", status == 0, out):
        integration(BUILD, "tests of the packages", "--tests", "tests/package")


# ---- in a browser --------------------------------------------------------------------------------

def npm(directory):
    """Packages that a lock file names, below build/; None where they cannot be had."""
    modules = os.path.join(LOGS, "npm", directory.replace("/", "-"))
    os.makedirs(modules, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(ROOT, directory, name), modules)
    status, out = call(["npm", "ci", "--prefix", modules, "--ignore-scripts", "--no-audit", "--no-fund"])
    return modules if count.one(f"npm's packages of {directory}", status == 0, out) else None


def bundle():
    """The page in web/dist is what its sources give."""
    modules = npm("web")
    if modules is None:
        return
    for name in ("src", "static", "dist", "build.mjs"):
        path = os.path.join(modules, name)
        shutil.rmtree(path, ignore_errors=True)
        (shutil.copytree if os.path.isdir(os.path.join(ROOT, "web", name)) else shutil.copy)(
            os.path.join(ROOT, "web", name), path)
    status, out = call(["node", os.path.join(modules, "build.mjs"), "--check"])
    count.one("web/dist is what its sources give", status == 0, out)


def browser():
    """Chromium, driven by a package of npm's."""
    modules = npm("tests/browser")
    if modules is None:
        return
    status, out = call(["node", "tests/browser/run.mjs"],
                       env={"BROWSER_MODULES": modules, "DOCKGATE_BUILD": BUILD})
    found = re.search(r"^browser: (\d+) passed, (\d+) failed\n\Z", out, re.M)
    passed, failed = map(int, found.groups()) if found else (0, 1)
    if status and not failed:
        failed = 1
    print(f"  {'FAIL' if failed else 'ok  '} in a browser: {passed} passed, {failed} failed", flush=True)
    if failed:
        print(out, flush=True)
    count.add("in a browser", passed, failed)


# ---- all ------------------------------------------------------------------------------------------

# All of them together, in minutes.
WHOLE_MIN = 40
# Each with its budget on every build, in minutes on two cores. What a suite took is said at the
# end; nothing fails for it.
SUITES = {
    "static": 6, # reads on behind the others
    "unit": 3,
    "power": 0.5,
    "fault": 2,
    "release": 1,
    "images": 1, # made behind the others
    "browser": 2.5,
    "integration": 17, # with "sanitized" beside it
    "hostile": 3,
    "crash": 2,
    "edge": 2,
    "fuzz": 2,
    "sanitized": 2, # where "integration" is not run
    "package": 4,
}


class Clock:
    """What each suite takes of its budget."""

    def __init__(self):
        self.began = self.since = time.monotonic()
        self.suite = None
        self.used_s = {}

    def step(self, title, suite=None):
        """The time from here on is that suite's."""
        now = time.monotonic()
        self.used_s[self.suite] = self.used_s.get(self.suite, 0) + now - self.since
        self.suite, self.since = suite, now
        print(f"[{now - self.began:5.0f} s] {title}", flush=True)

    def say(self):
        """The suites' own budgets, then that of all, with the builds in it."""
        for suite, budget_min in SUITES.items():
            if suite in self.used_s:
                used_min = self.used_s[suite] / 60
                print(f"  {suite}: {used_min:.1f} of {budget_min} min"
                      f"{', over its budget' if used_min > budget_min and not LONG else ''}")
        print(f"  all: {(time.monotonic() - self.began) / 60:.1f} of {WHOLE_MIN} min")


def stop(*_):
    """Threads wait for the tests that they have begun: these are ended first."""
    for runner in runners:
        runner.terminate()
    sys.exit(143)


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n", maxsplit=1)[0])
    parser.add_argument("suite", nargs="*", metavar="SUITE", help="one of: " + " ".join(SUITES))
    chosen = parser.parse_args().suite
    for name in chosen:
        if name not in SUITES:
            parser.error(f"there is no suite '{name}'; there are: {' '.join(SUITES)}")
    chosen = chosen or SUITES
    os.makedirs(LOGS, exist_ok=True)
    figures = os.environ.setdefault("DOCKGATE_FIGURES", os.path.join(LOGS, "figures.tsv"))
    open(figures, "w", encoding="utf-8").close()
    signal.signal(signal.SIGTERM, stop)
    began = time.monotonic()
    with_engine = {"images", "browser", "integration", "hostile", "crash", "fault", "edge", "sanitized",
                   "package"} & set(chosen)
    made = None
    try:
        if with_engine:
            engine_start()
            made = Images()
        run(chosen, made)
    finally:
        if made is not None:
            made.end()
        if with_engine:
            engine_stop()
    print(f"\n{time.monotonic() - began:.0f} s, {count.not_applicable} not applicable on this machine")
    for line in count.failures:
        print(line)
    print(f"{count.passed} passed, {count.failed} failed", flush=True)
    return 0 if count.passed and not count.failed else 1


def run(chosen, made):
    clock = Clock()
    step = clock.step
    step("build")
    if not build_normal():
        return
    fuzzers = Fuzzers() if "fuzz" in chosen else None
    read = Static() if "static" in chosen else None
    try:
        suites(chosen, made, step)
        if fuzzers is not None:
            step("fuzzing", "fuzz")
            fuzzers.run()
        if read is not None:
            step("static checks", "static")
            read.await_all()
    finally:
        if read is not None:
            read.end()
        if fuzzers is not None:
            fuzzers.end()
    step("done")
    clock.say()


def suites(chosen, made, step):
    if {"unit", "fault", "release", "sanitized", "edge"} & set(chosen):
        step("build with the sanitizers")
        if build_sanitized():
            canary()
        else:
            return
    if "unit" in chosen:
        step("unit tests", "unit")
        programs("unit tests", BUILD, "--suite", "unit")
        programs("unit tests", SANITIZED, "--suite", "unit")
    if "power" in chosen:
        step("power cuts", "power")
        programs("power cuts", BUILD, "--suite", "power")
    if "fault" in chosen:
        step("calls that fail", "fault")
        programs("calls that fail", BUILD, "--suite", "fault")
        programs("calls that fail", SANITIZED, "--suite", "fault")
    if "release" in chosen:
        step("release_website", "release")
        release(BUILD)
        release(SANITIZED)
    if made is not None:
        step("images", "images")
        if not made.await_all():
            return
    if "images" in chosen:
        images()
    if "browser" in chosen:
        step("in a browser", "browser")
        bundle()
        browser()
    both = {"integration", "sanitized"} & set(chosen)
    if both:
        step("tests with a real engine", "integration" if "integration" in both else "sanitized")
    for name, directory in (("integration", BUILD), ("sanitized", SANITIZED)):
        if name in both:
            programs("tests of the driver and the agent", directory, "--no-suite", "unit",
                     "--no-suite", "power", "--no-suite", "fault")
    if "integration" in both:
        counted("the agent under valgrind", "valgrind", ["tests/agent/valgrind.py"], {"DOCKGATE_BUILD": BUILD})
    if both:
        step("integration tests", "integration" if "integration" in both else "sanitized")
        integration_side_by_side(both)
    if "hostile" in chosen:
        step("hostile programs", "hostile")
        integration(BUILD, "hostile programs", "--tests", "tests/hostile")
    if "crash" in chosen:
        step("crashes", "crash")
        in_lanes("crashes", "--tests", "tests/crash")
    if "fault" in chosen:
        step("calls that fail in roles at work", "fault")
        in_lanes("calls that fail in roles at work", "--tests", "tests/fault")
    if "edge" in chosen:
        step("the web's edge", "edge")
        integration(BUILD, "hostile requests", "--tests", "tests/edge")
        integration(SANITIZED, "hostile requests", "--tests", "tests/edge",
                    "--filter", "test_all_are_answered", "--filter", "test_z_afterwards_a_job")
    # Last, since it brings an image of its own into the engine.
    if "package" in chosen:
        step("packages", "package")
        package()


if __name__ == "__main__":
    sys.exit(main())
