"""The gradient check finds what it should, and leaves the model as it was."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lab.gradient import GradientError, check_gradient, numerical_gradient
from task2a import BinaryModel
from task3a import SoftmaxModel

RNG = np.random.default_rng(1)
X = RNG.uniform(-1, 1, (4, 6)).astype(np.float32)
Y = np.array([[0], [1], [1], [0]])
TARGETS = np.eye(3)[[1, 0, 2, 1]]
Models = BinaryModel | SoftmaxModel


def with_weights(model: Models, w: np.ndarray) -> Models:
    """Give a model small weights (6, K), so that the check is quick."""
    model.w = w.astype(np.float32)
    model.zero_grad()
    return model


def test_numerical_gradient_of_a_cubic_is_exact_to_epsilon_squared() -> None:
    w = np.array([[1.0, -2.0], [0.1, 3.3]])
    before = w.copy()
    gradient = numerical_gradient(lambda: float(np.sum(w**3)), w)
    np.testing.assert_allclose(gradient, 3 * before**2, atol=1e-9)
    np.testing.assert_array_equal(w, before)  # to the bit


@pytest.mark.parametrize("scale", [0, 1])
def test_a_right_gradient_passes_and_the_model_is_as_it_was(scale: float) -> None:
    model = with_weights(SoftmaxModel(0.5), scale * RNG.standard_normal((6, 3)))
    w, grad, before = model.w, model.grad, model.w.copy()
    assert check_gradient(model, X, TARGETS) < 1e-8
    assert model.w is w
    assert model.grad is grad
    np.testing.assert_array_equal(w, before)
    assert check_gradient(with_weights(BinaryModel(), np.zeros((6, 1))), 0 * X, Y) == 0


class InFloat32(SoftmaxModel):
    """Computes in float32 whatever it is given, and a loss of shape (N - 3,)."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        return super().forward(X).astype(np.float32)

    def objective(self, X: np.ndarray, targets: np.ndarray) -> Any:
        return np.full(len(targets) - 3, super().objective(X, targets))


def test_a_model_in_float32_is_checked_in_float32_and_its_loss_is_one_number() -> None:
    model = with_weights(InFloat32(0.5), np.zeros((6, 3)))
    for inputs in np.random.default_rng(0).uniform(-1, 1, (20, 4, 6)):
        assert check_gradient(model, inputs, TARGETS) < 1e-3
    vars(model)["penalty_gradient"] = lambda: 0.9 * model.w
    with pytest.raises(GradientError, match=r"relative error ...e-02, expected at most 1e-03"):
        check_gradient(model, X, TARGETS)
    with pytest.raises(GradientError, match=r"one number, got an array of shape \(5,\)"):
        check_gradient(model, np.tile(X, (2, 1)), np.tile(TARGETS, (2, 1)))


@pytest.mark.parametrize(
    ("target", "logit", "cause"),
    [
        (0, -25, "it is too small, its length is"),
        (0, 40, "some outputs are exactly 0 or 1"),
        (1, -800, "some outputs are exactly 0 or 1"),
    ],
)
def test_trained_weights_are_not_accused(target: int, logit: float, cause: str) -> None:
    """At a probability of 1e-11 rounding hides what changes; at 0 the loss is at its limit."""
    model = with_weights(BinaryModel(), np.full((6, 1), logit / 6))
    with pytest.raises(ValueError, match=f"cannot be checked .*: {cause}.* before training"):
        check_gradient(model, np.ones((4, 6)), np.full((4, 1), target))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda grad: -grad, "relative error 1.0e[+]00"),
        (lambda grad: grad + 0.01 * np.eye(6, 3, -1), r"Largest difference at w\[1, 0\]"),
        (lambda grad: 1.001 * grad, r"5.0e-04, expected at most 1e-06.* [\d.-]+, central diff"),
        (lambda grad: grad.T, r"expected grad of shape \(6, 3\), got \(3, 6\)"),
        (lambda grad: np.r_[grad, grad], r"expected grad of .* \(6, 3\), got \(12, 3\)"),
        (lambda grad: grad * np.nan, "relative error nan"),
    ],
)
def test_a_wrong_gradient_shows(change: Callable[[np.ndarray], np.ndarray], message: str) -> None:
    class Wrong(SoftmaxModel):
        def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
            super().backward(X, outputs, targets)
            self.grad = change(self.grad)

    for w in (np.zeros((6, 3)), np.eye(6, 3) / 3):
        with pytest.raises(GradientError, match=message):
            check_gradient(with_weights(Wrong(1), w), X, TARGETS)
