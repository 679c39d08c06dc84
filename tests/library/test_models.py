"""The pieces: float32, images left alone, and arguments of which NumPy would make nonsense."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import task2
import task2a
import task3
import task3a
from task2a import BinaryModel, pre_process_images
from task3a import SoftmaxModel, one_hot_encode
from utils import batch_loader, binary_prune_dataset


def test_training_in_float32_stays_in_float32() -> None:
    X = pre_process_images(np.zeros((1, 784), np.uint8))
    for model, targets in (
        (BinaryModel(), np.ones((1, 1), np.uint8)),
        (SoftmaxModel(1), one_hot_encode(np.array([[3]]), 10)),
    ):
        outputs = model.forward(X)
        model.backward(X, outputs, targets)
        assert {X.dtype, outputs.dtype, model.grad.dtype, model.w.dtype} == {np.dtype(np.float32)}


@pytest.mark.parametrize(("module", "targets"), [(task2a, np.eye(2)), (task3a, np.eye(3))])
def test_a_loss_without_an_error_is_0_without_a_sign(module: Any, targets: np.ndarray) -> None:
    assert str(module.cross_entropy_loss(targets, targets)) == "0.0"


IMAGES, INPUTS = np.zeros((2, 784)), np.zeros((2, 785))
LIST: Any = [[0.0], [1.0]]
COLUMN, ONE_HOT = np.eye(2, 1), np.eye(2, 10)
Y4 = np.array([[2], [3], [2], [3]])
SHAPES = r"expected the same shape, got .*Y.reshape\(-1, 1\), and .* one_hot_encode"
BAD_CALLS: dict[str, tuple[Callable[[], object], str]] = {
    "images with a bias": (lambda: pre_process_images(INPUTS), "pre-process them once"),
    "pixels below 0": (lambda: pre_process_images(IMAGES - 1), r"in \[0, 255\]"),
    "pixels from 0 to 1": (lambda: pre_process_images(IMAGES + 0.5), r"\[0.5, 0.5\].*normalised"),
    "pixels of 0 and 1": (lambda: pre_process_images(np.eye(2, 784)), r"\[0, 1\].*normalised"),
    "labels (N,)": (lambda: task2a.cross_entropy_loss(np.zeros(2), COLUMN), SHAPES),
    "labels (N,), backward": (lambda: BinaryModel().backward(INPUTS, COLUMN, np.zeros(2)), SHAPES),
    "labels (N,), accuracy": (lambda: task2.accuracy(np.zeros(2), COLUMN), SHAPES),
    "lambda below 0": (lambda: SoftmaxModel(-1), r"l2_reg_lambda: .* in \[0, inf\), got -1"),
    "not one-hot": (lambda: task3a.cross_entropy_loss(COLUMN, ONE_HOT), SHAPES),
    "not one-hot, backward": (lambda: SoftmaxModel(0).backward(INPUTS, ONE_HOT, COLUMN), SHAPES),
    "not one-hot, accuracy": (lambda: task3.accuracy(COLUMN, ONE_HOT), SHAPES),
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
        r"outputs: .* got values in \[-0.1, 0.9\]",
    ),
    "labels not integers": (lambda: one_hot_encode(COLUMN, 10), r"got float64. .*astype\(int\)"),
    "equal classes": (lambda: binary_prune_dataset(2, 2, Y4, Y4), "two classes, got 2 twice"),
    "no such class": (lambda: binary_prune_dataset(2, 7, Y4, Y4), r"class2: .* \[2, 3\], got 7"),
    "a label more": (lambda: binary_prune_dataset(2, 3, Y4[:3], Y4), "got 3 in X, 4 in Y"),
    "a label less": (lambda: batch_loader(Y4, Y4[:3], 1), "got 4 in X, 3 in Y"),
    "batch too large": (lambda: batch_loader(Y4, Y4, 5), "batch_size: .* got 5.*smaller batch"),
    "labels (N,), classes": (
        lambda: binary_prune_dataset(2, 3, Y4, Y4[:, 0]),
        r"got \(4,\).*reshape",
    ),
    "labels of text": (lambda: binary_prune_dataset(2, 3, Y4, Y4.astype(str)), r"Y.*astype\(int\)"),
    "labels of text, one-hot": (lambda: one_hot_encode(Y4.astype(object), 10), "one of object"),
    "a class of text": (lambda: binary_prune_dataset("2", 3, Y4, Y4), "one of .2, 3., got '2'"),  # type: ignore[arg-type]
    "a list of labels": (lambda: binary_prune_dataset(0, 1, Y4, LIST), r"Y: .*got list"),
    "a list of images": (lambda: pre_process_images(LIST), r"got list.*np.array\(X\)"),
    "a list of outputs": (
        lambda: task2a.cross_entropy_loss(COLUMN, LIST),
        r"outputs: expected a NumPy array, got list. .*np.array\(outputs\)",
    ),
    "labels (N,), one-hot": (lambda: one_hot_encode(np.array([1, 2]), 10), r"\(N, 1\), got \(2,\)"),
}


@pytest.mark.parametrize("case", BAD_CALLS)
def test_a_wrong_argument_is_named_with_its_remedy(case: str) -> None:
    call, message = BAD_CALLS[case]
    with pytest.raises(ValueError, match=message):
        call()
