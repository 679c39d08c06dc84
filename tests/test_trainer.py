"""Task 2d: early stopping (4 points)."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pytest

from tests.checks import compatibility
from tests.checks.mistake import Mistake, at_fault, expect, expect_close, untouched
from tests.checks.points import advice, check
from tests.checks.standins import batches, stand_in
from tests.checks.steps import Steps
from tests.checks.student import StudentFiles
from tests.checks.training import NUM_BATCHES, Run, expect_histories, falling_run

TRAIN = "trainer.BaseTrainer.train"
STOP = "trainer.BaseTrainer.should_stop"
TRAINERS = "task2.LogisticTrainer", "task3.SoftmaxTrainer"
MODELS = "task2a.BinaryModel", "task3a.SoftmaxModel"

# Validation losses that fall to the one of number 6, and rise slowly from there.
PATIENCE = 10
OVERFITS = [0.69, 0.52, 0.41, 0.34, 0.29, 0.26, 0.24, *(0.241 + 0.001 * np.arange(93))]
# Losses with noise, often worse than the one before, but not than the best; and the number of the
# best that ten others follow. The right place to stop is within an epoch of five validations, so
# that it shows when only the inner loop is left; a patience of 9 or 11 ends near it, and so does
# the end of the epoch; each new best is clearly better, for "better by 0.001" is a rule, too.
FALL = 0.2 + 0.4 * np.exp(-np.arange(60) / 8) + 0.003 * np.arange(60)
NOISE = np.random.default_rng(0).exponential(0.03, (60, 60))
BEST = {16: 21, 27: 21, 32: 22, 44: 21, 45: 21, 59: 26}
NOISY = [((FALL + NOISE[row]).tolist(), best) for row, best in BEST.items()]
# The first is the best.
FIRST = [0.25, *(0.69 - 0.005 * np.arange(59))]


@pytest.fixture(autouse=True)
def judge_this_task_alone(files: StudentFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the textbook's function in place of batch_loader, which is Task 2e's; in order always."""

    def in_order(X: Any, Y: Any, batch_size: int, *_: object, **__: object) -> Any:
        return batches(X, Y, batch_size)

    files.find("trainer")
    stand_in(files, monkeypatch, "utils.batch_loader", in_order)


