"""Early stopping as a state machine: after any validation losses, training is where a count is."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.library.test_trainer import Scripted
from trainer import DivergedError

losses = st.floats(0, 1e30) | st.sampled_from([0.0, 5e-324, 1e-30, 0.1, 1e30])


class EarlyStopping(RuleBasedStateMachine):
    """Validations come one after the other; beside the trainer, a plain count goes along.

    After each, a new trainer replays all losses so far, and is interrupted in the validation after.
    """

    @initialize(
        patience=st.none() | st.integers(1, 4),
        batches=st.integers(1, 7),
        validations_per_epoch=st.integers(1, 9),
    )
    def start(self, patience: int | None, batches: int, validations_per_epoch: int) -> None:
        self.patience, self.batches = patience, batches
        self.options = {"patience": patience, "validations_per_epoch": validations_per_epoch}
        self.gap = max(1, batches // validations_per_epoch)  # in steps
        self.start_again()

    @precondition(lambda self: self.stopped())
    @rule()
    def start_again(self) -> None:
        self.losses: list[float] = []
        self.best, self.best_step, self.without_improvement = math.inf, -1, 0

    def stopped(self) -> bool:
        return self.patience is not None and self.without_improvement >= self.patience

    def train(self, losses: Iterable[float]) -> tuple[Scripted, type[BaseException] | None]:
        trainer = Scripted(losses, examples=2 * self.batches, **self.options)
        try:
            trainer.train(10**6)
        except (KeyboardInterrupt, DivergedError) as error:
            return trainer, type(error)
        return trainer, None

    @precondition(lambda self: not self.stopped())
    @rule(loss=losses)
    def validate(self, loss: float) -> None:
        if loss < self.best:
            self.best, self.best_step = loss, len(self.losses) * self.gap
            self.without_improvement = 0
        else:
            self.without_improvement += 1
        self.losses.append(loss)

    @precondition(lambda self: self.losses and not self.stopped())
    @rule()
    def equal_the_best(self) -> None:
        self.validate(self.best)

    @precondition(lambda self: self.losses and self.best > 0 and not self.stopped())
    @rule()
    def be_better_by_the_least_there_is(self) -> None:
        self.validate(math.nextafter(self.best, 0))

    @precondition(lambda self: self.losses and not self.stopped())
    @rule(loss=st.sampled_from([math.nan, math.inf]))
    def diverge(self, loss: float) -> None:
        trainer, error = self.train([*self.losses, loss])
        assert error is DivergedError
        self.expect(trainer, steps=len(self.losses) * self.gap + 1)

    @invariant()
    def training_is_where_the_count_says(self) -> None:
        def until_ctrl_c() -> Iterable[float]:
            yield from self.losses
            raise KeyboardInterrupt

        trainer, error = self.train(until_ctrl_c())
        if self.stopped():
            assert error is None
            self.expect(trainer, steps=(len(self.losses) - 1) * self.gap + 1)
        else:
            assert error is KeyboardInterrupt
            self.expect(trainer, steps=len(self.losses) * self.gap + 1)
        val_losses = trainer.val_history["loss"]
        assert list(val_losses.values()) == self.losses
        assert list(val_losses) == [i * self.gap for i in range(len(self.losses))]

    def expect(self, trainer: Scripted, steps: int) -> None:
        assert list(trainer.train_history["loss"]) == list(range(steps))
        assert trainer.model.w == self.best_step + 1  # one step adds 1


TestEarlyStopping: Any = EarlyStopping.TestCase
TestEarlyStopping.settings = settings(max_examples=40, stateful_step_count=20)
