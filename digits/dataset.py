"""The data set by name: `load` says where the images came from."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from digits import sources, synthetic_cache
from digits.errors import DataError

CHOICES = ("auto", "mnist", "synthetic")

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Digits:
    """A data set of handwritten digits.

    Attributes:
        name: "MNIST" or "synthetic digits", for every title and table.
        train_images: uint8 (N, 784), pixels 0 (background) to 255 (ink).
        train_labels: uint8 (N, 1), 0 to 9.
        test_images: the same, held out.
        test_labels: the same, held out.
    """

    name: str
    train_images: np.ndarray
    train_labels: np.ndarray
    test_images: np.ndarray
    test_labels: np.ndarray

    def sha256(self) -> str:
        """Compute one digest of all images and labels, to tell data sets apart."""
        digest = hashlib.sha256()
        for array in (self.train_images, self.train_labels, self.test_images, self.test_labels):
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()


def load(data: str = "auto", data_dir: Path | str | None = None) -> Digits:
    """Load a data set.

    Args:
        data: "mnist" for MNIST or an error, "synthetic" for the synthetic digits, "auto" for MNIST
            or, where it cannot be had, the synthetic digits with a warning in the log.
        data_dir: a folder with the four MNIST files; by default what MNIST_DATA_DIR names. After
            it the user's cache is tried, then the mirrors.

    Raises:
        ValueError: if `data` is none of the three.
        DataError: if MNIST is asked for and cannot be had.
    """
    if data not in CHOICES:
        raise ValueError(f"data: expected one of {', '.join(CHOICES)}, got {data!r}.")
    if data != "synthetic":
        try:
            return _mnist(data_dir)
        except DataError as error:
            if data == "mnist":
                raise
            logger.warning(
                "MNIST could not be had: synthetic digits stand in for it. Last tried: %s, %s. "
                "(--data mnist lists every attempt, and what to do.)",
                *error.attempts[-1],
            )
    return Digits("synthetic digits", *synthetic_cache.load())


def _mnist(data_dir: Path | str | None) -> Digits:
    arrays = sources.find(data_dir)
    images = [arrays[name].reshape(-1, 784) for name in arrays if "images" in name]
    labels = [arrays[name].reshape(-1, 1) for name in arrays if "labels" in name]
    return Digits("MNIST", images[0], labels[0], images[1], labels[1])
