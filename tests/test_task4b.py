"""Task 4b: L2 regularisation (7 points)."""

from __future__ import annotations

import numpy as np

from tests.checks import textbook
from tests.checks.desk import Desk
from tests.checks.gradients import expect_penalty_gradient, penalty_relations
from tests.checks.mistake import at_fault, close, expect, expect_close, expect_multiple
from tests.checks.models import expect_new_gradient, expect_weights_kept, make, model_with
from tests.checks.penalty import Penalty, find_penalty
from tests.checks.points import check

X, Y = textbook.inputs(), textbook.class_targets()
W = textbook.sealed(textbook.weights(10) * 8)  # of order one: the L2 term is as large as it can be
OUTPUTS = textbook.sealed(textbook.forward(X, W))

WITHOUT_BIAS = slice(1, -1)  # the first row, or the last

BACKWARD = "task3a.SoftmaxModel.backward", "28"


def penalty_of(desk: Desk) -> Penalty:
    return find_penalty(desk, X, Y, OUTPUTS, W)


@check("4b", 2, *BACKWARD)
def test_lambda_changes_the_gradient(desk: Desk) -> None:
    what = "the gradient does not change with lambda"
    likely = "the L2 term is missing in backward; it is the last term of equation 28."
    term = penalty_of(desk).term(0.3)
    expect(np.abs(term).max() > 1e-6, what, "another one", "the same gradient", likely)


@check("4b", 1.5, *BACKWARD, [test_lambda_changes_the_gradient])
def test_lambda_adds_a_multiple_of_w_to_the_gradient(desk: Desk) -> None:
    relations = penalty_relations(W, 0.3, len(X))
    rest = [(np.asarray(wrong)[WITHOUT_BIAS], cause) for wrong, cause in relations]
    name, term = "the L2 term that lambda = 0.3 adds", penalty_of(desk).term(0.3)[WITHOUT_BIAS]
    expect_multiple(name, term, W[WITHOUT_BIAS], rest, "differentiate equation 27.")


@check("4b", 1, *BACKWARD, [test_lambda_changes_the_gradient])
def test_the_term_is_proportional_to_lambda(desk: Desk) -> None:
    penalty = penalty_of(desk)
    strengths = (1.0, 0.1, 0.01)
    terms = [penalty.term(strength) / strength for strength in strengths]
    for strength, term in zip(strengths[1:], terms[1:], strict=True):
        relations = [
            (terms[0] * strength, "lambda comes in squared."),
            (terms[0] / strength, "the term is the same for every lambda."),
        ]
        what = f"lambda = {strength:g} does not add {strength:g} times what lambda = 1 adds"
        expect_close("the term over lambda", term, terms[0], relations, what=what)


@check("4b", 1.5, *BACKWARD, [test_lambda_adds_a_multiple_of_w_to_the_gradient])
def test_the_term_is_the_gradient_of_the_penalty(desk: Desk) -> None:
    penalty, known = penalty_of(desk), 0.3  # its square is another number, for the list of causes
    right = known * textbook.penalty_slopes(W)
    for num_examples in (7, 3):
        term = penalty.term(1.0, num_examples) * known
        if not close(term[WITHOUT_BIAS], right[WITHOUT_BIAS]).all():
            expect_penalty_gradient(term, W, known, num_examples)


@check("4b", 0.5, *BACKWARD, [test_lambda_adds_a_multiple_of_w_to_the_gradient])
def test_the_bias_has_the_term_of_every_weight(desk: Desk) -> None:
    term = penalty_of(desk).term(0.3)
    factor = float(np.sum(term[WITHOUT_BIAS] * W[WITHOUT_BIAS]) / np.sum(W[WITHOUT_BIAS] ** 2))
    likely = "the bias is left out: equation 27 sums over every weight, the bias too."
    expect_close("the L2 term", term, factor * W, likely=likely)


@check("4b", 0.5, *BACKWARD, [test_lambda_changes_the_gradient])
def test_backward_adds_the_term_and_touches_nothing_else(desk: Desk) -> None:
    penalty = penalty_of(desk)
    expect(penalty.where == "backward", penalty.what, "in backward", penalty.where, penalty.likely)
    model = model_with(make(penalty.Model, 0.3), W)
    expect_weights_kept(model, X, "backward", OUTPUTS, Y)
    expect_new_gradient(model_with(make(penalty.Model, 0.3), W), X, OUTPUTS, Y)
    step = penalty.term_of_a_step(0.3)
    if step is not None and not close(step, penalty.term(0.3)).all():
        likely = "train_step uses the gradient as backward sets it, and adds nothing."
        relations = [(2 * penalty.term(0.3), "it is added twice, in backward and in train_step.")]
        what = "the L2 term moves the weights wrongly (lambda = 0.3)"
        with at_fault("task3.SoftmaxTrainer.train_step"):
            expect_close("the L2 term of a step", step, penalty.term(0.3), relations, likely, what)
