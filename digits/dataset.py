"""The data set by name: MNIST from a folder, the cache or a mirror, or else synthetic digits."""

import hashlib
import io
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from digits.files import (
    ORIGINALS,
    Arrays,
    Attempt,
    Original,
    cache_folder,
    keep,
    read_folder,
    user_path,
)
from digits.synthetic import synthetic_digits

CHOICES = ("auto", "mnist", "synthetic")
TRAIN, TEST = 20_000, 10_000  # synthetic digits
SYNTHETIC_FILE = "synthetic-digits-1.npz"  # count up when the same seed draws other digits

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Digits:
    """A data set of handwritten digits, or of ten other classes.

    Attributes:
        name: "MNIST", "synthetic digits" or "FOLDER, unverified", for every title and table.
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


class DataError(Exception):
    """A data set is not available; the message lists every attempt and what to do by hand."""

    def __init__(self, message: str, attempts: Sequence[Attempt] = ()) -> None:
        self.attempts = tuple(attempts)
        super().__init__(message)


def load(data: str = "auto", data_dir: Path | str | None = None) -> Digits:
    """Load a data set.

    Args:
        data: "mnist" for MNIST or an error, "synthetic" for the synthetic digits, "auto" for MNIST
            or, where it is not available, the synthetic digits and a warning in the log; "any" for
            what the files in `data_dir` hold.
        data_dir: a folder with the four MNIST files; by default the one that MNIST_DATA_DIR names.

    Raises:
        ValueError: if `data` is none of the four.
        DataError: if `data` is "mnist" and MNIST is not available, or "any" and a file in
            `data_dir` is missing or has another shape.
    """
    if data not in (*CHOICES, "any"):
        raise ValueError(f"data: expected one of {', '.join(CHOICES)}, any; got {data!r}.")
    if data == "any":
        return _any(data_dir)
    if data == "synthetic":
        return _synthetic()
    try:
        return _flat("MNIST", find(data_dir, ORIGINALS))
    except DataError as error:
        if data == "mnist":
            raise
        logger.warning(
            "MNIST is not available: synthetic digits take its place. Last tried: %s, %s. "
            "(--data mnist lists every attempt, and what to do.)",
            *error.attempts[-1],
        )
    return _synthetic()


def find(data_dir: Path | str | None, originals: Mapping[str, Original]) -> Arrays:
    """Find the IDX files in a folder, the cache or on the mirrors, in this order.

    Args:
        data_dir: the folder; by default the one that MNIST_DATA_DIR names.
        originals: {name: what the file must hold}.

    Returns:
        {name: array}.

    Raises:
        DataError: if a file is in none of these places.
    """
    arrays: Arrays = {}
    attempts: list[Attempt] = []
    named = data_dir or os.environ.get("MNIST_DATA_DIR")
    if named:
        arrays, attempts = read_folder(user_path(named), originals)
        for attempt in attempts:
            logger.warning("%s: %s. Looking elsewhere.", *attempt)
    for search in (_cached, _fetch):
        missing = {name: originals[name] for name in originals if name not in arrays}
        if missing:
            found, failed = search(missing)
            arrays.update(found)
            attempts.extend(failed)
    if len(arrays) < len(originals):
        tried = "\n".join(f"  {place}\n    {cause}" for place, cause in attempts)
        names = "\n".join(f"  {name}.gz" for name in originals if name not in arrays)
        raise DataError(
            f"MNIST is not available. Tried:\n{tried}\n"
            f"Missing:\n{names}\n"
            "To put them in place by hand: copy them, as .gz or unpacked, into one folder and name "
            "it with --data-dir or the environment variable MNIST_DATA_DIR.",
            attempts,
        )
    return arrays


def _cached(originals: Mapping[str, Original]) -> tuple[Arrays, list[Attempt]]:
    try:
        return read_folder(cache_folder(), originals)
    except OSError as error:
        return {}, [Attempt("the cache", str(error))]


def _fetch(originals: Mapping[str, Original]) -> tuple[Arrays, list[Attempt]]:
    from digits.mirrors import fetch  # only now: its imports take a twentieth of a second

    return fetch(originals)


def _any(data_dir: Path | str | None) -> Digits:
    """Read IDX files of the names and shapes of the MNIST files, whatever they hold."""
    if data_dir is None:
        raise DataError("--any-data needs --data-dir FOLDER, the folder with the four files.")
    folder = user_path(data_dir).resolve()
    arrays, attempts = read_folder(folder, dict.fromkeys(ORIGINALS))
    if attempts:
        raise DataError("{}: {}.".format(*attempts[0]), attempts)
    for images, labels in (list(ORIGINALS)[:2], list(ORIGINALS)[2:]):
        X, Y = arrays[images], arrays[labels]
        if X.dtype != np.uint8 or X.shape[1:] != (28, 28):
            got = f"{X.dtype} of shape {X.shape}"
            raise DataError(f"{folder}: {images}: expected uint8 of shape (N, 28, 28), got {got}.")
        if X.max(initial=0) <= 1:
            raise DataError(
                f"{folder}: {images}: expected pixels from 0 to 255, got none above 1. "
                "Likely fix: save the pixels as they were, not yet divided by 255."
            )
        if Y.shape != X.shape[:1] or np.unique(Y).tolist() != list(range(10)):
            raise DataError(
                f"{folder}: {labels}: expected all labels from 0 to 9 in shape ({len(X)},), got "
                f"{np.unique(Y)[:11].tolist()} in shape {Y.shape}."
            )
    return _flat(f"{folder.name}, unverified", arrays)


def _flat(name: str, arrays: Arrays) -> Digits:
    X_train, Y_train, X_test, Y_test = (arrays[name] for name in ORIGINALS)
    return Digits(
        name,
        X_train.reshape(len(X_train), 784),
        Y_train[:, None],
        X_test.reshape(len(X_test), 784),
        Y_test[:, None],
    )


def _synthetic() -> Digits:
    """Read the synthetic digits from the cache, or draw them and keep them there."""
    try:
        with (cache_folder() / SYNTHETIC_FILE).open("rb") as file, np.load(file) as arrays:
            images = arrays["images"].reshape(TRAIN + TEST, 784)
            labels = arrays["labels"].reshape(TRAIN + TEST, 1)
    except Exception:  # it is missing, damaged in one of many ways, or holds other images
        images, labels = synthetic_digits(TRAIN + TEST)
        content = io.BytesIO()
        np.savez(content, images=images, labels=labels)
        keep("The synthetic digits were drawn", SYNTHETIC_FILE, content.getbuffer())
    return Digits(
        "synthetic digits", images[:TRAIN], labels[:TRAIN], images[TRAIN:], labels[TRAIN:]
    )
