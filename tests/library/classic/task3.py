"""Training softmax regression, as a student of the course would write it."""

# ruff: noqa: F401 - some names are those of main(), which is left out

import numpy as np

import utils
from task2a import pre_process_images
from task3a import SoftmaxModel, cross_entropy_loss, one_hot_encode
from trainer import BaseTrainer

np.random.seed(0)


def calculate_accuracy(X: np.ndarray, targets: np.ndarray, model: SoftmaxModel) -> float:
    predictions = np.argmax(model.forward(X), axis=1)
    return np.sum(predictions == np.argmax(targets, axis=1)) / X.shape[0]


class SoftmaxTrainer(BaseTrainer):
    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray):
        outputs = self.model.forward(X_batch)
        self.model.backward(X_batch, outputs, Y_batch)
        self.model.w -= self.model.grad * self.learning_rate
        return cross_entropy_loss(Y_batch, outputs)

    def validation_step(self):
        loss = cross_entropy_loss(self.Y_val, self.model.forward(self.X_val))
        accuracy_train = calculate_accuracy(self.X_train, self.Y_train, self.model)
        accuracy_val = calculate_accuracy(self.X_val, self.Y_val, self.model)
        return loss, accuracy_train, accuracy_val
