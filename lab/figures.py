"""The look of the figures: large, labelled, told apart by colour, by dashes and in grey."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from lab.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's colour-blind safe colours, dark before light, each with dashes of its own.
COLOURS = ("#0072B2", "#D55E00", "#000000", "#009E73", "#CC79A7")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))


def new(title: str, xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    """Make an empty figure with one pair of labelled axes, free of pyplot's state."""
    from cycler import cycler
    from matplotlib.figure import Figure

    fig = Figure(figsize=(8, 5), layout="constrained")
    ax = fig.subplots()
    ax.set_prop_cycle(cycler(color=COLOURS, linestyle=DASHES))
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.grid(alpha=0.3)
    return fig, ax


def zoom(ax: Axes, ylim: tuple[float, float]) -> None:
    """Zoom the vertical axis to `ylim`, widened as far as the later half of each curve needs.

    The early, steep part may leave the picture: seeing what comes after it is why one zooms.
    """
    curves = [np.asarray(line.get_ydata()) for line in ax.get_lines()]
    later = np.concatenate([ylim, *(curve[len(curve) // 2 :] for curve in curves)])
    margin = 0.05 * np.ptp(later)
    low = ylim[0] if later.min() >= ylim[0] else later.min() - margin
    high = ylim[1] if later.max() <= ylim[1] else later.max() + margin
    ax.set_ylim(low, high)


def save(fig: Figure, path: Path) -> None:
    """Save a figure as PNG at 150 dpi, whole or not at all, the same bytes every time."""
    with replacing(path) as temporary:
        fig.savefig(temporary, dpi=150)


def show(paths: Iterable[Path]) -> None:
    """Open a window for each saved figure, where there is a display."""
    import matplotlib.pyplot as plt

    if plt.get_backend().lower() == "agg":
        print("No display here to show the figures on; they are saved.")
        return
    for path in paths:
        fig = plt.figure(path.stem, layout="tight")
        ax = fig.add_subplot()
        ax.imshow(plt.imread(path))
        ax.axis("off")
    plt.show()


def images(rows: Mapping[str, np.ndarray], title: str, label: str) -> Figure:
    """Draw rows of ten 28 x 28 images on one shared diverging scale centred on zero.

    The scale is linear around zero and logarithmic beyond (asinh), so that rows of very
    different size can be compared and each still be seen.

    Args:
        rows: {name of the row: images (10, 784), one for each digit}.
        title: of the figure.
        label: of the colour bar.
    """
    from matplotlib.colors import AsinhNorm
    from matplotlib.figure import Figure

    fig = Figure(figsize=(12, 1 + 1.3 * len(rows)), layout="constrained")
    fig.suptitle(title, fontsize=14)
    axes = fig.subplots(len(rows), squeeze=False)[:, 0]
    largest = max(float(np.abs(pixels).max()) for pixels in rows.values()) or 1.0
    scale = AsinhNorm(linear_width=largest / 10, vmin=-largest, vmax=largest)
    for ax, (name, pixels) in zip(axes, rows.items(), strict=True):
        # One wide image a row, nan between the digits: far quicker to draw than axes for each.
        tiles = [
            np.pad(tile, ((0, 0), (0, 2)), constant_values=np.nan)
            for tile in pixels.reshape(-1, 28, 28)
        ]
        image = ax.imshow(np.hstack(tiles)[:, :-2], cmap="RdBu_r", norm=scale)
        ax.set_xticks(np.arange(len(tiles)) * 30 + 13.5, map(str, range(len(tiles))))
        ax.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
        ax.set_yticks([])
        ax.set_ylabel(name, fontsize=12)
        ax.spines[:].set_visible(False)
    fig.colorbar(image, ax=axes, label=label, fraction=0.02, pad=0.01)
    return fig
