"""The gradient-approximation check: is `backward` the gradient of the objective?"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np

TOLERANCE = 1e-6


class GradientError(AssertionError):
    """The handwritten gradient is not the gradient of the objective."""


class Model(Protocol):
    """What the check needs of a model: an objective of its weights `w`, and the gradient of it."""

    w: np.ndarray
    grad: np.ndarray

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Return the outputs (N, K) of the inputs X (N, I)."""

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Set `grad` to the gradient of the objective at `w`."""

    def objective(self, X: np.ndarray, targets: np.ndarray) -> float:
        """Return J(w), the value that gradient descent makes small."""


class GradientCheck(NamedTuple):
    """How far the handwritten gradient is from the numerical one.

    Attributes:
        absolute: the largest difference of any one entry.
        relative: ||handwritten - numerical|| / (||handwritten|| + ||numerical||).
    """

    absolute: float
    relative: float


def numerical_gradient(
    function: Callable[[], float], w: np.ndarray, epsilon: float = 1e-5
) -> np.ndarray:
    """Approximate the gradient of a function of `w` by central differences (equation 29).

    Args:
        function: takes no argument and reads `w`.
        w: float64 weights of any shape; each entry is moved by +-epsilon and put back.
        epsilon: the step. The error is O(epsilon^2); below 1e-6 rounding takes over.

    Returns:
        An array of the shape of `w`.
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


def check_gradient(model: Model, X: np.ndarray, Y: np.ndarray, seed: int = 0) -> GradientCheck:
    """Compare `model.backward` with central differences of `model.objective`, in float64.

    A model whose weights are all zero is checked at random ones instead: zero hides mistakes (the
    outputs are all alike, and the L2 term vanishes). They are normal with variance 1 / I, so that
    the logits are of order one and no output saturates.

    Args:
        model: any model; its weights and gradient are restored, their dtype too.
        X: inputs (N, I).
        Y: targets (N, K).
        seed: of the random weights.

    Returns:
        The absolute and the relative error.

    Raises:
        GradientError: if the relative error exceeds 1e-6.
    """
    w, grad = model.w, model.grad
    random = np.random.default_rng(seed).standard_normal(w.shape) / np.sqrt(len(w))
    model.w = w.astype(np.float64) if w.any() else random
    try:
        return _compare(model, X.astype(np.float64), Y)
    finally:
        model.w, model.grad = w, grad


def _compare(model: Model, X: np.ndarray, Y: np.ndarray) -> GradientCheck:
    numerical = numerical_gradient(lambda: model.objective(X, Y), model.w)
    model.backward(X, model.forward(X), Y)
    if model.grad.shape != model.w.shape:
        raise GradientError(
            f"backward: expected grad of the shape of w, {model.w.shape}, got {model.grad.shape}."
        )
    difference = np.abs(model.grad - numerical)
    size = np.linalg.norm(model.grad) + np.linalg.norm(numerical)
    relative = float(np.linalg.norm(difference) / size) if size else 0.0
    if not relative <= TOLERANCE:  # written so that nan fails too
        worst = np.unravel_index(np.argmax(difference), difference.shape)
        raise GradientError(
            f"backward is not the gradient of the objective: relative error {relative:.1e}, "
            f"expected at most {TOLERANCE:.0e}. Largest at w[{', '.join(map(str, worst))}]: "
            f"backward gave {model.grad[worst]:.6g}, central differences {numerical[worst]:.6g}. "
            "The mistake is in cross_entropy_loss, forward or backward."
        )
    return GradientCheck(float(difference.max()), relative)
