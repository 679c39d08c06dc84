"""Row-wise maxima and sums are NumPy's, for any width and dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lab.rows import row_max, row_sum


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (5, 1), (4, 10), (7, 100)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_they_are_numpys_maxima_and_sums(shape: tuple[int, int], dtype: Any) -> None:
    array = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    np.testing.assert_array_equal(row_max(array), array.max(axis=1, keepdims=True))
    np.testing.assert_allclose(row_sum(array), array.sum(axis=1, keepdims=True), 1e-4, 1e-5)
    assert row_max(array).dtype == row_sum(array).dtype == dtype
    assert row_max(array).shape == row_sum(array).shape == (shape[0], 1)


def test_what_is_not_a_number_stays_so() -> None:
    array = np.array([[1.0, np.nan], [np.inf, 2.0]])
    np.testing.assert_array_equal(row_max(array), [[np.nan], [np.inf]])
    np.testing.assert_array_equal(row_sum(array), [[np.nan], [np.inf]])
