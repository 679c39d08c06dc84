"""Layers, losses and optimisers agree with PyTorch over 20 steps from the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convnet.layers import (
    BatchNorm,
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Images,
    Layer,
    Linear,
    MaxPool2d,
    ReLU,
)
from convnet.losses import CrossEntropy, MeanProbability
from convnet.network import Sequential, lenet
from convnet.optimisers import SGD, Adagrad, Adam, Momentum, Optimiser
from convnet.trainer import NetworkTrainer

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peer

STEPS = 20
TOLERANCE = 1e-5


class Permute(torch.nn.Module):  # type: ignore[misc, name-defined]
    """Reorders the axes, by default to images (N, H, W, C), whose rows are those of `Flatten`."""

    def __init__(self, *axes: int) -> None:
        super().__init__()
        self.axes = axes

    def forward(self, X: Any) -> Any:
        return X.permute(self.axes)


def twins(layer: Layer) -> list[Any]:
    """PyTorch's layers that compute the same, with the same weights."""
    nn = torch.nn
    if isinstance(layer, Images):
        H, W, C = layer.size
        return [nn.Unflatten(1, (H, W, C)), Permute(0, 3, 1, 2)]
    if isinstance(layer, Flatten):
        return [Permute(0, 2, 3, 1), nn.Flatten()]
    if isinstance(layer, MaxPool2d):
        return [nn.MaxPool2d(layer.size)]
    if isinstance(layer, ReLU):
        return [nn.ReLU()]
    if isinstance(layer, Dropout):
        return []
    twin: Any
    if isinstance(layer, Linear):
        twin = nn.Linear(*layer.weight.value.shape)
    elif isinstance(layer, Conv2d):
        F, size, _, C = layer.weight.value.shape
        twin = nn.Conv2d(C, F, size, padding=layer.padding)
    elif isinstance(layer, BatchNorm):
        kind = nn.BatchNorm1d if isinstance(layer, BatchNorm1d) else nn.BatchNorm2d
        twin = kind(layer.mean.value.size)
    for ours, theirs in pairs(layer, twin):
        theirs.data = torch.tensor(ours)
    return [twin]


def pairs(layer: Layer, twin: Any) -> list[tuple[np.ndarray, Any]]:
    """Each parameter of a layer in the shape of PyTorch's, and PyTorch's."""
    if isinstance(layer, BatchNorm):
        parameters = (layer.scale, layer.shift, layer.mean, layer.variance)
        theirs = (twin.weight, twin.bias, twin.running_mean, twin.running_var)
        values = [parameter.value.ravel() for parameter in parameters]
        return list(zip(values, theirs, strict=True))
    if isinstance(layer, Linear):
        return [(layer.weight.value.T, twin.weight), (layer.bias.value, twin.bias)]
    assert isinstance(layer, Conv2d)
    weight = layer.weight.value.transpose(0, 3, 1, 2)
    return [(weight, twin.weight), (layer.bias.value, twin.bias)]


def mean_probability(logits: Any, targets: Any) -> Any:
    """The loss of the document: NLLLoss on probabilities, not on their logarithms."""
    return torch.nn.functional.nll_loss(torch.softmax(logits, dim=1), targets.argmax(dim=1))


def compare(
    model: Sequential,
    X: np.ndarray,
    Y: np.ndarray,
    optimiser: Optimiser,
    make: Callable[[Any], Any],
    loss: Callable[[Any, Any], Any] = torch.nn.functional.cross_entropy,
) -> None:
    """Take 20 steps here and there; all losses, weights and outputs must agree."""
    X, Y = X.astype(model.w.dtype), Y.astype(model.w.dtype)
    groups = [twins(layer) for layer in model.layers]
    twin = torch.nn.Sequential(*(layer for group in groups for layer in group))
    trainer, theirs = NetworkTrainer(model, optimiser, len(X), False, X, Y, X, Y), make(twin)
    start = model.w.copy()
    for _ in range(STEPS):
        theirs.zero_grad()
        value = loss(twin(torch.tensor(X)), torch.tensor(Y))
        value.backward()
        theirs.step()
        assert trainer.train_step(X, Y) == pytest.approx(value.item(), abs=TOLERANCE)
    twin.eval()
    with torch.no_grad():
        outputs = twin(torch.tensor(X)).numpy()
    np.testing.assert_allclose(model.forward(X), outputs, rtol=TOLERANCE, atol=TOLERANCE)
    for layer, group in zip(model.layers, groups, strict=True):
        for ours, parameter in pairs(layer, group[0]) if layer.parameters() else ():
            np.testing.assert_allclose(ours, parameter.detach().numpy(), atol=TOLERANCE)
    assert np.abs(model.w - start).max() > 100 * TOLERANCE


