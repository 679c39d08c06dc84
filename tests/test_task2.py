"""Tasks 2b and 2c: training logistic regression (9 points), and its accuracy (4 points)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.checks.accuracy import Accuracy, Examples, expect_no_square, judge_accuracies
from tests.checks.mistake import at_fault, expect_close, expect_scalar
from tests.checks.points import advice, check
from tests.checks.standins import stand_in_for_other_tasks
from tests.checks.steps import Steps
from tests.checks.student import StudentFiles

ARGMAX = "np.argmax of the single output of an image is always 0; compare it with 0.5."
FLAT = "np.argmax without an axis finds one entry of all; compare each output with 0.5."
NOT_DECIDED = "compare predictions, 1 if yhat >= 0.5 else 0, with the targets, not yhat itself."
WRAPS = "prediction - target wraps in uint8, where 0 - 1 is 255; compare them with ==."

EXAMPLES = Examples(
    outputs=np.array([[70, 40, 60, 20, 10, 90, 30, 80, 95, 45, 65, 55, 35]]).T / 100,
    decisions=np.array([[1, 0, 1, 0, 0, 1, 0, 1, 1, 0, 1, 1, 0]], np.uint8).T,
    targets=np.array([[1, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0]], np.uint8).T,
    hits=5,
    relations=[
        ([81 / 169, 85 / 169, 1], "each target meets each prediction: keep both (N, 1)."),
        ([0, 0, 0, 1], NOT_DECIDED),
        ([1 - 7.95 / 13, 1 - 3.65 / 13, 0.7, 1], NOT_DECIDED),
        ([0, 0, 1, 1], FLAT),
        ([0, 0, 1, 1 / 13], FLAT),
        ([3 / 13, 7 / 13, 1], "this is the fraction of targets that are 1."),
        ([10 / 13, 6 / 13, 0], f"this is the fraction of targets that are 0: {ARGMAX}"),
        ([1, 1, 1], f"this is always 1: {ARGMAX}"),
        ([7 / 13, 7 / 13, 1], "this is the fraction of predictions that are 1."),
        ([1 / 13, 7 / 13, 1], "images of class 0 count as well."),
        ([4 / 13, 6 / 13, 0], "images of class 1 count as well."),
        ([1 / 7, 1, 1], "this is the precision; images of class 0 count, too."),
        ([1 / 3, 1, 1], "this is the recall, of the images of class 1; those of 0 count, too."),
        ([1 - (6 + 2 * 255) / 13, 1, 1], WRAPS),
        ([1 - (6 * 255 + 2) / 13, 1, 1], WRAPS),
    ],
)

TRAIN_STEP = "task2.LogisticTrainer.train_step"
VALIDATION_STEP = "task2.LogisticTrainer.validation_step"
ACCURACY = "task2.calculate_accuracy"
MODEL = "task2a.BinaryModel"


@pytest.fixture(autouse=True)
def judge_these_tasks_alone(files: StudentFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    files.find("task2")
    stand_in_for_other_tasks(files, monkeypatch)


@pytest.fixture
def judge(files: StudentFiles) -> Callable[[Callable[[Accuracy], None]], None]:
    return partial(judge_accuracies, files, "task2", MODEL)


@pytest.fixture
def steps(files: StudentFiles, monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(files, monkeypatch, "task2.LogisticTrainer", MODEL)


# Task 2b


@check("2b", 2, TRAIN_STEP, "3")
def test_train_step_returns_the_loss_of_the_batch(steps: Steps) -> None:
    steps.expect_loss()


@check("2b", 3.5, TRAIN_STEP, "6")
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


@check("2b", 0.5, VALIDATION_STEP, "3", [test_train_step_moves_the_weights_along_the_gradient])
def test_validation_step_is_as_it_was_handed_out(steps: Steps) -> None:
    steps.expect_validation()


@advice("2b", "utils.binary_prune_dataset", needs=[test_train_step_returns_the_loss_of_the_batch])
def test_the_data_set_is_as_it_was_handed_out(utils: Any) -> None:
    labels = np.array([3, 2, 7, 2, 3, 3], np.uint8)
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
def test_the_accuracy_counts_the_right_predictions(judge: Any) -> None:
    likely = "the share of right predictions among the images of both classes."
    judge(partial(EXAMPLES.expect_counting, likely=likely))


@check("2c", 1.5, ACCURACY)
def test_the_accuracy_is_the_fraction_of_right_predictions(judge: Any) -> None:
    likely = "the number of right predictions over the number of all."
    judge(partial(EXAMPLES.expect_fraction, likely=likely))


@check("2c", 0.5, ACCURACY, needs=[test_the_accuracy_counts_the_right_predictions])
def test_an_output_of_exactly_one_half_is_a_prediction_of_1(judge: Any) -> None:
    outputs = np.array([[0.5, 0.5, 0.5, 0.25, 0.75]]).T
    labels = [1, 1, 1, 0, 1], [0, 0, 0, 0, 1], [0, 1, 1, 0, 1]
    targets = [np.array([row], np.uint8).T for row in labels]
    likely = "the prediction is 1 if yhat >= 0.5 (not > 0.5; np.round(0.5) is 0)."
    shares = [1, 0.4, 0.8]
    judge(lambda accuracy: EXAMPLES.expect_shares(accuracy, outputs, targets, shares, likely))


@advice("2c", ACCURACY, needs=[test_the_accuracy_is_the_fraction_of_right_predictions])
def test_the_accuracy_is_a_plain_number(judge: Any) -> None:
    def expect_plain(accuracy: Accuracy) -> None:
        expect_scalar("the accuracy", accuracy(EXAMPLES.outputs, EXAMPLES.targets))

    judge(expect_plain)


@advice("2c", ACCURACY, needs=[test_the_accuracy_is_the_fraction_of_right_predictions])
def test_the_accuracy_has_no_array_of_n_x_n_numbers(files: StudentFiles) -> None:
    expect_no_square(files, "task2", MODEL, EXAMPLES)
