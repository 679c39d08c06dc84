"""The synthetic stand-in for MNIST: made once, then kept in the cache."""

from __future__ import annotations

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from digits.cache import cache_folder
from digits.synthetic import synthetic_digits

TRAIN, TEST = 20_000, 10_000
FILE = "synthetic-digits-1.npz"  # count up when the same seed draws other digits

logger = logging.getLogger(__name__)


def load() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Load the synthetic data set, or make it where the cache has none.

    Returns:
        uint8 images (20000, 784), their labels (20000, 1), and the same of 10,000 others.
    """
    path = cache_folder() / FILE
    images, labels = _read(path) or _make(path)
    return images[:TRAIN], labels[:TRAIN], images[TRAIN:], labels[TRAIN:]


def _read(path: Path) -> tuple[np.ndarray, np.ndarray] | None:
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            images, labels = arrays["images"], arrays["labels"]
    except Exception:  # missing, or damaged, which has many names
        return None
    whole = images.shape == (TRAIN + TEST, 784) and labels.shape == (TRAIN + TEST, 1)
    return (images, labels) if whole and images.dtype == labels.dtype == np.uint8 else None


def _make(path: Path) -> tuple[np.ndarray, np.ndarray]:
    images, labels = synthetic_digits(TRAIN + TEST)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix="incoming-", dir=path.parent) as incoming:
            whole = Path(incoming) / FILE
            np.savez(whole, images=images, labels=labels)
            whole.replace(path)
    except OSError as error:
        logger.warning("The synthetic digits cannot be kept in %s: %s", path, error)
    return images, labels
