"""The two models and their losses: finite, of the right dtype, strict about shapes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import task2a
import task3a
from task2 import calculate_accuracy as binary_accuracy
from task2a import BinaryModel, pre_process_images
from task3 import calculate_accuracy as softmax_accuracy
from task3a import SoftmaxModel, one_hot_encode

DType = type[np.floating[Any]]

X1 = np.zeros((1, 785), np.float32)


def test_pixels_are_mapped_to_minus_one_to_one_and_a_one_is_appended() -> None:
    X = np.zeros((2, 784), np.uint8)
    X[1] = 255
    X[1, 5] = 51
    inputs = pre_process_images(X)
    assert inputs.dtype == np.float32
    assert inputs.shape == (2, 785)
    assert inputs[0, :784].tolist() == [-1.0] * 784
    assert inputs[1, 4:7].tolist() == pytest.approx([1.0, -0.6, 1.0])
    assert inputs[:, 784].tolist() == [1.0, 1.0]
    assert X[1, 5] == 51


def test_images_that_are_dark_or_lists_are_images_too() -> None:
    dark = np.eye(2, 784)  # floats, and the brightest pixel is 1 of 255
    lists: Any = dark.tolist()
    for images in (dark, lists):
        inputs = pre_process_images(dark.astype(np.uint8))
        np.testing.assert_array_equal(pre_process_images(images), inputs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_losses_are_finite_where_outputs_are_exactly_zero_and_one(dtype: DType) -> None:
    wrong: np.ndarray = np.array([[0.0], [1.0]], dtype)
    assert 80 < task2a.cross_entropy_loss(1 - wrong, wrong) < 800
    assert task2a.cross_entropy_loss(wrong, wrong) == 0
    one_hot: np.ndarray = np.array([[1.0, 0.0]], dtype)
    assert 80 < task3a.cross_entropy_loss(one_hot, one_hot[:, ::-1]) < 800
    assert task3a.cross_entropy_loss(one_hot, one_hot) == 0


def test_training_in_float32_stays_in_float32() -> None:
    for model, targets in (
        (BinaryModel(), np.ones((1, 1), np.uint8)),
        (SoftmaxModel(1), one_hot_encode(np.array([[3]]), 10)),
    ):
        outputs = model.forward(X1)
        model.backward(X1, outputs, targets)
        assert outputs.dtype == model.grad.dtype == model.w.dtype == np.float32


def test_zero_grad_forgets_the_gradient() -> None:
    model = BinaryModel()
    model.grad = np.ones_like(model.w)
    model.zero_grad()
    assert not model.grad.any()


def test_gradient_approximation_tests_pass_with_and_without_l2() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (3, 785))
    task2a.gradient_approximation_test(BinaryModel(), X, np.array([[0], [1], [1]]))
    for l2_reg_lambda in (0, 0.5):
        model = SoftmaxModel(l2_reg_lambda)
        model.w = rng.standard_normal((785, 10)).astype(np.float32)
        task3a.gradient_approximation_test(model, X, one_hot_encode(np.array([[0], [7], [7]]), 10))


def test_accuracy_predicts_one_at_exactly_a_half() -> None:
    model = BinaryModel()  # every output is 0.5
    X = np.zeros((4, 785))
    assert binary_accuracy(X, np.array([[1], [1], [1], [0]]), model) == 0.75


def test_accuracy_predicts_the_largest_output() -> None:
    model = SoftmaxModel(0)
    model.w[0, 4] = 1
    X = np.eye(1, 785).repeat(2, axis=0)
    assert softmax_accuracy(X, one_hot_encode(np.array([[4], [5]]), 10), model) == 0.5


SHAPES = "expected the same shape, got"
SOFTMAX = SoftmaxModel(0)
BAD_CALLS: dict[str, tuple[Callable[[], object], str]] = {
    "images not flat": (lambda: pre_process_images(np.zeros((2, 28, 28))), r"\(N, 784\), got"),
    "images already with bias": (lambda: pre_process_images(np.zeros((2, 785))), "once"),
    "pixels below 0": (lambda: pre_process_images(np.full((2, 784), -1.0)), r"in \[0, 255\]"),
    "pixels from 0 to 1": (
        lambda: pre_process_images(np.full((2, 784), 0.5)),
        r"in \[0, 255\], got values in \[0.5, 0.5\].*not yet normalised",
    ),
    "labels (N,)": (lambda: task2a.cross_entropy_loss(np.zeros(2), np.zeros((2, 1))), SHAPES),
    "labels (N,) backward": (
        lambda: BinaryModel().backward(np.zeros((2, 785)), np.zeros((2, 1)), np.zeros(2)),
        r"labels \(N,\) become \(N, 1\) with Y.reshape\(-1, 1\)",
    ),
    "labels (N,) backward, softmax": (
        lambda: SOFTMAX.backward(np.zeros((2, 785)), np.zeros((2, 10)), np.zeros(2)),
        "one_hot_encode",
    ),
    "labels 2 and 3": (
        lambda: task2a.cross_entropy_loss(np.full((2, 1), 3), np.zeros((2, 1))),
        r"targets: expected values in \[0, 1\], got values in \[3, 3\].*binary_prune_dataset",
    ),
    "logits": (
        lambda: task2a.cross_entropy_loss(np.ones((2, 1)), np.array([[5.0], [0.5]])),
        r"outputs: expected values in \[0, 1\], got values in \[0.5, 5\].*not the logits",
    ),
    "logits, softmax": (
        lambda: task3a.cross_entropy_loss(np.eye(2), np.array([[0.5, -3], [0.1, 0.9]])),
        r"outputs: expected values in \[0, 1\], got values in \[-3, 0.9\]",
    ),
    "labels not one-hot": (
        lambda: task3a.cross_entropy_loss(np.zeros((2, 1)), np.zeros((2, 10))),
        "one_hot_encode",
    ),
    "label 10 of 10 classes": (lambda: one_hot_encode(np.array([[10]]), 10), r"in \[0, 9\]"),
    "labels not integers": (
        lambda: one_hot_encode(np.array([[1.0]]), 10),
        r"Y: expected integers, got float64. Likely fix: Y.astype\(int\)",
    ),
    "labels true or false": (lambda: one_hot_encode(np.array([[True]]), 2), "got bool"),
    "label -1": (lambda: one_hot_encode(np.array([[-1]]), 10), r"labels in \[-1, -1\]"),
    "labels (N,) one-hot": (lambda: one_hot_encode(np.array([1, 2]), 10), r"\(N, 1\), got \(2,\)"),
    "accuracy of labels (N,)": (
        lambda: binary_accuracy(X1, np.zeros(1), BinaryModel()),
        SHAPES,
    ),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_wrong_argument_is_named_with_its_remedy(case: str) -> None:
    call, message = BAD_CALLS[case]
    with pytest.raises(ValueError, match=message):
        call()
