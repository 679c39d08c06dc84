"""The gradient check: `backward` compared with central differences of the objective."""

from collections.abc import Callable

import numpy as np

from lab.protocols import Model
from lab.trainings import HistoryError, number

TOLERANCE = 1e-6  # a relative error
EPSILON = 1e-5  # by which a weight is moved; below it rounding dominates
# The same for a model that computes in float32 whatever it is given.
COARSE_TOLERANCE, COARSE_EPSILON = 1e-3, 1e-2


class GradientError(AssertionError):
    """The `backward` of a model does not compute the gradient of its `objective`."""


def numerical_gradient(
    function: Callable[[], float], w: np.ndarray, epsilon: float = EPSILON
) -> np.ndarray:
    """Approximate df/dw by central differences, (f(w + e) - f(w - e)) / 2e (equation 29).

    `function` reads w, a float64 array of any shape; each entry is moved by e and restored. The
    error is O(e^2).
    """
    gradient = np.empty_like(w)
    for index in np.ndindex(w.shape):
        original = w[index]
        w[index] = original + epsilon
        above = function()
        w[index] = original - epsilon
        below = function()
        w[index] = original
        gradient[index] = (above - below) / (2 * epsilon)
    return gradient


def check_gradient(model: Model, X: np.ndarray, Y: np.ndarray) -> float:
    """Compare `model.backward` with the numerical gradient of `model.objective`, in float64.

    At zero weights many mistakes do not show, so random weights of variance 1 / I take their
    place: the logits are then of order one. The model is left as it was. Returns the relative
    error |grad - numerical| / (|grad| + |numerical|); raises GradientError if it exceeds TOLERANCE,
    and ValueError if X is empty, or if weights that have been trained leave nothing to compare:
    central differences are rounding alone, or a probability of 0 holds the loss at its limit.
    """
    if not len(X):
        raise ValueError("X: expected at least one example to check the gradient on, got none.")
    w, grad, X = model.w, model.grad, X.astype(np.float64)
    random = np.random.default_rng(0).standard_normal(w.shape) / np.sqrt(len(w))
    model.w = weights = w.astype(np.float64) if w.any() else random
    epsilon, tolerance, precision = EPSILON, TOLERANCE, np.finfo(np.float64).eps

    def objective() -> float:
        try:
            return number("the loss", model.objective(X, Y))
        except HistoryError as error:
            raise GradientError(str(error)) from None

    try:
        numerical, outputs = numerical_gradient(objective, weights), model.forward(X)
        model.backward(X, outputs, Y)
        analytic = model.grad
        if analytic.shape != w.shape:
            raise GradientError(
                f"backward: expected grad of shape {w.shape}, got {analytic.shape}."
            )
        if not _relative(analytic, numerical) <= tolerance and _is_single(objective, weights):
            precision = np.finfo(np.float32).eps
            epsilon, tolerance = COARSE_EPSILON, COARSE_TOLERANCE
            numerical = numerical_gradient(objective, weights, epsilon)
        size = abs(objective())
    finally:
        model.w, model.grad = w, grad
    relative = _relative(analytic, numerical)
    if relative <= tolerance:
        return relative
    difference = np.abs(analytic - numerical)
    # The objective is known to a few units in the last place, its differences no better.
    rounding = 10 * precision * max(1, size) / epsilon
    is_small, is_saturated = difference.max() <= rounding, np.isin(outputs, (0, 1)).any()
    if is_small or (w.any() and is_saturated):
        length = f"it is too small, its length is {np.linalg.norm(analytic):.1e}"
        raise ValueError(
            "the gradient cannot be checked at these weights: "
            f"{length if is_small else 'some outputs are exactly 0 or 1'}. "
            "Likely fix: check it before training, or on other examples."
        )
    worst = tuple(map(int, np.unravel_index(np.argmax(difference), w.shape)))
    raise GradientError(
        f"backward is not the gradient of the objective: relative error {relative:.1e}, "
        f"expected at most {tolerance:.0e}. Largest difference at w{list(worst)}: backward "
        f"gave {analytic[worst]:.6g}, central differences {numerical[worst]:.6g}. "
        "The mistake is in forward, backward, cross_entropy_loss or the penalty."
    )


def _relative(analytic: np.ndarray, numerical: np.ndarray) -> float:
    size = np.linalg.norm(analytic) + np.linalg.norm(numerical)
    return float(np.linalg.norm(analytic - numerical) / size) if size else 0.0


def _is_single(objective: Callable[[], float], w: np.ndarray) -> bool:
    """Return whether the objective has the noise of float32: each step gives another slope."""
    before, scale = w.copy(), np.ones(1)

    def scaled() -> float:
        w[...] = scale * before
        return objective()

    steps = (1e-5, 2e-5, 3e-5, 4e-5, 5e-5)
    slopes = [numerical_gradient(scaled, scale, epsilon) for epsilon in steps]
    w[...] = before
    return bool(np.ptp(slopes) > 1e-4)
