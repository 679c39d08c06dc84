"""Task 3a: the pieces of softmax regression (14 points)."""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import pytest

from tests.checks import textbook
from tests.checks.gradients import data_relations
from tests.checks.mistake import (
    at_fault,
    close,
    entries,
    expect_array,
    expect_close,
    expect_multiple,
    expect_scalar,
    expect_shape,
    expect_variety,
    expect_zeros,
    total_of,
    untouched,
)
from tests.checks.models import (
    CLIPPED,
    exchanged,
    expect_finite_loss,
    expect_gradient_reset,
    expect_loss,
    expect_made_as_handed_out,
    expect_mean_gradient,
    expect_new_gradient,
    expect_no_overflow,
    expect_no_square_of_N,
    expect_rejection,
    expect_size,
    expect_weights_kept,
    gradient_of,
    ignored_columns,
    loss_of,
    model_with,
    on_a_whole_set,
    outputs_of,
    pairs,
)
from tests.checks.points import advice, check

X, Y = textbook.inputs(), textbook.class_targets()
W = textbook.weights(10)
OUTPUTS = textbook.sealed(textbook.forward(X, W))
AXIS = "the sum is over the classes of one image, and so it is one number for each image."

ONE_HOT = "task3a.one_hot_encode"
LOSS = "task3a.cross_entropy_loss", "5"
FORWARD = "task3a.SoftmaxModel.forward", "4"
BACKWARD = "task3a.SoftmaxModel.backward", "13"


@pytest.fixture
def model(task3a: Any) -> Callable[[np.ndarray], Any]:
    """Make a SoftmaxModel with the given weights and no L2 regularisation."""
    return lambda w: model_with(task3a.SoftmaxModel(0.0), w)


@pytest.fixture
def encode(task3a: Any) -> Callable[[list[int], int], Any]:
    """Encode labels, which come as in MNIST: uint8 (N, 1)."""

    def one_hot(labels: list[int], K: int) -> Any:
        Y = np.array(labels, dtype=np.uint8).reshape(-1, 1)
        return task3a.one_hot_encode(Y, K)

    return one_hot


@pytest.fixture
def as_encoded(task3a: Any) -> tuple[np.dtype[Any], str]:
    """The type of the student's own targets, or float where there are none, and their source."""
    dtype = np.dtype(float)
    with suppress(Exception):
        dtype = task3a.one_hot_encode(np.array([[1]], np.uint8), 10).dtype
    return (dtype if dtype.kind in "fiub" else np.dtype(float)), "one_hot_encode"


# One-hot encoding


@check("3a", 2, ONE_HOT)
def test_one_hot_encode_puts_a_1_at_the_label(encode: Any) -> None:
    labels, K = [3, 1, 9, 3, 0, 1, 9, 0, 3, 1, 0, 9], 10
    right, filled = textbook.rows(labels), np.isin(range(len(labels)), labels).reshape(-1, 1)
    off_by_one = "off by one: label k is at index k."
    relations = [
        (np.roll(right, -1, axis=1), off_by_one),
        (np.roll(right, 1, axis=1), off_by_one),
        (np.pad(right, ((0, 0), (1, 0)))[:, :K], off_by_one),
        (np.pad(right, ((0, 0), (0, 1)))[:, 1:], off_by_one),
        (1 - right, "zeros and ones are exchanged."),
        (right[:, ::-1], "the order of the classes is reversed."),
        (0 * right, "no 1 is set in the array that is returned."),
        (np.tile(right.max(axis=0), (len(labels), 1)), "every row has the labels of all rows."),
        (right * np.reshape(labels, (-1, 1)), "the label is set where a 1 belongs."),
        (filled + 0 * right, "a label is the number of a row here; it is that of a column."),
    ]
    likely = "label k becomes a 1 at index k of its row."
    expect_close("the encoding", encode(labels, K), right, relations, likely)


