"""The assignment's protocol, on the real MNIST and on the synthetic digits that stand in for it."""

from __future__ import annotations

from pathlib import Path

import pytest

import digits
import task2
import task3
import utils
from digits.synthetic import synthetic_digits
from lab import results
from task2a import pre_process_images
from task3a import one_hot_encode


@pytest.fixture(scope="module")
def mnist(mnist_folder: Path) -> digits.Digits:
    return digits.load("mnist", mnist_folder)


@pytest.fixture(scope="module")
def synthetic() -> digits.Digits:
    images, labels = synthetic_digits(30_000)
    train, test = slice(20_000), slice(20_000, None)
    return digits.Digits("synthetic", images[train], labels[train], images[test], labels[test])


def binary(data: digits.Digits) -> utils.Split:
    X_train, Y_train, X_val, Y_val = utils.load_binary_dataset(2, 3, data)
    return pre_process_images(X_train), Y_train, pre_process_images(X_val), Y_val


def full(data: digits.Digits) -> utils.Split:
    X_train, Y_train, X_val, Y_val = utils.load_full_mnist(data)
    return (
        pre_process_images(X_train),
        one_hot_encode(Y_train, 10),
        pre_process_images(X_val),
        one_hot_encode(Y_val, 10),
    )


@pytest.mark.mnist
def test_two_against_three_is_4005_images_to_train_on_and_2042_to_validate(
    mnist: digits.Digits,
) -> None:
    X_train, _, X_val, _ = utils.load_binary_dataset(2, 3, mnist)
    assert (len(X_train), len(X_val)) == (4005, 2042)


@pytest.mark.mnist
def test_without_shuffling_task_2_stops_in_epoch_33(mnist: digits.Digits) -> None:
    run = results.of_run(task2.train(binary(mnist), shuffle=False, epochs=500, seed=0))
    assert (run["stop_reason"], run["stop_epoch"], run["stop_step"]) == ("early stopping", 33, 1038)
    assert run["best_check"]["step"] == 978
    assert run["best_check"]["val_loss"] == pytest.approx(0.0656905, abs=1e-6)
    assert run["last_check"]["train_accuracy"] == pytest.approx(0.97578, abs=1e-5)
    assert run["last_check"]["val_accuracy"] == pytest.approx(0.97943, abs=1e-5)


@pytest.mark.parametrize(("seed", "epoch"), [(0, 16), (1, 31), (2, 24), (3, 31), (4, 12), (5, 21)])
def test_with_shuffling_task_2_stops_where_the_seed_has_it(
    mnist: digits.Digits, seed: int, epoch: int
) -> None:
    run = results.of_run(task2.train(binary(mnist), shuffle=True, epochs=500, seed=seed))
    assert run["stop_epoch"] == epoch
    if seed == 0:
        assert (run["stop_step"], run["best_check"]["step"]) == (522, 462)
        assert run["best_check"]["val_loss"] == pytest.approx(0.0708917, abs=1e-6)


@pytest.mark.mnist
def test_task_3_stops_in_about_epoch_52(mnist: digits.Digits) -> None:
    run = results.of_run(task3.train(full(mnist), l2_reg_lambda=0, epochs=500, seed=0))
    assert run["stop_epoch"] == pytest.approx(52, abs=1)
    assert run["best_check"]["val_loss"] == pytest.approx(0.298, abs=0.001)
    assert run["last_check"]["train_accuracy"] == pytest.approx(0.922, abs=0.001)
    assert run["last_check"]["val_accuracy"] == pytest.approx(0.915, abs=0.001)


@pytest.mark.mnist
def test_lambda_1_stops_early_and_costs_accuracy(mnist: digits.Digits) -> None:
    run = results.of_run(task3.train(full(mnist), l2_reg_lambda=1, epochs=500, seed=0))
    assert run["stop_epoch"] in range(2, 9)
    assert run["best_check"]["val_accuracy"] == pytest.approx(0.82, abs=0.02)


@pytest.mark.parametrize("shuffle", [False, True])
def test_synthetic_digits_stand_in_for_mnist_in_task_2(
    synthetic: digits.Digits, shuffle: bool
) -> None:
    run = results.of_run(task2.train(binary(synthetic), shuffle, epochs=100, seed=0))
    assert run["stop_reason"] == "early stopping"
    assert 0.96 <= run["best_check"]["val_accuracy"] <= 0.985


def test_synthetic_digits_stand_in_for_mnist_in_tasks_3_and_4(synthetic: digits.Digits) -> None:
    split = full(synthetic)
    free, held = (results.of_run(task3.train(split, value, epochs=100, seed=0)) for value in (0, 1))
    assert free["stop_reason"] == held["stop_reason"] == "early stopping"
    best = free["best_check"]
    assert 0.89 <= best["val_accuracy"] <= 0.93
    assert best["train_accuracy"] > best["val_accuracy"]
    assert held["best_check"]["val_accuracy"] < best["val_accuracy"] - 0.05
