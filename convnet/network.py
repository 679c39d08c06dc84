"""A network: layers one after the other, whose weights are one flat vector."""

from collections.abc import Sequence
from fnmatch import fnmatch
from typing import Any

import numpy as np

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
    Parameter,
    ReLU,
)
from convnet.losses import CrossEntropy, Loss, Penalty


class Sequential:
    """A model of layers: J(w) = loss of the logits + penalties of the weights.

    w: all parameters of all layers, one flat vector; computations have its dtype. grad: dJ/dw.
    training: whether dropout and batch norm are training; frozen layers never are.
    """

    def __init__(
        self, layers: Sequence[Layer], loss: Loss | None = None, penalties: Sequence[Penalty] = ()
    ) -> None:
        self.layers = tuple(layers)
        self.loss = CrossEntropy() if loss is None else loss
        self.penalties = tuple(penalties)
        self.training = False
        self._outputs: np.ndarray | None = None
        parts = [*self.layers, *self.parameters().values()]
        if len({id(part) for part in parts}) < len(parts):
            raise ValueError(
                "layers: expected each layer and each parameter once, got one twice. "
                "Likely fix: create a layer for each place."
            )
        self.w = np.concatenate([p.value.ravel() for p in self.parameters().values()])
        for penalty in self.penalties:
            self.matching(penalty.parameters)  # now, not in the first step, if there are none

    def parameters(self) -> dict[str, Parameter]:
        """Return {name: parameter} of all layers, with names like "1.Conv2d.weight"."""
        return {
            f"{i}.{type(layer).__name__}.{name}": parameter
            for i, layer in enumerate(self.layers)
            for name, parameter in layer.parameters().items()
        }

    def matching(self, pattern: str) -> list[Parameter]:
        """Return the parameters whose names match a pattern, as "*.weight" or "1.*"."""
        parameters = self.parameters()
        matching = [p for name, p in parameters.items() if fnmatch(name, pattern)]
        if not matching:
            names = ", ".join(parameters)
            raise ValueError(f"expected a pattern of some of the names {names}; got {pattern!r}.")
        return matching

    @property
    def frozen(self) -> np.ndarray:
        """Whether each weight is of a frozen layer, which does not learn."""
        return np.concatenate(
            [
                np.full(parameter.value.size, layer.frozen, bool)
                for layer in self.layers
                for parameter in layer.parameters().values()
            ]
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Link the parameters of a copy, or of what was pickled, with its vectors."""
        vars(self).update(state)
        # "W": writeable, which large arrays are not in joblib's processes
        self.w, self.grad = (np.require(state[name], None, "W") for name in ("_w", "_grad"))

    @property
    def w(self) -> np.ndarray:
        """The weights, one vector; the value of each parameter is a view of its part."""
        return self._linked("value", self._w)

    @w.setter
    def w(self, w: np.ndarray) -> None:
        for parameter, view in self._views(w):
            parameter.value = view
        self._w = w
        self.grad = np.zeros_like(w)

    @property
    def grad(self) -> np.ndarray:
        """The gradient of the objective, of the shape of w."""
        return self._linked("grad", self._grad)

    @grad.setter
    def grad(self, grad: np.ndarray) -> None:
        for parameter, view in self._views(grad):
            parameter.grad = view
        self._grad = grad

    def _views(self, vector: np.ndarray) -> list[tuple[Parameter, np.ndarray]]:
        parameters = list(self.parameters().values())
        ends = np.cumsum([parameter.value.size for parameter in parameters])
        if vector.shape != (ends[-1],) or vector.dtype.kind != "f":
            raise ValueError(
                f"w, grad: expected {ends[-1]} floating-point numbers in one vector, got "
                f"{vector.dtype} of shape {vector.shape}. "
                "Likely fix: the vector of a network with the same layers."
            )
        return [
            (parameter, part.reshape(parameter.value.shape))
            for parameter, part in zip(parameters, np.split(vector, ends[:-1]), strict=True)
        ]

    def _linked(self, name: str, vector: np.ndarray) -> np.ndarray:
        """Return a vector, if what each parameter has by this name is a view of its part."""
        names = self.parameters()
        for full_name, (parameter, view) in zip(names, self._views(vector), strict=True):
            if not np.shares_memory(getattr(parameter, name), view):
                raise ValueError(
                    f"{full_name}.{name}: expected a view of the network's vector, got another "
                    f"array. Likely fix: change it in place, {name}[...] = array; for a "
                    "layer that another network has, too, copy.deepcopy(layer)."
                )
        return vector

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
        G = self.loss.gradient(outputs, targets).astype(self.w.dtype, copy=False)
        lowest = next((layer for layer in self.layers if layer.learns), self.layers[-1])
        for layer in reversed(self.layers):
            if layer.learns:
                layer.parameter_gradients(G)
            if layer is lowest:  # nothing below it learns
                break
            G = layer.input_gradient(G)
        for penalty in self.penalties:
            for parameter in self.matching(penalty.parameters):
                parameter.grad += penalty.gradient(parameter.value)
        self.grad[self.frozen] = 0

    def objective(self, X: np.ndarray, targets: np.ndarray) -> float:
        """Compute J(w), whose gradient `backward` computes."""
        return self.loss.value(self.forward(X), targets) + self.penalty()

    def penalty(self) -> float:
        """Compute the sum of the penalties."""
        return sum(
            penalty.value(parameter.value)
            for penalty in self.penalties
            for parameter in self.matching(penalty.parameters)
        )


def lenet(
    rng: np.random.Generator,
    *,
    dropout: float = 0.4,
    batch_norm: bool = False,
    loss: Loss | None = None,
    penalties: Sequence[Penalty] = (),
) -> Sequential:
    """Create a network like LeNet-5, from images (N, 784) to the logits of ten digits (N, 10)."""
    layers: list[Layer] = [
        Images(28, 28, 1),
        Conv2d(1, 16, 5, rng),
        BatchNorm2d(16),
        ReLU(),
        MaxPool2d(2),
        Conv2d(16, 32, 5, rng),
        BatchNorm2d(32),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Linear(7 * 7 * 32, 128, rng),
        BatchNorm1d(128),
        ReLU(),
        Dropout(dropout, rng),
        Linear(128, 64, rng),
        BatchNorm1d(64),
        ReLU(),
        Linear(64, 10, rng),
    ]
    if not batch_norm:
        layers = [layer for layer in layers if not isinstance(layer, BatchNorm)]
    return Sequential(layers, loss, penalties)
