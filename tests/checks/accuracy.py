"""What the checks of the accuracy in task2.py and in task3.py have in common."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.checks.mistake import (
    Relation,
    at_fault,
    expect_close,
    expect_multiple,
    expect_number,
    total_of,
    untouched,
)
from tests.checks.standins import inputs_for, textbook_model
from tests.checks.student import StudentFiles

__tracebackhide__ = True

LOSS = ["targets", "outputs"]
Accuracy = Callable[[np.ndarray, np.ndarray], Any]  # of outputs and targets


def accuracy_of(
    files: StudentFiles, module: str, Model: str, outputs: np.ndarray, targets: np.ndarray
) -> Any:
    """Compute the accuracy of a model with these outputs; the data must stay unchanged.

    Only files of this course have `accuracy(targets, outputs)`, which has to give the same.

    Args:
        files: the student's.
        module: with `calculate_accuracy`, "task2" or "task3".
        Model: the student's class, in whose place a textbook model stands.
        outputs: yhat (N, K).
        targets: labels (N, K).
    """
    model = textbook_model(files, Model)
    X, Y = inputs_for(model, outputs), targets.copy()
    calculate, part = f"{module}.calculate_accuracy", f"{module}.accuracy"
    accuracy: Any = getattr(files.load(module), "accuracy", None)
    is_ours = callable(accuracy) and list(inspect.signature(accuracy).parameters) == LOSS
    if is_ours:
        with at_fault(part):
            other = total_of("accuracy", accuracy(targets.copy(), model.forward(X)))
    with untouched(X=X, targets=Y):
        got = files.require(calculate)(X, Y, model)
    if is_ours:
        likely = "one of them is wrong; calculate_accuracy can call accuracy."
        what = "accuracy and calculate_accuracy do not agree"
        expect_close("", total_of("calculate_accuracy", got), other, (), likely, what)
        files.parts[calculate] = part
    return got


def expect_accuracy(
    accuracy: Accuracy,
    outputs: np.ndarray,
    targets: np.ndarray,
    right: float,
    likely: str,
    relations: Sequence[Relation] = (),
) -> None:
    """Raise Mistake, with its likely cause, unless the accuracy is the fraction of right ones.

    Args:
        accuracy: the student's, of outputs and targets.
        outputs: what the model returns (N, K).
        targets: labels (N, K).
        right: the fraction.
        likely: the cause to name when no relation fits.
        relations: wrong results and their causes.
    """
    N, K = targets.shape
    got = accuracy(outputs, targets)
    number = expect_number("the accuracy", got, "the mean over the examples is missing.")
    name = f"the accuracy of {round(right * N)} right predictions out of {N}"
    known: list[Relation] = [
        (right * N, "this is the number of right predictions; divide by N."),
        (100 * right, "this is a percentage; return the fraction, from 0 to 1."),
        (1 - right, "this is the fraction of wrong predictions."),
    ]
    if K > 1:
        known.append((right / K, "divided by N * K; divide by N."))
    expect_close(name, number, right, [*relations, *known], likely)


def expect_counting(
    accuracy: Accuracy, outputs: np.ndarray, targets: np.ndarray, likely: str
) -> None:
    """Raise Mistake unless right predictions count, all the same, and wrong ones do not.

    Each is shown four times: how those of a whole set are put together is another check's.

    Args:
        accuracy: the student's, of outputs and targets.
        outputs: right for all targets (N, K).
        targets: labels (N, K).
        likely: the cause to name.
    """
    got = []
    for n in range(len(targets)):
        shown = targets[[n] * 4]
        wrong = 1 - shown if targets.shape[1] == 1 else np.roll(shown, 1, axis=1)
        numbers = (accuracy(outputs[[n] * 4], labels) for labels in (shown, wrong))
        got += [total_of("the accuracy", number) for number in numbers]
    name = "the accuracies of images with the right and with a wrong label by turns"
    expect_multiple(name, got, [1, 0] * len(targets), likely=likely)
