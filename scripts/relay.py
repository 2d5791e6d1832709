#!/usr/bin/env python3
"""The parts of the demonstrations that speak to a coordinator; used by relay-demo.sh and compose-demo.sh.

    relay.py free-port                         a TCP port on loopback that nothing listens on
    relay.py jobs COUNT PROGRAM                training jobs as JSON lines, each with another seed and rate
    relay.py ids                               the job ids in whatever `baton submit` printed
    relay.py reference JOBS FOLDER             runs the same jobs here, without Baton and uninterrupted
    relay.py descendants PID                   the processes below PID
    relay.py catch URL WORKER JOBS             waits until this worker is amid a job that has a checkpoint, and
                                               prints the worker's id
    relay.py hostname URL WORKER               of that worker
    relay.py watch URL JOBS                    tells what happens to the jobs until all have ended
    relay.py report URL JOBS FOLDER [CHECK…]   the story of each job, and whether each result equals the reference;
                                               CHECK is interrupted=WORKER or lost=WORKER: this must have happened

WORKER is a worker's id or, for `catch`, a part of it ('' is any worker); JOBS a file with one job id a line (for
`reference`: what `jobs` printed); FOLDER that of the reference's results. Standard library only.
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

STARTED = float(os.environ.get("RELAY_STARTED") or time.time())
EPOCHS = int(os.environ.get("RELAY_EPOCHS") or 30)
TIMEOUT_SECONDS = 300
FINAL = ("done", "failed", "cancelled")
RATES = (0.03, 0.02, 0.015)


def say(text):
    print("%4d s  %s" % (time.time() - STARTED, text), flush=True)


def fail(text):
    print("relay: %s" % text, file=sys.stderr)
    sys.exit(1)


# ---------------------------------------------------------------- the coordinator


class Coordinator:
    def __init__(self, url):
        self.url = url.rstrip("/")

    def get_text(self, path):
        """The body; patient with a coordinator that is busy or just coming up."""
        until = time.monotonic() + 15
        while True:
            try:
                with urllib.request.urlopen(self.url + path, timeout=10) as response:
                    return response.read().decode("utf-8", "replace")
            except urllib.error.HTTPError as error:
                if error.code < 500 or time.monotonic() > until:
                    fail("GET %s: %d %s" % (path, error.code, error.read().decode("utf-8", "replace")))
            except (urllib.error.URLError, OSError) as error:
                if time.monotonic() > until:
                    fail("GET %s%s: %s" % (self.url, path, error))
            time.sleep(0.2)

    def get(self, path):
        return json.loads(self.get_text(path))

    def job(self, identifier):
        return self.get("/jobs/" + identifier)

    def attempts(self, identifier):
        return self.get("/jobs/%s/attempts" % identifier)["attempts"]

    def log(self, identifier, attempt):
        return self.get_text("/jobs/%s/logs?attempt=%d" % (identifier, attempt)).splitlines()


def read_ids(path):
    with open(path, encoding="ascii") as file:
        return file.read().split()


def name_of(job):
    tags = job.get("tags") or {}
    return "seed %s, rate %s" % (tags.get("seed", "?"), tags.get("rate", "?"))


# ---------------------------------------------------------------- before the jobs run


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        print(listener.getsockname()[1])


def print_jobs(count, program):
    for index in range(int(count)):
        seed, rate = index + 1, RATES[index % len(RATES)]
        print(
            json.dumps(
                {
                    "kind": "exec",
                    "payload": {
                        "command": ["python3", program],
                        "input": {"epochs": EPOCHS, "learning_rate": rate, "seed": seed, "hidden": 16},
                    },
                    # Hand over at once: by default a job this short might use the notice to finish.
                    "on_interruption": "checkpoint",
                    "tags": {"demo": "relay", "seed": str(seed), "rate": str(rate)},
                }
            )
        )


def print_ids():
    pattern = r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
    found = re.findall(pattern, sys.stdin.read())
    unique = sorted(set(found), key=found.index)
    if not unique:
        fail("no job id in what was printed")
    print("\n".join(unique))


def run_reference(jobs, folder):
    """One job after the other, politely: the workers are to have the processor first."""
    os.nice(10)
    child = None

    def stop(_signal, _frame):
        if child is not None:
            child.kill()
        os._exit(1)

    signal.signal(signal.SIGTERM, stop)
    plain = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    with open(jobs, encoding="utf-8") as file:
        payloads = [(json.loads(line)["tags"]["seed"], json.loads(line)["payload"]) for line in file]
    for seed, payload in payloads:
        result = os.path.join(folder, seed + ".json")
        child = subprocess.Popen(
            payload["command"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            env=dict(plain, BATON_RESULT_FILE=result),
        )
        child.communicate(json.dumps(payload["input"]).encode())
        if child.returncode != 0:
            fail("the uninterrupted run of seed %s ended with %d" % (seed, child.returncode))


def print_descendants(root):
    """Of a process, whatever sessions and groups they made for themselves."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], stdout=subprocess.PIPE, check=True).stdout
    parents = [tuple(map(int, line.split())) for line in table.decode().splitlines()]
    below, grown = {int(root)}, True
    while grown:
        more = {pid for pid, parent in parents if parent in below} - below
        below |= more
        grown = bool(more)
    for pid in sorted(below - {int(root)}):
        print(pid)


