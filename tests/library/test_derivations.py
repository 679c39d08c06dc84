"""Numerical verification of the results in docs/derivations.md, and what its figures show."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy import optimize, special

import task2a
import task3a
from lab import figures
from lab.gradient import check_gradient, numerical_gradient
from reproduce import theory
from task2a import BinaryModel
from task3 import SoftmaxTrainer
from task3a import SoftmaxModel
from tests.library.conftest import Patch
from tests.library.test_properties import with_weights

DOCS = Path(__file__).parents[2] / "docs"
N, K, INPUTS = 6, 3, 4  # examples, classes, inputs
RNG = np.random.default_rng(0)
X = np.hstack([RNG.uniform(-1, 1, (N, INPUTS - 1)), np.ones((N, 1))])
Y = np.eye(K)[np.arange(N) % K]
W = RNG.standard_normal((INPUTS, K))


def test_the_text_names_every_test_and_no_other() -> None:
    named = set(re.findall(r"`(test_\w+)`", (DOCS / "derivations.md").read_text(encoding="utf-8")))
    assert named == {name for name in globals() if name.startswith("test_")}


def test_gradient_of_cross_entropy_is_minus_x_times_y_minus_yhat() -> None:
    """Central differences agree with `backward`, for targets between 0 and 1 too."""
    softmax, binary = with_weights(SoftmaxModel(0), W), with_weights(BinaryModel(), W[:, :1])
    for targets in (Y, special.softmax(2 * X @ W[::-1], axis=1)):
        assert check_gradient(softmax, X, targets) < 1e-8
        assert check_gradient(binary, X, targets[:, :1]) < 1e-8


def test_softmax_of_two_classes_is_the_sigmoid_of_the_difference() -> None:
    two = with_weights(SoftmaxModel(0), W[:, :2]).forward(X)
    sigmoid = with_weights(BinaryModel(), W[:, :1] - W[:, 1:2]).forward(X)
    np.testing.assert_allclose(two[:, :1], sigmoid, rtol=1e-14)


def test_an_update_with_a_penalty_is_weight_decay_and_a_step_on_the_cost() -> None:
    model = with_weights(SoftmaxModel(1), W.copy())
    np.testing.assert_allclose(numerical_gradient(model.penalty, model.w), 2 * W, atol=1e-8)
    SoftmaxTrainer(model, 0.01, N, False, X, Y, X, Y).train_step(X, Y)
    data_term = X.T @ (Y - special.softmax(X @ W, axis=1)) / N
    np.testing.assert_allclose(model.w, 0.98 * W + 0.01 * data_term, rtol=1e-12)


def test_the_weight_of_an_always_blank_pixel_is_zero_or_minus_the_bias() -> None:
    for blank in (0.0, -1.0):
        inputs = np.hstack([np.full((N, 1), blank), X[:, 1:]])
        model = with_weights(SoftmaxModel(0.1), np.zeros((INPUTS, K)))
        for _ in range(20):
            model.backward(inputs, model.forward(inputs), Y)
            model.w -= 0.5 * model.grad
        np.testing.assert_array_equal(model.w[0], blank * model.w[-1])
        assert np.all(model.w[1:] != 0)


def test_cross_entropy_is_the_mean_negative_log_likelihood() -> None:
    a, y = np.array([[0.9], [0.2], [0.4]]), np.array([[1.0], [0.0], [1.0]])
    likelihood = np.prod(a**y * (1 - a) ** (1 - y))
    assert task2a.cross_entropy_loss(y, a) == pytest.approx(-np.log(likelihood) / 3)
    outputs, targets = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4]]), np.eye(3)[[0, 2]]
    assert task3a.cross_entropy_loss(targets, outputs) == pytest.approx(-np.log(0.7 * 0.4) / 2)


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
    assert width >= theory.input_range_width(np.linspace(4, 50, 1000)).max()
    assert (w, width) == pytest.approx((6.8942, 0.44774), rel=1e-5)
    assert theory.input_range_width(np.array([4.23, 29.6])) == pytest.approx(width / 2, abs=2e-3)


@given(st.floats(-1.5, 1.5), st.floats(-1, 5))
def test_the_roots_of_p_determine_momentum(mu: float, eta_h: float) -> None:
    """They are the eigenvalues of a step, and inside the unit circle exactly in the triangle."""
    step = np.array([[1 - eta_h, mu], [-eta_h, mu]])
    assert np.poly(step) == pytest.approx([1, -(1 + mu - eta_h), mu])
    radius = theory.spectral_radius(mu, eta_h)
    assert radius == pytest.approx(np.abs(np.linalg.eigvals(step)).max(), abs=1e-6)
    expected = [np.linalg.matrix_power(step, t)[0, 0] for t in range(4)]
    assert theory.momentum_path(mu, eta_h, 3) == pytest.approx(expected)
    edges = np.array([1 - mu, 1 + mu, eta_h, 2 * (1 + mu) - eta_h])
    assert np.abs(edges).min() < 1e-6 or (radius < 1) == np.all(edges > 0)


@given(st.floats(0.01, 3.99))
def test_the_optimal_momentum_is_the_square_of_one_minus_the_root_of_eta_h(eta_h: float) -> None:
    s = 1 - np.sqrt(eta_h)
    assert theory.spectral_radius(s**2, eta_h) == pytest.approx(abs(s), abs=1e-6)
    others = theory.spectral_radius(np.linspace(-1.5, 1.5, 301), eta_h)
    assert others.min() >= abs(s) - 1e-6
    if eta_h < 2:
        negative = theory.spectral_radius(np.linspace(-0.99, -0.01, 50), eta_h)
        assert negative.min() > theory.spectral_radius(0, eta_h)


def test_the_command_draws_the_figures_of_the_text(tmp_path: Path, monkeypatch: Patch) -> None:
    drawn: dict[str, Figure] = {}
    monkeypatch.setattr(sys, "argv", ["theory.py", "--out", str(tmp_path)])
    monkeypatch.setattr(figures, "save", lambda figure, path: drawn.update({path.name: figure}))
    theory.main()
    text = (DOCS / "derivations.md").read_text(encoding="utf-8")
    assert set(drawn) == set(re.findall(r"\(figures/(\w+\.png)\)", text))
    ax, _ = drawn["momentum.png"].axes
    assert (ax.get_xlabel()[:8], ax.get_ylabel()[:8]) == ("momentum", "learning")
    mu, eta_h = np.asarray(ax.get_lines()[1].get_xydata()).T  # of the optimum
    np.testing.assert_allclose(mu, (1 - np.sqrt(eta_h)) ** 2, atol=1e-12)
