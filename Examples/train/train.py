#!/usr/bin/env python3
"""Trains a small neural network on handwritten digits; can be stopped and resumed at any time.

Plain Python (3.8 or newer), nothing to install. It reads its settings as JSON on standard input:

    {"epochs": 40, "learning_rate": 0.03, "seed": 1, "hidden": 16, "checkpoint_every": 1}

Under Baton it runs as a job of kind `exec`; alone, it is an ordinary program:

    echo '{"epochs": 5}' | python3 train.py

What it does with Baton's environment, each variable optional:

    BATON_CHECKPOINT_FILE   read at the start if it is there; replaced after every `checkpoint_every` epochs,
                            and once more when SIGTERM arrives
    BATON_PROGRESS_FILE     fraction and a message, after every epoch
    BATON_RESULT_FILE       the result, when training is complete

Exit status: 0 when the training is complete, 75 when SIGTERM stopped it and the checkpoint is saved ("run me
again"), 2 when the settings or the checkpoint make no sense.

A run that was stopped and resumed, however often and wherever, ends with exactly the same weights as one
that was left alone. Three things make that so: the order of the samples depends on nothing but the seed and
the epoch; JSON keeps every bit of a float (Python writes the shortest text that reads back as the same
number); and the arithmetic is + - * / and an exactly rounded sum only. Those are the same on every machine
and Python version, which `math.exp` or, since Python 3.12, the built-in `sum` are not: a run may move
between different machines half-way.
"""

import csv
import hashlib
import json
import math
import os
import random
import signal
import struct
import sys
import time
from operator import mul

DATA_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "digits.csv")
CLASSES = 10
TRAINING_SAMPLES = 1437  # the rest, 360, is what the accuracy is measured on
SAMPLES_PER_STEP = 32  # the program can stop between two steps: a few milliseconds apart
EX_TEMPFAIL = 75

DEFAULTS = {
    "epochs": 40,
    "learning_rate": 0.03,
    "seed": 1,
    "hidden": 16,
    "checkpoint_every": 1,
    "min_epoch_seconds": 0,
}


class Refused(Exception):
    """The settings or the checkpoint cannot be used: trying again would not help."""


class StopRequest:
    """Remembers that SIGTERM arrived; the training looks at it between two steps."""

    def __init__(self):
        self.requested = False
        signal.signal(signal.SIGTERM, self._remember)

    def _remember(self, _signal, _frame):
        self.requested = True


# ---------------------------------------------------------------- settings and data


def read_settings(stream):
    """The settings on standard input over the defaults; none at all when it is a terminal or empty."""
    text = "" if stream.isatty() else stream.read()
    try:
        given = json.loads(text) if text.strip() else {}
    except ValueError as error:
        raise Refused("the input is not JSON: %s" % error)
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise Refused("the input must be a JSON object")
    unknown = sorted(set(given) - set(DEFAULTS))
    if unknown:
        raise Refused("unknown setting: %s" % ", ".join(unknown))
    settings = dict(DEFAULTS, **given)
    for name in ("epochs", "hidden", "checkpoint_every"):
        if not is_integer(settings[name]) or settings[name] < 1:
            raise Refused("%s must be an integer of 1 or more" % name)
    if not is_integer(settings["seed"]) or settings["seed"] < 0:
        raise Refused("seed must be an integer of 0 or more")
    for name, least in (("learning_rate", "more than 0"), ("min_epoch_seconds", "0 or more")):
        value = settings[name]
        number = is_integer(value) or isinstance(value, float)
        if not number or not math.isfinite(value) or value < 0 or (name == "learning_rate" and value == 0):
            raise Refused("%s must be a number, %s" % (name, least))
    return settings


def is_integer(value):
    return isinstance(value, int) and not isinstance(value, bool)


def read_samples(path):
    """(pixels, digit) pairs; a pixel is 0 ... 1, and a constant 1 at the end stands for the bias."""
    with open(path, newline="", encoding="ascii") as file:
        return [
            ([int(pixel, 17) / 16.0 for pixel in row["pixels"]] + [1.0], int(row["digit"]))
            for row in csv.DictReader(file)
        ]


