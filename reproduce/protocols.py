"""A protocol: how a document trained, as data for the one trainer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from task2 import LogisticTrainer
from task2a import BinaryModel, pre_process_images
from task3 import SoftmaxTrainer
from task3a import SoftmaxModel, one_hot_encode
from utils import Split, binary_prune_dataset

SEEDS = range(10)  # the spread of a number is taken over these


@dataclass(frozen=True)
class Protocol:
    """What a document varies of the training, J(w) = loss_scale C(w) + l2 ||w||^2.

    Attributes:
        learning_rate: alpha, of the first step.
        batch_size: examples a step.
        epochs: at most so many.
        shuffle: whether every epoch has an order of its own.
        l2: the factor of the sum of all w squared (lambda / 2 where R is half of it).
        loss_scale: the factor of C in the objective, 1 / K in the document of 2020.
        decay: k of the annealed rate alpha / (1 + k t) at step t.
        patience: checks without improvement before the stop; None for never.
        stopping_rule: takes the place of patience.
        checks_per_epoch: how often the validation set is checked.
        normalise: turns pixels (N, 784) into inputs (N, 785).
    """

    learning_rate: float
    batch_size: int = 128
    epochs: int = 500
    shuffle: bool = True
    l2: float = 0.0
    loss_scale: float = 1.0
    decay: float = 0.0
    patience: int | None = None
    stopping_rule: Callable[[Sequence[float]], bool] | None = None
    checks_per_epoch: int = 5
    normalise: Callable[[np.ndarray], np.ndarray] = pre_process_images

    def train_binary(self, split: Split, seed: int = 0) -> LogisticTrainer:
        """Train a logistic model on images and labels 0 and 1 (N, 1), as `load_*` give them."""
        X_train, Y_train, X_val, Y_val = split
        inputs = self.normalise(X_train), Y_train, self.normalise(X_val), Y_val
        trainer: LogisticTrainer = self._train(
            LogisticTrainer, RegularisedBinaryModel, inputs, seed
        )
        return trainer

    def train_softmax(self, split: Split, seed: int = 0) -> SoftmaxTrainer:
        """Train a softmax model on images and labels 0 to 9 (N, 1), as `load_*` give them."""
        X_train, Y_train, X_val, Y_val = split
        targets = one_hot_encode(Y_train, 10), one_hot_encode(Y_val, 10)
        inputs = self.normalise(X_train), targets[0], self.normalise(X_val), targets[1]
        trainer: SoftmaxTrainer = self._train(SoftmaxTrainer, SoftmaxModel, inputs, seed)
        return trainer

    def _train(self, kind: type, model: type, inputs: Split, seed: int) -> Any:
        # A step of rate a down s C + l R is a step of rate a s down C + (l / s) R.
        rate = self.learning_rate * self.loss_scale
        trainer = kind(
            model(self.l2 / self.loss_scale),
            rate,
            self.batch_size,
            self.shuffle,
            *inputs,
            patience=self.patience,
            rng=np.random.RandomState(seed),
            schedule=lambda step: rate / (1 + self.decay * step),
            stopping_rule=self.stopping_rule,
            checks_per_epoch=self.checks_per_epoch,
        )
        trainer.train(self.epochs)
        return trainer


class RegularisedBinaryModel(BinaryModel):
    """Logistic regression with an L2 penalty, as in the assignments of 2019 and 2020."""

    def __init__(self, l2_reg_lambda: float) -> None:
        super().__init__()
        self.l2_reg_lambda = l2_reg_lambda

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Set `grad` to dC/dw + 2 lambda w."""
        super().backward(X, outputs, targets)
        self.grad += 2 * self.l2_reg_lambda * self.w

    def objective(self, X: np.ndarray, targets: np.ndarray) -> float:
        """Compute C(w) + lambda ||w||^2."""
        penalty = self.l2_reg_lambda * float(np.vdot(self.w, self.w))
        return super().objective(X, targets) + penalty


def unit_range_bias_first(X: np.ndarray) -> np.ndarray:
    """Map pixels from [0, 255] to [0, 1] and put the bias input 1 first: (N, 784) to (N, 785)."""
    inputs = np.ones((len(X), 785), dtype=np.float32)
    inputs[:, 1:] = X
    inputs[:, 1:] /= 255
    return inputs


def rises_in_a_row(count: int) -> Callable[[Sequence[float]], bool]:
    """Return the rule that stops when the loss has risen at `count` checks in a row."""

    def rule(losses: Sequence[float]) -> bool:
        last = list(losses[-count - 1 :])
        return len(last) > count and all(a < b for a, b in pairwise(last))

    return rule


def older_sets(full: Split) -> tuple[Split, tuple[np.ndarray, np.ndarray]]:
    """Divide the images as in 2019 and 2020, with a set to validate on and one to test on.

    Args:
        full: as `utils.load_full_mnist` gives them.

    Returns:
        The training set without its first tenth, that tenth to validate on, and the last fifth of
        the test images with their labels.
    """
    X, Y, X_test, Y_test = full
    tenth, fifth = len(X) // 10, len(X_test) // 5
    return (X[tenth:], Y[tenth:], X[:tenth], Y[:tenth]), (X_test[-fifth:], Y_test[-fifth:])


def only(class1: int, class2: int, split: Split) -> Split:
    """Keep two classes of both sets, with targets 1 and 0."""
    X_train, Y_train, X_val, Y_val = split
    return (
        *binary_prune_dataset(class1, class2, X_train, Y_train),
        *binary_prune_dataset(class1, class2, X_val, Y_val),
    )
