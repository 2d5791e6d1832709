"""procrastinate, with its own worker: submission in batches and one by one, and a backlog of jobs that do nothing."""

import asyncio
import importlib.metadata
import logging

import procrastinate
from measuring import ROUNDS, Report, Stopwatch, postgres

SLOTS = 64


async def measure(url: str, report: Report) -> None:
    app = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=url, min_size=4, max_size=SLOTS + 8)
    )
    pause = 0.0

    @app.task(name="noop", queue="bench")
    async def noop(n: int) -> None:
        if pause:
            await asyncio.sleep(pause)

    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for _ in range(ROUNDS):
            watch = Stopwatch()
            for first in range(0, 10_000, 1000):
                await noop.batch_defer_async(*({"n": n} for n in range(first, first + 1000)))
            report.add("submit", 10_000 / watch.seconds, batch=1000)
            await app.connector.execute_query_async("truncate procrastinate_jobs cascade")
            watch = Stopwatch()
            await asyncio.gather(*(one_by_one(noop, 50) for _ in range(SLOTS)))
            report.add("submit", 50 * SLOTS / watch.seconds, batch=1, connections=SLOTS)
            await app.connector.execute_query_async("truncate procrastinate_jobs cascade")
            for job_us in (0, 1000):
                pause = job_us / 1e6
                await noop.batch_defer_async(*({"n": n} for n in range(1000)))
                watch = Stopwatch()
                await app.run_worker_async(
                    queues=["bench"], concurrency=SLOTS, wait=False, install_signal_handlers=False,
                    listen_notify=False)
                report.add("work", 1000 / watch.seconds, slots=SLOTS, job_us=job_us)
                await app.connector.execute_query_async("truncate procrastinate_jobs cascade")


async def one_by_one(task, count: int) -> None:
    for n in range(count):
        await task.defer_async(n=n)


def main() -> None:
    logging.disable(logging.CRITICAL)
    report = Report("procrastinate", version=importlib.metadata.version("procrastinate"))
    with postgres() as url:
        asyncio.run(measure(url, report))
    report.print()


main()
