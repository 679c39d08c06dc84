"""Progress: one line on a terminal or in a notebook for all trainings, and nothing elsewhere."""

import multiprocessing
import sys
import warnings
from collections.abc import Iterable, Iterator
from threading import Event, Thread
from typing import Any, TypeVar

from tqdm import TqdmWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # in a notebook without ipywidgets
    from tqdm.auto import tqdm

Item = TypeVar("Item")

_is_shown = False  # the line of `ends`, beside which a training has none of its own


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    return "ipykernel" in sys.modules


def write(text: str) -> None:
    """Print a line, at once, above the line of progress."""
    tqdm.write(text)
    sys.stdout.flush()


def progress(epochs: Iterable[Item]) -> Iterable[Item]:
    """Count the epochs of a training on a line, unless it is one of several trainings."""
    if _is_shown or multiprocessing.parent_process():
        return epochs
    return _line(epochs, "epochs: {n_fmt}, {elapsed}")


def ends(trainings: Iterable[Item], total: int) -> Iterator[Item]:
    """Yield each training that ends; a line counts them, and the seconds.

    It does not say what time is left: early stopping ends most trainings, nobody knows when.
    """
    global _is_shown
    is_over = Event()

    def tick() -> None:
        while not is_over.wait(1):
            line.refresh()

    with _line(trainings, "{n_fmt} of {total_fmt} trainings done, {elapsed}", total=total) as line:
        _is_shown, clock = True, Thread(target=tick, daemon=True)
        clock.start()
        try:
            yield from line
        finally:
            _is_shown = False
            is_over.set()
            clock.join()


def _line(iterable: Iterable[Item], bar_format: str, **options: Any) -> Any:
    hidden = False if in_notebook() else None  # None: unless stderr is a terminal
    # without a bar, so that it is short: a line that a narrower terminal wraps cannot be removed
    options |= {"bar_format": bar_format, "dynamic_ncols": True, "mininterval": 0}
    return tqdm(iterable, leave=False, disable=hidden, **options)
