"""The report of 2019: the learning rate and its annealing, R = half the squared norm."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

import digits
import task2
import task3
import utils
from lab import figures
from lab.jobs import train_all
from reproduce.claims import Claim, by_setting, number
from reproduce.measures import own_mean_is_most_alike
from reproduce.protocols import (
    SEEDS,
    Protocol,
    older_sets,
    two_classes,
    unit_range_bias_first,
    with_weights,
)
from task2a import BinaryModel
from task3a import SoftmaxModel, one_hot_encode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from utils import Split

TITLE = "2019: a group's report"
RATES = (0.01, 0.1, 1.0)
LAMBDAS = (0.0, 0.001, 0.01, 0.1)
BASE = Protocol(
    learning_rate=0.01,
    batch_size=32,
    epochs=89,
    increases=3,
    validations_per_epoch=1,
    normalise=unit_range_bias_first,
)
BINARY = (
    "Digits 2 and 3, pixels in [0, 1], the first 2,000 of 20,000 images as validation set, "
    "learning rate 0.01, 10,000 steps; training stops after three consecutive increases of the "
    "validation cost. Assumed: batch size 32, shuffling by `RandomState(seed)` with seed 0 or all "
    "seeds, the last 2,000 test images as test set."
)
REGULARISED = (
    "The same with R equal to half the squared norm. Assumed: lambda = 0, 0.001, 0.01 and 0.1."
)
SOFTMAX = (
    "All ten digits, the same pixels and sets, lambda = 1e-7, 1,000 steps. Assumed: batch size "
    "128, learning rate 0.02, which reproduces the validation accuracy (0.01 gives two percentage "
    "points less), all seeds."
)
SOFTMAX_REGULARISED = (
    "The same with lambda = 0.01, at most 50 epochs; training stops after three consecutive "
    "increases of the validation loss."
)
TEST_SUBSET = (
    "98.77 % is 400 of the 405 images of 2 and 3 among the last 2,000 test images, and corresponds "
    "to no whole number of the 2,042 such images among all 10,000. The report must have tested on "
    "the former, of which one image is 0.25 %."
)


def run(data: digits.Digits, seeds: Sequence[int] = SEEDS) -> tuple[list[Claim], figures.Figures]:
    """Repeat the experiments of the report; return the claims and the figures."""
    split, test = older_sets(utils.load_full_mnist(data))
    binary = two_classes(2, 3, split)
    claims, rates = _rates(binary, data.name)
    claims += _test_accuracy(binary, utils.binary_prune_dataset(2, 3, *test), seeds)
    claims += _regularised(binary)
    softmax, means = _softmax(split, test, seeds, data.name)
    drawn = {"2019_rates.png": rates, "2019_means_and_weights.png": means}
    return claims + softmax, drawn


def _rates(split: Split, data_name: str) -> tuple[list[Claim], Figure]:
    base = replace(BASE, increases=None)
    runs = {f"learning rate {rate:g}": replace(base, learning_rate=rate) for rate in RATES}
    runs["learning rate 0.01 / (1 + 0.0001 t)"] = replace(base, decay=1e-4)
    trainings = train_all({name: partial(p.train_binary, split) for name, p in runs.items()})
    curves = {name: training.val_history["loss"] for name, training in trainings.items()}
    final = {rate: list(curves[f"learning rate {rate:g}"].values())[-1] for rate in RATES}
    model = with_weights(BinaryModel(), trainings["learning rate 1"])
    outputs = utils.predict(model, unit_range_bias_first(split.X_train))
    constant, *_, annealed = trainings.values()
    gain = constant.stop.best_loss - annealed.stop.best_loss
    accuracy = constant.val_history["accuracy"]
    fifth, last = (list(accuracy.values())[i] for i in (len(accuracy) // 5, -1))
    title = f"2019, figure 2.1: constant and annealed learning rates, 2 against 3 ({data_name})"
    return [
        Claim(
            "2.1",
            "0.01 is the largest learning rate for which the logarithm does not overflow",
            BINARY,
            by_setting(final, ".4f"),
            not all(np.isfinite(loss) for loss in final.values()),
            "last validation loss for three learning rates: not all finite",
            f"With learning rate 1, {np.sum(outputs == 1)} outputs on the training set are exactly "
            "1 in float32, and ln(1 - yhat) is the logarithm of 0. There our loss takes the "
            "logarithm of the smallest normal number instead, and training succeeds with each of "
            "these learning rates.",
        ),
        Claim(
            "2.1",
            "little to no improvement by annealing alpha / (1 + k t)",
            BINARY,
            f"{gain:+.4f}, of {constant.stop.best_loss:.4f}",
            gain < 0.005,
            "decrease of the best validation loss by annealing with k = 0.0001 (assumed): below "
            "0.005",
        ),
        Claim(
            "2.1",
            "the percentage classified correctly flattens out quickly",
            BINARY,
            f"{fifth:.4f} and {last:.4f}",
            abs(fifth - last) <= 0.01,
            "validation accuracy after a fifth of the steps and after all steps: at most 0.01 "
            "apart",
        ),
    ], figures.plot_curves(curves, title, "Validation loss", (0, 0.3))


def _test_accuracy(split: Split, test: tuple[np.ndarray, ...], seeds: Sequence[int]) -> list[Claim]:
    trainings = train_all({f"seed {s}": partial(BASE.train_binary, split, s) for s in seeds})
    X, Y = unit_range_bias_first(test[0]), test[1]
    models = (with_weights(BinaryModel(), training) for training in trainings.values())
    tested = [task2.calculate_accuracy(X, Y, model) for model in models]
    first = trainings[f"seed {seeds[0]}"]
    val = first.val_history["accuracy"][first.stop.best_step]
    return [
        number("2.1", "test accuracy", "98.77 %", BINARY, tested, TEST_SUBSET),
        Claim(
            "2.1",
            "a higher score on the test set than on the validation set",
            BINARY,
            f"{tested[0]:.4f} on the test set, {val:.4f} on the validation set",
            tested[0] > val,
            "accuracy on both sets: higher on the test set",
        ),
    ]


def _regularised(split: Split) -> list[Claim]:
    # R is half the squared norm: l2, the factor of the squared norm, is half of lambda.
    trainings = train_all(
        {value: partial(replace(BASE, l2=value / 2).train_binary, split) for value in LAMBDAS}
    )
    accuracy = {value: max(t.val_history["accuracy"].values()) for value, t in trainings.items()}
    lengths = {value: float(np.linalg.norm(t.w)) for value, t in trainings.items()}
    a, b = (trainings[value].w[:, 0] for value in (0.0, 0.01))
    cosine = float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
    return [
        Claim(
            "2.2b",
            "a slight difference of the validation accuracy between values of lambda",
            REGULARISED,
            by_setting(accuracy, ".4f"),
            abs(accuracy[0.0] - accuracy[0.01]) < 0.01,
            "best validation accuracy for each lambda: 0 and 0.01 less than 0.01 apart",
        ),
        Claim(
            "2.2c",
            "lambda = 0.01 has the shorter weight vector",
            REGULARISED,
            by_setting(lengths, ".3f"),
            lengths[0.01] < lengths[0.0],
            "length of the weight vector for each lambda: smaller for 0.01 than for 0",
        ),
        Claim(
            "2.2d",
            "no visible difference between the weights for different lambda",
            REGULARISED,
            f"{cosine:.3f}",
            cosine > 0.95,
            "cosine of the angle between the weights for 0 and 0.01: above 0.95",
        ),
    ]


def _softmax(
    split: Split, test: tuple[np.ndarray, np.ndarray], seeds: Sequence[int], data_name: str
) -> tuple[list[Claim], Figure]:
    base = replace(BASE, learning_rate=0.02, batch_size=128, epochs=7, increases=None)
    stopping = replace(base, l2=0.005, epochs=50, increases=3)
    regularised, *trainings = train_all(
        {"lambda 0.01": partial(stopping.train_softmax, split)}
        | {
            f"seed {seed}": partial(replace(base, l2=0.5e-7).train_softmax, split, seed)
            for seed in seeds
        }
    ).values()
    models = [with_weights(SoftmaxModel(0), training) for training in trainings]
    best = max(regularised.val_history["accuracy"].values())
    val, tested = (
        [task3.calculate_accuracy(inputs, targets, model) for model in models]
        for inputs, targets in (
            (unit_range_bias_first(X), one_hot_encode(Y, 10))
            for X, Y in ((split.X_val, split.Y_val), test)
        )
    )
    weights = models[0].w[1:].T
    means = np.stack(
        [split.X_train[split.Y_train[:, 0] == digit].mean(axis=0) for digit in range(10)]
    )
    alike = own_mean_is_most_alike(weights, means)
    rows = {"mean image - mean of all": means - means.mean(axis=0), "weights": weights}
    scaled = {name: row / np.abs(row).max() for name, row in rows.items()}
    title = f"2019, figure 3.2: the mean image of each digit, and its weights ({data_name})"
    return [
        number("3.2", "validation accuracy about", "88 %", SOFTMAX, val),
        number("3.2", "test accuracy about", "92 %", SOFTMAX, tested),
        Claim(
            "3.1",
            "with lambda about 0.01 training ends after a couple of iterations, at low accuracy",
            SOFTMAX_REGULARISED,
            f"{regularised.stop.reason}, last epoch {regularised.stop.epoch}, accuracy {best:.3f}",
            regularised.stop.epoch < 10,
            "end of training: before epoch 10",
            "With one validation per epoch, the loss on 2,000 images decreases too smoothly for "
            "three consecutive increases. The report states neither how often it validates nor its "
            "learning rate.",
        ),
        Claim(
            "3.2",
            "the weights are shaped like the digits",
            SOFTMAX,
            f"{alike} of 10",
            alike >= 9,
            "digits whose weights correlate most with the mean image of the same digit: at least 9",
        ),
    ], figures.images(scaled, title, "relative to the largest")
