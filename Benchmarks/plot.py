#!/usr/bin/env python3
"""Draws what `baton bench … --report FILE` wrote, as SVG that is legible in light and in dark; needs nothing but Python.

    Benchmarks/plot.py REPORT.json… [--into docs/plots]

Each figure is drawn for which the reports have figures: throughput, latency, scale, pinned, soak, peers. A later report
wins over an earlier one.
"""

import argparse
import json
import math
import os
from html import escape

STYLE = """
text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; font-size: 12px; fill: #1f2328 }
.card { fill: #ffffff; stroke: #d1d9e0 } .title { font-size: 15px; font-weight: 600 } .head { font-weight: 600 }
.note, .tick { fill: #59636e } .tick, .value { font-size: 11px }
.grid { stroke: #d1d9e0; stroke-width: 1 } .axis { stroke: #818b98; stroke-width: 1 }
.goal { stroke: #59636e; stroke-width: 1.2; stroke-dasharray: 5 4 } .whisker { stroke: #59636e; stroke-width: 1.2 }
.shade { fill: #818b98; opacity: 0.12 } .line { fill: none; stroke-width: 2; stroke-linejoin: round }
.thin { stroke-width: 0.5 } .faint { stroke-width: 1.4; stroke-dasharray: 2 3 }
.s0 { stroke: #0969da } .s1 { stroke: #bc4c00 } .s2 { stroke: #1a7f37 } .s3 { stroke: #8250df }
.f0 { fill: #0969da } .f1 { fill: #bc4c00 } .f2 { fill: #1a7f37 } .f3 { fill: #8250df } .f9 { fill: #818b98 }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc } .card { fill: #0d1117; stroke: #3d444d } .note, .tick { fill: #9198a1 } .grid { stroke: #2a313a }
.axis { stroke: #656c76 } .goal, .whisker { stroke: #9198a1 }
.s0 { stroke: #58a6ff } .s1 { stroke: #f0883e } .s2 { stroke: #3fb950 } .s3 { stroke: #bc8cff }
.f0 { fill: #58a6ff } .f1 { fill: #f0883e } .f2 { fill: #3fb950 } .f3 { fill: #bc8cff } .f9 { fill: #656c76 } }
"""


