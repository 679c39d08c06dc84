"""Stand-ins for what a check does not judge, so that a mistake costs its own task alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pytest

from tests.checks import textbook
from tests.checks.desk import Desk
from tests.checks.mistake import Mistake


class TextbookModel:
    """A right model for either task; every `backward` computes the gradient anew."""

    l2_reg_lambda = 0.0

    def __init__(self, num_outputs: int) -> None:
        self.w = textbook.weights(num_outputs) / 4
        self.zero_grad()

    def forward(self, X: np.ndarray) -> np.ndarray:
        return textbook.forward(X, self.w)

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        self.grad = textbook.gradient(X, outputs, targets)

    def zero_grad(self) -> None:
        self.grad = np.zeros_like(self.w)


class EchoModel(TextbookModel):
    """A model whose outputs are the first columns of its inputs; its gradient is zero."""

    def __init__(self, num_outputs: int) -> None:
        super().__init__(num_outputs)
        self.num_outputs = num_outputs

    def forward(self, X: np.ndarray) -> np.ndarray:
        return X[:, : self.num_outputs].copy()

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        self.grad = np.zeros_like(self.w)


def textbook_accuracy(X: np.ndarray, targets: np.ndarray, model: Any) -> float:
    """Compute the accuracy as `calculate_accuracy` should."""
    outputs = model.forward(X)
    threshold = 0.5 if outputs.shape[1] == 1 else outputs.max(axis=1, keepdims=True)
    return float(((outputs >= threshold) == targets).all(axis=1).mean())


def echoed(outputs: Sequence[Sequence[float]]) -> np.ndarray:
    """Make the inputs (N, 785) for which an EchoModel returns these outputs."""
    X = np.zeros((len(outputs), textbook.I))
    X[:, : len(outputs[0])] = outputs
    X[:, -1] = 1
    return X


def batches(
    X: np.ndarray,
    Y: np.ndarray,
    batch_size: int,
    shuffle: bool = False,
    drop_last: bool = True,
    **_: Any,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Serve the batches of one epoch as `batch_loader` should."""
    order = np.random.default_rng().permutation(len(X)) if shuffle else np.arange(len(X))
    end = len(X) - len(X) % batch_size if drop_last else len(X)
    for start in range(0, end, batch_size):
        chosen = order[start : min(start + batch_size, end)]
        yield X[chosen], Y[chosen]


def stand_in(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, function: str, replacement: object
) -> None:
    """Replace a student's function in all of their modules that are imported.

    It is found by identity, not by name: a `cross_entropy_loss` of the wrong task stays wrong.
    """
    module, name = function.split(".")
    loaded = desk.loaded()
    original = getattr(loaded.get(module), name, None)
    if original is None:
        return
    for holder in loaded.values():
        for attribute, value in list(vars(holder).items()):
            if value is original:
                monkeypatch.setattr(holder, attribute, replacement)


def stand_in_for_other_tasks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace what a trainer uses of Tasks 2a, 2e and 3a."""
    stand_in(desk, monkeypatch, "task2a.cross_entropy_loss", textbook.binary_cross_entropy)
    stand_in(desk, monkeypatch, "task3a.cross_entropy_loss", textbook.cross_entropy)
    stand_in(desk, monkeypatch, "utils.batch_loader", batches)


class Run:
    """A training run with validation losses that are given beforehand.

    Its model's only weight counts the steps; it grows in place, so that an alias of it grows too.

    Args:
        BaseTrainer: the student's class.
        losses: of the validations, in order; the last is repeated when more are needed.
        num_batches: of an epoch, each of two examples.
        shuffle: the value of `shuffle_dataset`.
        left_over: examples that fill no batch.

    Attributes:
        trainer: of a subclass of BaseTrainer.
        batches: the numbers of the examples in each training step.
        weights: at each validation.
    """

    def __init__(
        self,
        BaseTrainer: Any,
        losses: Sequence[float],
        num_batches: int = 5,
        shuffle: bool = False,
        left_over: int = 0,
    ) -> None:
        self.batches: list[list[int]] = []
        self.weights: list[float] = []
        self.losses = list(losses)
        self.model = TextbookModel(1)
        self.model.w = np.zeros((1, 1))
        run = self

        class Scripted(BaseTrainer):  # type: ignore[misc]
            def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
                run.batches.append(X_batch[:, 0].astype(int).tolist())
                run._model(self).w += 1
                return run.train_loss(len(run.batches) - 1)

            def validation_step(self) -> tuple[float, float, float]:
                run.weights.append(run._weight(self))
                return run.validation(len(run.weights) - 1)

        self.X = np.arange(2 * num_batches + left_over, dtype=np.float64).reshape(-1, 1)
        self.Y = self.X.copy()
        X_val = np.zeros((4, 1))
        self.trainer = Scripted(self.model, 0.1, 2, shuffle, self.X, self.Y, X_val, X_val)

    def train(self, num_epochs: int) -> tuple[Any, Any]:
        """Train, and return the histories."""
        histories = self.trainer.train(num_epochs)
        if not isinstance(histories, tuple | list) or len(histories) != 2:
            what = "train returns the wrong things"
            raise Mistake(what, "train_history, val_history", type(histories).__name__)
        return histories[0], histories[1]

    def train_loss(self, step: int) -> float:
        """Tell the loss of a training step."""
        return 1 / (step + 1)

    def validation(self, number: int) -> tuple[float, float, float]:
        """Tell the results of a validation: its loss and both accuracies."""
        loss = self.losses[min(number, len(self.losses) - 1)]
        return loss, 0.5 + number / 1000, 0.25 + number / 1000

    @property
    def examples(self) -> list[int]:
        """The numbers of all examples, in the order of training."""
        return [number for batch in self.batches for number in batch]

    @property
    def final_weight(self) -> float:
        """The weight that training leaves behind."""
        return self._weight(self.trainer)

    def _model(self, trainer: Any) -> Any:
        return getattr(trainer, "model", self.model)

    def _weight(self, trainer: Any) -> float:
        return float(np.asarray(self._model(trainer).w).item())
