"""Transforms of grey images: most are one matrix on the rows and one on the columns, A X Bᵀ.

Images are float arrays (N, H, W), and so is what a transform returns. What lies outside an image
is 0, the background of the digits.
"""

import numpy as np

from lab.expect import expect_count, expect_in


def normalise(images: np.ndarray, mean: float, std: float) -> np.ndarray:
    """Subtract the mean and divide by the standard deviation of the pixels."""
    expect_in("(-inf, inf)", mean=mean)
    expect_in("(0, inf)", std=std)
    return (images - mean) / std


def crop(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Cut out the middle (N, height, width)."""
    _expect_images(images)
    H, W = images.shape[1:]
    if not (0 < height <= H and 0 < width <= W):
        raise ValueError(f"crop: expected at most {H} x {W} pixels, got {height} x {width}.")
    top, left = (H - height) // 2, (W - width) // 2
    return images[:, top : top + height, left : left + width]


def resize(images: np.ndarray, height: int, width: int) -> np.ndarray:
    """Resize to (N, height, width) by bilinear interpolation between the centres of pixels."""
    _expect_images(images)
    expect_count("height", height, 1)
    expect_count("width", width, 1)

    def interpolation(old: int, new: int) -> np.ndarray:
        centres = (np.arange(new) + 0.5) * old / new - 0.5
        return _hat(centres.clip(0, old - 1)[:, None] - np.arange(old))

    H, W = images.shape[1:]
    return _both_sides(interpolation(H, height), images, interpolation(W, width))


def shift(
    images: np.ndarray, down: float | np.ndarray = 0.0, right: float | np.ndarray = 0.0
) -> np.ndarray:
    """Move by a number of pixels, or each image by its own (N,), interpolating fractions."""
    _expect_images(images)
    expect_in("(-inf, inf)", down=down, right=right)

    def interpolation(size: int, distance: float | np.ndarray) -> np.ndarray:
        i = np.arange(size)
        return _hat(i[:, None] - i - np.asarray(distance)[..., None, None])

    H, W = images.shape[1:]
    return _both_sides(interpolation(H, down), images, interpolation(W, right))


def blur(images: np.ndarray, sigma: float) -> np.ndarray:
    """Convolve with a Gaussian of standard deviation sigma, in pixels."""
    _expect_images(images)
    expect_in("(0, inf)", sigma=sigma)

    def weight(distance: np.ndarray) -> np.ndarray:
        return np.exp(-((distance / sigma) ** 2) / 2)

    def gaussian(size: int) -> np.ndarray:
        i, reach = np.arange(size), int(4 * sigma + 1)
        return weight(i[:, None] - i) / weight(np.arange(-reach, reach + 1)).sum()

    H, W = images.shape[1:]
    return _both_sides(gaussian(H), images, gaussian(W))


def rotate(images: np.ndarray, degrees: float) -> np.ndarray:
    """Turn counter-clockwise about the centre, by bilinear interpolation."""
    _expect_images(images)
    expect_in("(-inf, inf)", degrees=degrees)
    H, W = images.shape[1:]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    y, x = np.mgrid[:H, :W] - np.array([(H - 1) / 2, (W - 1) / 2])[:, None, None]
    # where each pixel comes from, in an image with a margin of one pixel of background
    rows = (cos * y + sin * x + (H + 1) / 2).clip(0, H + 1)
    columns = (cos * x - sin * y + (W + 1) / 2).clip(0, W + 1)
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))
    top, left = rows.astype(int).clip(max=H), columns.astype(int).clip(max=W)
    turned = np.zeros_like(images)
    for i in (top, top + 1):
        for j in (left, left + 1):
            weights = (_hat(rows - i) * _hat(columns - j)).astype(images.dtype)
            turned += weights * padded[:, i, j]
    return turned


def _hat(distance: np.ndarray) -> np.ndarray:
    """Compute the weight of a pixel in linear interpolation, max(0, 1 - |distance|)."""
    return np.maximum(0, 1 - np.abs(distance))


def _both_sides(rows: np.ndarray, images: np.ndarray, columns: np.ndarray) -> np.ndarray:
    rows, columns = rows.astype(images.dtype), columns.astype(images.dtype)
    return rows @ images @ columns.swapaxes(-1, -2)


def _expect_images(images: np.ndarray) -> None:
    if images.ndim != 3 or images.dtype.kind != "f":
        raise ValueError(
            f"images: expected floats of shape (N, H, W), got {images.dtype} of shape "
            f"{images.shape}. Likely fix: (X / 255).reshape(-1, 28, 28)."
        )
