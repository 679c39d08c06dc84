"""Timing side by side: every contender in a process of its own, all taking turns."""

from __future__ import annotations

import importlib.util
import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import numpy as np

from benchmarks.contenders import CONTENDERS, REQUIRES
from utils import Split


@dataclass
class Entry:
    """One contender in the race.

    Attributes:
        name: of the contender.
        seconds: one time a round.
        val_loss: after the work; nan where there is none to compare.
    """

    name: str
    seconds: list[float] = field(default_factory=list)
    val_loss: float = float("nan")

    def ratios(self, other: Entry) -> list[float]:
        """Return, round by round, how many times as long this one takes as the other."""
        return ratios(self.seconds, other.seconds)


def ratios(seconds: Sequence[float], others: Sequence[float]) -> list[float]:
    """Divide times by others, round by round."""
    return [a / b for a, b in zip(seconds, others, strict=True)]


def race(split: Split, rounds: int, names: Sequence[str] | None = None) -> dict[str, Entry]:
    """Let the contenders do the same work in turn, so that a slow minute slows all of them.

    Each prepares its data and does the work once, unmeasured, before the first round: compiling and
    warming up count for nobody.

    Args:
        split: uint8 images and labels, as `utils.load_full_mnist` gives them.
        rounds: how often each does the work.
        names: the contenders; by default all whose packages are installed.

    Returns:
        {name: entry}.
    """
    context = multiprocessing.get_context("spawn")
    entries: dict[str, Entry] = {}
    lines: dict[str, Connection] = {}
    processes = []
    for name in installed() if names is None else names:
        line, other_end = context.Pipe()
        process = context.Process(target=_take_turns, args=(name, split, other_end), daemon=True)
        process.start()
        line.recv()  # prepared and warm
        entries[name], lines[name] = Entry(name), line
        processes.append(process)
    for _ in range(rounds):
        for name, line in lines.items():
            line.send("go")
            seconds, entries[name].val_loss = line.recv()
            entries[name].seconds.append(seconds)
    for line, process in zip(lines.values(), processes, strict=True):
        line.send("stop")
        process.join()
    return entries


def installed() -> list[str]:
    """List the contenders whose packages are installed."""
    return [name for name in CONTENDERS if all(map(importlib.util.find_spec, REQUIRES[name]))]


def same_loss(entries: Mapping[str, Entry], reference: str, tolerance: float = 0.02) -> list[str]:
    """Name the contenders whose validation loss is not that of the reference, within 2 %."""
    expected = entries[reference].val_loss
    return [
        entry.name
        for entry in entries.values()
        if np.isfinite(entry.val_loss) and abs(entry.val_loss / expected - 1) > tolerance
    ]


def timed(work: Callable[[], object], repeat: int = 5) -> list[float]:
    """Time a function several times, after once unmeasured; return the seconds of each."""
    work()
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return times


def spread(values: Sequence[float], form: str = "{:.2f}") -> str:
    """Write a median and the range around it."""
    median, low, high = statistics.median(values), min(values), max(values)
    return f"{form.format(median)} ({form.format(low)} to {form.format(high)})"


def _take_turns(name: str, split: Split, line: Connection) -> None:
    work = CONTENDERS[name](split)
    work()
    line.send("ready")
    while line.recv() == "go":
        start = time.perf_counter()
        val_loss = work()
        line.send((time.perf_counter() - start, val_loss))
