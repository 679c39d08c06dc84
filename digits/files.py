"""The four MNIST files: their names, what they must hold, and how they are read and replaced."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from platformdirs import user_cache_dir


class Original(NamedTuple):
    """The raw IDX bytes of a file; compressing it again changes the .gz, but not these.

    Attributes:
        size: their number.
        sha256: their hexadecimal digest.
    """

    size: int
    sha256: str

    @property
    def packed_limit(self) -> int:
        """The size that no gzip file of these bytes exceeds, even one that only stores them."""
        return self.size + self.size // 100 + 1024


ORIGINALS = {
    "train-images-idx3-ubyte": Original(
        47_040_016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"
    ),
    "train-labels-idx1-ubyte": Original(
        60_008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"
    ),
    "t10k-images-idx3-ubyte": Original(
        7_840_016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"
    ),
    "t10k-labels-idx1-ubyte": Original(
        10_008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"
    ),
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
    return Path(os.environ.get("MNIST_CACHE_DIR") or user_cache_dir("mnist-by-hand"))


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path; the file written there replaces `path` when the block ends well.

    Folders that `path` lacks are made. If the block raises, `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # beside `path`: only within one file system is a rename atomic
    with TemporaryDirectory(prefix=".part-", dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        yield temporary
        temporary.replace(path)


def read_folder(
    folder: Path, originals: Mapping[str, Original | None]
) -> tuple[Arrays, list[Attempt]]:
    """Read the IDX files that a folder holds, and leave the folder as it is.

    Args:
        folder: may be missing.
        originals: {name: what the file must hold, or None for any data} of the files to read.

    Returns:
        The arrays found, and an attempt for each file that is missing or bad.
    """
    if not folder.is_dir():
        return {}, [Attempt(str(folder), "no such folder")]
    arrays: Arrays = {}
    attempts: list[Attempt] = []
    for name, original in originals.items():
        dotted = name.replace("-idx", ".idx")
        paths = [folder / file for file in (f"{name}.gz", name, f"{dotted}.gz", dotted)]
        present = [path for path in paths if path.exists()]
        if not present:
            attempts.append(Attempt(str(paths[0]), "no such file, packed or not"))
        for path in present:
            try:
                arrays[name] = read_idx(path, original)
                break
            except BadFileError as error:
                attempts.append(Attempt(str(path), str(error)))
    return arrays, attempts


def read_idx(path: Path, original: Original | None) -> np.ndarray:
    """Read one IDX file, gzip-compressed or raw, as a uint8 array.

    Of an original, no more than its size is read, or unpacked, whatever the file holds.

    Args:
        path: the file.
        original: what it must hold; None for any data.

    Raises:
        BadFileError: if the file cannot be read or holds other bytes.
    """
    try:
        with path.open("rb") as file:
            is_packed = file.peek().startswith(GZIP_MAGIC)
            stream = gzip.GzipFile(fileobj=file) if is_packed else file
            raw = stream.read(original.size + 1 if original else -1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadFileError(f"cannot be read: {error}") from None
    if not is_packed and not raw.startswith(IDX_MAGIC):
        size = path.stat().st_size
        raise BadFileError(
            f"{size} bytes that are neither gzip nor IDX; the first are {raw[:40]!r}"
        )
    if original and len(raw) > original.size:
        raise BadFileError(f"not the original data: more than its {original.size} bytes")
    if original and (actual := hashlib.sha256(raw).hexdigest()) != original.sha256:
        raise BadFileError(
            f"not the original data: {len(raw)} unpacked bytes with sha256 {actual}, "
            f"expected {original.sha256}"
        )
    try:
        return np.asarray(mnist_package().parse_idx(io.BytesIO(raw)))
    except Exception as error:  # of struct, of NumPy or the package's own
        raise BadFileError(f"not IDX data: {error}") from None


def mnist_package() -> Any:
    """Import the installed package `mnist`, even if another mnist.py lies beside the scripts."""
    path = distribution("mnist").locate_file("mnist/__init__.py")
    loader = SourceFileLoader("mnist", str(path))
    package = ModuleType(loader.name)
    loader.exec_module(package)
    return package
