"""Task 2a: the pieces of logistic regression (12 points)."""

import ast
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
    expect,
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
    parsed,
    wrapped,
)
from tests.checks.points import advice, check
from tests.checks.student import StudentFiles

X, Y = textbook.inputs(), textbook.binary_targets()
W = textbook.weights(1)
OUTPUTS = textbook.sealed(textbook.forward(X, W))

IN_UINT8 = "2 * X does not fit into uint8, nor 2 * x of one pixel since NumPy 2; .astype(float)."
AS_LOADED = np.uint8, "utils"  # the type of the labels, and where they come from

PIXELS = "task2a.pre_process_images"
LOSS = "task2a.cross_entropy_loss", "3"
FORWARD = "task2a.BinaryModel.forward", "1"
BACKWARD = "task2a.BinaryModel.backward", "6"


@pytest.fixture
def model(task2a: Any) -> Callable[[np.ndarray], Any]:
    """Make a BinaryModel with the given weights."""
    return lambda w: model_with(task2a.BinaryModel(), w)


@pytest.fixture
def pre_process(task2a: Any) -> Callable[[np.ndarray], Any]:
    """Pre-process a copy of the images."""
    return lambda X: task2a.pre_process_images(X.copy())


def without_bias(x: Any, N: int = 0) -> Any:
    """Remove the bias input, which is the same for every image: the first column, or the last.

    Args:
        x: what the student's function returns for N images.
        N: where a row of ones, which is for another check to find, is removed, too.
    """
    if np.shape(x) == (N + 1, 784):
        return np.asarray(x)[1:] if np.ptp(np.asarray(x)[0]) < 1e-6 else np.asarray(x)[:-1]
    if np.ndim(x) != 2 or np.shape(x)[1] != 785:
        return x
    x = np.asarray(x)
    return x[:, 1:] if np.ptp(x[:, 0]) < 1e-6 and not (x[:, -1] == 1).all() else x[:, :-1]


# Pre-processing


def expect_inputs(inputs: Any, N: int) -> None:
    """Raise Mistake, with its likely cause, unless inputs have the shape (N, 785)."""
    likely = "append one column, the bias input, to (N, 784)."
    if np.ndim(inputs) == 1:
        likely = f"one row of all numbers, as of np.append without axis=; {likely}"
    if np.shape(inputs) == (N + 1, 784):
        likely = f"the bias is a row here; {likely}"
    if np.shape(inputs) == (N, 2 * 784):
        likely = f"as many columns as X has are appended, as of np.ones_like(X); {likely}"
    if np.shape(inputs) == (785, N):
        likely = ""  # but that it is transposed
    expect_shape("pre_process_images(X)", inputs, (N, 785), likely)


def expect_pixels(task2a: Any, pre_process: Any, tolerance: float) -> None:
    """Raise Mistake, with its likely cause, unless pixels come out right, up to a tolerance."""
    pixels = textbook.images(5)
    x, right = pixels.astype(np.float64), np.interp(pixels, [0, 255], [-1, 1])
    relations = [
        (pixels, "the pixels are as they were."),
        (x / 255, "this is the range [0, 1]."),
        (right + 1, "this is the range [0, 2]."),
        (x - 127.5, "this is the range [-127.5, 127.5]."),
        (x / 255 - 1, "this is the range [-1, 0]."),
        (x / 255 - 0.5, "this is the range [-0.5, 0.5]."),
        (-right, "the sign is opposite: 0 becomes -1 and 255 becomes 1."),
        (x / 128 - 1, "255 becomes 0.992, not 1: the largest pixel is 255, not 256."),
        ((x - x.mean()) / x.std(), "do not standardise: the range is fixed, 0 to 255."),
        ((x - x.mean(0)) / (x.std(0) + 1e-9), "do not standardise: the range is fixed, 0 to 255."),
        ((2 * pixels) / 255 - 1, IN_UINT8),
        (np.floor(right), "// drops the fraction; divide by /."),
        (right.astype(np.int64), "the result is truncated to integers; it has to be float."),
        (right[:, ::-1], "keep the order of the pixels."),
    ]
    inputs = pre_process(pixels)
    got = without_bias(inputs, len(pixels))
    if np.shape(got) != right.shape:
        expect_inputs(inputs, len(pixels))
    with suppress(Exception):
        if (np.abs(got - right) < tolerance).all():
            return
    likely = "0 becomes -1 and 255 becomes 1."
    with suppress(Exception):
        black, white = got[0, 10], got[0, 20]
        if close(got[0, [10, 20]], np.array([-1, 1])).all():
            likely = "0 and 255 are right; between them, x becomes 2x / 255 - 1."
        if (got == np.round(got)).all():
            likely = (
                "these are whole numbers: rounded, clipped or compared, or of // or of integers."
            )
        if close(got, np.interp(pixels, [0, 255], [black, white])).all():
            likely = f"0 becomes {black:.4g} and 255 becomes {white:.4g}; not -1 and 1."
        if not close(got, without_bias(pre_process(x), len(pixels))).all():  # the type matters
            likely = wrapped(task2a.pre_process_images, "X", pixels) or likely
    expect_close("the pixels", got, right, relations, likely)


