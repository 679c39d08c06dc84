"""Synthetic handwritten digits: a stand-in for MNIST where it is not available.

A glyph's control points are jittered, the path through them is bent, slanted, turned and fitted
into a 20x20 box, a pen of varying width runs along it, and the box is placed with its centre of
mass in the middle of a 28x28 image, as MNIST does. Linear classifiers find the result about as
hard as MNIST.
"""

import numpy as np
import numpy.typing as npt

from digits.glyphs import Array, Glyphs, load_glyphs

SIDE = 28  # pixels, of an image
BOX = 20  # pixels, of the square that holds the ink
CHUNK = 128  # images drawn at a time: few, for speed (they fit in the cache) and memory
SAMPLES = 72  # points along the path of a glyph, at least one a pixel

# How hands differ: standard deviations, of lengths in units of the glyph's unit square.
JITTER = 0.04  # of each control point
ELASTIC = 0.04  # amplitude of an elastic wave
WAVES = 2  # elastic waves along each axis
WAVE_NUMBER = 3.0  # radians per unit: about half a wave across the glyph
SLOPPINESS = 0.4  # of the logarithm of the factor on jitter and waves
WAIST = 0.4  # of four times the height by which the middle of the glyph moves
SLANT_MEAN, SLANT = 0.22, 0.21  # shear, to the right as most people write
ROTATION = 0.1  # radians
ASPECT = 0.2  # of log(width / height)

# The pen, in pixels.
LOG_RADIUS_MEAN, LOG_RADIUS = 0.33, 0.23
RADIUS_MIN, RADIUS_MAX = 0.8, 2.0
PRESSURE = 0.12  # relative change of the radius along the path
LEVEL = 0.15  # ink at the pen's edge relative to the middle of the stroke; less: rounder loops
EDGE = 1.3  # from where the edge is black to where it is white


