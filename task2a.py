"""Task 2a: the pieces of logistic regression, from the pixels to the gradient."""

from __future__ import annotations

import numpy as np

import utils
from lab.expect import (
    BIAS_FIX,
    FORWARD_FIX,
    expect_probabilities,
    expect_same_shape,
    expect_shape,
    expect_within,
)
from lab.gradient import check_gradient
from lab.script import load_data, parse_options, run_script


def pre_process_images(X: np.ndarray) -> np.ndarray:
    """Map pixels from [0, 255] to [-1, 1] and append the bias input 1 (the bias trick).

    Args:
        X: images (N, 784), pixels in [0, 255].

    Returns:
        float32 inputs (N, 785); the last column is 1.

    Raises:
        ValueError: if X is not of shape (N, 784), or a pixel not in [0, 255].
    """
    expect_shape("X", X, ("N", 784), "flatten the images with X.reshape(-1, 784), once")
    expect_within("X", X, 0, 255, "pass the pixels as they were loaded, not yet normalised")
    inputs = np.ones((len(X), 785), dtype=np.float32)
    inputs[:, :-1] = X
    inputs[:, :-1] /= 127.5
    inputs[:, :-1] -= 1
    return inputs


def cross_entropy_loss(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute the mean binary cross-entropy, C = -mean(y ln(yhat) + (1 - y) ln(1 - yhat)) (eq. 3).

    Args:
        targets: y, labels (N, 1) in [0, 1].
        outputs: yhat, probabilities (N, 1) in [0, 1].

    Returns:
        C in nats, finite also where an output is exactly 0 or 1.

    Raises:
        ValueError: if the shapes differ, or a value lies outside [0, 1].
    """
    expect_same_shape(targets=targets, outputs=outputs)
    expect_within("targets", targets, 0, 1, "binary_prune_dataset makes the labels 1 and 0")
    expect_probabilities("outputs", outputs)
    tiny = np.finfo(np.result_type(outputs, np.float32)).tiny  # ln(0) is -inf, ln(tiny) is not
    log_likelihood = targets * np.log(np.maximum(outputs, tiny))
    log_likelihood += (1 - targets) * np.log(np.maximum(1 - outputs, tiny))
    return -float(log_likelihood.mean())


class BinaryModel:
    """Logistic regression: one sigmoid neuron (equation 1).

    Attributes:
        w: weights (785, 1), zero at first; the last is the bias. The dtype may be changed.
        grad: the gradient of C at w, of the shape of w; `backward` sets it.
    """

    def __init__(self) -> None:
        self.w = np.zeros((785, 1), dtype=np.float32)
        self.zero_grad()

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the probability of class 1, yhat = 1 / (1 + exp(-X w)) (equation 1).

        Args:
            X: inputs (N, 785).

        Returns:
            outputs (N, 1) in [0, 1].

        Raises:
            ValueError: if X is not of shape (N, 785).
        """
        expect_shape("X", X, ("N", len(self.w)), BIAS_FIX)
        logits = X @ self.w
        e = np.exp(-np.abs(logits))
        # 1 / (1 + exp(-z)) = exp(z) / (1 + exp(z)): of the two, the one that never overflows
        return np.where(logits >= 0, 1, e) / (1 + e)

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Set `grad` to dC/dw = -X^T (y - yhat) / N (equation 6, averaged as in equation 3).

        Args:
            X: inputs (N, 785).
            outputs: yhat (N, 1), what `forward(X)` returned.
            targets: y (N, 1).

        Raises:
            ValueError: if the shapes do not belong together.
        """
        expect_same_shape(targets=targets, outputs=outputs)
        expect_shape("X", X, ("N", len(self.w)), BIAS_FIX)
        expect_shape("outputs", outputs, (len(X), 1), FORWARD_FIX)
        self.grad = X.T @ (outputs - targets) / len(X)

    def objective(self, X: np.ndarray, targets: np.ndarray) -> float:
        """Compute C(w), the value of which `backward` computes the gradient (equation 3)."""
        return cross_entropy_loss(targets, self.forward(X))

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = np.zeros_like(self.w)


def gradient_approximation_test(model: BinaryModel, X: np.ndarray, Y: np.ndarray) -> None:
    """Raise GradientError unless `model.backward` agrees with central differences (equation 29).

    Args:
        model: its weights are as they were afterwards.
        X: inputs (N, 785).
        Y: targets (N, 1).
    """
    check_gradient(model, X, Y)


def main() -> None:
    """Check the pieces above on 100 images of 2 and 3."""
    data = load_data(parse_options(main.__doc__))
    X, Y, _, _ = utils.load_binary_dataset(2, 3, data)
    X, Y = pre_process_images(X[:100]), Y[:100]
    print(f"{data.name}: inputs {X.shape}, pixels in [{X.min():g}, {X.max():g}], bias {X[0, -1]:g}")
    model = BinaryModel()
    print(f"loss of zero weights {cross_entropy_loss(Y, model.forward(X)):.6f} (ln 2 = 0.693147)")
    gradient_approximation_test(model, X, Y)
    print("backward agrees with central differences")


if __name__ == "__main__":
    run_script(main)
