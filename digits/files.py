"""The four MNIST files: their names, what they must hold, and how one is read."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from pathlib import Path

import mnist
import numpy as np

from digits.errors import BadFileError

# The sha256 of the raw IDX bytes: compressing a file again changes the .gz, but not these.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

Arrays = dict[str, np.ndarray]

GZIP_MAGIC = b"\x1f\x8b"


def spellings(name: str) -> tuple[str, ...]:
    """List the file names under which an IDX file is handed around."""
    dotted = name.replace("-idx", ".idx")
    return (f"{name}.gz", name, f"{dotted}.gz", dotted)


def read_idx(path: Path, sha256: str) -> np.ndarray:
    """Read one IDX file, gzip-compressed or raw.

    Args:
        path: the file.
        sha256: the hexadecimal digest that its raw bytes must have.

    Returns:
        The array that the file holds, uint8.

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
    came = hashlib.sha256(raw).hexdigest()
    if came != sha256:
        if raw is packed and not raw.startswith(b"\0\0\x08"):  # the first bytes of an IDX file
            raise BadFileError(
                f"{len(packed)} bytes that are neither gzip nor IDX; they begin {packed[:40]!r}"
            )
        raise BadFileError(
            f"not the original data: {len(packed)} bytes whose IDX content has sha256 {came}, "
            f"expected {sha256}"
        )
    return np.asarray(mnist.parse_idx(io.BytesIO(raw)))