class Picture:
    """An SVG in the making."""

    def __init__(self, width, height, title, note):
        self.width, self.height = width, height
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
            f'role="img" aria-label="{escape(title)}">', f"<title>{escape(title)}</title>", f"<style>{STYLE}</style>",
            f'<rect class="card" x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6"/>']
        self.text(20, 28, title, "title")
        self.text(20, height - 14, note, "note")

    def text(self, x, y, content, kind="", anchor="start"):
        self.parts.append(f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>')

    def line(self, x1, y1, x2, y2, kind):
        self.parts.append(f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>')

    def rect(self, x, y, width, height, kind):
        self.parts.append(f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{height:.1f}"/>')

    def dot(self, x, y, kind, radius=3):
        self.parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius}"/>')

    def path(self, points, kind):
        steps = " ".join(f"{'L' if index else 'M'}{x:.1f} {y:.1f}" for index, (x, y) in enumerate(points))
        self.parts.append(f'<path class="line {kind}" d="{steps}"/>')

    def save(self, folder, name):
        with open(os.path.join(folder, name + ".svg"), "w", encoding="utf-8") as file:
            file.write("\n".join(self.parts + ["</svg>"]) + "\n")
        print(os.path.join(folder, name + ".svg"))


def steps(limit, count=4):
    """Round numbers from 0 to the first that is no less than the limit."""
    if not limit > 0:
        return [0, 1]
    power = 10 ** math.floor(math.log10(limit / count))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor * count >= limit)
    return [step * number for number in range(math.ceil(limit / step - 1e-9) + 1)]


def number(value):
    if value >= 1_000_000:
        return f"{value / 1_000_000:.3g} M"
    if value >= 10_000:
        return f"{value / 1000:.3g} k"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Chart:
    """Curves in a frame."""

    def __init__(self, picture, x, y, width, height, heading, x_range, top, x_log=False, y_log=False, bottom=0.0):
        self.picture, self.x, self.y, self.width, self.height = picture, x, y, width, height
        self.x_range, self.x_log, self.y_log = x_range, x_log, y_log
        picture.text(x, y - 12, heading, "head")
        if y_log:
            low, high = math.floor(math.log10(bottom) + 1e-9), math.ceil(math.log10(top) - 1e-9)
            self.y_range = (10.0 ** low, 10.0 ** high)
            ticks = [10.0 ** power for power in range(low, high + 1)]
        else:
            ticks = steps(top)
            self.y_range = (0, ticks[-1])
        if y_log:
            for tick in (tick * factor for tick in ticks[:-1] for factor in (2, 5)):
                picture.line(x, self.up(tick), x + width, self.up(tick), "grid thin")
                picture.text(x - 6, self.up(tick) + 4, number(tick), "tick", "end")
        for tick in ticks:
            picture.line(x, self.up(tick), x + width, self.up(tick), "grid" if tick != ticks[0] else "axis")
            picture.text(x - 6, self.up(tick) + 4, number(tick), "tick", "end")

    def right(self, value):
        low, high = self.x_range
        if self.x_log:
            value, low, high = math.log10(value), math.log10(low), math.log10(high)
        return self.x + self.width * (value - low) / (high - low)

    def up(self, value):
        low, high = self.y_range
        if self.y_log:
            value, low, high = math.log10(max(value, low)), math.log10(low), math.log10(high)
        return self.y + self.height * (1 - (value - low) / (high - low))

    def ticks(self, values, label, caption=""):
        for value in values:
            self.picture.line(self.right(value), self.y + self.height, self.right(value), self.y + self.height + 4, "axis")
            self.picture.text(self.right(value), self.y + self.height + 17, label(value), "tick", "middle")
        if caption:
            self.picture.text(self.x + self.width, self.y + self.height + 33, caption, "note", "end")

    def curve(self, points, kind, dots=True, faint=False):
        places = [(self.right(x), self.up(y)) for x, y in points if y is not None]
        self.picture.path(places, f"s{kind}" + (" faint" if faint else ""))
        for place in places if dots else []:
            self.picture.dot(*place, f"f{kind}")

    def goal(self, value, label):
        self.picture.line(self.x, self.up(value), self.x + self.width, self.up(value), "goal")
        self.picture.text(self.x + 4, self.up(value) - 5, label, "tick")

    def labels(self, entries):
        """Names of curves, at their right ends: (value, name, kind), moved apart where they would overlap."""
        places = sorted((self.up(value), name, kind) for value, name, kind in entries)
        last = -math.inf
        for place, name, kind in places:
            last = max(place, last + 14)
            self.picture.text(self.x + self.width + 8, last + 4, name, f"f{kind}")


def bars(picture, x, y, width, heading, rows, label_width, row_height=19):
    """Rows of (label, samples, kind): a bar as long as the median, with its number, and a whisker from least to most."""
    picture.text(x, y - 10, heading, "head")
    longest = max(row[1]["max"] for row in rows)
    room = width - label_width - 52
    for index, (label, samples, kind) in enumerate(rows):
        top = y + index * row_height
        middle = top + row_height / 2 - 2
        start = x + label_width
        reach = {name: room * samples[name] / longest for name in ("min", "median", "max")}
        picture.text(start - 6, middle + 4, label, "tick", "end")
        picture.rect(start, top, reach["median"], row_height - 5, f"f{kind}")
        picture.line(start + reach["min"], middle, start + reach["max"], middle, "whisker")
        picture.text(start + max(reach["max"], reach["median"]) + 5, middle + 4, number(samples["median"]), "value")
    picture.line(x + label_width, y - 3, x + label_width, y + len(rows) * row_height - 2, "axis")


class Reports:
    def __init__(self, files):
        self.measured, self.curves, self.setting = {}, {}, {}
        for file in files:
            with open(file, encoding="utf-8") as text:
                report = json.load(text)
            self.setting.update(report["setting"])
            for entry in report["measurements"]:
                self.measured[self.key(entry["name"], entry["parameters"])] = entry
            for entry in report.get("series", []):
                self.curves[self.key(entry["name"], entry["parameters"])] = entry

    @staticmethod
    def key(name, parameters):
        return (name, tuple(sorted(parameters.items())))

    def samples(self, name, **parameters):
        found = self.measured.get(self.key(name, parameters))
        return found["samples"] if found and found["samples"]["median"] is not None else None

    def named(self, name):
        return [entry for (found, _), entry in self.measured.items() if found == name]

    def series(self, name):
        return [entry for (found, _), entry in self.curves.items() if found == name]

    def note(self, more=""):
        machine = f"{self.setting.get('cores', '?')} cores, PostgreSQL {self.setting.get('postgresql', '?').split(' ')[0]}"
        return f"{machine}, fsync and synchronous_commit on, all on one machine. {more}".strip()


def throughput(reports, folder):
    if not reports.named("throughput.submit"):
        return
    works = [("submit", "submit"), ("work", "lease + settle"), ("cycle", "submit + lease + settle")]
    single, batched = [], []
    for work, heading in works:
        def rows(batches, connections):
            found = []
            for batch in batches:
                for count in connections:
                    samples = reports.samples(f"throughput.{work}", connections=count, batch=batch)
                    name = f"{count}" if batches == [1] else f"{batch} × {count}"
                    found += [(name, samples, 0)] if samples else []
            for batch in batches:
                samples = reports.samples(f"yardstick.pgbench.{work}", batch=batch)
                name = "pgbench" if batches == [1] else f"pgbench {batch}"
                found += [(name, samples, 9)] if samples else []
            return found
        single.append((heading, rows([1], [1, 8, 64, 256])))
        batched.append((heading, rows([100, 1000], [1, 8, 64])))
    upper = max(len(rows) for _, rows in single) * 19
    lower = max(len(rows) for _, rows in batched) * 19
    picture = Picture(
        960, 180 + upper + lower, "Jobs a second through HTTP, beside pgbench doing the same work in SQL",
        reports.note("Bars are medians, whiskers the least and the most of the rounds."))
    for top, caption, groups in (
        (84, "a job a request, by number of connections (pgbench: 8 clients, row by row)", single),
        (84 + upper + 60, "in batches: jobs a request × connections (pgbench: 8 clients)", batched),
    ):
        picture.text(20, top - 30, caption, "note")
        for index, (heading, rows) in enumerate(groups):
            if rows:
                bars(picture, 20 + index * 310, top, 300, heading, rows, 84)
    picture.save(folder, "throughput")


PERCENTILES = [("p25", 0.25), ("median", 0.5), ("p75", 0.75), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99), ("p999", 0.999)]