# ---------------------------------------------------------------- the network


class Network:
    """Pixels -> one hidden layer (softsign) -> a score for each digit; squared hinge loss, one against the rest."""

    def __init__(self, hidden_weights, output_weights):
        self.hidden_weights = hidden_weights
        self.output_weights = output_weights

    @classmethod
    def initial(cls, inputs, hidden, seed):
        source = random.Random(seed)

        def layer(rows, columns):
            return [[(source.random() - 0.5) * 0.5 for _ in range(columns)] for _ in range(rows)]

        return cls(layer(hidden, inputs), layer(CLASSES, hidden + 1))

    def scores(self, pixels):
        total = math.fsum
        sums = [total(map(mul, row, pixels)) for row in self.hidden_weights]
        hidden = [s / (1.0 + abs(s)) for s in sums]
        hidden.append(1.0)
        return sums, hidden, [total(map(mul, row, hidden)) for row in self.output_weights]

    def learn(self, pixels, digit, rate):
        """One step of gradient descent on one sample; returns its loss before the step."""
        sums, hidden, scores = self.scores(pixels)
        loss = 0.0
        back = [0.0] * len(sums)
        for label, score in enumerate(scores):
            target = 1.0 if label == digit else -1.0
            short = 1.0 - target * score
            if short <= 0.0:
                continue
            loss += short * short
            slope = -2.0 * target * short
            row = self.output_weights[label]
            for index, weight in enumerate(row[:-1]):
                back[index] += slope * weight
            step = rate * slope
            self.output_weights[label] = [weight - step * value for weight, value in zip(row, hidden)]
        for index, value in enumerate(sums):
            if back[index] != 0.0:
                bend = 1.0 + abs(value)
                step = rate * back[index] / (bend * bend)
                self.hidden_weights[index] = [
                    weight - step * pixel for weight, pixel in zip(self.hidden_weights[index], pixels)
                ]
        return loss

    def answer(self, pixels):
        scores = self.scores(pixels)[2]
        return scores.index(max(scores))

    def sha256(self):
        digest = hashlib.sha256()
        for row in self.hidden_weights + self.output_weights:
            digest.update(struct.pack("<%dd" % len(row), *row))
        return digest.hexdigest()


# ---------------------------------------------------------------- the state that a checkpoint holds


class Training:
    """Everything a run has to remember: the weights, and how far it has come."""

    # What decides the outcome: a checkpoint made under other values of these is another computation's.
    IDENTITY = ("epochs", "learning_rate", "seed", "hidden")

    def __init__(self, settings, network, epoch=0, step=0, epoch_loss=0.0, last_loss=None):
        self.settings = settings
        self.network = network
        self.epoch = epoch  # epochs completed
        self.step = step  # steps completed of the epoch in hand
        self.epoch_loss = epoch_loss  # the sum over those steps
        self.last_loss = last_loss  # mean loss of the last complete epoch

    @classmethod
    def start(cls, settings, inputs):
        return cls(settings, Network.initial(inputs, settings["hidden"], settings["seed"]))

    @classmethod
    def load(cls, settings, path):
        try:
            with open(path, encoding="utf-8") as file:
                saved = json.load(file)
            if saved["identity"] != cls.identity(settings):
                raise Refused("the checkpoint belongs to a run with other settings: %s" % saved["identity"])
            network = Network(saved["hidden_weights"], saved["output_weights"])
            return cls(settings, network, saved["epoch"], saved["step"], saved["epoch_loss"], saved["last_loss"])
        except (ValueError, KeyError, TypeError) as error:
            raise Refused("the checkpoint cannot be read: %r" % error)

    def save(self, path):
        state = {
            "identity": self.identity(self.settings),
            "epoch": self.epoch,
            "step": self.step,
            "epoch_loss": self.epoch_loss,
            "last_loss": self.last_loss,
            "hidden_weights": self.network.hidden_weights,
            "output_weights": self.network.output_weights,
        }
        replace_file(path, json.dumps(state))

    @classmethod
    def identity(cls, settings):
        return {name: settings[name] for name in cls.IDENTITY}

    def run_epoch(self, samples, stop):
        """The epoch in hand, from where it stands, to its end: True; or to a stop request: False."""
        order = list(range(len(samples)))
        # A generator of its own for each epoch: what is left of an epoch never depends on what ran before.
        random.Random("%d/%d" % (self.settings["seed"], self.epoch)).shuffle(order)
        rate = self.settings["learning_rate"] / (1.0 + 0.05 * self.epoch)
        while self.step * SAMPLES_PER_STEP < len(order):
            if stop.requested:
                return False
            first = self.step * SAMPLES_PER_STEP
            for index in order[first : first + SAMPLES_PER_STEP]:
                pixels, digit = samples[index]
                try:
                    self.epoch_loss += self.network.learn(pixels, digit, rate)
                except (OverflowError, ValueError):  # what fsum says to infinities
                    self.epoch_loss = math.inf
            self.step += 1
        self.last_loss = self.epoch_loss / len(samples)
        if not math.isfinite(self.last_loss):
            raise Refused("the training diverged in epoch %d; a smaller learning_rate helps" % (self.epoch + 1))
        self.epoch, self.step, self.epoch_loss = self.epoch + 1, 0, 0.0
        return True


