"""The assignment's protocol, on the real MNIST and on the synthetic digits that stand in for it."""

from __future__ import annotations

from pathlib import Path

import pytest

import digits
import task2
import task3
import utils
from digits.synthetic import synthetic_digits
from lab.trainings import Training, fit


@pytest.fixture(scope="module")
def mnist(mnist_folder: Path) -> digits.Digits:
    return digits.load("mnist", mnist_folder)


@pytest.fixture(scope="module")
def mnist_binary(mnist: digits.Digits) -> utils.Split:
    return task2.prepare(utils.load_binary_dataset(2, 3, mnist))


@pytest.fixture(scope="module")
def mnist_full(mnist: digits.Digits) -> utils.Split:
    return task3.prepare(utils.load_full_mnist(mnist))


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
    training = fit(task2.make_trainer(mnist_binary, shuffle=False, seed=0), 500)
    stop = training.stop
    assert stop.reason == "early stopping"
    assert (stop.epoch, stop.step, stop.best_step) == (33, 1038, 978)
    assert stop.best_loss == pytest.approx(0.0656905, abs=1e-6)
    assert accuracies(training, 1038) == pytest.approx((0.97578, 0.97943), abs=1e-5)


@pytest.mark.mnist
@pytest.mark.parametrize(("seed", "epoch"), [(0, 16), (1, 31), (2, 24), (3, 31), (4, 12), (5, 21)])
def test_with_shuffling_task_2_stops_where_the_seed_has_it(
    mnist_binary: utils.Split, seed: int, epoch: int
) -> None:
    stop = fit(task2.make_trainer(mnist_binary, shuffle=True, seed=seed), 500).stop
    assert stop.epoch == epoch
    if seed == 0:
        assert (stop.step, stop.best_step) == (522, 462)
        assert stop.best_loss == pytest.approx(0.0708917, abs=1e-6)


@pytest.mark.mnist
def test_task_3_stops_in_about_epoch_52(mnist_full: utils.Split) -> None:
    training = fit(task3.make_trainer(mnist_full, l2_reg_lambda=0, seed=0), 500)
    assert training.stop.epoch == pytest.approx(52, abs=1)
    assert training.stop.best_loss == pytest.approx(0.298, abs=0.001)
    last = max(training.val_history["accuracy"])
    assert accuracies(training, last) == pytest.approx((0.922, 0.915), abs=0.001)


@pytest.mark.mnist
def test_lambda_1_stops_early_and_costs_accuracy(mnist_full: utils.Split) -> None:
    training = fit(task3.make_trainer(mnist_full, l2_reg_lambda=1, seed=0), 500)
    assert training.stop.epoch in range(2, 9)
    assert accuracies(training, training.stop.best_step)[1] == pytest.approx(0.82, abs=0.02)


@pytest.mark.parametrize("shuffle", [False, True])
def test_synthetic_digits_stand_in_for_mnist_in_task_2(
    synthetic: digits.Digits, shuffle: bool
) -> None:
    split = task2.prepare(utils.load_binary_dataset(2, 3, synthetic))
    training = fit(task2.make_trainer(split, shuffle, seed=0), 100)
    assert training.stop.reason == "early stopping"
    assert 0.96 <= accuracies(training, training.stop.best_step)[1] <= 0.985


def test_synthetic_digits_stand_in_for_mnist_in_tasks_3_and_4(synthetic: digits.Digits) -> None:
    split = task3.prepare(utils.load_full_mnist(synthetic))
    plain, regularised = (fit(task3.make_trainer(split, value, seed=0), 100) for value in (0, 1))
    assert plain.stop.reason == regularised.stop.reason == "early stopping"
    train_accuracy, val_accuracy = accuracies(plain, plain.stop.best_step)
    assert 0.89 <= val_accuracy <= 0.93
    assert train_accuracy > val_accuracy
    assert accuracies(regularised, regularised.stop.best_step)[1] < val_accuracy - 0.05
