"""What holds for every shape, dtype and magnitude: models and losses beside SciPy, and batches."""

from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import special

import task2a
import task3a
import utils
from lab.gradient import TOLERANCE, check_gradient
from task2a import BinaryModel
from task3a import SoftmaxModel

Data = st.DataObject

TINY = 1e-30
DTYPES = (np.float32, np.float64)
GENERATORS: list[Callable[..., Any]] = [np.random.RandomState, np.random.default_rng]
dtypes = st.sampled_from(DTYPES)
few = st.integers(1, 5)


def draw_array(data: Data, shape: tuple[int, ...], low: float, high: float, dtype: Any) -> Any:
    """Floats of any magnitude between the bounds: 0, subnormal ones and 1e-30 too."""
    low, high, info = float(dtype(low)), float(dtype(high)), np.finfo(dtype)
    special_ones = [low, high, 0.0, TINY, -TINY, float(info.smallest_subnormal)]
    edges = st.sampled_from([float(dtype(x)) for x in special_ones if low <= x <= high])
    elements = edges | st.floats(low, high, width=info.bits)
    return data.draw(arrays(dtype, shape, elements=elements))


def draw_one_hot(data: Data, N: int, K: int, dtype: Any) -> np.ndarray:
    return np.eye(K, dtype=dtype)[data.draw(arrays(int, N, elements=st.integers(0, K - 1)))]


def with_weights(model: Any, w: np.ndarray) -> Any:
    model.w = w
    return model


@given(few, st.integers(2, 10), dtypes, st.data())
def test_outputs_are_scipys_expit_and_log_softmax(N: int, K: int, dtype: Any, data: Data) -> None:
    logits, info = draw_array(data, (N, K), -1e30, 1e30, dtype), np.finfo(dtype)
    binary = with_weights(BinaryModel(), np.ones((1, 1), dtype)).forward(logits[:, :1])
    expected = special.expit(logits[:, :1].astype(np.float64))
    np.testing.assert_allclose(binary, expected, rtol=8 * info.eps, atol=info.tiny)
    outputs = with_weights(SoftmaxModel(0), np.eye(K, dtype=dtype)).forward(logits)
    np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=K * info.eps)
    expected = np.maximum(special.log_softmax(logits, axis=1), np.log(info.tiny))  # that of `log`
    np.testing.assert_allclose(task2a.log(outputs), expected, rtol=1e-5, atol=2 * K * info.eps)
    assert binary.dtype == outputs.dtype == dtype


@given(few, few, dtypes, dtypes, st.data())
def test_losses_are_scipys_xlogy(N: int, K: int, dtype: Any, target_dtype: Any, data: Data) -> None:
    """Of targets that are no labels, too; a probability below the smallest normal number is it."""
    targets = draw_array(data, (N, K), 0, 1, target_dtype)
    outputs = draw_array(data, (N, K), 0, 1, dtype)

    def xlogy(y: np.ndarray, p: np.ndarray) -> np.ndarray:
        tiny = np.finfo(dtype).tiny
        return np.asarray(special.xlogy(y, np.maximum(p, tiny), dtype=np.float64))

    softmax = -xlogy(targets, outputs).sum() / N
    binary = -np.mean(xlogy(targets, outputs) + xlogy(1 - targets, 1 - outputs))
    losses = [module.cross_entropy_loss(targets, outputs) for module in (task3a, task2a)]
    rounding = 1e-5 if np.float32 in (dtype, target_dtype) else 1e-12
    np.testing.assert_allclose(losses, [softmax, binary], rtol=rounding, atol=1e-37)


@given(few, few, st.integers(2, 6), dtypes, st.sampled_from([0, TINY, 1e-3, 1, 100]), st.data())
def test_the_gradients_agree_with_central_differences(
    N: int, inputs: int, K: int, dtype: Any, l2_reg_lambda: float, data: Data
) -> None:
    X = np.hstack([draw_array(data, (N, inputs), -1, 1, dtype), np.ones((N, 1), dtype)])
    seeded = np.random.default_rng(data.draw(st.integers(0, 2**32)))  # no stationary point
    size = data.draw(st.sampled_from([0, 0.1, 1]))
    w = (size * seeded.standard_normal((inputs + 1, K))).astype(dtype)
    binary, softmax = draw_one_hot(data, N, 2, dtype)[:, :1], draw_one_hot(data, N, K, dtype)
    assert check_gradient(with_weights(BinaryModel(), w[:, :1]), X, binary) <= TOLERANCE
    model = with_weights(SoftmaxModel(l2_reg_lambda), w)
    assert check_gradient(model, X, softmax) <= TOLERANCE


@given(st.integers(1, 40), few, few, st.data(), st.booleans(), st.booleans())
def test_batches_are_the_examples_in_the_order_drawn_each_with_its_target(
    N: int, inputs: int, K: int, data: Data, shuffle: bool, drop_last: bool
) -> None:
    kinds = st.sampled_from([np.uint8, *DTYPES])
    X = np.arange(N * inputs).reshape(N, inputs).astype(data.draw(kinds))
    Y = np.arange(N * K).reshape(N, K).astype(data.draw(kinds))
    before = X.copy(), Y.copy()
    batch_size, seed = data.draw(st.integers(1, N)), data.draw(st.integers(0, 2**32 - 1))
    rng = data.draw(st.sampled_from(GENERATORS))
    batches = list(utils.batch_loader(X, Y, batch_size, shuffle, drop_last, rng(seed)))
    full, rest = divmod(N, batch_size)
    sizes = [batch_size] * full + ([rest] if rest and not drop_last else [])
    order = (rng(seed).permutation(N) if shuffle else np.arange(N))[: sum(sizes)]
    for got, all_of_it in zip(zip(*batches, strict=True), (X, Y), strict=True):
        assert [len(batch) for batch in got] == sizes
        np.testing.assert_array_equal(np.concatenate(got), all_of_it[order])
        assert got[0].dtype == all_of_it.dtype
    np.testing.assert_equal((X, Y), before)
