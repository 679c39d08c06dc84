"""The assignment of 2021 and a group's report on it: Tasks 2 to 4."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

import digits
import task2
import task3
import utils
from lab.script import EPOCHS
from reproduce.claims import CHANCE, Claim, number, spread
from reproduce.measures import SPIKE, deepest_fall, roughness, spikes
from reproduce.protocols import SEEDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TITLE = "2021: the assignment, and a group's report"
IN_ORDER = "2 against 3; batch 128, rate 0.05, no shuffling, patience 10."
SHUFFLED = (
    "The same, shuffled by `RandomState(seed)`; the value of seed 0 and the spread of 0 to 9."
)
SOFTMAX = "Ten digits; batch 128, rate 0.01, shuffled by `RandomState(0)`, patience 10."
OLDER_SPLIT = (
    "The document splits the images into two sets and prints numbers for three: they come from an "
    "older edition, whose split it does not state."
)


def run(data: digits.Digits) -> tuple[list[Claim], dict[str, Figure]]:
    """Repeat what both documents report.

    Returns:
        The claims, and {file name: figure}.
    """
    binary = task2.prepare(utils.load_binary_dataset(2, 3, data))
    in_order = task2.train(binary, shuffle=False, epochs=EPOCHS, seed=0)
    shuffled = [task2.train(binary, shuffle=True, epochs=EPOCHS, seed=seed) for seed in SEEDS]
    ten_digits = task3.prepare(utils.load_full_mnist(data))
    softmax = {
        value: task3.train(ten_digits, value, epochs=EPOCHS, seed=0) for value in task3.LAMBDAS
    }
    claims = [
        *_numbers(in_order, shuffled),
        *_spikes(in_order, shuffled),
        *_overfitting(softmax[0]),
        *_regularisation(softmax),
    ]
    return claims, {
        **task2.make_figures(in_order, shuffled[0], data.name),
        **task3.make_figures(softmax, data.name),
    }


def _numbers(in_order: task2.LogisticTrainer, shuffled: list[task2.LogisticTrainer]) -> list[Claim]:
    train, val = in_order.train_history["accuracy"], in_order.val_history["accuracy"]
    last = max(val)
    epochs = [float(trainer.stop.epoch) for trainer in (in_order, *shuffled)]
    return [
        number("2c", "final training accuracy", "0.976", IN_ORDER, [train[last]]),
        number("2c", "validation accuracy", "0.9575", IN_ORDER, [val[last]], OLDER_SPLIT),
        number("2c", "test accuracy", "0.967", IN_ORDER, [val[last]], OLDER_SPLIT),
        number("2d", "stops in epoch", "33", IN_ORDER, epochs[:1]),
        number("2d", "with shuffling, stops in epoch", "16", SHUFFLED, epochs[1:]),
    ]


def _spikes(in_order: task2.LogisticTrainer, shuffled: list[task2.LogisticTrainer]) -> list[Claim]:
    accuracies = [trainer.val_history["accuracy"] for trainer in (in_order, *shuffled)]
    without, *rates = [100 * spikes(accuracy) / len(accuracy) for accuracy in accuracies]
    batches = len(in_order.X_train) // in_order.batch_size
    deep, *deepest = [
        deepest_fall({step: value for step, value in accuracy.items() if step >= batches})
        for accuracy in accuracies
    ]
    seeds = len(shuffled)
    fewer, gone = sum(rate < without for rate in rates), sum(fall < SPIKE for fall in deepest)
    return [
        Claim(
            "2e",
            "fewer spikes in the validation accuracy with shuffling",
            SHUFFLED,
            f"{without:.1f} without, {spread(rates, '{:.1f}')} with: fewer on {fewer} of {seeds}",
            fewer > seeds / 2,
            f"falls of more than {SPIKE} from one check to the next, in 100 checks; on most seeds",
        ),
        Claim(
            "2e",
            "due to shuffling the spikes are now gone (report)",
            SHUFFLED,
            f"{deep:.3f} without, {spread(deepest, '{:.3f}')} with: below on {gone} of {seeds}",
            gone > seeds / 2,
            "the deepest fall from one check to the next after the first epoch, below "
            f"{SPIKE} on most seeds",
            "How deep the deepest spike is depends on the seed.",
        ),
    ]


def _overfitting(trainer: task3.SoftmaxTrainer) -> list[Claim]:
    train, val = (
        np.array(list(history["accuracy"].values()))
        for history in (trainer.train_history, trainer.val_history)
    )
    early, late = (float(np.mean((train - val)[part])) for part in (slice(10), slice(-10, None)))
    half, quarter = len(val) // 2, len(val) // 4
    rises = train[-1] - train[half], val[-1] - val[-quarter]
    return [
        Claim(
            "3d",
            "clear evidence of overfitting: the model does better on the training set",
            SOFTMAX,
            f"{early:+.4f} at the beginning, {late:+.4f} at the end",
            late > max(0.0, early),
            "training accuracy less validation accuracy, means of ten checks",
            "The validation loss still falls at the stop: the gap is real, and small.",
        ),
        Claim(
            "3d",
            "the validation accuracy reaches a plateau while the training accuracy rises (report)",
            SOFTMAX,
            f"{rises[0]:+.4f} and {rises[1]:+.4f}",
            rises[0] > 2 * rises[1],
            "rise of the training accuracy in the last half, of the validation one in the last "
            "quarter",
        ),
    ]


def _regularisation(trainers: dict[float, task3.SoftmaxTrainer]) -> list[Claim]:
    accuracy = {v: t.val_history["accuracy"][t.stop.best_step] for v, t in trainers.items()}
    norms = {value: float(np.sum(t.model.w**2)) for value, t in trainers.items()}
    rough = [roughness(trainers[value].model.w[:-1].T) for value in (0, 1)]
    zeros, count = int(np.sum(trainers[1].model.w == 0)), trainers[1].model.w.size
    return [
        Claim(
            "4b",
            "the weights with lambda = 1 are less noisy",
            SOFTMAX,
            f"{rough[0]:.3f} with lambda 0, {rough[1]:.3f} with 1",
            rough[1] < rough[0],
            "squared differences of neighbouring pixels, per variance",
        ),
        Claim(
            "4b",
            "with lambda = 1 only the most determinative weights are not zero (report)",
            SOFTMAX,
            f"{zeros} of {count}",
            zeros > count // 2,
            "weights that are exactly zero, more than half of them",
            "The gradient of L2 shrinks a weight in proportion to its size, so it makes small "
            "weights and no zeros. L1 makes zeros.",
        ),
        Claim(
            "4d",
            "the validation accuracy degrades with any amount of regularisation",
            SOFTMAX,
            ", ".join(f"{value:g}: {a:.4f}" for value, a in accuracy.items()),
            all(accuracy[value] < accuracy[0] - CHANCE for value in accuracy if value > 0),
            f"accuracy of the weights kept: for each lambda lower by more than {CHANCE}",
            "A smaller difference may be chance: on 10,000 images the standard error of an "
            "accuracy is 0.003.",
        ),
        Claim(
            "4e",
            "higher lambda, shorter weights",
            SOFTMAX,
            ", ".join(f"{value:g}: {norm:.3g}" for value, norm in norms.items()),
            all(norms[a] > norms[b] for a, b in pairwise(sorted(norms))),
            "sum of the weights squared, for each lambda",
        ),
    ]
