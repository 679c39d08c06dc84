"""Fetching the MNIST files from mirrors into the cache, verified on the way."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from digits.errors import Attempt
from digits.files import Arrays, read_idx

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
SILENCE = 16.0


def mirrors() -> tuple[str, ...]:
    """Return the addresses that MNIST_MIRRORS lists, separated by commas, or the usual two."""
    listed = os.environ.get("MNIST_MIRRORS", "").split(",")
    return tuple(url.strip().rstrip("/") + "/" for url in listed if url.strip()) or MIRRORS


def fetch(
    cache: Path, sha256: Mapping[str, str], silence: float = SILENCE
) -> tuple[Arrays, list[Attempt]]:
    """Fetch IDX files into the cache.

    Whatever a mirror does wrong, the next one is asked for what is still missing. A mirror that
    cannot be reached, or falls silent, is not asked for the other files.

    Args:
        cache: the folder to fetch into; a file appears there only when it is whole and verified.
        sha256: {name: digest of the raw bytes} of the files to fetch.
        silence: seconds, shared by all mirrors, of waiting without receiving a byte.

    Returns:
        The arrays fetched, and an attempt for each download that failed.
    """
    from digits.download import Download, UnreachableError  # imports requests: not for nothing

    arrays: Arrays = {}
    attempts: list[Attempt] = []
    patience = min(silence / 2, silence / len(mirrors()))
    for mirror in mirrors():
        for name in [name for name in sha256 if name not in arrays]:
            download = Download(mirror, f"{name}.gz", patience)
            try:
                cache.mkdir(parents=True, exist_ok=True)
                # In a folder of its own: of two processes that fetch one file, each moves a whole.
                # A thread left behind may still write there while it is removed.
                with tempfile.TemporaryDirectory(
                    prefix="incoming-", dir=cache, ignore_cleanup_errors=True
                ) as incoming:
                    path = download.fetch(Path(incoming))
                    arrays[name] = read_idx(path, sha256[name])
                    path.replace(cache / download.name)
            except Exception as error:  # any failure at all: the next mirror may do better
                cause = str(error) or type(error).__name__
                attempts.append(
                    Attempt(mirror + download.name, f"{cause}; received {download.received} bytes")
                )
                if isinstance(error, UnreachableError):
                    break
    return arrays, attempts
