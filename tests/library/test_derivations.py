"""Numerical verification of the results in docs/derivations.md, and what its figures show."""

from __future__ import annotations

import re
import sys
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
from lab import figures
from lab.gradient import numerical_gradient
from reproduce import theory
from task2a import BinaryModel
from task3 import SoftmaxTrainer
from task3a import SoftmaxModel

DOCS = Path(__file__).parents[2] / "docs"
N, K, INPUTS = 6, 3, 4  # examples, outputs, inputs


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


def softmax_model(w: np.ndarray, l2_reg_lambda: float = 0) -> SoftmaxModel:
    model = SoftmaxModel(l2_reg_lambda)
    model.w = w.copy()
    return model


def minimise(X: np.ndarray, Y: np.ndarray, l2_reg_lambda: float) -> np.ndarray:
    """Find the weights (I, K) that minimise C(w) + lambda R(w)."""

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(INPUTS, K)
        grad = X.T @ (special.softmax(X @ w, axis=1) - Y) / N + 2 * l2_reg_lambda * w
        return softmax_cost(X, Y, w) + l2_reg_lambda * float(np.sum(w**2)), grad.ravel()

    minimum = optimize.minimize(objective, np.zeros(INPUTS * K), jac=True, tol=1e-12)
    return np.asarray(minimum.x).reshape(INPUTS, K)


def test_the_text_names_every_test_and_no_other() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "derivations.md").read_text(encoding="utf-8")))
    assert named == {name for name in globals() if name.startswith("test_")}


def test_derivatives_of_the_sigmoid_and_of_softmax() -> None:
    z = np.array([0.3, -1.2, 2.0, 0.0])
    slope = numerical_gradient(lambda: float(special.expit(z).sum()), z)
    np.testing.assert_allclose(slope, special.expit(z) * special.expit(-z), atol=1e-9)
    outputs = special.softmax(z)
    for k, one_hot in enumerate(np.eye(4)):
        slope = numerical_gradient(partial(entry, special.softmax, z, k), z)
        np.testing.assert_allclose(slope, outputs[k] * (one_hot - outputs), atol=1e-9)
        slope = numerical_gradient(partial(entry, special.log_softmax, z, k), z)
        np.testing.assert_allclose(slope, one_hot - outputs, atol=1e-9)


@pytest.mark.parametrize(
    ("outputs", "cost", "activation"),
    [(1, binary_cost, special.expit), (K, softmax_cost, partial(special.softmax, axis=1))],
)
def test_gradient_of_cross_entropy_is_minus_x_times_y_minus_yhat(
    outputs: int, cost: Callable[..., float], activation: Callable[[np.ndarray], np.ndarray]
) -> None:
    X, Y, w = examples(outputs)
    soft = np.linspace(0, 1, N)[:, None] if outputs == 1 else activation(2 * X @ w[::-1])
    for targets in (Y, soft):
        yhat = activation(X @ w)
        by_hand = np.zeros((INPUTS, outputs))
        for n, i, k in np.ndindex(N, INPUTS, outputs):
            by_hand[i, k] -= X[n, i] * (targets[n, k] - yhat[n, k]) / N
        np.testing.assert_allclose(-X.T @ (targets - yhat) / N, by_hand, atol=1e-14)
        numerical = numerical_gradient(partial(cost, X, targets, w), w)
        np.testing.assert_allclose(by_hand, numerical, atol=1e-9)


def test_softmax_of_two_classes_is_the_sigmoid_of_the_difference() -> None:
    X, _, w = examples(2)
    model = BinaryModel()
    model.w = w[:, :1] - w[:, 1:]
    np.testing.assert_allclose(softmax_model(w).forward(X)[:, :1], model.forward(X), rtol=1e-14)


def test_an_update_with_a_penalty_is_weight_decay_and_a_step_on_the_cost() -> None:
    X, Y, w = examples(K)
    model = softmax_model(w, l2_reg_lambda=1)
    np.testing.assert_allclose(numerical_gradient(model.penalty, model.w), 2 * w, atol=1e-8)
    SoftmaxTrainer(model, 0.01, N, False, X, Y, X, Y).train_step(X, Y)
    data_term = X.T @ (Y - special.softmax(X @ w, axis=1)) / N
    np.testing.assert_allclose(model.w, 0.98 * w + 0.01 * data_term, rtol=1e-12)