@check("2a", 1, PIXELS)
def test_pre_process_images_maps_0_to_minus_1_and_255_to_1(task2a: Any, pre_process: Any) -> None:
    expect_pixels(task2a, pre_process, tolerance=0.02)  # a wrong number trains as well


@check("2a", 0.5, PIXELS, needs=[test_pre_process_images_maps_0_to_minus_1_and_255_to_1])
def test_pre_process_images_has_the_range_that_is_asked_for(task2a: Any, pre_process: Any) -> None:
    expect_array("pre_process_images(X)", pre_process(textbook.images(2)))
    expect_pixels(task2a, pre_process, tolerance=0)


@check("2a", 1, PIXELS)
def test_pre_process_images_appends_a_bias_input_of_1(pre_process: Any) -> None:
    inputs = pre_process(textbook.images(5))
    expect_inputs(inputs, 5)
    expect_variety("pre_process_images(X)", inputs)
    first, last = np.asarray(inputs)[:, 0], np.asarray(inputs)[:, -1]
    likely = "append a 1 for each image after the pixels are normalised."
    if close(np.ptp(first), np.zeros(())) or close(np.ptp(last), np.zeros(())):
        constant = first if np.ptp(first) < 1e-6 else last
        if close(constant[0], np.asarray(np.interp(1, [0, 255], [-1, 1]))):
            likely = "the 1 was appended before the pixels were normalised, and with them."
    expect(
        (last == 1).all() or (first == 1).all(),
        "the bias input, the first or the last column, is not 1",
        "1 for every image",
        f"first column {np.round(first, 3).tolist()}, last column {np.round(last, 3).tolist()}",
        likely,
    )


@advice("2a", PIXELS, needs=[test_pre_process_images_appends_a_bias_input_of_1])
def test_the_bias_input_is_where_the_figure_of_task_4b_looks_for_it(
    files: StudentFiles, pre_process: Any
) -> None:
    script = files.folder / "task3.py"
    if script.is_file() and "w[:-1]" in script.read_text(encoding="utf-8", errors="replace"):
        last = np.asarray(pre_process(textbook.images(5)))[:, -1]
        what = "the bias input comes first, but the figure of Task 4b leaves out the last row of w"
        likely = "append it after the pixels; else each image of Task 4b is shifted by a pixel."
        expect((last == 1).all(), what, "the last column", "the first column", likely)


