"""Maxima and sums along the rows of narrow matrices, several times as fast as NumPy's own.

NumPy starts a loop anew for every row, which for ten classes costs more than the ten numbers.
"""

from __future__ import annotations

from functools import reduce

import numpy as np


def row_max(array: np.ndarray) -> np.ndarray:
    """Compute the largest entry of each row, column by column: (N, K) to (N, 1)."""
    return np.asarray(reduce(np.maximum, array.T))[:, np.newaxis]


def row_sum(array: np.ndarray) -> np.ndarray:
    """Compute the sum of each row: (N, K) to (N, 1)."""
    return np.einsum("nk->n", array)[:, np.newaxis]
