"""Stand-ins for what a check does not judge, so that a mistake costs its own task alone."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from tests.checks import compatibility, textbook
from tests.checks.student import StudentFiles

_epochs = itertools.count(1)


class TextbookModel:
    """A right model for either task; every `backward` computes the gradient anew."""

    l2_reg_lambda = 0.0

    def __init__(self, num_outputs: int) -> None:
        self.w: np.ndarray = textbook.weights(num_outputs).copy()
        self.seen: np.ndarray | None = None  # what `backward` was given as outputs
        self.zero_grad()

    def forward(self, X: np.ndarray) -> np.ndarray:
        return textbook.forward(np.asarray(X), self.w)

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        self.seen = outputs
        self.grad = textbook.gradient(np.asarray(X), outputs, targets)

    def zero_grad(self) -> None:
        self.grad = np.zeros_like(self.w)


def textbook_model(
    files: StudentFiles, name: str, own_backward: bool = False, l2_reg_lambda: float = 0.0
) -> Any:
    """Make a TextbookModel to stand in for a student's.

    Args:
        files: the student's.
        name: of the student's class, "task2a.BinaryModel" or "task3a.SoftmaxModel".
        own_backward: whether its gradients are those of the student's class.
        l2_reg_lambda: of the student's SoftmaxModel, whose attributes are copied.
    """
    binary = name == "task2a.BinaryModel"
    num_outputs = 1 if binary else textbook.K
    model = TextbookModel(num_outputs)
    with suppress(Exception):  # a model that cannot be made: Task 2a or 3a reports it
        Own = files.require(name)
        model = compatibility.with_own_methods(TextbookModel, Own)(num_outputs)
        own = Own(*(() if binary else (l2_reg_lambda,)))
        model = compatibility.with_own_attributes(model, own)
        if own_backward:
            model = compatibility.with_own_backward(model, own)
        model.backward = compatibility.in_their_order(model.backward, own.own.backward, "backward")
        own.w, X = model.w.copy(), textbook.inputs(2)
        targets = textbook.binary_targets(2) if binary else textbook.class_targets(2)
        if own.backward(X, textbook.forward(X, model.w), targets) is None:
            return model
    return compatibility.with_gradient_returned(model)


def inputs_for(model: TextbookModel, outputs: Any) -> np.ndarray:
    """Make inputs (N, 785) and set the model's weights, so that its outputs are these."""
    outputs = np.asarray(outputs)
    N, K = outputs.shape
    model.w = np.eye(textbook.I, K)
    X = np.zeros((N, textbook.I))
    with np.errstate(divide="ignore"):
        z = np.log(outputs) - (np.log(1 - outputs) if K == 1 else 0)
    X[:, :K] = np.clip(z, -1000, 1000)  # an output of exactly 0 or 1, as well
    X[:, -1] = 1
    return X


def batches(
    X: np.ndarray,
    Y: np.ndarray,
    batch_size: int,
    shuffle: bool = False,
    drop_last: bool = True,
    rng: object = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Serve the batches of one epoch; instead of shuffling, each starts with another example."""
    order = np.roll(np.arange(len(X)), next(_epochs) if shuffle else 0)
    end = len(X) - len(X) % batch_size if drop_last else len(X)
    for start in range(0, end, batch_size):
        chosen = order[start : min(start + batch_size, end)]
        yield X[chosen], Y[chosen]


def binary_cross_entropy(targets: np.ndarray, outputs: np.ndarray) -> np.float64:
    """Compute equation 3 of N examples, also where both come as a row or without a second axis."""
    if np.shape(targets) == np.shape(outputs):
        targets, outputs = np.reshape(targets, (-1, 1)), np.reshape(outputs, (-1, 1))
    return _loss(textbook.binary_cross_entropy, targets, outputs)


def cross_entropy(targets: np.ndarray, outputs: np.ndarray) -> np.float64:
    """Compute equation 5."""
    return _loss(textbook.cross_entropy, targets, outputs)


def _loss(
    loss: Callable[[np.ndarray, np.ndarray], float], targets: np.ndarray, outputs: np.ndarray
) -> np.float64:
    """Return a number of NumPy's, as most losses do: it has `.item()` and `.mean()`."""
    if np.shape(targets) != np.shape(outputs):
        shapes = f"{np.shape(targets)} and {np.shape(outputs)}"
        raise ValueError(f"the targets and the outputs of the loss have the shapes {shapes}")
    return np.float64(loss(targets, outputs))


def stand_in(
    files: StudentFiles,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    replacement: Callable[..., Any],
) -> None:
    """Replace a student's function in all of their modules that are imported.

    It is found by identity, not by name: a `cross_entropy_loss` of the wrong task stays wrong. What
    takes the place of one that cannot be imported is replaced, too.

    Args:
        files: the student's.
        monkeypatch: undoes it.
        function: as "utils.batch_loader".
        replacement: takes the arguments that the function was handed out with.
    """
    module, name = function.split(".")
    loaded = files.loaded()
    original = getattr(loaded.get(module), name, None)
    replacement = compatibility.without_further_arguments(replacement, name)
    if callable(original):
        replacement = compatibility.in_their_order(replacement, original, name)
    for holder in loaded.values():
        for attribute, value in list(vars(holder).items()):
            if value is original is not None or compatibility.is_missing(value, function):
                monkeypatch.setattr(holder, attribute, replacement)


def stand_in_for_other_tasks(files: StudentFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace what a trainer uses of Tasks 2a, 2e and 3a."""
    losses = {"task2a": binary_cross_entropy, "task3a": cross_entropy}
    for module, loss in losses.items():
        stand_in(files, monkeypatch, f"{module}.cross_entropy_loss", loss)
    stand_in(files, monkeypatch, "utils.batch_loader", batches)
