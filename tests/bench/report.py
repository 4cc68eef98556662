# SPDX-License-Identifier: MIT
"""What was measured: rows for people, figures for programs, hits and misses."""
import json
import os


class Report:
    def __init__(self):
        self.rows = []     # (what, figure, p99, aim, how); of a heading only `what`
        self.figures = {}  # key: what the pictures and other programs read
        self.misses = []

    def section(self, title):
        self.rows.append((f"**{title}**", "", "", "", ""))

    def aim(self, what, value, unit, at_most, at_least):
        if at_most is None and at_least is None:
            return ""
        hit = value <= at_most if at_most is not None else value >= at_least
        if not hit:
            self.misses.append(what)
        text = f"at most {number(at_most)}" if at_most is not None else f"at least {number(at_least)}"
        return f"{text}{unit}: {'hit' if hit else 'MISS'}"

    def times(self, key, what, figures, how="", at_most=None, p99_at_most=None):
        """A median and a p99 in milliseconds."""
        self.figures[key] = figures
        aims = [self.aim(what, figures["p50_ms"], " ms", at_most, None),
                self.aim(what + " (p99)", figures["p99_ms"], " ms", p99_at_most, None)]
        if aims[1]:
            aims[1] = "p99 " + aims[1]
        self.rows.append((what, f"{figures['p50_ms']:.2f} ms", f"{figures['p99_ms']:.2f} ms",
                          ", ".join(filter(None, aims)), join(f"n={figures['n']}", how)))

    def rate(self, key, what, figures, how="", at_least=None, unit="/s"):
        self.figures[key] = figures
        self.rows.append((what, f"{number(figures['per_s'])}{unit}", f"{figures['p99_ms']:.2f} ms",
                          self.aim(what, figures["per_s"], unit, None, at_least), how))

    def value(self, key, what, value, unit="", how="", at_most=None, at_least=None):
        self.figures[key] = value
        self.rows.append((what, f"{number(value)}{unit}", "",
                          self.aim(what, value, unit, at_most, at_least), how))

    def note(self, what, text):
        self.rows.append((what, "", "", "", text))

    def table(self):
        rows = [("what", "median or figure", "p99", "aim", "how"), *self.rows]
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths)) + " |" for row in rows]
        lines.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
        return "\n".join(lines)

    def save(self, path, about):
        with open(path + ".new", "w", encoding="utf-8") as file:
            json.dump({"machine": about, "rows": self.rows, "misses": self.misses,
                       "figures": self.figures}, file, indent=1)
            file.write("\n")
        os.replace(path + ".new", path)

    def load(self, path):
        """What save() wrote; the machine's words."""
        with open(path, encoding="utf-8") as file:
            saved = json.load(file)
        self.rows = [tuple(row) for row in saved["rows"]]
        self.figures, self.misses = saved["figures"], saved["misses"]
        return saved["machine"]


def number(value):
    if value == int(value) or abs(value) >= 1000:
        return f"{value:,.0f}"
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def join(*texts):
    return ", ".join(filter(None, texts))


def percentiles(ms):
    """Figures of a list of milliseconds."""
    ms = sorted(ms)
    rank = (len(ms) * 99 + 99) // 100
    return {"n": len(ms), "min_ms": ms[0], "p50_ms": ms[(len(ms) - 1) // 2], "p99_ms": ms[rank - 1],
            "max_ms": ms[-1]}


def middle(runs, key="per_s"):
    """The middle one of several runs of the same."""
    return sorted(runs, key=lambda run: run[key])[len(runs) // 2]
