"""What the trainer expects of a model and of a random generator."""

from typing import Protocol

import numpy as np


class Model(Protocol):
    """A model with weights `w` and the gradient `grad` of its objective, of the shape of `w`."""

    w: np.ndarray
    grad: np.ndarray

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the outputs (N, K) for inputs (N, I)."""

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Set `grad` to the gradient of the objective at `w`."""

    def objective(self, X: np.ndarray, targets: np.ndarray) -> float:
        """Compute what gradient descent minimises."""


class Generator(Protocol):
    """A random generator: `np.random.Generator`, a legacy `RandomState`, or `np.random` itself."""

    def permutation(self, x: int, /) -> np.ndarray:
        """Draw a random order of 0 to x - 1."""
