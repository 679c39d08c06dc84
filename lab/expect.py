"""Argument checks whose messages say what was expected, what came, and the likely fix."""

from __future__ import annotations

from typing import Any

import numpy as np

BIAS_FIX = "pre_process_images turns (N, 784) pixels into (N, 785) inputs"
COLUMN_FIX = "labels of shape (N,) become (N, 1) with Y.reshape(-1, 1)"
FORWARD_FIX = "pass forward(X) of the same X"


def expect_shape(name: str, array: np.ndarray, shape: tuple[int | str, ...], fix: str) -> None:
    """Raise ValueError unless `array` has the given shape.

    Args:
        name: what the caller calls the array.
        array: what came.
        shape: an int for a fixed length, a letter for any length, for example ("N", 785).
        fix: the likely remedy, added to the message.
    """
    came = np.shape(array)
    fits = len(came) == len(shape) and all(
        isinstance(want, str) or have == want for have, want in zip(came, shape, strict=True)
    )
    if not fits:
        letters = ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "")
        raise ValueError(f"{name}: expected shape ({letters}), got {came}. Likely fix: {fix}.")


def expect_same_shape(**arrays: np.ndarray) -> None:
    """Raise ValueError unless the two named arrays have one shape.

    Without this check NumPy would broadcast (N,) against (N, 1) to (N, N) in silence.
    """
    (first, a), (second, b) = arrays.items()
    if np.shape(a) != np.shape(b):
        raise ValueError(
            f"{first} and {second}: expected one shape, got {np.shape(a)} and {np.shape(b)}. "
            f"Likely fix: {COLUMN_FIX}, or one_hot_encode for (N, K)."
        )


def expect_same_length(**arrays: np.ndarray) -> None:
    """Raise ValueError unless the named arrays hold equally many examples."""
    lengths = {name: len(array) for name, array in arrays.items()}
    if len(set(lengths.values())) > 1:
        came = ", ".join(f"{length} in {name}" for name, length in lengths.items())
        raise ValueError(
            f"{' and '.join(arrays)}: expected equally many examples, got {came}. "
            "Likely fix: take the images and the labels of the same data set."
        )


def expect_within(name: str, array: np.ndarray, low: float, high: float, fix: str) -> None:
    """Raise ValueError unless every value of `array` lies in [low, high]."""
    if np.size(array) == 0:
        return
    least, most = np.min(array), np.max(array)
    if not (least >= low and most <= high):  # written so that nan fails too
        raise ValueError(
            f"{name}: expected values in [{low}, {high}], got values in [{least}, {most}]. "
            f"Likely fix: {fix}."
        )


def expect_probabilities(name: str, array: np.ndarray) -> None:
    """Raise ValueError if a value lies outside [0, 1]; nan passes, for the trainer to report."""
    array = np.asarray(array)
    if array.size and (array.min() < 0 or array.max() > 1):
        raise ValueError(
            f"{name}: expected probabilities, in [0, 1], got values in [{array.min():g}, "
            f"{array.max():g}]. Likely fix: pass what forward(X) returned, not the logits."
        )


def expect_integers(name: str, array: np.ndarray, fix: str) -> None:
    """Raise ValueError unless the values are integers; truth values are none."""
    dtype = np.asarray(array).dtype
    if not np.issubdtype(dtype, np.integer):
        raise ValueError(f"{name}: expected integers, got {dtype}. Likely fix: {fix}.")


def expect_at_least(name: str, value: Any, low: float, fix: str) -> None:
    """Raise ValueError unless the number `value` is at least `low`."""
    if not value >= low:  # written so that nan fails too
        raise ValueError(f"{name}: expected at least {low}, got {value}. Likely fix: {fix}.")


def expect_count(name: str, value: Any, low: int, fix: str) -> None:
    """Raise ValueError unless `value` is a whole number of at least `low`."""
    if not (isinstance(value, (int, np.integer)) and value >= low):
        raise ValueError(
            f"{name}: expected a whole number, at least {low}, got {value}. Likely fix: {fix}."
        )


def expect_batch_size(batch_size: int, num_examples: int) -> None:
    """Raise ValueError unless batch_size is a whole number from 1 to num_examples."""
    expect_count("batch_size", batch_size, 1, "128, as the assignment has it")
    if batch_size > num_examples:
        raise ValueError(
            f"batch_size: expected 1 to {num_examples} (the examples there are), got {batch_size}. "
            "Likely fix: choose a smaller batch or a larger data set."
        )
