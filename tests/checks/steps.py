"""What the checks of both trainers have in common: `train_step` and `validation_step`."""

import itertools
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from lab.results import row, summary
from lab.trainings import fit
from tests.checks import compatibility, textbook
from tests.checks.mistake import (
    ABSOLUTE,
    RELATIVE,
    Mistake,
    at_fault,
    close,
    expect,
    expect_close,
    expect_multiple,
    expect_number,
    expect_shape,
    expect_variety,
    untouched,
)
from tests.checks.models import judge_in_type
from tests.checks.standins import inputs_for, stand_in, textbook_model
from tests.checks.student import StudentFiles

__tracebackhide__ = True

DATA_SETS = (37, 3), (5, 4)  # size and seed: of training, of validation
RATES = 0.2, 0.7  # no product of them or their squares is a usual learning rate
ACCURACIES = {4000: 0.8, 2000: 0.55}  # of training and validation set, by size; the hits are first
HIT = -2  # the pixel that is 1 for them
SCRIPT_VARIABLES = (
    "use self.model, self.learning_rate, self.X_val ...: a variable of the script is missing where "
    "another file imports this one, and is another trainer's where there are two."
)


class Steps:
    """The two steps of a trainer, with a textbook model in place of the student's.

    Args:
        files: the student's.
        monkeypatch: of the test; it takes what stands in away again.
        trainer: "task2.LogisticTrainer" or "task3.SoftmaxTrainer".
        model: "task2a.BinaryModel" or "task3a.SoftmaxModel".
    """

    def __init__(
        self, files: StudentFiles, monkeypatch: pytest.MonkeyPatch, trainer: str, model: str
    ) -> None:
        self._files, self._monkeypatch, self.name = files, monkeypatch, trainer
        self.model = partial(textbook_model, files, model)
        self.num_outputs = K = 1 if model == "task2a.BinaryModel" else 10
        self.targets = textbook.binary_targets if K == 1 else textbook.class_targets
        self.X, self.Y = textbook.inputs(6, seed=2), self.targets(6)
        self.as_the_script_runs = False  # with no variables but those of the script

    def trainer(
        self,
        model: Any,
        learning_rate: float = RATES[0],
        script: bool = True,
        sets: Sequence[np.ndarray] = (),
        batch_size: int = 6,
    ) -> Any:
        """Make a trainer.

        Args:
            model: that it trains.
            learning_rate: of its steps.
            script: whether the script has variables of the same values, or none of these names.
            sets: X_train, Y_train, X_val, Y_val; by default none is the batch of a step.
            batch_size: of its steps.
        """
        inputs = (textbook.inputs(*size_and_seed) for size_and_seed in DATA_SETS)
        own = [array for X in inputs for array in (X, self.targets(len(X)))]
        arguments = (model, learning_rate, batch_size, False, *(sets or own))
        trainer = self._files.require(self.name)(*arguments)
        if script:
            patch, alone = self._monkeypatch, self.as_the_script_runs
            trainer = compatibility.with_script_variables(trainer, arguments, patch, alone)
        return trainer

    def take(self, trainer: Any, targets: np.ndarray | None = None) -> Any:
        """Take a step on copies of the batch, and return what `train_step` returns."""
        return trainer.train_step(self.X.copy(), (self.Y if targets is None else targets).copy())

    def move(self, learning_rate: float, script: bool = True) -> np.ndarray:
        """Take a step; return the change of the weights."""
        model = self.model()
        before = model.w.copy()
        trainer = self.trainer(model, learning_rate, script)
        X, Y = self.X.copy(), self.Y.copy()
        with untouched(X_batch=X, Y_batch=Y):
            trainer.train_step(X, Y)
        expect_shape("w after a step", trainer.model.w, before.shape, "w and grad have one shape.")
        return np.asarray(trainer.model.w, dtype=np.float64) - before

    def expect_loss(self) -> None:
        """Raise Mistake unless `train_step` returns the batch's loss, before or after the step."""
        train_step = self._files.require(f"{self.name}.train_step")
        dtype = np.uint8 if self.num_outputs == 1 else float  # Task 3 has targets of its own type
        judge_in_type(self._expect_loss, self.Y, train_step, dtype, "utils", "Y_batch")
        self._expect_three_losses()

    def _expect_loss(self, targets: np.ndarray) -> None:
        model = self.model()
        outputs = textbook.forward(self.X, model.w)
        before = textbook.loss(self.Y, outputs)
        trainer = self.trainer(model)
        got = compatibility.loss_alone(self.take(trainer, targets))
        likely = "the loss of this batch alone, of the outputs before the step."
        number = expect_number("what train_step returns", got, likely)
        after = before
        with suppress(Exception):  # weights that are no weights: another check says so
            after = textbook.loss(self.Y, textbook.forward(self.X, np.asarray(trainer.model.w)))
        if np.allclose(number, after, RELATIVE, ABSOLUTE, equal_nan=True):  # nan: too long a step
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            relations = [(textbook.loss(outputs, self.Y), "targets first, then outputs.")]
        N, K = self.Y.shape
        for loss in (before, after):
            relations += [
                (-loss, "the sign is opposite."),
                (N * loss, "this is the sum over the batch, not the mean."),
                (loss / N, "divided by N again; cross_entropy_loss is an average already."),
            ]
            if K > 1:
                over_K = "divided by K; cross_entropy_loss is an average over N."
                relations.append((loss / K, over_K))
        if K > 1:
            binary = textbook.binary_cross_entropy(self.Y, outputs)
            mixed_up = "this is the loss of Task 2; import cross_entropy_loss from task3a."
            relations += [(binary, mixed_up), (binary * K, mixed_up)]
        expect_close("the loss of the batch", number, before, relations, likely)

    def expect_loss_before_the_step(self) -> None:
        """Raise Mistake if `train_step` returns the loss after the step; other years allow it."""
        if not compatibility.is_of_this_course(self._files.require("trainer.BaseTrainer")):
            return
        model = self.model()
        before = textbook.loss(self.Y, textbook.forward(self.X, model.w))
        got = compatibility.loss_alone(self.take(self.trainer(model)))
        likely = "return the loss of the outputs that the gradient is computed from."
        what = "train_step returns the loss of the batch after the step"
        expect_close("the loss", got, before, likely=likely, what=what)

    def expect_direction(self) -> None:
        """Raise Mistake unless a step moves w along the gradient of the batch, up or down."""
        model, gradient = self.model(), self._gradient()
        w, step = model.w, RATES[0] * gradient
        relations = [
            (0 * w, "the weights did not move: call backward, then update model.w."),
            (-step - w, "w is replaced by the step; subtract the step from w."),
            (step - w, "w is replaced by the step; subtract the step from w."),
            (-RATES[0] * np.sign(gradient), "the size of the gradient is lost."),
        ]
        likely = "a step against the gradient of this batch, of learning_rate times its length."
        expect_multiple("the change of w", self.move(RATES[0]), -gradient, relations, likely)

    def expect_update(self) -> None:
        """Raise Mistake unless w moves by -learning_rate * grad, for two rates and three steps."""
        self.as_the_script_runs = True
        try:
            self._expect_update()
        except Mistake:
            right, self.model = self.model, partial(self.model, own_backward=True)
            with suppress(Exception):
                return self._expect_update()
            self.model = right
            raise

    def _expect_update(self) -> None:
        gradient, N, model = self._gradient(), len(self.X), self.model()
        self.take(self.trainer(model))
        uphill = "uphill: subtract the gradient, do not add it."
        if np.array_equal(model.seen, self.Y):
            uphill = "backward takes the outputs first, then the targets."
        moves = [self.move(rate) for rate in RATES]
        likely = "a step against the gradient of this batch, of learning_rate times its length."
        times = float(np.sum(moves[0] * -gradient) / np.sum(RATES[0] * gradient * gradient))
        if all(close(m, -times * r * gradient).all() for r, m in zip(RATES, moves, strict=True)):
            likely = f"it is {times:.4g} times learning_rate times the gradient."
        for rate, moved in zip(RATES, moves, strict=True):
            step = rate * gradient
            relations = [
                (step, uphill),
                (-gradient, "the learning rate is missing."),
                (gradient, f"{uphill} And the learning rate is missing."),
                (-step / N, "divided by N again; the gradient is an average already."),
                (-step * N, "multiplied by N; the gradient is an average already."),
                (-2 * step, "the update is done twice."),
                (-step / 2, "a factor 1/2 has no place here."),
                (-rate * step, "the learning rate is squared."),
                (-gradient / rate, "divided by the learning rate; multiply by it."),
                (
                    -step / DATA_SETS[0][0],
                    "divided by len(self.X_train); the gradient is an average.",
                ),
            ]
            own = "use self.learning_rate, not a number of your own."
            fixed = close(moves[0], moves[1]).all()
            what = f"train_step moves the weights wrongly (learning rate {rate})"
            known = relations[1:3] if fixed else relations
            expect_close("the change of w", moved, -step, known, own if fixed else likely, what)
        self._expect_three_updates()

    def expect_interface(self) -> None:
        """Raise Mistake if `train_step` reads variables of the script, or returns more values."""
        try:
            without = self.move(RATES[1], script=False)
        except NameError as error:
            what = f"train_step reads a variable of the script: {error}"
            raise Mistake(what, likely=SCRIPT_VARIABLES) from None
        expect_variety("the change of w", without)
        same = close(without, self.move(RATES[1])).all()
        expect(
            same,
            "train_step reads variables of the script",
            "those in self",
            "others",
            SCRIPT_VARIABLES,
        )
        got = self.take(self.trainer(self.model()))
        likely = "as handed out, `train` takes one number from it."
        what = "train_step returns more than the loss"
        expect(not isinstance(got, tuple), what, "the loss", got, likely)

    def expect_results(self) -> None:
        """Raise what `train_step` causes in an epoch of training, up to the table of the script.

        What fails with a right step as well is the fault of `train`, which is Task 2d's.
        """
        try:
            self._train_for_the_table()
        except (Exception, SystemExit):
            try:
                losses = itertools.count(0.7)
                self._train_for_the_table(train_step=lambda X_batch, Y_batch: next(losses))
            except (Exception, SystemExit):
                return
            raise

    def expect_validation(self) -> None:
        """Raise Mistake unless `validation_step` returns the loss and both accuracies.

        Known numbers stand in for the accuracies, which are Task 2c's or 3c's.
        """

        self.expect_direction()

        def known(first: np.ndarray, *others: Any) -> float:
            if np.shape(first)[1:] == (textbook.I,):  # images, of the whole set or of a part of it
                return float(np.mean(np.asarray(first)[:, HIT]))
            if others and np.shape(first)[1:] == np.shape(others[0])[1:] == (self.num_outputs,):
                # targets and outputs, in either order; an output is below 0.3 where no 1 belongs
                ones = [np.greater(array, 0.3) for array in (first, others[0])]
                return float(np.mean((ones[0] == ones[1]).all(axis=1)))
            return ACCURACIES.get(len(first), 0.0)

        module = self.name.split(".")[0]
        for accuracy in ("calculate_accuracy", "accuracy"):
            stand_in(self._files, self._monkeypatch, f"{module}.{accuracy}", known)
        with at_fault(f"{self.name}.validation_step", handed_out=True):
            model = self.model(l2_reg_lambda=0.3)  # which is no part of the loss
            sets = self._sets_with_known_accuracies(model)
            trainer, before = self.trainer(model, sets=sets), model.w.copy()
            got = trainer.validation_step()
            if not isinstance(got, tuple | list) or len(got) != 3:
                what = "validation_step returns the wrong things"
                raise Mistake(what, "val_loss, train_accuracy, val_accuracy", got)
            likely = (
                "it measures, and trains on nothing: leave out train_step, and any update of w."
            )
            same = np.array_equal(trainer.model.w, before)
            expect(same, "validation_step changes the weights", "those before it", "others", likely)
            training, right = (
                textbook.loss(Y, textbook.forward(X, model.w)) for X, Y in (sets[:2], sets[2:])
            )
            other = [
                (training, "this is the loss of the training set."),
                (right + 0.3 * textbook.penalty(model.w).sum(), "leave out the L2 term."),
            ]
            expect_close("the validation loss", got[0], right, other)
            of_train, of_val = ACCURACIES.values()
            swapped = "the accuracies of training and of validation are exchanged."
            expect_close("the training accuracy", got[1], of_train, [(of_val, swapped)])
            expect_close("the validation accuracy", got[2], of_val)

    def _train_for_the_table(self, **steps: Callable[..., object]) -> None:
        """Train on 300 examples, in the types of the data set; write the results and their row."""
        kind = np.uint8 if self.num_outputs == 1 else np.float32
        sets = []
        for size in (300, 60):
            small = textbook.inputs(size).astype(np.float32) / 100  # no wrong rate diverges
            sets += [small, self.targets(size).astype(kind)]
        model = self.model()
        trainer = self.trainer(model, sets=sets)
        train_step = trainer.own.train_step

        def checked(*batch: Any, **options: Any) -> Any:
            returned = train_step(*batch, **options)
            loss = compatibility.loss_alone(returned)
            expect_number("what train_step returns in training", loss)
            return returned

        trainer.own.train_step = checked
        trainer.validation_step = lambda: (0.7, 0.5, 0.5)
        trainer.should_stop = lambda val_losses: False
        for name, step in steps.items():
            setattr(trainer, name, step)
        settings = {"batch_size": len(self.X), "validations_per_epoch": 5}
        used = SimpleNamespace(model=model, X_train=sets[0], train=trainer.train, **settings)
        training = fit(used, 1)
        losses = list(training.train_history["loss"].values())
        expect(np.ptp(losses) > 0, "what train_step returns", "different numbers", losses)
        json.dumps(summary(training))
        row(self.name, training)

    def _gradient(self) -> np.ndarray:
        w = textbook.weights(self.num_outputs)
        return textbook.gradient(self.X, textbook.forward(self.X, w), self.Y)

    def _expect_three_updates(self) -> None:
        rate, model = RATES[0], self.model()
        w, trainer = model.w.copy(), self.trainer(model)
        for seed in (5, 6, 7):
            X, Y = textbook.inputs(6, seed=seed), self.Y[::-1] if seed == 6 else self.Y
            w = w - rate * textbook.gradient(X, textbook.forward(X, w), Y)
            trainer.train_step(X.copy(), Y.copy())
        likely = "every step: forward, backward, update, with nothing kept from the step before."
        expect_close("w after three steps", trainer.model.w, w, likely=likely)

    def _expect_three_losses(self) -> None:
        """Take steps from the same weights on three large batches."""
        N, model = 130, self.model()  # a batch is often 32, 64 or 128 examples
        w, Y = model.w.copy(), self.targets(N)
        trainer = self.trainer(model, sets=[textbook.inputs(N), Y] * 2, batch_size=N)
        for seed in (5, 6, 7):
            X, trainer.model.w = textbook.inputs(N, seed), w.copy()
            got = compatibility.loss_alone(trainer.train_step(X.copy(), Y.copy()))
            if np.size(got) != 1:  # which another check says, in an epoch
                return
            before = textbook.loss(Y, textbook.forward(X, w))
            after = before
            with suppress(Exception):
                after = textbook.loss(Y, textbook.forward(X, np.asarray(trainer.model.w)))
            likely = "the loss of this batch alone and of all its examples, of no step before."
            what = f"what train_step returns for one of three batches of {N} examples"
            if not np.allclose(expect_number(what, got), after, RELATIVE, ABSOLUTE, equal_nan=True):
                expect_close(what, got, before, likely=likely)

    def _sets_with_known_accuracies(self, model: Any) -> list[np.ndarray]:
        sets: list[np.ndarray] = []
        for size, accuracy in ACCURACIES.items():
            Y = self.targets(size)
            hits = np.arange(size).reshape(-1, 1) < accuracy * size
            other = 1 - Y if self.num_outputs == 1 else np.roll(Y, 1, axis=1)
            X = inputs_for(model, 0.1 + 0.8 * np.where(hits, Y, other))
            X[:, HIT] = hits[:, 0]  # a pixel of weight 0
            sets += [X, Y]
        return sets
