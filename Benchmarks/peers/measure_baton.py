"""Baton as one of its peers: what `baton bench` says of the same work, under the names that the peers use."""

import json
import os
import subprocess

from measuring import ROUNDS, Report

CONNECTIONS = 64


def bench(*arguments: str) -> dict:
    command = [os.environ["BATON"], "bench", *arguments, "--rounds", "1", "--json"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)


def median(report: dict, name: str, **parameters: int) -> float:
    for found in report["measurements"]:
        if found["name"] == name and parameters.items() <= found["parameters"].items():
            return found["samples"]["median"]
    raise SystemExit(f"baton bench measured no {name}")


def main() -> None:
    report = None
    for _ in range(ROUNDS):
        single = bench("throughput", "--connections", str(CONNECTIONS), "--batch", "1", "--scale", "2")
        report = report or Report("baton", version=single["setting"]["baton"], build=single["setting"]["build"])
        for step in ("submit", "work"):
            rate = median(single, f"throughput.{step}", connections=CONNECTIONS, batch=1)
            report.add(step, rate, batch=1, connections=CONNECTIONS)
        report.add("pgbench_work", median(single, "yardstick.pgbench.work", batch=1), batch=1, connections=8)
        for job_us, jobs in ((0, 40_000), (1000, 20_000)):
            burndown = bench("burndown", "--jobs", str(jobs), "--workers", "2", "--slots", "128", "--job-ms", str(job_us / 1000))
            report.add("burndown", median(burndown, "burndown", job_us=job_us), slots=256, job_us=job_us)
    report.print()


main()
