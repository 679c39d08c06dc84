"""The weights of Task 3 along the way: its trainings again, with copies of their weights."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial
from unittest.mock import patch

import numpy as np

import task3
import utils
from lab.jobs import train_all
from lab.trainings import Training

COUNT = 40  # checkpoints of a training
LEVELS = 2**11  # of a weight, on each side of zero


@dataclass(frozen=True)
class Checkpoints:
    """The weights of a training along the way, rounded so that a page can hold them all.

    Attributes:
        steps: the steps of gradient descent taken before each checkpoint, from 0 on, ascending.
        rounded: weights in whole units, int16 (T, 785, 10).
        unit: a power of two; no weight has more than LEVELS of it.
    """

    steps: tuple[int, ...]
    rounded: np.ndarray
    unit: float

    def weights(self, checkpoint: int) -> np.ndarray:
        """Return the weights (785, 10) of a checkpoint, as the page has them."""
        return self.rounded[checkpoint] * self.unit


def train_again(
    images: utils.Split, trainings: Mapping[float, Training], epochs: int, seed: int, jobs: int
) -> dict[float, Checkpoints]:
    """Repeat {lambda: training} side by side, and return what each was on the way.

    Raises:
        OSError: if a training ends with other weights than it did.
    """
    steps = {value: _choose(training) for value, training in trainings.items()}
    runs = {value: partial(_record, images, value, steps[value], epochs, seed) for value in steps}
    checkpoints = {}
    for value, (weights, kept) in train_all(runs, jobs).items():
        w = trainings[value].w
        if len(weights) < len(steps[value]) or np.abs(kept - w).max() > 1e-3 * np.abs(w).max():
            raise OSError(
                f"the training with lambda {value:g} does not repeat itself: the code has changed "
                "since. Likely fix: run task3.py again."
            )
        unit = 2 ** math.ceil(math.log2(np.abs(weights).max() or 1)) / LEVELS
        checkpoints[value] = Checkpoints(
            tuple(steps[value]), np.rint(weights / unit).astype(np.int16), unit
        )
    return checkpoints


def _choose(training: Training) -> list[int]:
    """Choose steps that are close together at the beginning, where the weights change most."""
    steps = np.geomspace(1, training.step + 1, COUNT).round().astype(int)
    return sorted({0, training.best.step + 1, *steps.tolist()})  # also those that were kept


def _record(
    images: utils.Split, l2_reg_lambda: float, steps: Collection[int], epochs: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Train once more; return the weights after each of `steps`, and those that are kept."""
    take, taken = task3.SoftmaxTrainer.train_step, 0
    weights: list[np.ndarray] = []

    def recorded(trainer: task3.SoftmaxTrainer, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        nonlocal taken
        if not weights:
            weights.append(trainer.model.w.copy())
        loss, taken = take(trainer, X_batch, Y_batch), taken + 1
        if taken in steps:
            weights.append(trainer.model.w.copy())
        return loss

    with patch.object(task3.SoftmaxTrainer, "train_step", recorded):
        kept = task3.train(images, l2_reg_lambda, epochs, seed).w
    return np.stack(weights), kept
