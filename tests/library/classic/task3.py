"""Training softmax regression, as a student of the course would write it."""

import matplotlib.pyplot as plt
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


def main():
    X_train, Y_train, X_val, Y_val = utils.load_full_mnist()
    X_train, X_val = pre_process_images(X_train), pre_process_images(X_val)
    Y_train, Y_val = one_hot_encode(Y_train, 10), one_hot_encode(Y_val, 10)
    trainer = SoftmaxTrainer(SoftmaxModel(0), 0.01, 128, True, X_train, Y_train, X_val, Y_val)
    train_history, val_history = trainer.train(50)
    utils.plot_loss(train_history["loss"], "Training Loss", npoints_to_average=10)
    utils.plot_loss(val_history["loss"], "Validation Loss")
    plt.ylim([0.2, 0.6])
    plt.savefig("task3b_softmax_train_loss.png")


if __name__ == "__main__":
    main()
