"""Progress bars: on a terminal or in a notebook, and nothing elsewhere."""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from collections.abc import Iterable
from typing import Any, TypeVar

from tqdm import TqdmWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # in a notebook without ipywidgets
    from tqdm.auto import tqdm

Item = TypeVar("Item")


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    return "ipykernel" in sys.modules


def write(text: str) -> None:
    """Print a line, at once, above the bar."""
    tqdm.write(text)
    sys.stdout.flush()


def progress(iterable: Iterable[Item], **options: Any) -> Iterable[Item]:
    """Show a bar for an iterable, removed at its end; in a process started by another, none."""
    if multiprocessing.parent_process():
        return iterable
    hidden = False if in_notebook() else None  # None: unless stderr is a terminal
    return tqdm(iterable, leave=False, disable=hidden, **options)
