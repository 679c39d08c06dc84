"""The trainings of the homework: their settings, and what is measured of each.

The losses that the document prints are negative. So it did not minimise the cross-entropy, but
minus the mean probability of the right class; most experiments are here with both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

import utils
from convnet.layers import Flatten, Linear
from convnet.losses import L1, L2, CrossEntropy, Loss, MeanProbability, Penalty
from convnet.network import Sequential, lenet
from convnet.optimisers import SGD, Adagrad, Adam, Momentum, Optimiser
from convnet.trainer import NetworkTrainer
from convnet.transforms import shift
from digits import Digits
from reproduce.cs_6685.finished import Finished
from task3a import one_hot_encode

BATCH_SIZE = 100
MEAN, DEVIATION = 0.1307, 0.3081  # of MNIST's training pixels, scaled to [0, 1]
BACKGROUND = -MEAN / DEVIATION  # the input that a pixel without ink becomes
LOSSES: Mapping[str, Callable[[], Loss]] = {
    "mean probability": MeanProbability,
    "cross-entropy": CrossEntropy,
}
OPTIMISERS: Mapping[str, Callable[[float], Optimiser]] = {
    "SGD": SGD,
    "momentum": partial(Momentum, momentum=0.1),
    "Adagrad": Adagrad,
    "Adam": Adam,
}


class PartL1(L1):
    """lambda R(w) of the first `count` weights of a parameter."""

    def __init__(self, strength: float, parameters: str, count: int) -> None:
        super().__init__(strength, parameters)
        self.count = count

    def value(self, w: np.ndarray) -> float:
        """Compute lambda R(w)."""
        return super().value(w.ravel()[: self.count])

    def gradient(self, w: np.ndarray) -> np.ndarray:
        """Compute lambda dR/dw, 0 for the other weights."""
        first = np.arange(w.size).reshape(w.shape) < self.count
        return super().gradient(w * first)


@dataclass(frozen=True)
class Settings:
    """What determines a training, beside the data; the defaults are the document's.

    l1, l2: factors of the sum of the absolute and of the squared weights; negative: subtracted.
    l1_count: the sum is of so many weights of the second linear layer; 0: of all weights.
    convolutions: before the linear layers, which without them take the pixels.
    start: the training whose weights are the initial ones.
    shifts: each image of a batch is moved at random by up to so many pixels.
    one_cycle: the learning rate rises from 0 in the first quarter of the steps, and falls to 0.
    """

    loss: str = "mean probability"
    optimiser: str = "SGD"
    learning_rate: float = 0.1
    batch_norm: bool = False
    convolutions: bool = True
    l1: float = 0.0
    l1_count: int = 0
    l2: float = 0.0
    start: "Settings | None" = None
    shifts: int = 0
    one_cycle: bool = False
    epochs: int = 10
    seed: int = 0

    def at_most(self, epochs: int) -> "Settings":
        """Return the same settings with at most so many epochs."""
        start = self.start and self.start.at_most(epochs)
        return replace(self, epochs=min(self.epochs, epochs), start=start)

    def network(self, rng: np.random.Generator) -> Sequential:
        """Create the network with its loss and its penalties."""
        penalties: list[Penalty] = [L2(self.l2)] if self.l2 else []
        if self.l1_count:
            penalties.append(PartL1(self.l1, "11.Linear.weight", self.l1_count))
        elif self.l1:
            penalties.append(L1(self.l1))
        loss = LOSSES[self.loss]()
        whole = lenet(rng, batch_norm=self.batch_norm, loss=loss, penalties=penalties)
        if self.convolutions:
            return whole
        (flatten,) = (i for i, layer in enumerate(whole.layers) if isinstance(layer, Flatten))
        first = Linear(784, 128, rng)
        return Sequential([first, *whole.layers[flatten + 2 :]], loss, penalties)


WITH_L2 = Settings(l2=1e-4)
SUBTRACTED = Settings(l1=-0.001, l1_count=2200)
DOCUMENT: Mapping[str, Settings] = {
    "L2": WITH_L2,
    "L1": SUBTRACTED,
    "L1 from L2": replace(SUBTRACTED, start=WITH_L2),
    "SGD": Settings(),
    "momentum": Settings(optimiser="momentum"),
    "Adagrad": Settings(optimiser="Adagrad", learning_rate=0.001),
    "Adam": Settings(optimiser="Adam", learning_rate=0.001),
    "SGD, batch norm": Settings(batch_norm=True),
    "Adam, batch norm": Settings(optimiser="Adam", learning_rate=0.001, batch_norm=True),
}
BEST = Settings("cross-entropy", "Adam", 0.004, batch_norm=True, shifts=2, one_cycle=True)
PRETRAINING = Settings("cross-entropy", "Adam", 0.001, epochs=3)  # on the digits 0 to 4
OLD_DIGITS = "digits 0 to 4"
SEEDS = (1, 2, 3)  # of the hypotheses, beside the 0 of the other trainings
EXPERIMENTS: Mapping[str, Settings] = {
    **DOCUMENT,
    **{
        f"{name}, cross-entropy": replace(DOCUMENT[name], loss="cross-entropy")
        for name in ("L2", "SGD", "momentum", "Adagrad", "Adam")
    },
    "L2, linear layers alone": replace(WITH_L2, convolutions=False),
    "L2, linear layers alone, cross-entropy": replace(
        WITH_L2, loss="cross-entropy", convolutions=False
    ),
    "best": BEST,
    "L1 of all weights": Settings(l1=0.001, epochs=2),
    "L1 of all weights, subtracted": Settings(l1=-0.001, epochs=3),
    **{f"SGD, seed {seed}": Settings(epochs=3, seed=seed) for seed in SEEDS},
    **{
        f"SGD, cross-entropy, seed {seed}": Settings("cross-entropy", epochs=1, seed=seed)
        for seed in SEEDS
    },
    **{f"Adam, seed {seed}": replace(DOCUMENT["Adam"], epochs=1, seed=seed) for seed in SEEDS},
}


class Trainer(NetworkTrainer):
    """Trains by `Settings`, and measures in the middle and at the end of each epoch.

    The test images choose nothing: the weights that count are those after the last step. The loop
    validates on a few training images, and its best weights are not used.
    """

    rng: np.random.Generator

    def __init__(self, settings: Settings, data: Digits) -> None:
        rng = np.random.default_rng(settings.seed)
        X, Y = inputs(data.train_images), one_hot_encode(data.train_labels, 10)
        optimiser = OPTIMISERS[settings.optimiser](settings.learning_rate)
        super().__init__(
            settings.network(rng),
            optimiser,
            BATCH_SIZE,
            True,
            *(X, Y, X[:200], Y[:200]),
            patience=None,
            rng=rng,
            validations_per_epoch=1,
        )
        self.settings = settings
        self.X_test = inputs(data.test_images)
        steps = len(X) // BATCH_SIZE
        self.every, self.last = max(1, steps // 2), steps * settings.epochs
        self.step = 0
        self.measured: dict[int, tuple[float, np.ndarray]] = {}

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        """Take a step, and measure after some; return what it minimised, penalty included.

        The learning rate is that of the one-cycle schedule, and the images are moved at random, if
        the settings say so.
        """
        self.step += 1
        if self.settings.one_cycle:
            done = self.step / self.last
            height = min(4 * done, (1 - done) * 4 / 3)
            self.optimiser.learning_rate = self.settings.learning_rate * height
        if most := self.settings.shifts:
            down, right = self.rng.integers(-most, most + 1, (2, len(X_batch)))
            images = (X_batch - BACKGROUND).reshape(-1, 28, 28)
            X_batch = shift(images, down, right).reshape(X_batch.shape) + BACKGROUND
        penalty = self.model.penalty()
        objective = super().train_step(X_batch, Y_batch) + penalty
        if self.step % self.every == 0 or self.step == self.last:
            few = slice(len(self.X_test) // 5)
            right = predicted(self.model, self.X_train[few]) == self.Y_train[few].argmax(axis=1)
            self.measured[self.step] = right.mean(), predicted(self.model, self.X_test)
            self.last_w = self.model.w.copy()
        return objective


def train(settings: Settings, data: Digits, start: np.ndarray | None = None) -> Finished:
    """Train by the settings, from the weights `start` if they are given."""
    trainer = Trainer(settings, data)
    if start is not None:
        trainer.model.w[...] = start
    history, _ = trainer.train(settings.epochs)
    objectives = list(history["loss"].values())
    return Finished(
        trainer.last_w, summary(settings, objectives, trainer.measured, data.test_labels)
    )


def summary(
    settings: Settings,
    objectives: Sequence[float],
    measured: Mapping[int, tuple[float, np.ndarray]],
    labels: np.ndarray,
) -> dict[str, Any]:
    """Collect what the page and the figures show of a training.

    The objectives are those of every hundredth step, as the document prints them; the accuracies
    by digit are those after the last.

    Args:
        settings: those of the training.
        objectives: what each step minimised.
        measured: {steps taken: accuracy on some training images, the digit (N,) seen in each test
            image}.
        labels: those of the test images, (N, 1).
    """
    train_accuracy, predictions = zip(*measured.values(), strict=True)
    right = np.array(predictions) == labels[:, 0]
    digits = np.unique(labels).tolist()
    return {
        "settings": asdict(settings),
        "objectives": np.round(objectives[99::100], 4).tolist(),
        "steps": list(measured),
        "train_accuracy": np.round(train_accuracy, 4).tolist(),
        "test_accuracy": right.mean(axis=1).tolist(),
        "last_100": right[:, -100:].mean(axis=1).tolist(),
        "by_digit": [round(float(right[-1, labels[:, 0] == digit].mean()), 4) for digit in digits],
        "never_predicted": [
            [digit for digit in digits if digit not in seen] for seen in predictions
        ],
    }


def inputs(pixels: np.ndarray) -> np.ndarray:
    """Scale pixels (N, 784) from [0, 255] to [0, 1]; normalise them by MNIST's mean, deviation."""
    X = scaled(pixels)
    X -= MEAN  # in place, for 60,000 images take 188 MB
    X /= DEVIATION
    return X


def scaled(pixels: np.ndarray) -> np.ndarray:
    """Scale pixels from [0, 255] to [0, 1]."""
    return pixels / np.float32(255)


def predicted(model: Sequential, X: np.ndarray) -> np.ndarray:
    """Compute the most probable digit (N,) of each image (N, 784)."""
    return utils.predict(model, X).argmax(axis=1)
