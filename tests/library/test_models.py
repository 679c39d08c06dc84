"""The pieces: float32, images left alone, and arguments that would lead to nonsense."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import task2
import task2a
import task3
import task3a
from lab.gradient import check_gradient
from task2a import BinaryModel, pre_process_images
from task3a import SoftmaxModel, one_hot_encode
from tests.library.test_trainer import Scripted
from trainer import BaseTrainer
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


IMAGES, INPUTS, FLAT = np.zeros((2, 784)), np.zeros((2, 785)), np.zeros(2)
LIST: Any = [[0.0], [1.0]]
COLUMN, ONE_HOT = np.eye(2, 1), np.eye(2, 10)
Y4 = np.array([[2], [3], [2], [3]])
SHAPES = r"expected the same shape, got .*Y.reshape\(-1, 1\), and .* one_hot_encode"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: pre_process_images(INPUTS), "pre-process them once"),
        (lambda: pre_process_images(IMAGES - 1), r"in \[0, 255\]"),
        (lambda: pre_process_images(np.eye(2, 784)), r"\[0, 1\].*normalised"),
        (lambda: pre_process_images(LIST), r"got list.*np.array\(X\)"),
        (lambda: task2a.cross_entropy_loss(FLAT, COLUMN), SHAPES),
        (lambda: BinaryModel().backward(INPUTS, COLUMN, FLAT), SHAPES),
        (lambda: task2.accuracy(FLAT, COLUMN), SHAPES),
        (lambda: task3a.cross_entropy_loss(COLUMN, ONE_HOT), SHAPES),
        (lambda: SoftmaxModel(0).backward(INPUTS, ONE_HOT, COLUMN), SHAPES),
        (lambda: task3.accuracy(COLUMN, ONE_HOT), SHAPES),
        (lambda: SoftmaxModel(-1), r"l2_reg_lambda: .* in \[0, inf\), got -1"),
        (lambda: task2a.cross_entropy_loss(COLUMN + 2, COLUMN), r"in \[2, 3\].*binary_prune_data"),
        (lambda: task2a.cross_entropy_loss(COLUMN, 5 * COLUMN), r"in \[0, 5\].*not the logits"),
        (lambda: task3a.cross_entropy_loss(ONE_HOT, 0.9 - ONE_HOT), r"values in \[-0.1, 0.9\]"),
        (lambda: one_hot_encode(COLUMN, 10), r"got float64. .*astype\(int\)"),
        (lambda: one_hot_encode(Y4.astype(object), 10), "one of object"),
        (lambda: binary_prune_dataset(2, 2, Y4, Y4), "two classes, got 2 twice"),
        (lambda: binary_prune_dataset(2, 7, Y4, Y4), r"class2: .* \[2, 3\], got 7"),
        (lambda: binary_prune_dataset(2, 3, Y4[:3], Y4), "got 3 in X, 4 in Y"),
        (lambda: binary_prune_dataset(2, 3, Y4, Y4[:, 0]), r"got \(4,\).*reshape"),
        (lambda: batch_loader(Y4, Y4[:3], 1), "got 4 in X, 3 in Y"),
        (lambda: batch_loader(Y4, Y4, 5), "batch_size: .* got 5.*smaller batch"),
        (lambda: check_gradient(BinaryModel(), INPUTS[:0], Y4[:0]), "X: .* at least one example"),
        (lambda: BaseTrainer(BinaryModel(), 1, 1, True, Y4, Y4, Y4[:0], Y4[:0]), "X_val.* 1, got"),
        (lambda: Scripted([], batch_size=2.5), "batch_size: expected a whole .* least 1, got 2.5"),
        (lambda: Scripted([], batch_size=11), "batch_size: expected at most 10, .* got 11"),
        (lambda: Scripted([], learning_rate=np.nan), r"learning_rate: .* \[0, inf\), got nan"),
        (lambda: Scripted([], patience=0), "patience: expected a whole .* least 1, got 0"),
        (lambda: Scripted([], validations_per_epoch=0), "validations_per_epoch: .* got 0"),
        (lambda: Scripted([], rng=0), "rng: expected a generator like .*, got 0"),
        (lambda: Scripted([], rng=np.random.RandomState), "rng: .* got <class"),
        (lambda: Scripted([]).train(-1), "num_epochs: expected a whole .* least 0, got -1"),
    ],
)
def test_a_wrong_argument_is_named_with_a_remedy(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
