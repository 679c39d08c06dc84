"""The assignment's protocol, on the real MNIST and on the synthetic digits that stand in for it."""

from __future__ import annotations

from pathlib import Path

import pytest

import digits
import task2
import task3
import utils
from digits.synthetic import synthetic_digits
from lab.trainings import Training


@pytest.fixture(scope="module")
def mnist(mnist_folder: Path) -> digits.Digits:
    return digits.load("mnist", mnist_folder)


@pytest.fixture(scope="module")
def mnist_binary(mnist: digits.Digits) -> utils.Split:
    return utils.load_binary_dataset(2, 3, mnist)


@pytest.fixture(scope="module")
def mnist_full(mnist: digits.Digits) -> utils.Split:
    return utils.load_full_mnist(mnist)


@pytest.fixture(scope="module")
def synthetic() -> digits.Digits:
    images, labels = synthetic_digits(30_000)
    train, test = slice(20_000), slice(20_000, None)
    return digits.Digits("synthetic", images[train], labels[train], images[test], labels[test])


def accuracies(training: Training, step: int) -> tuple[float, float]:
    """The training and the validation accuracy at a validation."""
    return training.train_history["accuracy"][step], training.val_history["accuracy"][step]


@pytest.mark.mnist
def test_two_against_three_is_4005_images_to_train_on_and_2042_to_validate(
    mnist_binary: utils.Split,
) -> None:
    assert (len(mnist_binary.X_train), len(mnist_binary.X_val)) == (4005, 2042)


@pytest.mark.mnist
def test_without_shuffling_task_2_stops_in_epoch_33(mnist_binary: utils.Split) -> None:
    training = task2.train(mnist_binary, shuffle=False, epochs=500, seed=0)
    assert training.stopped_by == "early stopping"
    assert (training.epoch, training.step, training.best.step) == (33, 1038, 978)
    assert training.best.val_loss == pytest.approx(0.0656905, abs=1e-6)
    assert accuracies(training, 1038) == pytest.approx((0.97578, 0.97943), abs=1e-5)


@pytest.mark.mnist
@pytest.mark.parametrize(("seed", "epoch"), [(0, 16), (1, 31), (2, 24), (3, 31), (4, 12), (5, 21)])
def test_with_shuffling_task_2_stops_where_the_seed_has_it(
    mnist_binary: utils.Split, seed: int, epoch: int
) -> None:
    training = task2.train(mnist_binary, shuffle=True, epochs=500, seed=seed)
    assert training.epoch == epoch
    if seed == 0:
        assert (training.step, training.best.step) == (522, 462)
        assert training.best.val_loss == pytest.approx(0.0708917, abs=1e-6)


@pytest.mark.mnist
def test_task_3_stops_in_about_epoch_52(mnist_full: utils.Split) -> None:
    training = task3.train(mnist_full, l2_reg_lambda=0, epochs=500, seed=0)
    assert training.epoch == pytest.approx(52, abs=1)
    assert training.best.val_loss == pytest.approx(0.298, abs=0.001)
    last = max(training.val_history["accuracy"])
    assert accuracies(training, last) == pytest.approx((0.922, 0.915), abs=0.001)


@pytest.mark.mnist
def test_lambda_1_stops_early_and_costs_accuracy(mnist_full: utils.Split) -> None:
    training = task3.train(mnist_full, l2_reg_lambda=1, epochs=500, seed=0)
    assert training.epoch in range(2, 9)
    assert training.best.val_accuracy == pytest.approx(0.82, abs=0.02)


@pytest.mark.parametrize("shuffle", [False, True])
def test_synthetic_digits_stand_in_for_mnist_in_task_2(
    synthetic: digits.Digits, shuffle: bool
) -> None:
    training = task2.train(utils.load_binary_dataset(2, 3, synthetic), shuffle, epochs=100, seed=0)
    assert training.stopped_by == "early stopping"
    assert 0.96 <= training.best.val_accuracy <= 0.985


def test_synthetic_digits_stand_in_for_mnist_in_tasks_3_and_4(synthetic: digits.Digits) -> None:
    images = utils.load_full_mnist(synthetic)
    plain, regularised = (task3.train(images, value, epochs=100, seed=0) for value in (0, 1))
    assert plain.stopped_by == regularised.stopped_by == "early stopping"
    assert 0.89 <= plain.best.val_accuracy <= 0.93
    assert plain.best.train_accuracy > plain.best.val_accuracy
    assert regularised.best.val_accuracy < plain.best.val_accuracy - 0.05
