"""The pieces of softmax regression, as a student of the course would write them."""

# ruff: noqa: F401 - some names are those of main(), which is left out

import numpy as np

import utils
from task2a import pre_process_images


def one_hot_encode(Y: np.ndarray, num_classes: int) -> np.ndarray:
    encoded = np.zeros((Y.shape[0], num_classes), dtype=int)
    for n in range(Y.shape[0]):
        encoded[n, Y[n, 0]] = 1
    return encoded


def cross_entropy_loss(targets: np.ndarray, outputs: np.ndarray):
    assert targets.shape == outputs.shape
    return -np.sum(targets * np.log(np.clip(outputs, 1e-9, 1))) / targets.shape[0]


class SoftmaxModel:
    def __init__(self, l2_reg_lambda: float):
        self.I = 785
        self.num_outputs = 10
        self.w = np.zeros((self.I, self.num_outputs))
        self.grad = None
        self.lam = l2_reg_lambda

    def forward(self, X: np.ndarray) -> np.ndarray:
        z = X.dot(self.w)
        z = z - np.max(z, axis=1).reshape(-1, 1)
        return np.exp(z) / np.sum(np.exp(z), axis=1).reshape(-1, 1)

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        self.grad = np.zeros_like(self.w)
        for x, output, target in zip(X, outputs, targets, strict=True):
            self.grad -= np.outer(x, target - output)
        self.grad /= X.shape[0]
        self.grad += 2 * self.lam * self.w

    def zero_grad(self) -> None:
        self.grad = None


def gradient_approximation_test(model: SoftmaxModel, X: np.ndarray, Y: np.ndarray):
    epsilon = 1e-3
    for i in range(model.w.shape[0]):
        for k in range(model.w.shape[1]):
            orig = model.w[i, k].copy()
            model.w[i, k] = orig + epsilon
            cost1 = cross_entropy_loss(Y, model.forward(X))
            model.w[i, k] = orig - epsilon
            cost2 = cross_entropy_loss(Y, model.forward(X))
            gradient_approximation = (cost1 - cost2) / (2 * epsilon)
            model.w[i, k] = orig
            model.backward(X, model.forward(X), Y)
            difference = gradient_approximation - model.grad[i, k]
            assert abs(difference) <= epsilon**2, "Calculated gradient is incorrect."
