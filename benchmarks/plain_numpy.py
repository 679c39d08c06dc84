"""Softmax regression as a careful student writes it: float64, one loop, nothing made fast.

Batches are gathered one by one, and a data set is evaluated whole. The loss and the accuracy are
functions of their own, as the assignment has them, so a validation passes the validation set
through the model twice.
"""

import numpy as np

from utils import Split

LEARNING_RATE, BATCH_SIZE, VALIDATIONS_PER_EPOCH = 0.01, 128, 5

Validation = tuple[float, float, float]  # validation loss, training and validation accuracy


def prepare(split: Split) -> Split:
    """Turn uint8 images and labels into float64 inputs (N, 785) and targets (N, 10)."""
    X_train, X_val = (
        np.concatenate([images / 127.5 - 1, np.ones((len(images), 1))], axis=1)
        for images in (split.X_train, split.X_val)
    )
    return Split(X_train, np.eye(10)[split.Y_train[:, 0]], X_val, np.eye(10)[split.Y_val[:, 0]])


def forward(X: np.ndarray, w: np.ndarray) -> np.ndarray:
    """Compute the probabilities of the classes."""
    z = X.dot(w)
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def cross_entropy_loss(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute the mean cross-entropy."""
    return float(-np.mean(np.sum(targets * np.log(outputs), axis=1)))


def accuracy(X: np.ndarray, targets: np.ndarray, w: np.ndarray) -> float:
    """Compute the fraction of right predictions."""
    return float(np.mean(forward(X, w).argmax(axis=1) == targets.argmax(axis=1)))


def train(split: Split, num_steps: int, l2_reg_lambda: float = 0) -> list[Validation]:
    """Take `num_steps` steps on shuffled batches of a prepared split; return its validations."""
    X, targets, X_val, targets_val = split
    rng = np.random.RandomState(0)
    w = np.zeros((785, 10))
    num_batches = len(X) // BATCH_SIZE
    validations = []
    for step in range(num_steps):
        if step % num_batches == 0:
            order = rng.permutation(len(X))
        start = step % num_batches * BATCH_SIZE
        batch = order[start : start + BATCH_SIZE]
        X_batch, Y_batch = X[batch], targets[batch]
        outputs = forward(X_batch, w)
        grad = -X_batch.T.dot(Y_batch - outputs) / len(X_batch) + 2 * l2_reg_lambda * w
        w = w - LEARNING_RATE * grad
        cross_entropy_loss(Y_batch, outputs)
        if step % (num_batches // VALIDATIONS_PER_EPOCH) == 0:
            loss = cross_entropy_loss(targets_val, forward(X_val, w))
            validations.append((loss, accuracy(X, targets, w), accuracy(X_val, targets_val, w)))
    return validations
