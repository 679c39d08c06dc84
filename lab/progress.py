"""Where trainings stand: one line on the terminal, written anew after every epoch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import NamedTuple

from tqdm.auto import tqdm


class Standing(NamedTuple):
    """Where a training stands: the epochs done, the last validation loss, the step of a stop.

    stopped: the step of early stopping; -1 for a training that goes on.
    """

    epochs: float
    loss: float
    stopped: float = -1

    def __str__(self) -> str:
        if self.stopped >= 0:
            return f"early stop at epoch {self.epochs:g}, step {self.stopped:.0f}"
        return f"epoch {self.epochs:g}, validation loss {self.loss:.4f}"


Report = Callable[[Standing], None]

_report: Report | None = None


class Line:
    """A line on a terminal, and silence elsewhere; `total` epochs, if known, give the time left."""

    def __init__(self, total: int | None = None) -> None:
        clock = "[{elapsed}<{remaining}]" if total else "[{elapsed}]"
        self.bar = tqdm(total=total, bar_format=f"{clock} {{desc}}", leave=False, disable=None)

    def write(self, epochs: int, text: str) -> None:
        """Show that so many epochs are done, and a text."""
        if not self.bar.disable:
            self.bar.n = epochs
            self.bar.set_description_str(text)

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *exception: object) -> None:
        self.bar.close()


def epochs(num_epochs: int, val_losses: Mapping[int, float]) -> Iterator[int]:
    """Count the epochs of one training from 0; show or report each when it is done."""
    with nullcontext() if _report else Line() as line:
        for epoch in range(num_epochs):
            yield epoch
            standing = Standing(epoch + 1, list(val_losses.values())[-1])
            if line:
                line.write(epoch + 1, str(standing))
            elif _report:
                _report(standing)


def early_stop(epoch: int, step: int, loss: float) -> None:
    """Print or report that early stopping ends a training, with its last validation loss."""
    standing = Standing(epoch, loss, step)
    if _report:
        _report(standing)
    else:
        tell(str(standing))


def tell(text: str) -> None:
    """Print a text above the line."""
    tqdm.write(text)
    sys.stdout.flush()


@contextmanager
def reporting_to(report: Report) -> Iterator[None]:
    """Let the trainings of this process call `report` instead of writing a line of their own."""
    global _report
    outer, _report = _report, report
    try:
        yield
    finally:
        _report = outer
