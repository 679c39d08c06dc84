"""Numerical verification of the results in docs/derivations.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import optimize, special

import task2a
import task3a
from lab.gradient import numerical_gradient
from reproduce import theory
from task2a import BinaryModel
from task3 import SoftmaxTrainer
from task3a import SoftmaxModel

DOCUMENT = Path(__file__).parents[2] / "docs" / "derivations.md"
N, K = 6, 3  # examples, outputs
INPUTS = 4


def examples(outputs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return X (N, I) in [-1, 1] with a bias, one-hot or binary Y (N, K), w (I, K) of order 1."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (N, INPUTS))
    X[:, -1] = 1
    labels = np.arange(N) % max(outputs, 2)
    Y = np.eye(outputs)[labels] if outputs > 1 else labels[:, None].astype(float)
    return X, Y, rng.standard_normal((INPUTS, outputs))


def binary_cost(X: np.ndarray, Y: np.ndarray, w: np.ndarray) -> float:
    """Compute equation 3 with SciPy."""
    a = special.expit(X @ w)
    return -float(np.mean(special.xlogy(Y, a) + special.xlogy(1 - Y, 1 - a)))


def softmax_cost(X: np.ndarray, Y: np.ndarray, w: np.ndarray) -> float:
    """Compute equation 5 with SciPy."""
    return -float(np.mean(np.sum(Y * special.log_softmax(X @ w, axis=1), axis=1)))


def entry(function: Callable[[np.ndarray], np.ndarray], z: np.ndarray, k: int) -> float:
    return float(function(z)[k])


def binary_model(w: np.ndarray) -> BinaryModel:
    model = BinaryModel()
    model.w = w.copy()
    return model


def softmax_model(w: np.ndarray, l2_reg_lambda: float = 0) -> SoftmaxModel:
    model = SoftmaxModel(l2_reg_lambda)
    model.w = w.copy()
    return model


def minimise(X: np.ndarray, Y: np.ndarray, l2_reg_lambda: float, scale: float = 1) -> np.ndarray:
    """Find the weights (I, K) that minimise scale C(w) + lambda R(w)."""

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(INPUTS, K)
        cost = scale * softmax_cost(X, Y, w) + l2_reg_lambda * np.sum(w**2)
        grad = scale * X.T @ (special.softmax(X @ w, axis=1) - Y) / N + 2 * l2_reg_lambda * w
        return float(cost), grad.ravel()

    minimum = optimize.minimize(objective, np.zeros(INPUTS * K), jac=True, tol=1e-12)
    return np.asarray(minimum.x).reshape(INPUTS, K)


def test_the_text_names_every_test_and_no_other() -> None:
    named = set(re.findall(r"`(test_\w+)`", DOCUMENT.read_text(encoding="utf-8")))
    assert named == {name for name in globals() if name.startswith("test_")}


# Task 1a


@given(st.floats(-30, 30))
def test_derivative_of_the_sigmoid_is_sigma_times_one_minus_sigma(z: float) -> None:
    point = np.array([z])
    numerical = numerical_gradient(lambda: float(special.expit(point[0])), point)
    assert numerical[0] == pytest.approx(special.expit(z) * special.expit(-z), abs=1e-10)


def test_gradient_of_binary_cross_entropy_is_minus_x_times_y_minus_yhat() -> None:
    X, Y, w = examples(1)
    for targets in (Y, np.linspace(0, 1, N)[:, None]):
        numerical = numerical_gradient(partial(binary_cost, X, targets, w), w)
        outputs = special.expit(X @ w)
        by_hand = np.zeros((INPUTS, 1))
        for n, i in np.ndindex(N, INPUTS):
            by_hand[i, 0] -= (targets[n, 0] - outputs[n, 0]) * X[n, i] / N
        np.testing.assert_allclose(by_hand, numerical, atol=1e-9)
        np.testing.assert_allclose(-X.T @ (targets - outputs) / N, numerical, atol=1e-9)


def test_binary_model_follows_the_formula() -> None:
    X, Y, w = examples(1)
    model = binary_model(w)
    outputs = model.forward(X)
    model.backward(X, outputs, Y)
    np.testing.assert_allclose(outputs, special.expit(X @ w), rtol=1e-14)
    assert task2a.cross_entropy_loss(Y, outputs) == pytest.approx(binary_cost(X, Y, w), rel=1e-14)
    np.testing.assert_allclose(model.grad, -X.T @ (Y - special.expit(X @ w)) / N, rtol=1e-12)


@given(z=st.floats(-6, 6), x=st.floats(-3, 3), epsilon=st.floats(1e-2, 0.5))
def test_error_of_central_differences_is_bounded_by_the_third_derivative(
    z: float, x: float, epsilon: float
) -> None:
    X, Y, w = np.array([[x, 1.0]]), np.ones((1, 1)), np.array([[0.5], [z - 0.5 * x]])
    numerical = numerical_gradient(lambda: binary_cost(X, Y, w), w, epsilon)[0, 0]
    exact = -(1 - special.expit(z)) * x
    assert abs(numerical - exact) <= epsilon**2 * abs(x) ** 3 / (36 * 3**0.5) + 1e-12


# Task 1b


def test_derivatives_of_softmax() -> None:
    z = np.array([0.3, -1.2, 2.0, 0.0])
    outputs = special.softmax(z)
    for k in range(len(z)):
        numerical = numerical_gradient(partial(entry, special.softmax, z, k), z)
        np.testing.assert_allclose(numerical, outputs[k] * (np.eye(4)[k] - outputs), atol=1e-9)
        log_output = numerical_gradient(partial(entry, special.log_softmax, z, k), z)
        np.testing.assert_allclose(log_output, np.eye(4)[k] - outputs, atol=1e-9)


def test_gradient_of_cross_entropy_is_minus_x_times_y_minus_yhat() -> None:
    X, Y, w = examples(K)
    soft = special.softmax(2 * np.random.default_rng(1).standard_normal((N, K)), axis=1)
    for targets in (Y, soft):
        numerical = numerical_gradient(partial(softmax_cost, X, targets, w), w)
        outputs = special.softmax(X @ w, axis=1)
        by_hand = np.zeros((INPUTS, K))
        for n, i, k in np.ndindex(N, INPUTS, K):
            by_hand[i, k] -= X[n, i] * (targets[n, k] - outputs[n, k]) / N
        np.testing.assert_allclose(by_hand, numerical, atol=1e-9)
        np.testing.assert_allclose(-X.T @ (targets - outputs) / N, numerical, atol=1e-9)


def test_softmax_model_follows_the_formula() -> None:
    X, Y, w = examples(K)
    model = softmax_model(w)
    outputs = model.forward(X)
    model.backward(X, outputs, Y)
    np.testing.assert_allclose(outputs, special.softmax(X @ w, axis=1), rtol=1e-14)
    assert task3a.cross_entropy_loss(Y, outputs) == pytest.approx(softmax_cost(X, Y, w), rel=1e-14)
    np.testing.assert_allclose(model.grad, -X.T @ (Y - outputs) / N, rtol=1e-12)


def test_softmax_of_two_classes_is_the_sigmoid_of_the_difference() -> None:
    X, _, w = examples(2)
    one = binary_model(w[:, :1] - w[:, 1:]).forward(X)
    np.testing.assert_allclose(softmax_model(w).forward(X)[:, :1], one, rtol=1e-14)


def test_dividing_the_cost_by_k_multiplies_the_effective_lambda_by_k() -> None:
    X, Y, w = examples(K)
    numerical = numerical_gradient(lambda: softmax_cost(X, Y, w) / K, w)
    outputs = special.softmax(X @ w, axis=1)
    np.testing.assert_allclose(-X.T @ (Y - outputs) / N / K, numerical, atol=1e-9)
    divided, ours = minimise(X, Y, 0.02, scale=1 / K), minimise(X, Y, K * 0.02)
    np.testing.assert_allclose(divided, ours, atol=1e-4)
    assert not np.allclose(divided, minimise(X, Y, 0.02), atol=0.1)


# Task 4a


@pytest.mark.parametrize("l2_reg_lambda", [0, 0.1, 1])
def test_gradient_of_the_penalty_is_two_lambda_w(l2_reg_lambda: float) -> None:
    X, Y, w = examples(K)
    model = softmax_model(w, l2_reg_lambda)
    numerical = numerical_gradient(model.penalty, model.w)
    np.testing.assert_allclose(numerical, 2 * l2_reg_lambda * w, atol=1e-9)
    objective = numerical_gradient(
        lambda: softmax_cost(X, Y, model.w) + l2_reg_lambda * float(np.sum(model.w**2)), model.w
    )
    outputs = model.forward(X)
    model.backward(X, outputs, Y)
    np.testing.assert_allclose(model.grad, objective, atol=1e-9)
    np.testing.assert_allclose(model.grad, -X.T @ (Y - outputs) / N + 2 * l2_reg_lambda * w)


def test_an_update_is_weight_decay_and_a_step_on_the_cost() -> None:
    X, Y, w = examples(K)
    eta, l2_reg_lambda = 0.01, 1
    trainer = SoftmaxTrainer(softmax_model(w, l2_reg_lambda), eta, N, False, X, Y, X, Y)
    trainer.train_step(X, Y)
    data_term = X.T @ (Y - special.softmax(X @ w, axis=1)) / N
    np.testing.assert_allclose(trainer.model.w, 0.98 * w + eta * data_term, rtol=1e-12)


def test_a_larger_lambda_gives_shorter_weights_and_a_larger_training_loss() -> None:
    X, Y, _ = examples(K)
    weights = [minimise(X, Y, l2_reg_lambda) for l2_reg_lambda in (0.001, 0.01, 0.1, 1)]
    lengths = [float(np.sum(w**2)) for w in weights]
    losses = [softmax_cost(X, Y, w) for w in weights]
    assert lengths == sorted(lengths, reverse=True)
    assert losses == sorted(losses)


def test_separable_data_have_no_minimiser_without_a_penalty() -> None:
    X, Y, _ = examples(K)
    w = Y.T @ np.linalg.pinv(X).T  # six examples, four inputs: not every label is fitted
    separable = np.argmax(X @ w.T, axis=1) == np.argmax(Y, axis=1)
    X, Y = X[separable], Y[separable]
    assert len(X) >= K
    costs = [softmax_cost(X, Y, factor * w.T) for factor in (1, 10, 100, 1000)]
    assert costs == sorted(costs, reverse=True)
    assert costs[-1] < 1e-3 * costs[0]
    penalised = [softmax_cost(X, Y, c * w.T) + 0.01 * np.sum((c * w) ** 2) for c in (10, 100, 1000)]
    assert penalised == sorted(penalised)


@pytest.mark.parametrize("blank", [0.0, -1.0])
def test_the_weight_of_an_always_blank_pixel_is_zero_or_minus_the_bias(blank: float) -> None:
    X, Y, _ = examples(K)
    X[:, 0] = blank
    model = softmax_model(np.zeros((INPUTS, K)), 0.1)
    for _ in range(20):
        model.backward(X, model.forward(X), Y)
        model.w -= 0.5 * model.grad
    np.testing.assert_array_equal(model.w[0], blank * model.w[-1])
    assert np.all(model.w[1:] != 0)


def test_l2_makes_weights_small_but_not_zero() -> None:
    X, Y, _ = examples(K)
    w = minimise(X, Y, l2_reg_lambda=1)
    residual = Y - special.softmax(X @ w, axis=1)
    np.testing.assert_allclose(w, X.T @ residual / (2 * N), atol=1e-6)
    assert np.abs(w).max() < 0.2
    assert np.abs(w).min() > 1e-4


# The origin of the cross-entropy


def test_binary_cross_entropy_is_the_mean_negative_bernoulli_log_likelihood() -> None:
    X, Y, w = examples(1)
    outputs = binary_model(w).forward(X)
    probabilities = np.where(Y == 1, outputs, 1 - outputs)  # of the given labels
    np.testing.assert_allclose(outputs**Y * (1 - outputs) ** (1 - Y), probabilities)
    likelihood = np.prod(probabilities)
    assert task2a.cross_entropy_loss(Y, outputs) == pytest.approx(-np.log(likelihood) / N)


def test_cross_entropy_is_the_mean_negative_categorical_log_likelihood() -> None:
    X, Y, w = examples(K)
    outputs = softmax_model(w).forward(X)
    likelihood = np.prod([outputs[n, Y[n].argmax()] for n in range(N)])
    np.testing.assert_allclose(np.prod(outputs**Y), likelihood)
    assert task3a.cross_entropy_loss(Y, outputs) == pytest.approx(-np.log(likelihood) / N)


def test_without_the_logarithm_the_loss_is_negative_and_its_gradient_vanishes() -> None:
    z, c = np.array([-8.0, 8.0, 0.0]), 0  # confident of class 1, but class 0 is true
    a = special.softmax(z)
    without = numerical_gradient(lambda: -float(special.softmax(z)[c]), z)
    np.testing.assert_allclose(without, -a[c] * (np.eye(3)[c] - a), atol=1e-10)
    assert -1 <= -a[c] <= 0 <= -np.log(a[c])
    assert np.abs(without).max() < 1e-6
    assert np.abs(a - np.eye(3)[c]).max() > 0.999  # with the logarithm


# Why y and a cannot be exchanged


@given(a=st.floats(0.01, 0.99), y=st.sampled_from([1e-3, 1e-30, 1e-300]))
def test_the_exchanged_cost_is_infinite_for_every_output(a: float, y: float) -> None:
    # -(a ln y + (1 - a) ln(1 - y)) for a label y close to 0; a label close to 1 is symmetric
    exchanged = -(a * np.log(y) + (1 - a) * np.log1p(-y))
    assert exchanged >= -a * np.log(y)
    assert -(special.xlogy(a, 0.0) + special.xlogy(1 - a, 1.0)) == np.inf
    assert -(special.xlogy(a, 1.0) + special.xlogy(1 - a, 0.0)) == np.inf
    for label in (0.0, 1.0):
        assert np.isfinite(special.xlogy(label, a) + special.xlogy(1 - label, 1 - a))


@given(y=st.floats(0.01, 0.99), a=st.floats(0, 1))
def test_the_exchanged_cost_is_linear_in_the_output(y: float, a: float) -> None:
    exchanged = -(a * np.log(y) + (1 - a) * np.log(1 - y))
    at_0, at_1 = -np.log(1 - y), -np.log(y)
    assert exchanged == pytest.approx(at_0 + a * (at_1 - at_0))
    assert at_1 - at_0 == pytest.approx(-special.logit(y), abs=1e-12)
    assert min(at_0, at_1) == (at_1 if y > 0.5 else at_0)


@pytest.mark.parametrize(("dtype", "bits", "worst"), [(np.float64, 53, 708), (np.float32, 24, 87)])
def test_the_loss_of_saturated_outputs_is_finite(dtype: type, bits: int, worst: float) -> None:
    edge = bits * np.log(2)
    model = binary_model(np.array([[1.0]], dtype))
    below, above = model.forward(np.array([[edge - 0.7], [edge + 0.01]], dtype))[:, 0]
    assert below < 1
    assert above == 1
    with np.errstate(divide="ignore", invalid="ignore"):
        assert np.isnan((1 - 1.0) * np.log(1 - above))
    saturated = np.full((1, 1), above)
    right, wrong = np.ones_like(saturated), np.zeros_like(saturated)
    assert task2a.cross_entropy_loss(right, saturated) == 0
    assert task2a.cross_entropy_loss(wrong, saturated) == pytest.approx(worst, abs=0.5)
    model.backward(np.ones_like(saturated), saturated, wrong)
    assert model.grad[0, 0] == 1


@pytest.mark.parametrize(("dtype", "limit"), [(np.float64, 708.0), (np.float32, 87.0)])
def test_the_exact_cost_of_a_wrong_output_is_its_logit(dtype: type, limit: float) -> None:
    model = binary_model(np.array([[1.0]], dtype))
    wrong: np.ndarray = np.zeros((1, 1), dtype)
    for z in (limit / 2, limit - 1, limit + 2):
        exact = float(np.logaddexp(0, z))
        computed = task2a.cross_entropy_loss(wrong, model.forward(np.array([[z]], dtype)))
        assert exact == pytest.approx(z)
        assert (computed > exact) is (z < limit)


# The cost is minimal at a = y


@given(st.floats(0.01, 0.99))
def test_the_cost_is_minimal_at_a_equal_to_y(y: float) -> None:
    def cost(a: float) -> float:
        return task2a.cross_entropy_loss(np.array([[y]]), np.array([[a]]))

    minimum = optimize.minimize_scalar(
        cost, bounds=(0, 1), method="bounded", options={"xatol": 1e-9}
    )
    assert minimum.x == pytest.approx(y, abs=1e-6)
    assert cost(y) == pytest.approx(special.entr(y) + special.entr(1 - y))
    a = np.array([0.3])
    derivative = numerical_gradient(lambda: cost(a[0]), a)[0]
    assert derivative == pytest.approx((0.3 - y) / (0.3 * 0.7), abs=1e-6)
    curvature = (cost(0.3 + 1e-4) - 2 * cost(0.3) + cost(0.3 - 1e-4)) / 1e-8
    assert curvature == pytest.approx(y / 0.3**2 + (1 - y) / 0.7**2, rel=1e-4)


@given(y=st.floats(0, 1), a=st.floats(0.01, 0.99))
def test_the_cost_above_its_minimum_is_the_kullback_leibler_divergence(y: float, a: float) -> None:
    cost = task2a.cross_entropy_loss(np.array([[y]]), np.array([[a]]))
    entropy = special.entr(y) + special.entr(1 - y)
    divergence = special.rel_entr(y, a) + special.rel_entr(1 - y, 1 - a)
    assert cost == pytest.approx(entropy + divergence)
    assert divergence >= -1e-15
    assert entropy <= np.log(2)


def test_the_cost_of_k_classes_is_minimal_at_yhat_equal_to_y() -> None:
    for y in (np.array([[0.2, 0.5, 0.3]]), np.array([[0.6, 0.4, 0.0]]), np.eye(K)[:1]):
        entropy = float(special.entr(y).sum())
        assert task3a.cross_entropy_loss(y, y) == pytest.approx(entropy)
        others = np.random.default_rng(0).dirichlet(np.ones(K), 200)
        losses = [task3a.cross_entropy_loss(y, other[None]) for other in others]
        assert min(losses) > entropy
        divergence = special.rel_entr(y, others).sum(axis=1)
        np.testing.assert_allclose(losses, entropy + divergence)


# Softmax with scaled logits


def test_softmax_of_large_logits_is_uniform_over_the_maxima() -> None:
    z = np.array([1.0, 3.0, 2.5, 3.0])  # two maxima
    np.testing.assert_allclose(special.softmax(1e4 * z), [0, 0.5, 0, 0.5])
    for c in (0.1, 1, 10):
        bound = np.exp(-c * (z.max() - z)) / 2
        assert np.all(special.softmax(c * z) <= bound + 1e-15)


def test_softmax_of_small_logits_is_uniform() -> None:
    np.testing.assert_allclose(special.softmax(1e-9 * np.array([1.0, 3.0, 2.5])), 1 / 3, rtol=1e-8)


def test_a_larger_factor_moves_probability_to_the_larger_logits() -> None:
    z, c = np.array([1.0, 3.0, 2.5, -1.0]), np.array([0.7])
    outputs = special.softmax(c * z)
    for k in range(len(z)):
        log_output = partial(entry, lambda c: special.log_softmax(c * z), c, k)
        assert numerical_gradient(log_output, c)[0] == pytest.approx(z[k] - outputs @ z)
    largest = [special.softmax(factor * z).max() for factor in np.linspace(0, 5, 50)]
    assert np.all(np.diff(largest) > 0)


@given(z=st.lists(st.floats(-5, 5), min_size=1, max_size=5), c=st.floats(0.1, 50))
def test_log_sum_exp_is_a_soft_maximum_with_softmax_as_its_gradient(
    z: list[float], c: float
) -> None:
    logits = np.array(z)
    soft = special.logsumexp(c * logits) / c
    assert max(z) - 1e-12 <= soft <= max(z) + np.log(len(z)) / c + 1e-12
    gradient = numerical_gradient(lambda: float(special.logsumexp(c * logits) / c), logits)
    np.testing.assert_allclose(gradient, special.softmax(c * logits), atol=1e-6)


def test_larger_weights_make_the_outputs_of_the_softmax_model_harder() -> None:
    X, _, w = examples(K)
    for c in (0.1, 1, 10):
        outputs = softmax_model(c * w).forward(X)
        np.testing.assert_allclose(outputs, special.softmax(c * (X @ w), axis=1))
    hard = softmax_model(1e4 * w).forward(X)
    np.testing.assert_allclose(hard, np.eye(K)[(X @ w).argmax(axis=1)], atol=1e-12)


# The error of an output


def test_delta_is_output_minus_target() -> None:
    _, Y, _ = examples(K)
    z = np.random.default_rng(0).standard_normal((N, K))
    numerical = numerical_gradient(lambda: N * softmax_cost(z, Y, np.eye(K)), z)
    np.testing.assert_allclose(numerical, special.softmax(z, axis=1) - Y, atol=1e-8)
    z, targets = z[:, :1].copy(), Y[:, :1]
    numerical = numerical_gradient(lambda: N * binary_cost(z, targets, np.ones((1, 1))), z)
    np.testing.assert_allclose(numerical, special.expit(z) - targets, atol=1e-8)


def test_delta_of_the_squared_error_vanishes_for_a_confident_wrong_output() -> None:
    def squared_error(z: np.ndarray, y: float) -> float:
        return float(np.sum((special.expit(z) - y) ** 2)) / 2

    z = np.linspace(-10, 10, 21)
    a = special.expit(z)
    for y in (0, 1):
        numerical = numerical_gradient(partial(squared_error, z, y), z)
        np.testing.assert_allclose(numerical, (a - y) * a * (1 - a), atol=1e-9)
    assert a[-1] - 0 > 0.9999  # delta of the cross-entropy for y = 0
    assert (a[-1] - 0) * a[-1] * (1 - a[-1]) < 1e-4


# Inputs for which the gradient of a sigmoid unit does not vanish


def factor(w: float, b: float, a: float) -> float:
    """Compute |w sigma'(w a + b)| with SciPy."""
    z = w * a + b
    return float(abs(w) * special.expit(z) * special.expit(-z))


