"""What a training leaves: where it stopped, its weights and its histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

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
    batch_size: int
    validations_per_epoch: int

    def train(self, num_epochs: int) -> tuple[History, History]:
        """Train the model."""


def fit(trainer: Trainer, num_epochs: int) -> Training:
    """Train for at most `num_epochs` epochs; return what is left."""
    train_history, val_history = trainer.train(num_epochs)
    return Training(
        trainer.model.w,
        trainer.stop,
        train_history,
        val_history,
        len(trainer.X_train) // trainer.batch_size,
        trainer.validations_per_epoch,
    )
