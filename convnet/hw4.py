"""Homework 4 of CS 6685: its experiments, side by side; their figures and results."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import utils
from convnet import figures, transfer
from convnet.experiments import (
    DEVIATION,
    DOCUMENT,
    EXPERIMENTS,
    MEAN,
    OLD_DIGITS,
    PRETRAINING,
    SEEDS,
    Finished,
    Settings,
    scaled,
    train,
)
from convnet.losses import softmax
from convnet.transforms import blur, crop, normalise, resize, rotate, shift
from digits import Digits
from lab.figures import Figures, save
from lab.files import replacing
from lab.jobs import train_all
from lab.results import FILE, expect_writable, print_table, read
from lab.script import add_data_options, add_jobs_option, load_data, run_script

PART = "hw4"  # of results.json
PUBLISHED = {  # the test accuracies that the document prints
    "L2": "0.99",
    "L1": "0.87",
    "L1 from L2": "0.97",
    "SGD": "0.88",
    "momentum": "0.97",
    "Adagrad": "0.92",
    "Adam": "0.99",
    "SGD, batch norm": "0.99",
    "Adam, batch norm": "1.00",
}
PRINTED: Mapping[str, Mapping[int, float]] = {  # its losses with L1, {step: loss}
    "L1": {
        5500: -2.2675,
        5600: -2.3384,
        5700: -2.3046,
        5800: -2.3611,
        5900: -2.3442,
        6000: -2.3783,
    },
    "L1 from L2": {
        5300: -2.3912,
        5400: -2.4291,
        5500: -2.4471,
        5600: -2.4638,
        5700: -2.4835,
        5800: -2.5216,
        5900: -2.5383,
        6000: -2.5567,
    },
}
TRANSFORMS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {  # of images (N, 28, 28)
    "shifted right by 6 pixels": lambda X: shift(X, right=6.0),
    "turned by 45°": lambda X: rotate(X, 45),
    "blurred, σ = 3": lambda X: blur(X, 3),
    "the middle 16 x 16 enlarged": lambda X: resize(crop(X, 16, 16), 28, 28),
    "reduced to 7 x 7 and back": lambda X: resize(resize(X, 7, 7), 28, 28),
    "normalised as for ImageNet": lambda X: normalise(X, 0.485, 0.229),
}
FOOLED = "best"  # the training whose network the transforms are to fool


def summary(settings: Settings, finished: Finished, labels: np.ndarray) -> dict[str, Any]:
    """Collect what the page and the figures tell of a training; labels (N, 1) of the test images.

    The objectives are those of every hundredth step, as the document prints them; the accuracies
    by digit are those after the last.
    """
    right = finished.predicted == labels[:, 0]
    digits = range(10)
    return {
        "settings": asdict(settings),
        "objectives": finished.objectives[99::100].round(4).tolist(),
        "steps": finished.steps.tolist(),
        "train_accuracy": finished.train_accuracy.round(4).tolist(),
        "test_accuracy": right.mean(axis=1).tolist(),
        "last_100": right[:, -100:].mean(axis=1).tolist(),
        "by_digit": [round(float(right[-1, labels[:, 0] == digit].mean()), 4) for digit in digits],
        "never_predicted": [
            [digit for digit in digits if digit not in row] for row in finished.predicted
        ],
    }


def fool(
    settings: Settings, w: np.ndarray, data: Digits
) -> tuple[dict[str, float], dict[str, figures.Fooled]]:
    """Compute {transform: accuracy on the test images}, and an image for each transform.

    The image is the first that the network gets right before and wrong after.
    """
    model = settings.network(np.random.default_rng(0))
    model.w = w
    labels, X = data.test_labels[:, 0], scaled(data.test_images)

    def probabilities(images: np.ndarray) -> np.ndarray:
        normal = normalise(images.reshape(X.shape), MEAN, DEVIATION)
        return softmax(utils.predict(model, normal))

    def says(p: np.ndarray) -> str:
        return f"{p.argmax()} ({p.max():.2f})"

    images = X.reshape(-1, 28, 28)
    before = probabilities(images)
    accuracies, fooled = {}, {}
    for name, transform in TRANSFORMS.items():
        transformed = transform(images)
        after = probabilities(transformed)
        right = after.argmax(axis=1) == labels
        first = int(np.argmax((before.argmax(axis=1) == labels) & ~right))  # 0 if there is none
        accuracies[name] = float(right.mean())
        fooled[name] = figures.Fooled(
            images[first], says(before[first]), transformed[first], says(after[first])
        )
    return accuracies, fooled


def main() -> None:
    """Repeat the experiments of CS 6685, in about 45 minutes on two cores."""
    parser = argparse.ArgumentParser(prog="python -m convnet.hw4", description=main.__doc__)
    add_data_options(parser)
    parser.add_argument("--out", type=Path, default=Path("figures"), help="default: %(default)s")
    add_jobs_option(parser)
    parser.add_argument(
        "--quick", action="store_true", help="6,000 images and 2 epochs, for a quick trial"
    )
    options = parser.parse_args()
    data = load_data(options)
    expect_writable(PART, data, options)
    run(few(data) if options.quick else data, options.out, options.jobs, options.quick)


def few(data: Digits) -> Digits:
    """Keep the first 6,000 training images and the last 1,000 test images."""
    return Digits(
        f"{data.name}, 6,000 images",
        data.train_images[:6000],
        data.train_labels[:6000],
        data.test_images[-1000:],
        data.test_labels[-1000:],
    )


def run(data: Digits, out: Path, jobs: int, quick: bool) -> None:
    """Train what is not finished yet; write the figures and the results."""
    folder, epochs = out / "trainings", 2 if quick else Settings.epochs
    experiments = {name: one.at_most(epochs) for name, one in EXPERIMENTS.items()}
    trainings = {
        name: partial(train, one, data, folder)
        for name, one in sorted(experiments.items(), key=lambda item: item[1].start is not None)
    }  # a training that starts from another one's weights comes last, when that one is finished
    old = transfer.only(data, 0, 4)
    trainings[OLD_DIGITS] = partial(train, PRETRAINING.at_most(epochs), old, folder)
    finished = train_all(trainings, jobs, epochs)
    learnt = transfer.learn_all(data, finished[OLD_DIGITS].w, folder, jobs, quick)
    accuracies, fooled = fool(experiments[FOOLED], finished[FOOLED].w, data)
    results: dict[str, Any] = {
        "data": data.name,
        "data_sha256": data.sha256(),
        "versions": {"python": platform.python_version(), "numpy": version("numpy")},
        "quick": quick,
        "trainings": {
            name: summary(one, finished[name], data.test_labels)
            for name, one in experiments.items()
        },
        "transforms": accuracies,
        "transfer": learnt,
    }
    with replacing(out / FILE) as temporary:
        parts = read(out / FILE) | {PART: results}
        temporary.write_text(json.dumps(parts, indent=2) + "\n", encoding="utf-8")
    drawn = draw(results, data, fooled)
    for name, figure in drawn.items():
        save(figure, out / name)
    print(f"Data: {data.name}\n")
    print_table(HEADER, [row(name, one) for name, one in results["trainings"].items()])
    print(f"\nWrote {len(drawn)} figures and {FILE} to {out}/")


HEADER = ("training", "published", "last 100", "test", "never predicted")


def row(name: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    """Format a training for the columns of `HEADER`: its accuracies after the last step."""
    never = ", ".join(map(str, one["never_predicted"][-1])) or "-"
    accuracies = f"{one['last_100'][-1]:.2f}", f"{one['test_accuracy'][-1]:.4f}"
    return name, PUBLISHED.get(name, "-"), *accuracies, never


def draw(results: Mapping[str, Any], data: Digits, fooled: Mapping[str, figures.Fooled]) -> Figures:
    """Draw the figures {file name: figure}."""
    trainings, on = results["trainings"], f"({data.name})"
    both = [name for name in trainings if f"{name}, cross-entropy" in trainings]
    seeds = [f"SGD, seed {seed}" for seed in SEEDS]
    digits = [*DOCUMENT, *seeds, *(f"{name}, cross-entropy" for name in both), "best"]
    without_penalty = [name for name, one in DOCUMENT.items() if not one.l1 and not one.l2]
    images = data.train_images[:10].reshape(-1, 28, 28)
    return {
        "hw4_optimisers.png": figures.optimisers(
            trainings, without_penalty, f"Training and test accuracy for each optimiser {on}"
        ),
        "hw4_gradients.png": figures.gradients(),
        "hw4_by_digit.png": figures.by_digit(trainings, digits, f"Test accuracy by digit {on}"),
        "hw4_subtracted.png": figures.subtracted(
            trainings, PRINTED, f"An L1 penalty of 2,200 weights, subtracted {on}"
        ),
        "hw4_transforms.png": figures.transforms(
            fooled, f"Transforms that fool the network, and what it says {on}"
        ),
        "hw4_first_images.png": figures.first_images(
            images, data.train_labels[:10, 0].tolist(), f"The first training images {on}"
        ),
        "hw4_transfer_sizes.png": figures.transfer_sizes(
            results["transfer"], f"Learning 5 to 9 after 0 to 4 {on}"
        ),
        "hw4_transfer_epochs.png": figures.transfer_epochs(
            results["transfer"], f"Learning 5 to 9 after 0 to 4 {on}"
        ),
    }


if __name__ == "__main__":
    run_script(main)
