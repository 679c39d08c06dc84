"""Task 3a: the pieces of softmax regression, and the L2 penalty of Task 4."""

from __future__ import annotations

import numpy as np

import utils
from lab.expect import (
    BIAS_FIX,
    COLUMN_FIX,
    FORWARD_FIX,
    expect_at_least,
    expect_integers,
    expect_probabilities,
    expect_same_shape,
    expect_shape,
    expect_within,
)
from lab.gradient import check_gradient
from lab.script import load_data, parse_options, run_script
from task2a import pre_process_images


def one_hot_encode(Y: np.ndarray, num_classes: int) -> np.ndarray:
    """Turn each label k into a row with a 1 at index k and 0 elsewhere.

    Args:
        Y: integer labels (N, 1) in [0, K - 1].
        num_classes: K.

    Returns:
        float32 targets (N, K).

    Raises:
        ValueError: if Y is not of shape (N, 1), or a label is no integer or out of range.
    """
    expect_shape("Y", Y, ("N", 1), COLUMN_FIX)
    expect_integers("Y", Y, "Y.astype(int)")
    expect_within("Y", Y, 0, num_classes - 1, "num_classes is one more than the largest label")
    return np.eye(num_classes, dtype=np.float32)[Y[:, 0]]


def cross_entropy_loss(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute the mean cross-entropy, C = -mean over n of sum over k of y_k ln(yhat_k) (eq. 5).

    Args:
        targets: y, one-hot labels (N, K).
        outputs: yhat, probabilities (N, K) in [0, 1].

    Returns:
        C in nats, finite also where an output is exactly 0.

    Raises:
        ValueError: if the shapes differ, or an output lies outside [0, 1].
    """
    expect_same_shape(targets=targets, outputs=outputs)
    expect_probabilities("outputs", outputs)
    tiny = np.finfo(np.result_type(outputs, np.float32)).tiny  # ln(0) is -inf, ln(tiny) is not
    log_likelihood = targets * np.log(np.maximum(outputs, tiny))
    return -float(log_likelihood.sum() / len(targets))


class SoftmaxModel:
    """Softmax regression with L2 regularisation, J(w) = C(w) + lambda R(w) (eq. 4, 26 and 27).

    Attributes:
        w: weights (785, 10), zero at first; the last row is the bias. The dtype may be changed.
        grad: the gradient of J at w, of the shape of w; `backward` sets it.
        l2_reg_lambda: lambda, the strength of the penalty.
    """

    def __init__(self, l2_reg_lambda: float) -> None:
        expect_at_least("l2_reg_lambda", l2_reg_lambda, 0, "0 switches the penalty off")
        self.w = np.zeros((785, 10), dtype=np.float32)
        self.l2_reg_lambda = l2_reg_lambda
        self.zero_grad()

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the probability of each class, yhat_k = exp(z_k) / sum of exp(z) (equation 4).

        Args:
            X: inputs (N, 785).

        Returns:
            outputs (N, 10) in [0, 1]; each row sums to 1.

        Raises:
            ValueError: if X is not of shape (N, 785).
        """
        expect_shape("X", X, ("N", len(self.w)), BIAS_FIX)
        logits = np.asfortranarray(X @ self.w)  # by column: ten entries a row are slow to reduce
        e = np.exp(logits - logits.max(axis=1, keepdims=True))  # at most 1: never overflows
        return e / e.sum(axis=1, keepdims=True)

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Set `grad` to dJ/dw = -X^T (y - yhat) / N + 2 lambda w (equations 13 and 28).

        Args:
            X: inputs (N, 785).
            outputs: yhat (N, 10), what `forward(X)` returned.
            targets: y (N, 10), one-hot.

        Raises:
            ValueError: if the shapes do not belong together.
        """
        expect_same_shape(targets=targets, outputs=outputs)
        expect_shape("X", X, ("N", len(self.w)), BIAS_FIX)
        expect_shape("outputs", outputs, (len(X), self.w.shape[1]), FORWARD_FIX)
        self.grad = X.T @ (outputs - targets) / len(X)
        if self.l2_reg_lambda > 0:
            self.grad += self.penalty_gradient()

    def objective(self, X: np.ndarray, targets: np.ndarray) -> float:
        """Compute J(w), the value of which `backward` computes the gradient (equation 26)."""
        return cross_entropy_loss(targets, self.forward(X)) + self.penalty()

    def penalty(self) -> float:
        """Compute lambda R(w), where R(w) is the sum of all w squared (equation 27)."""
        return self.l2_reg_lambda * float(np.vdot(self.w, self.w))

    def penalty_gradient(self) -> np.ndarray:
        """Compute the gradient of `penalty`, 2 lambda w, of the shape of w (equation 28)."""
        return 2 * self.l2_reg_lambda * self.w

    def zero_grad(self) -> None:
        """Forget the gradient."""
        self.grad = np.zeros_like(self.w)


def gradient_approximation_test(model: SoftmaxModel, X: np.ndarray, Y: np.ndarray) -> None:
    """Raise GradientError unless `model.backward` agrees with central differences (equation 29).

    Args:
        model: its weights are as they were afterwards.
        X: inputs (N, 785).
        Y: one-hot targets (N, 10).
    """
    check_gradient(model, X, Y)


def main() -> None:
    """Check the pieces above on 100 images, without and with L2 regularisation."""
    data = load_data(parse_options(main.__doc__))
    X, Y, _, _ = utils.load_full_mnist(data)
    X, targets = pre_process_images(X[:100]), one_hot_encode(Y[:100], 10)
    print(f"{data.name}: inputs {X.shape}, targets {targets.shape}, first label {Y[0, 0]}")
    model = SoftmaxModel(l2_reg_lambda=0)
    loss = cross_entropy_loss(targets, model.forward(X))
    print(f"loss of zero weights {loss:.6f} (ln 10 = 2.302585)")
    for l2_reg_lambda in (0, 1):
        gradient_approximation_test(SoftmaxModel(l2_reg_lambda), X, targets)
        print(f"backward agrees with central differences, lambda = {l2_reg_lambda}")


if __name__ == "__main__":
    run_script(main)
