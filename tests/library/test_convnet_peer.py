"""Layers, losses and optimisers agree with PyTorch over 20 steps from the same weights."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

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


AXES = {1: (0,), 2: (1, 0), 4: (0, 2, 3, 1)}  # of PyTorch's arrays, in our order


@pytest.mark.parametrize(
    ("optimiser", "name", "options"),
    [
        (SGD(0.1), "SGD", {"lr": 0.1}),
        (Momentum(0.1, 0.6), "SGD", {"lr": 0.1, "momentum": 0.6}),
        (Adagrad(0.01), "Adagrad", {"lr": 0.01}),
        (Adam(0.01, 0.8, 0.9), "Adam", {"lr": 0.01, "betas": (0.8, 0.9)}),
    ],
)
def test_a_network_learns_the_same(optimiser: Optimiser, name: str, options: Any) -> None:
    """In float64: an adaptive step follows the sign of a gradient even where it is rounding."""
    model, theirs = small(), twin()
    model.w = model.w.astype(np.float64)
    arrays = [tensor.numpy() for tensor in theirs.state_dict().values() if tensor.ndim]
    views = [array.transpose(AXES[array.ndim]) for array in arrays]  # which follow the training
    for parameter, view in zip(model.parameters().values(), views, strict=True):
        parameter.value[...] = view.reshape(parameter.value.shape)
    trainer = NetworkTrainer(model, optimiser, len(X), False, X, Y, X, Y)
    their_optimiser = getattr(torch.optim, name)(theirs.parameters(), **options)
    inputs, targets = torch.tensor(X).double(), torch.tensor(Y).double()
    for _ in range(20):
        their_optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(theirs(inputs), targets)
        value.backward()
        their_optimiser.step()
        assert trainer.train_step(X, Y) == pytest.approx(value.item(), abs=1e-5)
    outputs = theirs.eval()(inputs).detach().numpy()
    np.testing.assert_allclose(model.forward(X), outputs, rtol=1e-5, atol=1e-5)
    learnt = np.concatenate([view.ravel() for view in views])
    np.testing.assert_allclose(model.w, learnt, atol=1e-5)