@given(size=st.floats(4.01, 60), sign=st.sampled_from([-1, 1]), b=st.floats(-5, 5))
def test_the_width_formula_agrees_with_root_finding(size: float, sign: int, b: float) -> None:
    w = sign * size
    centre = -b / w
    edges = [
        optimize.brentq(lambda a: factor(w, b, a) - 1, centre, centre + side) for side in (-2, 2)
    ]
    assert edges[1] - edges[0] == pytest.approx(theory.input_range_width(w), abs=1e-9)
    assert sum(edges) / 2 == pytest.approx(centre, abs=1e-9)


@given(w=st.floats(-3.999, 3.999), b=st.floats(-5, 5), a=st.floats(-5, 5))
def test_no_input_satisfies_the_condition_for_weights_below_4(w: float, b: float, a: float) -> None:
    assert factor(w, b, a) < 1
    assert theory.input_range_width(w) == 0
    assert theory.input_range_width(4) == 0
    assert factor(4, b, -b / 4) == pytest.approx(1)  # for w = 4, one input satisfies it


@given(st.floats(4, 1000))
def test_the_width_equals_its_logarithmic_form(w: float) -> None:
    logarithms = 2 / w * np.log(w / 2 * (1 + np.sqrt(1 - 4 / w)) - 1)
    assert theory.input_range_width(w) == pytest.approx(logarithms, abs=1e-7)