# ---------------------------------------------------------------- while they run


def catch(url, wanted, jobs):
    coordinator = Coordinator(url)
    until = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < until:
        states = [coordinator.job(identifier) for identifier in read_ids(jobs)]
        if all(job["status"] in FINAL for job in states):
            fail("all jobs had ended before a worker like '%s' was seen amid one" % wanted)
        for job in states:
            worker = job["worker_id"] or ""
            fraction = (job["progress"] or {}).get("fraction") or 0
            if job["status"] != "processing" or wanted not in worker:
                continue
            # Amid it: something is saved, and enough is left that it cannot finish under our hands.
            if job["checkpoint"] and 0.2 <= fraction <= 0.7:
                print(worker)
                print(
                    "%4d s  %s is amid %s (%s), checkpoint %d saved"
                    % (
                        time.time() - STARTED,
                        worker,
                        name_of(job),
                        job["progress"].get("message") or "%d %%" % (100 * fraction),
                        job["checkpoint"]["sequence"],
                    ),
                    file=sys.stderr,
                    flush=True,
                )
                return
        time.sleep(0.15)
    fail("no worker like '%s' was ever seen amid a job with a checkpoint" % wanted)


def print_hostname(url, worker):
    print(Coordinator(url).get("/workers/" + urllib.parse.quote(worker, safe=""))["hostname"])


def describe(attempt):
    if attempt["outcome"] is None:
        return "attempt %d starts on %s" % (attempt["attempt"], attempt["worker_id"])
    saved = attempt["checkpoint_sequence"]
    return "attempt %d on %s: %s%s" % (
        attempt["attempt"],
        attempt["worker_id"],
        attempt["outcome"],
        "" if saved is None or attempt["outcome"] == "done" else ", newest checkpoint %d" % saved,
    )


def watch(url, jobs):
    coordinator, known, shown = Coordinator(url), {}, 0.0
    identifiers = read_ids(jobs)
    until = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < until:
        states = [coordinator.job(identifier) for identifier in identifiers]
        for job in states:
            for attempt in coordinator.attempts(job["id"]):
                key, text = (job["id"], attempt["attempt"]), describe(attempt)
                if known.get(key) != text:
                    known[key] = text
                    say("%s: %s" % (name_of(job), text))
        if all(job["status"] in FINAL for job in states):
            return
        if time.monotonic() - shown > 2:
            shown = time.monotonic()
            say("progress  " + "  ".join(bar(job) for job in states))
        time.sleep(0.4)
    fail("the jobs did not end within %d s" % TIMEOUT_SECONDS)


def bar(job):
    if job["status"] in FINAL:
        return "[%s]" % job["status"].center(10)
    fraction = (job["progress"] or {}).get("fraction") or 0
    full = int(fraction * 10)
    return "[%s]" % ("#" * full + ("-" if job["status"] == "processing" else ".") * (10 - full))


# ---------------------------------------------------------------- and afterwards


POSITION = re.compile(r"after epoch (\d+), step (\d+)$")


