"""Independent trainings side by side, each in a process of its own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from pickle import PicklingError
from tempfile import gettempdir
from threading import Event, Thread
from typing import Any, TypeVar

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from joblib.externals.loky import get_reusable_executor

from digits.folders import temporary_folder
from lab.progress import Line, Standing, reporting_to, tell

Name = TypeVar("Name")
Result = TypeVar("Result")


def train_all(
    trainings: Mapping[Name, Callable[[], Result]],
    jobs: int | None = None,
    epochs: int | None = None,
) -> dict[Name, Result]:
    """Call each of {name: training} once, side by side; return {name: result} in the same order.

    A training is a call without arguments, such as partial(train, split, seed). The processes share
    its large arrays as memory maps. The first exception ends all trainings and is raised.

    jobs: processes at a time; with 1, all trainings run in this process, where a debugger works.
    None for what `joblib.parallel_config` says, or else 1. epochs: of each training, if none stops
    early, to show the time left.
    """
    jobs = min(effective_n_jobs(jobs), len(trainings))
    results: dict[Name, Result] = {}
    with temporary_folder("trainings-", Path(gettempdir())) as folder:
        # a `Standing` of each training, shared with the processes
        standings = np.memmap(folder / "standings", float, "w+", shape=(len(trainings), 3))
        standings[:] = Standing(0, 0)
        calls = (
            delayed(_train)(name, training, standings[i], os.getpid())
            for i, (name, training) in enumerate(trainings.items())
        )
        parallel = Parallel(
            jobs, return_as="generator_unordered", mmap_mode="c", temp_folder=folder
        )
        with _shown(standings, list(trainings), results, epochs):
            try:
                results.update(parallel(calls))
                if jobs > 1:  # kept, the processes would share the next data in this folder, too
                    get_reusable_executor(reuse=True).shutdown()
            except BrokenProcessPool as error:
                raise OSError(
                    "a training was ended from outside, for want of memory perhaps. "
                    "Likely fix: --jobs 1."
                ) from error
            except PicklingError as error:
                if "\nOSError: " not in str(error.__cause__):
                    raise
                raise OSError(
                    f"{folder.parent} cannot take the data that the trainings share: no space left "
                    "perhaps. Likely fix: --jobs 1, or another folder in TMPDIR."
                ) from error
            except Exception as error:
                if jobs == 1:
                    raise
                # Its cause is the traceback in the other process; joblib's own says nothing.
                raise error.with_traceback(None) from error.__cause__
    return {name: results[name] for name in trainings}


def _train(
    name: Name, training: Callable[[], Result], standing: np.ndarray, parent: int
) -> tuple[Name, Result]:
    is_child = os.getppid() == parent

    def report(now: Standing) -> None:
        standing[:] = now
        if is_child and os.getppid() != parent:  # it was killed: nobody waits for the result
            os._exit(1)

    with reporting_to(report):
        return name, training()


@contextmanager
def _shown(
    standings: np.ndarray, names: Sequence[Any], results: Mapping[Any, Any], epochs: int | None
) -> Iterator[None]:
    """Show on one line how many trainings are done, and where the first of the others stands.

    Above the line, early stops are printed as they happen.
    """
    ended = Event()

    def show(line: Line) -> None:
        before, goes_on = np.full_like(standings, -1), True
        while goes_on:
            goes_on = not ended.wait(0.1)
            now = standings.copy()
            if (now == before).all():  # a debugger's prompt is left alone
                continue
            for i in np.flatnonzero((now[:, 2] >= 0) & (before[:, 2] < 0)).tolist():
                tell(f"{names[i]}: {Standing(*now[i])}")
            before = now
            running = [
                f"; {name}: {Standing(*standing)}"
                for name, standing in zip(names, now, strict=True)
                if name not in results and standing[0] and standing[2] < 0
            ]
            text = f"{len(results)} of {len(names)} done{''.join(running[:1])}"
            line.write(int(now[:, 0].sum()), text)

    with Line(epochs and epochs * len(names)) as line:
        thread = Thread(target=show, args=[line])
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