def test_a_larger_lambda_gives_shorter_weights_of_which_none_is_zero() -> None:
    X, Y, _ = examples(K)
    lambdas = (0.001, 0.01, 0.1, 1)
    weights = [minimise(X, Y, l2_reg_lambda) for l2_reg_lambda in lambdas]
    lengths = [float(np.sum(w**2)) for w in weights]
    losses = [softmax_cost(X, Y, w) for w in weights]
    assert lengths == sorted(lengths, reverse=True)
    assert losses == sorted(losses)
    residual = Y - special.softmax(X @ weights[-1], axis=1)
    np.testing.assert_allclose(weights[-1], X.T @ residual / (2 * N), atol=1e-6)
    assert 1e-4 < np.abs(weights[-1]).min() < np.abs(weights[-1]).max() < 0.2


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


def test_cross_entropy_is_the_mean_negative_log_likelihood() -> None:
    a, y = np.array([[0.9], [0.2], [0.4]]), np.array([[1.0], [0.0], [1.0]])
    likelihood = np.prod(a**y * (1 - a) ** (1 - y))
    assert likelihood == pytest.approx(0.9 * 0.8 * 0.4)
    assert task2a.cross_entropy_loss(y, a) == pytest.approx(-np.log(likelihood) / 3)
    outputs, targets = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]]), np.eye(3)[[0, 2]]
    assert np.prod(outputs**targets) == pytest.approx(0.7 * 0.4)
    assert task3a.cross_entropy_loss(targets, outputs) == pytest.approx(-np.log(0.28) / 2)


@given(size=st.floats(4.01, 60), sign=st.sampled_from([-1, 1]), b=st.floats(-5, 5))
def test_the_width_formula_agrees_with_root_finding(size: float, sign: int, b: float) -> None:
    def excess(a: float) -> float:
        """Compute |w sigma'(w a + b)| - 1."""
        return float(size * special.expit(w * a + b) * special.expit(-w * a - b)) - 1

    w = sign * size
    centre = -b / w
    low, high = (optimize.brentq(excess, centre, centre + side) for side in (-2, 2))
    assert high - low == pytest.approx(theory.input_range_width(w), abs=1e-9)
    logarithms = 2 / size * np.log(size / 2 * (1 + np.sqrt(1 - 4 / size)) - 1)
    assert high - low == pytest.approx(logarithms, abs=1e-7)
    np.testing.assert_array_equal(theory.input_range_width(np.array([[-4.0, 0], [3, 4]])), 0)


def test_the_maximum_width_is_0_45_at_weight_6_9() -> None:
    w, width = theory.maximum_width()
    minimum = optimize.minimize_scalar(lambda w: -theory.input_range_width(w), bracket=(4, 7, 50))
    assert (w, width) == pytest.approx((minimum.x, -minimum.fun), abs=1e-5)
    assert (w, width) == pytest.approx((6.8942, 0.44774), rel=1e-5)
    assert theory.input_range_width(np.array([4.23, 29.6])) == pytest.approx(width / 2, abs=2e-3)


MOMENTUM, ETA_H = st.floats(-1.5, 1.5), st.floats(0.01, 5)


@given(MOMENTUM, ETA_H)
def test_the_eigenvalues_of_a_step_are_the_roots_of_p(mu: float, eta_h: float) -> None:
    step = np.array([[1 - eta_h, mu], [-eta_h, mu]])
    assert np.poly(step) == pytest.approx([1, -(1 + mu - eta_h), mu])
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
    if eta_h < 2:
        negative = np.linspace(-0.99, -0.01, 50)
        assert np.all(theory.spectral_radius(negative, eta_h) > theory.spectral_radius(0, eta_h))


def test_the_figures_show_the_maximum_the_optimum_and_the_paths() -> None:
    (ax,) = theory.plot_input_range_width().axes
    np.testing.assert_array_equal(ax.get_lines()[-1].get_xydata(), [theory.maximum_width()])
    ax, _ = theory.plot_momentum().axes
    _, optimum, shown = ax.get_lines()
    mu, eta_h = np.asarray(optimum.get_xydata()).T
    np.testing.assert_allclose(mu, (1 - np.sqrt(eta_h)) ** 2, atol=1e-12)
    assert (ax.get_xlabel()[:8], ax.get_ylabel()[:8]) == ("momentum", "learning")
    (ax,) = theory.plot_momentum_paths().axes
    paths = {line.get_label(): np.asarray(line.get_ydata()) for line in ax.get_lines()[:-1]}
    for mu in np.asarray(shown.get_xdata()):
        path = paths[f"μ = {mu:g}".replace("-", "−")]
        np.testing.assert_array_equal(path, theory.momentum_path(mu, theory.ETA_H, 30))


def test_the_command_draws_the_figures_of_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["theory.py", "--out", str(tmp_path)])
    monkeypatch.setattr(figures, "save", lambda figure, path: path.touch())
    theory.main()
    text = (DOCS / "derivations.md").read_text(encoding="utf-8")
    shown = re.findall(r"\(figures/(\w+\.png)\)", text)
    assert {path.name for path in tmp_path.iterdir()} == set(shown)
