"""The gradient check finds what it should, and leaves the model as it was."""

from __future__ import annotations

import numpy as np
import pytest

import task2a
import task3a
from lab.gradient import GradientError, check_gradient, numerical_gradient
from task2a import BinaryModel
from task3a import SoftmaxModel

RNG = np.random.default_rng(1)
X = RNG.uniform(-1, 1, (4, 785)).astype(np.float32)
Y = np.array([[0], [1], [1], [0]])
TARGETS = task3a.one_hot_encode(np.array([[1], [0], [9], [1]]), 10)


def test_numerical_gradient_of_a_cubic_is_exact_to_epsilon_squared() -> None:
    w = np.array([[1.0, -2.0], [0.5, 3.0]])
    before = w.copy()
    gradient = numerical_gradient(lambda: float(np.sum(w**3)), w)
    np.testing.assert_allclose(gradient, 3 * before**2, atol=1e-9)
    np.testing.assert_array_equal(w, before)


def test_the_relative_error_of_a_right_gradient_is_tiny() -> None:
    assert check_gradient(BinaryModel(), X, Y) < 1e-8
    assert check_gradient(SoftmaxModel(1), X, TARGETS) < 1e-8


def test_where_the_gradient_is_zero_there_is_no_error() -> None:
    assert check_gradient(BinaryModel(), np.zeros_like(X), Y) == 0


@pytest.mark.parametrize(
    ("model", "logit", "cause"),
    [
        (BinaryModel(), -60, "it is too small, its length is"),
        (SoftmaxModel(0), 800, "some outputs are exactly 0 or 1"),
    ],
)
def test_right_code_is_not_accused_where_a_long_training_leaves_nothing_to_compare(
    model: BinaryModel | SoftmaxModel, logit: float, cause: str
) -> None:
    """Of a probability of 1e-26 the logarithm does not change; of 0 the loss is at its limit."""
    inputs, targets = np.ones((4, 785)), Y * 0 if len(model.w.T) == 1 else TARGETS[[0] * 4]
    model.w[:, 0] = logit / 785
    with pytest.raises(
        ValueError, match=rf"cannot be checked at these weights: {cause}.* before training"
    ):
        check_gradient(model, inputs, targets)


def test_the_model_is_as_it_was_afterwards() -> None:
    model = SoftmaxModel(1)
    model.w[3, 3] = 2
    w, grad = model.w, model.grad
    values = w.copy()
    task3a.gradient_approximation_test(model, X, TARGETS)
    assert model.w is w
    assert model.grad is grad
    assert w.dtype == np.float32
    np.testing.assert_array_equal(w, values)


class Sign(BinaryModel):
    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        super().backward(X, outputs, targets)
        self.grad = -self.grad


class OneWeight(BinaryModel):
    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        super().backward(X, outputs, targets)
        self.grad[17] += 0.01


class Transposed(BinaryModel):
    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        super().backward(X, outputs, targets)
        self.grad = self.grad.T


class TwoColumns(BinaryModel):
    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        super().backward(X, outputs, targets)
        self.grad = np.tile(self.grad, 2)


class NotANumber(BinaryModel):
    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        self.grad = np.full_like(self.w, np.nan)


class HalfThePenalty(SoftmaxModel):
    def penalty_gradient(self) -> np.ndarray:
        return self.l2_reg_lambda * self.w


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Sign(), "relative error 1.0e[+]00"),
        (OneWeight(), r"Largest difference at w\[17, 0\]"),
        (Transposed(), r"expected grad of shape \(785, 1\), got \(1, 785\)"),
        (TwoColumns(), r"expected grad of shape \(785, 1\), got \(785, 2\)"),
        (NotANumber(), "relative error nan"),
    ],
)
def test_a_wrong_gradient_is_found(model: BinaryModel, message: str) -> None:
    with pytest.raises(GradientError, match=message):
        task2a.gradient_approximation_test(model, X, Y)
    assert not model.w.any()


def test_a_wrong_penalty_is_found_though_the_weights_start_at_zero() -> None:
    message = (
        r"^backward is not the gradient of the objective: relative error [\d.e-]+, "
        r"expected at most 1e-06\. Largest difference at w\[\d+, \d+\]: backward gave [\d.-]+, "
        r"central differences [\d.-]+\. "
        r"The mistake is in forward, backward, cross_entropy_loss or the penalty\.$"
    )
    with pytest.raises(GradientError, match=message):
        task3a.gradient_approximation_test(HalfThePenalty(1), X, TARGETS)
