"""Tasks 3b and 3c: training softmax regression (3 points), and its accuracy (4 points)."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.checks.accuracy import Accuracy, Examples, expect_no_square, judge_accuracies
from tests.checks.mistake import expect_scalar
from tests.checks.points import advice, check
from tests.checks.standins import stand_in_for_other_tasks
from tests.checks.steps import Steps
from tests.checks.student import StudentFiles
from tests.checks.textbook import rows

CLASSES = "compare the class of the largest output with the class of the 1 in the target."
FLAT = "np.argmax without an axis finds one entry of the whole array; find one of each image."

DECISIONS = rows([7, 2, 1, 3, 4, 9, 0])
OTHERS = np.linspace(0.03, 0.024, 7).reshape(-1, 1)  # an output of a class that is not the largest

EXAMPLES = Examples(
    outputs=np.where(DECISIONS, 1 - 9 * OTHERS, OTHERS),
    decisions=DECISIONS,
    targets=rows([7, 2, 1, 9, 5, 6, 0]),  # the first and the last are right
    hits=4,
    relations=[
        ([64 / 70, 1, 1], "this compares each of the N * K outputs; compare one class."),
        ([5 / 7, 1, 1], "compare each prediction with the label of its own image, not of any."),
        ([0.5, 1, 1], "this finds an image for each class; find the class of each image."),
        ([0, 0, 0, 1], CLASSES),
        ([0, 0, 1, 1], FLAT),
        ([0, 0, 1, 1 / 7], FLAT),
        ([1 / 7, 1 / 7, 1], FLAT),
        ([1 / 7, 0, 0], "the classes are off by one: the first has the index 0."),
    ],
)

TRAIN_STEP = "task3.SoftmaxTrainer.train_step"
VALIDATION_STEP = "task3.SoftmaxTrainer.validation_step"
ACCURACY = "task3.calculate_accuracy"
MODEL = "task3a.SoftmaxModel"


@pytest.fixture(autouse=True)
def judge_these_tasks_alone(files: StudentFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    files.find("task3")
    stand_in_for_other_tasks(files, monkeypatch)


@pytest.fixture
def judge(files: StudentFiles) -> Callable[[Callable[[Accuracy], None]], None]:
    return partial(judge_accuracies, files, "task3", MODEL)


@pytest.fixture
def steps(files: StudentFiles, monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(files, monkeypatch, "task3.SoftmaxTrainer", MODEL)


# Task 3b


@check("3b", 0.5, TRAIN_STEP, "5")
def test_train_step_returns_the_loss_of_the_batch(steps: Steps) -> None:
    steps.expect_loss()


@check("3b", 0.5, TRAIN_STEP, "13")
def test_train_step_moves_the_weights_along_the_gradient(steps: Steps) -> None:
    steps.expect_direction()


@check("3b", 0.5, TRAIN_STEP, "13", [test_train_step_moves_the_weights_along_the_gradient])
def test_train_step_subtracts_the_learning_rate_times_the_gradient(steps: Steps) -> None:
    steps.expect_update()


@check("3b", 0.5, TRAIN_STEP, needs=[test_train_step_moves_the_weights_along_the_gradient])
def test_train_step_has_the_interface_that_was_handed_out(steps: Steps) -> None:
    steps.expect_interface()


@check("3b", 0.5, TRAIN_STEP, needs=[test_train_step_returns_the_loss_of_the_batch])
def test_an_epoch_of_training_gives_the_results_of_the_script(steps: Steps) -> None:
    steps.expect_results()


@advice("3b", TRAIN_STEP, "5", [test_train_step_returns_the_loss_of_the_batch])
def test_train_step_returns_the_loss_before_the_step(steps: Steps) -> None:
    steps.expect_loss_before_the_step()


@check("3b", 0.5, VALIDATION_STEP, "5", [test_train_step_moves_the_weights_along_the_gradient])
def test_validation_step_is_as_it_was_handed_out(steps: Steps) -> None:
    steps.expect_validation()


# Task 3c


@check("3c", 2, ACCURACY)
def test_the_accuracy_counts_the_right_predictions(judge: Any) -> None:
    judge(partial(EXAMPLES.expect_counting, likely=CLASSES))


@check("3c", 1, ACCURACY)
def test_the_accuracy_is_the_fraction_of_right_predictions(judge: Any) -> None:
    likely = "the number of right predictions over the number of all."
    judge(partial(EXAMPLES.expect_fraction, likely=likely))


@check("3c", 1, ACCURACY, needs=[test_the_accuracy_counts_the_right_predictions])
def test_the_prediction_is_the_largest_output_even_below_one_half(judge: Any) -> None:
    outputs = 0.05 + 0.1 * rows([7, 2, 1, 5]) + 0.2 * rows([3, 3, 4, 6])
    targets = [rows(labels) for labels in ([3, 3, 4, 6], [3, 3, 1, 5], [7, 3, 4, 6])]
    likely = "the prediction is the class of the largest output, however small that is."
    shares = [1, 0.5, 0.75]
    judge(lambda accuracy: EXAMPLES.expect_shares(accuracy, outputs, targets, shares, likely))


@advice("3c", ACCURACY, needs=[test_the_accuracy_is_the_fraction_of_right_predictions])
def test_the_accuracy_is_a_plain_number(judge: Any) -> None:
    def expect_plain(accuracy: Accuracy) -> None:
        expect_scalar("the accuracy", accuracy(EXAMPLES.outputs, EXAMPLES.targets))

    judge(expect_plain)


@advice("3c", ACCURACY, needs=[test_the_accuracy_is_the_fraction_of_right_predictions])
def test_the_accuracy_has_no_array_of_n_x_n_numbers(files: StudentFiles) -> None:
    expect_no_square(files, "task3", MODEL, EXAMPLES)
