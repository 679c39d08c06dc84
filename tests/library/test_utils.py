"""Data sets, batches, predictions in blocks, and the range of a figure."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import task3
import utils
from digits import Digits
from lab import figures
from task3a import SoftmaxModel
from tests.library.conftest import Patch


def numbered(count: int) -> np.ndarray:
    return np.arange(count).reshape(-1, 1)


def test_the_first_20000_images_train_and_all_test_images_validate(monkeypatch: Patch) -> None:
    data = Digits("numbers", numbered(20_002), -numbered(20_002), numbered(5), -numbered(5))
    monkeypatch.setattr("digits.load", lambda: data)
    X_train, Y_train, X_val, Y_val = utils.load_full_mnist()
    assert X_train.tolist() == (-Y_train).tolist() == numbered(20_000).tolist()
    assert X_val is data.test_images
    assert Y_val is data.test_labels


def test_the_binary_data_set_holds_two_digits_in_order_with_targets_one_and_zero() -> None:
    train, test = (np.array([labels], np.uint8).T for labels in ([3, 7, 5, 3], [7, 7, 4, 3]))
    data = Digits("six", numbered(4), train, numbered(4), test)
    split = utils.load_binary_dataset(7, 3, data)
    kept = [array.ravel().tolist() for array in split]
    assert kept == [[0, 1, 3], [0, 1, 0], [0, 1, 3], [1, 1, 0]]
    assert split.Y_train.dtype == np.uint8
    assert utils.load_binary_dataset(3, 7, data).Y_train.ravel().tolist() == [1, 0, 1]
    assert train.ravel().tolist() == [3, 7, 5, 3]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda X, Y: (X, np.where(Y == 0, 255, Y)), r"labels in \[0, 9\], got .* in \[1, 255\]"),
        (lambda X, Y: (X, Y[:, 0]), r"labels of shape \(N, 1\)"),
        (lambda X, Y: (X, Y[1:]), "equally many examples"),
        (lambda X, Y: (X / 255, Y), r"pixels in \[0, 255\]"),
        (lambda X, Y: (np.where(X, X, np.nan), Y), r"got values in \[nan, nan\]"),
    ],
)
def test_no_training_starts_on_faulty_data(
    tiny_digits: Digits, fault: Callable[..., Any], message: str
) -> None:
    train = tiny_digits.train_images, tiny_digits.train_labels
    test = tiny_digits.test_images, tiny_digits.test_labels
    for sets in ((*fault(*train), *test), (*train, *fault(*test))):
        with pytest.raises(ValueError, match=message):
            task3.train(utils.load_full_mnist(Digits("bad", *sets)), 0, epochs=1, seed=0)


# Batches and predictions; tests/library/test_properties.py has the order, sizes and dtypes


def test_without_a_generator_the_order_is_drawn_from_numpys_global_one() -> None:
    np.random.seed(5)  # noqa: NPY002
    ((X_batch, _),) = utils.batch_loader(numbered(100), numbered(100), 100, shuffle=True)
    assert X_batch[:, 0].tolist() == np.random.RandomState(5).permutation(100).tolist()


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_batch_is_a_copy_made_when_it_is_served(shuffle: bool) -> None:
    X, Y = numbered(4), numbered(4)
    batches = utils.batch_loader(X, Y, 2, shuffle)
    for batch in next(batches):
        batch[:] = 9
    assert X.tolist() == Y.tolist() == numbered(4).tolist()
    X += 10
    X_batch, Y_batch = next(batches)
    assert X_batch.tolist() == (Y_batch + 10).tolist()


def test_predictions_in_blocks_are_those_of_forward() -> None:
    model, rng = SoftmaxModel(0), np.random.default_rng(0)
    model.w = rng.standard_normal((785, 10)).astype(np.float32)
    X = rng.uniform(-1, 1, (300, 785)).astype(np.float32)
    for count in (0, 1, 127, 128, 300):
        outputs = model.forward(X[:count])
        np.testing.assert_allclose(utils.predict(model, X[:count]), outputs, rtol=1e-4)


@pytest.mark.parametrize(
    ("values", "limits", "start"),
    [
        ([9.0, 0.2, 0.3, 0.25], (0, 0.5), 0),
        ([9.0, *[0.2] * 5, 0.9, *[0.25] * 8], (0, 0.945), 0),  # a spike in the first half
        ([9.0, 0.2, 0.9, *[0.25] * 12], (0, 0.5), 2),  # one in the steep beginning
        ([0.4, 0.7, *[0.2] * 12, 0.9], (0, 0.945), 0),  # which a later one brings inside
        ([9.0, 4.0, 0.9, 0.8], (0, 0.945), 0),  # a curve that never enters
    ],
)
def test_figures_are_zoomed(values: list[float], limits: tuple[float, float], start: int) -> None:
    (ax,) = figures.plot_curves({"loss": dict(enumerate(values))}, "", "", (0, 0.5)).axes
    assert ax.get_ylim() == pytest.approx(limits)
    assert list(np.asarray(ax.get_lines()[0].get_ydata())) == values[start:]
