"""Task 3a: the pieces of softmax regression (14 points)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.checks import textbook
from tests.checks.gradients import expect_gradient
from tests.checks.mistake import (
    expect_close,
    expect_number,
    expect_shape,
    expect_zeros,
    untouched,
)
from tests.checks.models import (
    expect_finite_loss,
    expect_gradient_reset,
    expect_new_gradient,
    expect_no_overflow,
    expect_rejection,
    expect_weights_kept,
    gradient_of,
    model_with,
)
from tests.checks.points import check

X, Y = textbook.inputs(), textbook.class_targets()
W = textbook.sealed(textbook.weights(10) / 2)
OUTPUTS = textbook.sealed(textbook.forward(X, W))
AXIS = "the sum is over the classes of one image: axis=1, keepdims=True."

ONE_HOT = "task3a.one_hot_encode"
LOSS = "task3a.cross_entropy_loss", "5"
FORWARD = "task3a.SoftmaxModel.forward", "4"
BACKWARD = "task3a.SoftmaxModel.backward", "13"


@pytest.fixture
def model(task3a: Any) -> Callable[[np.ndarray], Any]:
    """Make a SoftmaxModel with the given weights and no L2 regularisation."""
    return lambda w: model_with(task3a.SoftmaxModel(0.0), w)


# Shapes


@check("3a", 0.5, ONE_HOT)
def test_one_hot_encode_gives_one_row_for_each_label(task3a: Any) -> None:
    targets = task3a.one_hot_encode(np.array([[3], [0], [9]]), 10)
    likely = "(N, 1) labels become (N, num_classes)."
    expect_shape("one_hot_encode(Y, 10)", targets, (3, 10), likely)


@check("3a", 0.5, "task3a.SoftmaxModel.__init__")
def test_a_new_model_has_785_times_10_zero_weights(task3a: Any) -> None:
    model = task3a.SoftmaxModel(0.0)
    expect_shape("w", model.w, (785, 10), "784 pixels and the bias make 785 inputs; 10 classes.")
    expect_zeros("w", model.w)
    model.forward(X.copy())


@check("3a", 0.5, *FORWARD)
def test_forward_gives_ten_outputs_for_each_image(model: Any) -> None:
    outputs = model(W).forward(X.copy())
    expect_shape("forward(X)", outputs, (7, 10), "X @ w, with w of shape (785, 10).")


@check("3a", 0.5, *LOSS)
def test_cross_entropy_loss_is_one_number(task3a: Any) -> None:
    loss = task3a.cross_entropy_loss(Y.copy(), OUTPUTS.copy())
    expect_number("the loss", loss, "the sum over classes or the mean over examples is missing.")


# Values by hand


@check("3a", 1.5, ONE_HOT, needs=[test_one_hot_encode_gives_one_row_for_each_label])
def test_one_hot_encode_puts_a_1_at_the_label(task3a: Any) -> None:
    for labels, K in (([3, 1, 9, 3], 10), ([2, 0, 1], 4)):
        right = np.eye(K)[labels]
        relations = [
            (np.eye(K)[[n - 1 for n in labels]], "off by one: label k is at index k."),
            (np.eye(K)[[(n + 1) % K for n in labels]], "off by one: label k is at index k."),
            (1 - right, "zeros and ones are exchanged."),
            (right[:, ::-1], "the order of the classes is reversed."),
            (0 * right, "no 1 is set: index the rows too, out[np.arange(N), Y[:, 0]] = 1."),
            (np.tile(right.max(axis=0), (len(labels), 1)), "every row has the labels of all rows."),
            (right * np.reshape(labels, (-1, 1)), "the label is set where a 1 belongs."),
        ]
        Y = np.array(labels).reshape(-1, 1)
        likely = "label k becomes a 1 at index k of its row."
        expect_close("the encoding", task3a.one_hot_encode(Y, K), right, relations, likely)


@check("3a", 1.5, *FORWARD, [test_forward_gives_ten_outputs_for_each_image])
def test_forward_is_the_softmax(model: Any) -> None:
    x, w = np.zeros((3, 785)), np.zeros((785, 10))
    x[:, :3] = np.eye(3)
    w[1, 4], w[2, 7] = np.log(3), np.log(11)  # e^z: all 1; 3 and nine 1; 11 and nine 1
    by_hand = np.full((3, 10), 0.1)
    by_hand[1], by_hand[2] = 1 / 12, 1 / 20
    by_hand[1, 4], by_hand[2, 7] = 3 / 12, 11 / 20
    z = x @ w
    e = np.exp(z)
    shifted = e / e.max(axis=1, keepdims=True)
    relations = [
        (e / e.sum(), AXIS),
        (e / e.sum(axis=0), AXIS),
        (shifted / shifted.sum(axis=0), AXIS),
        (e, "the division by the sum over the classes is missing."),
        (z, "this is z = X w; the softmax is missing."),
        (textbook.sigmoid(z), "this is the sigmoid; it is the softmax of equation 4."),
        (textbook.softmax(-z), "the sign of the exponent: it is exp(z)."),
        (np.log(by_hand), "this is the logarithm of the softmax."),
    ]
    expect_close("outputs", model(w).forward(x), by_hand, relations)
    likely = "every column of X counts, the bias too."
    expect_close("outputs", model(W).forward(X.copy()), OUTPUTS, likely=likely)


@check("3a", 1.5, *LOSS, [test_cross_entropy_loss_is_one_number])
def test_cross_entropy_loss_by_hand(task3a: Any) -> None:
    y, yhat = np.eye(4)[[0, 2]], np.array([[0.5, 0.2, 0.2, 0.1], [0.1, 0.2, 0.4, 0.3]])
    right = -(np.log(0.5) + np.log(0.4)) / 2
    binary = textbook.binary_cross_entropy(y, yhat)
    everything = float(-np.mean(np.sum(np.log(yhat), axis=1)))
    relations = [
        (-right, "the minus sign in front is missing."),
        (2 * right, "this is the sum; equation 5 divides by N."),
        (-2 * right, "the minus sign and the division by N are missing."),
        (right / 2, "divided by N twice, or by 2 N."),
        (right / 4, "divided by N * K: np.mean over all entries; only N counts."),
        (-right / 4, "divided by N * K, and the minus sign is missing."),
        (2 * right / 4, "divided by the number of classes K, not of examples N."),
        (right / np.log(2), "this is the logarithm to base 2; np.log is the natural one."),
        (right / np.log(10), "this is the logarithm to base 10; np.log is the natural one."),
        (binary, "this is the loss of two classes (equation 3), averaged over N * K."),
        (4 * binary, "this is the loss of two classes (equation 3); there is no 1 - y here."),
        (everything, "the targets are missing: only the class with y_k = 1 counts."),
        (np.mean((y - yhat) ** 2), "this is the mean squared error."),
    ]
    loss = task3a.cross_entropy_loss(y, yhat)
    expect_close("the loss of 2 examples, 4 classes", loss, right, relations)
    loss = task3a.cross_entropy_loss(Y.copy(), OUTPUTS.copy())
    expect_close("the loss of 7 examples", loss, textbook.cross_entropy(Y, OUTPUTS))


# Invariants


@check("3a", 0.5, ONE_HOT, needs=[test_one_hot_encode_puts_a_1_at_the_label])
def test_one_hot_encode_leaves_the_labels_as_they_were(task3a: Any) -> None:
    labels = np.array([[3], [2], [9]])
    with untouched(Y=labels):
        task3a.one_hot_encode(labels, 10)


@check("3a", 0.5, *FORWARD, [test_forward_is_the_softmax])
def test_outputs_sum_to_1_and_do_not_change_when_all_scores_do(model: Any) -> None:
    outputs = np.asarray(model(W).forward(X.copy()))
    expect_close("the sum of each row", outputs.sum(axis=1), np.ones(7))
    shifted = W.copy()
    shifted[-1] += 30  # the bias of every class
    likely = "subtract the largest score of each row from that row, and nothing else."
    what = "the outputs change when 30 is added to all scores of an image"
    expect_close("outputs", model(shifted).forward(X.copy()), outputs, likely=likely, what=what)


@check("3a", 0.5, *FORWARD, [test_forward_is_the_softmax])
def test_forward_leaves_inputs_and_weights_as_they_were(model: Any) -> None:
    expect_weights_kept(model(W), X, "forward")


@check("3a", 0.5, *LOSS, [test_cross_entropy_loss_by_hand])
def test_cross_entropy_loss_leaves_its_arguments_as_they_were(task3a: Any) -> None:
    y, yhat = Y.copy(), OUTPUTS.copy()
    yhat[0] = np.eye(10)[1]
    with untouched(targets=y, outputs=yhat):
        task3a.cross_entropy_loss(y, yhat)


# Gradient


@check("3a", 0.5, *BACKWARD)
def test_backward_sets_a_gradient_of_the_shape_of_w(model: Any) -> None:
    grad = gradient_of(model(W), X, OUTPUTS, Y)
    expect_shape("grad", grad, (785, 10), "X^T (785, N) times (yhat - y) (N, 10).")


@check("3a", 2.5, *BACKWARD, [test_backward_sets_a_gradient_of_the_shape_of_w])
def test_backward_is_the_gradient_of_the_loss(model: Any) -> None:
    expect_gradient(gradient_of(model(W), X, OUTPUTS, Y), X, W, OUTPUTS, Y)


@check("3a", 0.5, *BACKWARD, [test_backward_is_the_gradient_of_the_loss])
def test_backward_forgets_the_last_gradient_and_touches_nothing_else(model: Any) -> None:
    expect_new_gradient(model(W), X, OUTPUTS, Y)
    expect_weights_kept(model(W), X, "backward", OUTPUTS, Y)


@check(
    "3a",
    0.5,
    "task3a.SoftmaxModel.zero_grad",
    needs=[test_backward_sets_a_gradient_of_the_shape_of_w],
)
def test_zero_grad_forgets_the_gradient(model: Any) -> None:
    expect_gradient_reset(model(W), X, OUTPUTS, Y)


@check(
    "3a",
    0.5,
    "task3a.gradient_approximation_test",
    "29",
    [
        test_backward_is_the_gradient_of_the_loss,
        test_forward_is_the_softmax,
        test_cross_entropy_loss_by_hand,
    ],
)
def test_gradient_approximation_test_rejects_a_wrong_gradient(task3a: Any) -> None:
    expect_rejection(task3a, task3a.SoftmaxModel, (0.0,), Y[:3])


# Extremes


@check("3a", 0.5, *FORWARD, [test_forward_is_the_softmax])
def test_forward_does_not_overflow(model: Any) -> None:
    z = np.zeros((3, 10))
    z[0, 3], z[1, 5], z[2] = 1e4, -1e4, -1e4
    right = np.array([np.eye(10)[3], (1 - np.eye(10)[5]) / 9, np.full(10, 0.1)])
    likely = "exp of a large number overflows; subtract the largest score of each row first."
    expect_no_overflow(model, z, right, likely)


@check("3a", 0.5, *LOSS, [test_cross_entropy_loss_by_hand])
def test_cross_entropy_loss_is_finite_at_0_and_1(task3a: Any) -> None:
    expect_finite_loss(task3a.cross_entropy_loss, np.eye(10)[[3, 4]], np.eye(10)[[5, 6]])