@check("3a", 0.5, ONE_HOT)
def test_one_hot_encode_gives_one_row_for_each_label(encode: Any) -> None:
    likely, labels = "(N, 1) labels become (N, num_classes).", [3, 2, 9, 1, 3, 2, 9, 1, 3, 2, 9]
    encoding = encode(labels, 10)
    expect_array("one_hot_encode(Y, 10)", encoding)
    expect_shape("one_hot_encode(Y, 10)", encoding, (11, 10), likely)
    expect_variety("one_hot_encode(Y, 10)", encoding)
    if close(np.asarray(encoding), textbook.rows(labels)).all():
        eight_bits = "numbers of rows in the type of Y, 8 bits, end at 255: 256 becomes 0."
        for N, cause in ((256, ""), (300, eight_bits)):
            labels = np.resize(textbook.LABELS, N).tolist()
            what, right = f"the encoding of {N} labels", textbook.rows(labels)
            expect_close(what, encode(labels, 10), right, likely=cause)


@check("3a", 0.5, ONE_HOT, needs=[test_one_hot_encode_puts_a_1_at_the_label])
def test_one_hot_encode_has_as_many_columns_as_classes(encode: Any) -> None:
    name, right = "one_hot_encode of 2, 0, 1, 2 of 6 classes", textbook.rows([2, 0, 1, 2], 6)
    got = encode([2, 0, 1, 2], 6)
    if np.size(got) != right.size:
        use = {
            (4, 10): "use num_classes, not 10.",
            (4, 3): "use num_classes, not the largest label.",
        }
        expect_shape(name, got, right.shape, use.get(np.shape(got), ""))
    expect_close(name, got, right)


@advice("3a", ONE_HOT, needs=[test_one_hot_encode_puts_a_1_at_the_label])
def test_one_hot_encode_leaves_the_labels_as_they_were(task3a: Any) -> None:
    labels = np.array([[3], [2], [9]], np.uint8)
    with untouched(Y=labels):
        task3a.one_hot_encode(labels, 10)


# The loss


@check("3a", 2, *LOSS)
def test_cross_entropy_loss_takes_the_right_class_of_each_image(task3a: Any) -> None:
    cases = [(Y, textbook.forward(X, textbook.weights(10, seed))) for seed in (1, 2, 3)]
    cases += [(Y[::-1], cases[0][1])]
    right = np.array([textbook.cross_entropy(y, yhat) for y, yhat in cases])
    losses = [loss_of(task3a.cross_entropy_loss, y, yhat) for y, yhat in cases]
    got = [total_of("the loss", loss) for loss in losses]
    binary = np.array([textbook.binary_cross_entropy(y, yhat) for y, yhat in cases])
    all_pairs = np.array([textbook.cross_entropy(*pairs(y, yhat)) for y, yhat in cases])
    of_two = "this is the loss of two classes (equation 3); there is no 1 - y here."
    relations = [
        *((factor * binary, of_two) for factor in (1, len(Y), 1 / 10, -1)),
        (
            [-np.mean(np.sum(np.log(yhat), axis=1)) for _, yhat in cases],
            "the logarithms of all classes count here; only that of y_k = 1 does.",
        ),
        (
            [np.mean(np.square(np.subtract(y, yhat))) for y, yhat in cases],
            "this is the mean squared error.",
        ),
        ([-np.mean(np.sum(y * yhat, axis=1)) for y, yhat in cases], "the logarithm is missing."),
        (all_pairs, "the targets of each image meet the outputs of each."),
        (len(Y) * all_pairs, "the targets of each image meet the outputs of each."),
    ]
    likely = partial(exchanged, task3a.cross_entropy_loss, cases, right)
    expect_multiple("the losses of four batches", got, right, relations, likely)


@check("3a", 1, *LOSS, [test_cross_entropy_loss_takes_the_right_class_of_each_image])
def test_cross_entropy_loss_by_hand(task3a: Any, as_encoded: Any) -> None:
    yhat = np.full((3, 10), 0.05)
    yhat[[0, 1, 2], [7, 2, 1]] = 0.5, 0.4, 0.7
    y, what = textbook.rows([7, 2, 1]), "the loss of 3 examples"
    expect_loss(task3a.cross_entropy_loss, y, yhat, LOSS[1], what, *as_encoded)


@check("3a", 0.5, *LOSS, [test_cross_entropy_loss_takes_the_right_class_of_each_image])
def test_cross_entropy_loss_has_no_array_of_n_x_n_numbers(task3a: Any) -> None:
    losses = [task3a.cross_entropy_loss(y.copy(), OUTPUTS.copy()) for y in (Y, Y[::-1])]
    expect_variety("the loss", losses)
    expect_no_square_of_N(task3a.cross_entropy_loss, Y, OUTPUTS)


