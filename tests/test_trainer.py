"""Task 2d: the training loop with early stopping (4 points)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.checks import textbook
from tests.checks.desk import Desk
from tests.checks.histories import (
    NUM_BATCHES,
    expect_orders,
    expect_training_losses,
    expect_validations,
    falling_run,
)
from tests.checks.mistake import Mistake, at_fault, expect, expect_close, untouched
from tests.checks.points import check
from tests.checks.standins import Run, batches, stand_in

TRAIN = "trainer.BaseTrainer.train"
STOP = "trainer.BaseTrainer.should_stop"


@pytest.fixture(autouse=True)
def judge_this_task_alone(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the textbook's function in place of batch_loader, which is Task 2e's."""
    desk.find("trainer")
    stand_in(desk, monkeypatch, "utils.batch_loader", batches)


def expect_stop(trainer: Any, losses: list[float], likely: str, num_batches: int = 5) -> None:
    """Raise Mistake unless training stops at the right validation; 5 validations are an epoch."""
    run = Run(trainer.BaseTrainer, losses, num_batches)
    run.train(num_epochs=len(losses) // 5)
    right, got = textbook.last_validation(losses), len(run.weights) - 1
    if right == got:
        return
    best = int(np.argmin(losses[: right + 1]))
    shown = ", ".join(f"{loss:g}" for loss in losses[: right + 1])
    hints = {
        right - 1: "one validation too early: ten without improvement have to follow the best one.",
        right + 1: "one validation too late: stop at the tenth without improvement, not after it.",
        len(losses) - 1: likely + " (A `break` leaves only the inner loop.)",
    }
    raise Mistake(
        f"training stops at the wrong validation; validation losses {shown}",
        f"the last validation is number {right}, the tenth after the best, number {best} (from 0)",
        f"the last validation is number {got}",
        likely=hints.get(got, likely),
    )


def expect_best_weights(run: Run, best: int) -> None:
    """Raise Mistake unless training leaves the weights of the given validation behind."""
    which = f"the best validation, number {best} (from 0)"
    count = len(run.weights)
    expect(count > best, f"training stops before {which}", "more validations", f"{count} of them")
    relations = [
        (run.weights[-1], "the last weights: keep a copy of w at each new best, put it back."),
        (run.weights[0], "the weights of the first validation."),
        (run.weights[min(best + 1, count - 1)], "the weights of a validation too late."),
        (0.0, "the weights before training."),
    ]
    what = f"training leaves other weights than those of {which}"
    likely = "keep w.copy() at each new best validation loss, and put it back at the end."
    expect_close("w", run.final_weight, run.weights[best], relations, likely, what)


# Values by hand


@check("2d", 0.5, TRAIN)
def test_training_takes_every_batch_of_every_epoch(trainer: Any) -> None:
    run = falling_run(trainer.BaseTrainer)
    with untouched(X_train=run.X, Y_train=run.Y):
        train_history, _ = run.train(num_epochs=2)
    steps, right = len(run.batches), 2 * NUM_BATCHES
    what = f"2 epochs of {NUM_BATCHES} batches"
    likely = "one train_step for each batch, and no stop while the validation loss still falls."
    with at_fault(STOP if steps < right else TRAIN):
        expect(steps == right, what, f"{right} training steps", steps, likely)
    expect_training_losses(run, 2, train_history)


@check("2d", 0.5, TRAIN)
def test_training_validates_every_fifth_of_an_epoch(trainer: Any) -> None:
    run = falling_run(trainer.BaseTrainer)
    train_history, val_history = run.train(num_epochs=2)
    expect_validations(run, 2, train_history, val_history)


@check("2d", 1, STOP)
def test_training_stops_at_the_tenth_validation_without_improvement(trainer: Any) -> None:
    losses = [5.0, 4.0, 3.0] + [6.0] * 27
    expect_stop(trainer, losses, "stop when ten validations in a row have not improved.")
    steps = "count validations, not gradient steps or epochs."
    expect_stop(trainer, losses, steps, num_batches=10)
    few = "count the validations since the best one; start again at 0 when one improves."
    expect_stop(trainer, [5.0, 4.0] + [6.0] * 8 + [3.0] + [7.0] * 8 + [2.0] + [8.0] * 20, few)


# Invariants


@check("2d", 0.5, STOP, needs=[test_training_stops_at_the_tenth_validation_without_improvement])
def test_improving_means_better_than_the_best_so_far(trainer: Any) -> None:
    likely = "compare each loss with the least so far, not with the one before."
    expect_stop(trainer, [1.0, 9.0] + [8.0 - n / 10 for n in range(28)], likely)
    expect_stop(trainer, [1.0] + [3.0, 2.0] * 12, likely)
    expect_stop(trainer, [2.0, 1.0] + [1.0] * 28, "an equal loss is no improvement.")
    rng = np.random.default_rng(0)
    for _ in range(10):
        losses = np.round(3 - np.linspace(0, 1, 60) + rng.exponential(0.8, 60), 2).tolist()
        expect_stop(trainer, losses, likely)


@check("2d", 0.5, STOP)
def test_early_stopping_leaves_the_weights_of_the_best_validation(trainer: Any) -> None:
    run = Run(trainer.BaseTrainer, [5.0, 4.0, 3.0, 4.0, 2.0] + [6.0] * 25)
    run.train(num_epochs=6)
    expect_best_weights(run, 4)


@check("2d", 0.5, STOP, needs=[test_early_stopping_leaves_the_weights_of_the_best_validation])
def test_training_to_the_end_leaves_the_weights_of_the_best_validation(trainer: Any) -> None:
    run = Run(trainer.BaseTrainer, [5.0, 4.0, 3.0, 2.0, 1.0, 6.0, 7.0, 6.0, 5.0, 4.0])
    run.train(num_epochs=2)
    expect_best_weights(run, 4)


@check("2d", 0.5, TRAIN, needs=[test_training_takes_every_batch_of_every_epoch])
def test_epochs_are_shuffled_when_and_only_when_asked(trainer: Any) -> None:
    for shuffle in (False, True):
        run = Run(trainer.BaseTrainer, np.linspace(1, 0, 40).tolist(), 20, shuffle)
        run.train(num_epochs=2)
        expect_orders(run.examples, shuffle)
