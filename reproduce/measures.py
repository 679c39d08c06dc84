"""Measures of what the documents describe in words: spikes, roughness, resemblance."""

from collections.abc import Mapping
from itertools import pairwise
from math import comb

import numpy as np

SPIKE = 0.01  # a fall of the accuracy by more than this, from one validation to the next


def spikes(accuracy: Mapping[int, float]) -> list[int]:
    """Return the steps at which {step: accuracy} has fallen by more than `SPIKE`."""
    return [b for a, b in pairwise(accuracy) if accuracy[a] - accuracy[b] > SPIKE]


def roughness(images: np.ndarray) -> float:
    """Compute the mean squared difference of neighbouring pixels over the variance of an image.

    About 2 for white noise, near 0 for smooth and 0 for constant images (K, 784).
    """
    squares = images.reshape(-1, 28, 28)
    variance = float(np.mean(np.var(images, axis=1)))
    squared = [float(np.mean(np.diff(squares, axis=axis) ** 2)) for axis in (1, 2)]
    return sum(squared) / 2 / variance if variance else 0.0


def own_mean_is_most_alike(weights: np.ndarray, means: np.ndarray) -> int:
    """Count the digits whose weights (K, 784) correlate most with the mean image of that digit.

    From the `means` (K, 784) of the digits, the mean of all is subtracted first.
    """
    K = len(means)
    correlation = np.corrcoef(weights, means - means.mean(axis=0))[:K, K:]
    return int(np.sum(correlation.argmax(axis=1) == np.arange(K)))


def decreasing(values: Mapping[float, float]) -> bool:
    """Return whether {setting: value} strictly decreases as the setting increases."""
    return all(values[a] > values[b] for a, b in pairwise(sorted(values)))


def deepest_fall(accuracy: Mapping[int, float]) -> float:
    """Compute the largest fall of {step: accuracy} from one validation to the next."""
    return float(-np.diff(list(accuracy.values())).min(initial=0))


def rates_differ(a: int, n: int, b: int, m: int) -> bool:
    """Return whether a of n and b of m differ by more than chance: Fisher's exact test at 5 %."""
    ways = [comb(n, k) * comb(m, a + b - k) for k in range(a + b + 1)]
    return 20 * sum(one for one in ways if one <= ways[a]) <= sum(ways)


def significant(successes: int, trials: int) -> bool:
    """Return whether so many successes are more than chance, by a one-sided sign test at 5 %."""
    return sum(comb(trials, k) for k in range(successes, trials + 1)) <= 0.05 * 2**trials
