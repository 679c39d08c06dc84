"""What the tasks share: data sets, batches and predictions."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

import digits
from lab.expect import expect_batch_size, expect_same_length, expect_two_classes
from lab.figures import plot_loss as plot_loss  # students import it from here
from lab.protocols import Generator, Model

TRAIN_SIZE = 20_000  # of MNIST's 60,000 training images, as the assignment has it


class Split(NamedTuple):
    """Images or inputs X and labels or targets Y, to train and to validate on."""

    X_train: np.ndarray
    Y_train: np.ndarray
    X_val: np.ndarray
    Y_val: np.ndarray


def load_full_mnist(data: digits.Digits | None = None) -> Split:
    """Load the first 20,000 training images, and all test images to validate on.

    Images (N, 784) and labels (N, 1) from 0 to 9, uint8, of `data` or of `digits.load()`.
    """
    data = digits.load() if data is None else data
    X_train, Y_train = data.train_images[:TRAIN_SIZE], data.train_labels[:TRAIN_SIZE]
    return Split(X_train, Y_train, data.test_images, data.test_labels)


def load_binary_dataset(class1: int, class2: int, data: digits.Digits | None = None) -> Split:
    """Load the images of two digits, with targets (N, 1): 1 for class1 and 0 for class2."""
    X_train, Y_train, X_val, Y_val = load_full_mnist(data)
    return Split(
        *binary_prune_dataset(class1, class2, X_train, Y_train),
        *binary_prune_dataset(class1, class2, X_val, Y_val),
    )


def binary_prune_dataset(
    class1: int, class2: int, X: np.ndarray, Y: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Keep the examples X (N, I) of two classes; their labels Y (N, 1) become 1 and 0."""
    expect_two_classes(class1, class2, Y)
    expect_same_length(X=X, Y=Y)
    kept = np.isin(Y[:, 0], (class1, class2))
    return X[kept], (Y[kept] == class1).astype(Y.dtype)


def batch_loader(
    X: np.ndarray,
    Y: np.ndarray,
    batch_size: int,
    shuffle: bool = False,
    drop_last: bool = True,
    rng: Generator | None = None,
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Serve the examples of one epoch in batches X_batch (batch_size, I), Y_batch (batch_size, K).

    drop_last: leave out a last batch that is not full. rng: draws the order when shuffle is true;
    None for NumPy's global generator, which np.random.seed seeds.
    """
    expect_same_length(X=X, Y=Y)
    expect_batch_size(batch_size, len(X))
    rng = np.random if rng is None else rng
    order = shuffled_order(len(X), rng) if shuffle else np.arange(len(X))
    end = len(X) - len(X) % batch_size if drop_last else len(X)
    batches = (order[start : start + batch_size] for start in range(0, end, batch_size))
    return ((X[batch], Y[batch]) for batch in batches)


def shuffled_order(num_examples: int, rng: Generator) -> np.ndarray:
    """Draw the order of one epoch: every index from 0 to num_examples - 1, once."""
    return rng.permutation(num_examples)


# Up to this many multiplications, N x I x K, OpenBLAS reads the matrices where they are; beyond, it
# copies them first. Ten epochs of Task 3 take 1.2 times as long in larger blocks.
SMALL_PRODUCT = 1_000_000


def predict(model: Model, X: np.ndarray) -> np.ndarray:
    """Compute the outputs `model.forward(X)` (N, K) for a whole data set, block by block."""
    rows = max(100, SMALL_PRODUCT // model.w.size)  # w is (I, K)
    blocks = (X[start : start + rows] for start in range(0, max(len(X), 1), rows))
    return np.concatenate([model.forward(block) for block in blocks])
