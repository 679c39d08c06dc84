"""What a network minimises: a loss of its logits, and penalties of its weights."""

from typing import Protocol

import numpy as np

from lab.expect import expect_in, expect_same_shape


class Loss(Protocol):
    """A loss of logits z (N, K) and one-hot targets y (N, K)."""

    def value(self, logits: np.ndarray, targets: np.ndarray) -> float:
        """Compute the loss."""

    def gradient(self, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Compute its gradient with respect to the logits (N, K)."""


def softmax(logits: np.ndarray) -> np.ndarray:
    """Compute p_k = exp(z_k) / sum_k' exp(z_k')."""
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


class CrossEntropy:
    """C = -1/N sum_n sum_k y_k ln p_k, with p = softmax(z); dC/dz = (p - y) / N."""

    def value(self, logits: np.ndarray, targets: np.ndarray) -> float:
        """Compute C, from ln p_k = z_k - ln sum_k' exp(z_k')."""
        expect_same_shape(targets=targets, logits=logits)
        z = logits - logits.max(axis=1, keepdims=True)
        log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        return -float(np.sum(targets * log_p) / len(logits))

    def gradient(self, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Compute (p - y) / N."""
        expect_same_shape(targets=targets, logits=logits)
        return (softmax(logits) - targets) / len(logits)


class MeanProbability:
    """Minus the mean probability of the right class, P = -1/N sum_n q_n, q = sum_k y_k p_k.

    dP/dz_k = p_k (q - y_k) / N, which vanishes as p_k does: a network that is wrong and sure of it
    hardly learns.
    """

    def value(self, logits: np.ndarray, targets: np.ndarray) -> float:
        """Compute P."""
        expect_same_shape(targets=targets, logits=logits)
        return -float(np.sum(targets * softmax(logits)) / len(logits))

    def gradient(self, logits: np.ndarray, targets: np.ndarray) -> np.ndarray:
        """Compute p_k (q - y_k) / N."""
        expect_same_shape(targets=targets, logits=logits)
        p = softmax(logits)
        q = np.sum(targets * p, axis=1, keepdims=True)
        return p * (q - targets) / len(logits)


class Penalty:
    """lambda R(w) of the parameters whose names match a pattern, by default not of the biases."""

    def __init__(self, strength: float, parameters: str = "*.weight") -> None:
        expect_in("(-inf, inf)", strength=strength)
        self.strength, self.parameters = strength, parameters

    def value(self, w: np.ndarray) -> float:
        """Compute lambda R(w)."""
        raise NotImplementedError

    def gradient(self, w: np.ndarray) -> np.ndarray:
        """Compute lambda dR/dw."""
        raise NotImplementedError


class L1(Penalty):
    """R(w) = sum |w|, dR/dw = sign(w)."""

    def value(self, w: np.ndarray) -> float:
        """Compute lambda R(w)."""
        return self.strength * float(np.abs(w).sum())

    def gradient(self, w: np.ndarray) -> np.ndarray:
        """Compute lambda dR/dw."""
        return self.strength * np.sign(w)


class L2(Penalty):
    """R(w) = sum w^2, dR/dw = 2 w (equations 27 and 28)."""

    def value(self, w: np.ndarray) -> float:
        """Compute lambda R(w)."""
        return self.strength * float(np.square(w).sum())

    def gradient(self, w: np.ndarray) -> np.ndarray:
        """Compute lambda dR/dw."""
        return 2 * self.strength * w
