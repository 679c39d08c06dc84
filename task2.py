"""Tasks 2b to 2e: logistic regression on the digits 2 and 3, and its figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

import utils
from lab.expect import expect_same_shape
from lab.results import expect_writable, publish
from lab.script import load_data, parse_options, run_script
from task2a import BinaryModel, cross_entropy_loss, pre_process_images
from trainer import BaseTrainer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEARNING_RATE = 0.05
BATCH_SIZE = 128


def accuracy(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute the fraction of predictions that are right; a prediction is 1 if yhat >= 0.5.

    Args:
        targets: labels (N, 1), 0 or 1.
        outputs: yhat (N, 1).

    Raises:
        ValueError: if the shapes differ.
    """
    expect_same_shape(targets=targets, outputs=outputs)
    return float(np.mean((outputs >= 0.5) == targets))


def calculate_accuracy(X: np.ndarray, targets: np.ndarray, model: BinaryModel) -> float:
    """Compute the accuracy of a model on a data set.

    Args:
        X: inputs (N, 785).
        targets: labels (N, 1), 0 or 1.
        model: the model.

    Returns:
        The fraction of right predictions, in [0, 1].

    Raises:
        ValueError: if the shapes do not belong together.
    """
    return accuracy(targets, utils.predict(model, X))


class LogisticTrainer(BaseTrainer):
    """Trains a `BinaryModel`."""

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        """Do one step of gradient descent on a batch, w <- w - learning_rate dC/dw.

        Args:
            X_batch: inputs (N, 785).
            Y_batch: targets (N, 1).

        Returns:
            The loss of the batch, before the step.
        """
        outputs = self.model.forward(X_batch)
        self.model.backward(X_batch, outputs, Y_batch)
        self.model.w -= self.learning_rate * self.model.grad
        return cross_entropy_loss(Y_batch, outputs)

    def validation_step(self) -> tuple[float, float, float]:
        """Return the validation loss, the training accuracy and the validation accuracy."""
        outputs = utils.predict(self.model, self.X_val)
        return (
            cross_entropy_loss(self.Y_val, outputs),
            calculate_accuracy(self.X_train, self.Y_train, self.model),
            accuracy(self.Y_val, outputs),
        )


def train(split: utils.Split, shuffle: bool, epochs: int, seed: int) -> LogisticTrainer:
    """Train a new model by the assignment's protocol.

    Args:
        split: X_train, Y_train, X_val, Y_val, inputs pre-processed.
        shuffle: whether every epoch takes the examples in a new order.
        epochs: at most so many.
        seed: of the shuffling. RandomState(0) replays the published stop in epoch 16.

    Returns:
        The trainer, with its histories, its model and why it stopped.
    """
    rng = np.random.RandomState(seed)
    trainer = LogisticTrainer(BinaryModel(), LEARNING_RATE, BATCH_SIZE, shuffle, *split, rng=rng)
    trainer.train(epochs)
    return trainer


def make_figures(in_order: BaseTrainer, shuffled: BaseTrainer, data_name: str) -> dict[str, Figure]:
    """Draw the figures of Tasks 2b, 2c and 2e.

    Args:
        in_order: trained without shuffling.
        shuffled: trained with it.
        data_name: for the titles.

    Returns:
        {file name: figure}.
    """
    train_history, val_history = in_order.train_history, in_order.val_history
    return {
        "task2b_binary_train_loss.png": utils.plot_histories(
            {"Training loss": train_history["loss"], "Validation loss": val_history["loss"]},
            f"Task 2b: loss of logistic regression, 2 against 3 ({data_name})",
            "Cross-entropy loss",
            (0, 0.2),
            averaged="Training loss",
        ),
        "task2b_binary_train_accuracy.png": utils.plot_histories(
            {
                "Training accuracy": train_history["accuracy"],
                "Validation accuracy": val_history["accuracy"],
            },
            f"Task 2c: accuracy of logistic regression, 2 against 3 ({data_name})",
            "Accuracy",
            (0.93, 0.99),
        ),
        "task2e_train_accuracy_shuffle_difference.png": utils.plot_histories(
            {
                "Without shuffling": val_history["accuracy"],
                "With shuffling": shuffled.val_history["accuracy"],
            },
            f"Task 2e: validation accuracy with and without shuffling ({data_name})",
            "Validation accuracy",
            (0.93, 0.99),
        ),
    }


def main() -> None:
    """Train with and without shuffling; write the figures and results of Tasks 2b to 2e."""
    options = parse_options(main.__doc__, training=True)
    expect_writable(options.out)
    data = load_data(options)
    X_train, Y_train, X_val, Y_val = utils.load_binary_dataset(2, 3, data)
    split = pre_process_images(X_train), Y_train, pre_process_images(X_val), Y_val
    in_order = train(split, shuffle=False, epochs=options.epochs, seed=options.seed)
    shuffled = train(split, shuffle=True, epochs=options.epochs, seed=options.seed)
    trainers = {"2b-d, no shuffling": in_order, "2e, shuffling": shuffled}
    publish("task2", data, options, trainers, make_figures(in_order, shuffled, data.name))


if __name__ == "__main__":
    run_script(main)
