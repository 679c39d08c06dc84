"""Training a network by an optimiser, in the loop of the assignment."""

from typing import Any

import numpy as np

import utils
from convnet.network import Sequential
from convnet.optimisers import Optimiser
from lab.expect import expect_in
from lab.trainings import History
from task3 import accuracy
from trainer import BaseTrainer


class NetworkTrainer(BaseTrainer):
    """Trains a `Sequential` on a split X_train, Y_train, X_val, Y_val.

    options: those of `BaseTrainer`. The training accuracy is that of as many training examples as
    there are to validate on.
    """

    model: Sequential

    def __init__(
        self,
        model: Sequential,
        optimiser: Optimiser,
        batch_size: int,
        shuffle_dataset: bool,
        *split: np.ndarray,
        **options: Any,
    ) -> None:
        self.optimiser = optimiser
        rate = optimiser.learning_rate
        super().__init__(model, rate, batch_size, shuffle_dataset, *split, **options)

    @property
    def learning_rate(self) -> float:
        """That of the optimiser."""
        return self.optimiser.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate: float) -> None:
        expect_in("[0, inf)", learning_rate=learning_rate)
        self.optimiser.learning_rate = learning_rate

    def train(self, num_epochs: int) -> tuple[History, History]:
        """Train as `BaseTrainer` does; the optimiser forgets earlier steps."""
        self.optimiser.reset()
        return super().train(num_epochs)

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        """Take one step of the optimiser; return the loss of the batch before it."""
        self.model.training = True
        try:
            outputs = self.model.forward(X_batch)
            self.model.backward(X_batch, outputs, Y_batch)
        finally:
            self.model.training = False
        self.optimiser.step(self.model)
        return self.model.loss.value(outputs, Y_batch)

    def validation_step(self) -> tuple[float, float, float]:
        """Return the validation loss, the training accuracy and the validation accuracy."""
        outputs = utils.predict(self.model, self.X_val)
        few = slice(len(self.X_val))
        return (
            self.model.loss.value(outputs, self.Y_val),
            accuracy(self.Y_train[few], utils.predict(self.model, self.X_train[few])),
            accuracy(self.Y_val, outputs),
        )
