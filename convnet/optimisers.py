"""How the weights follow the gradient g, in place, by PyTorch's definitions; r: learning rate."""

from __future__ import annotations

import numpy as np


class Optimiser:
    """Steps along the gradient; what it remembers of earlier steps is of one training."""

    def __init__(self, learning_rate: float) -> None:
        if not learning_rate >= 0:  # nan too
            raise ValueError(f"learning_rate: expected at least 0, got {learning_rate}.")
        self.learning_rate = learning_rate

    def step(self, w: np.ndarray, grad: np.ndarray) -> None:
        """Change w by one step."""
        raise NotImplementedError


class SGD(Optimiser):
    """w <- w - r g."""

    def step(self, w: np.ndarray, grad: np.ndarray) -> None:
        """Change w by one step."""
        w -= self.learning_rate * grad


class Momentum(Optimiser):
    """v <- momentum v + g, w <- w - r v."""

    def __init__(self, learning_rate: float, momentum: float = 0.9) -> None:
        super().__init__(learning_rate)
        self.momentum = momentum
        self.v: np.ndarray | float = 0.0

    def step(self, w: np.ndarray, grad: np.ndarray) -> None:
        """Change w by one step."""
        self.v = self.momentum * self.v + grad
        w -= self.learning_rate * self.v


class Adagrad(Optimiser):
    """s <- s + g^2, w <- w - r g / (sqrt(s) + 1e-10)."""

    def __init__(self, learning_rate: float = 0.01) -> None:
        super().__init__(learning_rate)
        self.s: np.ndarray | float = 0.0

    def step(self, w: np.ndarray, grad: np.ndarray) -> None:
        """Change w by one step."""
        self.s += grad**2
        w -= self.learning_rate * grad / (np.sqrt(self.s) + 1e-10)


class Adam(Optimiser):
    """w <- w - r m' / (sqrt(v') + 1e-8), from running means of g and of g^2.

    m <- b1 m + (1 - b1) g, m' = m / (1 - b1^t) at step t = 1, 2, ...;
    v <- b2 v + (1 - b2) g^2, v' = v / (1 - b2^t).
    """

    def __init__(self, learning_rate: float = 0.001, b1: float = 0.9, b2: float = 0.999) -> None:
        super().__init__(learning_rate)
        self.b1, self.b2, self.t = b1, b2, 0
        self.m: np.ndarray | float = 0.0
        self.v: np.ndarray | float = 0.0

    def step(self, w: np.ndarray, grad: np.ndarray) -> None:
        """Change w by one step."""
        self.t += 1
        self.m += (1 - self.b1) * (grad - self.m)
        self.v += (1 - self.b2) * (grad**2 - self.v)
        m, v = self.m / (1 - self.b1**self.t), self.v / (1 - self.b2**self.t)
        w -= self.learning_rate * m / (np.sqrt(v) + 1e-8)
