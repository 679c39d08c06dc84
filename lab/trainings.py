"""What a training leaves: its weights, its histories and its settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

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


class HistoryError(ValueError):
    """A trainer returned no histories, or something else than a number in them."""


class Trainer(Protocol):
    """What `fit` needs of a trainer: the interface of `trainer.BaseTrainer`."""

    model: Model
    X_train: np.ndarray
    batch_size: int
    validations_per_epoch: int

    def train(self, num_epochs: int) -> tuple[History, History]:
        """Train the model."""


def fit(trainer: Trainer, num_epochs: int) -> Training:
    """Train for at most `num_epochs` epochs; return what is left, its numbers plain floats.

    The histories may hold numbers of any type, and arrays of one element; further values that
    `train` returns are left out. Raises HistoryError.
    """
    train_history, val_history = _histories(trainer.train(num_epochs))
    return Training(
        trainer.model.w,
        train_history,
        val_history,
        num_epochs,
        len(trainer.X_train) // trainer.batch_size,
        trainer.validations_per_epoch,
    )


def _histories(returned: Any) -> tuple[History, History]:
    if not isinstance(returned, (tuple, list)) or len(returned) < 2:
        raise HistoryError(
            f"train: expected train_history and val_history, got {_short(returned)}. "
            "Likely fix: end it with `return train_history, val_history`."
        )
    named = {"train_history": returned[0], "val_history": returned[1]}
    train, val = (
        {key: _series(f'{name}["{key}"]', history, key) for key in ("loss", "accuracy")}
        for name, history in named.items()
    )
    if not val["loss"]:
        raise HistoryError(
            'val_history["loss"]: expected a value for each validation, got none. '
            "Likely fix: validate at step 0, and then several times an epoch."
        )
    for name, history in zip(named, (train, val), strict=True):
        for key, series in history.items():
            if missing := val["loss"].keys() - series:
                raise HistoryError(
                    f'{name}["{key}"]: expected a value at step {min(missing)}, where '
                    'val_history["loss"] has one, got none. Likely fix: store the loss and both '
                    "accuracies of a validation under the number of its training step, and return "
                    "train_history before val_history."
                )
    return train, val


def number(name: str, value: object) -> float:
    """Convert a number of any type, or an array of one, to a float; or raise HistoryError."""
    try:
        return float(np.asarray(value).item()) + 0.0  # -0.0 becomes 0.0
    except (TypeError, ValueError):
        fix = "return the mean over the examples."
        if value is None:
            fix = "is a `return` missing?"
        raise HistoryError(
            f"{name}: expected one number, got {_short(value)}. Likely fix: {fix}"
        ) from None


def _series(name: str, history: Any, key: str) -> dict[int, float]:
    series = history.get(key) if isinstance(history, Mapping) else history
    if not isinstance(series, Mapping):
        raise HistoryError(
            f"{name}: expected a dictionary {{step: value}}, got {_short(series)}. "
            'Likely fix: store each value as history["loss"][step] or history["accuracy"][step].'
        )
    plain: dict[int, float] = {}
    for step, value in series.items():
        value = number(f"{name} at step {step!r}", value)
        try:
            plain[int(step)] = value
            is_whole = int(step) == step
        except (TypeError, ValueError, OverflowError):
            is_whole = False
        if not is_whole:
            raise HistoryError(f"{name}: expected steps that count from 0, got {step!r}.")
    return plain


def _short(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}"
    text = " ".join(repr(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."


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