@advice("3a", *LOSS, [test_cross_entropy_loss_takes_the_right_class_of_each_image])
def test_the_loss_is_a_plain_number(task3a: Any) -> None:
    expect_scalar("the loss", loss_of(task3a.cross_entropy_loss, Y, OUTPUTS))


@advice("3a", *LOSS, [test_cross_entropy_loss_by_hand])
def test_cross_entropy_loss_leaves_its_arguments_as_they_were(task3a: Any) -> None:
    y, yhat = Y.copy(), OUTPUTS.copy()
    yhat[0] = textbook.rows([1])
    with untouched(targets=y, outputs=yhat):
        task3a.cross_entropy_loss(y, yhat)


@advice("3a", *LOSS, [test_cross_entropy_loss_by_hand])
def test_cross_entropy_loss_is_finite_at_0_and_1(task3a: Any) -> None:
    expect_finite_loss(task3a.cross_entropy_loss, textbook.rows([3, 4]), textbook.rows([5, 6]))


# Forward


@check("3a", 2, *FORWARD)
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
        (textbook.softmax(z - z.max(axis=0)), "subtract the largest score of each image: axis=1."),
        (e, "the division by the sum over the classes is missing."),
        (10 * by_hand, "this divides by the mean over the classes, not by the sum."),
        (z, "this is z = X w; the softmax is missing."),
        (textbook.sigmoid(z), "this is the sigmoid; it is the softmax of equation 4."),
        (textbook.softmax(-z), "the sign of the exponent in equation 4."),
        (np.log(by_hand), "this is the logarithm of the softmax."),
    ]
    expect_close("outputs", outputs_of(model(w), x), by_hand, relations)
    far = 8 * w / w.max()
    name = "outputs where the largest score is 8"
    expect_close(name, outputs_of(model(far), x), textbook.forward(x, far), likely=CLIPPED)
    got = outputs_of(model(W), X)
    expect_close("outputs", got, OUTPUTS, likely=ignored_columns(model, W.shape))


@check("3a", 1, *FORWARD)
def test_forward_of_a_new_model_gives_ten_outputs_for_each_image(task3a: Any) -> None:
    model = task3a.SoftmaxModel(0.0)
    with at_fault("task3a.SoftmaxModel.__init__"):
        expect_shape("w", model.w, (785, 10), "784 pixels and the bias make 785 inputs.")
        expect_zeros("w", model.w)
    expect_shape(
        "forward(X)",
        outputs_of(model, X),
        (7, 10),
        "ten outputs for each image: inputs (N, 785) times w (785, 10).",
    )
    expect_variety("forward(X)", outputs_of(model_with(model, W), X))


@check("3a", 0.5, *FORWARD, [test_forward_is_the_softmax])
def test_outputs_sum_to_1_and_do_not_change_when_all_scores_do(model: Any) -> None:
    outputs = np.asarray(outputs_of(model(W), X))
    expect_variety("forward(X)", outputs)
    expect_close("the sum of each row", outputs.sum(axis=1), np.ones(7))
    shifted = W.copy()
    shifted[-1] += 30  # the bias of every class
    likely = "subtract the largest score of each row from that row, and nothing else."
    what = "the outputs change when 30 is added to all scores of an image"
    expect_close("outputs", outputs_of(model(shifted), X), outputs, likely=likely, what=what)


@check("3a", 0.5, *FORWARD, [test_forward_of_a_new_model_gives_ten_outputs_for_each_image])
def test_a_model_is_made_as_handed_out_and_forward_changes_nothing(task3a: Any, model: Any) -> None:
    with at_fault("task3a.SoftmaxModel.__init__"):
        expect_made_as_handed_out(task3a.SoftmaxModel, "SoftmaxModel", 0.0)
    expect_array("forward(X)", outputs_of(model(W), X))
    expect_weights_kept(model(W), X, "forward")


@advice("3a", *FORWARD, [test_forward_is_the_softmax])
def test_forward_does_not_overflow(model: Any) -> None:
    z = np.zeros((3, 10))
    z[0, 3], z[1, 5], z[2] = 1e4, -1e4, -1e4
    three, five = textbook.rows([3, 5])
    right = np.array([three, (1 - five) / 9, np.full(10, 0.1)])
    likely = "exp of a large number overflows; lower all scores of an image by their largest."
    together = (
        "the largest score of all images is subtracted, and exp of the others underflows to 0; "
        "subtract from each image its own."
    )
    expect_no_overflow(model, z, right, likely, together)


