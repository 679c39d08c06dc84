"""The four MNIST files: their names, what they must hold, and how they are read and replaced."""

import gzip
import hashlib
import io
import logging
import os
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.machinery import SourceFileLoader
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from platformdirs import user_cache_dir

logger = logging.getLogger(__name__)


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


def user_path(text: str | Path) -> Path:
    """Read a path that a user wrote, in an option or a variable: `~` is the home, as in a shell."""
    return Path(os.path.expanduser(text))  # an unknown ~name stays as it is


def cache_folder() -> Path:
    """Return the folder that MNIST_CACHE_DIR names, or the user's own cache.

    Raises:
        OSError: if there is neither, for the user has no home.
    """
    if named := os.environ.get("MNIST_CACHE_DIR"):
        return user_path(named)
    try:
        return Path(user_cache_dir("mnist-by-hand")).expanduser()
    except RuntimeError:
        raise FileNotFoundError("this user has no home, and so no cache") from None


def keep(what: str, name: str, content: bytes | memoryview) -> bool:
    """Keep a file in the cache for the next time, or log why it cannot be kept.

    Returns:
        Whether it is kept.
    """
    kept = False
    try:
        with replacing(cache_folder() / name) as temporary:
            temporary.write_bytes(content)
        kept = True
    except OSError as error:
        logger.warning(
            "%s for this run only, for they cannot be kept: %s. "
            "Set MNIST_CACHE_DIR to a folder that can be written.",
            what,
            error,
        )
    return kept


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

    Each may lie in a folder of its own name, as Kaggle's do. All may lie in `raw` or `MNIST/raw`,
    as torchvision's do; of these places the one that serves most is taken, never a mixture.

    Args:
        folder: may be missing.
        originals: {name: what the file must hold, or None for any data} of the files to read.

    Returns:
        The arrays found, and for those not found why: each bad file, and what the folder holds.
    """
    raw = [place for place in (folder / "raw", folder / "MNIST" / "raw") if os.path.isdir(place)]
    reads = [_read(place, originals) for place in (folder, *raw)]
    return max(reads, key=lambda read: (len(read[0]), len(read[1])))  # of equals, with bad files


def _read(folder: Path, originals: Mapping[str, Original | None]) -> tuple[Arrays, list[Attempt]]:
    arrays: Arrays = {}
    attempts: list[Attempt] = []
    absent = []
    for name, original in originals.items():
        places = (folder, *(folder / spelling for spelling in _spellings(name)))
        paths = [place / spelling for place in places for spelling in _spellings(name)]
        bad = []
        for path in filter(os.path.isfile, paths):
            try:
                arrays[name] = read_idx(path, original)
                break
            except BadFileError as error:
                bad.append(Attempt(str(path), str(error)))
        else:
            attempts += bad
            absent += [] if bad else [name]
    if absent:
        attempts.append(Attempt(str(folder), _absence(folder, absent)))
    return arrays, attempts


def _spellings(name: str) -> list[str]:
    return [f"{base}{end}" for base in (name, name.replace("-idx", ".idx")) for end in (".gz", "")]


def _absence(folder: Path, names: Sequence[str]) -> str:
    """Say that a folder lacks files, and what it holds instead, first what looks like MNIST."""
    try:
        with os.scandir(folder) as entries:
            held = {entry.name + "/" * entry.is_dir() for entry in entries}
    except FileNotFoundError:
        return "no such folder"
    except OSError as error:  # it is a file, or may not be read
        return str(error.strerror)
    others = held.difference(*(_spellings(name) for name in ORIGINALS if name not in names))
    likely = re.compile("ubyte|mnist|zip", re.IGNORECASE)
    first = sorted(others, key=lambda name: (not likely.search(name), name))[:5]
    more = f" and {len(others) - 5} more" if len(others) > 5 else ""
    instead = f"; the folder holds {', '.join(first)}{more}" if others else ""
    return f"no such file that can be read, packed or not: {', '.join(names)}{instead}"


def read_idx(file: Path | BinaryIO, original: Original | None) -> np.ndarray:
    """Read one IDX file, gzip-compressed or raw, as a uint8 array.

    Of an original, no more than its size is read, or unpacked, whatever the file holds.

    Args:
        file: its path, or the open file.
        original: what it must hold; None for any data.

    Raises:
        BadFileError: if the file cannot be read or holds other bytes.
    """
    try:
        with file.open("rb") if isinstance(file, Path) else file as stream:
            is_packed = stream.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            size = stream.seek(0, os.SEEK_END)
            stream.seek(0)
            bytes_of = gzip.GzipFile(fileobj=stream) if is_packed else stream
            raw = bytes_of.read(original.size + 1 if original else -1)
    except (OSError, EOFError, zlib.error) as error:
        raise BadFileError(f"cannot be read: {error}") from None
    if not is_packed and not raw.startswith(IDX_MAGIC):
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