def test_the_maximum_width_is_0_45_at_weight_6_9() -> None:
    w, width = theory.maximum_width()
    minimum = optimize.minimize_scalar(lambda w: -theory.input_range_width(w), bracket=(4, 7, 50))
    assert w == pytest.approx(minimum.x, abs=1e-5)
    assert width == pytest.approx(-minimum.fun, abs=1e-12)
    assert width == pytest.approx(theory.input_range_width(w), abs=1e-15)
    u = optimize.brentq(lambda u: 2 * u * np.tanh(u) - 1, 0.1, 2)
    assert (u, w, width) == pytest.approx((0.77170, 6.8942, 0.44774), rel=1e-5)


def test_the_width_rises_steeply_and_falls_slowly() -> None:
    half = theory.maximum_width().width / 2
    assert theory.input_range_width(np.array([4.23, 29.6])) == pytest.approx(half, abs=2e-3)
    w = np.array([1e3, 1e6, 1e9])
    error = np.abs(theory.input_range_width(w) / (2 * np.log(w) / w) - 1)
    assert np.all(error < [1e-3, 1e-6, 1e-9])


# Momentum below 0 and above 1

MOMENTUM, ETA_H = st.floats(-1.5, 1.5), st.floats(0.01, 5)


@given(MOMENTUM, ETA_H)
def test_the_eigenvalues_of_a_step_are_the_roots_of_p(mu: float, eta_h: float) -> None:
    step = np.array([[1 - eta_h, mu], [-eta_h, mu]])
    p = np.poly(step)
    assert p == pytest.approx([1, -(1 + mu - eta_h), mu])
    assert np.polyval(p, 1) == pytest.approx(eta_h)
    assert np.polyval(p, -1) == pytest.approx(2 * (1 + mu) - eta_h)
    largest = np.abs(np.linalg.eigvals(step)).max()
    assert theory.spectral_radius(mu, eta_h) == pytest.approx(largest, abs=1e-6)
    expected = [np.linalg.matrix_power(step, t)[0, 0] for t in range(4)]
    assert theory.momentum_path(mu, eta_h, 3) == pytest.approx(expected)