def sgd(twin: Any) -> Any:
    return torch.optim.SGD(twin.parameters(), lr=0.1)


RNG = np.random.default_rng(0)
X = RNG.standard_normal((10, 64))
Y = np.eye(3)[RNG.integers(0, 3, 10)]


def layers(name: str) -> list[Layer]:
    rng = np.random.default_rng(1)
    first: dict[str, list[Layer]] = {
        "Linear": [Linear(64, 20, rng)],
        "ReLU": [Linear(64, 20, rng), ReLU()],
        "Conv2d": [Images(8, 8, 1), Conv2d(1, 4, 5, rng), Conv2d(4, 3, 3, rng), Flatten()],
        "valid": [Images(4, 4, 4), Conv2d(4, 3, 2, rng, "valid"), Flatten()],
        "MaxPool2d": [Images(8, 8, 1), Conv2d(1, 4, 3, rng), MaxPool2d(2), Flatten()],
        "equal pixels": [Images(8, 8, 1), Conv2d(1, 4, 3, rng), ReLU(), MaxPool2d(4), Flatten()],
        "BatchNorm1d": [Linear(64, 20, rng), BatchNorm1d(20)],
        "BatchNorm2d": [Images(4, 4, 4), Conv2d(4, 3, 3, rng), BatchNorm2d(3), Flatten()],
    }
    inputs = {"Conv2d": 192, "valid": 27, "MaxPool2d": 64, "equal pixels": 16, "BatchNorm2d": 48}
    return [*first[name], Linear(inputs.get(name, 20), 3, rng)]


NAMES = ["Linear", "ReLU", "Conv2d", "valid", "MaxPool2d", "equal pixels"]


@pytest.mark.parametrize("name", [*NAMES, "BatchNorm1d", "BatchNorm2d"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_learns_the_same(name: str, dtype: Any) -> None:
    model = Sequential(layers(name))
    model.w = model.w.astype(dtype)
    compare(model, X, Y, SGD(0.1), sgd)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_network_of_the_document_learns_the_same(batch_norm: bool) -> None:
    rng = np.random.default_rng(2)
    model = lenet(rng, dropout=0, batch_norm=batch_norm)
    model.w = model.w.astype(np.float64)  # five layers amplify the rounding of float32
    targets = np.eye(10)[rng.integers(0, 10, 10)]
    compare(model, rng.standard_normal((10, 784)), targets, SGD(0.1), sgd)


def test_the_loss_of_the_document_is_the_same() -> None:
    model = Sequential(layers("ReLU"), MeanProbability())
    compare(model, X, Y, SGD(0.1), sgd, mean_probability)
    assert CrossEntropy().value(X, np.eye(64)[:10]) == pytest.approx(
        torch.nn.functional.cross_entropy(torch.tensor(X), torch.arange(10)).item()
    )


# An entry of an adaptive step is as large as the sign of its gradient, even where the gradient is
# rounding: only float64 can agree.
OPTIMISERS: dict[str, tuple[Callable[[], Optimiser], Callable[[Any], Any]]] = {
    "SGD": (lambda: SGD(0.1), sgd),
    "Momentum": (
        lambda: Momentum(0.1, 0.9),
        lambda twin: torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.9),
    ),
    "Momentum, 0.1": (
        lambda: Momentum(0.1, 0.1),
        lambda twin: torch.optim.SGD(twin.parameters(), lr=0.1, momentum=0.1),
    ),
    "Adagrad": (
        lambda: Adagrad(0.01),
        lambda twin: torch.optim.Adagrad(twin.parameters(), lr=0.01),
    ),
    "Adam": (lambda: Adam(0.01), lambda twin: torch.optim.Adam(twin.parameters(), lr=0.01)),
    "Adam, other decays": (
        lambda: Adam(0.01, 0.8, 0.9),
        lambda twin: torch.optim.Adam(twin.parameters(), lr=0.01, betas=(0.8, 0.9)),
    ),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_an_optimiser_takes_the_same_steps(name: str) -> None:
    ours, theirs = OPTIMISERS[name]
    model = Sequential(layers("equal pixels"))
    model.w = model.w.astype(np.float64)
    compare(model, X, Y, ours(), theirs)
