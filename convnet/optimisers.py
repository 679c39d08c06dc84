"""How the weights follow the gradient g, by PyTorch's definitions; `step` changes w in place."""

from __future__ import annotations

import numpy as np


class SGD:
    """w <- w - rate g."""

    def __init__(self, rate: float) -> None:
        if not rate >= 0:  # nan too
            raise ValueError(f"rate: expected at least 0, got {rate}.")
        self.rate = rate

    def step(self, w: np.ndarray, grad: np.ndarray) -> None:
        """Take one step."""
        w -= self.rate * grad


class Momentum(SGD):
    """v <- momentum v + g, w <- w - rate v."""

    def __init__(self, rate: float, momentum: float = 0.9) -> None:
        super().__init__(rate)
        self.momentum = momentum
        self.v = np.float32(0)

    def step(self, w: np.ndarray, grad: np.ndarray) -> None:
        """Take one step."""
        self.v = self.momentum * self.v + grad
        w -= self.rate * self.v


class Adagrad(SGD):
    """s <- s + g^2, w <- w - rate g / (sqrt(s) + 1e-10)."""

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self.s = np.float32(0)

    def step(self, w: np.ndarray, grad: np.ndarray) -> None:
        """Take one step."""
        self.s = self.s + grad**2
        w -= self.rate * grad / (np.sqrt(self.s) + 1e-10)


class Adam(SGD):
    """m <- b1 m + (1 - b1) g, v <- b2 v + (1 - b2) g^2, w <- w - rate m' / (sqrt(v') + 1e-8).

    m' = m / (1 - b1^t) and v' = v / (1 - b2^t) at step t, with b1 = 0.9 and b2 = 0.999.
    """

    def __init__(self, rate: float = 0.001, b1: float = 0.9, b2: float = 0.999) -> None:
        super().__init__(rate)
        self.b1, self.b2 = b1, b2
        self.m = self.v = np.float32(0)
        self.t = 0

    def step(self, w: np.ndarray, grad: np.ndarray) -> None:
        """Take one step."""
        self.t += 1
        self.m = self.b1 * self.m + (1 - self.b1) * grad
        self.v = self.b2 * self.v + (1 - self.b2) * grad**2
        m, v = self.m / (1 - self.b1**self.t), self.v / (1 - self.b2**self.t)
        w -= self.rate * m / (np.sqrt(v) + 1e-8)
