"""One style of figures: labelled, with curves distinguishable by colour, dashes and lightness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from digits.files import replacing
from lab.trainings import Training

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

Series = Mapping[int, float]  # {gradient step: value}
Figures = dict[str, "Figure"]  # {file name: figure}

# Okabe and Ito's colours, safe for colour-blind readers, from dark to light; dashes for each.
COLOURS = ("#0072B2", "#D55E00", "#000000", "#009E73", "#CC79A7")
DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), (0, (5, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
FILE_BACKENDS = ("agg", "cairo", "pdf", "pgf", "ps", "svg", "template")  # no windows


@contextmanager
def default_settings() -> Iterator[None]:
    """Draw, save or show with matplotlib's own settings, not with the user's.

    Raises OSError if matplotlib cannot be imported, for it cannot read the user's.
    """
    try:
        import matplotlib
    except ValueError as error:
        is_file = isinstance(error, UnicodeError)  # whose name matplotlib has logged
        fix = "save matplotlibrc as UTF-8" if is_file else "unset MPLBACKEND"
        raise OSError(f"matplotlib cannot read its settings: {error}. Likely fix: {fix}.") from None
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        yield


def new(title: str, xlabel: str, ylabel: str) -> tuple[Figure, Axes]:
    """Create a figure with one pair of labelled axes, without pyplot and its global state."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(8, 5), layout="constrained")
    ax = fig.subplots()
    _style(ax, title, xlabel, ylabel)
    return fig, ax


def _style(ax: Axes, title: str, xlabel: str, ylabel: str) -> None:
    from cycler import cycler

    ax.set_prop_cycle(cycler(color=COLOURS, linestyle=DASHES))
    ax.set(title=title, xlabel=xlabel, ylabel=ylabel)
    ax.grid(alpha=0.3)


