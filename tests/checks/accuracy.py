"""What the checks of the accuracy in task2.py and in task3.py have in common."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.checks.calling import call
from tests.checks.desk import Desk
from tests.checks.mistake import (
    Relation,
    at_fault,
    causes,
    expect_close,
    expect_multiple,
    expect_number,
    total_of,
    untouched,
)
from tests.checks.standins import LOSS, EchoModel, echoed

__tracebackhide__ = True

Accuracy = Callable[..., Any]


def accuracy_function(desk: Desk, module: str) -> Accuracy:
    """Make a function that calls `calculate_accuracy`, which has to agree with `accuracy`.

    Only files of this course have `accuracy(targets, outputs)`.
    """

    def both(X: np.ndarray, targets: np.ndarray, model: Any) -> Any:
        calculate_accuracy = desk.require(f"{module}.calculate_accuracy")
        got = call(calculate_accuracy, X=X, targets=targets, model=model)
        accuracy = getattr(desk.load(module), "accuracy", None)
        if callable(accuracy) and list(inspect.signature(accuracy).parameters) == [*LOSS]:
            with at_fault(f"{module}.accuracy"):
                other = total_of("accuracy", accuracy(targets.copy(), model.forward(X)))
            likely = "one of them is wrong; calculate_accuracy can call accuracy."
            what = "accuracy and calculate_accuracy do not agree"
            expect_close("", total_of("calculate_accuracy", got), other, (), likely, what)
        return got

    return both


def accuracy_of(calculate_accuracy: Accuracy, outputs: np.ndarray, targets: np.ndarray) -> Any:
    """Compute the accuracy of a model with these outputs; the data must stay unchanged."""
    X, Y = echoed(outputs), targets.copy()
    with untouched(X=X, targets=Y):
        model = EchoModel(targets.shape[1])
        return call(calculate_accuracy, X=X, targets=Y, model=model)


def expect_accuracy(
    calculate_accuracy: Accuracy,
    outputs: np.ndarray,
    targets: np.ndarray,
    right: float,
    likely: str,
    relations: Sequence[Relation] = (),
) -> None:
    """Raise Mistake, with its likely cause, unless the accuracy is the fraction of right ones.

    Args:
        calculate_accuracy: the student's function.
        outputs: what the model returns (N, K).
        targets: labels (N, K).
        right: the fraction.
        likely: the cause to name when no relation fits.
        relations: wrong results and their causes.
    """
    N, K = targets.shape
    got = accuracy_of(calculate_accuracy, outputs, targets)
    number = expect_number("the accuracy", got, "the mean over the examples is missing.")
    name = f"the accuracy of {round(right * N)} right predictions out of {N}"
    known: list[Relation] = [
        (right * N, "this is the number of right predictions; divide by N."),
        (100 * right, "this is a percentage; return the fraction, from 0 to 1."),
        (1 - right, "this is the fraction of wrong predictions."),
    ]
    if K > 1:
        known.append((right / K, "divided by N * K; divide by N."))
    expect_close(name, number, right, causes(right, *relations, *known), likely)


def expect_counting(
    calculate_accuracy: Accuracy, outputs: np.ndarray, targets: np.ndarray, likely: str
) -> None:
    """Raise Mistake unless the accuracy is proportional to the number of right predictions.

    Args:
        calculate_accuracy: the student's function.
        outputs: right for all targets (N, K).
        targets: labels (N, K).
        likely: the cause to name.
    """
    N = len(targets)
    got = []
    for wrong in (range(0), range(0, N, 4), range(1, N, 2), range(0, N - 1)):
        shown = targets.copy()
        shown[list(wrong)] = 1 - targets[list(wrong)]
        if targets.shape[1] > 1:
            shown[list(wrong)] = np.roll(targets[list(wrong)], 1, axis=1)
        number = accuracy_of(calculate_accuracy, outputs, shown)
        got.append(total_of("the accuracy", number))
    hits = [N, N - len(range(0, N, 4)), N - len(range(1, N, 2)), 1]
    name = f"the accuracy of {', '.join(map(str, hits))} right predictions out of {N}"
    expect_multiple(name, got, np.array(hits) / N, likely=likely)
