"""Transforms of images, beside scipy.ndimage."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from convnet.transforms import blur, crop, normalise, resize, rotate, shift
from digits.synthetic import synthetic_digits

# of 28 x 26 pixels, so that rows and columns cannot be confused
IMAGES = synthetic_digits(3)[0].reshape(-1, 28, 28)[:, :, 1:-1] / 255


def test_resizing_interpolates_between_the_centres_of_pixels() -> None:
    for height, width in (56, 39), (14, 13):
        factors = (1, height / 28, width / 26)
        expected = ndimage.zoom(IMAGES, factors, order=1, mode="nearest", grid_mode=True)
        np.testing.assert_allclose(resize(IMAGES, height, width), expected, atol=1e-12)


def test_a_shift_moves_each_image_down_and_right() -> None:
    down, right = np.array([0.5, 1, -1.75]), np.array([-3, 0.25, 30])
    for shifted, image, *by in zip(shift(IMAGES, down, right), IMAGES, down, right, strict=True):
        expected = ndimage.shift(image, by, order=1, mode="grid-constant")
        np.testing.assert_allclose(shifted, expected, atol=1e-12)
    np.testing.assert_array_equal(shift(IMAGES, 1, 0.25)[1], shift(IMAGES, down, right)[1])


def test_a_blur_is_a_convolution_with_a_gaussian() -> None:
    for sigma in (0.5, 3.0):
        expected = ndimage.gaussian_filter(IMAGES, sigma, axes=(1, 2), mode="constant")
        np.testing.assert_allclose(blur(IMAGES, sigma), expected, atol=1e-4)


def test_a_rotation_turns_counter_clockwise() -> None:
    options = {"axes": (1, 2), "reshape": False, "order": 1, "mode": "grid-constant"}
    for degrees in (-35, 90):
        expected = ndimage.rotate(IMAGES, degrees, **options)
        np.testing.assert_allclose(rotate(IMAGES, degrees), expected, atol=1e-9)


def test_a_crop_is_the_middle() -> None:
    np.testing.assert_array_equal(crop(IMAGES, 20, 10), IMAGES[:, 4:24, 8:18])
    np.testing.assert_array_equal(crop(IMAGES, 28, 26), IMAGES)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
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
