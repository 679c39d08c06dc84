"""Progress bars: on a terminal or in a notebook, and nothing elsewhere."""

from __future__ import annotations

import multiprocessing
import sys
import warnings
from collections.abc import Iterable
from typing import Any

from tqdm import TqdmWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # in a notebook without ipywidgets
    from tqdm.auto import tqdm


def in_notebook() -> bool:
    """Tell whether this process is the kernel of a notebook."""
    return "ipykernel" in sys.modules


def progress(iterable: Iterable[Any] | None = None, **options: Any) -> Any:
    """Make a tqdm bar that is removed at its end; in a process started by another, none."""
    in_child = multiprocessing.parent_process() is not None
    silent = in_child or (False if in_notebook() else None)  # None: unless stderr is a terminal
    return tqdm(iterable, leave=False, disable=silent, **options)