# Backward


def data_gradient(model: Callable[[np.ndarray], Any], targets: np.ndarray = Y) -> Any:
    """Measure the gradient without L2, which at zero weights is nothing, whatever lambda is."""
    grads = [gradient_of(model(w), X, OUTPUTS, targets) for w in (W, 0 * W)]
    right = textbook.gradient(X, OUTPUTS, Y)
    return next((g for g in grads if np.shape(g) == W.shape and close(g, right).all()), grads[0])


@check("3a", 2, *BACKWARD)
def test_backward_is_a_multiple_of_the_gradient(model: Any) -> None:
    right = textbook.gradient(X, OUTPUTS, Y)
    grad = data_gradient(model)
    expect_size(grad, W, len(X))
    got = entries("grad", grad, (785, 10))
    of_right_class = textbook.through_inputs(X, textbook.slopes(OUTPUTS, Y) * Y)
    relations = [
        *data_relations(X, OUTPUTS, Y),
        (of_right_class, "only the right class gets a gradient."),
    ]
    likely = "equation 13 for each weight, averaged over the examples."
    if np.abs(got[:-1]).max() > 1e-9 and not np.abs(got[-1]).any():
        likely = "only row 784, that of the bias, is wrong: it is a weight like any other."
    expect_multiple("grad", got, right, relations, likely)


@check("3a", 1, *BACKWARD, [test_backward_is_a_multiple_of_the_gradient])
def test_backward_is_the_gradient_of_the_loss(model: Any, as_encoded: Any) -> None:
    gradient = partial(data_gradient, model)
    expect_mean_gradient(gradient, model(W), X, OUTPUTS, Y, as_given=as_encoded)


@check("3a", 0.5, *BACKWARD, [test_backward_is_a_multiple_of_the_gradient])
def test_backward_forgets_the_last_gradient_and_touches_nothing_else(model: Any) -> None:
    grad = gradient_of(model(W), X, OUTPUTS, Y)
    expect_array("grad", grad)
    expect_shape("grad", grad, (785, 10))
    expect_variety("grad", grad)
    expect_weights_kept(model(W), X, "backward", OUTPUTS, Y)
    expect_new_gradient(model(W), X, OUTPUTS, Y)


# On whole data sets, and what was handed out


@advice(
    "3a",
    FORWARD[0],
    needs=[
        test_one_hot_encode_puts_a_1_at_the_label,
        test_one_hot_encode_gives_one_row_for_each_label,
        test_forward_is_the_softmax,
        test_forward_of_a_new_model_gives_ten_outputs_for_each_image,
        test_cross_entropy_loss_by_hand,
        test_cross_entropy_loss_has_no_array_of_n_x_n_numbers,
    ],
)
def test_the_pieces_work_on_20_000_images(task3a: Any, model: Any) -> None:
    labels = np.array(textbook.LABELS[:8], np.uint8).reshape(-1, 1)
    targets = on_a_whole_set(ONE_HOT, task3a.one_hot_encode, labels, 10)
    outputs = on_a_whole_set(FORWARD[0], model(W).forward, textbook.inputs(8))
    on_a_whole_set(LOSS[0], task3a.cross_entropy_loss, np.asarray(targets), np.asarray(outputs))


@advice("3a", "task3a.SoftmaxModel.zero_grad", needs=[test_backward_is_a_multiple_of_the_gradient])
def test_zero_grad_is_as_it_was_handed_out(model: Any) -> None:
    with at_fault("task3a.SoftmaxModel.zero_grad", handed_out=True):
        expect_gradient_reset(model(W), X, OUTPUTS, Y)


@advice(
    "3a",
    "task3a.gradient_approximation_test",
    "29",
    [
        test_backward_is_the_gradient_of_the_loss,
        test_forward_is_the_softmax,
        test_cross_entropy_loss_by_hand,
    ],
)
def test_the_gradient_test_is_as_it_was_handed_out(task3a: Any) -> None:
    with at_fault("task3a.gradient_approximation_test", handed_out=True):
        expect_rejection(task3a.gradient_approximation_test, task3a.SoftmaxModel(0.0), Y[:3])
