"""Every layer computes what its equations say, and its gradients are theirs."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy import signal

from convnet import layers
from convnet.layers import BatchNorm1d, BatchNorm2d, Conv2d, Dropout, Linear, MaxPool2d, ReLU
from lab.gradient import numerical_gradient


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return rng().standard_normal(shape)


class SameMask(Dropout):
    """Dropout that leaves out the same inputs each time, so that differences can be taken."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        self.rng = rng()
        return super().forward(X)


LAYERS: dict[str, tuple[Callable[[], layers.Layer], tuple[int, ...]]] = {
    "Images of rows": (lambda: layers.Images(2, 3, 4), (5, 24)),
    "Images of images": (lambda: layers.Images(2, 3, 4), (5, 2, 3, 4)),
    "Flatten": (layers.Flatten, (2, 3, 4, 5)),
    "Linear": (lambda: Linear(4, 3, rng()), (5, 4)),
    "Conv2d": (lambda: Conv2d(2, 3, 3, rng()), (5, 4, 2, 6)),
    "Conv2d, valid": (lambda: Conv2d(2, 3, 3, rng(), "valid"), (5, 4, 2, 6)),
    "Conv2d, valid, even": (lambda: Conv2d(3, 2, 2, rng(), "valid"), (4, 5, 3, 2)),
    "MaxPool2d": (lambda: MaxPool2d(2), (4, 6, 2, 3)),
    "ReLU": (ReLU, (4, 5)),
    "Dropout": (lambda: SameMask(0.4, rng()), (4, 5)),
    "BatchNorm1d": (lambda: BatchNorm1d(3), (5, 3)),
    "BatchNorm2d": (lambda: BatchNorm2d(3), (2, 4, 3, 5)),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", LAYERS)
def test_gradients_of_a_layer_are_those_of_central_differences(name: str, training: bool) -> None:
    """The objective is sum(R * Y), with R as random as X, so that every entry of Y counts."""
    make, shape = LAYERS[name]
    layer, X = make(), normal(*shape)
    layer.training = training
    parameters = layer.parameters().values()
    for parameter in parameters:
        parameter.value = parameter.value.astype(np.float64) + 0.1  # so that none is 0
        parameter.grad = np.full_like(parameter.value, np.nan)  # each is to be set
    R = normal(*layer.forward(X).shape)
    layer.parameter_gradients(R)
    gradients = [(X, layer.input_gradient(R)), *((p.value, p.grad) for p in parameters)]
    for values, gradient in gradients:
        numerical = numerical_gradient(lambda: float(np.sum(R * layer.forward(X))), values)
        np.testing.assert_allclose(gradient, numerical, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_a_convolution_is_the_correlation_of_scipy(padding: str) -> None:
    layer, X = Conv2d(2, 3, 3, rng(), padding), normal(5, 6, 2, 4)
    layer.bias.value[:] = (1, 2, 3)
    Y = layer.forward(X)
    for f, n in np.ndindex(3, 4):
        W = layer.weight.value[f]
        expected = sum(signal.correlate2d(X[:, :, c, n], W[:, :, c], padding) for c in range(2))
        np.testing.assert_allclose(Y[:, :, f, n], expected + f + 1, rtol=1e-6)


def test_a_gradient_goes_to_the_first_of_several_maxima_and_is_0_where_relu_is_0() -> None:
    pool, relu = MaxPool2d(2), ReLU()
    assert pool.forward(np.array([[1.0, 3], [3, 2]]).reshape(2, 2, 1, 1)).item() == 3
    assert pool.input_gradient(np.full((1, 1, 1, 1), 5.0)).ravel().tolist() == [0, 5, 0, 0]
    assert relu.forward(np.array([[-1.0, 0, 2]])).tolist() == [[0, 0, 2]]
    assert relu.input_gradient(np.ones((1, 3))).tolist() == [[0, 0, 1]]


def test_dropout_leaves_out_the_share_p_and_keeps_the_mean() -> None:
    layer, X = Dropout(0.4, rng()), np.ones((100, 100))
    layer.training = True
    Y = layer.forward(X)
    assert np.mean(Y == 0) == pytest.approx(0.4, abs=0.02)
    assert Y.max() == pytest.approx(1 / 0.6)
    assert (layer.forward(X) != Y).any()
    layer.training = False
    np.testing.assert_array_equal(layer.forward(X), X)


def test_batch_norm_normalises() -> None:
    layer, X, axes = BatchNorm2d(3), 5 + 2 * normal(4, 5, 3, 20), (0, 1, 3)
    layer.training = True
    Y = layer.forward(X)
    np.testing.assert_allclose(Y.mean(axis=axes), 0, atol=1e-12)
    np.testing.assert_allclose(Y.std(axis=axes), 1, atol=1e-5)
    m, v = layer.mean.value, layer.variance.value
    np.testing.assert_allclose(m.ravel(), 0.1 * X.mean(axis=axes), rtol=1e-6)
    np.testing.assert_allclose(v.ravel(), 0.9 + 0.1 * X.var(axis=axes, ddof=1), rtol=1e-6)
    layer.training = False
    np.testing.assert_allclose(layer.forward(X), (X - m) / np.sqrt(v + 1e-5))


def test_initial_weights_are_uniform_in_one_over_the_root_of_the_inputs() -> None:
    for layer in (Linear(400, 50, rng()), Conv2d(16, 32, 5, rng())):
        for values in (layer.weight.value, layer.bias.value):
            assert values.dtype == np.float32
            assert 0.9 / 20 < np.abs(values).max() <= 1 / 20
