"""The assignment's equations and data to try them on, independent of any student's code."""

from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from lab.assignment import L2

I = 785  # inputs, the bias among them  # noqa: E741
K = 10  # classes
LABELS = 1, 4, 7, 0, 3, 6, 9, 2, 5, 8


def sealed(array: np.ndarray) -> np.ndarray:
    """Make an array read-only: checks share it, and no student's code may change it."""
    array.flags.writeable = False
    return array


@cache
def inputs(num_examples: int = 7, seed: int = 0) -> np.ndarray:
    """Draw inputs (N, 785) in [-1, 1]; the last column is 1 for the bias."""
    X = np.random.default_rng(seed).uniform(-1, 1, (num_examples, I))
    X[:, -1] = 1
    return sealed(X)


@cache
def weights(num_outputs: int, seed: int = 1) -> np.ndarray:
    """Draw weights (785, K) with scores of order one: at zero many mistakes do not show."""
    return sealed(np.random.default_rng(seed).standard_normal((I, num_outputs)) / 16)


def binary_targets(num_examples: int = 7) -> np.ndarray:
    """Make targets (N, 1), more ones than zeros."""
    return sealed((np.arange(num_examples) % 3 != 1).astype(np.float64).reshape(-1, 1))


def rows(labels: Sequence[int], num_classes: int = K) -> np.ndarray:
    """Write labels as the assignment does: 3 is 0001000000."""
    written = ["0" * label + "1" + "0" * (num_classes - label - 1) for label in labels]
    return np.array([list(map(float, row)) for row in written])


def class_targets(num_examples: int = 7) -> np.ndarray:
    """Make one-hot targets (N, 10), of the labels `LABELS`, over and over."""
    return sealed(np.resize(rows(LABELS), (num_examples, K)))


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
    return cross_entropy(np.hstack([targets, 1 - targets]), _two_classes(outputs))


def minus(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute equation 3 with a minus sign between its two terms: a common mistake."""
    return cross_entropy(np.hstack([targets, targets - 1]), _two_classes(outputs))


def cross_entropy(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute equation 5 for outputs strictly between 0 and 1."""
    return float(np.mean(np.einsum("nk,nk->n", targets, -np.log(outputs))))


def _two_classes(outputs: np.ndarray) -> np.ndarray:
    return np.hstack([outputs, 1 - outputs])


def forward(X: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Compute the outputs (N, K): a sigmoid where K is 1, else a softmax."""
    return sigmoid(X @ w) if w.shape[1] == 1 else softmax(X @ w)


def loss(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute the loss of either task, for outputs strictly between 0 and 1."""
    binary = outputs.shape[1] == 1
    return binary_cross_entropy(targets, outputs) if binary else cross_entropy(targets, outputs)


def gradient(X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Compute dC/dw (785, K) at the weights that give these outputs."""
    return through_inputs(X, slopes(outputs, targets))


def through_inputs(X: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Turn dC/dz (N, K) into dC/dw (785, K) by the chain rule, where z = X w."""
    return np.einsum("ni,nk->ik", X, slopes)


def slopes(outputs: np.ndarray, targets: np.ndarray, epsilon: float = 1e-5) -> np.ndarray:
    """Compute dC/dz (N, K) by central differences, at the scores that give these outputs."""
    tiny = np.finfo(np.float64).tiny
    z = np.log(np.maximum(outputs, tiny))
    if outputs.shape[1] == 1:
        z -= np.log(np.maximum(1 - outputs, tiny))
    steps = epsilon * rows(range(z.shape[1]), z.shape[1])
    moved = [_losses(targets, z + e) - _losses(targets, z - e) for e in steps]
    return np.concatenate(moved, axis=1) / (2 * epsilon * len(z))


def _losses(targets: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Compute C^n of each example, (N, 1), from its scores."""
    if z.shape[1] == 1:
        return np.asarray(targets * np.logaddexp(0, -z) + (1 - targets) * np.logaddexp(0, z))
    total = np.logaddexp.reduce(z, axis=1, keepdims=True)
    return np.asarray(np.sum(targets * (total - z), axis=1, keepdims=True))


def penalty(w: np.ndarray) -> np.ndarray:
    """Compute each weight's part of R(w) (equation 27)."""
    return {"sum": np.square(w), "half": np.square(w) / 2}[L2]


def penalty_slopes(w: np.ndarray, epsilon: float = 1) -> np.ndarray:
    """Compute dR/dw by central differences, exact here for any epsilon."""
    return (penalty(w + epsilon) - penalty(w - epsilon)) / (2 * epsilon)


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
