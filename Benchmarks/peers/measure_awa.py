"""awa, through its Python package: its own worker runtime in the process, COPY for batches."""

import asyncio
import importlib.metadata
from dataclasses import dataclass

import awa
from measuring import ROUNDS, Report, Stopwatch, postgres

SLOTS = 256


@dataclass
class Noop:
    n: int


async def measure(url: str, report: Report) -> None:
    client = awa.AsyncClient(url, max_connections=20)
    await client.migrate()
    done = 0
    wanted = 0
    reached = asyncio.Event()
    pause = 0.0

    @client.task(Noop, queue="bench")
    async def run(job):
        nonlocal done
        if pause:
            await asyncio.sleep(pause)
        done += 1
        if done >= wanted:
            reached.set()

    async def submit(jobs: int, batch: int) -> float:
        watch = Stopwatch()
        for first in range(0, jobs, batch):
            await client.insert_many_copy([Noop(n) for n in range(first, first + batch)], queue="bench")
        return jobs / watch.seconds

    for _ in range(ROUNDS):
        report.add("submit", await submit(20_000, 1000), batch=1000)
    watch = Stopwatch()
    for n in range(1000):
        await client.insert(Noop(n), queue="bench")
    report.add("submit", 1000 / watch.seconds, batch=1, connections=1)

    backlog = 20_000 * ROUNDS + 1000
    wanted = backlog
    watch = Stopwatch()
    await client.start([("bench", SLOTS)])
    await asyncio.wait_for(reached.wait(), 600)
    report.add("work", backlog / watch.seconds, slots=SLOTS, job_us=0)
    for job_us in (0, 1000):
        pause = job_us / 1e6
        for _ in range(ROUNDS):
            # Submitted while the workers run, as there is no way to hold them back: the rate is that of the slower.
            reached.clear()
            wanted = done + 10_000
            watch = Stopwatch()
            await submit(10_000, 1000)
            await asyncio.wait_for(reached.wait(), 600)
            report.add("submit_and_work", 10_000 / watch.seconds, slots=SLOTS, job_us=job_us)
    await client.shutdown()


def main() -> None:
    report = Report("awa", version=importlib.metadata.version("awa-pg"))
    with postgres() as url:
        asyncio.run(measure(url, report))
    report.print()


main()
