"""How time is measured, in rounds, each contender in turn in a process of its own; and memory."""

import math
import multiprocessing
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from benchmarks.page import Spread

Turn = Callable[[], Any]  # the work that is timed


class Times(NamedTuple):
    """The seconds of a contender, their ratios to the first contender's in each round, a result."""

    seconds: Spread
    relative: Spread
    result: Any


def seconds_of(work: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Call a function; return the seconds it takes, and its result."""
    start = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - start, result


def race(contenders: Mapping[str, Callable[[], Turn]], rounds: int) -> dict[str, Times]:
    """Let contenders take turns, so that a slow minute slows all of them.

    A contender is called in its process, where it prepares its data, and returns its turn. It takes
    one before the first round, to compile and to warm up, whose result is kept.
    """
    spawn = multiprocessing.get_context("spawn")  # with none of this process's threads and limits
    processes = {
        name: ProcessPoolExecutor(1, spawn, _prepare, (one,)) for name, one in contenders.items()
    }
    results = {name: one.submit(_take_turn).result()[1] for name, one in processes.items()}
    seconds: dict[str, list[float]] = {name: [] for name in processes}
    for _ in range(rounds):
        for name, process in processes.items():
            seconds[name].append(process.submit(_take_turn).result()[0])
    for process in processes.values():
        process.shutdown()
    return compared(seconds, results)


def compared(
    seconds: Mapping[str, Sequence[float]], results: Mapping[str, Any]
) -> dict[str, Times]:
    """Summarise the seconds of all rounds, and their ratios to those of the first contender."""
    first = next(iter(seconds.values()))
    ratios = {name: [a / b for a, b in zip(s, first, strict=True)] for name, s in seconds.items()}
    return {
        name: Times(Spread.of(seconds[name]), Spread.of(ratios[name]), result)
        for name, result in results.items()
    }


def running(command: Sequence[str]) -> Turn:
    """Return the turn of a command."""
    return partial(subprocess.run, command, stdout=subprocess.DEVNULL, check=True)


def peak_memory(command: Sequence[str]) -> float:
    """Run a command; return the peak memory of all its processes together, in MB.

    It is the sum of their proportional set sizes, which count a shared page once; nan where the
    system does not report it. Sampling slows the processes, so this run is not timed.
    """
    import psutil

    process, peak = psutil.Popen(command, stdout=subprocess.DEVNULL), float("nan")
    while process.poll() is None:
        with suppress(psutil.Error, AttributeError):  # ended, or no pss
            processes = (process, *process.children(recursive=True))
            now = sum(one.memory_full_info().pss for one in processes) / 1e6
            peak = now if math.isnan(peak) else max(peak, now)
        time.sleep(0.05)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return peak


def rows(times: Mapping[str, Times], scale: float = 1) -> list[tuple[str, Spread, Spread]]:
    """Return a row of a table for each contender, with its seconds times `scale`."""
    return [
        (name, Spread(*(scale * value for value in seconds)), relative)
        for name, (seconds, relative, _) in times.items()
    ]


_turn: Turn  # of the contender whose process this is


def _prepare(contender: Callable[[], Turn]) -> None:
    global _turn
    _turn = contender()


def _take_turn() -> tuple[float, Any]:
    return seconds_of(_turn)
