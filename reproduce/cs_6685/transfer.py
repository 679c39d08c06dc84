"""Transfer: convolutions that were trained on the digits 0 to 4 serve to learn 5 to 9.

The document takes a network trained on ImageNet, whose weights cannot be shipped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import utils
from convnet.layers import Conv2d
from convnet.network import Sequential, lenet
from convnet.optimisers import Adam
from convnet.trainer import NetworkTrainer
from digits import Digits
from reproduce.cs_6685.experiments import inputs
from reproduce.cs_6685.finished import Finished
from task3 import calculate_accuracy
from task3a import one_hot_encode

SIZES = (10, 30, 100, 300, 1000)  # labelled images in total, equally many of each digit
DRAWS = range(3)
VALIDATION = 500  # images
BATCH_SIZE = 10


@dataclass(frozen=True)
class Variant:
    """What determines how the new digits are learnt, with Adam, beside the data.

    patience: epochs without improvement of the validation loss before training stops. pretrained:
    the convolutions start from the weights learnt on the old digits. frozen: and keep them. size:
    labelled images. draw: the seed of these images, the linear layers and the batches, the same
    for all variants. epochs: at most; far more than training takes.
    """

    learning_rate: float
    patience: int = 10
    frozen: bool = False
    pretrained: bool = True
    size: int = 1000
    draw: int = 0
    epochs: int = 2000


VARIANTS: Mapping[str, Variant] = {
    "frozen, patience 10, rate 1e-4": Variant(1e-4, frozen=True),
    "unfrozen, patience 10, rate 1e-4": Variant(1e-4),
    "unfrozen, patience 15, rate 1e-4": Variant(1e-4, patience=15),
    "frozen, patience 10, rate 1e-3": Variant(1e-3, frozen=True),
    "unfrozen, patience 10, rate 1e-3": Variant(1e-3),
    "not pretrained, patience 10, rate 1e-3": Variant(1e-3, pretrained=False),
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


def initial(variant: Variant, pretrained: np.ndarray, rng: np.random.Generator) -> Sequential:
    """Create a network; its convolutions have the pretrained weights of a `lenet`, if they do."""
    model, old = lenet(rng), lenet(rng)
    old.w = pretrained
    for layer, old_layer in zip(model.layers, old.layers, strict=True):
        if variant.pretrained and isinstance(layer, Conv2d):
            layer.frozen = variant.frozen
            for name, parameter in old_layer.parameters().items():
                layer.parameters()[name].value[...] = parameter.value
    return model


def split(data: Digits, size: int, rng: np.random.Generator) -> utils.Split:
    """Draw `size` training images, equally many of each digit 5 to 9; the last 500 validate.

    The images are scaled, and the labels one-hot.
    """
    X, Y = inputs(data.train_images), one_hot_encode(data.train_labels, 10)
    order = rng.permutation(len(X) - VALIDATION)
    of_each = [order[Y[order, digit] == 1][: size // 5] for digit in range(5, 10)]
    chosen = np.concatenate(of_each)
    return utils.Split(X[chosen], Y[chosen], X[-VALIDATION:], Y[-VALIDATION:])


def train(variant: Variant, data: Digits, pretrained: np.ndarray) -> Finished:
    """Learn the digits 5 to 9 from a few images.

    The test accuracy is that of the weights with the least validation loss.
    """
    new, rng = only(data, 5, 9), np.random.default_rng([variant.size, variant.draw])
    images = split(new, variant.size, rng)
    model = initial(variant, pretrained, rng)
    trainer = NetworkTrainer(
        model,
        Adam(variant.learning_rate),
        BATCH_SIZE,
        True,
        *images,
        patience=variant.patience,
        rng=rng,
        validations_per_epoch=1,
    )
    _, val_history = trainer.train(variant.epochs)
    loss, accuracy = (np.array(list(val_history[key].values())) for key in ("loss", "accuracy"))
    Y_test = one_hot_encode(new.test_labels, 10)
    test_accuracy = calculate_accuracy(inputs(new.test_images), Y_test, model)
    return Finished(model.w, summary(test_accuracy, loss, accuracy))


def summary(test_accuracy: float, loss: np.ndarray, accuracy: np.ndarray) -> dict[str, Any]:
    """Collect what the page and the figures show, from the validations of each epoch.

    loss_rises, accuracy_falls: how often, up to the best epoch. late: the part of the fall of the
    loss in the second half of the epochs.
    """
    best = loss.argmin()
    fall = loss[0] - loss[best] or 1
    return {
        "test_accuracy": round(test_accuracy, 4),
        "epochs": len(loss),
        "loss_rises": int(np.sum(np.diff(loss[: best + 1]) > 0)),
        "accuracy_falls": int(np.sum(np.diff(accuracy[: best + 1]) < 0)),
        "late": round(float((loss[: len(loss) // 2].min() - loss[best]) / fall), 2),
        "val_accuracy": np.round(accuracy, 4).tolist(),
    }


def together(draws: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Collect the summaries of several draws; the curve is that of the first."""
    curve = {"val_accuracy": draws[0]["val_accuracy"]}
    return {key: [one[key] for one in draws] for key in draws[0]} | curve
