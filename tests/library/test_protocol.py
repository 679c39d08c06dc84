"""Trainings and figures are those that the assignment asks for; MNIST and its stand-in learn."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

import digits
import task2
import task3
import utils
from digits.synthetic import synthetic_digits
from lab.assignment import CONFUSION, FIGURES, MISTAKES
from lab.trainings import Training
from task2a import pre_process_images
from task3a import SoftmaxModel, one_hot_encode
from trainer import BaseTrainer

RNG = np.random.default_rng(0)


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> list[BaseTrainer]:
    """The trainers that task2 and task3 make, which do not train."""
    made: list[BaseTrainer] = []
    for script in (task2, task3):
        monkeypatch.setattr(script, "fit", lambda trainer, epochs: made.append(trainer))
    return made


def some_images(classes: int) -> utils.Split:
    X, Y = RNG.integers(0, 256, (140, 784)), RNG.integers(0, classes, (140, 1))
    return utils.Split(X[:130], Y[:130], X[130:], Y[130:])


def expect_data_and_seed(trainer: BaseTrainer, split: Sequence[np.ndarray], seed: int) -> None:
    got = trainer.X_train, trainer.Y_train, trainer.X_val, trainer.Y_val
    for array, expected in zip(got, split, strict=True):
        np.testing.assert_array_equal(array, expected)
    assert trainer.rng is not None
    assert (
        trainer.rng.permutation(99).tolist() == np.random.RandomState(seed).permutation(99).tolist()
    )


def settings_of(trainer: BaseTrainer) -> tuple[object, ...]:
    return trainer.learning_rate, trainer.batch_size, trainer.shuffle_dataset, trainer.patience


def test_task_2_trains_on_its_images_with_the_settings_of_the_assignment(
    trainers: list[BaseTrainer],
) -> None:
    images = some_images(2)
    task2.train(images, False, 1, 4)
    task2.train(images, True, 1, 5, learning_rate=1, batch_size=64)
    assert [settings_of(trainer) for trainer in trainers] == [
        (0.05, 128, False, 10),
        (1, 64, True, 10),
    ]
    X_train, Y_train, X_val, Y_val = images
    inputs = pre_process_images(X_train), Y_train, pre_process_images(X_val), Y_val
    for trainer, seed in zip(trainers, (4, 5), strict=True):
        expect_data_and_seed(trainer, inputs, seed)


def test_task_3_trains_on_its_images_with_the_settings_of_the_assignment(
    trainers: list[BaseTrainer],
) -> None:
    images = some_images(10)
    task3.train(images, 0, 1, 4)
    task3.train(images, 0.5, 1, 5, learning_rate=1, batch_size=64)
    assert [settings_of(trainer) for trainer in trainers] == [
        (0.01, 128, True, 10),
        (1, 64, True, 10),
    ]
    X_train, Y_train, X_val, Y_val = images
    train = pre_process_images(X_train), one_hot_encode(Y_train, 10)
    val = pre_process_images(X_val), one_hot_encode(Y_val, 10)
    for trainer, seed, l2_reg_lambda in zip(trainers, (4, 5), (0, 0.5), strict=True):
        expect_data_and_seed(trainer, (*train, *val), seed)
        assert isinstance(trainer.model, SoftmaxModel)
        assert trainer.model.l2_reg_lambda == l2_reg_lambda
    assert task3.LAMBDAS == (0, 0.001, 0.01, 0.1, 1)


def a_training(number: int, w: np.ndarray) -> Training:
    """A training of one step, whose losses and accuracies are number.1, .2, .3 and .4."""
    train = {"loss": {0: number + 0.1}, "accuracy": {0: number + 0.3}}
    val = {"loss": {0: number + 0.2}, "accuracy": {0: number + 0.4}}
    return Training(w, train, val, 1, 1, 1)


def curves(figure: Figure) -> dict[object, float]:
    """{label of a curve: its value}."""
    assert "(data)" in figure.axes[0].get_title()
    return {line.get_label(): np.asarray(line.get_ydata()).item() for line in figure.axes[0].lines}


def test_the_figures_of_task_2_show_the_curves_that_they_name() -> None:
    drawn = task2.make_figures(*(a_training(i, np.zeros((785, 1))) for i in (0, 1)), "data")
    assert list(drawn) == [FIGURES[task] for task in ("2b", "2c", "2e")]
    loss, accuracy, orders = map(curves, drawn.values())
    assert loss == {"Training loss": 0.1, "Validation loss": 0.2}
    assert accuracy == {"Training accuracy": 0.3, "Validation accuracy": 0.4}
    assert orders == {"Without shuffling": 0.4, "With shuffling": 1.4}


def test_the_figures_of_tasks_3_and_4_show_what_they_name() -> None:
    weights = {value: np.full((785, 10), float(value)) for value in task3.LAMBDAS}
    weights[0][0, 3], weights[0][-1, 5] = 1, 0.5  # a 3 where the first pixel is bright, or else a 5
    trainings = {value: a_training(i, w) for i, (value, w) in enumerate(weights.items())}
    X_val = np.zeros((2, 784), np.uint8)
    X_val[0, 0], X_val[1, 300] = 255, 200
    images = utils.Split(255 - X_val, np.array([[0], [0]]), X_val, np.array([[3], [4]]))
    drawn = task3.make_figures(trainings, images, "data")
    assert list(drawn) == [
        *(FIGURES[task] for task in ("3b", "3c", "4b", "4c", "4e")),
        CONFUSION,
        MISTAKES,
    ]
    loss, accuracy, of_weights, of_lambdas, lengths, confusion, mistakes = drawn.values()
    assert curves(loss) == {"Training loss": 0.1, "Validation loss": 0.2}
    assert curves(accuracy) == {"Training accuracy": 0.3, "Validation accuracy": 0.4}
    assert curves(of_lambdas) == {
        f"λ = {value}": i + 0.4 for i, value in enumerate((0, 0.001, 0.01, 0.1, 1))
    }
    for ax, value in zip(of_weights.axes, (0, 1), strict=False):
        assert ax.get_ylabel() == f"λ = {value}"
        row = ax.images[0].get_array()
        assert row is not None
        np.testing.assert_array_equal(row[:, 90:118].ravel(), weights[value][:-1, 3])
    (ax,) = lengths.axes
    assert [label.get_text() for label in ax.get_xticklabels()] == [f"{x:g}" for x in weights]
    heights = [bar.get_height() for bar in ax.patches]  # type: ignore[attr-defined]
    np.testing.assert_allclose(heights, [np.sum(w**2) for w in weights.values()])
    counts = {
        text.get_position()[::-1] for text in confusion.axes[0].texts if text.get_text() == "1"
    }
    assert counts == {(3, 3), (4, 5)}
    (ax,) = mistakes.axes
    assert [text.get_text()[:13] for text in ax.texts] == ["4 taken for 5"]
    page = ax.images[0].get_array()
    assert page is not None
    np.testing.assert_array_equal(page[7:35, 4:32].ravel(), X_val[1])


@pytest.fixture(scope="module")
def mnist(mnist_folder: Path) -> digits.Digits:
    return digits.load("mnist", mnist_folder)


@pytest.mark.mnist
@pytest.mark.parametrize(
    ("shuffle", "stop", "val_loss"),
    [(False, (33, 1038, 978), 0.0656905), (True, (16, 522, 462), 0.0708917)],
)
def test_on_mnist_task_2_stops_where_the_assignment_has_it(
    mnist: digits.Digits, shuffle: bool, stop: tuple[int, int, int], val_loss: float
) -> None:
    images = utils.load_binary_dataset(2, 3, mnist)
    assert (len(images.X_train), len(images.X_val)) == (4005, 2042)
    training = task2.train(images, shuffle, epochs=500, seed=0)
    assert (training.epoch, training.step, training.best.step) == stop
    assert training.best.val_loss == pytest.approx(val_loss, abs=1e-6)


@pytest.mark.mnist
def test_on_mnist_lambda_1_stops_in_epoch_3_with_less_accuracy(mnist: digits.Digits) -> None:
    training = task3.train(utils.load_full_mnist(mnist), 1, epochs=10, seed=0)
    assert (training.stopped_by, training.epoch) == ("early stopping", 3)
    assert training.best.val_loss == pytest.approx(1.296, abs=0.001)
    assert training.best.val_accuracy == pytest.approx(0.824, abs=0.003)


def test_synthetic_digits_stand_in_for_mnist() -> None:
    images, labels = synthetic_digits(4000)
    train, test = slice(3000), slice(3000, None)
    data = digits.Digits("synthetic", images[train], labels[train], images[test], labels[test])
    binary = task2.train(utils.load_binary_dataset(2, 3, data), True, epochs=100, seed=0)
    assert binary.stopped_by == "early stopping"
    assert binary.best.val_accuracy > 0.96
    split = utils.load_full_mnist(data)
    plain, regularised = (task3.train(split, value, epochs=20, seed=0) for value in (0, 1))
    assert 0.84 < plain.best.val_accuracy < 0.9
    assert regularised.stopped_by == "early stopping"
    assert regularised.best.val_accuracy < plain.best.val_accuracy - 0.05
