"""What else a user waits for: the whole script, start-up, figures, memory, the gradient check."""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import task3
import utils
from benchmarks import plain_numpy
from benchmarks.contenders import EPOCHS, products
from benchmarks.race import timed
from lab import figures
from task2a import pre_process_images
from task3a import SoftmaxModel, gradient_approximation_test, one_hot_encode

ROOT = Path(__file__).parents[1]

# Runs a script in this process, then prints the lines on its memory, which Linux has; ru_maxrss
# would count the memory of the process that started this one, too.
WATCH = (
    "import os, runpy, sys; sys.path.insert(0, '.'); sys.argv = sys.argv[1:]; "
    "runpy.run_path(sys.argv[0], run_name='__main__'); "
    "status = '/proc/self/status'; os.path.exists(status) and print(open(status).read())"
)
START = (
    "import sys, task3, utils; from lab.script import load_data, parse_options; "
    "utils.load_full_mnist(load_data(parse_options('', training=True)))"
)


def epoch_seconds(num_examples: int, num_classes: int) -> list[float]:
    """Time an epoch of training with its six checks, each of all examples and 2,000 others.

    The first step has a check, so that a single epoch has one more than the five of most epochs.
    """
    rng = np.random.default_rng(0)
    size, N = num_examples + 2000, num_examples
    X = rng.uniform(-1, 1, (size, 785)).astype(np.float32)
    Y = one_hot_encode(rng.integers(0, num_classes, (size, 1)), num_classes)
    model = SoftmaxModel(0)
    model.w = np.zeros((785, num_classes), np.float32)
    trainer = task3.SoftmaxTrainer(
        model, task3.LEARNING_RATE, task3.BATCH_SIZE, True, X[:N], Y[:N], X[N:], Y[N:], rng=rng
    )
    return timed(lambda: trainer.train(1))


class WatchedTrainer(task3.SoftmaxTrainer):
    """Adds up the seconds that checks and steps take."""

    check_seconds = step_seconds = 0.0

    def validation_step(self) -> tuple[float, float, float]:
        """Do the check, and count its time."""
        start = time.perf_counter()
        result = super().validation_step()
        self.check_seconds += time.perf_counter() - start
        return result

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        """Do the step, and count its time."""
        start = time.perf_counter()
        loss = super().train_step(X_batch, Y_batch)
        self.step_seconds += time.perf_counter() - start
        return loss


def epoch_parts(split: utils.Split) -> dict[str, tuple[float, float]]:
    """Time the parts of an epoch of Task 3 while it trains, and their matrix products alone.

    Returns:
        {part: (seconds of the whole part, seconds of its matrix products)}, of one epoch. Training
        and products take turns, so that a slow minute slows both.
    """
    data = X, Y, _, _ = task3.prepare(split)
    size, steps = task3.BATCH_SIZE, len(X) // task3.BATCH_SIZE
    w = np.full((785, 10), 0.01, np.float32)

    def step_products() -> None:
        for start in range(0, steps * size, size):
            X[start : start + size] @ w
            X[start : start + size].T @ Y[start : start + size]

    rounds = []
    for _ in range(3):
        trainer = WatchedTrainer(SoftmaxModel(0), 0.01, size, True, *data, patience=None)
        start = time.perf_counter()
        trainer.train(EPOCHS)
        rest = time.perf_counter() - start - trainer.check_seconds - trainer.step_seconds
        checks = len(trainer.val_history["loss"]) / EPOCHS
        check_products = checks * statistics.median(check_products_seconds(split))
        rounds.append(
            [
                (trainer.check_seconds / EPOCHS, check_products),
                (trainer.step_seconds / EPOCHS, statistics.median(timed(step_products, 20))),
                (rest / EPOCHS, 0.0),
            ]
        )
    names = f"{checks:g} checks", f"{steps} steps", "the loader's gather, and the loop"
    medians = np.median(rounds, axis=0)
    return {name: (whole, alone) for name, (whole, alone) in zip(names, medians, strict=True)}


def check_products_seconds(split: utils.Split, num_classes: int = 10) -> list[float]:
    """Time the matrix products of one check."""
    X, X_v = (pre_process_images(images) for images in (split.X_train, split.X_val))
    w = np.full((785, num_classes), 0.01, np.float32)

    def check_products() -> None:
        products(X, w)
        products(X_v, w)

    return timed(check_products, 20)


def gradient_check_seconds(split: utils.Split) -> list[float]:
    """Time the gradient check of all 7,850 weights of the softmax model on 100 images."""
    X, Y = pre_process_images(split.X_train[:100]), one_hot_encode(split.Y_train[:100], 10)
    return timed(lambda: gradient_approximation_test(SoftmaxModel(0), X, Y), 3)


def figure_seconds(split: utils.Split) -> list[float]:
    """Time saving each of the figures of Task 3, drawn from a training of 50 epochs' length."""
    X, Y = pre_process_images(split.X_train[:1280]), one_hot_encode(split.Y_train[:1280], 10)
    trainer = task3.SoftmaxTrainer(
        SoftmaxModel(0), 0.01, 8, False, X, Y, X[:10], Y[:10], patience=None
    )
    trainer.train(50)
    times = []
    with tempfile.TemporaryDirectory() as folder:
        drawn = task3.make_figures(dict.fromkeys(task3.LAMBDAS, trainer), "benchmark")
        for name, figure in drawn.items():
            start = time.perf_counter()
            figures.save(figure, Path(folder) / name)
            times.append(time.perf_counter() - start)
    return times


def start_up_seconds(data: Sequence[str]) -> list[float]:
    """Time a fresh process that imports task3, and loads and verifies the data set."""
    command = [sys.executable, "-c", START, *data]
    return timed(lambda: subprocess.run(command, cwd=ROOT, check=True))


def whole_script(data: Sequence[str], split: utils.Split, rounds: int) -> tuple[list[float], ...]:
    """Time `task3.py` against the same runs, lambda by lambda and step by step, done plainly.

    Returns:
        Seconds of the script, seconds of the plain loop, and the script's peak memory in MB.
    """
    prepared = plain_numpy.prepare(*split)
    ours, plain, peaks = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(rounds):
            command = [sys.executable, "-c", WATCH, "task3.py", "--out", folder, *data]
            start = time.perf_counter()
            ended = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
            ours.append(time.perf_counter() - start)
            peak = re.search(r"VmHWM:\s+(\d+) kB", ended.stdout)
            peaks.append(int(peak.group(1)) / 1024 if peak else float("nan"))
            runs = json.loads((Path(folder) / "results.json").read_text())["task3"]["runs"]
            start = time.perf_counter()
            for value, run in zip(task3.LAMBDAS, runs.values(), strict=True):
                steps = run["stop_step"] + 1
                plain_numpy.train(*prepared, num_steps=steps, l2_reg_lambda=value)
            plain.append(time.perf_counter() - start)
    return ours, plain, peaks
