"""Tasks 3b and 3c: training softmax regression (3 points), and its accuracy (4 points)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from tests.checks.accuracy import expect_accuracy, expect_fraction
from tests.checks.desk import Desk
from tests.checks.mistake import expect_shape, expect_zeros
from tests.checks.points import check
from tests.checks.standins import stand_in, stand_in_for_other_tasks, textbook_accuracy
from tests.checks.steps import Steps

# The largest output of each of 6 images, and their labels: the outputs are right for 4.
OUTPUTS = 0.02 + 0.8 * np.eye(10)[[7, 2, 1, 0, 4, 9]]
TARGETS = np.eye(10)[[7, 2, 1, 0, 5, 8]]

TRAIN_STEP = "task3.SoftmaxTrainer.train_step"
VALIDATION_STEP = "task3.SoftmaxTrainer.validation_step"
ACCURACY = "task3.calculate_accuracy"


@pytest.fixture(autouse=True)
def judge_these_tasks_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.find("task3")
    stand_in_for_other_tasks(desk, monkeypatch)


@pytest.fixture
def right_accuracy(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the textbook's function in place of calculate_accuracy, which is Task 3c's."""
    stand_in(desk, monkeypatch, "task3.calculate_accuracy", textbook_accuracy)


def steps(task3: Any) -> Steps:
    return Steps(task3.SoftmaxTrainer, 10)


# Task 3b: values by hand


@check("3b", 0.5, TRAIN_STEP, "5")
def test_train_step_returns_the_loss_of_the_batch(task3: Any) -> None:
    steps(task3).expect_loss()


@check("3b", 1, TRAIN_STEP, "13")
def test_train_step_moves_the_weights_against_the_gradient(task3: Any) -> None:
    steps(task3).expect_update()


# Task 3b: invariants


@check("3b", 0.5, TRAIN_STEP, "13", [test_train_step_moves_the_weights_against_the_gradient])
def test_every_train_step_takes_the_gradient_of_its_own_batch_and_weights(task3: Any) -> None:
    steps(task3).expect_three_updates()


@check(
    "3b",
    0.5,
    "task3a.SoftmaxModel.__init__",
    needs=[test_train_step_moves_the_weights_against_the_gradient],
)
def test_training_starts_from_zero_weights(task3a: Any) -> None:
    with suppress(NotImplementedError):  # SoftmaxModel is Task 3a's to write
        w = task3a.SoftmaxModel(0.0).w
        expect_shape("w before training", w, (785, 10))
        expect_zeros("w before training", w)


@check("3b", 0.5, VALIDATION_STEP, "5", [test_train_step_returns_the_loss_of_the_batch])
@pytest.mark.usefixtures("right_accuracy")
def test_validation_step_returns_the_loss_of_the_validation_set(task3: Any) -> None:
    with suppress(NotImplementedError):  # what it calls for the accuracies is Task 3c's to write
        steps(task3).expect_validation_loss()
        steps(task3).expect_order_of_accuracies()


# Task 3c: shape, values by hand, invariants


@check("3c", 0.5, ACCURACY)
def test_the_accuracy_is_a_number_from_0_to_1(task3: Any) -> None:
    expect_fraction(task3.calculate_accuracy, OUTPUTS.tolist(), TARGETS)


@check("3c", 2, ACCURACY)
def test_the_accuracy_is_the_fraction_of_right_predictions(task3: Any) -> None:
    down, each = OUTPUTS.argmax(axis=0), ((OUTPUTS >= 0.5) == TARGETS).mean()
    relations = [
        (each, "this compares each of the N * K outputs; compare one prediction for each image."),
        (np.mean(down == TARGETS.argmax(axis=0)), "argmax over the classes is along axis=1."),
        (0.0, "compare classes with classes: argmax of the outputs, and of the one-hot targets."),
    ]
    likely = "the mean of outputs.argmax(axis=1) == targets.argmax(axis=1)."
    expect_accuracy(task3.calculate_accuracy, OUTPUTS.tolist(), TARGETS, 4, likely, relations)


@check("3c", 1, ACCURACY, needs=[test_the_accuracy_is_the_fraction_of_right_predictions])
def test_the_prediction_is_the_largest_output_even_below_one_half(task3: Any) -> None:
    outputs = 0.05 + 0.1 * np.eye(10)[[7, 2, 1]] + 0.2 * np.eye(10)[[3, 3, 4]]
    likely = "the prediction is the class of the largest output, however small that is."
    targets = np.eye(10)[[3, 3, 1]]
    expect_accuracy(task3.calculate_accuracy, outputs.tolist(), targets, 2, likely)


@check("3c", 0.5, VALIDATION_STEP, needs=[test_the_accuracy_is_the_fraction_of_right_predictions])
def test_the_accuracies_of_both_sets_go_to_their_histories(task3: Any) -> None:
    steps(task3).expect_accuracies()
