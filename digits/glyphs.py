"""Glyphs: how people write the ten digits, and the pen's path through the points of each.

A glyph is a line of text. Points are `x,y` in hundredths of a unit square, x to the right and y
down, in the order the pen meets them. The pen runs smoothly through them; `!` after a point marks
a corner, `|` lifts the pen. A digit has several glyphs, each with a weight: how often it is used
relative to the others of its digit.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

GLYPHS: dict[int, dict[str, float]] = {
    0: {
        "50,2 28,14 16,45 24,82 48,98 72,86 84,52 74,16 50,2": 4,  # closed at the top
        "66,10 42,3 20,26 14,58 28,92 54,97 80,74 86,38 74,10 52,6 40,14": 3,  # overlapping ends
        "40,6 20,28 16,66 36,96 64,94 82,64 82,30 64,6 46,2 34,10": 3,  # egg
    },
    1: {
        "50,0 50,100": 8,  # a bare stroke
        "50,0 52,50 48,100": 4,  # bent
        "30,22 42,12 54,0! 54,50 54,100": 1.5,  # with a flag
        "30,20 42,12 54,2! 54,50 54,97 | 26,98 54,97 82,97": 0.7,  # with flag and foot
    },
    2: {
        "16,26 34,5 64,4 78,24 66,50 42,74 14,96! 50,95 88,94": 4,  # plain
        "14,24 36,3 66,5 76,28 62,58 38,86 18,97 8,88 20,77 44,85 66,96 94,90": 4,  # with a loop
        "14,12 48,5 80,8! 48,50 12,94! 50,95 90,92": 2,  # like a Z
        "18,30 30,8 58,2 78,16 76,42 52,70 16,92 34,86 62,95 92,88": 3,  # with a wavy foot
        "36,27 22,22 27,5 56,0 78,16 68,46 42,74 12,96! 46,92 90,96": 1.5,  # with a curled start
        "22,22 40,2 66,8 72,30 56,58 36,80 24,97! 44,96 68,94": 1.5,  # with a short foot
    },
    3: {
        "18,12 46,2 76,14 70,36 40,47! 72,54 84,76 62,96 32,98 10,86": 4,  # two bows
        "20,14 48,2 74,12 70,34 50,45 40,46 54,47 76,60 78,82 52,98 14,90": 3,  # a soft waist
        "16,7 48,5 80,4! 62,24 42,42! 74,52 84,74 64,96 34,98 12,88": 1.5,  # a flat top
        "12,16 40,3 70,12 66,34 42,48 34,44 46,40 76,52 82,78 56,98 18,92": 2,  # a looped waist
        "34,24 20,17 31,2 62,2 76,20 62,40 42,46! 70,52 84,76 60,98 28,98 12,84": 1.5,  # a curl
        "20,10 50,2 70,16 58,38 36,48! 62,52 74,72 50,91 4,98": 2,  # a long tail
        "30,10 52,3 66,15 56,31 40,38! 72,44 88,68 70,94 36,100 8,84": 1.5,  # a small head
    },
    4: {
        "22,4 18,30 14,54! 50,55 88,50 | 70,2 66,50 62,100": 4,  # open
        "60,4 36,32 10,64! 50,64 92,60 | 64,6 63,50 60,100": 2,  # closed, two strokes
        "82,58 48,62 12,62! 38,32 68,2! 64,50 60,100": 2,  # closed, one stroke
        "22,6 16,34 28,54 54,52 78,32 | 82,4 74,50 62,100": 4,  # open, a round bowl
    },
    5: {
        "28,6 22,44! 50,38 78,52 80,76 58,96 30,97 10,84 | 28,6 56,5 88,2": 4,  # the hat last
        "86,4 56,5 30,7! 22,43! 52,39 78,54 80,78 56,96 28,97 10,88": 4,  # one stroke
        "84,4 52,5 28,16 26,38 50,48 74,62 74,84 48,98 12,92": 3,  # like an S
    },
    6: {
        "66,2 38,22 18,56 20,86 46,98 74,86 78,64 54,50 28,64 18,82": 4,  # a round belly
        "58,0 36,32 20,66 28,94 54,97 72,80 64,62 42,62 24,78": 4,  # a straight back
        "76,8 52,4 26,28 16,64 32,96 62,96 78,74 62,54 36,58 20,78": 3,  # a curled top
    },
    7: {
        "12,8 48,8 86,6! 66,38 50,70 42,100": 5,  # plain
        "12,24 15,8! 50,9 86,6! 64,40 50,70 44,100": 2,  # with a serif
        "12,8 48,8 84,6! 66,38 50,70 42,100 | 32,52 54,50 78,47": 2,  # with a bar
        "12,18 36,6 70,5 80,18 64,46 50,74 46,100": 3,  # round-shouldered
    },
    8: {
        "80,15 52,0 24,10 24,34 52,48 80,66 76,92 48,100 20,90 20,66 48,48 76,32 80,13 64,2": 5,
        "50,47 24,34 24,10 52,0 78,10 76,34 50,48 20,66 20,90 48,100 80,90 78,64 48,47": 2,
        "84,10 56,0 24,12 28,34 54,50 78,68 70,92 42,100 20,84 30,64 58,44 88,12": 3,  # open top
    },
    9: {
        "76,20 54,4 28,14 22,36 42,50 64,40 78,16! 74,58 68,100": 4,  # a straight stem
        "76,22 56,3 30,10 22,34 42,48 66,38 78,18! 78,58 62,92 36,98 16,88": 3,  # a hooked stem
        "66,44 36,46 26,24 48,4 74,10 78,32 66,66 50,100": 3,  # one sweep
        "72,14 48,4 24,22 30,46 58,44 76,20 72,52 62,78 52,100": 3,  # a leaning stem
    },
}


class Glyphs(NamedTuple):
    """All V glyphs as arrays, padded to K control points, each path sampled at S points.

    A path is linear in its control points: points `(S, 2)` = basis `(S, K)` @ controls `(K, 2)`.
    """

    digit: npt.NDArray[np.uint8]  # (V,) the digit a glyph shows
    cumulative: Array  # (V,) of the probabilities of the glyphs, every digit being as likely
    controls: Array  # (V, K, 2) in units of the square, its centre at the origin
    sharp: Array  # (V, S, K) basis of a path that keeps its corners
    rounded: Array  # (V, S, K) basis of a path that cuts them
    ink: Array  # (V, S - 1) 1 where the pen is down between two points, 0 where it is lifted


def load_glyphs(samples: int) -> Glyphs:
    """Return the glyphs of all digits, each path sampled at `samples` evenly spaced points."""
    glyphs = [(d, text, w) for d, texts in GLYPHS.items() for text, w in texts.items()]
    strokes = [[_parse_stroke(part) for part in text.split("|")] for _, text, _ in glyphs]
    size = max(sum(len(points) for points, _ in glyph) for glyph in strokes)
    paths = [_sample_glyph(glyph, samples, size) for glyph in strokes]
    controls, sharp, rounded, ink = (np.stack(arrays) for arrays in zip(*paths, strict=True))
    weights = np.array([w / sum(GLYPHS[d].values()) for d, _, w in glyphs])
    return Glyphs(
        digit=np.array([d for d, _, _ in glyphs], np.uint8),
        cumulative=np.cumsum(weights / len(GLYPHS)),
        controls=controls,
        sharp=sharp,
        rounded=rounded,
        ink=ink,
    )


def _parse_stroke(text: str) -> tuple[Array, list[int]]:
    """Return the points `(k, 2)` of one stroke and the indices of its corners."""
    words = text.split()
    points = [[float(number) / 100 - 0.5 for number in w.rstrip("!").split(",")] for w in words]
    return np.array(points), [i for i, w in enumerate(words) if w.endswith("!")]


def _sample_glyph(
    strokes: list[tuple[Array, list[int]]], samples: int, size: int
) -> tuple[Array, Array, Array, Array]:
    """Return controls, sharp and rounded basis, and ink of one glyph, as `Glyphs` has them."""
    controls, ink = np.zeros((size, 2)), np.ones(samples - 1)
    sharp, rounded = np.zeros((2, samples, size))
    curves = [_curve_basis(len(points), corners) for points, corners in strokes]
    lengths = [_arc_length(c @ points)[-1] for c, (points, _) in zip(curves, strokes, strict=True)]
    # Each stroke gets samples in proportion to its length, so that all are spaced alike.
    ends = np.rint(samples * np.cumsum(lengths) / sum(lengths)).astype(int)
    first = row = 0
    for curve, (points, _), end in zip(curves, strokes, ends, strict=True):
        block = slice(row, end), slice(first, first + len(points))
        controls[block[1]] = points
        sharp[block] = _space_evenly(curve, points, end - row)
        rounded[block] = _smooth(sharp[block])
        ink[end - 1 : end] = 0  # the pen is lifted after the stroke's last point
        first, row = first + len(points), end
    return controls, sharp, rounded, ink


def _curve_basis(num_points: int, corners: list[int]) -> Array:
    """Return the basis `(T, k)` of a smooth curve through k points that breaks at the corners."""
    identity = np.eye(num_points)
    cuts = [0, *corners, num_points - 1]
    return np.concatenate([_catmull_rom(identity[a : b + 1]) for a, b in pairwise(cuts)])


def _catmull_rom(points: Array, steps: int = 16) -> Array:
    """Return the Catmull-Rom spline through points `(k, D)`, `steps` samples a segment."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    a, b, c, d = (padded[i : len(points) - 1 + i, None] for i in range(4))
    t = np.linspace(0, 1, steps)[:, None]
    curve: Array = b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return curve.reshape(-1, points.shape[1])


def _arc_length(path: Array) -> Array:
    """Return the distance along a path `(T, 2)` from its start to each of its points."""
    length = np.zeros(len(path))
    length[1:] = np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))
    return length


def _space_evenly(curve: Array, points: Array, samples: int) -> Array:
    """Return the basis `(samples, k)` of points evenly spaced along the curve."""
    length = _arc_length(curve @ points)
    at = np.linspace(0, length[-1], samples)
    return np.stack([np.interp(at, length, column) for column in curve.T], axis=1)


def _smooth(basis: Array, reach: int = 5) -> Array:
    """Return the moving average of the rows, over fewer of them near the ends."""
    last = len(basis) - 1
    widths = [min(reach, i, last - i) for i in range(last + 1)]
    return np.stack([basis[i - w : i + w + 1].mean(axis=0) for i, w in enumerate(widths)])
