"""Task 2a: the pieces of logistic regression, from the pixels to the gradient."""

from collections.abc import Sequence

import numpy as np

import utils
from lab.expect import expect_pixels, expect_probabilities, expect_same_shape
from lab.gradient import check_gradient
from lab.script import load_data, parse_options, run_script


def pre_process_images(X: np.ndarray) -> np.ndarray:
    """Map pixels from [0, 255] to [-1, 1] and append the bias input 1 (the bias trick).

    X: images (N, 784). Returns float32 inputs (N, 785).
    """
    expect_pixels(X)
    bias = np.ones((len(X), 1))
    return np.hstack([X / np.float32(127.5) - 1, bias], dtype=np.float32)


def log(x: np.ndarray) -> np.ndarray:
    """Compute ln(x), finite also at 0: values below the smallest normal number are raised to it."""
    return np.log(np.maximum(x, np.finfo(np.result_type(x, np.float32)).tiny))


def cross_entropy_loss(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute C = -1/N sum_n [y ln(yhat) + (1 - y) ln(1 - yhat)] (equation 3).

    targets: y, labels (N, 1), 1 or 0. outputs: yhat, probabilities (N, 1).
    """
    expect_same_shape(targets=targets, outputs=outputs)
    expect_probabilities(targets=targets, outputs=outputs)
    return float(np.mean(targets * -log(outputs) + (1 - targets) * -log(1 - outputs)))


class BinaryModel:
    """Logistic regression: one sigmoid neuron.

    w: weights (785, 1), the bias last; float32, as the inputs are. grad: dC/dw (785, 1).
    """

    def __init__(self) -> None:
        self.w = np.zeros((785, 1), dtype=np.float32)
        self.zero_grad()

    def forward(self, X: np.ndarray) -> np.ndarray:
        """Compute the probability of class 1, yhat = 1 / (1 + exp(-X w)) (equation 1).

        X: inputs (N, 785). Returns outputs (N, 1).
        """
        with np.errstate(over="ignore"):  # where exp(-z) is inf, yhat is 0
            return 1 / (1 + np.exp(-(X @ self.w)))

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        """Set grad to dC/dw, the mean of equation 6 over the examples.

        X: inputs (N, 785). outputs: yhat (N, 1), of `forward(X)`. targets: y (N, 1).
        """
        expect_same_shape(targets=targets, outputs=outputs)
        self.grad = X.T @ (outputs - targets) / len(X)  # -X^T (y - yhat) / N

    def objective(self, X: np.ndarray, targets: np.ndarray) -> float:
        """Compute C(w), whose gradient `backward` computes."""
        return cross_entropy_loss(targets, self.forward(X))

    def zero_grad(self) -> None:
        """Set the gradient to zero."""
        self.grad = np.zeros_like(self.w)


def gradient_approximation_test(model: BinaryModel, X: np.ndarray, Y: np.ndarray) -> None:
    """Raise GradientError unless `backward` agrees with central differences (equation 29)."""
    check_gradient(model, X, Y)


def main(argv: Sequence[str] | None = None) -> None:
    """Try the pieces of Task 2a on 100 images of 2 and 3."""
    data = load_data(parse_options(main.__doc__, argv))
    X, Y, _, _ = utils.load_binary_dataset(2, 3, data)
    X, Y = pre_process_images(X[:100]), Y[:100]
    print(f"{data.name}: inputs {X.shape}, pixels in [{X.min():g}, {X.max():g}], bias {X[0, -1]:g}")
    model = BinaryModel()
    loss = cross_entropy_loss(Y, model.forward(X))
    print(f"loss of zero weights {np.round(loss, 6)} (ln 2 = 0.693147)")
    gradient_approximation_test(model, X, Y)
    print("backward agrees with central differences")


if __name__ == "__main__":
    run_script(main)
