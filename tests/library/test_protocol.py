"""The trainings of the assignment: their settings, and where they stop on MNIST."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import digits
import task2
import task3
import utils
from digits.synthetic import synthetic_digits
from task2a import pre_process_images


@pytest.mark.parametrize(
    ("script", "choice", "learning_rate", "encode"),
    [
        (task2, False, 0.05, lambda Y: Y),
        (task2, True, 0.05, lambda Y: Y),
        (task3, 0, 0.01, lambda Y: np.eye(10)[Y[:, 0]]),
        (task3, 0.5, 0.01, lambda Y: np.eye(10)[Y[:, 0]]),
    ],
)
def test_a_training_has_its_images_and_seed_and_the_settings_of_the_assignment(
    monkeypatch: pytest.MonkeyPatch,
    script: Any,
    choice: float,
    learning_rate: float,
    encode: Callable[[np.ndarray], np.ndarray],
) -> None:
    """The choice is of shuffling in Task 2 and of lambda in Task 3, which always shuffles."""
    monkeypatch.setattr(script, "fit", lambda trainer, epochs: trainer)
    rng = np.random.default_rng(0)
    X, Y = rng.integers(0, 256, (140, 784)), rng.integers(0, 2, (140, 1))
    images = utils.Split(X[:130], Y[:130], X[130:], Y[130:])
    usual = script.train(images, choice, 1, 4)
    other = script.train(images, choice, 1, 5, learning_rate=1, batch_size=64)
    assert (usual.learning_rate, usual.batch_size, usual.patience) == (learning_rate, 128, 10)
    assert (other.learning_rate, other.batch_size, other.patience) == (1, 64, 10)
    inputs, targets = pre_process_images(X), encode(Y)
    for trainer, seed in ((usual, 4), (other, 5)):
        assert trainer.shuffle_dataset == (script is task3 or choice)
        assert script is task2 or trainer.model.l2_reg_lambda == choice
        np.testing.assert_array_equal(np.r_[trainer.X_train, trainer.X_val], inputs)
        np.testing.assert_array_equal(np.r_[trainer.Y_train, trainer.Y_val], targets)
        assert (len(trainer.X_train), len(trainer.Y_train)) == (130, 130)
        expected = np.random.RandomState(seed).permutation(99)
        np.testing.assert_array_equal(trainer.rng.permutation(99), expected)


@pytest.mark.parametrize(
    ("script", "classes", "trainings"),
    [
        (
            task2,
            2,
            {
                "2b-d, no shuffling": (False, 2, 7, 0.05, 128),
                "2e, shuffling": (True, 2, 7, 0.05, 128),
            },
        ),
        (task3, 10, {f"lambda {x}": (x, 2, 7, 0.01, 128) for x in (0, 0.001, 0.01, 0.1, 1)}),
    ],
)
def test_a_script_trains_as_it_names_its_trainings_with_the_options_given(
    monkeypatch: pytest.MonkeyPatch,
    tiny_digits: digits.Digits,
    tmp_path: Path,
    script: Any,
    classes: int,
    trainings: dict[str, tuple[object, ...]],
) -> None:
    def train(images: utils.Split, *settings: object) -> tuple[object, ...]:
        assert len(np.unique(images.Y_train)) == classes
        return settings

    published: list[object] = []
    monkeypatch.setattr(digits, "load", lambda *options: tiny_digits)
    monkeypatch.setattr(script, "train", train)
    monkeypatch.setattr(script, "make_figures", lambda *arguments: {})
    monkeypatch.setattr(script, "publish", lambda *arguments: published.append(arguments[3]))
    script.main(["--epochs", "2", "--seed", "7", "--jobs", "1", "--out", str(tmp_path)])
    assert published == [trainings]


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