def latency(reports, folder):
    found = sorted(reports.named("latency.submit_to_start"), key=lambda entry: entry["parameters"]["rate"])[:4]
    if not found:
        return
    picture = Picture(
        960, 380, "From the submission of a job to its start, with workers that wait",
        reports.note("Timed from when a submission was due by the clock."))
    values = [entry["samples"][name] for entry in found for name, _ in PERCENTILES]
    chart = Chart(
        picture, 64, 76, 760, 230, "ms", (nines(0.25), nines(0.999)), max(values), y_log=True, bottom=min(values))
    chart.ticks([nines(part) for _, part in PERCENTILES], lambda x: f"{round((1 - 10 ** -x) * 100, 1):g} %", "of jobs start within")
    ends = []
    for kind, entry in enumerate(found):
        points = [(nines(part), entry["samples"][name]) for name, part in PERCENTILES]
        chart.curve(points, kind)
        ends.append((points[-1][1], f"{entry['parameters']['rate']} jobs/s", kind))
    chart.labels(ends)
    picture.save(folder, "latency")


def nines(part):
    return -math.log10(1 - part)


def scale(reports, folder):
    found = {name: reports.series(f"scale.{name}_ratio") for name in ("cpu", "latency")}
    if not found["cpu"]:
        return
    picture = Picture(
        960, 380, "What a lease costs with many jobs in the database, of what it costs with 1,000",
        reports.note("As many finished as queued jobs."))
    widest = max(point[0] for entry in found["cpu"] for point in entry["points"])
    top = max([1.5] + [point[1] * 1.1 for entries in found.values() for entry in entries for point in entry["points"]])
    for index, (name, heading) in enumerate((("cpu", "processor time, coordinator and database"), ("latency", "median request"))):
        chart = Chart(picture, 50 + index * 390, 76, 330, 230, heading, (1000, max(widest, 10_000)), top, x_log=True)
        chart.ticks([10 ** power for power in range(3, math.floor(math.log10(max(widest, 10_000)) + 1e-9) + 1)], number, "queued jobs")
        chart.goal(1.3, "goal 1.3")
        ends = []
        for kind, entry in enumerate(found[name]):
            batch, queues = entry["parameters"]["batch"], entry["parameters"]["queues"]
            chart.curve([(1000, 1.0)] + [tuple(point) for point in entry["points"]], kind)
            what = f"{batch} lease{'s' if batch > 1 else ''}, {queues} queue{'s' if queues > 1 else ''}"
            ends.append((entry["points"][-1][1], what, kind))
        if index == 1:
            chart.labels(ends)
    picture.save(folder, "scale")


def minutes(chart, seconds):
    ticks = [tick for tick in steps(seconds / 60, 5) if tick <= seconds / 60 + 1e-9]
    chart.ticks([tick * 60 for tick in ticks], lambda x: f"{x / 60:g}", "minutes")


