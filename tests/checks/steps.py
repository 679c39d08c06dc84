"""What the checks of both trainers have in common: `train_step` and `validation_step`."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from tests.checks import textbook
from tests.checks.mistake import (
    Mistake,
    Relation,
    at_fault,
    close,
    expect,
    expect_close,
    expect_number,
    expect_shape,
    untouched,
)
from tests.checks.standins import EchoModel, TextbookModel, echoed

__tracebackhide__ = True

TRAIN_ACCURACY, VAL_ACCURACY = 0.8, 0.25


class Steps:
    """The two steps of a trainer, with a textbook model in place of the student's.

    Args:
        Trainer: the student's LogisticTrainer or SoftmaxTrainer.
        num_outputs: K, 1 for logistic regression.
    """

    def __init__(self, Trainer: Any, num_outputs: int) -> None:
        self.Trainer = Trainer
        self.num_outputs = num_outputs
        self.targets = textbook.binary_targets if num_outputs == 1 else textbook.class_targets
        self.X, self.Y = textbook.inputs(6, seed=2), self.targets(6)

    def trainer(self, model: Any, learning_rate: float = 0.1) -> Any:
        """Make a trainer whose data sets are not the batch that `train_step` receives."""
        X_train, X_val = textbook.inputs(11, seed=3), textbook.inputs(5, seed=4)
        Y_train, Y_val = self.targets(11), self.targets(5)
        return self.Trainer(model, learning_rate, 2, False, X_train, Y_train, X_val, Y_val)

    def expect_loss(self) -> None:
        """Raise Mistake unless `train_step` returns the batch's loss, before or after the step."""
        model = TextbookModel(self.num_outputs)
        outputs = model.forward(self.X)
        before = textbook.loss(self.Y, outputs)
        got = self.trainer(model).train_step(self.X.copy(), self.Y.copy())
        after = textbook.loss(self.Y, model.forward(self.X))
        expect_number("what train_step returns", got, "return the loss of the batch.")
        if close(np.asarray(got), np.asarray(after)):
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            swapped = textbook.loss(outputs, self.Y)
        N, K = self.Y.shape
        relations: list[Relation] = [
            (-before, "the sign is opposite."),
            (N * before, "this is the sum over the batch, not the mean."),
            (before / N, "divided by N again; cross_entropy_loss is an average already."),
            (before / K, "divided by K; cross_entropy_loss is an average over N."),
            (swapped, "targets first, then outputs."),
        ]
        if K > 1:
            binary = textbook.binary_cross_entropy(self.Y, outputs)
            mixed_up = "this is the loss of Task 2; import cross_entropy_loss from task3a."
            relations += [(binary, mixed_up), (binary * K, mixed_up)]
        likely = "return cross_entropy_loss(Y_batch, outputs), the loss of this batch only."
        expect_close("the loss of the batch", got, before, relations, likely)

    def expect_update(self) -> None:
        """Raise Mistake unless w moves by -learning_rate * grad, for two learning rates."""
        for learning_rate in (0.1, 0.5):
            model = TextbookModel(self.num_outputs)
            w = model.w.copy()
            gradient = textbook.gradient(self.X, model.forward(self.X), self.Y)
            step = learning_rate * gradient
            trainer = self.trainer(model, learning_rate)
            X, Y = self.X.copy(), self.Y.copy()
            with untouched(X_batch=X, Y_batch=Y):
                trainer.train_step(X, Y)
            expect_shape("w after the step", model.w, w.shape)
            N = len(self.X)
            relations = [
                (0 * w, "the weights did not move: call backward, then update model.w."),
                (step, "uphill: subtract the gradient, do not add it."),
                (-gradient, "the learning rate is missing."),
                (gradient, "uphill, and the learning rate is missing."),
                (-step / N, "divided by N again; the gradient is an average already."),
                (-step * N, "multiplied by N; the gradient is an average already."),
                (-2 * step, "the update is done twice."),
                (-step / 2, "a factor 1/2 has no place here."),
                (-learning_rate * step, "the learning rate is squared."),
                (-step - w, "w is replaced by the step; subtract the step from w."),
                (step - w, "w is replaced by the step; subtract the step from w."),
                (-0.05 * gradient, "use self.learning_rate, not a number of your own."),
                (-0.01 * gradient, "use self.learning_rate, not a number of your own."),
                (-learning_rate * np.sign(gradient), "the size of the gradient is lost."),
            ]
            expect_close(
                "the change of w",
                np.asarray(model.w) - w,
                -step,
                relations,
                "w <- w - learning_rate * grad, with grad from this batch.",
                f"train_step moves the weights wrongly (learning rate {learning_rate})",
            )

    def expect_three_updates(self) -> None:
        """Raise Mistake unless each step takes the gradient of its own batch and weights."""
        mine, theirs = TextbookModel(self.num_outputs), TextbookModel(self.num_outputs)
        trainer = self.trainer(theirs)
        for seed in (5, 6, 7):
            X = textbook.inputs(4, seed=seed)
            Y = self.targets(4)[::-1] if seed == 6 else self.targets(4)
            mine.w = mine.w - 0.1 * textbook.gradient(X, mine.forward(X), Y)
            trainer.train_step(X.copy(), Y.copy())
        likely = "every step: forward, backward, update, with nothing kept from the step before."
        expect_close("w after three steps", theirs.w, mine.w, likely=likely)

    def expect_validation_loss(self) -> None:
        """Raise Mistake unless `validation_step` returns three numbers, the loss first."""
        model = TextbookModel(self.num_outputs)
        got = self.trainer(model).validation_step()
        if not isinstance(got, tuple | list) or len(got) != 3:
            what = "validation_step returns the wrong things"
            raise Mistake(what, "val_loss, train_accuracy, val_accuracy", got)
        training, right = (
            textbook.loss(self.targets(size), model.forward(textbook.inputs(size, seed)))
            for size, seed in ((11, 3), (5, 4))
        )
        relations = [(training, "this is the loss of the training set.")]
        expect_close("the validation loss", got[0], right, relations)

    def expect_order_of_accuracies(self) -> None:
        """Raise Mistake if `validation_step` exchanges the accuracies; they may be wrong."""
        _, train, val = self._trainer_with_known_accuracies().validation_step()
        got = np.array([train, val], dtype=np.float64)
        exchanged = close(got, np.array([VAL_ACCURACY, TRAIN_ACCURACY])).all()
        what = "validation_step exchanges the accuracies"
        expect(not exchanged, what, "val_loss, train_accuracy, val_accuracy", "val before train")

    def expect_accuracies(self) -> None:
        """Raise Mistake unless `validation_step` and `train` each put the accuracies in place."""
        trainer = self._trainer_with_known_accuracies()
        with suppress(NotImplementedError):  # validation_step may be another task's to write
            _, train, val = trainer.validation_step()
            _expect_accuracies(train, val)
        try:
            train_history, val_history = trainer.train(1)
            train, val = train_history["accuracy"][0], val_history["accuracy"][0]
        except Exception:  # not written, or broken: Task 2d reports it
            return
        with at_fault("trainer.BaseTrainer.train"):
            _expect_accuracies(train, val)

    def _trainer_with_known_accuracies(self) -> Any:
        K = self.num_outputs
        if K == 1:
            right, wrong, target = [0.9], [0.2], [1.0]
        else:
            right, wrong = (0.01 + 0.9 * np.eye(K)[k] for k in (3, 5))
            target = np.eye(K)[3]
        sets = []
        for accuracy, size in ((TRAIN_ACCURACY, 10), (VAL_ACCURACY, 4)):
            hits = round(accuracy * size)
            sets += [echoed([right] * hits + [wrong] * (size - hits)), np.array([target] * size)]
        return self.Trainer(EchoModel(K), 0.1, 2, False, *sets)


def _expect_accuracies(train: Any, val: Any) -> None:
    swapped = "the accuracies of training and of validation are exchanged."
    for name, got, right, other in (
        ("training", train, TRAIN_ACCURACY, VAL_ACCURACY),
        ("validation", val, VAL_ACCURACY, TRAIN_ACCURACY),
    ):
        expect_close(f"{name} accuracy", got, right, [(other, swapped)])