@check("2a", 0.5, PIXELS)
def test_a_pixel_becomes_the_same_whatever_the_others_are(pre_process: Any) -> None:
    dark, bright = np.clip(textbook.images(4), 20, 90), textbook.images(3)
    inputs, right = without_bias(pre_process(bright)), np.interp(bright, [0, 255], [-1, 1])
    try:
        alone, among = (np.asarray(pre_process(X))[:4] for X in (dark, np.r_[dark, bright]))
    except AssertionError:  # their own, that a data set reaches -1 and 1
        return
    as_they_were = alone.shape == dark.shape and (alone == dark).all()
    if np.ndim(inputs) != 2:
        expect_inputs(pre_process(bright), 3)
    expect(not as_they_were, "the images come back as they were", "inputs in [-1, 1]", "pixels")
    expect_variety("the pixels", inputs)
    if np.shape(inputs) != right.shape or not close(inputs, right).all():
        return  # another mistake, which costs the points of its own check
    likely = "use the fixed range 0 to 255, not that of the images at hand."
    what = "the same image comes out otherwise when brighter images stand beside it"
    expect_close("the pixels", alone, among, likely=likely, what=what)
    what, right = "images without a white pixel come out wrong", np.interp(dark, [0, 255], [-1, 1])
    expect_close("the pixels", without_bias(alone), right, likely=likely, what=what)


@advice("2a", PIXELS, needs=[test_pre_process_images_maps_0_to_minus_1_and_255_to_1])
def test_pre_process_images_leaves_the_images_as_they_were(task2a: Any) -> None:
    for dtype in ("uint8", "float32", "float64"):
        pixels = textbook.images(3).astype(dtype)
        own = [AssertionError] * (dtype != "uint8")  # that the type is uint8
        with untouched(**{f"X of type {dtype}": pixels}), suppress(*own):
            task2a.pre_process_images(pixels)


# The loss


@check("2a", 1.5, *LOSS)
def test_cross_entropy_loss_has_both_terms(task2a: Any) -> None:
    cases = [(Y, textbook.forward(X, textbook.weights(1, seed))) for seed in (1, 2, 3)]
    cases += [(1 - Y, cases[0][1]), (Y[::-1], cases[0][1])]
    right = np.array([textbook.binary_cross_entropy(y, yhat) for y, yhat in cases])
    losses = [loss_of(task2a.cross_entropy_loss, y, yhat) for y, yhat in cases]
    got = [total_of("the loss", loss) for loss in losses]
    all_pairs = np.array([textbook.binary_cross_entropy(*pairs(y, yhat)) for y, yhat in cases])
    relations = [
        ([np.mean(-y * np.log(yhat)) for y, yhat in cases], "(1 - y) ln(1 - yhat) is missing."),
        ([np.mean((y - 1) * np.log(1 - yhat)) for y, yhat in cases], "y ln(yhat) is missing."),
        (
            [-np.mean(np.log(yhat)) for y, yhat in cases],
            "the outputs for y = 0 have another term in equation 3.",
        ),
        ([textbook.minus(y, yhat) for y, yhat in cases], "the two terms have opposite signs here."),
        (
            [np.mean(np.square(np.subtract(y, yhat))) for y, yhat in cases],
            "this is the mean squared error.",
        ),
        (
            [np.mean(y * yhat + (1 - y) * (1 - yhat)) * -1 for y, yhat in cases],
            "the logarithms are missing.",
        ),
        (all_pairs, "each target meets each output: keep both (N, 1)."),
        (len(Y) * all_pairs, "each target meets each output: keep both (N, 1)."),
    ]
    likely = partial(exchanged, task2a.cross_entropy_loss, cases, right)
    expect_multiple("the losses of five batches", got, right, relations, likely)


@check("2a", 1, *LOSS, [test_cross_entropy_loss_has_both_terms])
def test_cross_entropy_loss_by_hand(task2a: Any) -> None:
    y, yhat = np.array([[1.0, 0.0, 1.0, 1.0]]).T, np.array([[0.5, 0.2, 0.8, 0.9]]).T
    what = "the loss of y = 1, 0, 1, 1 and yhat = 0.5, 0.2, 0.8, 0.9"
    expect_loss(task2a.cross_entropy_loss, y, yhat, LOSS[1], what, *AS_LOADED)


