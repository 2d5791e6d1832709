"""beanstalkd with its write-ahead log, synchronised to the disk at every write (-f0): put, then reserve and delete.

Its Python client makes a request at a time, so several processes share the work.
"""

import multiprocessing
import os
import shutil
import subprocess
import tempfile
import time

import greenstalk
from measuring import ROUNDS, Report, Stopwatch, free_port

PROCESSES = 8


def put(port: int, count: int) -> None:
    with greenstalk.Client(("127.0.0.1", port)) as client:
        for _ in range(count):
            client.put('{"n":1}')


def work(port: int, count: int) -> None:
    with greenstalk.Client(("127.0.0.1", port)) as client:
        for _ in range(count):
            client.delete(client.reserve(timeout=10))


def spread(step, port: int, count: int) -> float:
    """Jobs a second of all processes together; their start is not counted."""
    with multiprocessing.Pool(PROCESSES) as pool:
        pool.map(time.sleep, [0.05] * PROCESSES, chunksize=1)
        watch = Stopwatch()
        pool.starmap(step, [(port, count)] * PROCESSES, chunksize=1)
        return PROCESSES * count / watch.seconds


def main() -> None:
    program = os.environ.get("BEANSTALKD") or shutil.which("beanstalkd")
    if not program:
        raise SystemExit("no beanstalkd was found")
    version = subprocess.run([program, "-v"], capture_output=True, text=True).stdout.split()[-1]
    report = Report("beanstalkd", version=version)
    port = free_port()
    with tempfile.TemporaryDirectory(dir="/tmp") as log:
        server = subprocess.Popen([program, "-l", "127.0.0.1", "-p", str(port), "-b", log, "-f0"])
        try:
            time.sleep(1)
            for _ in range(ROUNDS):
                report.add("submit", spread(put, port, 500), batch=1, connections=PROCESSES)
                report.add("work", spread(work, port, 500), batch=1, connections=PROCESSES)
        finally:
            server.terminate()
            server.wait()
    report.print()


main()