def synthetic_digits(
    count: int, seed: int = 0
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Draw handwritten digits, the same ones for the same seed on every machine.

    The first n images are the same whatever the count.

    Args:
        count: N, the number of images.
        seed: From 0 to 2**32 - 1.

    Returns:
        Images `(N, 784)`, white ink (255) on black (0), and labels `(N, 1)` from 0 to 9, in
        random order, every digit being as likely.
    """
    # NumPy's compatibility policy freezes the stream of RandomState; that of Generator may change.
    rng = np.random.RandomState(seed)
    glyphs = load_glyphs(SAMPLES)
    images = np.zeros((count, SIDE, SIDE), np.uint8)
    labels = np.zeros((count, 1), np.uint8)
    for start in range(0, count, CHUNK):
        # A chunk is drawn in full even if less of it is wanted: no image depends on the count.
        choice = np.searchsorted(glyphs.cumulative[:-1], rng.random_sample(CHUNK), side="right")
        path = _write(glyphs, choice, rng)
        radius = _press(CHUNK, rng)
        boxes = _render(_fit(path, radius), radius, glyphs.ink[choice])
        wanted = slice(start, min(start + CHUNK, count))
        images[wanted] = _centre(boxes)[: count - start]
        labels[wanted, 0] = glyphs.digit[choice][: count - start]
    return images.reshape(count, SIDE * SIDE), labels


def _write(glyphs: Glyphs, choice: npt.NDArray[np.intp], rng: np.random.RandomState) -> Array:
    """Return the paths `(n, S, 2)` of the chosen glyphs `(n,)`, each in a hand of its own."""
    n, k = len(choice), glyphs.controls.shape[1]
    slant, turn, aspect, waist, sloppiness = rng.standard_normal((5, n, 1))
    sloppy = np.exp(SLOPPINESS * sloppiness)[:, :, None]
    controls = glyphs.controls[choice] + JITTER * sloppy * rng.standard_normal((n, k, 2))
    roundness = rng.random_sample((n, 1, 1))
    path = (1 - roundness) * (glyphs.sharp[choice] @ controls)
    path += roundness * (glyphs.rounded[choice] @ controls)
    path += ELASTIC * sloppy * _waves(path, rng)
    x, y = path[..., 0], path[..., 1]
    y = y + WAIST * waist.clip(-2, 2) * (y**2 - 0.25)  # further than 2, the path would fold
    x = x * np.exp(ASPECT * aspect) - y * (SLANT_MEAN + SLANT * slant)
    cos, sin = np.cos(ROTATION * turn), np.sin(ROTATION * turn)
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=-1)


def _waves(path: Array, rng: np.random.RandomState) -> Array:
    """Return a smooth random displacement `(n, S, 2)`: a sum of plane waves along each axis."""
    total = np.zeros_like(path)
    for _ in range(WAVES):
        number = WAVE_NUMBER * rng.standard_normal((len(path), 2, 2))
        phase = 2 * np.pi * rng.random_sample((len(path), 1, 2))
        total += np.sin(path @ number + phase)
    return total


def _press(n: int, rng: np.random.RandomState) -> Array:
    """Return the pen's radius `(n, S - 1)` in pixels on the segments of n paths."""
    size, drift, swell = rng.standard_normal((3, n, 1))
    mean: Array = np.clip(np.exp(LOG_RADIUS_MEAN + LOG_RADIUS * size), RADIUS_MIN, RADIUS_MAX)
    t = np.linspace(-1, 1, SAMPLES - 1)
    change: Array = PRESSURE * (drift * t + swell * np.cos(np.pi * t))
    return mean * (1 + np.clip(change, -0.4, 0.4))


def _fit(path: Array, radius: Array) -> Array:
    """Return the paths in pixels: scaled and moved so that the pen's track just fits the box."""
    low, high = path.min(axis=1, keepdims=True), path.max(axis=1, keepdims=True)
    room = BOX - 2 * radius.mean(axis=1)[:, None, None]
    fitted: Array = (path - (low + high) / 2) * room / (high - low).max(axis=2, keepdims=True)
    return fitted


def _render(path: Array, radius: Array, ink: Array) -> npt.NDArray[np.uint8]:
    """Return the boxes `(n, BOX, BOX)` with the paths drawn in them.

    Each segment s leaves a Gaussian splat, its mass the segment's length. A Gaussian is a product
    of one factor in y and one in x, so the sum over s is a product of two matrices,
    exp(-(y - y_s)^2 / 2 sigma^2) and exp(-(x - x_s)^2 / 2 sigma^2). At the distance d from a
    straight stroke it comes to exp(-d^2 / 2 sigma^2), which is LEVEL at d = radius.
    """
    sigma = radius / np.sqrt(-2 * np.log(LEVEL))
    step = np.diff(path, axis=1)
    middle = path[:, 1:] - step / 2
    mass = ink * np.sqrt((step**2).sum(axis=2)) / (np.sqrt(2 * np.pi) * sigma)
    pixels = (np.arange(BOX) - (BOX - 1) / 2)[:, None]
    splats = middle.transpose(2, 0, 1)[:, :, None] - pixels  # (2, n, BOX, S - 1)
    splats /= np.sqrt(2) * sigma[:, None]
    np.multiply(splats, splats, out=splats)
    np.exp(np.negative(splats, out=splats), out=splats)
    across, down = splats
    track = (down * mass[:, None]) @ across.swapaxes(1, 2)
    # Black half an edge outside the radius, white half an edge inside it, linear in between.
    half = EDGE / 2 / radius.mean(axis=1)[:, None, None]
    black, white = LEVEL ** ((1 + half) ** 2), LEVEL ** ((1 - half) ** 2)
    grey = np.clip(255 * (track - black) / (white - black), 0, 255)
    boxes: npt.NDArray[np.uint8] = np.rint(grey).astype(np.uint8)
    return boxes


def _centre(boxes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return images `(n, SIDE, SIDE)`: each box moved by whole pixels to centre its mass."""
    n, pixels = len(boxes), np.arange(BOX)
    rows, columns = boxes.sum(axis=2), boxes.sum(axis=1)
    total = rows.sum(axis=1)
    top, left = (
        np.rint((SIDE - 1) / 2 - side @ pixels / total).astype(int).clip(0, SIDE - BOX)[:, None]
        for side in (rows, columns)
    )
    images = np.zeros((n, SIDE, SIDE), np.uint8)
    at = np.arange(n)[:, None, None], (top + pixels)[:, :, None], (left + pixels)[:, None, :]
    images[at] = boxes
    return images