@check("2a", 0.5, *LOSS, [test_cross_entropy_loss_has_both_terms])
def test_cross_entropy_loss_has_no_array_of_n_x_n_numbers(task2a: Any) -> None:
    losses = [task2a.cross_entropy_loss(y.copy(), OUTPUTS.copy()) for y in (Y, Y[::-1])]
    expect_variety("the loss", losses)
    expect_no_square_of_N(task2a.cross_entropy_loss, Y, OUTPUTS)


@advice("2a", *LOSS, [test_cross_entropy_loss_has_both_terms])
def test_the_loss_is_a_plain_number(task2a: Any) -> None:
    expect_scalar("the loss", loss_of(task2a.cross_entropy_loss, Y, OUTPUTS))


@advice("2a", *LOSS, [test_cross_entropy_loss_by_hand])
def test_cross_entropy_loss_leaves_its_arguments_as_they_were(task2a: Any) -> None:
    y, yhat = Y.copy(), OUTPUTS.copy()
    yhat[0], yhat[1] = 1, 0
    with untouched(targets=y, outputs=yhat):
        task2a.cross_entropy_loss(y, yhat)


@advice("2a", *LOSS, [test_cross_entropy_loss_by_hand])
def test_cross_entropy_loss_is_finite_at_0_and_1(task2a: Any) -> None:
    y = np.array([[1.0], [0.0]])
    expect_finite_loss(task2a.cross_entropy_loss, y, 1 - y)


# Forward


@check("2a", 1.5, *FORWARD)
def test_forward_is_the_sigmoid(model: Any) -> None:
    x = np.zeros((4, 785))
    x[:, 0] = 0, np.log(3), -np.log(3), np.log(4)
    w = np.zeros((785, 1))
    w[0] = 1
    z = x @ w
    relations = [
        (1 - textbook.sigmoid(z), "the sign of the exponent in equation 1."),
        (z, "this is z = X w; the sigmoid is missing."),
        (np.tanh(z), "this is tanh; the sigmoid is equation 1."),
        (np.exp(z), "this is exp(z); the sigmoid is equation 1."),
        (2 * np.exp(z), "all below the fraction line, 1 + e^z, needs parentheses."),
        (1 + np.exp(-z), "all below the fraction line of equation 1 needs parentheses."),
        (textbook.sigmoid(z) >= 0.5, "give the probability, not the decision."),
        (textbook.softmax(z) + 0 * z, "this is a softmax over one output, always 1."),
    ]
    by_hand, got = [[0.5], [0.75], [0.25], [0.8]], outputs_of(model(w), x)
    expect_close("outputs for z = 0, ln 3, -ln 3, ln 4", got, by_hand, relations)
    w[0] = 8
    far, right = np.eye(2, 785) - np.eye(2, 785, -1), [[0.99966465], [0.00033535]]
    expect_close("outputs for z = 8, -8", outputs_of(model(w), far), right, likely=CLIPPED)
    got = outputs_of(model(W), X)
    expect_close("outputs", got, OUTPUTS, likely=ignored_columns(model, W.shape))


@check("2a", 1, *FORWARD)
def test_forward_of_a_new_model_gives_one_output_for_each_image(task2a: Any) -> None:
    model = task2a.BinaryModel()
    with at_fault("task2a.BinaryModel.__init__"):
        expect_shape("w", model.w, (785, 1), "784 pixels and the bias make 785 inputs.")
        expect_zeros("w", model.w)
    expect_shape(
        "forward(X)",
        outputs_of(model, X),
        (7, 1),
        "one output for each image: inputs (N, 785) times w (785, 1).",
    )
    expect_variety("forward(X)", outputs_of(model_with(model, W), X))


@check("2a", 0.5, *FORWARD, [test_forward_of_a_new_model_gives_one_output_for_each_image])
def test_a_model_is_made_as_handed_out_and_forward_changes_nothing(task2a: Any, model: Any) -> None:
    with at_fault("task2a.BinaryModel.__init__"):
        expect_made_as_handed_out(task2a.BinaryModel, "BinaryModel")
    expect_array("forward(X)", outputs_of(model(W), X))
    expect_weights_kept(model(W), X, "forward")


