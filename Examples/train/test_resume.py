#!/usr/bin/env python3
"""Interrupted training ends with the very weights of uninterrupted training. Run: python3 test_resume.py

Every program is stopped at a moment drawn at random between two lines that it wrote; the seed of these draws
is printed, and TEST_SEED repeats them.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import unittest

PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "train.py")
SETTINGS = {"epochs": 6, "learning_rate": 0.03, "seed": 7, "hidden": 8, "checkpoint_every": 1}
EX_TEMPFAIL = 75
SEED = int(os.environ.get("TEST_SEED", random.SystemRandom().randrange(1 << 32)))


class Run:
    """One start of the program in a folder that outlives it, as on a worker."""

    def __init__(self, folder, settings=None, **environment):
        self.checkpoint = os.path.join(folder, "checkpoint")
        self.result = os.path.join(folder, "result.json")
        self.progress = os.path.join(folder, "progress")
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            universal_newlines=True,
            env=dict(
                os.environ,
                BATON_CHECKPOINT_FILE=self.checkpoint,
                BATON_RESULT_FILE=self.result,
                BATON_PROGRESS_FILE=self.progress,
                **environment
            ),
        )
        self.process.stdin.write(json.dumps(SETTINGS if settings is None else settings))
        self.process.stdin.close()
        self.process.stdin = None
        self.lines = []

    def read_lines(self, count):
        """Waits until the program wrote `count` more lines, or fewer because it ended."""
        for _ in range(count):
            line = self.process.stdout.readline()
            if not line:
                break
            self.lines.append(line.strip())

    def finish(self):
        rest, self.errors = self.process.communicate(timeout=120)
        self.lines += rest.splitlines()
        return self.process.returncode

    def read_result(self):
        with open(self.result, encoding="utf-8") as file:
            return json.load(file)


class ResumeTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        print("TEST_SEED=%d" % SEED, file=sys.stderr)
        with tempfile.TemporaryDirectory() as folder:
            run = Run(folder)
            if run.finish() != 0:
                raise AssertionError(run.errors)
            cls.expected = run.read_result()

    def relay(self, name, choose_signal):
        """Runs to the end, interrupted again and again; returns the result and how often it was."""
        draw = random.Random("%d %s" % (SEED, name))
        with tempfile.TemporaryDirectory() as folder:
            interruptions = 0
            while True:
                run = Run(folder)
                # The first line tells where it starts, each further one is an epoch.
                run.read_lines(1)
                if interruptions > 0:
                    self.assertTrue(run.lines[0].startswith("resumed after epoch "), run.lines)
                run.read_lines(draw.randint(1, 2))
                chosen = choose_signal(draw)
                if chosen is not None and run.process.poll() is None:
                    try:
                        # A pause within the epoch, so that the signal falls on any step of it.
                        run.process.wait(draw.uniform(0.0, 0.15))
                    except subprocess.TimeoutExpired:
                        run.process.send_signal(chosen)
                status = run.finish()
                if status == 0:
                    return run.read_result(), interruptions
                self.assertIn(status, (EX_TEMPFAIL, -signal.SIGKILL), run.errors)
                interruptions += 1
                self.assertLess(interruptions, 50, "it never comes to its end")

    def test_resumes_exactly_after_being_asked_to_stop(self):
        result, interruptions = self.relay("terminate", lambda draw: signal.SIGTERM)
        self.assertGreater(interruptions, 0)
        self.assertEqual(result, self.expected)

    def test_resumes_exactly_after_being_killed(self):
        result, interruptions = self.relay("kill", lambda draw: signal.SIGKILL)
        self.assertGreater(interruptions, 0)
        self.assertEqual(result, self.expected)

    def test_resumes_exactly_after_a_mixture_of_both(self):
        both = (signal.SIGTERM, signal.SIGKILL, signal.SIGTERM, None)
        result, _ = self.relay("mixture", lambda draw: draw.choice(both))
        self.assertEqual(result, self.expected)

    def test_stops_inside_an_epoch_and_leaves_a_whole_checkpoint(self):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(folder, dict(SETTINGS, epochs=10000, checkpoint_every=10000))
            run.read_lines(2)
            self.assertFalse(os.path.exists(run.checkpoint))
            run.process.terminate()
            run.process.wait(timeout=10)  # generous on a loaded machine; the step in hand takes milliseconds
            self.assertEqual(run.finish(), EX_TEMPFAIL)
            with open(run.checkpoint, encoding="utf-8") as file:
                saved = json.load(file)
            self.assertGreaterEqual(saved["epoch"], 1)
            self.assertFalse(os.path.exists(run.result))
            self.assertEqual([name for name in os.listdir(folder) if name.endswith(".tmp")], [])

    def test_asked_to_stop_when_it_is_done_it_is_done(self):
        draw = random.Random("%d done" % SEED)
        for _ in range(10):
            with tempfile.TemporaryDirectory() as folder:
                run = Run(folder, dict(SETTINGS, epochs=1))
                run.read_lines(3)
                self.assertTrue(run.lines[-1].startswith("done: "), run.lines)
                try:
                    # While Python clears up, which takes some milliseconds.
                    run.process.wait(draw.uniform(0.0, 0.01))
                except subprocess.TimeoutExpired:
                    run.process.terminate()
                self.assertEqual(run.finish(), 0, run.errors)

    def test_another_seed_gives_other_weights(self):
        with tempfile.TemporaryDirectory() as folder:
            run = Run(folder, dict(SETTINGS, seed=8))
            self.assertEqual(run.finish(), 0, run.errors)
            self.assertNotEqual(run.read_result()["weights_sha256"], self.expected["weights_sha256"])

    def test_runs_alone_and_learns_something(self):
        plain = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
        done = subprocess.run(
            [sys.executable, PROGRAM],
            input=json.dumps(SETTINGS),
            stdout=subprocess.PIPE,
            universal_newlines=True,
            env=plain,
            timeout=120,
        )
        self.assertEqual(done.returncode, 0)
        last = done.stdout.splitlines()[-1]
        self.assertEqual(json.loads(last[len("done: ") :]), self.expected)
        self.assertGreater(self.expected["accuracy"], 0.8)

    def test_refuses_what_makes_no_sense(self):
        for settings in ({"epochs": 0}, {"speed": 1}, {"learning_rate": "fast"}, [1], {"learning_rate": 1e9}):
            with self.subTest(settings=settings), tempfile.TemporaryDirectory() as folder:
                run = Run(folder, settings)
                self.assertEqual(run.finish(), 2, run.lines)
                self.assertIn("train.py: ", run.errors)

    def test_refuses_the_checkpoint_of_another_run(self):
        with tempfile.TemporaryDirectory() as folder:
            first = Run(folder, dict(SETTINGS, epochs=1))
            self.assertEqual(first.finish(), 0, first.errors)
            second = Run(folder, SETTINGS)
            self.assertEqual(second.finish(), 2)
            self.assertIn("other settings", second.errors)


if __name__ == "__main__":
    unittest.main()
