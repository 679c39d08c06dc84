"""Task 4b: L2 regularisation (7 points)."""

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest

from tests.checks import compatibility, textbook
from tests.checks.gradients import expect_penalty_gradient, penalty_relations
from tests.checks.mistake import (
    at_fault,
    close,
    entries,
    expect,
    expect_close,
    expect_multiple,
    expect_shape,
)
from tests.checks.models import expect_new_gradient, expect_weights_kept, model_with
from tests.checks.points import check
from tests.checks.student import StudentFiles

X, Y = textbook.inputs(), textbook.class_targets()
W = textbook.sealed(textbook.weights(10) * 8)  # of order one: the L2 term is as large as it can be
OUTPUTS = textbook.sealed(textbook.forward(X, W))

LEARNING_RATE = 0.1
WITHOUT_BIAS = slice(1, -1)  # the first row, or the last

BACKWARD = "task3a.SoftmaxModel.backward", "28"
ALONE, ALWAYS = "penalty_gradient alone", "whatever lambda is"  # where the L2 term is
NOT_ADDED = "backward does not add penalty_gradient() to self.grad."
NO_LAMBDA = "the L2 term is there, the same for every lambda: multiply it by self.l2_reg_lambda."
PART = "task3a.SoftmaxModel.penalty_gradient"


@dataclass(frozen=True)
class Penalty:
    """The L2 term of a student's code: what lambda adds, whether the rest is right or wrong.

    Attributes:
        Model: the class that has it.
        Trainer: SoftmaxTrainer, or None.
        where: it is added; in "backward", as the assignment has it.
        options: of `backward` that ask for it.
    """

    Model: Any
    Trainer: Any
    where: str = "backward"
    options: dict[str, bool] = field(default_factory=dict)

    what = "the L2 term is not where the assignment has it, in the gradient of backward"
    likely = "add it to self.grad in backward, without an option, and nowhere else."

    def term(self, strength: float, num_examples: int = 7) -> np.ndarray:
        """Measure what lambda adds to the gradient (785, 10)."""
        if self.where == ALONE:
            model = model_with(self.Model(strength), W)
            return entries("penalty_gradient()", model.penalty_gradient(), W.shape)
        if self.where == "train_step":
            step = self.term_of_a_step(strength, num_examples)
            return np.zeros_like(W) if step is None else step
        gradients = []
        for l2_reg_lambda in (strength, 0.0):
            model = model_with(self.Model(l2_reg_lambda), W)
            batch = [array[:num_examples].copy() for array in (X, OUTPUTS, Y)]
            model.backward(*batch, **self.options)
            gradients.append(entries(f"grad, lambda = {l2_reg_lambda:g}", model.grad, W.shape))
        term, wanted = gradients[0] - gradients[1], strength * textbook.penalty_slopes(W)
        if self.where != ALWAYS and not close(-term, wanted).all():
            return term
        right = textbook.gradient(*(array[:num_examples] for array in (X, OUTPUTS, Y)))
        if self.where == ALWAYS:
            return gradients[0] - right
        return compatibility.with_the_sign_of_the_gradient(term, gradients[1], right)

    def term_of_a_step(self, strength: float, num_examples: int = 7) -> np.ndarray | None:
        """Measure what lambda adds to a training step, over the learning rate; None if none works.

        A step that is wrong without lambda is reported by Task 3b.
        """
        moves = []
        batch = X[:num_examples], Y[:num_examples]
        with suppress(Exception, pytest.fail.Exception):  # also a loop that is stopped
            for l2_reg_lambda in (strength, 0.0):
                model = model_with(self.Model(l2_reg_lambda), W)
                trainer = self.Trainer(model, LEARNING_RATE, num_examples, False, *batch, *batch)
                trainer.train_step(*(array.copy() for array in batch))
                moves.append((np.asarray(model.w, dtype=np.float64) - W) / -LEARNING_RATE)
            gradient = textbook.gradient(batch[0], OUTPUTS[:num_examples], batch[1])
            if np.allclose(moves[1], gradient, 1e-3, 1e-4):
                rate = np.vdot(moves[1], gradient) / np.vdot(gradient, gradient)  # as of a decay
                return np.asarray((moves[0] - moves[1]) / rate)
        return None


