"""Fetching the MNIST files from mirrors into the cache, where only verified files are kept."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import requests
from requests.exceptions import ChunkedEncodingError, RequestException
from tqdm import tqdm

from digits.files import Arrays, Attempt, BadFileError, Original, read_idx, replacing

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUTS = (2.0, 8.0)  # seconds: to connect, to each of a mirror's addresses in turn; of silence


def mirrors() -> tuple[str, ...]:
    """Return the addresses that MNIST_MIRRORS lists, separated by commas, or the usual two."""
    listed = os.environ.get("MNIST_MIRRORS", "").split(",")
    return tuple(url.strip().rstrip("/") + "/" for url in listed if url.strip()) or MIRRORS


def fetch(cache: Path, originals: Mapping[str, Original]) -> tuple[Arrays, list[Attempt]]:
    """Fetch IDX files into the cache.

    Whatever a mirror does wrong, the next one is asked for what is still missing. A mirror that
    cannot be reached, falls silent or breaks off twice is not asked for the other files.

    Args:
        cache: the folder to fetch into; a file appears there only when it is whole and verified.
        originals: {name: what the file must hold} of the files to fetch.

    Returns:
        The arrays fetched, and an attempt for each download that failed.
    """
    arrays: Arrays = {}
    attempts: list[Attempt] = []
    for mirror in mirrors():
        for name in [name for name in originals if name not in arrays]:
            url = f"{mirror}{name}.gz"
            try:
                # another process may fetch the same file at the same time
                with replacing(cache / f"{name}.gz") as path:
                    _download(url, path, originals[name].packed_limit)
                    arrays[name] = read_idx(path, originals[name])
            except Exception as error:  # whatever it is, the next mirror may do better
                attempts.append(Attempt(url, _cause(error)))
                if isinstance(error, OSError):  # as those of requests are
                    break
    return arrays, attempts


def _download(url: str, path: Path, limit: int) -> None:
    """Download a file of at most `limit` bytes; try once more if the connection breaks."""
    with suppress(ChunkedEncodingError):
        _receive(url, path, limit)
        return
    _receive(url, path, limit)


def _receive(url: str, path: Path, limit: int) -> None:
    plain = {"Accept-Encoding": "identity"}
    with (
        tqdm(desc=path.name, unit="B", unit_scale=True, leave=False, disable=None) as bar,
        requests.get(url, stream=True, timeout=TIMEOUTS, headers=plain) as response,
    ):
        if not response.ok:
            raise BadFileError(f"{response.status_code} {response.reason}")
        response.raw.headers.pop("Content-Encoding", None)  # nothing is decompressed
        bar.reset(response.raw.length_remaining)
        with path.open("wb") as file:
            for chunk in response.iter_content(8192):
                bar.update(file.write(chunk))
                if file.tell() > limit:
                    raise BadFileError(f"more than {limit} bytes, too many for this file")


def _cause(error: Exception) -> str:
    """Return what the system reported, without the exceptions that requests and urllib3 add."""
    cause: Any = error.args[0] if isinstance(error, RequestException) and error.args else error
    while getattr(cause, "__cause__", None):
        cause = cause.__cause__
    return str(cause) or type(cause).__name__
