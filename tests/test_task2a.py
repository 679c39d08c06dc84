"""Task 2a: the pieces of logistic regression (12 points)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.checks import textbook
from tests.checks.gradients import expect_gradient
from tests.checks.mistake import (
    close,
    expect,
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

X, Y = textbook.inputs(), textbook.binary_targets()
W = textbook.weights(1)
OUTPUTS = textbook.sealed(textbook.forward(X, W))

PIXELS = "task2a.pre_process_images"
LOSS = "task2a.cross_entropy_loss", "3"
FORWARD = "task2a.BinaryModel.forward", "1"
BACKWARD = "task2a.BinaryModel.backward", "6"


@pytest.fixture
def model(task2a: Any) -> Callable[[np.ndarray], Any]:
    """Make a BinaryModel with the given weights."""
    return lambda w: model_with(task2a.BinaryModel(), w)


def without_bias(inputs: Any, right: np.ndarray) -> np.ndarray:
    """Remove the bias input, the first column or the last; its values may be wrong."""
    inputs = np.asarray(inputs)
    bias_first, bias_last = inputs[:, 1:], inputs[:, :-1]
    first = (inputs[:, 0] == 1).all() and not (inputs[:, -1] == 1).all()
    return bias_first if first or close(bias_first, right).all() else bias_last


# Shapes


@check("2a", 0.5, PIXELS)
def test_pre_process_images_appends_one_column(task2a: Any) -> None:
    inputs = task2a.pre_process_images(np.zeros((3, 784), dtype=np.uint8))
    likely = "append one column, the bias input, to (N, 784)."
    expect_shape("pre_process_images(X)", inputs, (3, 785), likely)


@check("2a", 0.5, "task2a.BinaryModel.__init__")
def test_a_new_model_has_785_zero_weights(task2a: Any) -> None:
    model = task2a.BinaryModel()
    expect_shape("w", model.w, (785, 1), "784 pixels and the bias make 785 inputs; one output.")
    expect_zeros("w", model.w)
    model.forward(X.copy())


@check("2a", 0.5, *FORWARD)
def test_forward_gives_one_output_for_each_image(model: Any) -> None:
    outputs = model(W).forward(X.copy())
    expect_shape("forward(X)", outputs, (7, 1), "X @ w, with w of shape (785, 1).")


@check("2a", 0.5, *LOSS)
def test_cross_entropy_loss_is_one_number(task2a: Any) -> None:
    loss = task2a.cross_entropy_loss(Y.copy(), OUTPUTS.copy())
    expect_number("the loss", loss, "the mean over the N examples is missing.")


# Values by hand


@check("2a", 1, PIXELS, needs=[test_pre_process_images_appends_one_column])
def test_pre_process_images_maps_0_to_minus_1_and_255_to_1(task2a: Any) -> None:
    pixels = np.full((2, 784), 51, dtype=np.uint8)  # no pixel is 0 or 255
    pixels[0, :3] = 102, 204, 153
    right = pixels / 127.5 - 1
    got = without_bias(task2a.pre_process_images(pixels.copy()), right)
    spread = pixels - pixels.min()
    relations = [
        (pixels / 255, "this is the range [0, 1]; it is X / 127.5 - 1."),
        (pixels / 127.5, "the -1 is missing; it is X / 127.5 - 1."),
        (pixels - 127.5, "the division by 127.5 is missing."),
        (pixels / 255 - 1, "this is the range [-1, 0]; it is X / 127.5 - 1."),
        (pixels / 255 - 0.5, "this is the range [-0.5, 0.5]; it is X / 127.5 - 1."),
        (1 - pixels / 127.5, "the sign is opposite; it is X / 127.5 - 1."),
        (pixels / 128 - 1, "255 becomes 0.992, not 1; divide by 127.5."),
        ((pixels - 128) / 128, "255 becomes 0.992, not 1; divide by 127.5."),
        (2 * spread / spread.max() - 1, "use the fixed range 0 to 255, not that of the images."),
        ((pixels - pixels.mean()) / pixels.std(), "do not standardise; it is X / 127.5 - 1."),
        ((2 * pixels) / 255 - 1, "2 * X does not fit into uint8; convert X to float first."),
        (right.astype(np.int64), "the result is truncated to integers; it has to be float."),
    ]
    expect_close("the pixels", got, right, relations, "0 becomes -1 and 255 becomes 1.")
    ramp = np.tile(np.arange(784) % 256, (2, 1)).astype(np.float64)
    right = ramp / 127.5 - 1
    got = without_bias(task2a.pre_process_images(ramp.copy()), right)
    expect_close("the pixels", got, right, likely="keep the order of the pixels.")


@check("2a", 0.5, PIXELS, needs=[test_pre_process_images_appends_one_column])
def test_the_bias_input_is_1(task2a: Any) -> None:
    pixels = np.full((3, 784), 51, dtype=np.uint8)
    inputs = np.asarray(task2a.pre_process_images(pixels))
    first, last = inputs[:, 0], inputs[:, -1]
    expect(
        (last == 1).all() or (first == 1).all(),
        "the bias input, the first or the last column, is not 1",
        "1 for every image",
        f"first column {first.tolist()}, last column {last.tolist()}",
        "append a 1 for each image after the pixels are normalised.",
    )


@check("2a", 1, *FORWARD, [test_forward_gives_one_output_for_each_image])
def test_forward_is_the_sigmoid(model: Any) -> None:
    x = np.zeros((4, 785))
    x[:, 0] = 0, np.log(3), -np.log(3), np.log(4)
    w = np.zeros((785, 1))
    w[0] = 1
    z = x @ w
    relations = [
        (1 - textbook.sigmoid(z), "the sign of the exponent: it is 1 / (1 + exp(-z))."),
        (z, "this is z = X w; the sigmoid is missing."),
        (np.tanh(z), "this is tanh; the sigmoid is 1 / (1 + exp(-z))."),
        (np.exp(z), "this is exp(z); the sigmoid is 1 / (1 + exp(-z))."),
        (textbook.sigmoid(z) >= 0.5, "give the probability, not the decision."),
        (textbook.softmax(z), "this is a softmax over one output, always 1."),
    ]
    by_hand = [[0.5], [0.75], [0.25], [0.8]]
    expect_close("outputs for z = 0, ln 3, -ln 3, ln 4", model(w).forward(x), by_hand, relations)
    likely = "every column of X counts, the bias too."
    expect_close("outputs", model(W).forward(X.copy()), OUTPUTS, likely=likely)


@check("2a", 1.5, *LOSS, [test_cross_entropy_loss_is_one_number])
def test_cross_entropy_loss_by_hand(task2a: Any) -> None:
    y, yhat = np.array([[1.0], [0.0], [1.0]]), np.array([[0.5], [0.2], [0.8]])
    right = -(np.log(0.5) + np.log(0.8) + np.log(0.8)) / 3
    relations = [
        (-right, "the minus sign in front is missing."),
        (3 * right, "this is the sum; equation 3 divides by N."),
        (-3 * right, "the minus sign and the division by N are missing."),
        (right / 3, "divided by N twice."),
        (right / 2, "divided by 2 N, not by N."),
        (right / np.log(2), "this is the logarithm to base 2; np.log is the natural one."),
        (right / np.log(10), "this is the logarithm to base 10; np.log is the natural one."),
        (-(np.log(0.5) + np.log(0.8)) / 3, "the term (1 - y) ln(1 - yhat) is missing."),
        (-np.log(0.8) / 3, "the term y ln(yhat) is missing."),
        (-(np.log(0.5) + np.log(0.2) + np.log(0.8)) / 3, "for y = 0 it is ln(1 - yhat)."),
        (-(np.log(0.5) - np.log(0.8) + np.log(0.8)) / 3, "both terms have the same sign."),
        (np.mean((y - yhat) ** 2), "this is the mean squared error."),
    ]
    loss = task2a.cross_entropy_loss(y, yhat)
    expect_close("the loss of y = 1, 0, 1 and yhat = 0.5, 0.2, 0.8", loss, right, relations)
    loss = task2a.cross_entropy_loss(Y.copy(), OUTPUTS.copy())
    expect_close("the loss of 7 examples", loss, textbook.binary_cross_entropy(Y, OUTPUTS))


# Invariants


@check("2a", 0.5, PIXELS, needs=[test_pre_process_images_maps_0_to_minus_1_and_255_to_1])
def test_pre_process_images_leaves_the_images_as_they_were(task2a: Any) -> None:
    for dtype in (np.uint8, np.float32, np.float64):
        pixels = np.tile(np.arange(784) % 256, (2, 1)).astype(dtype)
        with untouched(X=pixels):
            task2a.pre_process_images(pixels)


@check("2a", 0.5, *FORWARD, [test_forward_is_the_sigmoid])
def test_forward_leaves_inputs_and_weights_as_they_were(model: Any) -> None:
    expect_weights_kept(model(W), X, "forward")


@check("2a", 0.5, *LOSS, [test_cross_entropy_loss_by_hand])
def test_cross_entropy_loss_leaves_its_arguments_as_they_were(task2a: Any) -> None:
    y, yhat = Y.copy(), OUTPUTS.copy()
    yhat[0], yhat[1] = 1, 0
    with untouched(targets=y, outputs=yhat):
        task2a.cross_entropy_loss(y, yhat)


# Gradient


@check("2a", 0.5, *BACKWARD)
def test_backward_sets_a_gradient_of_the_shape_of_w(model: Any) -> None:
    grad = gradient_of(model(W), X, OUTPUTS, Y)
    expect_shape("grad", grad, (785, 1), "X^T (785, N) times (yhat - y) (N, 1).")


@check("2a", 1.5, *BACKWARD, [test_backward_sets_a_gradient_of_the_shape_of_w])
def test_backward_is_the_gradient_of_the_loss(model: Any) -> None:
    expect_gradient(gradient_of(model(W), X, OUTPUTS, Y), X, W, OUTPUTS, Y)


@check("2a", 0.5, *BACKWARD, [test_backward_is_the_gradient_of_the_loss])
def test_backward_forgets_the_last_gradient_and_touches_nothing_else(model: Any) -> None:
    expect_new_gradient(model(W), X, OUTPUTS, Y)
    expect_weights_kept(model(W), X, "backward", OUTPUTS, Y)


@check(
    "2a",
    0.5,
    "task2a.BinaryModel.zero_grad",
    needs=[test_backward_sets_a_gradient_of_the_shape_of_w],
)
def test_zero_grad_forgets_the_gradient(model: Any) -> None:
    expect_gradient_reset(model(W), X, OUTPUTS, Y)


@check(
    "2a",
    0.5,
    "task2a.gradient_approximation_test",
    "29",
    [
        test_backward_is_the_gradient_of_the_loss,
        test_forward_is_the_sigmoid,
        test_cross_entropy_loss_by_hand,
    ],
)
def test_gradient_approximation_test_rejects_a_wrong_gradient(task2a: Any) -> None:
    expect_rejection(task2a, task2a.BinaryModel, (), Y[:3])


# Extremes


@check("2a", 0.5, *FORWARD, [test_forward_is_the_sigmoid])
def test_forward_does_not_overflow(model: Any) -> None:
    z = np.array([[1e4], [-1e4], [800.0], [-800.0], [0.0]])
    right = np.array([[1.0], [0.0], [1.0], [0.0], [0.5]])
    likely = "exp of a large number overflows; for z < 0 compute exp(z) / (1 + exp(z))."
    expect_no_overflow(model, z, right, likely)


@check("2a", 0.5, *LOSS, [test_cross_entropy_loss_by_hand])
def test_cross_entropy_loss_is_finite_at_0_and_1(task2a: Any) -> None:
    y = np.array([[1.0], [0.0]])
    expect_finite_loss(task2a.cross_entropy_loss, y, 1 - y)
