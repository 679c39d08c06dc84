"""The assignment's equations and data to try them on, independent of any student's code."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

I = 785  # inputs, the bias among them  # noqa: E741
K = 10  # classes


def sealed(array: np.ndarray) -> np.ndarray:
    """Make an array read-only: checks share it, and no student's code may change it."""
    array.flags.writeable = False
    return array


def inputs(num_examples: int = 7, seed: int = 0) -> np.ndarray:
    """Draw inputs (N, 785) in [-1, 1]; the last column is 1 for the bias."""
    X = np.random.default_rng(seed).uniform(-1, 1, (num_examples, I))
    X[:, -1] = 1
    return sealed(X)


def weights(num_outputs: int, seed: int = 1) -> np.ndarray:
    """Draw weights (785, K) with scores of order one: at zero many mistakes do not show."""
    return sealed(np.random.default_rng(seed).standard_normal((I, num_outputs)) / 16)


def binary_targets(num_examples: int = 7) -> np.ndarray:
    """Make targets (N, 1), more ones than zeros."""
    return sealed((np.arange(num_examples) % 3 != 1).astype(np.float64).reshape(-1, 1))


def class_targets(num_examples: int = 7) -> np.ndarray:
    """Make one-hot targets (N, 10)."""
    return sealed(np.eye(K)[(np.arange(num_examples) * 3 + 1) % K])


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Compute equation 1."""
    return 0.5 * (1 + np.tanh(z / 2))


def softmax(z: np.ndarray) -> np.ndarray:
    """Compute equation 4."""
    return np.exp(z - np.logaddexp.reduce(z, axis=-1, keepdims=True))


def images(num_examples: int, seed: int = 0) -> np.ndarray:
    """Draw images (N, 784) of uint8 pixels; each has 0 and 255 in it."""
    X = np.random.default_rng(seed).integers(0, 256, (num_examples, I - 1), dtype=np.uint8)
    X[:, 10], X[:, 20] = 0, 255
    return sealed(X)


def binary_cross_entropy(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute equation 3, for outputs strictly between 0 and 1."""
    return float(-np.mean(targets * np.log(outputs) + (1 - targets) * np.log(1 - outputs)))


def minus(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute equation 3 with a minus sign between its two terms: a common mistake."""
    return float(-np.mean(targets * np.log(outputs) - (1 - targets) * np.log(1 - outputs)))


def cross_entropy(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute equation 5, for outputs strictly between 0 and 1."""
    return float(-np.mean(np.sum(targets * np.log(outputs), axis=1)))


def forward(X: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Compute the outputs (N, K): a sigmoid where K is 1, else a softmax."""
    return sigmoid(X @ w) if w.shape[1] == 1 else softmax(X @ w)


def loss(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute the loss of either task, for outputs strictly between 0 and 1."""
    binary = outputs.shape[1] == 1
    return binary_cross_entropy(targets, outputs) if binary else cross_entropy(targets, outputs)


def gradient(X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Compute equations 6 and 13, averaged over the examples."""
    return X.T @ (outputs - targets) / len(X)


def central_difference(
    function: Callable[[np.ndarray], float],
    w: np.ndarray,
    index: tuple[int, ...],
    epsilon: float = 1e-5,
) -> float:
    """Approximate one entry of the gradient of `function` at w (equation 29)."""
    above, below = w.copy(), w.copy()
    above[index] += epsilon
    below[index] -= epsilon
    return (function(above) - function(below)) / (2 * epsilon)


def last_validation(losses: list[float], patience: int = 10) -> int:
    """Find the validation at which training stops: the tenth since the best one, from 0."""
    best, waited = float("inf"), 0
    for number, loss in enumerate(losses):
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited == patience:
            return number
    return len(losses) - 1
