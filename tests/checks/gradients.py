"""Gradient checks that name the cause: they compare a wrong gradient with known mistakes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lab.assignment import L2_FACTOR
from tests.checks import textbook
from tests.checks.mistake import Mistake, Relation, cause, causes, close, entries, furthest

__tracebackhide__ = True

OTHER_FACTOR = {
    2: "the 2 of 2 lambda w is missing: in this course R is the sum of all squared weights.",
    1: "the 2 is one too many: in this course R is half the sum of all squared weights.",
}[L2_FACTOR]
TERM = {2: "2 lambda w", 1: "lambda w"}[L2_FACTOR]


def expect_gradient(
    got: Any, X: np.ndarray, w: np.ndarray, outputs: np.ndarray, targets: np.ndarray
) -> None:
    """Raise Mistake, with its likely cause, unless `got` is the gradient of C at w.

    Args:
        got: what `backward` left in `grad`.
        X: inputs (N, 785).
        w: weights (785, K).
        outputs: yhat (N, K), of the textbook.
        targets: y (N, K).
    """
    right = textbook.gradient(X, outputs, targets)
    relations = data_relations(X, outputs, targets)

    def objective(w: np.ndarray) -> float:
        return textbook.loss(targets, textbook.forward(X, w))

    _compare(entries("grad", got, right.shape), right, w, objective, "dC/dw", relations)


def expect_penalty_gradient(got: np.ndarray, w: np.ndarray, strength: float, N: int) -> None:
    """Raise Mistake, with its likely cause, unless `got` is dR/dw times lambda (equation 28).

    Args:
        got: what the penalty added to `grad`.
        w: weights (785, K).
        strength: lambda.
        N: the number of examples.
    """
    relations = penalty_relations(w, strength, N)

    def penalty(w: np.ndarray) -> float:
        return strength * L2_FACTOR / 2 * float(np.sum(w**2))

    name = f"the L2 term that lambda = {strength:g} adds"
    _compare(got, L2_FACTOR * strength * w, w, penalty, name, relations)


def data_relations(X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> Sequence[Relation]:
    """List the gradients of C that known mistakes lead to."""
    N, K = targets.shape
    right = textbook.gradient(X, outputs, targets)
    chained = X.T @ ((outputs - targets) * outputs * (1 - outputs)) / N
    relations: list[Relation] = [
        (0 * right, "the gradient is zero: `grad` is not set, or the outputs are not used."),
        (-right, "the sign is opposite: it is -(y - yhat) x, that is (yhat - y) x."),
        (N * right, "not averaged: it is N times too large; divide by N = X.shape[0]."),
        (-N * right, "the sign is opposite, and it is not averaged over the N examples."),
        (right / N, "averaged twice: it is N times too small; divide by N once."),
        (right / 2, "half of it: a factor 1/2 (of a squared error?) has no place here."),
        (2 * right, "twice as large: a factor 2 (of a squared error?) has no place here."),
        (N * right / len(X.T), "divided by the number of inputs (785), not of examples (N)."),
        (chained, "the factor yhat (1 - yhat) cancels in equation 6; it is still in here."),
        (N * chained, "the factor yhat (1 - yhat) cancels in equation 6; and divide by N."),
        (X.T @ outputs / N, "the targets are missing: it is (yhat - y) x."),
        (-X.T @ targets / N, "the outputs are missing: it is (yhat - y) x."),
    ]
    if K > 1:
        relations += [
            (K * right, "K times too large: it was multiplied by the number of classes."),
            (right / K, "K times too small: average over the N examples, not over N * K values."),
            (N * right / K, "divided by the number of classes K, not of examples N."),
        ]
    return causes(right, *relations)


def penalty_relations(w: np.ndarray, strength: float, N: int) -> Sequence[Relation]:
    """List the gradients of the penalty that known mistakes lead to."""
    right = L2_FACTOR * strength * w
    plain = {2: right / 2, 1: 2 * right}[L2_FACTOR]  # with the factor of the other definition
    no_last, no_first = right.copy(), right.copy()
    no_last[-1] = no_first[0] = 0
    bias = "the bias is left out: equation 27 sums over every weight, the bias too."
    squared = np.sum(w**2)
    return causes(
        right,
        (0 * w, f"the L2 term is missing, or does not change with lambda; it is {TERM}."),
        (plain, OTHER_FACTOR),
        (4 * strength * w, "doubled: the L2 term is added twice, or has one factor 2 too many."),
        (-right, "the sign is opposite: the L2 term is added, so that a step shrinks the weights."),
        (-plain, f"the sign is opposite, and {OTHER_FACTOR}"),
        (right / N, "the L2 term is divided by N: only C is an average over examples."),
        (plain / N, f"the L2 term is divided by N, and {OTHER_FACTOR}"),
        (N * right, "the L2 term is counted once per example: only C sums over examples."),
        (N * plain, f"the L2 term is counted once per example, and {OTHER_FACTOR}"),
        (right / w.shape[1], "the L2 term is divided by the number of classes K."),
        (right / w.size, "the L2 term is averaged: equation 27 is a sum over the weights."),
        (L2_FACTOR * strength**2 * w, f"lambda comes in squared; it is {TERM}."),
        (plain * strength, f"lambda comes in squared, and {OTHER_FACTOR}"),
        (strength * np.sign(w), f"this is L1's gradient, lambda sign(w); L2's is {TERM}."),
        (2 * strength * w**2, "w comes in squared; the derivative of w^2 is 2 w."),
        (strength * w**2, f"this is the penalty itself; its derivative is {TERM}."),
        (strength * squared + 0 * w, f"this is the penalty itself; its derivative is {TERM}."),
        (right * np.sign(w), "the sign of w is lost; the derivative of w^2 is 2 w."),
        (strength * w / np.sqrt(squared), "this is the gradient of ||w||; R is ||w||^2."),
        (no_last, bias),
        (no_first, bias),
        (no_last * plain[0, 0] / right[0, 0], f"{bias} And {OTHER_FACTOR}"),
    )


def _compare(
    got: np.ndarray,
    right: np.ndarray,
    w: np.ndarray,
    objective: Callable[[np.ndarray], float],
    name: str,
    relations: Sequence[Relation],
) -> None:
    wrong = ~close(got, right)
    if not wrong.any():
        return
    worst = furthest(got, right)
    numerical = textbook.central_difference(objective, w, worst)
    raise Mistake(
        f"grad is not the gradient: {name} is wrong at {int(wrong.sum())} of {wrong.size} weights",
        f"{right[worst]:.7g} (central differences, equation 29: {numerical:.7g})",
        f"{got[worst]:.7g}",
        f"grad[{', '.join(map(str, worst))}]",
        cause(got, relations) or _rows(wrong) or _ratio(got, right),
    )


def _rows(wrong: np.ndarray) -> str:
    rows = np.flatnonzero(wrong.any(axis=1))
    if len(rows) == 1 and rows[0] in (0, len(wrong) - 1):
        return f"only row {rows[0]}, that of the bias, is wrong: it is a weight like any other."
    columns = np.flatnonzero(wrong.any(axis=0))
    if wrong.shape[1] > 1 and len(columns) == 1:
        return f"only column {columns[0]}, that of one class, is wrong."
    return ""


def _ratio(got: np.ndarray, right: np.ndarray) -> str:
    factor = float(np.sum(got * right) / np.sum(right * right))
    if np.isfinite(factor) and close(got, factor * right).all():
        return f"it is {factor:.4g} times what it should be."
    return "the formula; write it with a loop first, for one example and one weight."
