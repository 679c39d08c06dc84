"""Layers, losses and optimisers agree with PyTorch over 20 steps from the same weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from convnet import layers
from convnet.losses import CrossEntropy, Loss, MeanProbability
from convnet.network import Sequential
from convnet.optimisers import SGD, Adagrad, Adam, Momentum, Optimiser
from convnet.trainer import NetworkTrainer

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peer

RNG = np.random.default_rng(0)
X = RNG.standard_normal((10, 64))
Y = np.eye(3)[RNG.integers(0, 3, 10)]


def network(loss: Loss) -> Sequential:
    """Every layer with weights, and ReLU before pooling, so that the pixels of a window agree."""
    rng = np.random.default_rng(1)
    ours = [
        layers.Images(8, 8, 1),
        layers.Conv2d(1, 4, 5, rng),
        layers.BatchNorm2d(4),
        layers.ReLU(),
        layers.MaxPool2d(2),
        layers.Conv2d(4, 3, 3, rng, "valid"),
        layers.Flatten(),
        layers.Linear(12, 20, rng),
        layers.BatchNorm1d(20),
        layers.ReLU(),
        layers.Linear(20, 3, rng),
    ]
    return Sequential(ours, loss)


def twin() -> Any:
    """The same layers of PyTorch, with weights of its own."""
    nn = torch.nn

    class Flatten(nn.Module):  # type: ignore[misc, name-defined]
        def forward(self, X: Any) -> Any:
            return X.permute(0, 2, 3, 1).flatten(1)

    return nn.Sequential(
        nn.Unflatten(1, (1, 8, 8)),
        nn.Conv2d(1, 4, 5, padding=2),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 3, 3),
        Flatten(),
        nn.Linear(12, 20),
        nn.BatchNorm1d(20),
        nn.ReLU(),
        nn.Linear(20, 3),
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


def mean_probability(logits: Any, targets: Any) -> Any:
    """The loss of the document: NLLLoss on probabilities, not on their logarithms."""
    return torch.nn.functional.nll_loss(torch.softmax(logits, dim=1), targets.argmax(dim=1))


@pytest.mark.parametrize(
    ("name", "loss", "their_loss"),
    [(name, CrossEntropy(), torch.nn.functional.cross_entropy) for name in OPTIMISERS]
    + [("SGD", MeanProbability(), mean_probability)],
)
def test_a_network_learns_the_same(
    name: str, loss: Loss, their_loss: Callable[[Any, Any], Any]
) -> None:
    model, theirs = network(loss), twin()
    optimiser, make = OPTIMISERS[name]
    model.w = model.w.astype(np.float64)
    start = model.w.copy()
    parameters = [
        pair
        for layer, module in zip(model.layers, theirs, strict=True)
        for pair in pairs(layer, module)
    ]
    for value, tensor in parameters:
        tensor.data = torch.tensor(value)
    trainer = NetworkTrainer(model, optimiser, len(X), False, X, Y, X, Y)
    their_optimiser = make(theirs.parameters())
    for _ in range(20):
        their_optimiser.zero_grad()
        value = their_loss(theirs(torch.tensor(X)), torch.tensor(Y))
        value.backward()
        their_optimiser.step()
        assert trainer.train_step(X, Y) == pytest.approx(value.item(), abs=1e-5)
    outputs = theirs.eval()(torch.tensor(X)).detach().numpy()
    np.testing.assert_allclose(model.forward(X), outputs, rtol=1e-5, atol=1e-5)
    for ours, tensor in parameters:
        np.testing.assert_allclose(ours, tensor.detach().numpy(), atol=1e-5)
    assert np.abs(model.w - start).max() > 1e-3
