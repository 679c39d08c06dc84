"""Task 4b: L2 regularisation in the backward pass (7 points)."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from tests.checks import textbook
from tests.checks.desk import Desk
from tests.checks.gradients import expect_penalty_gradient
from tests.checks.mistake import at_fault, close, expect, expect_close, expect_shape
from tests.checks.models import expect_new_gradient, expect_weights_kept, gradient_of, model_with
from tests.checks.points import check

X, Y = textbook.inputs(), textbook.class_targets()
W = textbook.sealed(textbook.weights(10) / 2)
OUTPUTS = textbook.sealed(textbook.forward(X, W))

BACKWARD = "task3a.SoftmaxModel.backward", "28"


@pytest.fixture
def penalty_gradient(task3a: Any) -> Callable[..., np.ndarray]:
    """Compute what lambda adds to the gradient, whether the rest of it is right or wrong."""

    def compute(strength: float, num_examples: int = 7) -> np.ndarray:
        gradients = []
        for l2_reg_lambda in (strength, 0.0):
            model = model_with(task3a.SoftmaxModel(l2_reg_lambda), W)
            grad = gradient_of(model, *(array[:num_examples] for array in (X, OUTPUTS, Y)))
            expect_shape(f"grad with lambda = {l2_reg_lambda:g}", grad, (785, 10))
            gradients.append(np.asarray(grad, dtype=np.float64))
        return gradients[0] - gradients[1]

    return compute


@check("4b", 1, *BACKWARD)
def test_the_gradient_with_l2_has_the_shape_of_w(penalty_gradient: Any) -> None:
    term = penalty_gradient(0.3)
    what = "the gradient does not change with lambda"
    likely = "the L2 term is missing in backward; it is 2 lambda w."
    expect(np.abs(term).max() > 1e-6, what, "2 lambda w more", "the same gradient", likely)


@check("4b", 4, *BACKWARD, [test_the_gradient_with_l2_has_the_shape_of_w])
def test_l2_adds_2_lambda_w_to_the_gradient(penalty_gradient: Any) -> None:
    for num_examples in (7, 1):
        term = penalty_gradient(0.3, num_examples)
        expect_penalty_gradient(term, W, 0.3, num_examples)


@check("4b", 1, *BACKWARD, [test_l2_adds_2_lambda_w_to_the_gradient])
def test_l2_is_proportional_to_lambda(penalty_gradient: Any) -> None:
    for strength in (1.0, 0.1, 0.01):
        expect_penalty_gradient(penalty_gradient(strength), W, strength, 7)


@check("4b", 0.5, *BACKWARD, [test_l2_adds_2_lambda_w_to_the_gradient])
def test_backward_with_l2_touches_nothing_else(task3a: Any) -> None:
    expect_weights_kept(model_with(task3a.SoftmaxModel(0.3), W), X, "backward", OUTPUTS, Y)
    expect_new_gradient(model_with(task3a.SoftmaxModel(0.3), W), X, OUTPUTS, Y)


@check("4b", 0.5, *BACKWARD, [test_l2_adds_2_lambda_w_to_the_gradient])
def test_a_training_step_takes_the_penalty_once(task3a: Any, desk: Desk) -> None:
    Trainer: Any = getattr(desk.find("task3"), "SoftmaxTrainer", None)
    moves = []
    with suppress(Exception):  # missing, not written, or broken: Task 3b reports it
        for l2_reg_lambda in (0.0, 0.3):
            model = model_with(task3a.SoftmaxModel(l2_reg_lambda), W)
            Trainer(model, 0.1, 7, False, X, Y, X, Y).train_step(X.copy(), Y.copy())
            moves.append(np.asarray(model.w, dtype=np.float64) - W)
    if len(moves) < 2 or not close(moves[0], -0.1 * textbook.gradient(X, OUTPUTS, Y)).all():
        return
    twice = "it is added twice, in backward and in train_step: backward is enough."
    with at_fault("task3.SoftmaxTrainer.train_step"):
        expect_close(
            "the change of w by L2",
            moves[1] - moves[0],
            -0.1 * 0.6 * W,
            [(-0.2 * 0.6 * W, twice)],
            "train_step uses the gradient as backward sets it, and adds nothing.",
            "the L2 term moves the weights wrongly (lambda = 0.3, learning rate 0.1)",
        )
