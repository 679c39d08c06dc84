"""A training protocol: the settings with which a document trains, for our trainer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from lab.protocols import Model
from lab.script import EPOCHS
from lab.trainings import Training, fit
from task2 import LogisticTrainer
from task2a import BinaryModel, pre_process_images
from task3 import SoftmaxTrainer
from task3a import SoftmaxModel, one_hot_encode
from trainer import BaseTrainer
from utils import Split, binary_prune_dataset

SEEDS = range(10)  # over which the range of a number is taken, unless told otherwise


@dataclass(frozen=True)
class Protocol:
    """The settings of gradient descent on J(w) = loss_scale C(w) + l2 ||w||^2.

    Attributes:
        learning_rate: alpha, of the first step.
        batch_size: examples per step.
        epochs: the maximum number.
        shuffle: whether the examples are shuffled in every epoch.
        l2: the factor of ||w||^2 (lambda / 2 in a document where R is half of it).
        loss_scale: the factor of C, 1 / K in the notebook of 2020.
        decay: k of the annealed learning rate alpha / (1 + k t) at step t.
        increases: training stops after this many consecutive increases of the validation loss; None
            for no early stopping.
        validations_per_epoch: as for the trainer.
        normalise: pre-processes pixels (N, 784) to inputs (N, 785).
    """

    learning_rate: float
    batch_size: int = 128
    epochs: int = EPOCHS
    shuffle: bool = True
    l2: float = 0.0
    loss_scale: float = 1.0
    decay: float = 0.0
    increases: int | None = None
    validations_per_epoch: int = 5
    normalise: Callable[[np.ndarray], np.ndarray] = pre_process_images

    def train_binary(self, split: Split, seed: int = 0) -> Training:
        """Train logistic regression on images (N, 784) and labels 0 and 1 (N, 1)."""
        return fit(self.binary_trainer(split, seed), self.epochs)

    def train_softmax(self, split: Split, seed: int = 0) -> Training:
        """Train softmax regression on images (N, 784) and labels 0 to 9 (N, 1)."""
        return fit(self.softmax_trainer(split, seed), self.epochs)

    def binary_trainer(self, split: Split, seed: int = 0) -> ProtocolTrainer:
        """Create the trainer of `train_binary`."""
        return self._trainer(BinaryProtocolTrainer, RegularisedBinaryModel, split, seed)

    def softmax_trainer(self, split: Split, seed: int = 0) -> ProtocolTrainer:
        """Create the trainer of `train_softmax`."""
        split = split._replace(
            Y_train=one_hot_encode(split.Y_train, 10), Y_val=one_hot_encode(split.Y_val, 10)
        )
        return self._trainer(SoftmaxProtocolTrainer, SoftmaxModel, split, seed)

    def _trainer(
        self,
        trainer_class: type[ProtocolTrainer],
        model_class: Callable[[float], Model],
        split: Split,
        seed: int,
    ) -> ProtocolTrainer:
        inputs = split._replace(
            X_train=self.normalise(split.X_train), X_val=self.normalise(split.X_val)
        )
        # A step of learning rate a on s C + l R is a step of learning rate a s on C + (l / s) R.
        trainer = trainer_class(
            model_class(self.l2 / self.loss_scale),
            self.learning_rate * self.loss_scale,
            self.batch_size,
            self.shuffle,
            *inputs,
            patience=None,
            rng=np.random.RandomState(seed),
            validations_per_epoch=self.validations_per_epoch,
        )
        trainer.protocol = self
        return trainer


class ProtocolTrainer(BaseTrainer):
    """A trainer whose learning rate and early stopping follow its protocol."""

    protocol: Protocol

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        """Take a step with learning rate alpha / (1 + k t); return the loss before the step."""
        rate, t = self.protocol.learning_rate * self.protocol.loss_scale, self.stop.step
        self.learning_rate = rate / (1 + self.protocol.decay * t)
        return super().train_step(X_batch, Y_batch)

    def should_stop(self, val_losses: Sequence[float]) -> bool:
        """Tell whether the last `increases` changes of the validation loss are all increases."""
        increases = self.protocol.increases
        if increases is None or len(val_losses) <= increases:
            return False
        return all(a < b for a, b in pairwise(val_losses[-increases - 1 :]))


class BinaryProtocolTrainer(ProtocolTrainer, LogisticTrainer):
    """Trains logistic regression by a protocol."""


class SoftmaxProtocolTrainer(ProtocolTrainer, SoftmaxTrainer):
    """Trains softmax regression by a protocol."""


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


def with_weights(model: Model, training: Training) -> Model:
    """Give a new model the weights that a training has left."""
    model.w = training.w
    return model


def unit_range_bias_first(X: np.ndarray) -> np.ndarray:
    """Scale pixels (N, 784) from [0, 255] to [0, 1]; prepend the bias input 1: (N, 785)."""
    inputs = np.ones((len(X), 785), dtype=np.float32)
    inputs[:, 1:] = X
    inputs[:, 1:] /= 255
    return inputs


def older_sets(full: Split) -> tuple[Split, tuple[np.ndarray, np.ndarray]]:
    """Divide the images as in 2019 and 2020, into training, validation and test sets.

    The first tenth of the training images is the validation set, and the last fifth of the test
    images, with their labels, is the test set.
    """
    X, Y, X_test, Y_test = full
    tenth, fifth = len(X) // 10, len(X_test) // 5
    return Split(X[tenth:], Y[tenth:], X[:tenth], Y[:tenth]), (X_test[-fifth:], Y_test[-fifth:])


def two_classes(class1: int, class2: int, split: Split) -> Split:
    """Keep the examples of two classes in both sets, with targets 1 and 0."""
    return Split(
        *binary_prune_dataset(class1, class2, split.X_train, split.Y_train),
        *binary_prune_dataset(class1, class2, split.X_val, split.Y_val),
    )