def penalty_of(files: StudentFiles) -> Penalty:
    """Find where the L2 term is added.

    Raises:
        Mistake: if there is no SoftmaxModel.
    """
    SoftmaxModel = files.require("task3a.SoftmaxModel")
    has_trainer = hasattr(files.find("task3"), "SoftmaxTrainer")
    Trainer = files.require("task3.SoftmaxTrainer") if has_trainer else None
    as_stated = Penalty(SoftmaxModel, Trainer)
    for Model in compatibility.with_models_of_their_own([SoftmaxModel], files):
        places = compatibility.penalty_in_train_step([replace(as_stated, Model=Model)])
        for place in compatibility.penalty_by_an_option(places):
            try:
                term = place.term(0.3)
                if np.abs(term).max() > 1e-6:
                    with suppress(Exception):
                        if close(term, np.asarray(penalty_gradient_of(SoftmaxModel))).all():
                            files.parts[BACKWARD[0]] = PART
                    return place
            except Exception:
                if place == as_stated:
                    penalty_gradient_of(SoftmaxModel)  # if that is not written, it comes first
                    raise
    part = penalty_gradient_of(SoftmaxModel)
    always = replace(as_stated, where=ALWAYS)
    with suppress(Exception):
        expect_multiple("the L2 term", always.term(0.3), W)
        return always
    if part is not None and np.any(part):
        return replace(as_stated, where=ALONE)
    if part is not None:
        files.parts[BACKWARD[0]] = PART
    return as_stated


def penalty_gradient_of(SoftmaxModel: Any) -> Any:
    """Run `penalty_gradient`, which only files of this course have, on the weights W.

    Raises:
        Mistake: if it returns no gradient (785, 10).
    """
    model = model_with(SoftmaxModel(0.3), W)
    if not hasattr(model, "penalty_gradient"):
        return None
    with at_fault(PART):
        gradient = model.penalty_gradient()
        expect_shape("penalty_gradient()", gradient, W.shape)
        return gradient


def changes_weights(penalty: Penalty, strength: float) -> bool:
    """Return whether `backward` changes the weights."""
    model = model_with(penalty.Model(strength), W)
    model.backward(X.copy(), OUTPUTS.copy(), Y.copy())
    return bool((model.w != W).any())


def expect_some(term: np.ndarray, likely: str = "") -> None:
    """Raise Mistake unless there is an L2 term."""
    what = "the gradient does not change with lambda"
    expect(np.abs(term).max() > 1e-6, what, "another one", "the same gradient", likely)


@check("4b", 2, *BACKWARD)
def test_lambda_changes_the_gradient(files: StudentFiles) -> None:
    penalty = penalty_of(files)
    likely = "the L2 term is missing; it is the last term of equation 28."
    likely = {ALONE: NOT_ADDED, ALWAYS: NO_LAMBDA}.get(penalty.where, likely)
    is_lost = penalty.where in (ALONE, ALWAYS)
    term = (0 if is_lost else 1) * penalty.term(0.3)
    if not is_lost and not term.any() and penalty.term(1.0).any():
        likely = "lambda = 1 changes it, 0.3 does not: is lambda rounded, or compared with 1?"
    expect(not np.isnan(term).any(), "the gradient with lambda = 0.3", "numbers", "nan in it")
    expect_some(term, likely)


