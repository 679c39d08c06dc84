"""The trainings of the assignment: their settings, and where they stop on MNIST."""

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
from tests.library.conftest import Patch


@pytest.mark.parametrize(("script", "choice"), [(task2, False), (task2, True), (task3, 0.5)])
def test_a_training_has_its_images_its_seed_and_the_settings_of_the_assignment(
    monkeypatch: Patch, script: Any, choice: float
) -> None:
    """The choice is of shuffling in Task 2 and of lambda in Task 3, which always shuffles."""
    monkeypatch.setattr(script, "fit", lambda trainer, epochs: trainer)
    rng = np.random.default_rng(0)
    X, Y = rng.integers(0, 256, (140, 784)), rng.integers(0, 2, (140, 1))
    images = utils.Split(X[:130], Y[:130], X[130:], Y[130:])
    trainer = script.train(images, choice, epochs=1, seed=4)
    rate = 0.05 if script is task2 else 0.01
    assert (trainer.learning_rate, trainer.batch_size, trainer.patience) == (rate, 128, 10)
    assert trainer.shuffle_dataset == (script is task3 or choice)
    assert script is task2 or trainer.model.l2_reg_lambda == choice
    targets = Y if script is task2 else np.eye(10)[Y[:, 0]]
    np.testing.assert_array_equal(trainer.X_train, pre_process_images(X[:130]))
    np.testing.assert_array_equal(trainer.X_val, pre_process_images(X[130:]))
    np.testing.assert_array_equal(trainer.Y_train, targets[:130])
    np.testing.assert_array_equal(trainer.Y_val, targets[130:])
    order = np.random.RandomState(4).permutation(99)
    np.testing.assert_array_equal(trainer.rng.permutation(99), order)
    other = script.train(images, choice, 1, 4, learning_rate=1, batch_size=64)
    assert (other.learning_rate, other.batch_size) == (1, 64)


@pytest.mark.mnist
def test_on_mnist_trainings_stop_where_the_assignment_has_it(mnist_folder: Path) -> None:
    mnist = digits.load("mnist", mnist_folder)
    images = utils.load_binary_dataset(2, 3, mnist)
    assert (len(images.X_train), len(images.X_val)) == (4005, 2042)
    for shuffle, stop, val_loss in (
        (False, (33, 1038, 978), 0.0656905),
        (True, (16, 522, 462), 0.0708917),
    ):
        binary = task2.train(images, shuffle, epochs=500, seed=0)
        assert (binary.epoch, binary.step, binary.best.step) == stop
        assert binary.best.val_loss == pytest.approx(val_loss, abs=1e-6)
    softmax = task3.train(utils.load_full_mnist(mnist), 1, epochs=10, seed=0)  # lambda 1
    assert (softmax.stopped_by, softmax.epoch) == ("early stopping", 3)
    assert softmax.best.val_loss == pytest.approx(1.296, abs=0.001)
    assert softmax.best.val_accuracy == pytest.approx(0.824, abs=0.003)


def test_synthetic_digits_stand_in_for_mnist() -> None:
    images, labels = synthetic_digits(4000)
    data = digits.Digits("synthetic", images[:3000], labels[:3000], images[3000:], labels[3000:])
    binary = task2.train(utils.load_binary_dataset(2, 3, data), True, epochs=100, seed=0)
    assert binary.stopped_by == "early stopping"
    assert binary.best.val_accuracy > 0.96
    softmax = task3.train(utils.load_full_mnist(data), 0, epochs=20, seed=0)
    assert 0.84 < softmax.best.val_accuracy < 0.9
