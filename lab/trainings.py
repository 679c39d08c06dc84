"""What a training leaves: where it stopped, its weights and its histories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from lab.protocols import Model

History = dict[str, dict[int, float]]  # {"loss": {step: value}, "accuracy": {step: value}}


@dataclass
class Stop:
    """Where training stopped, with epochs and steps counted from 0.

    reason: "all epochs", "early stopping", or "interrupted" by an exception.
    epoch, step: of the last gradient step.
    best_step, best_loss: of the least validation loss, whose weights the model keeps.
    """

    reason: str = "interrupted"
    epoch: int = -1
    step: int = -1
    best_step: int = -1
    best_loss: float = float("inf")


@dataclass(frozen=True)
class Training:
    """What is kept of a training: the weights of the best validation, the stop, the histories."""

    w: np.ndarray
    stop: Stop
    train_history: History
    val_history: History
    batches_per_epoch: int
    validations_per_epoch: int


class Trainer(Protocol):
    """What `fit` needs of a trainer: the interface of `trainer.BaseTrainer`."""

    model: Model
    stop: Stop
    X_train: np.ndarray
    Y_train: np.ndarray
    X_val: np.ndarray
    Y_val: np.ndarray
    batch_size: int
    validations_per_epoch: int

    def train(self, num_epochs: int) -> tuple[History, History]:
        """Train the model."""


def fit(
    trainer: Trainer, num_epochs: int, prepare: Callable[[Any], Sequence[np.ndarray]] | None = None
) -> Training:
    """Train for at most `num_epochs` epochs; return what is left.

    prepare: makes inputs and targets of images and labels, if the trainer has these. Processes then
    share the images, a quarter of the size, and read inputs of their own, faster than a memory map.
    """
    if prepare:
        trainer = copy(trainer)
        images = trainer.X_train, trainer.Y_train, trainer.X_val, trainer.Y_val
        trainer.X_train, trainer.Y_train, trainer.X_val, trainer.Y_val = prepare(images)
    train_history, val_history = trainer.train(num_epochs)
    return Training(
        trainer.model.w,
        trainer.stop,
        train_history,
        val_history,
        len(trainer.X_train) // trainer.batch_size,
        trainer.validations_per_epoch,
    )
