"""Transforms of images, beside scipy.ndimage."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import ndimage

from convnet import transforms
from digits.synthetic import synthetic_digits


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    """Three digits of 28 x 26 pixels, so that rows and columns cannot be confused."""
    return synthetic_digits(3)[0].reshape(-1, 28, 28)[:, :, 1:-1] / 255


@pytest.mark.parametrize(("height", "width"), [(56, 39), (14, 13)])
def test_resizing_interpolates_between_the_centres_of_pixels(
    images: np.ndarray, height: int, width: int
) -> None:
    factors = (1, height / 28, width / 26)
    expected = ndimage.zoom(images, factors, order=1, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(transforms.resize(images, height, width), expected, atol=1e-12)


def test_a_shift_moves_each_image_down_and_right(images: np.ndarray) -> None:
    down, right = np.array([0.5, 1, -1.75]), np.array([-3, 0.25, 30])
    for shifted, image, *by in zip(
        transforms.shift(images, down, right), images, down, right, strict=True
    ):
        expected = ndimage.shift(image, by, order=1, mode="grid-constant")
        np.testing.assert_allclose(shifted, expected, atol=1e-12)
    every = transforms.shift(images, 1, 0.25)
    np.testing.assert_array_equal(every[1], transforms.shift(images, down, right)[1])


@pytest.mark.parametrize("sigma", [0.5, 3.0])
def test_a_blur_is_a_convolution_with_a_gaussian(images: np.ndarray, sigma: float) -> None:
    expected = ndimage.gaussian_filter(images, sigma, axes=(1, 2), mode="constant")
    np.testing.assert_allclose(transforms.blur(images, sigma), expected, atol=1e-4)


@pytest.mark.parametrize("degrees", [-35, 90])
def test_a_rotation_turns_counter_clockwise(images: np.ndarray, degrees: float) -> None:
    options = {"axes": (1, 2), "reshape": False, "order": 1, "mode": "grid-constant"}
    expected = ndimage.rotate(images, degrees, **options)
    np.testing.assert_allclose(transforms.rotate(images, degrees), expected, atol=1e-9)


def test_a_crop_is_the_middle(images: np.ndarray) -> None:
    np.testing.assert_array_equal(transforms.crop(images, 20, 10), images[:, 4:24, 8:18])
    np.testing.assert_array_equal(transforms.crop(images, 28, 26), images)
    with pytest.raises(ValueError, match="expected at most 28 x 26 pixels, got 28 x 27"):
        transforms.crop(images, 28, 27)


BAD_CALLS: dict[str, tuple[Callable[[np.ndarray], object], str]] = {
    "sigma 0": (lambda X: transforms.blur(X, 0), r"sigma: .* in \(0, inf\), got 0"),
    "no deviation of a pixel": (
        lambda X: transforms.normalise(X, X.mean(axis=0), X.std(axis=0)),
        r"std: .* in \(0, inf\), got 0.0",
    ),
    "shift nan": (lambda X: transforms.shift(X, 0, np.array([1, np.nan])), "right: .* got nan"),
    "turned by inf": (lambda X: transforms.rotate(X, np.inf), "degrees: .* got inf"),
    "no height": (lambda X: transforms.resize(X, 0, 9), "height: .* at least 1, got 0"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_number_out_of_range_is_named_with_its_range(images: np.ndarray, case: str) -> None:
    call, message = BAD_CALLS[case]
    with pytest.raises(ValueError, match=message):
        call(images)