def replace_file(path, text):
    """Writes beside the file and renames over it, so that no reader ever sees half a file."""
    beside = "%s.%d.tmp" % (path, os.getpid())
    with open(beside, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    folder = os.open(os.path.dirname(os.path.abspath(path)), os.O_RDONLY)
    try:
        os.fsync(folder)  # the rename itself
    finally:
        os.close(folder)


# ---------------------------------------------------------------- the program


def rest_of_epoch(started, settings, stop):
    """Stretches short epochs to `min_epoch_seconds`, for watching; by default does nothing."""
    until = started + settings["min_epoch_seconds"]
    while not stop.requested and time.monotonic() < until:
        time.sleep(min(0.05, max(0.0, until - time.monotonic())))


def main():
    stop = StopRequest()
    settings = read_settings(sys.stdin)
    checkpoint_file = os.environ.get("BATON_CHECKPOINT_FILE")
    progress_file = os.environ.get("BATON_PROGRESS_FILE")
    result_file = os.environ.get("BATON_RESULT_FILE")

    samples = read_samples(DATA_FILE)
    lessons, exam = samples[:TRAINING_SAMPLES], samples[TRAINING_SAMPLES:]
    epochs = settings["epochs"]

    if checkpoint_file and os.path.exists(checkpoint_file):
        training = Training.load(settings, checkpoint_file)
        print("resumed after epoch %d, step %d" % (training.epoch, training.step), flush=True)
    else:
        training = Training.start(settings, inputs=len(lessons[0][0]))
        print("started from the beginning", flush=True)

    while training.epoch < epochs:
        started = time.monotonic()
        if not training.run_epoch(lessons, stop):
            if checkpoint_file:
                training.save(checkpoint_file)
            print("stopped after epoch %d, step %d" % (training.epoch, training.step), flush=True)
            return EX_TEMPFAIL
        message = "epoch %d of %d, loss %.5f" % (training.epoch, epochs, training.last_loss)
        print(message, flush=True)
        if progress_file:
            progress = {"fraction": round(training.epoch / epochs, 4), "message": message}
            replace_file(progress_file, json.dumps(progress))
        if checkpoint_file and training.epoch % settings["checkpoint_every"] == 0:
            training.save(checkpoint_file)
        rest_of_epoch(started, settings, stop)

    right = sum(1 for pixels, digit in exam if training.network.answer(pixels) == digit)
    result = {
        "epochs": training.epoch,
        "accuracy": round(right / len(exam), 6),
        "loss": training.last_loss,
        "weights_sha256": training.network.sha256(),
    }
    if result_file:
        replace_file(result_file, json.dumps(result))
    print("done: %s" % json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    try:
        status = main()
    except Refused as reason:
        print("train.py: %s" % reason, file=sys.stderr)
        status = 2
    # While Python clears up, SIGTERM does again what it does by default: it would seem to have killed what is done.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    sys.exit(status)