def position(lines, word):
    """Where the program said that it resumed, or stopped: (epoch, step), or None."""
    for line in lines:
        found = POSITION.search(line)
        if found and line.startswith(word):
            return tuple(map(int, found.groups()))
    return None


def hand_over_problems(name, before, after, log_before, log_after):
    """What is wrong with how `after` took up what `before` was forced to leave."""
    where = "%s, attempt %d" % (name, after["attempt"])
    resumed = position(log_after, "resumed")
    if before["worker_id"] == after["worker_id"]:
        yield "%s: on the same worker as before" % where
    if before["checkpoint_sequence"] is None:
        return
    if resumed is None:
        yield "%s: did not start from the checkpoint" % where
    stopped = position(log_before, "stopped")
    if before["outcome"] == "interrupted" and resumed != stopped:
        yield "%s: resumed at %s, but the one before it stopped at %s" % (where, resumed, stopped)


def report(url, jobs, folder, *checks):
    coordinator, problems, rows, handed_over = Coordinator(url), [], [], []
    print("\nThe story of each job\n")
    for identifier in read_ids(jobs):
        job = coordinator.job(identifier)
        name, attempts = name_of(job), coordinator.attempts(identifier)
        logs = {attempt["attempt"]: coordinator.log(identifier, attempt["attempt"]) for attempt in attempts}
        print("  %s   job %s" % (name, identifier))
        for index, attempt in enumerate(attempts):
            lines = logs[attempt["attempt"]]
            resumed, stopped = position(lines, "resumed"), position(lines, "stopped")
            print(
                "    attempt %d  %-24s %-12s %s"
                % (
                    attempt["attempt"],
                    attempt["worker_id"],
                    attempt["outcome"],
                    ", ".join(
                        text
                        for text in (
                            "resumed at epoch %d step %d" % resumed if resumed else "from the beginning",
                            "stopped at epoch %d step %d" % stopped if stopped else "",
                            "checkpoint %s" % attempt["checkpoint_sequence"],
                        )
                        if text
                    ),
                )
            )
            if attempt["outcome"] in ("interrupted", "lost", "released") and index + 1 < len(attempts):
                after = attempts[index + 1]
                faults = list(hand_over_problems(name, attempt, after, lines, logs[after["attempt"]]))
                problems += faults
                if not faults and attempt["checkpoint_sequence"] is not None:
                    handed_over.append((attempt["outcome"], attempt["worker_id"]))
        rows.append((name, job, len(attempts)))

    print("\n  %-20s %-10s %-9s %-9s %-18s %s" % ("job", "status", "attempts", "accuracy", "weights", "uninterrupted"))
    for name, job, attempts in rows:
        with open(os.path.join(folder, job["tags"]["seed"] + ".json"), encoding="utf-8") as file:
            expected = json.load(file)
        result = job["result"] or {}
        same = job["status"] == "done" and result == expected
        print(
            "  %-20s %-10s %-9d %-9s %-18s %s"
            % (
                name,
                job["status"],
                attempts,
                result.get("accuracy", "-"),
                result.get("weights_sha256", "-")[:16],
                "the same" if same else "DIFFERS: %s" % expected["weights_sha256"][:16],
            )
        )
        if job["status"] != "done":
            problems.append("%s: %s %s" % (name, job["status"], job["error"]))
        elif not same:
            problems.append("%s: the result differs from the uninterrupted run's" % name)
    print()

    for check in checks:
        outcome, worker = check.split("=", 1)
        if not any(outcome == seen and worker in where for seen, where in handed_over):
            problems.append("no job that was %s on %s went on elsewhere from its checkpoint" % (outcome, worker))
    for problem in problems:
        print("  WRONG: %s" % problem)
    if problems:
        sys.exit(1)
    print("  %d jobs done, each with the very result of an uninterrupted run." % len(rows))


COMMANDS = {
    "free-port": free_port,
    "jobs": print_jobs,
    "ids": print_ids,
    "reference": run_reference,
    "descendants": print_descendants,
    "catch": catch,
    "hostname": print_hostname,
    "watch": watch,
    "report": report,
}

if __name__ == "__main__":
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        print(__doc__, file=sys.stderr)
        sys.exit(2)
    COMMANDS[sys.argv[1]](*sys.argv[2:])
