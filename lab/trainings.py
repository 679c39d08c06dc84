"""What a training leaves: its weights, its histories and its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np

from digits.files import replacing
from lab.protocols import Model

History = dict[str, dict[int, float]]  # {"loss": {step: value}, "accuracy": {step: value}}


class Validation(NamedTuple):
    """The losses and accuracies at a step; the training loss is that of the step's batch."""

    step: int
    train_loss: float
    val_loss: float
    train_accuracy: float
    val_accuracy: float


@dataclass(frozen=True)
class Training:
    """What is kept of a training; epochs and steps count from 0.

    w: the weights of the least validation loss. epochs: how many it was allowed.
    """

    w: np.ndarray
    train_history: History
    val_history: History
    epochs: int
    batches_per_epoch: int
    validations_per_epoch: int

    @property
    def step(self) -> int:
        """The last gradient step."""
        return max(self.train_history["loss"], default=-1)

    @property
    def epoch(self) -> int:
        """The epoch of the last gradient step."""
        return self.step // self.batches_per_epoch

    @property
    def stopped_by(self) -> str:
        """What ended it: "early stopping", or "all epochs" if it took every step allowed."""
        is_whole = self.step + 1 == self.epochs * self.batches_per_epoch
        return "all epochs" if is_whole else "early stopping"

    @property
    def validations(self) -> list[Validation]:
        """All validations, in order."""
        train, val = self.train_history, self.val_history
        return [
            Validation(
                step, train["loss"][step], loss, train["accuracy"][step], val["accuracy"][step]
            )
            for step, loss in val["loss"].items()
        ]

    @property
    def best(self) -> Validation:
        """The first validation of the least loss, whose weights are kept."""
        return min(self.validations, key=lambda one: one.val_loss)

    def __str__(self) -> str:
        if self.stopped_by == "all epochs":
            return f"all {self.epochs} epochs"
        return f"early stop at epoch {self.epoch}, step {self.step}"


class Trainer(Protocol):
    """What `fit` needs of a trainer: the interface of `trainer.BaseTrainer`."""

    model: Model
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
        train_history,
        val_history,
        num_epochs,
        len(trainer.X_train) // trainer.batch_size,
        trainer.validations_per_epoch,
    )


def save(path: Path, trainings: Mapping[str, Training]) -> None:
    """Write {name: training} to an npz file of plain arrays."""
    arrays: dict[str, np.ndarray] = {}
    for name, one in trainings.items():
        arrays[f"{name}, weights"] = one.w
        arrays[f"{name}, training loss"] = np.array(list(one.train_history["loss"].values()))
        arrays[f"{name}, validations"] = np.array(one.validations)
        settings = one.epochs, one.batches_per_epoch, one.validations_per_epoch
        arrays[f"{name}, settings"] = np.array(settings)
    with replacing(path) as temporary:
        np.savez(temporary, **arrays)  # type: ignore[arg-type]


def load(path: Path) -> dict[str, Training]:
    """Read what `save` wrote. Raises KeyError where the file lacks an array."""
    with np.load(path) as arrays:
        names = [name.removesuffix(", weights") for name in arrays if name.endswith(", weights")]
        trainings = {}
        for name in names:
            steps, _, val_loss, train_accuracy, val_accuracy = arrays[f"{name}, validations"].T
            at = steps.astype(int).tolist()
            trainings[name] = Training(
                arrays[f"{name}, weights"],
                {
                    "loss": dict(enumerate(arrays[f"{name}, training loss"].tolist())),
                    "accuracy": dict(zip(at, train_accuracy.tolist(), strict=True)),
                },
                {
                    "loss": dict(zip(at, val_loss.tolist(), strict=True)),
                    "accuracy": dict(zip(at, val_accuracy.tolist(), strict=True)),
                },
                *arrays[f"{name}, settings"].tolist(),
            )
    return trainings
