"""Gradient checks that name the cause: they compare a wrong gradient with known mistakes."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from lab.assignment import L2
from tests.checks import textbook
from tests.checks.mistake import Cause, Mistake, Relation, cause, close, entries, furthest

__tracebackhide__ = True

OTHER_FACTOR = {
    "sum": "half of what it should be if R is the sum of all squares, as is assumed here.",
    "half": "twice what it should be if R is half the sum of all squares, as is assumed here.",
}[L2]
CHAINED = "a factor is left in here that cancels in the derivation of Task 1."


def expect_gradient(
    got: Any,
    X: np.ndarray,
    w: np.ndarray,
    outputs: np.ndarray,
    targets: np.ndarray,
    likely: Cause = "",
) -> None:
    """Raise Mistake, with its likely cause, unless `got` is the gradient of C at w."""
    right = textbook.gradient(X, outputs, targets)
    relations = data_relations(X, outputs, targets)

    def objective(w: np.ndarray) -> float:
        return textbook.loss(targets, textbook.forward(X, w))

    _compare(entries("grad", got, right.shape), right, w, objective, "dC/dw", relations, likely)


def expect_penalty_gradient(got: np.ndarray, w: np.ndarray, strength: float, N: int) -> None:
    """Raise Mistake, with its likely cause, unless `got` is dR/dw times lambda (equation 28)."""
    relations = penalty_relations(w, strength, N)

    def penalty(w: np.ndarray) -> float:
        return strength * float(textbook.penalty(w).sum())

    name = f"the L2 term that lambda = {strength:g} adds"
    _compare(got, strength * textbook.penalty_slopes(w), w, penalty, name, relations)


def data_relations(X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> Sequence[Relation]:
    """List the gradients of C that known mistakes lead to."""
    N, K = targets.shape
    slopes = textbook.slopes(outputs, targets)
    right = textbook.through_inputs(X, slopes)
    chained = textbook.through_inputs(X, slopes * outputs * (1 - outputs))
    relations: list[Relation] = [
        (0 * right, "it is zero: `grad` is not set or overwritten, or the outputs are not used."),
        (-right, "the sign is opposite, or outputs and targets are exchanged."),
        (N * right, "not averaged: it is N times too large; divide by N = X.shape[0]."),
        (-N * right, "the sign is opposite, and it is not averaged over the N examples."),
        (right / N, "averaged twice: it is N times too small; divide by N once."),
        (right / 2, "half of it: a factor 1/2 (of a squared error?) has no place here."),
        (2 * right, "twice as large: a factor 2 (of a squared error?) has no place here."),
        (N * right / len(X.T), "divided by the number of inputs (785), not of examples (N)."),
        (chained, CHAINED),
        (N * chained, f"{CHAINED} And divide by N."),
        (textbook.through_inputs(X, outputs) / N, "the targets are missing."),
        (-textbook.through_inputs(X, targets) / N, "the outputs are missing."),
    ]
    if K > 1:
        relations += [
            (K * right, "K times too large: it was multiplied by the number of classes."),
            (right / K, "K times too small: average over the N examples, not over N * K values."),
            (N * right / K, "divided by the number of classes K, not of examples N."),
        ]
    return relations


def penalty_relations(w: np.ndarray, strength: float, N: int) -> Sequence[Relation]:
    """List the gradients of the penalty that known mistakes lead to."""
    right = strength * textbook.penalty_slopes(w)
    plain = {"sum": right / 2, "half": 2 * right}[L2]  # with the factor of the other definition
    doubled = {"sum": 2 * right, "half": 4 * right}[L2]
    no_last, no_first = right.copy(), right.copy()
    no_last[-1] = no_first[0] = 0
    bias = "the bias is left out: equation 27 sums over every weight, the bias too."
    squared = np.sum(w**2)
    return [
        (0 * w, "the L2 term is missing, or does not change with lambda."),
        (plain, OTHER_FACTOR),
        (doubled, "doubled: the L2 term is added twice, or has one factor 2 too many."),
        (-right, "the sign is opposite: the L2 term is added, so that a step shrinks the weights."),
        (-plain, f"the sign is opposite, and {OTHER_FACTOR}"),
        (right / N, "the L2 term is divided by N: only C is an average over examples."),
        (plain / N, f"the L2 term is divided by N, and {OTHER_FACTOR}"),
        (N * right, "the L2 term is counted once per example: only C sums over examples."),
        (N * plain, f"the L2 term is counted once per example, and {OTHER_FACTOR}"),
        (right / w.shape[1], "the L2 term is divided by the number of classes K."),
        (right / w.size, "the L2 term is averaged: equation 27 is a sum over the weights."),
        (right * strength, "lambda comes in squared."),
        (plain * strength, f"lambda comes in squared, and {OTHER_FACTOR}"),
        (strength * np.sign(w), "this is the gradient of L1, the sum of all |w|."),
        (2 * strength * w**2, "w comes in squared, as in the penalty; take the derivative."),
        (strength * w**2, "this is the penalty itself; take the derivative."),
        (strength * squared + 0 * w, "this is the penalty itself; take the derivative."),
        (right * np.sign(w), "the sign of w is lost."),
        (strength * w / np.sqrt(squared), "this is the gradient of ||w||; R is ||w||^2."),
        (no_last, bias),
        (no_first, bias),
        (no_last * plain[0, 0] / right[0, 0], f"{bias} And {OTHER_FACTOR}"),
    ]


def _compare(
    got: np.ndarray,
    right: np.ndarray,
    w: np.ndarray,
    objective: Callable[[np.ndarray], float],
    name: str,
    relations: Sequence[Relation],
    likely: Cause = "",
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
        cause(got, relations, likely) or _rows(wrong) or _ratio(got, right),
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
