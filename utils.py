"""What the tasks share: the data sets, the batches, the plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

import digits
from lab import figures
from lab.expect import COLUMN_FIX, expect_batch_size, expect_same_length, expect_shape

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAIN_SIZE = 20_000  # of MNIST's 60,000 training images, as the assignment has it
ROWS_AT_ONCE = 2048  # a block of inputs (6 MB) and its outputs stay in the processor's cache

Split = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Batch = tuple[np.ndarray, np.ndarray]
Series = Mapping[int, float]  # {step: value}


def load_full_mnist(data: digits.Digits | None = None) -> Split:
    """Load the ten digits: the first 20,000 training images, and all test images to validate on.

    Args:
        data: a data set that is loaded already; by default `digits.load()` looks for MNIST.

    Returns:
        X_train, Y_train, X_val, Y_val: uint8 images (N, 784) and labels (N, 1) from 0 to 9.
    """
    data = digits.load() if data is None else data
    X_train, Y_train = data.train_images[:TRAIN_SIZE], data.train_labels[:TRAIN_SIZE]
    return X_train, Y_train, data.test_images, data.test_labels


def load_binary_dataset(class1: int, class2: int, data: digits.Digits | None = None) -> Split:
    """Load the images of two digits, `class1` with target 1 and `class2` with target 0.

    Args:
        class1: a digit.
        class2: another digit.
        data: as for `load_full_mnist`.

    Returns:
        X_train, Y_train, X_val, Y_val: uint8 images (N, 784) and targets (N, 1).

    Raises:
        ValueError: if the classes are equal or not digits.
    """
    X_train, Y_train, X_val, Y_val = load_full_mnist(data)
    X_train, Y_train = binary_prune_dataset(class1, class2, X_train, Y_train)
    X_val, Y_val = binary_prune_dataset(class1, class2, X_val, Y_val)
    return X_train, Y_train, X_val, Y_val


def binary_prune_dataset(
    class1: int, class2: int, X: np.ndarray, Y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Keep the examples of two classes, labelled 1 for `class1` and 0 for `class2`.

    Args:
        class1: a label.
        class2: another label.
        X: examples (N, I).
        Y: labels (N, 1).

    Returns:
        The examples kept and their targets (M, 1), in the order they had.

    Raises:
        ValueError: if the classes are equal, either is missing from Y, or shapes do not fit.
    """
    expect_same_length(X=X, Y=Y)
    expect_shape("Y", Y, ("N", 1), COLUMN_FIX)
    if class1 == class2:
        raise ValueError(f"class1 and class2: expected two classes, got {class1} twice.")
    for name, value in (("class1", class1), ("class2", class2)):
        if value not in Y:
            raise ValueError(f"{name}: expected one of {np.unique(Y).tolist()}, got {value}.")
    kept = np.isin(Y[:, 0], (class1, class2))
    return X[kept], (Y[kept] == class1).astype(Y.dtype)


def batch_loader(
    X: np.ndarray,
    Y: np.ndarray,
    batch_size: int,
    shuffle: bool = False,
    drop_last: bool = True,
    rng: Any = None,
) -> Iterator[Batch]:
    """Serve the examples of one epoch in batches.

    Args:
        X: inputs (N, I).
        Y: targets (N, K).
        batch_size: examples a batch, from 1 to N.
        shuffle: whether to take the examples in a new order, each with its own target.
        drop_last: whether to leave out a last batch that is not full.
        rng: draws the order; anything with `permutation`. By default a new generator.

    Returns:
        An iterator over pairs X_batch (batch_size, I), Y_batch (batch_size, K).

    Raises:
        ValueError: if X and Y differ in length, or batch_size is out of range.
    """
    expect_same_length(X=X, Y=Y)
    expect_batch_size(batch_size, len(X))
    end = len(X) - len(X) % batch_size if drop_last else len(X)
    if shuffle:
        order = shuffled_order(len(X), np.random.default_rng() if rng is None else rng)
        return _gather(X, Y, batch_size, order[:end])
    return _slices(X[:end], Y[:end], batch_size)


def _slices(X: np.ndarray, Y: np.ndarray, batch_size: int) -> Iterator[Batch]:
    for start in range(0, len(X), batch_size):
        yield X[start : start + batch_size], Y[start : start + batch_size]


def _gather(X: np.ndarray, Y: np.ndarray, batch_size: int, order: np.ndarray) -> Iterator[Batch]:
    # Several batches at once: cheaper than one by one, and than a copy of the whole data set.
    several = max(1, ROWS_AT_ONCE // batch_size) * batch_size
    for start in range(0, len(order), several):
        rows = order[start : start + several]
        block = X.take(rows, axis=0), Y.take(rows, axis=0)  # faster than X[rows], Y[rows]
        yield from _slices(*block, batch_size)


def shuffled_order(num_examples: int, rng: Any) -> np.ndarray:
    """Draw the order of one epoch: every index from 0 to num_examples - 1, once.

    Args:
        num_examples: N.
        rng: anything with `permutation`.

    Returns:
        A new order, integers (N,).
    """
    return np.asarray(rng.permutation(num_examples))


def predict(model: Any, X: np.ndarray) -> np.ndarray:
    """Compute `model.forward(X)` a block of rows at a time, faster for a whole data set.

    Args:
        model: anything with `forward`.
        X: inputs (N, I).

    Returns:
        outputs (N, K).
    """
    starts = range(0, max(len(X), 1), ROWS_AT_ONCE)
    return np.concatenate([model.forward(X[start : start + ROWS_AT_ONCE]) for start in starts])


def plot_loss(
    loss_dict: Series,
    label: str | None = None,
    npoints_to_average: int = 1,
    plot_variance: bool = True,
    ax: Axes | None = None,
) -> None:
    """Plot a loss (or any series) against the gradient step.

    Args:
        loss_dict: {step: value}.
        label: what the legend calls it.
        npoints_to_average: plot the means of so many values in a row.
        plot_variance: shade one standard deviation around those means.
        ax: where to plot; by default pyplot's current axes.
    """
    if ax is None:
        import matplotlib.pyplot as plt

        ax = plt.gca()
    length = len(loss_dict) - len(loss_dict) % npoints_to_average
    steps, values = (
        np.array(list(column)[:length], dtype=float).reshape(-1, npoints_to_average)
        for column in (loss_dict.keys(), loss_dict.values())
    )
    mean, deviation = values.mean(axis=1), values.std(axis=1)
    (line,) = ax.plot(steps.mean(axis=1), mean, label=label)
    if npoints_to_average > 1 and plot_variance:
        low, high = mean - deviation, mean + deviation
        ax.fill_between(steps.mean(axis=1), low, high, color=line.get_color(), alpha=0.2, lw=0)


def plot_histories(
    curves: Mapping[str, Series],
    title: str,
    ylabel: str,
    ylim: tuple[float, float],
    averaged: str | None = None,
) -> Figure:
    """Draw several series against the gradient step.

    Args:
        curves: {label: {step: value}}.
        title: of the figure.
        ylabel: of the vertical axis.
        ylim: the limits to zoom to, widened where the curves would leave them for good.
        averaged: the label of a noisy series to average over ten steps.
    """
    fig, ax = figures.new(title, "Gradient step", ylabel)
    for label, series in curves.items():
        if label == averaged:
            plot_loss(series, f"{label} (mean of 10 steps ± 1 standard deviation)", 10, ax=ax)
        else:
            plot_loss(series, label, ax=ax)
    figures.zoom(ax, ylim)
    ax.legend()
    return fig
