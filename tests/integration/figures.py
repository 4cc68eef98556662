# SPDX-License-Identifier: MIT
"""
How much of a suite is run, and what the run amounted to: the figures of docs/promises.md.

A suite that is a shell script or a C program appends "name<TAB>number" to $DOCKGATE_FIGURES.
"""
import os
import re
import subprocess
import time


def amount(short, whole):
    """How many: `short` on every build; `whole`, or its share, in the long run (DOCKGATE_LONG)."""
    share = float(os.environ.get("DOCKGATE_LONG") or 0)
    return max(short, round(whole * share)) if share > 0 else short


TURNS = 5


def turn(turns=TURNS):
    """Which part a run of every build takes of what goes by turns: another one with each commit."""
    done = subprocess.run(["git", "-C", os.path.dirname(__file__), "rev-list", "--count", "HEAD"],
                          capture_output=True, text=True, check=False)
    return int(done.stdout if done.returncode == 0 else time.time() // 86400) % turns


def part(things):
    """A fifth of them on every build, by turns; all in the long run."""
    return things if amount(1, TURNS) >= TURNS else things[turn()::TURNS]


def mine(things):
    """Those of them that are this process's, where several share the long run (DOCKGATE_LANE: "2/3")."""
    lane, lanes = map(int, (os.environ.get("DOCKGATE_LANE") or "0/1").split("/"))
    return things[lane::lanes]


def add(name, number):
    """Adds to a figure ("crash.kills") of this run; from any process, as often as you like."""
    path = os.environ.get("DOCKGATE_FIGURES")
    if path:
        # One write to the end of the file: lines of several processes do not mix.
        with open(path, "ab", buffering=0) as file:
            file.write(f"{name}\t{number}\n".encode())


def read(path):
    """Figure to number: what was said of each, added up."""
    found = {}
    if not os.path.exists(path):
        return found
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if not re.fullmatch(r"[a-z_]+\.[a-z0-9_]+\t\d+(\.\d+)?\n", line):
                raise ValueError(f"{path}:{number}: no figure: {line!r}")
            name, value = line.rstrip("\n").split("\t")
            found[name] = found.get(name, 0) + (float(value) if "." in value else int(value))
    return found
