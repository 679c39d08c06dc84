"""A network: layers one after the other, whose weights are one flat vector."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatch

import numpy as np

from convnet.layers import (
    BatchNorm1d,
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Layer,
    Linear,
    MaxPool2d,
    Parameter,
    ReLU,
    Unflatten,
)
from convnet.losses import CrossEntropy, Loss, Penalty


class Sequential:
    """A model of layers: J(w) = loss of the logits + penalty of the weights.

    w: all parameters of all layers, one flat vector; computations have its dtype. grad: dJ/dw.
    training: whether dropout and batch norm are training; frozen layers never are.
    penalised: the pattern of the names of the parameters that the penalty is of.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        loss: Loss | None = None,
        penalty: Penalty | None = None,
        penalised: str = "*.weight",
    ) -> None:
        self.layers = tuple(layers)
        self.loss = CrossEntropy() if loss is None else loss
        self.penalty = Penalty() if penalty is None else penalty
        self.training = False
        self.w = np.concatenate([p.value.ravel() for p in self.parameters().values()])
        self.penalised = self.select(penalised)

    def parameters(self) -> dict[str, Parameter]:
        """Return {name: parameter} of all layers, with names like "1.Conv2d.weight"."""
        return {
            f"{i}.{type(layer).__name__}.{name}": parameter
            for i, layer in enumerate(self.layers)
            for name, parameter in layer.parameters().items()
        }

    def parts(self) -> dict[str, slice]:
        """Return {name of a parameter: its part of w}."""
        parts, start = {}, 0
        for name, parameter in self.parameters().items():
            parts[name] = slice(start, start + parameter.value.size)
            start += parameter.value.size
        return parts

    def select(self, pattern: str) -> np.ndarray:
        """Return a mask over w of the parameters whose names match, as "*.weight" or "1.*"."""
        mask = np.zeros(self.w.shape, bool)
        for name, part in self.parts().items():
            mask[part] = fnmatch(name, pattern)
        if not mask.any():
            names = ", ".join(self.parts())
            raise ValueError(f"pattern: expected one that matches some of {names}; got {pattern}.")
        return mask

    @property
    def w(self) -> np.ndarray:
        """The weights, one vector; the value of each parameter is a view of its part."""
        return self._w

    @w.setter
    def w(self, w: np.ndarray) -> None:
        for parameter, view in self._views(w):
            parameter.value = view
        self._w = w
        self.grad = np.zeros_like(w)

    @property
    def grad(self) -> np.ndarray:
        """The gradient of the objective, of the shape of w."""
        return self._grad

    @grad.setter
    def grad(self, grad: np.ndarray) -> None:
        for parameter, view in self._views(grad):
            parameter.grad = view
        self._grad = grad

    def _views(self, vector: np.ndarray) -> list[tuple[Parameter, np.ndarray]]:
        parameters = self.parameters()
        size = sum(parameter.value.size for parameter in parameters.values())
        if vector.shape != (size,) or vector.dtype.kind != "f":
            raise ValueError(
                f"w: expected {size} floating-point numbers in one vector, got {vector.dtype} of "
                f"shape {vector.shape}. Likely fix: w of a network with the same layers."
            )
        return [
            (parameters[name], vector[part].reshape(parameters[name].value.shape))
            for name, part in self.parts().items()
        ]

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the logits (N, K) of inputs X (N, I)."""
        if X.dtype.kind != "f":
            raise ValueError(
                f"X: expected floating-point numbers, got {X.dtype}. "
                "Likely fix: normalise the pixels, as in X / np.float32(127.5) - 1."
            )
        Y = X.astype(self.w.dtype, copy=False)
        for layer in self.layers:
            layer.training = self.training and not layer.frozen
            Y = layer.forward(Y)
        self._outputs = Y
        return Y

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Set grad to dJ/dw, 0 for frozen layers; outputs: what the last `forward(X)` returned."""
        if outputs is not self._outputs:
            raise ValueError(
                "outputs: expected what the last forward returned, got another array. "
                "Likely fix: outputs = model.forward(X) right before backward."
            )
        learning = [i for i, layer in enumerate(self.layers) if layer.learns]
        G = self.loss.gradient(outputs, targets).astype(self.w.dtype, copy=False)
        for i in reversed(range(min(learning, default=len(self.layers)), len(self.layers))):
            if i in learning:
                self.layers[i].parameter_gradients(G)
            if i > learning[0]:
                G = self.layers[i].input_gradient(G)
        if self.penalty.strength:
            self.grad += self.penalty.gradient(self.w * self.penalised)
        for layer in self.layers:
            for parameter in layer.parameters().values() if layer.frozen else ():
                parameter.grad[...] = 0

    def objective(self, X: np.ndarray, targets: np.ndarray) -> float:
        """Compute J(w), whose gradient `backward` computes."""
        penalty = self.penalty.value(self.w * self.penalised)
        return self.loss.value(self.forward(X), targets) + penalty


def lenet(
    rng: np.random.Generator,
    *,
    num_classes: int = 10,
    batch_norm: bool = False,
    loss: Loss | None = None,
    penalty: Penalty | None = None,
) -> Sequential:
    """Create a network like LeNet-5 for inputs (N, 784): two convolutions, three linear layers."""
    convolutions: list[Layer] = [Unflatten(28, 28, 1)]
    for channels, filters in ((1, 16), (16, 32)):
        norm = [BatchNorm2d(filters)] if batch_norm else []
        convolutions += [Conv2d(channels, filters, 5, rng), *norm, ReLU(), MaxPool2d(2)]
    norms = [[BatchNorm1d(size)] if batch_norm else [] for size in (128, 64)]
    layers: list[Layer] = [
        *convolutions,
        Flatten(),
        Linear(7 * 7 * 32, 128, rng),
        *norms[0],
        ReLU(),
        Dropout(0.4, rng),
        Linear(128, 64, rng),
        *norms[1],
        ReLU(),
        Linear(64, num_classes, rng),
    ]
    return Sequential(layers, loss, penalty)
