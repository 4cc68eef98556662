# SPDX-License-Identifier: MIT
"""Puts a run's table between the two marks of docs/performance.md."""
import datetime
import re

import machine

BEGIN, END = "<!-- figures: written by tests/bench/run --write-docs -->", "<!-- end of figures -->"


def write(path, report, about, pictures):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise SystemExit(f"bench: {path} has no place for the figures")
    hits = sum(row[3].count("hit") for row in report.rows)
    figures = (f"{BEGIN}\n\n{datetime.date.today():%B %Y}. {machine.about_text(about)}. "
               f"Of the figures with an aim {hits} hit it and {len(report.misses)} miss it.\n\n"
               f"{shown(pictures)}{compact(report.table())}\n\n{END}")
    text = re.sub(re.escape(BEGIN) + ".*" + re.escape(END), lambda _: figures, text, flags=re.DOTALL)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def shown(pictures):
    return "".join(f"![{title}]({name})\n\n" for name, title in pictures.items())


def compact(table):
    """Without the blanks that align it: lines of a document are not for a terminal."""
    return re.sub(r"-{4,}", "---", re.sub(r" {2,}", " ", table))
