"""What each figure shows is what `figures.txt` says: its artists, their data, looks and labels.

After a figure was changed on purpose: python -m tests.library.test_figures
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator

import task2
import task3
import utils
from lab import figures
from lab.trainings import Training

SHOWN = Path(__file__).with_name("figures.txt")


def describe(figure: Figure) -> Iterator[str]:
    """Say what a figure shows, a line for each artist; numbers have four digits."""
    width, height = figure.get_size_inches()
    engine = type(figure.get_layout_engine()).__name__
    yield f"{width:g} x {height:g} inches, {engine} {figure.get_suptitle()!r}"
    for ax in figure.axes:
        yield from describe_axes(ax)


def describe_axes(ax: Axes) -> Iterator[str]:
    yield f"axes {ax.get_title()!r}, {ax.get_xlabel()!r}, {ax.get_ylabel()!r}"
    if ax.lines or ax.patches:
        limits = [f"{limit:.4g}" for limit in (*ax.get_xlim(), *ax.get_ylim())]
        grid = ax.xaxis.get_gridlines()[0]
        yield f"  limits {' '.join(limits)} {ax.get_yscale()}, grid {grid.get_alpha()}"
    for line in ax.get_lines():
        look = f"{colour(line.get_color())} {vars(line)['_dash_pattern'][1]}"
        yield f"  line {line.get_label()!r} {look}, {points(line.get_xydata())}"
    for band in ax.collections:
        if isinstance(band, PolyCollection):
            corners = np.unique(np.asarray(band.get_paths()[0].vertices), axis=0)
            yield f"  band {colour(band.get_facecolor()[0])} {band.get_alpha()}, {points(corners)}"
    for bar in ax.patches:
        x, y, width, height = bar.get_bbox().bounds  # type: ignore[attr-defined]
        yield f"  bar {x:.4g} {y:.4g} {width:.4g} {height:.4g} {colour(bar.get_facecolor())}"
    for text in ax.texts:
        yield f"  text {text.get_text()!r}"
    for image in ax.get_images():
        low, high = image.get_clim()
        scale = type(image.norm).__name__
        pixels = np.asarray(image.get_array().filled(99))  # type: ignore[union-attr]
        yield f"  image {image.get_cmap().name} {scale} {low:.4g} to {high:.4g}, {points(pixels)}"
    for axis in (ax.xaxis, ax.yaxis):
        if isinstance(axis.get_major_locator(), FixedLocator):
            labels = [label.get_text() for label in axis.get_ticklabels()]
            yield f"  ticks {np.round(axis.get_ticklocs(), 4).tolist()} {labels}"
    if legend := ax.get_legend():
        yield f"  legend {[text.get_text() for text in legend.get_texts()]}"


def colour(value: Any) -> str:
    return to_hex(value)


def points(data: Any) -> str:
    """Shape, first, last and sum of the numbers, and a digest of all."""
    data = np.asarray(data, float)
    text = " ".join(f"{number:.4g}" for number in data.ravel() + 0.0)
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{data.shape} {data.flat[0]:.4g} to {data.flat[-1]:.4g}, {digest}"


def a_training(pace: float, outputs: int) -> Training:
    """A training whose histories and weights are formulas."""
    steps = range(40)
    loss = {step: 0.1 + 2.2 * np.exp(-pace * step) + 0.01 * (step % 3) for step in steps}
    validations = {step: loss[step] + 0.02 for step in steps[::2]}
    rates = {step: 0.98 - 0.2 * np.exp(-pace * step) for step in steps[::2]}
    w = np.arange(785 * outputs).reshape(785, outputs) / 4096 * pace - 0.5
    return Training(
        w,
        {"loss": loss, "accuracy": rates},
        {"loss": validations, "accuracy": {step: rate - 0.01 for step, rate in rates.items()}},
        5,
        8,
        4,
    )


def drawn() -> figures.Figures:
    lambdas = {value: a_training(0.5 / (1 + value), 10) for value in task3.LAMBDAS}
    X = (np.arange(40 * 784) % 251).astype(np.uint8).reshape(40, 784)
    Y = (np.arange(40) % 10).reshape(40, 1)
    return {
        **task2.make_figures(a_training(0.2, 1), a_training(0.4, 1), "data"),
        **task3.make_figures(lambdas, utils.Split(X, Y, X, Y), "data"),
    }


def text() -> str:
    return "".join(
        f"{line}\n" for name, figure in drawn().items() for line in (name, *describe(figure))
    )


def test_the_figures_show_what_they_should() -> None:
    assert text() == SHOWN.read_text(encoding="utf-8")


def test_a_figure_is_saved_in_150_dots_an_inch_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "figure.png"
    figures.save(Figure(figsize=(4, 2)), path)
    assert struct.unpack(">2I", path.read_bytes()[16:24]) == (600, 300)


if __name__ == "__main__":
    SHOWN.write_text(text(), encoding="utf-8")
