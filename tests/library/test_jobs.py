"""Trainings side by side: the same results for any number of processes, and one clean end."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from contextlib import redirect_stderr
from functools import partial
from pathlib import Path
from pickle import PicklingError
from threading import Event, Lock
from traceback import format_exception
from typing import Any

import numpy as np
import psutil
import pytest
from joblib import parallel_config
from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_info, threadpool_limits

from lab.jobs import train_all
from lab.progress import progress
from lab.script import run_script
from lab.trainings import Training
from tests.library.conftest import QUIET_TRACKER
from trainer import DivergedError

Capture = pytest.CaptureFixture[str]
Facts = dict[str, dict[str, Any]]
Patch = pytest.MonkeyPatch

ROOT = Path(__file__).parents[2]
MEGABYTES = np.ones((500, 500))  # large enough to be shared, not copied
LONG = 120  # seconds, after which a test that hangs has failed


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def facts(X: np.ndarray) -> dict[str, Any]:
    """What a training finds around it; then it changes its images."""
    with redirect_stderr(Terminal()) as terminal:
        list(progress(range(3), mininterval=0))
    found = {
        "process": os.getpid(),
        "shared": isinstance(X, np.memmap),
        "sum": float(X.sum()),
        "threads": blas_threads(),
        "bar": terminal.getvalue(),
    }
    X[0, 0] = -1
    return found


def blas_threads() -> set[int]:
    libraries = threadpool_info()  # NumPy's, and others that a test has loaded
    return {one["num_threads"] for one in libraries if "numpy" in one["filepath"]}


@pytest.fixture(scope="module")
def there() -> Facts:
    """What three trainings find in two processes, on a machine with two BLAS threads."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPENBLAS_NUM_THREADS", "2")
        return train_all({name: partial(facts, MEGABYTES) for name in "abc"}, jobs=2)


def test_two_jobs_are_other_processes_and_end_with_the_trainings(there: Facts) -> None:
    """So that the next trainings import what is edited in the meantime."""
    processes = {found["process"] for found in there.values()}
    assert os.getpid() not in processes
    assert not any(psutil.pid_exists(process) for process in processes)


def test_processes_share_large_arrays_and_change_none_for_the_others(there: Facts) -> None:
    assert [(found["shared"], found["sum"]) for found in there.values()] == [(True, 250_000.0)] * 3
    assert MEGABYTES.min() == 1


def test_a_script_and_its_trainings_have_one_blas_thread_each(there: Facts) -> None:
    found: list[set[int]] = []
    with threadpool_limits(2):
        if blas_threads() != {2}:
            pytest.skip("NumPy has no BLAS library of its own here")
        run_script(lambda: found.append(blas_threads()))
        found += train_all(dict.fromkeys("ab", blas_threads), jobs=1).values()
        assert blas_threads() == {2}
    assert [*found, *(one["threads"] for one in there.values())] == [{1}] * 6


def test_one_job_is_this_process() -> None:
    for jobs in (1, None):
        found = train_all({"a": partial(facts, np.ones((2, 2)))}, jobs)
        assert found["a"]["process"] == os.getpid()


def test_the_results_have_the_order_and_the_names_of_the_trainings() -> None:
    """Without a number of jobs, joblib's settings hold: here two threads; the second ends first."""
    second_is_at_work = Event()

    def first() -> str:
        assert second_is_at_work.wait(LONG)
        return "first"

    def second() -> str:
        second_is_at_work.set()
        return "second"

    with parallel_config("threading", n_jobs=2):
        results = train_all({"a": first, "b": second})
    assert list(results.items()) == [("a", "first"), ("b", "second")]


def test_each_training_is_printed_when_it_ends_with_its_label(capsys: Capture) -> None:
    def training(steps: int) -> Training:
        validations = {0: 0.5}
        losses = dict.fromkeys(range(steps), 1.0)
        histories = {"loss": losses, "accuracy": validations}, {"loss": validations}
        return Training(np.zeros(1), *histories, 4, 31, 5)

    runs = {0.5: partial(training, 124), 1: partial(training, 95)}
    assert list(train_all(runs, jobs=1, label="lambda {:g}")) == [0.5, 1]
    assert capsys.readouterr().out.splitlines() == [
        "lambda 0.5: all 4 epochs",
        "lambda 1: early stop at epoch 3, step 94",
    ]


def fail() -> None:
    raise DivergedError("the training loss is nan at step 3")


def test_an_error_in_a_training_is_raised_as_it_is() -> None:
    runs: dict[str, Callable[[], Any]] = {"good": partial(facts, MEGABYTES), "bad": fail}
    with pytest.raises(DivergedError, match=r"^the training loss is nan at step 3$") as raised:
        train_all(runs, jobs=2)
    assert 'raise DivergedError("the' in "".join(format_exception(raised.value))


