"""A page of A4, filled from the top down: text that wraps, tables, pictures at full resolution."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.image import imread
from matplotlib.textpath import TextToPath

A4 = (8.27, 11.69)  # inches
MARGIN = 0.8
POINTS = 72  # an inch
LEADING = 1.45  # from line to line, in sizes of the type


class Page:
    """A page; `figure` is what matplotlib prints.

    Args:
        number: the page's number, for its foot.
        landscape: whether the long side lies across.
    """

    def __init__(self, number: int, landscape: bool = False) -> None:
        self.width, self.height = reversed(A4) if landscape else A4
        self.figure = Figure(figsize=(self.width, self.height))
        self.y = MARGIN  # inches of the page used, from the top
        self._put(str(number), self.width / 2, self.height - MARGIN / 2, _font(10), "center")

    def text(
        self, words: str, size: float = 11, weight: str = "normal", after: float = 0.1
    ) -> None:
        """Write a paragraph, wrapped to the width of the page.

        Args:
            words: the text.
            size: of the type, in points.
            weight: "normal" or "bold".
            after: inches to leave below it.
        """
        font = _font(size, weight)
        for line in wrap(words, font, self.width - 2 * MARGIN):
            self.y += LEADING * size / POINTS
            self._put(line, MARGIN, self.y, font)
        self.y += after

    def table(self, rows: Sequence[Sequence[str]], size: float = 10, header: bool = True) -> None:
        """Write rows of cells, each column as wide as it needs to be.

        Args:
            rows: of equal length; the first column is set to the left.
            size: of the type, in points.
            header: whether the first row is one: bold, and the other columns set to the right.
        """
        fonts = [_font(size, "bold" if header and i == 0 else "normal") for i in range(len(rows))]
        widths = [
            max(width_of(cell, font) for cell, font in zip(column, fonts, strict=True))
            for column in zip(*rows, strict=True)
        ]
        spare = (self.width - 2 * MARGIN - sum(widths)) / max(len(widths) - 1, 1)
        gap = min(spare, 0.35)
        for row, font in zip(rows, fonts, strict=True):
            self.y += LEADING * size / POINTS
            x = MARGIN
            for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
                right = header and i > 0
                self._put(cell, x + width * right, self.y, font, "right" if right else "left")
                x += width + gap
        self.y += 0.1

    def picture(self, pixels: np.ndarray) -> None:
        """Show a picture (height, width, channels) as wide as the page, pixel for pixel."""
        width = self.width - MARGIN  # a little wider than the text: its own border is empty
        height = width * pixels.shape[0] / pixels.shape[1]
        left, bottom = (self.width - width) / 2, self.height - self.y - height
        ax = self.figure.add_axes(
            (left / self.width, bottom / self.height, width / self.width, height / self.height)
        )
        ax.imshow(pixels, interpolation="none", aspect="auto")
        ax.axis("off")
        self.y += height + 0.05

    def _put(self, line: str, x: float, y: float, font: FontProperties, ha: str = "left") -> None:
        self.figure.text(
            x / self.width,
            1 - y / self.height,
            line,
            fontproperties=font,
            ha=ha,
            va="baseline",
            parse_math=False,
        )


def read_picture(path: Path) -> np.ndarray:
    """Read a PNG as (height, width, 3), without its alpha channel."""
    return imread(path)[..., :3]


def wrap(words: str, font: FontProperties, width: float) -> list[str]:
    """Break a text into lines that are at most `width` inches wide, or a single word."""
    lines = [""]
    for word in words.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if lines[-1] and width_of(longer, font) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    return lines


def width_of(text: str, font: FontProperties) -> float:
    """Measure how wide a line of text is, in inches."""
    points, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    return points / POINTS


def _font(size: float, weight: str = "normal") -> FontProperties:
    return FontProperties(family="DejaVu Sans", size=size, weight=weight)  # matplotlib's own
