"""What the scripts of all peers share: a private PostgreSQL server, and a report of the shape that `baton bench` writes."""

from __future__ import annotations

import contextlib
import glob
import json
import math
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

# As in `baton bench`: full durability, and room enough that checkpoints do not fall into one round and not another.
SETTINGS = {
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "512MB",
    "max_wal_size": "8GB",
    "max_connections": "300",
    "listen_addresses": "127.0.0.1",
}

ROUNDS = int(os.environ.get("ROUNDS", "5"))


def binaries() -> str:
    """The folder of PostgreSQL's server programs."""
    found = shutil.which("initdb")
    if found:
        return os.path.dirname(os.path.realpath(found))
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: float(path.split("/")[4]))
    if not folders:
        raise SystemExit("no PostgreSQL server was found")
    return folders[-1]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def postgres():
    """Runs a server of its own; yields a URL of its database `bench`."""
    # So that SIGTERM, too, leaves nothing behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    folder = tempfile.mkdtemp(prefix="bench-pg-", dir="/tmp")
    try:
        with server(folder) as url:
            yield url
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def server(folder: str):
    programs = binaries()
    password = secrets.token_hex(16)
    secret = folder + "/password"
    with open(os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(password)
    become = []
    if os.getuid() == 0:
        # PostgreSQL does not run as root.
        account = pwd.getpwnam("postgres")
        os.chown(folder, account.pw_uid, account.pw_gid)
        os.chown(secret, account.pw_uid, account.pw_gid)
        become = ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
    data = folder + "/data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    initdb = [f"{programs}/initdb", "-D", data, "-U", "postgres", "--encoding=UTF8", "--locale=C"]
    initdb += ["--auth-local=trust", "--auth-host=scram-sha-256", "--pwfile=" + secret]
    subprocess.run(become + initdb, check=True, **quiet)
    port = free_port()
    options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
    process = subprocess.Popen(become + [f"{programs}/postgres", "-D", data, "-k", folder, "-p", str(port), *options], **quiet)
    try:
        deadline = time.monotonic() + 60
        create = [f"{programs}/createdb", "-h", folder, "-p", str(port), "-U", "postgres", "bench"]
        while subprocess.run(create, **quiet).returncode != 0:
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit("PostgreSQL did not start")
            time.sleep(0.2)
        yield f"postgresql://postgres:{password}@127.0.0.1:{port}/bench"
    finally:
        process.terminate()
        process.wait()


class Report:
    """Figures under names, printed as JSON at the end."""

    def __init__(self, peer: str, **setting: str):
        self.peer = peer
        self.setting = {
            "peer": peer,
            "date": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "cores": str(os.cpu_count()),
            "system": platform.platform(),
            **setting,
        }
        self.found: dict[tuple, list[float]] = {}

    def add(self, name: str, value: float, unit: str = "jobs/s", **parameters: int) -> None:
        self.found.setdefault((f"{self.peer}.{name}", unit, tuple(parameters.items())), []).append(value)

    def print(self) -> None:
        measurements = [
            {"name": name, "parameters": dict(parameters), "unit": unit, "samples": samples(values)}
            for (name, unit, parameters), values in self.found.items()
        ]
        print(json.dumps({"setting": self.setting, "measurements": measurements, "series": [], "goals": []}, indent=1))


def samples(values: list[float]) -> dict[str, float]:
    """The figures that `baton bench` tells of samples."""
    ordered = sorted(values)

    def percentile(part: float) -> float:
        return ordered[min(len(ordered) - 1, max(0, math.ceil(part * len(ordered)) - 1))]

    figures = {
        "min": ordered[0],
        "mean": statistics.mean(ordered),
        "median": statistics.median(ordered),
        "p90": percentile(0.9),
        "p99": percentile(0.99),
        "max": ordered[-1],
    }
    return {"count": len(ordered), **{name: float(f"{value:.5g}") for name, value in figures.items()}}


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self.began = time.perf_counter()

    @property
    def seconds(self) -> float:
        return time.perf_counter() - self.began
