"""The four MNIST files: their names, what they must hold, and how they are read."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Mapping
from functools import cache
from importlib.machinery import SourceFileLoader
from importlib.metadata import distribution
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

# The sha256 of the raw IDX bytes: compressing a file again changes the .gz, but not these.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

Arrays = dict[str, np.ndarray]

GZIP_MAGIC = b"\x1f\x8b"
IDX_MAGIC = b"\0\0\x08"  # of bytes


class Attempt(NamedTuple):
    """One place that was tried in vain.

    Attributes:
        place: a path or an address.
        cause: why it did not serve.
    """

    place: str
    cause: str


class BadFileError(Exception):
    """A file does not hold the bytes that it should; the message says how it differs."""


def cache_folder() -> Path:
    """Return the folder that MNIST_CACHE_DIR names, or the user's own cache."""
    import pooch  # only now: importing it takes a tenth of a second

    return Path(os.environ.get("MNIST_CACHE_DIR") or pooch.os_cache("mnist-by-hand"))


def read_folder(folder: Path, sha256: Mapping[str, str]) -> tuple[Arrays, list[Attempt]]:
    """Read the IDX files that a folder holds, and leave the folder as it is.

    Args:
        folder: may be missing.
        sha256: {name: digest of the raw bytes} of the files to read.

    Returns:
        The arrays found, and an attempt for each file that is missing or bad.
    """
    if not folder.is_dir():
        return {}, [Attempt(str(folder), "no such folder")]
    arrays: Arrays = {}
    attempts: list[Attempt] = []
    for name, digest in sha256.items():
        dotted = name.replace("-idx", ".idx")
        paths = [folder / file for file in (f"{name}.gz", name, f"{dotted}.gz", dotted)]
        present = [path for path in paths if path.exists()]
        if not present:
            attempts.append(Attempt(str(paths[0]), "no such file, packed or not"))
        for path in present:
            try:
                arrays[name] = read_idx(path, digest)
                break
            except BadFileError as error:
                attempts.append(Attempt(str(path), str(error)))
    return arrays, attempts


def read_idx(path: Path, sha256: str) -> np.ndarray:
    """Read one IDX file, gzip-compressed or raw, as a uint8 array.

    Args:
        path: the file.
        sha256: the hexadecimal digest that its raw bytes must have.

    Raises:
        BadFileError: if the file cannot be read or holds other bytes.
    """
    try:
        packed = path.read_bytes()
        raw = gzip.decompress(packed) if packed.startswith(GZIP_MAGIC) else packed
    except EOFError:
        raise BadFileError(f"cut off: the gzip stream ends after {len(packed)} bytes") from None
    except (gzip.BadGzipFile, zlib.error) as error:
        raise BadFileError(f"damaged gzip stream of {len(packed)} bytes: {error}") from None
    except OSError as error:
        raise BadFileError(f"cannot be read: {error.strerror}") from None
    actual = hashlib.sha256(raw).hexdigest()
    if actual == sha256:
        return np.asarray(mnist_package().parse_idx(io.BytesIO(raw)))
    if raw is packed and not raw.startswith(IDX_MAGIC):
        raise BadFileError(
            f"{len(packed)} bytes that are neither gzip nor IDX; they begin {packed[:40]!r}"
        )
    raise BadFileError(
        f"not the original data: {len(packed)} bytes whose IDX content has sha256 {actual}, "
        f"expected {sha256}"
    )


@cache
def mnist_package() -> Any:
    """Import the installed package `mnist`, even if another mnist.py lies beside the scripts."""
    path = distribution("mnist").locate_file("mnist/__init__.py")
    loader = SourceFileLoader("mnist", str(path))
    package = ModuleType(loader.name)
    loader.exec_module(package)
    return package
