"""Early stopping, beside a plain count of the validations without improvement."""

import math
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from tests.library.test_trainer import Scripted
from trainer import DivergedError

LEAST = math.nextafter(1, 0)  # the least improvement on 1 that there is


@given(
    losses=st.lists(st.sampled_from([0.0, 5e-324, 0.5, LEAST, 1.0, 2.0, 1e30]), max_size=12),
    end=st.sampled_from([KeyboardInterrupt, math.nan, math.inf]),
    patience=st.none() | st.integers(1, 4),
    batches=st.integers(1, 7),
    validations_per_epoch=st.integers(1, 9),
)
def test_training_ends_where_a_count_says_and_leaves_the_best_weights(
    losses: list[float], end: Any, patience: int | None, batches: int, validations_per_epoch: int
) -> None:
    """Where it does not stop early, it is interrupted or diverges in the validation after."""
    gap = max(1, batches // validations_per_epoch)  # in steps
    best, best_step, without_improvement, seen = math.inf, -1, 0, 0
    while seen < len(losses) and without_improvement != patience:
        if losses[seen] < best:
            best, best_step, without_improvement = losses[seen], seen * gap, 0
        else:
            without_improvement += 1
        seen += 1
    is_early = without_improvement == patience

    def script() -> Iterator[float]:
        yield from losses
        if isinstance(end, float):
            yield end
        raise KeyboardInterrupt

    options = {"patience": patience, "validations_per_epoch": validations_per_epoch}
    trainer, returned = Scripted(script(), examples=2 * batches, **options), None
    with suppress(DivergedError if isinstance(end, float) else KeyboardInterrupt):
        returned = trainer.train(10**6)
    train_history, val_history = trainer.train_history, trainer.val_history
    assert returned == ((train_history, val_history) if is_early else None)
    steps = (seen - is_early) * gap + 1
    validated = range(0, steps, gap)
    assert train_history["loss"] == dict.fromkeys(range(steps), 1)
    assert val_history["loss"] == dict(zip(validated, losses, strict=False))
    assert train_history["accuracy"] == dict.fromkeys(val_history["loss"], 0.25)
    assert val_history["accuracy"] == dict.fromkeys(val_history["loss"], 0.75)
    assert trainer.model.w == best_step + 1  # one step adds 1
