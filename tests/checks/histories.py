"""What training records: the loss of every step, and the results of every validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tests.checks.mistake import Mistake, at_fault, close
from tests.checks.standins import Run

__tracebackhide__ = True

NUM_BATCHES = 23  # a fifth of them, rounded down, is 4


def falling_run(BaseTrainer: Any) -> Run:
    """Prepare a run that improves at every validation; one example is left over by the batches."""
    return Run(BaseTrainer, np.linspace(0.69, 0.2, 40).tolist(), NUM_BATCHES, left_over=1)


def histories_of(returned: Any) -> tuple[Any, Any]:
    """Return train_history and val_history, the first two things that `train` returns."""
    if not isinstance(returned, tuple | list) or len(returned) < 2:
        what = "train returns the wrong things"
        raise Mistake(what, "train_history, val_history", type(returned).__name__)
    return returned[0], returned[1]


def expect_training_losses(run: Run, epochs: int, train_history: Any) -> None:
    """Raise Mistake unless the history holds the loss of every step, from step 0."""
    losses = {step: run.train_loss(step) for step in range(epochs * NUM_BATCHES)}
    _expect_series("train_history", train_history, "loss", losses, "every gradient step")


def expect_validations(run: Run, epochs: int, train_history: Any, val_history: Any) -> None:
    """Raise Mistake unless the histories hold the results of every validation, from step 0."""
    steps = range(0, epochs * NUM_BATCHES, NUM_BATCHES // 5)
    found = {step: run.validation(number) for number, step in enumerate(steps)}
    often = f"every fifth of an epoch: {NUM_BATCHES} // 5 = {NUM_BATCHES // 5} steps"
    for name, history, key, place in (
        ("val_history", val_history, "loss", 0),
        ("train_history", train_history, "accuracy", 1),
        ("val_history", val_history, "accuracy", 2),
    ):
        series = {step: values[place] for step, values in found.items()}
        _expect_series(name, history, key, series, often)


def expect_orders(examples: list[int], shuffle: bool) -> None:
    """Raise Mistake unless two epochs of training are shuffled, or not, as asked for.

    Args:
        examples: the number of every example, in the order of both epochs.
        shuffle: the value of `shuffle_dataset`.
    """
    size = len(examples) // 2
    in_order = examples == list(range(size)) * 2
    repeated = examples[:size] == examples[size:]
    if not repeated if shuffle else in_order:
        return
    got = "another order"
    if repeated:
        got = "the order of the data set" if in_order else "the same order in both epochs"
    expected = "a new order in each epoch" if shuffle else "the order of the data set"
    likely = "batch_loader(..., shuffle=self.shuffle_dataset), called anew in each epoch."
    with at_fault("trainer.BaseTrainer.train", handed_out=True):
        raise Mistake(f"shuffle_dataset={shuffle}", expected, got, likely=likely)


def _expect_series(
    name: str, history: Any, key: str, series: Mapping[int, float], often: str
) -> None:
    name = f"{name}[{key!r}]"
    if not isinstance(history, dict) or not isinstance(history.get(key), dict):
        got = list(history) if isinstance(history, dict) else type(history).__name__
        what = f"{name} should be a dictionary {{step: value}}"
        raise Mistake(what, "the keys loss and accuracy", got)
    values = history[key]
    if list(values) != list(series):
        raise Mistake(
            f"{name} has the wrong steps",
            f"{_few(list(series))}, {often}",
            _few(list(values)),
            likely="the key is the gradient step, counted from 0 over all epochs.",
        )
    for step, value in series.items():
        if not close(np.asarray(values[step], dtype=np.float64), np.asarray(value)).all():
            raise Mistake(
                f"{name} holds a wrong value",
                f"{value:.6g}, what the step returned",
                values[step],
                f"{name}[{step}]",
                "validation_step returns val_loss, train_accuracy, val_accuracy, in this order.",
            )


def _few(steps: Sequence[Any]) -> str:
    shown = list(map(str, steps))
    if len(shown) > 8:
        shown[6:-2] = ["..."]
    return f"{len(steps)} steps ({', '.join(shown)})"
