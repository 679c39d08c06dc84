"""Where trainings stand: one line on the terminal, written anew after every epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext

from tqdm.auto import tqdm

Report = Callable[[int, float], None]  # takes the epochs done and the last validation loss

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
            done, loss = epoch + 1, list(val_losses.values())[-1]
            if line:
                line.write(done, place(done, loss))
            elif _report:
                _report(done, loss)


@contextmanager
def reporting_to(report: Report) -> Iterator[None]:
    """Let the trainings of this process call `report` instead of writing a line of their own."""
    global _report
    outer, _report = _report, report
    try:
        yield
    finally:
        _report = outer


def place(epochs: float, loss: float) -> str:
    """Say where a training stands."""
    return f"epoch {epochs:g}, validation loss {loss:.4f}"
