"""Layers, losses and optimisers agree with PyTorch over 20 steps from the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convnet import layers
from convnet.optimisers import SGD, Adagrad, Adam, Momentum, Optimiser
from convnet.trainer import NetworkTrainer
from tests.library.test_convnet_network import X, Y, small

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peer


def twin() -> Any:
    """The layers of `small` in PyTorch, with weights of its own."""
    nn = torch.nn
    return nn.Sequential(
        nn.Unflatten(1, (1, 6, 6)),
        nn.Conv2d(1, 2, 3, padding=1),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(2, 4, 3),
        nn.Flatten(),
        nn.Linear(4, 5),
        nn.BatchNorm1d(5),
        nn.Dropout(0),
        nn.ReLU(),
        nn.Linear(5, 3),
    ).double()


def pairs(layer: layers.Layer, theirs: Any) -> list[tuple[np.ndarray, Any]]:
    """Each parameter of a layer in the shape of PyTorch's, and PyTorch's."""
    if isinstance(layer, layers.BatchNorm):
        ours = (layer.scale, layer.shift, layer.mean, layer.variance)
        tensors = (theirs.weight, theirs.bias, theirs.running_mean, theirs.running_var)
        return list(zip((p.value.ravel() for p in ours), tensors, strict=True))
    if isinstance(layer, layers.Linear):
        return [(layer.weight.value.T, theirs.weight), (layer.bias.value, theirs.bias)]
    if isinstance(layer, layers.Conv2d):
        weight = layer.weight.value.transpose(0, 3, 1, 2)
        return [(weight, theirs.weight), (layer.bias.value, theirs.bias)]
    return []


# An entry of an adaptive step is as large as the sign of its gradient, even where the gradient is
# rounding: only float64 can agree.
OPTIMISERS: dict[str, tuple[Optimiser, Callable[[Any], Any]]] = {
    "SGD": (SGD(0.1), lambda w: torch.optim.SGD(w, lr=0.1)),
    "Momentum": (Momentum(0.1, 0.6), lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.6)),
    "Adagrad": (Adagrad(0.01), lambda w: torch.optim.Adagrad(w, lr=0.01)),
    "Adam": (Adam(0.01, 0.8, 0.9), lambda w: torch.optim.Adam(w, lr=0.01, betas=(0.8, 0.9))),
}


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_network_learns_the_same(name: str) -> None:
    model, theirs = small(), twin()
    optimiser, make = OPTIMISERS[name]
    model.w = model.w.astype(np.float64)
    parameters = [
        pair
        for layer, module in zip(model.layers, theirs, strict=True)
        for pair in pairs(layer, module)
    ]
    for value, tensor in parameters:
        tensor.data = torch.tensor(value)
    trainer = NetworkTrainer(model, optimiser, len(X), False, X, Y, X, Y)
    their_optimiser, inputs = make(theirs.parameters()), torch.tensor(X).double()
    for _ in range(20):
        their_optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(theirs(inputs), torch.tensor(Y).double())
        value.backward()
        their_optimiser.step()
        assert trainer.train_step(X, Y) == pytest.approx(value.item(), abs=1e-5)
    outputs = theirs.eval()(inputs).detach().numpy()
    np.testing.assert_allclose(model.forward(X), outputs, rtol=1e-5, atol=1e-5)
    for ours, tensor in parameters:
        np.testing.assert_allclose(ours, tensor.detach().numpy(), atol=1e-5)
