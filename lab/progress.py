"""Progress: one line on a terminal or in a notebook for all trainings, and nothing elsewhere."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from threading import Event, Thread
from typing import Any, TypeVar

from tqdm import TqdmWarning

with warnings.catch_warnings():
    warnings.simplefilter("ignore", TqdmWarning)  # in a notebook without ipywidgets
    from tqdm.auto import tqdm

Item = TypeVar("Item")

SECONDS = 0.2  # from one look at the counter to the next
_counter: ContextVar[Path | None] = ContextVar("_counter", default=None)


def in_notebook() -> bool:
    """Return whether this process is the kernel of a notebook."""
    return "ipykernel" in sys.modules


def write(text: str) -> None:
    """Print a line, at once, above the line of progress."""
    tqdm.write(text)
    sys.stdout.flush()


@contextmanager
def counted(counter: Path) -> Iterator[None]:
    """Let each epoch in this block add a byte to a file, in place of a line of its own."""
    token = _counter.set(counter)
    try:
        yield
    finally:
        _counter.reset(token)


def progress(epochs: Iterable[Item]) -> Iterator[Item]:
    """Yield the epochs of a training, and count them: see `counted`, or else on a line of its own.

    No line says what time is left: early stopping ends most trainings, nobody knows when.
    """
    if counter := _counter.get():
        for epoch in epochs:
            yield epoch
            with suppress(OSError), counter.open("ab") as file:
                file.write(b".")
        return
    with _line() as line:
        for number, epoch in enumerate(epochs, start=1):
            yield epoch
            line.set_description_str(f"epochs: {number}, ")


def ends(trainings: Iterable[Item], total: int, counter: Path) -> Iterator[Item]:
    """Yield each training that ends; the line says how many have ended, and the epochs of all.

    counter: the file of `counted`.
    """
    ended, is_over = 0, Event()

    def show() -> None:
        epochs = counter.stat().st_size if counter.exists() else 0
        line.set_description_str(f"{ended} of {total} trainings done, epochs: {epochs}, ")

    def watch() -> None:
        while not is_over.wait(SECONDS):
            show()

    watching = Thread(target=watch, daemon=True)
    with _line() as line:
        watching.start()
        try:
            for training in trainings:
                ended += 1
                show()
                yield training
        finally:
            is_over.set()
            watching.join()


def _line() -> Any:
    hidden = False if in_notebook() else None  # None: unless stderr is a terminal
    # without a bar, so that it is short: a line that a narrower terminal wraps cannot be removed
    return tqdm(leave=False, disable=hidden, bar_format="{desc}{elapsed}", dynamic_ncols=True)
