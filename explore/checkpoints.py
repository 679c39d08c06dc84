"""The weights of Task 3 along the way: its trainings again, with copies of their weights."""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

import task3
import utils
from lab.jobs import train_all
from lab.trainings import Training, fit
from task2a import pre_process_images
from task3a import SoftmaxModel, one_hot_encode

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
    """Train as `task3.train` does; return the weights after each of `steps`, and at the end."""
    X_train, X_val = pre_process_images(images.X_train), pre_process_images(images.X_val)
    Y_train, Y_val = one_hot_encode(images.Y_train, 10), one_hot_encode(images.Y_val, 10)
    model, rng = SoftmaxModel(l2_reg_lambda), np.random.RandomState(seed)
    sets, taken, weights = (X_train, Y_train, X_val, Y_val), 0, [model.w.copy()]
    trainer = task3.SoftmaxTrainer(
        model, task3.LEARNING_RATE, task3.BATCH_SIZE, True, *sets, rng=rng
    )
    take = trainer.train_step

    def recorded(X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        nonlocal taken
        loss, taken = take(X_batch, Y_batch), taken + 1
        if taken in steps:
            weights.append(model.w.copy())
        return loss

    trainer.train_step = recorded  # type: ignore[method-assign]
    fit(trainer, epochs)
    return np.stack(weights), model.w
