"""Transfer: convolutions that were trained on the digits 0 to 4 serve to learn 5 to 9.

The document takes a network trained on ImageNet, whose weights cannot be shipped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import utils
from convnet.experiments import inputs
from convnet.finished import digest, once
from convnet.layers import Conv2d
from convnet.network import Sequential, lenet
from convnet.optimisers import Adam
from convnet.trainer import NetworkTrainer
from digits import Digits
from lab.jobs import train_all
from task3 import calculate_accuracy
from task3a import one_hot_encode

SIZES = (10, 30, 100, 300, 1000)  # labelled images in total, equally many of each digit
VALIDATION = 500  # images
BATCH_SIZE = 10
EPOCHS = 100  # at most


@dataclass(frozen=True)
class Way:
    """A way to learn the new digits, with Adam.

    pretrained: the convolutions begin with the weights learnt on the old digits. frozen: and keep
    them. patience: epochs without improvement of the validation loss before training stops.
    """

    learning_rate: float
    patience: int = 10
    frozen: bool = False
    pretrained: bool = True


WAYS: Mapping[str, Way] = {
    "frozen, patience 10, rate 1e-4": Way(1e-4, frozen=True),
    "unfrozen, patience 10, rate 1e-4": Way(1e-4),
    "unfrozen, patience 15, rate 1e-4": Way(1e-4, patience=15),
    "frozen, patience 10, rate 1e-3": Way(1e-3, frozen=True),
    "unfrozen, patience 10, rate 1e-3": Way(1e-3),
    "not pretrained, patience 10, rate 1e-3": Way(1e-3, pretrained=False),
}


@dataclass(frozen=True)
class Learnt:
    """What is kept of a training: the validation accuracy of each epoch (E,), the test accuracy.

    The test accuracy is that of the weights with the least validation loss.
    """

    val_accuracy: np.ndarray
    test_accuracy: np.ndarray

    def summary(self) -> dict[str, Any]:
        """Return what the page and the figures tell."""
        return {
            "test_accuracy": round(float(self.test_accuracy), 4),
            "epochs": len(self.val_accuracy),
            "val_accuracy": self.val_accuracy.round(4).tolist(),
        }


def only(data: Digits, low: int, high: int) -> Digits:
    """Keep the images of the digits from low to high."""
    train, test = (
        (low <= labels[:, 0]) & (labels[:, 0] <= high)
        for labels in (data.train_labels, data.test_labels)
    )
    return replace(
        data,
        train_images=data.train_images[train],
        train_labels=data.train_labels[train],
        test_images=data.test_images[test],
        test_labels=data.test_labels[test],
    )


def begin(way: Way, pretrained: np.ndarray, rng: np.random.Generator) -> Sequential:
    """Create a network whose convolutions have the pretrained weights, if the way is so.

    pretrained: the weights of a `lenet`.
    """
    model, old = lenet(rng), lenet(rng)
    old.w = pretrained
    for layer, old_layer in zip(model.layers, old.layers, strict=True):
        if way.pretrained and isinstance(layer, Conv2d):
            layer.frozen = way.frozen
            for name, parameter in old_layer.parameters().items():
                layer.parameters()[name].value[...] = parameter.value
    return model


def split(data: Digits, size: int) -> utils.Split:
    """Return `size` training images, equally many of each digit 5 to 9, and the last to validate.

    The images are scaled, and the labels one-hot.
    """
    X, Y = inputs(data.train_images), one_hot_encode(data.train_labels, 10)
    of_each = [np.flatnonzero(Y[:-VALIDATION, digit])[: size // 5] for digit in range(5, 10)]
    chosen = np.concatenate(of_each)
    return utils.Split(X[chosen], Y[chosen], X[-VALIDATION:], Y[-VALIDATION:])


def learn(
    way: Way, size: int, epochs: int, data: Digits, pretrained: np.ndarray, folder: Path
) -> Learnt:
    """Learn the digits 5 to 9 from so many images, or read what an earlier run left."""
    new = only(data, 5, 9)

    def training() -> Learnt:
        rng = np.random.default_rng(size)
        model = begin(way, pretrained, rng)
        trainer = NetworkTrainer(
            model,
            Adam(way.learning_rate),
            BATCH_SIZE,
            True,
            *split(new, size),
            patience=way.patience,
            rng=rng,
            validations_per_epoch=1,
        )
        _, val_history = trainer.train(epochs)
        X_test = inputs(new.test_images)
        Y_test = one_hot_encode(new.test_labels, 10)
        return Learnt(
            np.array(list(val_history["accuracy"].values())),
            np.array(calculate_accuracy(X_test, Y_test, model)),
        )

    name = digest(asdict(way), size, epochs, new.sha256(), pretrained.tobytes().hex())
    return once(folder / f"{name}.npz", Learnt, training)


def learn_all(
    data: Digits, pretrained: np.ndarray, folder: Path, jobs: int, quick: bool
) -> dict[str, dict[str, dict[str, Any]]]:
    """Learn in every way from every number of images: {way: {number: what the page tells}}."""
    sizes, epochs = (SIZES[:3], 10) if quick else (SIZES, EPOCHS)
    learnt = train_all(
        {
            f"{name}, {size} images": partial(learn, way, size, epochs, data, pretrained, folder)
            for name, way in WAYS.items()
            for size in sizes
        },
        jobs,
        epochs,
    )
    return {
        name: {str(size): learnt[f"{name}, {size} images"].summary() for size in sizes}
        for name in WAYS
    }
