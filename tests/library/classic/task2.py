"""Training logistic regression, as a student of the course would write it."""

# ruff: noqa: F401 - some names are those of main(), which is left out

import numpy as np

import utils
from task2a import BinaryModel, cross_entropy_loss, pre_process_images
from trainer import BaseTrainer

np.random.seed(0)


def calculate_accuracy(X: np.ndarray, targets: np.ndarray, model: BinaryModel) -> float:
    correct = 0
    for x, target in zip(X, targets, strict=True):
        output = model.forward(x.reshape(1, -1))[0, 0]
        prediction = 1 if output >= 0.5 else 0
        if prediction == target[0]:
            correct += 1
    return correct / len(X)


class LogisticTrainer(BaseTrainer):
    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray):
        self.model.zero_grad()
        outputs = self.model.forward(X_batch)
        self.model.backward(X_batch, outputs, Y_batch)
        self.model.w = self.model.w - self.learning_rate * self.model.grad
        return cross_entropy_loss(Y_batch, self.model.forward(X_batch))

    def validation_step(self):
        loss = cross_entropy_loss(self.Y_val, self.model.forward(self.X_val))
        accuracy_train = calculate_accuracy(self.X_train, self.Y_train, self.model)
        accuracy_val = calculate_accuracy(self.X_val, self.Y_val, self.model)
        return loss, accuracy_train, accuracy_val
