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
    """Ask for the accuracy of a model that gives these outputs; its data must stay as they are."""
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
    """Raise Mistake, with its cause, unless the accuracy is hits / N.

    Args:
        calculate_accuracy: the student's.
        outputs: of the model, (N, K).
        targets: (N, K).
        hits: how many outputs are right.
        likely: the mistake to name when no relation fits.
        relations: wrong results and the mistakes that lead to them.
    """
    N, K = targets.shape
    right = hits / N
    known: list[Relation] = [
        (float(hits), "this is the number of right predictions; divide by N."),
        (100 * right, "this is a percentage; give the fraction, from 0 to 1."),
        (1 - right, "this is the fraction of wrong predictions."),
        (right / K, "divided by N * K; divide by N."),
    ]
    came = accuracy_of(calculate_accuracy, outputs, targets)
    name = f"the accuracy of {hits} right predictions of {N}"
    expect_close(name, came, right, [*relations, *known], likely)


def expect_fraction(
    calculate_accuracy: Accuracy, outputs: Sequence[Sequence[float]], targets: np.ndarray
) -> None:
    """Raise Mistake unless the accuracy is one number from 0 to 1."""
    came = accuracy_of(calculate_accuracy, outputs, targets)
    expect_number("the accuracy", came, "the mean over the examples is missing.")
    expect(0 <= came <= 1, "the accuracy is a fraction", "0 to 1", came, "divide by N, once.")
