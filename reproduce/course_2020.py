"""The notebook of 2020: pixels in [0, 1], bias first, the softmax loss divided by K."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

import digits
import utils
from lab import figures
from lab.protocols import Model
from reproduce.claims import Claim, number
from reproduce.measures import roughness
from reproduce.protocols import (
    Protocol,
    ProtocolTrainer,
    older_sets,
    two_classes,
    unit_range_bias_first,
)
from task3 import calculate_accuracy
from task3a import cross_entropy_loss, one_hot_encode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from utils import Split

TITLE = "2020: a notebook"
K = 10
LAMBDAS = (0.0, 0.001, 0.01, 0.1, 1.0)
BASE = Protocol(learning_rate=0.2, epochs=50, shuffle=False, normalise=unit_range_bias_first)
BINARY = (
    "2 against 3; pixels in [0, 1], bias first, batch 128, no shuffling, stop after five rises in "
    "a row. Assumed: rate 0.2, 50 epochs, and of 20,000 images the first 2,000 to validate (the "
    "accuracies printed are multiples of 1/18,000 and 1/2,000)."
)
SOFTMAX = (
    "Ten digits; the same sets, C and its gradient divided by K = 10, no L2. Assumed: 50 epochs "
    "checked once each, test on the last 2,000 test images, and rate {}, at which the training {} "
    "comes out."
)
NOT_BOTH = (
    "The rate is not printed, and none gives both these losses and these accuracies: where our "
    "training loss is {loss:.4f} our accuracy is {accuracy:.3f}. The two halves of the table "
    "cannot be of the same weights, so each has a rate of its own here."
)
OTHER_IMAGES = (
    "Training and test accuracy agree with this rate and these sets, and this one misses by about "
    "one point: the notebook may have validated on other images than the first 2,000."
)


def run(data: digits.Digits) -> tuple[list[Claim], dict[str, Figure]]:
    """Repeat what the notebook reports.

    Returns:
        The claims, and {file name: figure}.
    """
    split, test = older_sets(utils.load_full_mnist(data))
    binary, accuracy = _binary(two_classes(2, 3, split), data.name)
    softmax, weights = _softmax(split, test, data.name)
    return binary + softmax, {"2020_l2_accuracy.png": accuracy, "2020_weights.png": weights}


def _binary(split: Split, data_name: str) -> tuple[list[Claim], Figure]:
    ruled = replace(BASE, rises=5)
    trainers = {value: replace(ruled, l2=value).train_binary(split) for value in LAMBDAS}
    curves = {f"λ = {value:g}": t.val_history["accuracy"] for value, t in trainers.items()}
    title = f"2020, Task 3: validation accuracy for each λ, 2 against 3 ({data_name})"
    figure = figures.plot_curves(curves, title, "Validation accuracy", (0.8, 1.0))
    return [*_stopping(trainers[0]), *_complexity(trainers, split)], figure


def _stopping(trainer: ProtocolTrainer) -> list[Claim]:
    losses = trainer.val_history["loss"]
    at_400 = min(value for step, value in losses.items() if step <= 400)
    reached = (losses[0] - at_400) / (losses[0] - trainer.stop.best_loss)
    return [
        Claim(
            "2d",
            "five rises in a row never happened",
            BINARY,
            f"ended by {trainer.stop.reason} at step {trainer.stop.step}",
            not trainer.stop.early,
            "what ended training",
        ),
        Claim(
            "2d",
            "no improvement of the validation loss after about 400 steps",
            BINARY,
            f"{100 * reached:.1f} % ({losses[0]:.4f} at step 0, {at_400:.4f} by step 400, "
            f"{trainer.stop.best_loss:.4f} at best)",
            reached > 0.95,
            "share of the fall of the loss that is reached by step 400, above 95 %",
            "It still falls afterwards, but in a plot of the whole that looks flat.",
        ),
    ]


def _complexity(trainers: dict[float, ProtocolTrainer], split: Split) -> list[Claim]:
    best = {value: max(t.val_history["accuracy"].values()) for value, t in trainers.items()}
    norms = {value: float(np.sum(t.model.w**2)) for value, t in trainers.items()}
    last = list(trainers[1].val_history["accuracy"].values())[-1]
    guess = max(float(np.mean(split.Y_val)), 1 - float(np.mean(split.Y_val)))
    return [
        Claim(
            "3c",
            "with lambda = 1 the model is no better than guessing",
            BINARY,
            f"{last:.3f} at the end, {best[1]:.3f} at best; guessing {guess:.3f}",
            last < guess + 0.05,
            "last validation accuracy, against always naming the more frequent digit",
            "The weights are so small that the last batches, with more of one digit, decide on "
            "which side of 0.5 every output lies.",
        ),
        Claim(
            "3c",
            "the highest accuracy with the most complex model",
            BINARY,
            ", ".join(f"{value:g}: {accuracy:.4f}" for value, accuracy in best.items()),
            best[0] == max(best.values()),
            "best validation accuracy for each lambda",
        ),
        Claim(
            "3c",
            "the L2 norm grows with the complexity of the model",
            BINARY,
            ", ".join(f"{value:g}: {norm:.3g}" for value, norm in norms.items()),
            list(norms.values()) == sorted(norms.values(), reverse=True),
            "sum of the weights squared for each lambda",
        ),
    ]


def _softmax(
    split: Split, test: tuple[np.ndarray, np.ndarray], data_name: str
) -> tuple[list[Claim], Figure]:
    divided = replace(BASE, loss_scale=1 / K, validations_per_epoch=1)
    fast, slow, held = (
        replace(divided, learning_rate=rate, l2=l2).train_softmax(split).model
        for rate, l2 in ((0.125, 0.0), (0.02, 0.0), (0.125, 0.1))
    )
    (train_loss, accuracy), (val_loss, _) = (_evaluate(fast, *s) for s in (split[:2], split[2:]))
    train, val, tested = (_evaluate(slow, *s)[1] for s in (split[:2], split[2:], test))
    not_both = NOT_BOTH.format(loss=train_loss, accuracy=accuracy)
    for_loss, for_accuracy = SOFTMAX.format(0.125, "loss"), SOFTMAX.format(0.02, "accuracy")
    rough = [roughness(model.w[1:].T) for model in (fast, held)]
    rows = {"λ = 0": fast.w[1:].T, "λ = 0.1": held.w[1:].T}
    title = f"2020, Task 4e: the weights of each digit ({data_name})"
    return [
        number("4c", "training loss", "0.0343", for_loss, [train_loss], not_both),
        number("4c", "validation loss", "0.0378", for_loss, [val_loss], not_both),
        number("4c", "training accuracy", "0.871", for_accuracy, [train], not_both),
        number("4c", "validation accuracy", "0.8615", for_accuracy, [val], OTHER_IMAGES),
        number("4c", "test accuracy", "0.917", for_accuracy, [tested]),
        Claim(
            "4e",
            "the weights with lambda = 0.1 are less noisy than with 0",
            for_loss,
            f"{rough[0]:.3f} with lambda 0, {rough[1]:.3f} with 0.1",
            rough[1] < rough[0],
            "squared differences of neighbouring pixels, per variance",
        ),
    ], figures.images(rows, title, "weight")


def _evaluate(model: Model, X: np.ndarray, Y: np.ndarray) -> tuple[float, float]:
    inputs, targets = unit_range_bias_first(X), one_hot_encode(Y, K)
    loss = cross_entropy_loss(targets, utils.predict(model, inputs)) / K
    return loss, calculate_accuracy(inputs, targets, model)
