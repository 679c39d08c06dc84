"""What the checks of both `calculate_accuracy` have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tests.checks.mistake import Relation, expect, expect_close, expect_number, untouched
from tests.checks.standins import EchoModel, echoed

__tracebackhide__ = True

Accuracy = Callable[[np.ndarray, np.ndarray, Any], Any]


def accuracy_of(
    calculate_accuracy: Accuracy, outputs: Sequence[Sequence[float]], targets: np.ndarray
) -> Any:
    """Compute the accuracy of a model with these outputs; the data must stay unchanged."""
    X, Y = echoed(outputs), targets.copy()
    with untouched(X=X, targets=Y):
        return calculate_accuracy(X, Y, EchoModel(len(outputs[0])))


def expect_accuracy(
    calculate_accuracy: Accuracy,
    outputs: Sequence[Sequence[float]],
    targets: np.ndarray,
    hits: int,
    likely: str,
    relations: Sequence[Relation] = (),
) -> None:
    """Raise Mistake, with its likely cause, unless the accuracy is hits / N.

    Args:
        calculate_accuracy: the student's function.
        outputs: what the model returns (N, K).
        targets: labels (N, K).
        hits: the number of right predictions.
        likely: the cause to name when no relation fits.
        relations: wrong results and their causes.
    """
    N, K = targets.shape
    right = hits / N
    known: list[Relation] = [
        (float(hits), "this is the number of right predictions; divide by N."),
        (100 * right, "this is a percentage; return the fraction, from 0 to 1."),
        (1 - right, "this is the fraction of wrong predictions."),
        (right / K, "divided by N * K; divide by N."),
    ]
    got = accuracy_of(calculate_accuracy, outputs, targets)
    name = f"the accuracy of {hits} right predictions out of {N}"
    expect_close(name, got, right, [*relations, *known], likely)


def expect_fraction(
    calculate_accuracy: Accuracy, outputs: Sequence[Sequence[float]], targets: np.ndarray
) -> None:
    """Raise Mistake unless the accuracy is one number from 0 to 1."""
    got = accuracy_of(calculate_accuracy, outputs, targets)
    expect_number("the accuracy", got, "the mean over the examples is missing.")
    expect(0 <= got <= 1, "the accuracy is not a fraction", "0 to 1", got, "divide by N, once.")
