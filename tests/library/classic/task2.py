"""Training logistic regression, as a student of the course would write it."""

import matplotlib.pyplot as plt
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


def main():
    X_train, Y_train, X_val, Y_val = utils.load_binary_dataset(2, 3)
    X_train = pre_process_images(X_train)
    X_val = pre_process_images(X_val)
    trainer = LogisticTrainer(BinaryModel(), 0.05, 128, False, X_train, Y_train, X_val, Y_val)
    train_history, val_history = trainer.train(500)
    utils.plot_loss(train_history["loss"], "Training Loss", npoints_to_average=10)
    utils.plot_loss(val_history["loss"], "Validation Loss")
    plt.ylim([0.0, 0.2])
    plt.savefig("task2b_binary_train_loss.png")


if __name__ == "__main__":
    main()