def zoom(ax: Axes, ylim: tuple[float, float]) -> None:
    """Limit the vertical axis to `ylim`, widened to contain each curve from where it enters them.

    The steep beginning of a curve may lie outside the limits, but no more than its first half.
    Where its first tenth, or the first fifth of a short curve, enters them and leaves them again,
    it is not drawn: such a piece alone shows nothing.
    """

    def start(y: np.ndarray, low: float, high: float) -> int:
        outside = np.flatnonzero((y < low) | (y > high))
        return int(outside[outside < max(len(y) / 10, min(5, len(y) / 5))].max(initial=0))

    curves = {line: np.array(line.get_data()) for line in ax.get_lines()}
    shown = np.array(ylim)
    for _, y in curves.values():
        inside = np.flatnonzero((y >= ylim[0]) & (y <= ylim[1]))
        entered = inside[inside >= start(y, *ylim)].min(initial=len(y) // 2)
        shown = np.concatenate([shown, y[entered:]])
    margin = 0.05 * np.ptp(shown)
    low = ylim[0] if shown.min() >= ylim[0] else shown.min() - margin
    high = ylim[1] if shown.max() <= ylim[1] else shown.max() + margin
    ax.set_ylim(low, high)
    for line, points in curves.items():
        line.set_data(points[:, start(points[1], low, high) :])


def plot_loss(
    loss_dict: Series,
    label: str | None = None,
    npoints_to_average: int = 1,
    plot_variance: bool = True,
    ax: Axes | None = None,
) -> None:
    """Plot a series against the gradient step.

    loss_dict: {step: value}. label: for the legend. npoints_to_average: plot means of this many
    consecutive values. plot_variance: shade the middle half of these values. ax: the axes; None for
    pyplot's current axes.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.gca()
    length = len(loss_dict) - len(loss_dict) % npoints_to_average
    steps, values = (
        np.array(list(column)[:length], dtype=float).reshape(-1, npoints_to_average)
        for column in (loss_dict.keys(), loss_dict.values())
    )
    at = steps.mean(axis=1)
    (line,) = ax.plot(at, values.mean(axis=1), label=label)
    if npoints_to_average > 1 and plot_variance:
        low, high = np.quantile(values, (0.25, 0.75), axis=1)
        band = "the middle half of these values"
        ax.fill_between(at, low, high, color=line.get_color(), alpha=0.2, lw=0, label=band)


def plot_curves(
    curves: Mapping[str, Series],
    title: str,
    ylabel: str,
    ylim: tuple[float, float],
    averaged: Mapping[str, int] = MappingProxyType({}),
    enlarged: bool = False,
) -> Figure:
    """Plot several series, {label: series}, against the gradient step.

    ylim: as for `zoom`. averaged: {label of a noisy series: steps of which the mean is plotted}.
    enlarged: add a panel that tells apart the curves that end near the first.
    """
    fig, ax = new(title, "Gradient step", ylabel)
    for label, series in curves.items():
        steps = averaged.get(label, 1)
        means = f", mean of each epoch ({steps} steps)" if steps > 1 else ""
        plot_loss(series, label + means, steps, ax=ax)
    zoom(ax, ylim)
    ax.legend()
    if enlarged:
        _enlarge(ax, fig)
    return fig


def _enlarge(ax: Axes, fig: Figure) -> None:
    """Draw the last quarter of the first curve again below `ax`, enlarged, with what is near it."""
    fig.set_size_inches(8, 8)
    rows = fig.add_gridspec(2, height_ratios=(3, 2))
    ax.set_subplotspec(rows[0])
    panel = fig.add_subplot(rows[1])
    first, *_ = lines = ax.get_lines()
    points = np.array(first.get_data()).T
    panel.update_datalim(points[-len(points) // 4 :])
    panel.margins(0, 0.2)
    panel.set(xlim=panel.get_xlim(), ylim=panel.get_ylim())
    title = f"The end of {first.get_label()}, framed above, enlarged"
    _style(panel, title, ax.get_xlabel(), ax.get_ylabel())
    for line in lines:
        panel.plot(*line.get_data())
    ax.indicate_inset(panel.viewLim.bounds)


def plot_training(
    training: Training, quantity: str, title: str, ylim: tuple[float, float]
) -> Figure:
    """Plot the "loss" or the "accuracy" on the training set and on the validation set.

    ylim: as for `zoom`. The loss of each batch is shown as means over an epoch.
    """
    curves = {
        f"Training {quantity}": training.train_history[quantity],
        f"Validation {quantity}": training.val_history[quantity],
    }
    ylabel = {"loss": "Cross-entropy loss", "accuracy": "Accuracy"}[quantity]
    averaged = {"Training loss": training.batches_per_epoch}
    return plot_curves(curves, title, ylabel, ylim, averaged)


def log_points(values: Mapping[float, float], title: str, xlabel: str, ylabel: str) -> Figure:
    """Draw {setting: value}, each with its value in digits, on logarithmic axes.

    A setting of 0, which has no logarithm, is shown at the left end of a linear piece.
    """
    fig, ax = new(title, xlabel, ylabel)
    smallest = min(setting for setting in values if setting > 0)
    ax.set_xscale("symlog", linthresh=smallest)
    if 0 in values:
        ax.set_xlabel(f"{xlabel} (the axis is linear from 0 to {smallest:g}, logarithmic beyond)")
    ax.set_yscale("log")
    ax.plot(list(values), list(values.values()), "o", ms=8, label=ylabel)
    for point in values.items():
        ax.annotate(f"{point[1]:.3g}", point, (0, 9), textcoords="offset points", ha="center")
    ax.set_xticks(list(values), labels=[f"{setting:g}" for setting in values])
    ax.margins(0.1)  # room for the labels
    return fig


def confusion(labels: np.ndarray, outputs: np.ndarray, title: str) -> Figure:
    """Draw the confusion matrix: how many images of each digit (row) are taken for each (column).

    labels: digits (N,). outputs: yhat (N, 10).
    """
    counts = np.zeros((10, 10), dtype=int)
    np.add.at(counts, (labels, outputs.argmax(axis=1)), 1)
    errors = counts * ~np.eye(10, dtype=bool)
    fig, ax = new(title, "Predicted digit", "True digit")
    fig.set_size_inches(8, 7)
    ax.imshow(errors, cmap="Greys", vmax=2 * max(errors.max(), 1))  # the counts stay legible
    for (row, column), count in np.ndenumerate(counts):
        weight = "bold" if row == column else "normal"
        ax.text(column, row, str(count), ha="center", va="center", weight=weight)
    ax.set(xticks=range(10), yticks=range(10))
    ax.grid(False)
    explained = (
        "The diagonal (bold) counts right predictions and stays white: only errors are shaded."
    )
    fig.supxlabel(explained, fontsize=10)
    return fig


def mistakes(images: np.ndarray, labels: np.ndarray, outputs: np.ndarray, title: str) -> Figure:
    """Draw the twenty images whose wrong predictions are the surest, the surest first.

    images: pixels (N, 784). labels: digits (N,). outputs: yhat (N, 10).
    """
    from matplotlib.figure import Figure

    predicted, sure = outputs.argmax(axis=1), outputs.max(axis=1)
    wrong = np.flatnonzero(predicted != labels)
    surest = wrong[np.argsort(-sure[wrong], kind="stable")]
    fig = Figure(figsize=(8, 7), layout="constrained")
    ax = fig.subplots()
    ax.set_title(title)
    page = np.full((4 * 37, 5 * 36), images.min())  # one image: faster to draw than twenty axes
    for place, i in enumerate(surest[:20]):
        top, left = place // 5 * 37 + 7, place % 5 * 36 + 4
        page[top : top + 28, left : left + 28] = images[i].reshape(28, 28)
        text = f"{labels[i]} taken for {predicted[i]}: {sure[i]:.2%}"
        ax.text(left + 14, top - 2, text, ha="center", fontsize=9)
    ax.imshow(page, cmap="Greys")
    ax.axis("off")
    return fig


def describe(fig: Figure) -> str:
    """Say in words what a figure shows, for those who do not see it."""
    ax = fig.axes[0]
    curves = {line.get_label(): np.asarray(line.get_ydata()) for line in ax.get_lines()}
    # not where a curve begins: it may be above the axes, and cut off
    ends = [f"{name} ends at {y[-1]:.3g}" for name, y in curves.items() if y.size]
    shown = [f"{ax.get_ylabel()} against {ax.get_xlabel()}: {', '.join(ends)}"] if ends else []
    return ". ".join([fig.get_suptitle() or ax.get_title(), *shown])


@default_settings()
def save(fig: Figure, path: Path) -> None:
    """Save a figure as a PNG file of 150 dpi, atomically and reproducibly to the byte."""
    with replacing(path) as temporary:
        fig.savefig(temporary, dpi=150)


@default_settings()
def show(drawn: Figures) -> None:
    """Open a window for each figure until all are closed, or say that none can be opened."""
    import matplotlib.pyplot as plt

    try:
        if plt.get_backend().lower() in FILE_BACKENDS:
            raise ImportError
        for name, fig in drawn.items():  # pyplot adopts the figure as a new one of its own
            plt.figure(Path(name).stem, FigureClass=lambda fig=fig, **settings: fig)  # type: ignore
    except ImportError:  # also where a backend is named that does not work here
        print("No window can be opened here; the figures are saved.")
    else:
        plt.show()


def images(rows: Mapping[str, np.ndarray], title: str, label: str, grey: bool = False) -> Figure:
    """Draw rows of ten 28 x 28 images on one shared diverging scale centred on zero.

    The scale is linear near zero and logarithmic beyond (asinh), so that rows of very different
    magnitude are comparable and visible. rows: {name: images (10, 784), one for each digit}. label:
    for the colour bar. grey: draw each row again below, in grey on a scale of its own, to show its
    shape whatever its magnitude, and in print.
    """
    from matplotlib.colors import AsinhNorm
    from matplotlib.figure import Figure

    count = len(rows) * (1 + grey)
    fig = Figure(figsize=(12, 1 + 1.3 * count), layout="constrained")
    fig.suptitle(title, fontsize=14)
    axes = fig.subplots(count, squeeze=False)[:, 0]
    largest = max(float(np.abs(pixels).max()) for pixels in rows.values()) or 1.0
    scale = AsinhNorm(linear_width=largest / 10, vmin=-largest, vmax=largest)
    for ax, (name, pixels) in zip(axes, rows.items(), strict=False):
        image = _draw_row(ax, pixels, name, cmap="RdBu_r", norm=scale)
    scaled = f"{label}, symmetric-logarithmic scale\n(asinh: linear near 0)"
    bar = fig.colorbar(image, ax=axes[: len(rows)], label=scaled, fraction=0.02, pad=0.01)
    ticks = largest * np.array([-1, -0.1, 0, 0.1, 1])  # more would overlap near zero
    bar.set_ticks(list(ticks), labels=[f"{tick:.2g}" for tick in ticks])
    for ax, (name, pixels) in zip(axes[len(rows) :], rows.items(), strict=False):
        own = float(np.abs(pixels).max()) or 1.0
        image = _draw_row(ax, pixels, f"{name}, grey", cmap="gray", vmin=-own, vmax=own)
        fig.colorbar(image, ax=ax, label=label, fraction=0.02, pad=0.01)
    return fig


def _draw_row(ax: Axes, pixels: np.ndarray, name: str, **look: Any) -> AxesImage:
    # one wide image per row, nan between the digits: much faster to draw than ten axes
    tiles = [
        np.pad(tile, ((0, 0), (0, 2)), constant_values=np.nan)
        for tile in pixels.reshape(-1, 28, 28)
    ]
    image = ax.imshow(np.hstack(tiles)[:, :-2], **look)
    ax.set_xticks(np.arange(len(tiles)) * 30 + 13.5, map(str, range(len(tiles))))
    ax.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False, length=0)
    ax.set_yticks([])
    ax.set_ylabel(name, fontsize=12)
    ax.spines[:].set_visible(False)
    return image
