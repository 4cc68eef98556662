#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Writes the numbers of docs/promises.md: what the last long run saw, and never anything by hand.

	promises.py RESULTS PAGE [OUT]

RESULTS is what tests/long leaves (tests/promises.json, in the tree). In PAGE a number stands
between <!--crash.kills--> and <!---->, one of another unit between <!--fuzz.seconds/3600--> and
<!---->; the table of the runs between the lines <!--runs--> and <!--end-->. OUT is PAGE where
nothing is said.
"""
import json
import re
import sys

# What no run has seen.
NONE = "–"
NUMBER = re.compile(r"<!--([a-z_]+\.[a-z0-9_]+)(?:/(\d+))?-->[^<]*<!---->")
RUNS = re.compile(r"(?<=^<!--runs-->\n).*?(?=^<!--end-->$)", re.M | re.S)


def shown(number, divisor=1):
    value = number / divisor
    return f"{value:,.0f}" if value == int(value) or value >= 100 else f"{value:,.1f}"


def figures(results):
    """Figure to number, of all suites."""
    found = {}
    for run in results.values():
        for name, number in run["figures"].items():
            found[name] = found.get(name, 0) + number
    return found


def row(suite, run):
    budget = f"{run['budget_min']:g}" if run["budget_min"] else NONE
    return (f"| {suite} | {run['date']} | {run['version']} | {run['share']:g} | {run['passed']:,} | "
            f"{run['failed']:,} | {run['seconds'] / 60:,.1f} | {budget} |\n")


def written(page, results):
    """The page with the numbers of those results."""
    seen = figures(results)

    def number(match):
        name, divisor = match[1], int(match[2] or 1)
        text = shown(seen[name], divisor) if name in seen else NONE
        return f"{match[0][:match[0].index('-->') + 3]}{text}<!---->"

    page = NUMBER.sub(number, page)
    table = ("\n| suite | date | version | share | passed | failed | minutes | budget |\n"
             "|---|---|---|---|---|---|---|---|\n" +
             "".join(row(suite, run) for suite, run in sorted(results.items())) + "\n")
    return RUNS.sub(lambda _: table, page)


def write(results_path, page_path, out_path):
    with open(results_path, encoding="utf-8") as file:
        results = json.load(file)
    with open(page_path, encoding="utf-8") as file:
        page = file.read()
    with open(out_path, "w", encoding="utf-8") as file:
        file.write(written(page, results))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit("usage: promises.py RESULTS PAGE [OUT]")
    write(sys.argv[1], sys.argv[2], sys.argv[-1])
