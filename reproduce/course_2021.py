"""Tasks 2 to 4 of the assignment of 2021 and of a group's report on it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

import numpy as np

import digits
import task2
import task3
import utils
from lab.figures import Figures
from lab.jobs import train_all
from lab.script import EPOCHS
from lab.trainings import Training, fit
from reproduce.claims import CHANCE, Claim, by_setting, number, with_range
from reproduce.measures import SPIKE, deepest_fall, roughness, spikes
from reproduce.protocols import SEEDS
from trainer import BaseTrainer

TITLE = "2021: the assignment and a group's report"
IN_ORDER = "Digits 2 and 3, batch size 128, learning rate 0.05, no shuffling, patience 10."
SHUFFLED = (
    "The same with shuffling by `RandomState(seed)`; the value for seed 0 and the range over all "
    "seeds."
)
SOFTMAX = (
    "All ten digits, batch size 128, learning rate 0.01, shuffling by `RandomState(0)`, patience "
    "10."
)
OLDER_SPLIT = (
    "The document divides the images into two sets but prints accuracies for three: they come from "
    "an older edition, whose split it does not state."
)


def run(data: digits.Digits, seeds: Sequence[int] = SEEDS) -> tuple[list[Claim], Figures]:
    """Repeat the experiments of both documents; return the claims and the figures."""
    binary = task2.prepare(utils.load_binary_dataset(2, 3, data))
    ten_digits = task3.prepare(utils.load_full_mnist(data))
    shuffled_names = [f"shuffling, seed {seed}" for seed in seeds]
    lambda_names = {value: f"lambda {value:g}" for value in task3.LAMBDAS}
    trainers: dict[str, BaseTrainer] = {
        **{
            name: task3.make_trainer(ten_digits, value, seed=0)
            for value, name in lambda_names.items()
        },
        "no shuffling": task2.make_trainer(binary, shuffle=False, seed=0),
        **{
            name: task2.make_trainer(binary, shuffle=True, seed=seed)
            for seed, name in zip(seeds, shuffled_names, strict=True)
        },
    }
    trainings = train_all(
        {name: partial(fit, trainer, EPOCHS) for name, trainer in trainers.items()}
    )
    in_order = trainings["no shuffling"]
    shuffled = [trainings[name] for name in shuffled_names]
    softmax = {value: trainings[name] for value, name in lambda_names.items()}
    claims = [
        *_numbers(in_order, shuffled),
        *_spikes(in_order, shuffled, len(binary.X_train) // task2.BATCH_SIZE),
        *_overfitting(softmax[0]),
        *_regularisation(softmax),
    ]
    return claims, {
        **task2.make_figures(in_order, shuffled[0], data.name),
        **task3.make_figures(softmax, data.name),
    }


def _numbers(in_order: Training, shuffled: list[Training]) -> list[Claim]:
    train, val = in_order.train_history["accuracy"], in_order.val_history["accuracy"]
    last = max(val)  # step
    epochs = [float(training.stop.epoch) for training in (in_order, *shuffled)]
    return [
        number("2c", "final training accuracy", "0.976", IN_ORDER, [train[last]]),
        number("2c", "validation accuracy", "0.9575", IN_ORDER, [val[last]], OLDER_SPLIT),
        number("2c", "test accuracy", "0.967", IN_ORDER, [val[last]], OLDER_SPLIT),
        number("2d", "stops in epoch", "33", IN_ORDER, epochs[:1]),
        number("2d", "with shuffling, stops in epoch", "16", SHUFFLED, epochs[1:]),
    ]


def _spikes(in_order: Training, shuffled: list[Training], batches_per_epoch: int) -> list[Claim]:
    accuracies = [training.val_history["accuracy"] for training in (in_order, *shuffled)]
    rate, *rates = [100 * spikes(accuracy) / len(accuracy) for accuracy in accuracies]
    fall, *falls = [
        deepest_fall({step: a for step, a in accuracy.items() if step >= batches_per_epoch})
        for accuracy in accuracies
    ]
    seeds = len(shuffled)
    fewer, below = sum(r < rate for r in rates), sum(f < SPIKE for f in falls)
    return [
        Claim(
            "2e",
            "fewer spikes in the validation accuracy with shuffling",
            SHUFFLED,
            f"{rate:.1f} without, {with_range(rates, '.1f')} with: fewer on {fewer} of {seeds}",
            fewer > seeds / 2,
            f"decreases by more than {SPIKE} between consecutive validations, per 100 validations: "
            "fewer for most seeds",
        ),
        Claim(
            "2e",
            "due to shuffling the spikes are now gone (report)",
            SHUFFLED,
            f"{fall:.3f} without, {with_range(falls, '.3f')} with: below on {below} of {seeds}",
            below > seeds / 2,
            "largest decrease between consecutive validations after the first epoch: below "
            f"{SPIKE} for most seeds",
            "The size of the largest decrease depends on the seed.",
        ),
    ]


def _overfitting(training: Training) -> list[Claim]:
    train, val = (
        np.array(list(history["accuracy"].values()))
        for history in (training.train_history, training.val_history)
    )
    early, late = (float(np.mean((train - val)[part])) for part in (slice(10), slice(-10, None)))
    half, quarter = len(val) // 2, len(val) // 4
    gains = train[-1] - train[half], val[-1] - val[-quarter]
    return [
        Claim(
            "3d",
            "clear evidence of overfitting: the model does better on the training set",
            SOFTMAX,
            f"{early:+.4f} at the beginning, {late:+.4f} at the end",
            late > max(0.0, early),
            "training accuracy minus validation accuracy, means of ten validations: positive at "
            "the end, and larger than at the beginning",
            "The gap is real but small: the validation loss is still decreasing when training "
            "stops.",
        ),
        Claim(
            "3d",
            "the validation accuracy reaches a plateau while the training accuracy rises (report)",
            SOFTMAX,
            f"{gains[0]:+.4f} and {gains[1]:+.4f}",
            gains[0] > 2 * gains[1],
            "increase of the training accuracy in the last half and of the validation accuracy in "
            "the last quarter: the first more than twice the second",
        ),
    ]


def _regularisation(trainings: dict[float, Training]) -> list[Claim]:
    accuracy = {v: t.val_history["accuracy"][t.stop.best_step] for v, t in trainings.items()}
    norms = {value: float(np.sum(t.w**2)) for value, t in trainings.items()}
    roughness_0, roughness_1 = (roughness(trainings[value].w[:-1].T) for value in (0, 1))
    zeros, count = int(np.sum(trainings[1].w == 0)), trainings[1].w.size
    return [
        Claim(
            "4b",
            "the weights with lambda = 1 are less noisy",
            SOFTMAX,
            f"{roughness_0:.3f} with lambda 0, {roughness_1:.3f} with 1",
            roughness_1 < roughness_0,
            "mean squared difference of neighbouring pixels, divided by the variance: smaller with "
            "lambda 1",
        ),
        Claim(
            "4b",
            "with lambda = 1 only the most determinative weights are not zero (report)",
            SOFTMAX,
            f"{zeros} of {count}",
            zeros > count // 2,
            "weights that are exactly zero: more than half",
            "The gradient of the L2 penalty is proportional to the weight, so it makes weights "
            "small but not zero. An L1 penalty produces zeros.",
        ),
        Claim(
            "4d",
            "the validation accuracy degrades with any amount of regularisation",
            SOFTMAX,
            by_setting(accuracy, ".4f"),
            all(accuracy[value] < accuracy[0] - CHANCE for value in accuracy if value > 0),
            "validation accuracy of the best weights for each lambda: lower than for 0 by more "
            f"than {CHANCE}",
            "A smaller difference may be due to chance: the standard error of an accuracy on "
            "10,000 images is 0.003.",
        ),
        Claim(
            "4e",
            "higher lambda, shorter weights",
            SOFTMAX,
            by_setting(norms, ".3g"),
            all(norms[a] > norms[b] for a, b in pairwise(sorted(norms))),
            "sum of the squared weights for each lambda: decreasing",
        ),
    ]
