"""What went wrong on the way to the data, told place by place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


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


class DataError(Exception):
    """MNIST could not be had; the message lists every attempt and what to do by hand."""

    def __init__(self, missing: Sequence[str], attempts: Sequence[Attempt]) -> None:
        self.attempts = tuple(attempts)
        tried = "\n".join(f"  {place}\n    {cause}" for place, cause in attempts) or "  nothing"
        names = "\n".join(f"  {name}.gz" for name in missing)
        super().__init__(
            f"MNIST could not be had. Tried:\n{tried}\n"
            f"Missing:\n{names}\n"
            "To put them in place by hand: copy them, as .gz or unpacked, into one folder and name "
            "it with --data-dir or the environment variable MNIST_DATA_DIR."
        )