@check("4b", 1.5, *BACKWARD, [test_lambda_changes_the_gradient])
def test_lambda_adds_a_multiple_of_w_to_the_gradient(files: StudentFiles) -> None:
    relations = [*penalty_relations(W, 0.3, len(X))]
    instead = 0.3 * textbook.penalty_slopes(W) - textbook.gradient(X, OUTPUTS, Y)
    relations.append((instead, "the L2 term takes the place of the gradient of C; add it to that."))
    rest = [(np.asarray(wrong)[WITHOUT_BIAS], cause) for wrong, cause in relations]
    name, term = "the L2 term that lambda = 0.3 adds", penalty_of(files).term(0.3)[WITHOUT_BIAS]
    expect_multiple(name, term, W[WITHOUT_BIAS], rest, "differentiate equation 27.")


@check("4b", 1, *BACKWARD, [test_lambda_changes_the_gradient])
def test_the_term_is_proportional_to_lambda(files: StudentFiles) -> None:
    penalty = penalty_of(files)
    strengths = (1.0, 0.1, 0.01)
    terms = [penalty.term(strength) / strength for strength in strengths]
    expect_some(terms[0])
    for strength, term in zip(strengths[1:], terms[1:], strict=True):
        relations = [
            (terms[0] * strength, "lambda comes in squared."),
            (terms[0] / strength, "the term is the same for every lambda."),
        ]
        what = f"lambda = {strength:g} does not add {strength:g} times what lambda = 1 adds"
        expect_close("the term over lambda", term, terms[0], relations, what=what)


@check(
    "4b",
    1.5,
    *BACKWARD,
    [test_lambda_adds_a_multiple_of_w_to_the_gradient, test_the_term_is_proportional_to_lambda],
)
def test_the_term_is_the_gradient_of_the_penalty(files: StudentFiles) -> None:
    penalty, known = penalty_of(files), 0.3  # its square is another number, for the list of causes
    if not changes_weights(penalty, 0.0):  # which is Task 3a's
        model = model_with(penalty.Model(known), W)
        expect_weights_kept(model, X, "backward", OUTPUTS, Y, strength=known)
    right = known * textbook.penalty_slopes(W)
    for num_examples in (7, 3):
        term = penalty.term(1.0, num_examples) * known
        if not close(term[WITHOUT_BIAS], right[WITHOUT_BIAS]).all():
            expect_penalty_gradient(term, W, known, num_examples)


@check("4b", 0.5, *BACKWARD, [test_lambda_adds_a_multiple_of_w_to_the_gradient])
def test_the_bias_has_the_term_of_every_weight(files: StudentFiles) -> None:
    term = penalty_of(files).term(0.3)
    expect_some(term)
    factor = float(np.sum(term[WITHOUT_BIAS] * W[WITHOUT_BIAS]) / np.sum(W[WITHOUT_BIAS] ** 2))
    likely = "the bias is left out: equation 27 sums over every weight, the bias too."
    expect_close("the L2 term", term, factor * W, likely=likely)


@check("4b", 0.5, *BACKWARD, [test_lambda_changes_the_gradient])
def test_backward_adds_the_term_and_touches_nothing_else(files: StudentFiles) -> None:
    penalty = penalty_of(files)
    if penalty.where in (ALONE, ALWAYS) or changes_weights(penalty, 0.3):
        return  # which costs the points of another check
    expect_some(penalty.term(0.3))
    expect(penalty.where == "backward", penalty.what, "in backward", penalty.where, penalty.likely)
    expect_new_gradient(model_with(penalty.Model(0.3), W), X, OUTPUTS, Y)
    step = penalty.term_of_a_step(0.3)
    if step is not None and not close(step, penalty.term(0.3)).all():
        likely = "train_step uses the gradient as backward sets it, and adds nothing."
        relations = [
            (2 * penalty.term(0.3), "it is added twice, in backward and in train_step."),
            (0 * W, "lambda has no effect in train_step."),
        ]
        what = "the L2 term moves the weights wrongly (lambda = 0.3)"
        with at_fault("task3.SoftmaxTrainer.train_step"):
            expect_close("the L2 term of a step", step, penalty.term(0.3), relations, likely, what)
