"""Puts the reports of all peers and rounds together: a table, ratios within a round, and one report.

    compare.py REPORT.json FILE…    each FILE is NAME.ROUND.json, as run-peers.sh writes them
"""

import json
import os
import statistics
import sys

from measuring import samples

# What may be held against each other: a name for the figure, and for each peer the measurement and its parameters. Where
# a peer was measured in two ways, the better one counts.
FIGURES = {
    "submit": {
        "baton": [("submit", {"batch": 1})],
        "procrastinate": [("submit", {"batch": 1})],
        "pgmq_sql": [("submit", {"batch": 1})],
        "awa": [("submit", {"batch": 1})],
        "beanstalkd": [("submit", {"batch": 1})],
    },
    "work": {
        "baton": [("work", {"batch": 1})],
        "procrastinate": [("work", {"job_us": 0})],
        "pgmq_sql": [("work", {"batch": 1})],
        "beanstalkd": [("work", {"batch": 1})],
    },
    # What SQL without HTTP does in batches; Baton's are in the report of `baton bench throughput`.
    "submit_1000": {"pgmq_sql": [("submit", {"batch": 1000})]},
    "work_100": {"pgmq_sql": [("work", {"batch": 100})]},
    "work_1ms": {
        "baton": [("burndown", {"job_us": 1000})],
        "procrastinate": [("work", {"job_us": 1000})],
        "awa": [("work", {"job_us": 1000}), ("submit_and_work", {"job_us": 1000})],
    },
}
GOALS = [
    ("lease + settle, one job a request, 64 connections", "work", "procrastinate", 10),
    ("1 ms jobs, 256 slots", "work_1ms", "awa", 4),
]


def read(files: list[str]) -> dict[str, dict[int, dict]]:
    found: dict[str, dict[int, dict]] = {}
    for file in files:
        peer, round_number, _ = os.path.basename(file).rsplit(".", 2)
        with open(file, encoding="utf-8") as text:
            found.setdefault(peer, {})[int(round_number)] = json.load(text)
    return found


def rate(report: dict, peer: str, ways: list) -> float | None:
    rates = [
        entry["samples"]["median"]
        for name, parameters in ways
        for entry in report["measurements"]
        if entry["name"] == f"{peer}.{name}" and parameters.items() <= entry["parameters"].items()
    ]
    return max(rates, default=None)


def main() -> None:
    target, *files = sys.argv[1:]
    rounds = read(files)
    setting = {}
    # The script's name says pgmq; its report says what it is.
    by_name = {report["setting"]["peer"]: reports for reports in rounds.values() for report in reports.values()}
    for peer, reports in by_name.items():
        for report in reports.values():
            setting |= {key: value for key, value in report["setting"].items() if key not in ("peer", "version", "build")}
            setting[peer] = report["setting"].get("version", "")
    measurements, rates = [], {}
    for figure, ways in FIGURES.items():
        for peer, chosen in ways.items():
            found = {number: rate(report, peer, chosen) for number, report in by_name.get(peer, {}).items()}
            found = {number: value for number, value in found.items() if value is not None}
            if found:
                rates[figure, peer] = found
                measurements.append({
                    "name": f"peers.{peer}.{figure}", "parameters": {}, "unit": "jobs/s", "samples": samples(list(found.values()))})
    goals = []
    for what, figure, peer, bound in GOALS:
        ours, theirs = rates.get((figure, "baton"), {}), rates.get((figure, peer), {})
        ratios = [ours[number] / theirs[number] for number in ours.keys() & theirs.keys()]
        if ratios:
            measured = statistics.median(ratios)
            goals.append({
                "what": what, "at_least": bound, "measured": float(f"{measured:.5g}"), "unit": f"of {peer}",
                "met": measured >= bound})
    with open(target, "w", encoding="utf-8") as file:
        json.dump({"setting": setting, "measurements": measurements, "series": [], "goals": goals}, file, indent=1)
        file.write("\n")
    print(f"{'JOBS/S':<32}{'ROUNDS':>8}{'LEAST':>10}{'MEDIAN':>10}{'MOST':>10}")
    for entry in measurements:
        figures = entry["samples"]
        print(
            f"{entry['name'].removeprefix('peers.'):<32}{figures['count']:>8}{figures['min']:>10.0f}"
            f"{figures['median']:>10.0f}{figures['max']:>10.0f}")
    for goal in goals:
        print(f"{goal['what']}: {goal['measured']:.3g} {goal['unit']}, wanted {goal['at_least']}: {'met' if goal['met'] else 'missed'}")


main()
