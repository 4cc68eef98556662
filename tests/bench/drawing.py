# SPDX-License-Identifier: MIT
"""
The pictures of docs/performance.md, as SVG, from what a run wrote.

Each is a Chart: axes with ticks, one line per series, labels at the lines' ends.
"""
import math
import os

WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 150, 44, 52
COLOURS = ("#2563a8", "#c2410c", "#15803d", "#7e22ce", "#475569")
STYLE = """
text { font: 13px sans-serif; fill: #333 }
.title { font-size: 15px; font-weight: bold }
.axis { stroke: #777; fill: none }
.grid { stroke: #ddd; fill: none }
.line { fill: none; stroke-width: 2 }
.aim { stroke: #999; stroke-dasharray: 5 4; fill: none }
@media (prefers-color-scheme: dark) { text { fill: #ccc } .grid { stroke: #444 } }
"""


def nice(most):
    """Round steps from 0 to at least `most`, some five of them."""
    raw = max(most, 1e-9) / 5
    power = 10 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= raw * 0.999)
    return [i * step for i in range(int(math.ceil(most / step - 1e-9)) + 1)]


def decades(least, most):
    first = math.floor(math.log10(least))
    return [10 ** i for i in range(first, math.ceil(math.log10(most) - 1e-9) + 1)]


def text_of(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:g}"


class Chart:
    """series: {name: [(x, y), ...]}; at `names` the ticks of x are these words, evenly spaced."""

    def __init__(self, title, x_title, y_title, series, log_y=False, names=None, aim=None):
        self.title, self.x_title, self.y_title = title, x_title, y_title
        self.series, self.log_y, self.names, self.aim = series, log_y, names, aim
        xs = [x for points in series.values() for x, _ in points]
        ys = [y for points in series.values() for _, y in points] + ([aim[1]] if aim else [])
        self.x_ticks = list(range(len(names))) if names else nice(max(xs))
        self.y_ticks = decades(min(ys), max(ys)) if log_y else nice(max(ys))

    def x(self, value):
        most = self.x_ticks[-1] or 1
        return LEFT + value / most * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        if self.log_y:
            low, high = (math.log10(self.y_ticks[i]) for i in (0, -1))
            share = (math.log10(value) - low) / ((high - low) or 1)
        else:
            share = value / (self.y_ticks[-1] or 1)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def frame(self):
        for tick in self.y_ticks:
            y = self.y(tick)
            yield f'<path class="grid" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
            yield f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{text_of(tick)}</text>'
        for tick in self.x_ticks:
            word = self.names[tick] if self.names else text_of(tick)
            yield (f'<text x="{self.x(tick):.1f}" y="{HEIGHT - BOTTOM + 20}" '
                   f'text-anchor="middle">{word}</text>')
        yield f'<path class="axis" d="M{LEFT} {TOP}V{HEIGHT - BOTTOM}H{WIDTH - RIGHT}"/>'
        yield (f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" '
               f'text-anchor="middle">{self.x_title}</text>')
        yield (f'<text transform="translate(18 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" '
               f'text-anchor="middle">{self.y_title}</text>')
        yield f'<text class="title" x="{LEFT}" y="24">{self.title}</text>'

    def label_places(self):
        """{name: y}, apart from each other."""
        wanted = sorted((self.y(points[-1][1]), name) for name, points in self.series.items())
        placed, last = {}, -math.inf
        for y, name in wanted:
            last = max(y, last + 16)
            placed[name] = last
        return placed

    def lines(self):
        labels = self.label_places()
        for (name, points), colour in zip(self.series.items(), COLOURS):
            path = "L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)
            yield f'<path class="line" stroke="{colour}" d="M{path}"/>'
            for x, y in points:
                yield f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="3" fill="{colour}"/>'
            yield (f'<text x="{self.x(points[-1][0]) + 10:.1f}" y="{labels[name] + 4:.1f}" '
                   f'style="fill:{colour}">{name}</text>')
        if self.aim:
            y = self.y(self.aim[1])
            yield f'<path class="aim" d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}"/>'
            yield f'<text x="{LEFT + 6}" y="{y - 5:.1f}">{self.aim[0]}</text>'

    def svg(self):
        body = "\n".join([*self.frame(), *self.lines()])
        return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
                f"<title>{self.title}</title>\n<style>{STYLE}</style>\n{body}\n</svg>\n")


def latency(figures):
    points = figures["hello_offered"]
    return Chart(f"Latency against offered load, hello at level {figures['hello_level']}",
                 "jobs offered a second", "milliseconds", {
                     "p99": [(p["offered"], p["p99_ms"]) for p in points],
                     "p90": [(p["offered"], p["p90_ms"]) for p in points],
                     "median": [(p["offered"], p["p50_ms"]) for p in points]}, log_y=True)


def throughput(figures):
    points = figures["hello_throughput"]
    return Chart(f"Throughput against concurrency, hello at level {figures['hello_level']}",
                 "jobs at one time", "jobs a second",
                 {"jobs/s": [(i, p["per_s"]) for i, p in enumerate(points)]},
                 names=[str(p["connections"]) for p in points], aim=("aim", 800))


def stored(figures):
    points = figures["state"]
    kinds = {"list of 50": "list", "status read": "status", "submit": "submit", "job's way": "way"}
    return Chart("Cost of a request against stored jobs", "jobs stored", "microseconds of processor, gateway and queue",
                 {name: [(i, p[kind]) for i, p in enumerate(points)] for name, kind in kinds.items()},
                 names=[f"{p['stored']:,}" for p in points])


PICTURES = {"performance-latency.svg": (latency, "hello_offered"),
            "performance-throughput.svg": (throughput, "hello_throughput"),
            "performance-stored.svg": (stored, "state")}


def draw(figures, directory):
    """Those of the pictures whose figures there are: {name: title}."""
    drawn = {}
    for name, (make, key) in PICTURES.items():
        if key in figures:
            chart = make(figures)
            with open(os.path.join(directory, name), "w", encoding="utf-8") as file:
                file.write(chart.svg())
            drawn[name] = chart.title
    return drawn
