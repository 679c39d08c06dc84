"""Fetching the MNIST files from mirrors into the cache, verified on the way."""

from __future__ import annotations

import io
import logging
import os
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

import pooch
import requests
from tqdm import tqdm

from digits.files import INCOMING, Arrays, Attempt, BadFileError, Original, read_idx
from digits.folders import temporary_folder

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
    cache: Path, originals: Mapping[str, Original], silence: float = SILENCE
) -> tuple[Arrays, list[Attempt]]:
    """Fetch IDX files into the cache.

    Whatever a mirror does wrong, the next one is asked for what is still missing. A mirror that
    cannot be reached, or falls silent, is not asked for the other files.

    Args:
        cache: the folder to fetch into; a file appears there only when it is whole and verified.
        originals: {name: what the file must hold} of the files to fetch.
        silence: seconds, shared by all mirrors, of waiting without receiving a byte.

    Returns:
        The arrays fetched, and an attempt for each download that failed.
    """
    arrays: Arrays = {}
    attempts: list[Attempt] = []
    patience = silence / max(2, len(mirrors()))
    for mirror in mirrors():
        for name in [name for name in originals if name not in arrays]:
            download = Download(mirror, f"{name}.gz", originals[name].packed_limit, patience)
            try:
                # A folder of its own, so that of two processes that fetch one file, neither moves
                # a part of it. A thread left behind may still write there while it is removed.
                with temporary_folder(INCOMING, cache) as folder:
                    path = download.save(folder)
                    arrays[name] = read_idx(path, originals[name])
                    path.replace(cache / path.name)
            except Exception as error:  # whatever it is, the next mirror may do better
                attempts.append(Attempt(download.url, str(error) or type(error).__name__))
                if isinstance(error, OSError):
                    break
    return arrays, attempts


class Download:
    """One file of one mirror, downloaded by pooch and watched for silence.

    Args:
        mirror: an address that ends in a slash.
        name: of the file there.
        limit: bytes; at the first one more, the download ends.
        patience: seconds without a byte after which the mirror counts as silent.
    """

    def __init__(self, mirror: str, name: str, limit: int, patience: float) -> None:
        self.mirror, self.name, self.limit, self.patience = mirror, name, limit, patience
        self.url = mirror + name
        self.received = 0
        self.heard_at = time.monotonic()

    def save(self, folder: Path) -> Path:
        """Save the file in a folder and return its path.

        The work is done in a thread that can be left behind, since looking up the mirror's name has
        no time limit of its own.

        Raises:
            OSError: if the mirror cannot be reached, or no byte arrives for too long.
            Exception: whatever else went wrong.
        """
        outcome: Future[Path] = Future()
        threading.Thread(target=self._run, args=(folder, outcome), daemon=True).start()
        while not outcome.done():
            left = self.heard_at + self.patience - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"silent for {self.patience:g} s after {self.received} bytes")
            wait([outcome], timeout=left)
        return outcome.result()

    def _run(self, folder: Path, outcome: Future[Path]) -> None:
        pooch.get_logger().setLevel(logging.WARNING)
        registry = {self.name: None}
        source = pooch.create(folder, self.mirror, registry=registry, retry_if_failed=1)
        try:
            outcome.set_result(Path(source.fetch(self.name, downloader=self)))
        except requests.RequestException as error:
            outcome.set_exception(_root(error))
        except Exception as error:
            outcome.set_exception(error)

    def __call__(self, url: str, output_file: str, source: Any) -> None:
        """Download `url` to `output_file`, as pooch asks its downloaders to."""
        plain = {"Accept-Encoding": "identity"}
        with requests.get(url, stream=True, timeout=self.patience, headers=plain) as response:
            if not response.ok:
                raise BadFileError(f"{response.status_code} {response.reason}")
            response.raw.headers.pop("Content-Encoding", None)  # nothing is unpacked on the way
            total = response.raw.length_remaining
            with (
                open(output_file, "wb") as file,
                tqdm(
                    desc=self.name,
                    total=total,
                    unit="B",
                    unit_scale=True,
                    delay=0.2,  # a mirror that sends no file leaves no empty bar
                    leave=False,
                    disable=None,
                ) as bar,
            ):
                for chunk in response.iter_content(io.DEFAULT_BUFFER_SIZE):
                    self.heard_at = time.monotonic()
                    self.received += file.write(chunk)
                    bar.update(len(chunk))
                    if file.tell() > self.limit:
                        raise BadFileError(f"more than {self.limit} bytes, too many for this file")


def _root(error: BaseException) -> BaseException:
    """Return what the system said, without the exceptions that urllib3 and requests add."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error
