"""The notebook of 2020: pixels in [0, 1], bias input first, softmax loss divided by K."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

import digits
import utils
from lab import figures
from lab.jobs import train_all
from lab.protocols import Model
from lab.trainings import Training
from reproduce.claims import Claim, by_setting, number
from reproduce.measures import roughness
from reproduce.protocols import (
    Protocol,
    older_sets,
    two_classes,
    unit_range_bias_first,
    with_weights,
)
from task3 import calculate_accuracy
from task3a import SoftmaxModel, cross_entropy_loss, one_hot_encode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from utils import Split

TITLE = "2020: a notebook"
K = 10
LAMBDAS = (0.0, 0.001, 0.01, 0.1, 1.0)
BASE = Protocol(learning_rate=0.2, epochs=50, shuffle=False, normalise=unit_range_bias_first)
BINARY = (
    "Digits 2 and 3, pixels in [0, 1], bias input first, batch size 128, no shuffling; training "
    "stops after five consecutive increases of the validation loss. Assumed: learning rate 0.2, 50 "
    "epochs, and the first 2,000 of 20,000 images as validation set (the printed accuracies are "
    "multiples of 1/18,000 and 1/2,000)."
)
SOFTMAX = (
    "All ten digits, the same sets, C and its gradient divided by K = 10, no L2 regularisation "
    "unless stated. Assumed: 50 epochs with one validation each, the last 2,000 test images as "
    "test set, and learning rate {}, which reproduces the training {}."
)
TWO_RATES = (
    "The learning rate is not printed, and no learning rate gives both these losses and these "
    "accuracies: where our training loss is {loss:.4f}, our training accuracy is {accuracy:.3f}. "
    "The two halves of the table cannot come from the same weights, so each is repeated with its "
    "own learning rate."
)
OTHER_IMAGES = (
    "With this learning rate and these sets the training and test accuracies agree, but the "
    "validation accuracy differs by about one percentage point: the notebook may have used other "
    "validation images than the first 2,000."
)


def run(data: digits.Digits, seeds: Sequence[int] = ()) -> tuple[list[Claim], figures.Figures]:
    """Repeat the experiments of the notebook, which shuffle nothing and so need no seeds."""
    split, test = older_sets(utils.load_full_mnist(data))
    binary, accuracy = _binary(two_classes(2, 3, split), data.name)
    softmax, weights = _softmax(split, test, data.name)
    return binary + softmax, {"2020_l2_accuracy.png": accuracy, "2020_weights.png": weights}


def _binary(split: Split, data_name: str) -> tuple[list[Claim], Figure]:
    trainings = train_all(
        {
            value: partial(replace(BASE, increases=5, l2=value).train_binary, split)
            for value in LAMBDAS
        }
    )
    curves = {f"λ = {value:g}": t.val_history["accuracy"] for value, t in trainings.items()}
    title = f"2020, Task 3: validation accuracy for each λ, 2 against 3 ({data_name})"
    figure = figures.plot_curves(curves, title, "Validation accuracy", (0.8, 1.0))
    return [*_stopping(trainings[0]), *_complexity(trainings, split)], figure


def _stopping(training: Training) -> list[Claim]:
    losses = training.val_history["loss"]
    at_400 = min(value for step, value in losses.items() if step <= 400)
    reached = (losses[0] - at_400) / (losses[0] - training.stop.best_loss)
    return [
        Claim(
            "2d",
            "five consecutive increases never happened",
            BINARY,
            f"{training.stop.reason}, last step {training.stop.step}",
            training.stop.reason == "all epochs",
            "end of training: after all epochs",
        ),
        Claim(
            "2d",
            "no improvement of the validation loss after about 400 steps",
            BINARY,
            f"{100 * reached:.1f} % ({losses[0]:.4f} at step 0, {at_400:.4f} by step 400, "
            f"{training.stop.best_loss:.4f} at best)",
            reached > 0.95,
            "fraction of the total decrease of the loss reached by step 400: above 95 %",
            "The loss still decreases afterwards, but too little to be visible in a plot of all "
            "steps.",
        ),
    ]


def _complexity(trainings: dict[float, Training], split: Split) -> list[Claim]:
    best = {value: max(t.val_history["accuracy"].values()) for value, t in trainings.items()}
    norms = {value: float(np.sum(t.w**2)) for value, t in trainings.items()}
    last = list(trainings[1].val_history["accuracy"].values())[-1]
    guess = max(float(np.mean(split.Y_val)), 1 - float(np.mean(split.Y_val)))
    return [
        Claim(
            "3c",
            "with lambda = 1 the model is no better than guessing",
            BINARY,
            f"{last:.3f} at the end, {best[1]:.3f} at best; guessing {guess:.3f}",
            last < guess + 0.05,
            "last validation accuracy: less than 0.05 above that of always predicting the more "
            "frequent digit",
            "The weights are so small that the last batches, which contain more images of one "
            "digit, determine on which side of 0.5 all outputs lie.",
        ),
        Claim(
            "3c",
            "the highest accuracy with the most complex model",
            BINARY,
            by_setting(best, ".4f"),
            best[0] == max(best.values()),
            "best validation accuracy for each lambda: highest for 0",
        ),
        Claim(
            "3c",
            "the L2 norm grows with the complexity of the model",
            BINARY,
            by_setting(norms, ".3g"),
            list(norms.values()) == sorted(norms.values(), reverse=True),
            "sum of the squared weights for each lambda: decreasing",
        ),
    ]


def _softmax(
    split: Split, test: tuple[np.ndarray, np.ndarray], data_name: str
) -> tuple[list[Claim], Figure]:
    base = replace(BASE, loss_scale=1 / K, validations_per_epoch=1)
    settings = (0.125, 0.0), (0.02, 0.0), (0.125, 0.1)
    trainings = train_all(
        {
            f"learning rate {rate}, lambda {l2}": partial(
                replace(base, learning_rate=rate, l2=l2).train_softmax, split
            )
            for rate, l2 in settings
        }
    )
    for_loss, for_accuracy, regularised = (
        with_weights(SoftmaxModel(0), training) for training in trainings.values()
    )
    train_set, val_set = (split.X_train, split.Y_train), (split.X_val, split.Y_val)
    train_loss, accuracy = _evaluate(for_loss, *train_set)
    val_loss, _ = _evaluate(for_loss, *val_set)
    train, val, tested = (_evaluate(for_accuracy, *s)[1] for s in (train_set, val_set, test))
    two_rates = TWO_RATES.format(loss=train_loss, accuracy=accuracy)
    loss_protocol = SOFTMAX.format(0.125, "loss")
    accuracy_protocol = SOFTMAX.format(0.02, "accuracy")
    weights = {"λ = 0": for_loss.w[1:].T, "λ = 0.1": regularised.w[1:].T}
    roughness_0, roughness_01 = (roughness(images) for images in weights.values())
    title = f"2020, Task 4e: the weights of each digit ({data_name})"
    return [
        number("4c", "training loss", "0.0343", loss_protocol, [train_loss], two_rates),
        number("4c", "validation loss", "0.0378", loss_protocol, [val_loss], two_rates),
        number("4c", "training accuracy", "0.871", accuracy_protocol, [train], two_rates),
        number("4c", "validation accuracy", "0.8615", accuracy_protocol, [val], OTHER_IMAGES),
        number("4c", "test accuracy", "0.917", accuracy_protocol, [tested]),
        Claim(
            "4e",
            "the weights with lambda = 0.1 are less noisy than with 0",
            loss_protocol,
            f"{roughness_0:.3f} with lambda 0, {roughness_01:.3f} with 0.1",
            roughness_01 < roughness_0,
            "mean squared difference of neighbouring pixels, divided by the variance: smaller with "
            "lambda 0.1",
        ),
    ], figures.images(weights, title, "weight")


def _evaluate(model: Model, X: np.ndarray, Y: np.ndarray) -> tuple[float, float]:
    inputs, targets = unit_range_bias_first(X), one_hot_encode(Y, K)
    loss = cross_entropy_loss(targets, utils.predict(model, inputs)) / K
    return loss, calculate_accuracy(inputs, targets, model)
