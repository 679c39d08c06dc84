"""Finds where a student's code adds the L2 term, and measures it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from tests.checks import textbook
from tests.checks.calling import call, make_trainer
from tests.checks.desk import NAMES, Desk
from tests.checks.mistake import entries
from tests.checks.models import make, model_with, run_backward

__tracebackhide__ = True

LEARNING_RATE = 0.1
SWITCHED_OFF = "an option that is off"


@dataclass
class Penalty:
    """The L2 term of a student's code: what lambda adds, whether the rest is right or wrong.

    Attributes:
        Model: the class that has it: in task3a.py, or in another of the student's files.
        Trainer: SoftmaxTrainer, or None.
        X: inputs (N, 785).
        Y: targets (N, 10).
        outputs: yhat (N, 10).
        w: weights (785, 10).
        where: "backward", "train_step" or SWITCHED_OFF.
        options: of `backward`, that switch it on.
    """

    Model: Any
    Trainer: Any
    X: np.ndarray
    Y: np.ndarray
    outputs: np.ndarray
    w: np.ndarray
    where: str = "backward"
    options: dict[str, bool] = field(default_factory=dict)

    what = "the L2 term is not where the assignment has it, in the gradient of backward"
    likely = "add it to self.grad in backward, without an option, and nowhere else."

    def term(self, strength: float, num_examples: int = 7) -> np.ndarray:
        """Measure what lambda adds to the gradient (785, 10)."""
        if self.where == "train_step":
            step = self.term_of_a_step(strength, num_examples)
            return np.zeros_like(self.w) if step is None else step
        gradients = []
        for l2_reg_lambda in (strength, 0.0):
            model = model_with(make(self.Model, l2_reg_lambda), self.w)
            X, outputs, Y = (a[:num_examples].copy() for a in (self.X, self.outputs, self.Y))
            run_backward(model, X, outputs, Y, **self.options)
            gradients.append(entries(f"grad, lambda = {l2_reg_lambda:g}", model.grad, self.w.shape))
        return gradients[0] - gradients[1]

    def term_of_a_step(self, strength: float, num_examples: int = 7) -> np.ndarray | None:
        """Measure what lambda adds to a training step, over the learning rate; None if none works.

        A step that is wrong without lambda is reported by Task 3b.
        """
        moves = []
        X, Y = self.X[:num_examples], self.Y[:num_examples]
        with suppress(Exception, pytest.fail.Exception):  # also a loop that is stopped
            for l2_reg_lambda in (strength, 0.0):
                model = model_with(make(self.Model, l2_reg_lambda), self.w)
                sets = (X, Y, X, Y)
                trainer = make_trainer(self.Trainer, model, sets, num_examples, LEARNING_RATE)
                call(trainer.train_step, X_batch=X.copy(), Y_batch=Y.copy())
                moves.append((np.asarray(model.w, dtype=np.float64) - self.w) / -LEARNING_RATE)
            gradient = textbook.gradient(X, self.outputs[:num_examples], Y)
            if np.allclose(moves[1], gradient, 1e-3, 1e-4):
                return np.asarray(moves[0] - moves[1])
        return None


def find_penalty(desk: Desk, X: np.ndarray, Y: np.ndarray, outputs: Any, w: Any) -> Penalty:
    """Find the model and the function that add the L2 term.

    Raises:
        Mistake: if there is no SoftmaxModel.
    """
    SoftmaxModel = desk.require("task3a.SoftmaxModel")
    Trainer = getattr(desk.find("task3"), "SoftmaxTrainer", None)
    for Model in (SoftmaxModel, *_own_models(desk)):
        parameters = inspect.signature(Model.backward).parameters.values()
        switches = {p.name: True for p in parameters if p.default is False or p.default is None}
        for where, options in (("backward", {}), ("train_step", {}), (SWITCHED_OFF, switches)):
            found = Penalty(Model, Trainer, X, Y, outputs, w, where, options)
            try:
                if np.abs(found.term(0.3)).max() > 1e-6:
                    return found
            except Exception:
                if Model is SoftmaxModel and where == "backward":
                    raise
    return Penalty(SoftmaxModel, Trainer, X, Y, outputs, w)


def _own_models(desk: Desk) -> Iterator[Any]:
    """Find models of the student's own: in task3.py, which may import them, or in other files."""
    files = (path for path in sorted(desk.folder.glob("*.py")) if path.stem not in NAMES)
    others = (path.stem for path in files if "def backward(" in path.read_text("utf-8", "replace"))
    for name in ("task3", *others):
        for cls in list(vars(desk.find(name) or object).values()):
            of_the_course = getattr(cls, "__module__", "") in ("task2a", "task3a")
            if isinstance(cls, type) and hasattr(cls, "backward") and not of_the_course:
                yield cls
