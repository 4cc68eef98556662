#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The agent's tests with the agent under valgrind, in the same containers.

	valgrind.py [FILTER]...      cmocka's, of test_agent's tests (all that are in CHOSEN)

The agent is linked to the C library for this, which comes along into the image with valgrind and
with what it needs to know of the loader. What valgrind says is on the container's standard error:
any word of it is a failure. The last line is "valgrind: N passed, N failed".
"""
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("DOCKGATE_BUILD", os.path.join(ROOT, "build")))
LIBRARY = "/usr/libexec/valgrind"
LAUNCHER = "/usr/bin/valgrind.bin"
OPTIONS = "-q --vgdb=no --track-origins=yes"
CHOSEN = ("endings", "bytes_are_exact", "collects")


def libraries(program):
    """The loader and the libraries of a program, by their names in it."""
    done = subprocess.run(["ldd", program], capture_output=True, text=True, check=True)
    return re.findall(r"(/\S+) \(0x", done.stdout)


def symbols(path):
    """Where a library's symbols are, in a file of its own; None where there is none."""
    done = subprocess.run(["readelf", "-n", path], capture_output=True, text=True, check=True)
    found = re.search(r"Build ID: (..)(\w+)", done.stdout)
    name = f"/usr/lib/debug/.build-id/{found[1]}/{found[2]}.debug" if found else ""
    return name if os.path.exists(name) else None


def files(agent):
    wanted = [LAUNCHER, LIBRARY + "/default.supp",
              *glob.glob(LIBRARY + "/memcheck-*-linux"), *glob.glob(LIBRARY + "/vgpreload_*.so")]
    wanted = [name for name in wanted if "x86-linux" not in name]
    wanted += libraries(agent) + libraries(LAUNCHER)
    return wanted + [name for name in map(symbols, libraries(agent)) if name is not None]


def copy_all(agent, directory):
    for name in set(files(agent)):
        target = directory + name
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy(name, target)


def run(agent, directory, test):
    """What was said that should not have been; None where nothing was."""
    done = subprocess.run(
        [os.path.join(BUILD, "tests", "agent", "test_agent"), agent,
         os.path.join(BUILD, "tests", "payloads", "payload"), test],
        env={**os.environ, "BOX_FILES": directory, "BOX_UNDER": LAUNCHER,
             "VALGRIND_OPTS": OPTIONS}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", timeout=600,
        check=False)
    ran = re.search(r"^\[  PASSED\s*\] [1-9]\d* test\(s\)", done.stdout, re.M)
    if done.returncode or not ran or re.search(r"^==\d+==", done.stdout, re.M):
        return done.stdout
    return None


def main():
    agent = os.path.join(BUILD, "tests", "agent", "agent-dynamic")
    tests = sys.argv[1:] or CHOSEN
    failed = 0
    with tempfile.TemporaryDirectory(prefix="dockgate-valgrind-", dir="/tmp") as directory:
        copy_all(agent, directory)
        for test in tests:
            said = run(agent, directory, test)
            print(f"  {'ok  ' if said is None else 'FAIL'} {test}", flush=True)
            if said is not None:
                print(said, flush=True)
                failed += 1
    print(f"valgrind: {len(tests) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
