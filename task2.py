"""Tasks 2b to 2e: logistic regression on the digits 2 and 3, and its figures."""

from collections.abc import Sequence
from functools import partial

import numpy as np

import utils
from lab import figures
from lab.assignment import FIGURES
from lab.expect import expect_same_shape
from lab.gradient import check_gradient
from lab.jobs import train_all
from lab.protocols import Model
from lab.results import expect_writable, publish, title
from lab.script import load_data, parse_options, run_script
from lab.trainings import Training, fit
from task2a import BinaryModel, cross_entropy_loss, pre_process_images
from trainer import BaseTrainer

LEARNING_RATE = 0.05
BATCH_SIZE = 128


def accuracy(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute the fraction of right predictions; a prediction is 1 if yhat >= 0.5, else 0.

    targets: labels (N, 1). outputs: yhat (N, 1).
    """
    expect_same_shape(targets=targets, outputs=outputs)
    return float(np.mean((outputs >= 0.5) == targets))


def calculate_accuracy(X: np.ndarray, targets: np.ndarray, model: Model) -> float:
    """Compute the accuracy of a model on inputs X (N, 785) with labels (N, 1)."""
    return accuracy(targets, utils.predict(model, X))


class LogisticTrainer(BaseTrainer):
    """Trains a `BinaryModel`."""

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        """Take the step w <- w - learning_rate dC/dw; return the loss C of the batch before it."""
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


def train(
    images: utils.Split,
    shuffle: bool,
    epochs: int,
    seed: int,
    learning_rate: float = LEARNING_RATE,
    batch_size: int = BATCH_SIZE,
) -> Training:
    """Train on the images of `utils.load_binary_dataset`, with the assignment's settings.

    seed: of the shuffling; with 0, training stops in epoch 16, as in the assignment.
    """
    X_train, X_val = pre_process_images(images.X_train), pre_process_images(images.X_val)
    Y_train, Y_val = images.Y_train, images.Y_val
    model, rng = BinaryModel(), np.random.RandomState(seed)
    trainer = LogisticTrainer(
        model, learning_rate, batch_size, shuffle, X_train, Y_train, X_val, Y_val, rng=rng
    )
    return fit(trainer, epochs)


def make_figures(in_order: Training, shuffled: Training, data_name: str) -> figures.Figures:
    """Draw the figures of Tasks 2b, 2c and 2e, {file name: figure}, after both trainings."""
    regression = f"logistic regression, 2 against 3 ({data_name})"
    title = f"Task 2e: validation accuracy with and without shuffling ({data_name})"
    orders = {"Without shuffling": in_order, "With shuffling": shuffled}
    curves = {label: training.val_history["accuracy"] for label, training in orders.items()}
    return {
        FIGURES["2b"]: figures.plot_training(
            in_order, "loss", f"Task 2b: loss of {regression}", ylim=(0, 0.2)
        ),
        FIGURES["2c"]: figures.plot_training(
            in_order, "accuracy", f"Task 2c: accuracy of {regression}", ylim=(0.93, 0.99)
        ),
        FIGURES["2e"]: figures.plot_curves(curves, title, "Validation accuracy", ylim=(0.93, 0.99)),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Train with and without shuffling; write the figures and results of Tasks 2b to 2e."""
    options = parse_options(main.__doc__, argv, training=True)
    data = load_data(options)
    expect_writable("task2", data, options)
    images = utils.load_binary_dataset(2, 3, data)
    X, Y = pre_process_images(images.X_train[:4]), images.Y_train[:4]
    error = check_gradient(BinaryModel(), X, Y)
    print(f"Gradient check passed: relative error {error:.1e}.")
    # handed over: the processes would read the constants from the file, whatever they are here
    settings = options.epochs, options.seed, LEARNING_RATE, BATCH_SIZE
    runs = {
        "2b-d, no shuffling": partial(train, images, False, *settings),
        "2e, shuffling": partial(train, images, True, *settings),
    }
    trainings = train_all(runs, options.jobs)
    in_order, shuffled = trainings.values()
    draw = partial(make_figures, in_order, shuffled, title(data, options))
    publish("task2", data, options, trainings, draw)


if __name__ == "__main__":
    run_script(main)
