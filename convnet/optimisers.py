"""How a network's weights w follow the gradient g, by PyTorch's definitions; r: learning rate."""

import numpy as np

from convnet.network import Sequential
from lab.expect import expect_in


class Optimiser:
    """Takes the steps of one network, until `reset`.

    t: the number of steps. m, v: what is remembered of g and of g^2, 0 before the first.
    """

    def __init__(self, learning_rate: float) -> None:
        expect_in("[0, inf)", learning_rate=learning_rate)
        self.learning_rate = learning_rate
        self.reset()

    def reset(self) -> None:
        """Forget the network and its steps."""
        self.model: Sequential | None = None
        self.t = 0
        self.m: np.ndarray | float = 0.0
        self.v: np.ndarray | float = 0.0

    def step(self, model: Sequential) -> None:
        """Change the weights by one step along `model.grad`, but not those of frozen layers."""
        if self.model not in (None, model):
            raise ValueError(
                "model: expected the network of the steps before, got another. "
                "Likely fix: optimiser.reset(), or an optimiser for each network."
            )
        self.model, w = model, model.w
        self.t += 1
        change = self.change(model.grad)
        change[model.frozen] = 0  # which momentum would go on moving
        w -= change

    def change(self, grad: np.ndarray) -> np.ndarray:
        """Compute what step t subtracts from w."""
        raise NotImplementedError


class SGD(Optimiser):
    """w <- w - r g."""

    def change(self, grad: np.ndarray) -> np.ndarray:
        """Compute r g."""
        return self.learning_rate * grad


class Momentum(Optimiser):
    """m <- momentum m + g, w <- w - r m."""

    def __init__(self, learning_rate: float, momentum: float = 0.9) -> None:
        super().__init__(learning_rate)
        expect_in("[0, 1)", momentum=momentum)
        self.momentum = momentum

    def change(self, grad: np.ndarray) -> np.ndarray:
        """Compute r m."""
        self.m = self.momentum * self.m + grad
        return self.learning_rate * self.m


class Adagrad(Optimiser):
    """v <- v + g^2, w <- w - r g / (sqrt(v) + 1e-10)."""

    def __init__(self, learning_rate: float = 0.01) -> None:
        super().__init__(learning_rate)

    def change(self, grad: np.ndarray) -> np.ndarray:
        """Compute r g / (sqrt(v) + 1e-10)."""
        self.v += grad**2
        return self.learning_rate * grad / (np.sqrt(self.v) + 1e-10)


class Adam(Optimiser):
    """w <- w - r m' / (sqrt(v') + 1e-8), from running means of g and of g^2.

    m <- b1 m + (1 - b1) g, m' = m / (1 - b1^t) at step t = 1, 2, ...;
    v <- b2 v + (1 - b2) g^2, v' = v / (1 - b2^t).
    """

    def __init__(self, learning_rate: float = 0.001, b1: float = 0.9, b2: float = 0.999) -> None:
        super().__init__(learning_rate)
        expect_in("[0, 1)", b1=b1, b2=b2)
        self.b1, self.b2 = b1, b2

    def change(self, grad: np.ndarray) -> np.ndarray:
        """Compute r m' / (sqrt(v') + 1e-8)."""
        self.m += (1 - self.b1) * (grad - self.m)
        self.v += (1 - self.b2) * (grad**2 - self.v)
        m, v = self.m / (1 - self.b1**self.t), self.v / (1 - self.b2**self.t)
        return self.learning_rate * m / (np.sqrt(v) + 1e-8)
