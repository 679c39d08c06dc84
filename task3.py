"""Tasks 3b to 4e: softmax regression on the ten digits, the study of lambda, and the figures."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

import utils
from lab import figures
from lab.assignment import CONFUSION, FIGURES, MISTAKES
from lab.expect import expect_same_shape
from lab.gradient import check_gradient
from lab.jobs import train_all
from lab.protocols import Model
from lab.results import expect_writable, publish, title
from lab.script import load_data, parse_options, run_script
from lab.trainings import Training, fit
from task2a import pre_process_images
from task3a import SoftmaxModel, cross_entropy_loss, one_hot_encode
from trainer import BaseTrainer

LEARNING_RATE = 0.01
BATCH_SIZE = 128
LAMBDAS = (0, 0.001, 0.01, 0.1, 1)
LABEL = "lambda {:g}"  # of a training, in results.json and on the terminal


def accuracy(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute the fraction of right predictions; a prediction is the class of the largest yhat_k.

    targets: one-hot labels (N, K). outputs: yhat (N, K).
    """
    expect_same_shape(targets=targets, outputs=outputs)
    return float(np.mean(outputs.argmax(axis=1) == targets.argmax(axis=1)))


def calculate_accuracy(X: np.ndarray, targets: np.ndarray, model: Model) -> float:
    """Compute the accuracy of a model on inputs X (N, 785) with one-hot labels (N, 10)."""
    return accuracy(targets, utils.predict(model, X))


class SoftmaxTrainer(BaseTrainer):
    """Trains a `SoftmaxModel`."""

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        """Take the step w <- w - learning_rate dJ/dw; return the loss C of the batch before it."""
        outputs = self.model.forward(X_batch)
        self.model.backward(X_batch, outputs, Y_batch)
        self.model.w -= self.learning_rate * self.model.grad
        return cross_entropy_loss(Y_batch, outputs)

    def validation_step(self) -> tuple[float, float, float]:
        """Return the validation loss C, the training accuracy and the validation accuracy."""
        outputs = utils.predict(self.model, self.X_val)
        return (
            cross_entropy_loss(self.Y_val, outputs),
            calculate_accuracy(self.X_train, self.Y_train, self.model),
            accuracy(self.Y_val, outputs),
        )


def train(
    images: utils.Split,
    l2_reg_lambda: float,
    epochs: int,
    seed: int,
    learning_rate: float = LEARNING_RATE,
    batch_size: int = BATCH_SIZE,
) -> Training:
    """Train on the images of `utils.load_full_mnist`, with the assignment's settings."""
    X_train, X_val = pre_process_images(images.X_train), pre_process_images(images.X_val)
    Y_train, Y_val = one_hot_encode(images.Y_train, 10), one_hot_encode(images.Y_val, 10)
    model, rng = SoftmaxModel(l2_reg_lambda), np.random.RandomState(seed)
    trainer = SoftmaxTrainer(
        model, learning_rate, batch_size, True, X_train, Y_train, X_val, Y_val, rng=rng
    )
    return fit(trainer, epochs)


def make_figures(
    trainings: Mapping[float, Training], images: utils.Split, data_name: str
) -> figures.Figures:
    """Draw the figures of Tasks 3b to 4e, {file name: figure}, of trainings {lambda: training}.

    Two more show the errors of the model with lambda 0 on the validation images.
    """
    on = f"({data_name})"
    weights = {f"λ = {value}": trainings[value].w[:-1].T for value in (0, 1)}
    accuracies = {f"λ = {value:g}": one.val_history["accuracy"] for value, one in trainings.items()}
    norms = {value: float(np.sum(one.w**2)) for value, one in trainings.items()}
    model = SoftmaxModel(0)
    model.w = trainings[0].w
    outputs = utils.predict(model, pre_process_images(images.X_val))
    labels = images.Y_val[:, 0]
    return {
        FIGURES["3b"]: figures.plot_training(
            trainings[0], "loss", f"Task 3b: loss of softmax regression {on}", (0.2, 0.6)
        ),
        FIGURES["3c"]: figures.plot_training(
            trainings[0], "accuracy", f"Task 3c: accuracy of softmax regression {on}", (0.89, 0.93)
        ),
        FIGURES["4b"]: figures.images(
            weights, f"Task 4b: the weights of each digit {on}", "weight", grey=True
        ),
        FIGURES["4c"]: figures.plot_curves(
            accuracies,
            f"Task 4c: validation accuracy for each λ {on}",
            "Validation accuracy",
            (0.7, 0.95),
            enlarged=True,
        ),
        FIGURES["4e"]: figures.log_points(
            norms, f"Task 4e: squared length of the weights for each λ {on}", "λ", "‖w‖²"
        ),
        CONFUSION: figures.confusion(
            labels, outputs, f"Task 3: confusion matrix of the validation set {on}"
        ),
        MISTAKES: figures.mistakes(
            images.X_val,
            labels,
            outputs,
            f"Task 3: misclassified validation images, the surest first {on}",
        ),
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Train for each lambda; write the figures and results of Tasks 3b to 4e."""
    options = parse_options(main.__doc__, argv, training=True)
    data = load_data(options)
    expect_writable("task3", data, options)
    images = utils.load_full_mnist(data)
    X, targets = pre_process_images(images.X_train[:4]), one_hot_encode(images.Y_train[:4], 10)
    error = check_gradient(SoftmaxModel(l2_reg_lambda=1), X, targets)
    print(f"Gradient check passed: relative error {error:.1e}.")
    # handed over: the processes would read the constants from the file, whatever they are here
    settings = options.epochs, options.seed, LEARNING_RATE, BATCH_SIZE
    runs = {value: partial(train, images, value, *settings) for value in LAMBDAS}
    trainings = train_all(runs, options.jobs, LABEL)
    draw = partial(make_figures, trainings, images, title(data, options))
    named = {LABEL.format(value): training for value, training in trainings.items()}
    publish("task3", data, options, named, draw)
    where = f"--out {options.out}" + f" --data-dir {options.data_dir}" * bool(options.data_dir)
    print(f"To draw digits for it and watch it learn: python -m explore {where}")


if __name__ == "__main__":
    run_script(main)
