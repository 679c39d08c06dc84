"""One download: pooch does it, and we watch that the mirror does not fall silent."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

import pooch
import requests
from tqdm import tqdm


class UnreachableError(Exception):
    """The mirror cannot be reached, or has fallen silent."""


class RefusedError(Exception):
    """The mirror answered with an error; asking again would not help."""


class Download:
    """One file of one mirror. It is both pooch's downloader and pooch's progress bar.

    Args:
        mirror: an address that ends in a slash.
        name: of the file there.
        patience: seconds without a byte after which the mirror counts as silent.

    Attributes:
        received: the bytes that arrived.
    """

    def __init__(self, mirror: str, name: str, patience: float) -> None:
        self.mirror, self.name, self.patience = mirror, name, patience
        self.received = 0
        self.total = 0  # pooch sets it to the length that the server announces
        self._heard_at = 0.0
        self._bar: Any = None
        self._outcome: Path | Exception | None = None

    def fetch(self, folder: Path) -> Path:
        """Fetch the file into a folder and return its path.

        A thread does the work, which can be left behind: a look-up of the mirror's name has no
        timeout of its own.

        Raises:
            UnreachableError: if the mirror cannot be reached, or no byte comes for too long.
            Exception: whatever else went wrong.
        """
        thread = threading.Thread(target=self._work, args=(folder,), daemon=True)
        with tqdm(desc=self.name, unit="B", unit_scale=True, disable=None) as self._bar:
            self._heard_at = time.monotonic()
            thread.start()
            while thread.is_alive():
                thread.join(min(0.2, self.patience))
                if time.monotonic() - self._heard_at > self.patience:
                    raise UnreachableError(f"silent for {self.patience:g} s")
        if isinstance(self._outcome, Path):
            return self._outcome
        raise self._outcome or UnreachableError("the download ended without an outcome")

    def _work(self, folder: Path) -> None:
        pooch.get_logger().setLevel(logging.WARNING)
        source = pooch.create(
            path=folder, base_url=self.mirror, registry={self.name: None}, retry_if_failed=1
        )
        try:
            self._outcome = Path(source.fetch(self.name, downloader=self))
        except requests.ConnectionError as error:
            self._outcome = UnreachableError(repr(_root(error)))
        except requests.Timeout:
            self._outcome = UnreachableError(f"silent for {self.patience:g} s")
        except Exception as error:
            self._outcome = error
            self.received += getattr(_root(error), "partial", 0)  # cut off within a chunk

    def __call__(self, url: str, output_file: str, source: Any) -> None:
        """Download `url` to `output_file`, as a downloader of pooch's."""
        download = pooch.HTTPDownloader(progressbar=self, timeout=self.patience)
        try:
            download(url, output_file, source)
        except requests.HTTPError as error:
            if error.response is not None:
                error.response.close()
            raise RefusedError(str(error)) from None
        finally:
            self.received = Path(output_file).stat().st_size

    def update(self, count: int) -> None:
        """Note that bytes arrived, as a progress bar of pooch's."""
        self._heard_at = time.monotonic()
        self._bar.total = self.total or None
        self._bar.update(count)

    def reset(self) -> None:
        """Begin the bar again, as a progress bar of pooch's."""
        self._bar.reset()

    def close(self) -> None:
        """Do nothing: `fetch` closes the bar."""


def _root(error: BaseException) -> BaseException:
    """Return what the system said, without the four exceptions that urllib3 and requests add."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return error