@given(MOMENTUM, st.floats(-1, 5))
def test_momentum_converges_exactly_inside_the_triangle(mu: float, eta_h: float) -> None:
    edges = np.array([1 - mu, 1 + mu, eta_h, 2 * (1 + mu) - eta_h])
    assume(np.abs(edges).min() > 1e-6)
    assert (theory.spectral_radius(mu, eta_h) < 1) == np.all(edges > 0)


@given(st.floats(0.01, 3.99))
def test_the_optimal_momentum_is_the_square_of_one_minus_the_root_of_eta_h(eta_h: float) -> None:
    s = 1 - np.sqrt(eta_h)
    assert theory.spectral_radius(s**2, eta_h) == pytest.approx(abs(s), abs=1e-6)
    others = theory.spectral_radius(np.linspace(-1.5, 1.5, 301), eta_h)
    assert others.min() >= abs(s) - 1e-6


@given(mu=st.floats(-0.999, -0.001), eta_h=st.floats(0.001, 1.999))
def test_negative_momentum_converges_more_slowly_than_zero_momentum(
    mu: float, eta_h: float
) -> None:
    assert theory.spectral_radius(mu, eta_h) > theory.spectral_radius(0, eta_h)
    assert theory.spectral_radius(0, eta_h) == pytest.approx(abs(1 - eta_h))


