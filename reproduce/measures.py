"""The numbers behind words: spikes, roughness, likeness."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

SPIKE = 0.01  # a fall of the accuracy by more than this, from one check to the next


def spikes(accuracy: Mapping[int, float]) -> int:
    """Count the checks at which the accuracy is lower than at the one before by more than `SPIKE`.

    Args:
        accuracy: {step: accuracy}.
    """
    values = np.array(list(accuracy.values()))
    return int(np.sum(np.diff(values) < -SPIKE))


def roughness(images: np.ndarray) -> float:
    """Compute how noisy weights are: squared differences of neighbouring pixels per variance.

    Args:
        images: weights (K, 784), the bias left out.

    Returns:
        About 2 for white noise, towards 0 for smooth images, 0 for constant ones.
    """
    squares = images.reshape(-1, 28, 28)
    variance = float(np.mean(np.var(images, axis=1)))
    squared = [float(np.mean(np.diff(squares, axis=axis) ** 2)) for axis in (1, 2)]
    return sum(squared) / 2 / variance if variance else 0.0


def own_mean_is_most_alike(weights: np.ndarray, means: np.ndarray) -> int:
    """Count the digits whose weights are, of all mean images, most like that of their own digit.

    Likeness is correlation, after the mean of all digits is taken away from each.

    Args:
        weights: (K, 784).
        means: the mean image of each digit (K, 784).
    """
    K = len(means)
    correlation = np.corrcoef(weights, means - means.mean(axis=0))[:K, K:]
    return int(np.sum(correlation.argmax(axis=1) == np.arange(K)))


def deepest_fall(accuracy: Mapping[int, float]) -> float:
    """Compute the largest fall of the accuracy from one check to the next.

    Args:
        accuracy: {step: accuracy}.
    """
    return float(-np.diff(list(accuracy.values())).min(initial=0))
