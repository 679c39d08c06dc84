"""Tasks 2b and 2c: training logistic regression (9 points), and its accuracy (4 points)."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.checks.accuracy import Accuracy, accuracy_of, expect_accuracy, expect_counting
from tests.checks.mistake import at_fault, expect_close, expect_scalar
from tests.checks.points import advice, check
from tests.checks.standins import stand_in_for_other_tasks
from tests.checks.steps import Steps
from tests.checks.student import StudentFiles

OUTPUTS = np.array([[90, 40, 60, 20, 10, 70, 30, 80, 95, 45, 65, 55, 35]]).T / 100
DECISIONS = np.array([[1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 0]]).T
TARGETS = np.array([[0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0]]).T
RIGHT = 5 / 13  # of the decisions

TRAIN_STEP = "task2.LogisticTrainer.train_step"
VALIDATION_STEP = "task2.LogisticTrainer.validation_step"
ACCURACY = "task2.calculate_accuracy"
MODEL = "task2a.BinaryModel"


@pytest.fixture(autouse=True)
def judge_these_tasks_alone(files: StudentFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    files.find("task2")
    stand_in_for_other_tasks(files, monkeypatch)


@pytest.fixture
def accuracy(files: StudentFiles) -> Accuracy:
    return partial(accuracy_of, files, "task2", MODEL)


@pytest.fixture
def steps(files: StudentFiles, monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(files, monkeypatch, "task2.LogisticTrainer", MODEL)


# Task 2b


@check("2b", 2, TRAIN_STEP, "3")
def test_train_step_returns_the_loss_of_the_batch(steps: Steps) -> None:
    steps.expect_loss()


@check("2b", 4, TRAIN_STEP, "6")
def test_train_step_moves_the_weights_along_the_gradient(steps: Steps) -> None:
    steps.expect_direction()


@check("2b", 2, TRAIN_STEP, "6", [test_train_step_moves_the_weights_along_the_gradient])
def test_train_step_subtracts_the_learning_rate_times_the_gradient(steps: Steps) -> None:
    steps.expect_update()


@check("2b", 0.5, TRAIN_STEP, needs=[test_train_step_moves_the_weights_along_the_gradient])
def test_train_step_has_the_interface_that_was_handed_out(steps: Steps) -> None:
    steps.expect_interface()


@check("2b", 0.5, TRAIN_STEP, needs=[test_train_step_returns_the_loss_of_the_batch])
def test_an_epoch_of_training_gives_the_results_of_the_script(steps: Steps) -> None:
    steps.expect_results()


@advice("2b", TRAIN_STEP, "3", [test_train_step_returns_the_loss_of_the_batch])
def test_train_step_returns_the_loss_before_the_step(steps: Steps) -> None:
    steps.expect_loss_before_the_step()


@advice("2b", VALIDATION_STEP, "3", [test_train_step_returns_the_loss_of_the_batch])
def test_validation_step_is_as_it_was_handed_out(steps: Steps) -> None:
    steps.expect_validation()


@advice("2b", "utils.binary_prune_dataset", needs=[test_train_step_returns_the_loss_of_the_batch])
def test_the_data_set_is_as_it_was_handed_out(utils: Any) -> None:
    labels = np.array([3, 2, 7, 2, 3, 3])
    with at_fault("utils.binary_prune_dataset", handed_out=True):
        for Y in (labels, labels.reshape(-1, 1)):
            try:
                X_kept, Y_kept = utils.binary_prune_dataset(2, 3, np.eye(6), Y.copy())
            except Exception:  # the course hands it out, for one shape of the labels or the other
                continue
            expect_close("the images kept", X_kept, np.eye(6)[[0, 1, 3, 4, 5]])
            relations = [(np.array([1, 0, 0, 1, 1]), "the target is 1 for class1, 0 for class2.")]
            expect_close("the targets", np.ravel(Y_kept), [0, 1, 1, 0, 0], relations)


# Task 2c


@check("2c", 2, ACCURACY)
def test_the_accuracy_counts_the_right_predictions(accuracy: Accuracy) -> None:
    likely = "the share of right predictions among the images of both classes."
    expect_counting(accuracy, OUTPUTS, DECISIONS, likely)


@check("2c", 1.5, ACCURACY)
def test_the_accuracy_is_the_fraction_of_right_predictions(accuracy: Accuracy) -> None:
    relations = [
        (81 / 169, "each target meets each prediction: keep both (N, 1)."),
        (0.0, "compare predictions, 1 if yhat >= 0.5 else 0, with the targets, not yhat itself."),
        (3 / 13, "this is the fraction of targets that are 1."),
        (10 / 13, "this is the fraction of targets that are 0."),
        (7 / 13, "this is the fraction of predictions that are 1."),
        (1 / 13, "images of class 0 count as well."),
        (4 / 13, "images of class 1 count as well."),
        (1 / 7, "this is the precision; images of class 0 count, too."),
    ]
    likely = "the number of right predictions over the number of all."
    expect_accuracy(accuracy, OUTPUTS, TARGETS, RIGHT, likely, relations)
    many = (308, 1)  # times: 4,004 examples, too many to count in 8 bits or in float16
    outputs, targets = np.tile(OUTPUTS, many), np.tile(TARGETS.astype(np.uint8), many)
    expect_accuracy(accuracy, outputs, targets, RIGHT, likely)


@check("2c", 0.5, ACCURACY, needs=[test_the_accuracy_counts_the_right_predictions])
def test_an_output_of_exactly_one_half_is_a_prediction_of_1(accuracy: Accuracy) -> None:
    half = np.array([0.5, 0.5, 0.5, 0.25, 0.75]).reshape(-1, 1)
    got = [
        accuracy(half, np.array(targets).reshape(-1, 1))
        for targets in ([1, 1, 1, 0, 1], [0, 0, 0, 0, 1], [0, 1, 1, 0, 1])
    ]
    shares = np.ravel(got) / (np.max(got) or 1)  # of any scale: that is another check's
    likely = "the prediction is 1 if yhat >= 0.5 (not > 0.5; np.round(0.5) is 0)."
    expect_close("the accuracies over the largest", shares, [1, 0.4, 0.8], likely=likely)


@advice("2c", ACCURACY, needs=[test_the_accuracy_is_the_fraction_of_right_predictions])
def test_the_accuracy_is_a_plain_number(accuracy: Accuracy) -> None:
    expect_scalar("the accuracy", accuracy(OUTPUTS, TARGETS))