def pinned(reports, folder):
    curves = {
        (name, entry["parameters"]["pinned"]): entry["points"]
        for name in ("rate", "median", "p99") for entry in reports.series(f"pinned.{name}")}
    if not curves:
        return
    rate = reports.series("pinned.rate")[0]["parameters"]["rate"]
    picture = Picture(
        960, 380, f"{rate} jobs a second behind a transaction that stays open all the time", reports.note())
    seconds = max(point[0] for point in curves["rate", 1])
    names = {0: ("without", 0), 1: ("pinned", 1)}
    chart = Chart(
        picture, 64, 76, 300, 230, "jobs started a second", (0, seconds),
        max(rate * 1.1, *(point[1] for key in ((name, which) for name in ("rate",) for which in (0, 1)) for point in curves[key])))
    minutes(chart, seconds)
    for which, (_, kind) in names.items():
        chart.curve(curves["rate", which], kind, dots=len(curves["rate", which]) < 40)
    values = [point[1] for name in ("median", "p99") for which in (0, 1) for point in curves[name, which] if point[1]]
    chart = Chart(
        picture, 450, 76, 370, 230, "ms from submission to start", (0, seconds), max(values), y_log=True, bottom=min(values))
    minutes(chart, seconds)
    clean = reports.samples("pinned.submit_to_start", rate=rate, pinned=0)
    chart.goal(2 * clean["p99"], "goal: twice the p99 without")
    ends = []
    for which, (name, kind) in names.items():
        for figure in ("median", "p99"):
            points = curves[figure, which]
            chart.curve(points, kind, dots=len(points) < 40, faint=figure == "median")
            ends.append((points[-1][1], f"{name}, {figure}", kind))
    chart.labels(ends)
    picture.save(folder, "pinned")


def soak(reports, folder):
    def one(name):
        found = reports.series(f"soak.{name}")
        return [tuple(point) for point in found[0]["points"]] if found else []

    if not one("rate"):
        return
    rate = reports.series("soak.rate")[0]["parameters"]["rate"]
    seconds = one("rate")[-1][0]
    picture = Picture(
        960, 540, f"{rate:,} jobs a second through real workers, for {seconds / 60:.0f} minutes",
        reports.note("Shaded: what later values are held against."))
    panels = [
        ("memory, MB", [("coordinator", "memory.coordinator"), ("workers", "memory.workers")]),
        ("tables and indexes, MB", [("tables", "tables"), ("indexes", "indexes")]),
        ("jobs finished a second", [("", "rate")]),
        ("ms from submission to start", [("p99", "p99"), ("median", "median")]),
    ]
    for index, (heading, lines) in enumerate(panels):
        x, y = 64 + index % 2 * 470, 76 + index // 2 * 234
        top = max(point[1] for _, name in lines for point in one(name) if point[1] is not None) * 1.05
        chart = Chart(picture, x, y, 310, 150, heading, (0, seconds), top)
        picture.rect(x, y, chart.right(min(600, seconds / 6)) - x, 150, "shade")
        minutes(chart, seconds)
        for kind, (_, name) in enumerate(lines):
            chart.curve(one(name), kind, dots=False)
        chart.labels([(one(name)[-1][1] or 0, label, kind) for kind, (label, name) in enumerate(lines) if label])
    picture.save(folder, "soak")


def peers(reports, folder):
    groups = []
    for figure, heading in (
        ("submit", "submit, one job a request"), ("work", "lease + settle, one job a request"),
        ("work_1ms", "jobs of 1 ms, real workers"),
    ):
        rows = [
            (entry["name"].split(".")[1], entry["samples"], 0 if ".baton." in entry["name"] else 9)
            for (name, _), entry in reports.measured.items() if name.startswith("peers.") and name.endswith("." + figure)]
        if rows:
            groups.append((heading, sorted(rows, key=lambda row: -row[1]["median"])))
    if not groups:
        return
    height = max(len(rows) for _, rows in groups) * 19
    picture = Picture(
        960, 130 + height, "Jobs a second, beside other queues in the same run",
        reports.note("Each through its own client and worker."))
    for index, (heading, rows) in enumerate(groups):
        bars(picture, 20 + index * 310, 76, 300, heading, rows, 96)
    picture.save(folder, "peers")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("reports", nargs="+", metavar="REPORT.json")
    home = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "plots")
    arguments.add_argument("--into", default=os.path.relpath(home), metavar="FOLDER")
    chosen = arguments.parse_args()
    os.makedirs(chosen.into, exist_ok=True)
    reports = Reports(chosen.reports)
    for draw in (throughput, latency, scale, pinned, soak, peers):
        draw(reports, chosen.into)


if __name__ == "__main__":
    main()
