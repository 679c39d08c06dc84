"""The pieces of logistic regression, as a student of the course would write them."""

# ruff: noqa: F401 - some names are those of main(), which is left out

import numpy as np

import utils


def pre_process_images(X: np.ndarray):
    assert X.shape[1] == 784, f"X.shape[1]: {X.shape[1]}, should be 784"
    X = X.astype(float)
    X = 2 * X / 255 - 1
    return np.hstack([np.ones((X.shape[0], 1)), X])


def cross_entropy_loss(targets: np.ndarray, outputs: np.ndarray) -> float:
    assert targets.shape == outputs.shape
    eps = 1e-10
    ce = targets * np.log(outputs + eps) + (1 - targets) * np.log(1 - outputs + eps)
    return -np.mean(ce)


class BinaryModel:
    def __init__(self):
        self.I = 785
        self.w = np.zeros((self.I, 1))
        self.grad = None

    def forward(self, X: np.ndarray) -> np.ndarray:
        z = np.clip(X.dot(self.w), -500, 500)
        return 1 / (1 + np.exp(-z))

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        assert targets.shape == outputs.shape
        self.grad = -np.dot(X.T, targets - outputs) / X.shape[0]
        assert self.grad.shape == self.w.shape

    def zero_grad(self) -> None:
        self.grad = None


def gradient_approximation_test(model: BinaryModel, X: np.ndarray, Y: np.ndarray):
    w_orig = np.random.normal(loc=0, scale=1 / model.w.shape[0] ** 2, size=model.w.shape)
    epsilon = 1e-3
    for i in range(w_orig.shape[0]):
        model.w = w_orig.copy()
        model.w[i] = w_orig[i] + epsilon
        cost1 = cross_entropy_loss(Y, model.forward(X))
        model.w[i] = w_orig[i] - epsilon
        cost2 = cross_entropy_loss(Y, model.forward(X))
        gradient_approximation = (cost1 - cost2) / (2 * epsilon)
        model.w[i] = w_orig[i]
        model.backward(X, model.forward(X), Y)
        difference = gradient_approximation - model.grad[i, 0]
        assert abs(difference) <= epsilon**2, "Calculated gradient is incorrect."
