"""Task 3a: the pieces of softmax regression, and the L2 penalty of Task 4b."""

from collections.abc import Sequence

import numpy as np

import utils
from lab.expect import expect_in, expect_labels, expect_probabilities, expect_same_shape
from lab.gradient import check_gradient
from lab.script import load_data, parse_options, run_script
from task2a import log, pre_process_images


def one_hot_encode(Y: np.ndarray, num_classes: int) -> np.ndarray:
    """Turn each label k into a row with a 1 at index k and 0 elsewhere.

    Y: integer labels (N, 1), from 0 to K - 1. num_classes: K. Returns float32 targets (N, K).
    """
    expect_labels(Y, num_classes)
    return np.eye(num_classes, dtype=np.float32)[Y[:, 0]]


def cross_entropy_loss(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute C = -1/N sum_n sum_k y_k ln(yhat_k) (equation 5).

    targets: y, one-hot labels (N, K). outputs: yhat, probabilities (N, K).
    """
    expect_same_shape(targets=targets, outputs=outputs)
    expect_probabilities(outputs=outputs)
    return float(np.sum(targets * -log(outputs)) / len(targets))


class SoftmaxModel:
    """Softmax regression with L2 regularisation: J(w) = C(w) + lambda R(w) (equation 26).

    w: weights (785, 10), the biases last; float32, as the inputs are. grad: dJ/dw (785, 10).
    """

    def __init__(self, l2_reg_lambda: float) -> None:
        expect_in("[0, inf)", l2_reg_lambda=l2_reg_lambda)
        self.w = np.zeros((785, 10), dtype=np.float32)
        self.l2_reg_lambda = l2_reg_lambda
        self.zero_grad()

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the probability of each class, yhat_k = exp(z_k) / sum_k' exp(z_k') (equation 4).

        X: inputs (N, 785). Returns outputs (N, 10).
        """
        logits = X @ self.w
        e = np.exp(logits - logits.max(axis=1, keepdims=True))  # at most 1: no overflow
        return e / e.sum(axis=1, keepdims=True)

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Set grad to dJ/dw (equation 28): the mean of equation 13, and the penalty's gradient.

        X: inputs (N, 785). outputs: yhat (N, 10), of `forward(X)`. targets: y (N, 10), one-hot.
        """
        expect_same_shape(targets=targets, outputs=outputs)
        self.grad = X.T @ (outputs - targets) / len(X)  # -X^T (y - yhat) / N
        if self.l2_reg_lambda:  # so that Task 3a works before 4b is written
            self.grad += self.penalty_gradient()

    def objective(self, X: np.ndarray, targets: np.ndarray) -> float:
        """Compute J(w), whose gradient `backward` computes."""
        return cross_entropy_loss(targets, self.forward(X)) + self.penalty()

    def penalty(self) -> float:
        """Compute lambda R(w), R(w) = ||w||^2 = the sum of all squared weights (equation 27)."""
        return self.l2_reg_lambda * float(np.linalg.norm(self.w) ** 2)

    def penalty_gradient(self) -> np.ndarray:
        """Compute the gradient of the penalty (785, 10), the last term of equation 28."""
        return 2 * self.l2_reg_lambda * self.w

    def zero_grad(self) -> None:
        """Set the gradient to zero."""
        self.grad = np.zeros_like(self.w)


def gradient_approximation_test(model: SoftmaxModel, X: np.ndarray, Y: np.ndarray) -> None:
    """Raise GradientError unless `backward` agrees with central differences (equation 29)."""
    check_gradient(model, X, Y)


def main(argv: Sequence[str] | None = None) -> None:
    """Try the pieces of Task 3a on 100 images, without and with L2 regularisation."""
    data = load_data(parse_options(main.__doc__, argv))
    X, Y, _, _ = utils.load_full_mnist(data)
    X, targets = pre_process_images(X[:100]), one_hot_encode(Y[:100], 10)
    print(f"{data.name}: inputs {X.shape}, targets {targets.shape}, first label {Y[0, 0]}")
    loss = cross_entropy_loss(targets, SoftmaxModel(0).forward(X))
    print(f"loss of zero weights {np.round(loss, 6)} (ln 10 = 2.302585)")
    for l2_reg_lambda in (0, 1):
        gradient_approximation_test(SoftmaxModel(l2_reg_lambda), X, targets)
        print(f"backward agrees with central differences, lambda = {l2_reg_lambda}")


if __name__ == "__main__":
    run_script(main)
