"""The pieces of both models: dtypes, and arguments that NumPy would compute nonsense of."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import task2a
import task3a
from task2 import accuracy
from task2a import BinaryModel, pre_process_images
from task3a import SoftmaxModel, one_hot_encode


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_pixels_are_mapped_to_minus_one_to_one_and_a_one_is_appended(dtype: type) -> None:
    X: np.ndarray = np.zeros((2, 784), dtype)
    X[1, :2] = 1, 51  # dark images are images too
    before = X.copy()
    inputs = pre_process_images(X)
    assert inputs.dtype == np.float32
    assert inputs.shape == (2, 785)
    assert inputs[1, :3].tolist() == pytest.approx([-0.992157, -0.6, -1])
    assert inputs[:, -1].tolist() == [1, 1]
    np.testing.assert_array_equal(X, before)


def test_training_in_float32_stays_in_float32() -> None:
    X = np.zeros((1, 785), np.float32)
    for model, targets in (
        (BinaryModel(), np.ones((1, 1), np.uint8)),
        (SoftmaxModel(1), one_hot_encode(np.array([[3]]), 10)),
    ):
        outputs = model.forward(X)
        model.backward(X, outputs, targets)
        assert outputs.dtype == model.grad.dtype == model.w.dtype == np.float32


IMAGES, INPUTS, COLUMN, ONE_HOT = (
    np.zeros((2, 784)),
    np.zeros((2, 785)),
    np.eye(2, 1),
    np.eye(2, 10),
)
SHAPES = r"expected the same shape, got .*Y.reshape\(-1, 1\), and .* one_hot_encode"
BAD_CALLS: dict[str, tuple[Callable[[], object], str]] = {
    "images not flat": (lambda: pre_process_images(np.zeros((2, 28, 28))), r"\(N, 784\), got"),
    "images with a bias": (lambda: pre_process_images(INPUTS), "pre-process them once"),
    "pixels below 0": (lambda: pre_process_images(IMAGES - 1), r"in \[0, 255\]"),
    "pixels from 0 to 1": (lambda: pre_process_images(IMAGES + 0.5), r"\[0.5, 0.5\].*normalised"),
    "labels (N,)": (lambda: task2a.cross_entropy_loss(np.zeros(2), COLUMN), SHAPES),
    "labels (N,), backward": (lambda: BinaryModel().backward(INPUTS, COLUMN, np.zeros(2)), SHAPES),
    "labels, softmax": (lambda: SoftmaxModel(0).backward(INPUTS, ONE_HOT, COLUMN), SHAPES),
    "labels not one-hot": (lambda: task3a.cross_entropy_loss(COLUMN, ONE_HOT), SHAPES),
    "accuracy of labels (N,)": (lambda: accuracy(np.zeros(2), COLUMN), SHAPES),
    "labels 2 and 3": (
        lambda: task2a.cross_entropy_loss(COLUMN + 2, COLUMN),
        r"targets: expected values in \[0, 1\], got values in \[2, 3\].*binary_prune_dataset",
    ),
    "logits": (
        lambda: task2a.cross_entropy_loss(COLUMN, 5 * COLUMN),
        r"outputs: expected values in \[0, 1\], got values in \[0, 5\].*not the logits",
    ),
    "logits, softmax": (
        lambda: task3a.cross_entropy_loss(ONE_HOT, 0.9 - ONE_HOT),
        r"outputs: expected values in \[0, 1\], got values in \[-0.1, 0.9\]",
    ),
    "label 10 of 10": (lambda: one_hot_encode(np.array([[10]]), 10), r"labels in \[0, 9\]"),
    "labels not integers": (lambda: one_hot_encode(COLUMN, 10), r"got float64. .*astype\(int\)"),
    "labels true or false": (lambda: one_hot_encode(np.array([[True]]), 2), "got bool"),
    "labels (N,) one-hot": (lambda: one_hot_encode(np.array([1, 2]), 10), r"\(N, 1\), got \(2,\)"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_wrong_argument_is_named_with_its_remedy(case: str) -> None:
    call, message = BAD_CALLS[case]
    with pytest.raises(ValueError, match=message):
        call()
