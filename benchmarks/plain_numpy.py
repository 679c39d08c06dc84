"""Softmax regression as a careful student writes it: float64, one loop, nothing made fast.

Batches are gathered one by one, and a data set is evaluated whole. The loss and the accuracies of a
check are each a function of its own, as the assignment has them, so the validation set passes
through the model twice.
"""

from __future__ import annotations

import numpy as np

LEARNING_RATE, BATCH_SIZE, CHECKS_PER_EPOCH = 0.01, 128, 5

Check = tuple[float, float, float]  # validation loss, training and validation accuracy


def prepare(
    X_train: np.ndarray, Y_train: np.ndarray, X_val: np.ndarray, Y_val: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Turn uint8 images and labels into float64 inputs (N, 785) and targets (N, 10)."""
    X, X_v = (
        np.concatenate([images / 127.5 - 1, np.ones((len(images), 1))], axis=1)
        for images in (X_train, X_val)
    )
    return X, np.eye(10)[Y_train[:, 0]], X_v, np.eye(10)[Y_val[:, 0]]


def forward(X: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Compute the probabilities of the classes."""
    z = X.dot(w)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def loss(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute the mean cross-entropy."""
    return float(-np.mean(np.sum(targets * np.log(outputs), axis=1)))


def accuracy(X: np.ndarray, targets: np.ndarray, w: np.ndarray) -> float:
    """Compute the fraction of right predictions."""
    return float(np.mean(forward(X, w).argmax(axis=1) == targets.argmax(axis=1)))


def train(
    X: np.ndarray,
    targets: np.ndarray,
    X_v: np.ndarray,
    targets_v: np.ndarray,
    num_steps: int,
    seed: int = 0,
    l2_reg_lambda: float = 0,
) -> list[Check]:
    """Do so many steps of shuffled mini-batch gradient descent, with a check each fifth."""
    rng = np.random.RandomState(seed)
    w = np.zeros((785, 10))
    num_batches = len(X) // BATCH_SIZE
    checks = []
    for step in range(num_steps):
        if step % num_batches == 0:
            order = rng.permutation(len(X))
        start = step % num_batches * BATCH_SIZE
        batch = order[start : start + BATCH_SIZE]
        X_batch, Y_batch = X[batch], targets[batch]
        outputs = forward(X_batch, w)
        grad = -X_batch.T.dot(Y_batch - outputs) / len(X_batch) + 2 * l2_reg_lambda * w
        w = w - LEARNING_RATE * grad
        loss(Y_batch, outputs)
        if step % (num_batches // CHECKS_PER_EPOCH) == 0:
            val_loss = loss(targets_v, forward(X_v, w))
            checks.append((val_loss, accuracy(X, targets, w), accuracy(X_v, targets_v, w)))
    return checks
