"""awa, through its Python package: its own worker runtime in the process, COPY for batches."""

import asyncio
import importlib.metadata
from dataclasses import dataclass

import awa
from measuring import ROUNDS, Report, Stopwatch, postgres

SLOTS = 256
JOBS = 10_000


@dataclass
class Noop:
    n: int


async def submit(client: awa.AsyncClient, jobs: int, batch: int) -> float:
    watch = Stopwatch()
    for first in range(0, jobs, batch):
        await client.insert_many_copy([Noop(n) for n in range(first, first + batch)], queue="bench")
    return jobs / watch.seconds


async def measure(url: str, job_us: int, report: Report) -> None:
    client = awa.AsyncClient(url, max_connections=20)
    await client.migrate()
    done = 0
    wanted = JOBS
    reached = asyncio.Event()

    @client.task(Noop, queue="bench")
    async def run(job):
        nonlocal done
        if job_us:
            await asyncio.sleep(job_us / 1e6)
        done += 1
        if done >= wanted:
            reached.set()

    report.add("submit", await submit(client, JOBS, 1000), batch=1000)
    watch = Stopwatch()
    await client.start([("bench", SLOTS)])
    await asyncio.wait_for(reached.wait(), 600)
    report.add("work", JOBS / watch.seconds, slots=SLOTS, job_us=job_us)

    # While more are submitted: the rate is that of the slower.
    reached.clear()
    wanted = done + JOBS
    watch = Stopwatch()
    await submit(client, JOBS, 1000)
    await asyncio.wait_for(reached.wait(), 600)
    report.add("submit_and_work", JOBS / watch.seconds, slots=SLOTS, job_us=job_us)
    await client.shutdown()


async def measure_single(url: str, report: Report) -> None:
    client = awa.AsyncClient(url, max_connections=20)
    await client.migrate()
    watch = Stopwatch()
    for n in range(1000):
        await client.insert(Noop(n), queue="single")
    report.add("submit", 1000 / watch.seconds, batch=1, connections=1)


def main() -> None:
    report = Report("awa", version=importlib.metadata.version("awa-pg"))
    for _ in range(ROUNDS):
        for job_us in (0, 1000):
            # A database of its own each time: what one has left is not paid for by the next.
            with postgres() as url:
                asyncio.run(measure(url, job_us, report))
        with postgres() as url:
            asyncio.run(measure_single(url, report))
    report.print()


main()