def test_momentum_scales_the_step_under_a_constant_gradient() -> None:
    plain = 0.1  # eta g
    for mu, limit in ((-0.5, 2 / 3), (0, 1), (0.9, 10)):
        v = 0.0
        for t in range(1, 201):
            v = mu * v - plain
            assert v == pytest.approx(-plain * (1 - mu**t) / (1 - mu))
            assert v < 0
        assert -v / plain == pytest.approx(limit)


@given(MOMENTUM, ETA_H)
def test_each_step_multiplies_the_energy_by_mu(mu: float, eta_h: float) -> None:
    w, trace = theory.momentum_path(mu, eta_h, 6), 1 + mu - eta_h
    energy = w[1:] ** 2 - trace * w[1:] * w[:-1] + mu * w[:-1] ** 2
    size = np.abs(w).max() ** 2
    np.testing.assert_allclose(energy[1:], mu * energy[:-1], atol=1e-10 * size)


@given(st.floats(0.01, 3.9))
def test_momentum_of_1_does_not_converge(eta_h: float) -> None:
    path = theory.momentum_path(1, eta_h, 2000)
    assert theory.spectral_radius(1, eta_h) == pytest.approx(1)
    assert np.abs(path[-100:]).max() > 0.5
    assert np.abs(path).max() < 20


@given(mu=st.floats(1.01, 2), eta_h=st.floats(1e-4, 5))
def test_momentum_above_1_diverges_at_every_learning_rate(mu: float, eta_h: float) -> None:
    assert theory.spectral_radius(mu, eta_h) >= np.sqrt(mu) - 1e-9
    if (1 + mu - eta_h) ** 2 < 4 * mu:
        assert theory.spectral_radius(mu, eta_h) == pytest.approx(np.sqrt(mu))