@advice("2a", *FORWARD, [test_forward_is_the_sigmoid])
def test_forward_does_not_overflow(model: Any) -> None:
    z = np.array([[1e4], [-1e4], [800.0], [-800.0], [0.0]])
    right = np.array([[1.0], [0.0], [1.0], [0.0], [0.5]])
    likely = "exp of a large number overflows; keep its argument below 0."
    if "'where'" in ast.dump(parsed(model(W).forward)):
        likely = f"np.where computes both of its branches: {likely}"
    expect_no_overflow(model, z, right, likely)


# Backward


@check("2a", 1.5, *BACKWARD)
def test_backward_is_a_multiple_of_the_gradient(model: Any) -> None:
    right, grad = textbook.gradient(X, OUTPUTS, Y), gradient_of(model(W), X, OUTPUTS, Y)
    expect_size(grad, W, len(X))
    got = entries("grad", grad, (785, 1))
    relations = data_relations(X, OUTPUTS, Y)
    likely = "equation 6 for each weight, averaged over the examples."
    expect_multiple("grad", got, right, relations, likely)


@check("2a", 1, *BACKWARD, [test_backward_is_a_multiple_of_the_gradient])
def test_backward_is_the_gradient_of_the_loss(model: Any) -> None:
    gradient = partial(gradient_of, model(W), X, OUTPUTS)
    expect_mean_gradient(gradient, model(W), X, OUTPUTS, Y, as_given=AS_LOADED)


@check("2a", 0.5, *BACKWARD, [test_backward_is_a_multiple_of_the_gradient])
def test_backward_forgets_the_last_gradient_and_touches_nothing_else(model: Any) -> None:
    grad = gradient_of(model(W), X, OUTPUTS, Y)
    expect_array("grad", grad)
    expect_shape("grad", grad, (785, 1), "that of w.")
    expect_variety("grad", grad)
    expect_weights_kept(model(W), X, "backward", OUTPUTS, Y)
    expect_new_gradient(model(W), X, OUTPUTS, Y)


# On whole data sets, and what was handed out


@advice(
    "2a",
    FORWARD[0],
    needs=[
        test_pre_process_images_maps_0_to_minus_1_and_255_to_1,
        test_pre_process_images_appends_a_bias_input_of_1,
        test_forward_is_the_sigmoid,
        test_forward_of_a_new_model_gives_one_output_for_each_image,
        test_cross_entropy_loss_by_hand,
        test_cross_entropy_loss_has_no_array_of_n_x_n_numbers,
    ],
)
def test_the_pieces_work_on_20_000_images(task2a: Any, model: Any) -> None:
    y = textbook.binary_targets(10).astype(np.uint8)
    inputs = on_a_whole_set(PIXELS, task2a.pre_process_images, textbook.images(10))
    outputs = on_a_whole_set(FORWARD[0], model(W).forward, np.asarray(inputs))
    on_a_whole_set(LOSS[0], task2a.cross_entropy_loss, y, np.asarray(outputs))


@advice("2a", "task2a.BinaryModel.zero_grad", needs=[test_backward_is_a_multiple_of_the_gradient])
def test_zero_grad_is_as_it_was_handed_out(model: Any) -> None:
    with at_fault("task2a.BinaryModel.zero_grad", handed_out=True):
        expect_gradient_reset(model(W), X, OUTPUTS, Y)


@advice(
    "2a",
    "task2a.gradient_approximation_test",
    "29",
    [
        test_backward_is_the_gradient_of_the_loss,
        test_forward_is_the_sigmoid,
        test_cross_entropy_loss_by_hand,
    ],
)
def test_the_gradient_test_is_as_it_was_handed_out(task2a: Any) -> None:
    with at_fault("task2a.gradient_approximation_test", handed_out=True):
        expect_rejection(task2a.gradient_approximation_test, task2a.BinaryModel(), Y[:3])