def run_of(trainer: Any, losses: Sequence[float], **options: Any) -> Run:
    """Train with these validation losses; five of them are an epoch."""
    run = Run(trainer.BaseTrainer, losses, **options)
    run.train(num_epochs=len(losses) // 5)
    return run


def expect_stop(run: Run, best: int, slack: int, likely: str) -> None:
    """Raise Mistake unless training leaves its epoch at the right validation.

    Args:
        run: which has ended.
        best: the number of the validation that no later one improves on.
        slack: how many validations too early or too late pass; if any, the end of the epoch, too.
        likely: the cause to name.
    """
    right, got = best + PATIENCE, run.left_at
    if got is not None and abs(right - got) <= slack:
        return
    if slack and got == right // 5 * 5 + 4:
        return
    shown = ", ".join(f"{loss:.3g}" for loss in run.losses[: right + 1])
    hints = {
        right - 1: "one validation too early: ten without improvement have to follow the best one.",
        right + 1: "one validation too late: stop at the tenth without improvement, not after it.",
    }
    raise Mistake(
        f"training stops at the wrong validation; validation losses {shown}",
        f"the last validation is number {right}, the tenth after the best, number {best} (from 0)",
        "it goes on to the end" if got is None else f"the last validation is number {got}",
        likely=run.too_rarely or (likely if got is None else hints.get(got, likely)),
    )


@check("2d", 1, STOP)
def test_training_stops_when_the_validation_loss_has_stopped_falling(
    files: StudentFiles, trainer: Any
) -> None:
    run = falling_run(trainer.BaseTrainer)
    run.train(num_epochs=2)
    steps, right = len(run.batches), 2 * NUM_BATCHES
    likely = "no stop while the validation loss still falls." if run.batches else ""
    what = f"2 epochs of {NUM_BATCHES} batches, in which every validation improves"
    expect(steps >= right, what, f"{right} training steps", steps, likely)
    run = run_of(trainer, OVERFITS, alike=True)
    if run.num_started == run.num_epochs:
        module = files.load("trainer")
        line = compatibility.with_early_stopping(module, True)
        run = run_of(trainer, OVERFITS, alike=True)
        if line and run.num_started < run.num_epochs:
            what = f"early stopping is written, but switched off in line {line}"
            raise Mistake(what, "on", "off")
        compatibility.with_early_stopping(module, False)
    likely = "stop all of training: `return` the histories; a `break` leaves only the inner loop."
    if run.left_at is None:
        likely = "stop when ten validations in a row have not improved."
    what = "training goes on, although 93 validations in a row have not improved"
    expect(run.num_started < run.num_epochs, what, "4 epochs", f"{run.num_started} epochs", likely)


@check("2d", 0.5, STOP)
def test_about_ten_validations_without_improvement_are_awaited(trainer: Any) -> None:
    run, longer = (run_of(trainer, OVERFITS, alike=True, num_batches=n) for n in (10, 20))
    likely = "ten validations in a row without improvement have to follow the best one."
    steps = [2 * (one.left_at - 6) * one.num_batches // 10 for one in (run, longer) if one.left_at]
    if run.left_at is None:
        likely = "stop when ten validations in a row have not improved."
    elif run.left_at != longer.left_at and np.ptp(steps) <= 4:  # up to one validation
        likely = "count validations since the best one, not gradient steps."
    elif abs(run.left_at - (6 + 5 * PATIENCE)) < 5:
        likely = "count validations since the best one, five in each epoch, not epochs."
    expect_stop(run, 6, 1, likely)


@check("2d", 0.5, STOP, needs=[test_about_ten_validations_without_improvement_are_awaited])
def test_training_stops_at_the_tenth_of_them(trainer: Any) -> None:
    at_once = "stop at the tenth itself, not at the end of its epoch."
    any_size = "any first loss is the best so far: begin with np.inf, for softmax begins at 2.30."
    for num_batches, above, cause in ((10, 0, at_once), (20, 0, ""), (20, 2, any_size)):
        run = run_of(trainer, [above + loss for loss in OVERFITS], num_batches=num_batches)
        likely = "count val_loss, which does not improve here; training loss and accuracies do."
        expect_stop(run, 6, 0, likely if run.left_at is None else cause)
        likely = "`return` the histories: there are still figures to draw."
        expect(not run.exited, "training ends the script", "train returns", "sys.exit", likely)
    run, sooner = (run_of(trainer, [*OVERFITS[:n], 0.2, *[0.6] * 13]) for n in (16, 15))
    what = "training stops at number 16 (from 0), the tenth after number 6, but a new best itself"
    likely = "look at the last validation, too, before you stop." * (sooner.left_at != 16)
    expect(run.left_at != 16, what, "it goes on", "it stops", likely)


@check("2d", 0.5, STOP, needs=[test_about_ten_validations_without_improvement_are_awaited])
def test_improving_means_better_than_the_best_so_far(trainer: Any) -> None:
    for losses, best in NOISY:
        likely = "compare each loss with the least so far, and start counting anew when it is less."
        expect_stop(run_of(trainer, losses), best, 1, likely)


@check("2d", 0.5, STOP, needs=[test_about_ten_validations_without_improvement_are_awaited])
def test_the_first_validation_may_be_the_best(trainer: Any) -> None:
    likely = "here the very first loss is the best; ten later ones are not below it."
    expect_stop(run_of(trainer, FIRST), 0, 1, likely)


@check("2d", 0.5, STOP, needs=[test_about_ten_validations_without_improvement_are_awaited])
def test_patience_is_that_of_the_trainer_and_an_equal_loss_is_no_improvement(trainer: Any) -> None:
    if not compatibility.is_of_this_course(trainer.BaseTrainer):
        expect_some_stop(trainer)
        return
    run = run_of(trainer, OVERFITS, patience=4)
    likely = "10 is only the default of self.patience." if run.left_at == 16 else ""
    what = "training with patience=4 stops at the wrong validation; number 6 (from 0) is the best"
    expect(run.left_at == 10, what, "number 10 is the last", last_of(run), likely)
    run = run_of(trainer, [0.5] * 30)
    likely = "an equal loss is not below the best." if run.left_at is None else ""
    what = "training stops at the wrong validation, where all losses are equal"
    expect(run.left_at == 10, what, "number 10 (from 0) is the last", last_of(run), likely)


def expect_some_stop(trainer: Any) -> None:
    """Raise Mistake if training never stops early."""
    run = run_of(trainer, OVERFITS, alike=True)
    expect(run.left_at is not None, "training goes on", "early stopping", "none")


def last_of(run: Run) -> str:
    """Say which validation is the last."""
    return "it goes on to the end" if run.left_at is None else f"number {run.left_at} is the last"


def updates_in_place(files: StudentFiles, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Return whether a train_step changes the array w itself, so that an alias changes, too."""
    changed = []
    for names in zip(TRAINERS, MODELS, strict=True):
        with suppress(Exception):  # which is another task's
            steps = Steps(files, monkeypatch, *names)
            model = steps.model()
            w, before = model.w, model.w.copy()
            steps.take(steps.trainer(model))
            changed.append((w != before).any())
    return any(changed)


@advice("2d", TRAIN, needs=[test_training_stops_when_the_validation_loss_has_stopped_falling])
def test_training_leaves_the_weights_of_the_best_validation(
    trainer: Any, files: StudentFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_place = updates_in_place(files, monkeypatch)
    stopped = [0.5, 0.4, 0.3, 0.4, 0.2, *(0.6 + 0.001 * np.arange(25))]
    ended = [0.5, 0.4, 0.35, 0.3, 0.2, 0.6, 0.65, 0.6, 0.5, 0.4]
    for losses in (stopped, ended):
        run = Run(trainer.BaseTrainer, losses, in_place=in_place)
        run.train(num_epochs=len(losses) // 5)
        if len(run.weights) < 6 or run.too_rarely:  # which is another check's
            continue
        relations = [
            (run.weights[-1], "the last weights: keep a copy of w at each new best, put it back."),
            (run.weights[0], "the weights of the first validation."),
            (run.weights[5], "the weights of a validation too late."),
            (0.0, "the weights before training."),
        ]
        when = "ends after its last epoch" if run.left_at is None else "stops early"
        what = f"training {when} with other weights than those of its best validation"
        likely = "keep a copy of w at each new best validation loss, and put it back at the end."
        expect_close("w", run.final_weight, run.weights[4], relations, likely, what)


@check("2d", 0.5, TRAIN, needs=[test_training_stops_when_the_validation_loss_has_stopped_falling])
def test_the_histories_have_every_step_and_every_validation(trainer: Any) -> None:
    expect_some_stop(trainer)
    run = falling_run(trainer.BaseTrainer)
    returned = run.train(num_epochs=2)
    with at_fault(TRAIN, handed_out=True):
        expect_histories(run, len(run.batches) // NUM_BATCHES, returned)


@advice("2d", TRAIN, needs=[test_training_stops_when_the_validation_loss_has_stopped_falling])
def test_the_training_loop_is_as_it_was_handed_out(trainer: Any) -> None:
    run = falling_run(trainer.BaseTrainer)
    with at_fault(TRAIN, handed_out=True), untouched(X_train=run.X, Y_train=run.Y):
        run.train(num_epochs=2)
        steps, right = len(run.batches), 2 * NUM_BATCHES
        what = f"2 epochs of {NUM_BATCHES} batches"
        likely = "one train_step for each batch."
        expect(steps == right, what, f"{right} training steps", steps, likely)
