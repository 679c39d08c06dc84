"""Tasks 3b to 4e: softmax regression on the ten digits, the study of lambda, and the figures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

import utils
from lab import figures
from lab.expect import expect_same_shape
from lab.results import expect_writable, publish
from lab.script import load_data, parse_options, run_script
from task2a import pre_process_images
from task3a import SoftmaxModel, cross_entropy_loss, one_hot_encode
from trainer import BaseTrainer

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEARNING_RATE = 0.01
BATCH_SIZE = 128
LAMBDAS = (0, 0.001, 0.01, 0.1, 1)


def accuracy(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute the fraction of predictions that are right; a prediction is the largest yhat_k.

    Args:
        targets: one-hot labels (N, K).
        outputs: yhat (N, K).

    Raises:
        ValueError: if the shapes differ.
    """
    expect_same_shape(targets=targets, outputs=outputs)
    return float(np.mean(outputs.argmax(axis=1) == targets.argmax(axis=1)))


def calculate_accuracy(X: np.ndarray, targets: np.ndarray, model: SoftmaxModel) -> float:
    """Compute the accuracy of a model on a data set.

    Args:
        X: inputs (N, 785).
        targets: one-hot labels (N, 10).
        model: the model.

    Returns:
        The fraction of right predictions, in [0, 1].

    Raises:
        ValueError: if the shapes do not belong together.
    """
    return accuracy(targets, utils.predict(model, X))


class SoftmaxTrainer(BaseTrainer):
    """Trains a `SoftmaxModel`."""

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        """Do one step of gradient descent on a batch, w <- w - learning_rate dJ/dw.

        Args:
            X_batch: inputs (N, 785).
            Y_batch: one-hot targets (N, 10).

        Returns:
            The loss C of the batch, before the step.
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


def prepare(split: utils.Split) -> utils.Split:
    """Pre-process the images and one-hot encode the labels, as `utils.load_full_mnist` has them."""
    X_train, Y_train, X_val, Y_val = split
    return (
        pre_process_images(X_train),
        one_hot_encode(Y_train, 10),
        pre_process_images(X_val),
        one_hot_encode(Y_val, 10),
    )


def train(split: utils.Split, l2_reg_lambda: float, epochs: int, seed: int) -> SoftmaxTrainer:
    """Train a new model by the assignment's protocol.

    Args:
        split: X_train, Y_train, X_val, Y_val, inputs pre-processed, labels one-hot.
        l2_reg_lambda: lambda, the strength of the L2 penalty.
        epochs: at most so many.
        seed: of the shuffling.

    Returns:
        The trainer, with its histories, its model and why it stopped.
    """
    model, rng = SoftmaxModel(l2_reg_lambda), np.random.RandomState(seed)
    trainer = SoftmaxTrainer(model, LEARNING_RATE, BATCH_SIZE, True, *split, rng=rng)
    trainer.train(epochs)
    return trainer


def plot_norms(trainers: Mapping[float, BaseTrainer], title: str) -> Figure:
    """Draw the squared length of the trained weights for each lambda, on a logarithmic axis.

    Args:
        trainers: {lambda: trainer, finished}.
        title: of the figure.
    """
    fig, ax = figures.new(title, "λ", "‖w‖²")
    norms = [float(np.sum(trainer.model.w**2)) for trainer in trainers.values()]
    bars = ax.bar([f"{value:g}" for value in trainers], norms, color=figures.COLOURS[0], zorder=2)
    ax.bar_label(bars, fmt="%.3g", padding=2)
    ax.set_yscale("log")
    ax.margins(y=0.1)  # room for the largest label
    return fig


def make_figures(trainers: Mapping[float, BaseTrainer], data_name: str) -> dict[str, Figure]:
    """Draw the figures of Tasks 3b to 4e.

    Args:
        trainers: {lambda: trainer, finished}, with lambda 0 and 1 among them.
        data_name: for the titles.

    Returns:
        {file name: figure}.
    """
    train_history, val_history = trainers[0].train_history, trainers[0].val_history
    return {
        "task3b_softmax_train_loss.png": utils.plot_histories(
            {"Training loss": train_history["loss"], "Validation loss": val_history["loss"]},
            f"Task 3b: loss of softmax regression ({data_name})",
            "Cross-entropy loss",
            (0.2, 0.6),
            averaged="Training loss",
        ),
        "task3b_softmax_train_accuracy.png": utils.plot_histories(
            {
                "Training accuracy": train_history["accuracy"],
                "Validation accuracy": val_history["accuracy"],
            },
            f"Task 3c: accuracy of softmax regression ({data_name})",
            "Accuracy",
            (0.8, 0.95),
        ),
        "task4b_softmax_weight.png": figures.images(
            {f"λ = {value}": trainers[value].model.w[:-1].T for value in (0, 1)},
            f"Task 4b: the weights of each digit ({data_name})",
            "weight",
        ),
        "task4c_l2_reg_accuracy.png": utils.plot_histories(
            {f"λ = {value:g}": t.val_history["accuracy"] for value, t in trainers.items()},
            f"Task 4c: validation accuracy for each λ ({data_name})",
            "Validation accuracy",
            (0.7, 0.95),
        ),
        "task4d_l2_reg_norms.png": plot_norms(
            trainers, f"Task 4e: squared length of the weights for each λ ({data_name})"
        ),
    }


def main() -> None:
    """Train for each lambda; write the figures and results of Tasks 3b to 4e."""
    options = parse_options(main.__doc__, training=True)
    expect_writable(options.out)
    data = load_data(options)
    split = prepare(utils.load_full_mnist(data))
    trainers = {value: train(split, value, options.epochs, options.seed) for value in LAMBDAS}
    runs = {f"lambda {value:g}": trainer for value, trainer in trainers.items()}
    publish("task3", data, options, runs, make_figures(trainers, data.name))


if __name__ == "__main__":
    run_script(main)