def die() -> None:
    os._exit(1)


def test_a_process_that_is_killed_is_reported_in_one_line() -> None:
    with pytest.raises(OSError, match=r"was killed, possibly out of memory; try --jobs 1"):
        train_all(dict.fromkeys("ab", die), jobs=2)


def test_no_space_for_the_shared_data_is_reported_in_one_line(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    """A limit on the size of files, half of what the array takes, stands in for the full disk."""
    resource = pytest.importorskip("resource", reason="Windows has no limit on the size of files")
    monkeypatch.setenv("JOBLIB_TEMP_FOLDER", str(tmp_path))
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, limit[1]))
    try:
        with pytest.raises(OSError, match="the data that the trainings share cannot be written"):
            train_all({name: partial(np.sum, MEGABYTES) for name in "ab"}, jobs=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        get_reusable_executor(reuse=True).shutdown()  # its processes have the limit


def test_what_cannot_be_sent_to_another_process_keeps_its_error() -> None:
    unsendable: Any = Lock()
    with pytest.raises(PicklingError) as raised:
        train_all({name: partial(facts, unsendable) for name in "ab"}, jobs=2)
    assert "cannot pickle '_thread.lock' object" in "".join(format_exception(raised.value))


# Functions of a notebook are in __main__, as these: in no module that another process can import.
WAITING = """
import os, signal, sys
from functools import partial
from pathlib import Path
import numpy as np
from lab.jobs import train_all
from lab.script import run_script

class Started:
    def __init__(self, name): self.name = f"{name} {os.getpid()}"

def train(folder, script, sent, X, name):
    signal.alarm(120)  # ends it where the signal does not
    (folder / Started(name).name).touch()
    try:
        (folder.parent / "first").mkdir()
    except FileExistsError:
        os.kill(script, sent)  # now both have started
    signal.pause()

signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background lacks
training = partial(train, Path(sys.argv[1]), os.getpid(), int(sys.argv[2]), np.ones((500, 500)))
run_script(lambda: train_all({name: partial(training, name) for name in "ab"}, jobs=2))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between processes")
@pytest.mark.parametrize(
    ("sent", "code", "line"), [(signal.SIGINT, 130, "\ninterrupted\n"), (signal.SIGTERM, 143, "")]
)
def test_a_signal_ends_all_trainings_at_once_and_leaves_nothing(
    tmp_path: Path, sent: signal.Signals, code: int, line: str
) -> None:
    started, temporary = tmp_path / "started", tmp_path / "a temporary folder"
    started.mkdir()
    temporary.mkdir()
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, str(started), str(int(sent))],
        cwd=ROOT,
        env={**os.environ, **QUIET_TRACKER, "TMPDIR": str(temporary)},
        stderr=subprocess.PIPE,
        text=True,
    ) as script:
        _, printed = script.communicate()
    assert (script.returncode, printed) == (code, line)
    processes = [int(path.name.split()[1]) for path in started.iterdir()]
    assert len(processes) == 2
    assert not any(psutil.pid_exists(process) for process in processes)
    assert list(temporary.iterdir()) == []
    for shared in (f"*loky-{script.pid}-*", f"joblib_memmapping_folder_{script.pid}_*"):
        assert list(Path("/dev/shm").glob(shared)) == []


@pytest.mark.parametrize(
    ("stream", "in_notebook", "shown"),
    [(Terminal(), False, True), (io.StringIO(), False, False), (io.StringIO(), True, True)],
    ids=["terminal", "file", "notebook"],
)
def test_a_bar_is_shown_on_a_terminal_or_in_a_notebook_alone(
    monkeypatch: Patch, stream: io.StringIO, in_notebook: bool, shown: bool
) -> None:
    if in_notebook:
        monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setattr("sys.stderr", stream)
    assert list(progress(range(3), unit="epoch", mininterval=0)) == [0, 1, 2]
    printed = stream.getvalue()
    assert ("3/3" in printed) == bool(printed) == shown
    assert printed.endswith("\r" if shown else "")  # the bar is removed


def test_trainings_side_by_side_show_no_bars_of_their_own(there: Facts) -> None:
    assert [found["bar"] for found in there.values()] == [""] * 3


def process_and_sum(X: np.ndarray) -> tuple[int, float]:
    return os.getpid(), float(X.sum())


@pytest.mark.peer
def test_on_a_dask_cluster_the_results_are_the_same() -> None:
    distributed = pytest.importorskip("distributed")
    runs = {name: partial(process_and_sum, MEGABYTES) for name in ("a", "b")}
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as here,
        distributed.Client(here),
        parallel_config("dask"),
    ):
        found = train_all(runs)
    assert list(found) == ["a", "b"]
    assert {total for _, total in found.values()} == {250_000.0}
    assert os.getpid() not in {process for process, _ in found.values()}
