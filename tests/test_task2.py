"""Tasks 2b and 2c: training logistic regression (9 points), and its accuracy (4 points)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from tests.checks.accuracy import expect_accuracy, expect_fraction
from tests.checks.desk import Desk
from tests.checks.histories import expect_training_losses, expect_validations, falling_run
from tests.checks.mistake import expect_close, expect_shape, expect_zeros
from tests.checks.points import check
from tests.checks.standins import stand_in, stand_in_for_other_tasks, textbook_accuracy
from tests.checks.steps import Steps

OUTPUTS = [[0.9], [0.4], [0.6], [0.2], [0.1], [0.7], [0.3], [0.8]]
TARGETS = np.array([[1], [1], [1], [0], [0], [0], [0], [1]])  # the outputs are right for 6 of 8

TRAIN_STEP = "task2.LogisticTrainer.train_step"
VALIDATION_STEP = "task2.LogisticTrainer.validation_step"
ACCURACY = "task2.calculate_accuracy"


@pytest.fixture(autouse=True)
def judge_these_tasks_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.find("task2")
    stand_in_for_other_tasks(desk, monkeypatch)


@pytest.fixture
def right_accuracy(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the textbook's function in place of calculate_accuracy, which is Task 2c's."""
    stand_in(desk, monkeypatch, "task2.calculate_accuracy", textbook_accuracy)


def steps(task2: Any) -> Steps:
    return Steps(task2.LogisticTrainer, 1)


# Task 2b: values by hand


@check("2b", 2, TRAIN_STEP, "3")
def test_train_step_returns_the_loss_of_the_batch(task2: Any) -> None:
    steps(task2).expect_loss()


@check("2b", 4, TRAIN_STEP, "6")
def test_train_step_moves_the_weights_against_the_gradient(task2: Any) -> None:
    steps(task2).expect_update()


# Task 2b: invariants


@check("2b", 1, TRAIN_STEP, "6", [test_train_step_moves_the_weights_against_the_gradient])
def test_every_train_step_takes_the_gradient_of_its_own_batch_and_weights(task2: Any) -> None:
    steps(task2).expect_three_updates()


@check(
    "2b",
    0.5,
    "task2a.BinaryModel.__init__",
    needs=[test_train_step_moves_the_weights_against_the_gradient],
)
def test_training_starts_from_zero_weights(task2a: Any) -> None:
    with suppress(NotImplementedError):  # BinaryModel is Task 2a's to write
        w = task2a.BinaryModel().w
        expect_shape("w before training", w, (785, 1))
        expect_zeros("w before training", w)


@check("2b", 0.5, VALIDATION_STEP, "3", [test_train_step_returns_the_loss_of_the_batch])
@pytest.mark.usefixtures("right_accuracy")
def test_validation_step_returns_the_loss_of_the_validation_set(task2: Any) -> None:
    with suppress(NotImplementedError):  # what it calls for the accuracies is Task 2c's to write
        steps(task2).expect_validation_loss()
        steps(task2).expect_order_of_accuracies()


@check(
    "2b", 0.5, "utils.binary_prune_dataset", needs=[test_train_step_returns_the_loss_of_the_batch]
)
def test_the_target_is_1_for_the_first_class(utils: Any) -> None:
    labels = np.array([3, 2, 7, 2, 3, 3])
    for Y in (labels, labels.reshape(-1, 1)):
        try:
            X_kept, Y_kept = utils.binary_prune_dataset(2, 3, np.eye(6), Y.copy())
        except Exception:  # the course hands it out, for one shape of the labels or the other
            continue
        expect_close("the images kept", X_kept, np.eye(6)[[0, 1, 3, 4, 5]])
        relations = [(np.array([1, 0, 0, 1, 1]), "the target is 1 for class1 and 0 for class2.")]
        expect_close("the targets", np.ravel(Y_kept), [0, 1, 1, 0, 0], relations)


@check(
    "2b", 0.5, "trainer.BaseTrainer.train", needs=[test_train_step_returns_the_loss_of_the_batch]
)
def test_training_tracks_the_losses(trainer: Any) -> None:
    run = falling_run(trainer.BaseTrainer)
    try:
        train_history, val_history = run.train(num_epochs=1)
    except Exception:  # not written, or broken: Task 2d reports it
        return
    expect_training_losses(run, 1, train_history)
    expect_validations(run, 1, train_history, val_history)


# Task 2c: shape, values by hand, invariants


@check("2c", 0.5, ACCURACY)
def test_the_accuracy_is_a_number_from_0_to_1(task2: Any) -> None:
    expect_fraction(task2.calculate_accuracy, OUTPUTS, TARGETS)


@check("2c", 2, ACCURACY)
def test_the_accuracy_is_the_fraction_of_right_predictions(task2: Any) -> None:
    every_pair = np.mean((np.array(OUTPUTS) >= 0.5) == TARGETS.T)
    exact = [
        (every_pair, "each target is compared with each prediction: keep both (N, 1)."),
        (0.0, "compare predictions, 1 if yhat >= 0.5 else 0, with the targets, not yhat itself."),
    ]
    likely = "the mean of (yhat >= 0.5) == targets."
    expect_accuracy(task2.calculate_accuracy, OUTPUTS, TARGETS, 6, likely, exact)
    likely = "images of class 0 count as well."
    expect_accuracy(task2.calculate_accuracy, OUTPUTS[3:7], TARGETS[3:7], 3, likely)


@check("2c", 1, ACCURACY, needs=[test_the_accuracy_is_the_fraction_of_right_predictions])
def test_an_output_of_exactly_one_half_is_a_prediction_of_1(task2: Any) -> None:
    likely = "the prediction is 1 if yhat >= 0.5 (not > 0.5; np.round(0.5) is 0)."
    half, ones = [[0.5], [0.5], [0.25], [0.75]], np.array([[1], [1], [0], [1]])
    expect_accuracy(task2.calculate_accuracy, half, ones, 4, likely)


@check("2c", 0.5, VALIDATION_STEP, needs=[test_the_accuracy_is_the_fraction_of_right_predictions])
def test_the_accuracies_of_both_sets_go_to_their_histories(task2: Any) -> None:
    steps(task2).expect_accuracies()
