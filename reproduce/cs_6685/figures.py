"""The figures of the experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from digits import Digits
from lab.figures import COLOURS, DASHES, Figures, default_settings, new
from reproduce.cs_6685.document import PRINTED, SUBTRACTED, Trainings
from reproduce.cs_6685.experiments import DOCUMENT, SEEDS
from reproduce.cs_6685.robustness import Example

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@default_settings()
def draw(results: Mapping[str, Any], data: Digits, examples: Mapping[str, Example]) -> Figures:
    """Draw the figures {file name: figure} of the results."""
    trainings, transfer, on = results["trainings"], results["transfer"], f"({data.name})"
    both_accuracies = f"Training and test accuracy for each optimiser {on}"
    l1 = f"An L1 penalty of 2,200 weights, subtracted {on}"
    transformed = f"Transforms that fool the network, and what it says {on}"
    learning = f"Learning 5 to 9 after 0 to 4 {on}"
    return {
        "hw4_optimisers.png": optimisers(trainings, both_accuracies),
        "hw4_gradients.png": gradients(),
        "hw4_by_digit.png": by_digit(trainings, f"Test accuracy by digit {on}"),
        "hw4_subtracted.png": subtracted(trainings, l1),
        "hw4_transforms.png": transforms(examples, transformed),
        "hw4_first_images.png": first_images(data, f"The first training images {on}"),
        "hw4_transfer_sizes.png": transfer_sizes(transfer, learning),
        "hw4_transfer_epochs.png": transfer_epochs(transfer, learning),
    }


def grid(title: str, rows: int, columns: int, width: float, height: float) -> tuple[Figure, Any]:
    """Create a figure of several axes, `width` x `height` inches each."""
    from matplotlib.figure import Figure

    fig = Figure(figsize=(columns * width, rows * height + 0.6), layout="constrained")
    fig.suptitle(title, fontsize=14)
    return fig, fig.subplots(rows, columns, squeeze=False)


def optimisers(trainings: Trainings, title: str) -> Figure:
    """Plot training and test accuracy without penalties, with both losses where both were tried."""
    names = [name for name, one in DOCUMENT.items() if not one.l1 and not one.l2]
    fig, axes = grid(title, len(names) // 3, 3, 4, 3.2)
    for ax, name in zip(axes.flat, names, strict=True):
        for full, loss, colour in (
            (f"{name}, cross-entropy", "cross-entropy", COLOURS[0]),
            (name, "the document's loss", COLOURS[1]),
        ):
            if full in trainings:
                one = trainings[full]
                for key, dash in (("train_accuracy", DASHES[2]), ("test_accuracy", "-")):
                    label = f"{loss}, {key.removesuffix('_accuracy')}"
                    ax.plot(one["steps"], one[key], color=colour, ls=dash, label=label)
        ax.set(title=name, ylim=(0, 1.02), xlabel="Gradient step", ylabel="Accuracy")
        ax.grid(alpha=0.3)
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return fig


def gradients() -> Figure:
    """Plot the gradient of each loss at the logit of the right class against its probability."""
    fig, ax = new(
        "Why log: the gradient of an example's loss with respect to the logit of its class",
        "Probability p of the right class",
        "Size of the gradient",
    )
    p = np.linspace(0, 1, 201)
    ax.plot(p, 1 - p, lw=2.5, label="cross-entropy, −ln p: 1 − p")
    ax.plot(p, p * (1 - p), lw=2.5, label="the document's loss, −p: p (1 − p)")
    ax.set(xlim=(0, 1), ylim=(0, 1))
    ax.legend()
    return fig


def by_digit(trainings: Trainings, title: str) -> Figure:
    """Draw the last accuracy for each digit as shaded cells, a row for each training."""
    from matplotlib.figure import Figure

    seeds = [f"SGD, seed {seed}" for seed in SEEDS]
    logs = [f"{name}, cross-entropy" for name in DOCUMENT]
    names = [*DOCUMENT, *seeds, *(name for name in logs if name in trainings), "best"]
    accuracy = np.array([trainings[name]["by_digit"] for name in names])
    whole = [f"{trainings[name]['test_accuracy'][-1]:.3f}" for name in names]
    fig = Figure(figsize=(9, 1 + 0.36 * len(names)), layout="constrained")
    ax = fig.subplots()
    ax.imshow(accuracy, cmap="viridis", vmin=0, vmax=1, aspect="auto")
    for (row, digit), value in np.ndenumerate(accuracy):
        colour = "white" if value < 0.6 else "black"
        ax.text(digit, row, f"{value:.3f}", ha="center", va="center", color=colour, fontsize=8)
    epochs = [trainings[name]["settings"]["epochs"] for name in names]
    labels = [f"{name} ({count} epochs)" for name, count in zip(names, epochs, strict=True)]
    ax.set_yticks(range(len(names)), labels)
    ax.set_xticks(range(10))
    ax.set(title=title, xlabel="Digit")
    right = ax.secondary_yaxis("right")
    right.set_yticks(range(len(names)), whole)
    right.set_ylabel("All digits")
    return fig


def subtracted(trainings: Trainings, title: str) -> Figure:
    """Plot what is minimised with a penalty subtracted, beside the losses that were printed."""
    fig, ax = new(title, "Gradient step", "Loss, penalty included")
    for name in SUBTRACTED:
        printed = PRINTED[name]
        objectives, values = trainings[name]["objectives"], list(printed.values())
        steps = 100 * np.arange(1, len(objectives) + 1)
        (line,) = ax.plot(steps, objectives, label=f"{name}: ours")
        colour, label = line.get_color(), f"{name}: printed"
        ax.plot(list(printed), values, "o", ms=5, color=colour, label=label)
    ax.axhline(-1, color="0.4", lw=1, ls="-", zorder=0)
    ax.annotate("−1, the least that a mean probability gives", (6000, -1.02), ha="right", va="top")
    ax.legend()
    return fig


def transforms(examples: Mapping[str, Example], title: str) -> Figure:
    """Draw {transform: an image that the network misclassifies after it}."""
    fig, axes = grid(title, 2, len(examples), 1.9, 2.3)
    for (above, below), (name, one) in zip(axes.T, examples.items(), strict=True):
        show(above, one.image, one.answer)
        show(below, one.transformed, f"{name}\n{one.answer_then}")
    return fig


def first_images(data: Digits, title: str) -> Figure:
    """Draw the first ten training images with their classes."""
    fig, axes = grid(title, 1, 10, 1.1, 1.3)
    for ax, image, (label,) in zip(axes[0], data.train_images, data.train_labels, strict=False):
        show(ax, image.reshape(28, 28), str(label))
    return fig


def show(ax: Axes, image: np.ndarray, title: str) -> None:
    """Draw an image, black on white."""
    ax.imshow(image, cmap="gray_r")
    ax.set_title(title, fontsize=9)
    ax.set_axis_off()


def transfer_sizes(transfer: Mapping[str, Mapping[str, Any]], title: str) -> Figure:
    """Plot the mean accuracy of each variant against the number of labelled images."""
    fig, ax = new(
        title, "Labelled images of the digits 5 to 9", "Mean test accuracy on these digits"
    )
    for (name, sizes), style in zip(transfer.items(), styles(), strict=True):
        accuracies = [np.mean(one["test_accuracy"]) for one in sizes.values()]
        ax.plot(list(map(int, sizes)), accuracies, label=name, marker="o", ms=4, **style)
    ax.set_xscale("log")
    ax.legend(loc="lower right", fontsize=9)
    return fig


def transfer_epochs(transfer: Mapping[str, Mapping[str, Any]], title: str) -> Figure:
    """Plot the validation accuracy of each variant against the epochs, a panel for each size."""
    sizes = list(next(iter(transfer.values())))
    fig, axes = grid(title, 1, len(sizes), 3.2, 3.2)
    for ax, size in zip(axes[0], sizes, strict=True):
        for (name, by_size), style in zip(transfer.items(), styles(), strict=True):
            ax.plot(by_size[size]["val_accuracy"], label=name, **style)
        ax.set(title=f"{size} images", xlabel="Epoch", ylim=(0, 1.02))
        ax.grid(alpha=0.3)
    axes[0, 0].set_ylabel("Validation accuracy, first draw")
    fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
    return fig


def styles() -> list[dict[str, Any]]:
    """Return the styles of six lines."""
    colours, dashes = (*COLOURS, "0.6"), (*DASHES, "-")
    return [{"color": c, "ls": dash} for c, dash in zip(colours, dashes, strict=True)]
