"""Transforms of images, beside scipy.ndimage."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from convnet.transforms import blur, crop, normalise, resize, rotate, shift
from digits.synthetic import synthetic_digits

# of 28 x 26 pixels, so that rows and columns cannot be confused
IMAGES = synthetic_digits(3)[0].reshape(-1, 28, 28)[:, :, 1:-1] / 255


def test_a_transform_is_that_of_scipy() -> None:
    axes, lines = (1, 2), {"order": 1, "mode": "nearest", "grid_mode": True}
    turned = ndimage.rotate(IMAGES, -35, axes, reshape=False, order=1, mode="grid-constant")
    for ours, expected in (
        (resize(IMAGES, 56, 39), ndimage.zoom(IMAGES, (1, 2, 1.5), **lines)),
        (resize(IMAGES, 14, 13), ndimage.zoom(IMAGES, (1, 0.5, 0.5), **lines)),
        (blur(IMAGES, 3), ndimage.gaussian_filter(IMAGES, 3, axes=axes, mode="constant")),
        (rotate(IMAGES, -35), turned),
        (crop(IMAGES, 20, 10), IMAGES[:, 4:24, 8:18]),
    ):
        np.testing.assert_allclose(ours, expected, atol=1e-4)


def test_a_shift_moves_each_image_down_and_right() -> None:
    down, right = np.array([0.5, 1, -1.75]), np.array([-3, 0.25, 30])
    for shifted, image, *by in zip(shift(IMAGES, down, right), IMAGES, down, right, strict=True):
        expected = ndimage.shift(image, by, order=1, mode="grid-constant")
        np.testing.assert_allclose(shifted, expected, atol=1e-12)
    np.testing.assert_array_equal(shift(IMAGES, 1, 0.25)[1], shift(IMAGES, down, right)[1])


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (lambda X: rotate(X.astype(np.uint8), 5), r"floats of .*, got uint8"),
        (lambda X: blur(X, 0), r"sigma: .* in \(0, inf\), got 0"),
        (lambda X: normalise(X, X.mean(axis=0), X.std(axis=0)), r"std: .* in \(0, inf\), got 0.0"),
        (lambda X: shift(X, 0, np.array([1, np.nan])), "right: .* got nan"),
        (lambda X: rotate(X, np.inf), "degrees: .* got inf"),
        (lambda X: resize(X, 0, 9), "height: .* at least 1, got 0"),
        (lambda X: crop(X, 28, 27), "expected at most 28 x 26 pixels, got 28 x 27"),
    ],
)
def test_a_wrong_number_is_named(transform: Callable[[np.ndarray], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        transform(IMAGES)
