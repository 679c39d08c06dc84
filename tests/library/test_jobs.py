"""Trainings side by side: the same results for any number of processes, and one clean end."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from pickle import PicklingError
from threading import Lock
from traceback import format_exception
from typing import Any

import numpy as np
import pytest
from joblib import parallel_config
from threadpoolctl import threadpool_info, threadpool_limits

import task2
import utils
from digits import Digits
from lab import progress
from lab.assignment import PACKAGES
from lab.jobs import train_all
from lab.script import run_script
from lab.trainings import Training
from tests.library.conftest import QUIET_TRACKER
from trainer import DivergedError

ROOT = Path(__file__).parents[2]
MEGABYTES = np.ones((500, 500))  # large enough to be shared, not copied


def facts(X: np.ndarray) -> dict[str, Any]:
    """What a training finds around it."""
    return {"process": os.getpid(), "shared": isinstance(X, np.memmap), "sum": float(X.sum())}


def fail(message: str) -> None:
    raise DivergedError(message)


def die() -> None:
    os._exit(1)


def test_one_job_is_this_process_and_two_are_others_that_share_the_arrays() -> None:
    runs = {name: partial(facts, MEGABYTES) for name in ("a", "b", "c")}
    here, there = train_all(runs, jobs=1), train_all(runs, jobs=2)
    assert list(here) == list(there) == ["a", "b", "c"]
    assert {found["process"] for found in here.values()} == {os.getpid()}
    assert os.getpid() not in {found["process"] for found in there.values()}
    assert all(found["shared"] for found in there.values())
    assert {found["sum"] for found in (*here.values(), *there.values())} == {250_000.0}


def test_an_array_that_a_training_changes_is_changed_for_it_alone() -> None:
    changed = train_all({name: partial(change, MEGABYTES) for name in range(3)}, jobs=2)
    assert changed == {0: 1.0, 1: 1.0, 2: 1.0}
    assert MEGABYTES.min() == 1


def change(X: np.ndarray) -> float:
    """Return the first value, and change it."""
    first = float(X[0, 0])
    X[0, 0] = -1
    return first


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_in_a_training_is_raised_as_it_is(jobs: int) -> None:
    runs: dict[str, Callable[[], Any]] = {
        "good": partial(facts, MEGABYTES),
        "bad": partial(fail, "the training loss is nan at step 3"),
    }
    with pytest.raises(DivergedError, match=r"^the training loss is nan at step 3$") as raised:
        train_all(runs, jobs)
    traceback = "".join(format_exception(raised.value))
    assert "raise DivergedError(message)" in traceback


def test_a_process_that_is_killed_is_reported_in_one_line() -> None:
    with pytest.raises(OSError, match=r"was killed, possibly out of memory; try --jobs 1"):
        train_all({"a": die, "b": die}, jobs=2)


def test_without_a_number_of_jobs_joblib_decides() -> None:
    runs = {name: partial(facts, MEGABYTES) for name in ("a", "b")}
    assert {found["process"] for found in train_all(runs).values()} == {os.getpid()}
    with parallel_config(n_jobs=2):
        assert os.getpid() not in {found["process"] for found in train_all(runs).values()}


def test_trainings_side_by_side_are_the_same_as_one_after_the_other(tiny_digits: Digits) -> None:
    images = utils.load_binary_dataset(2, 3, tiny_digits)
    runs = {
        seed: partial(task2.train, images, True, epochs=3, seed=seed, batch_size=16)
        for seed in (0, 1)
    }
    one, two = (train_all(runs, jobs) for jobs in (1, 2))
    for seed in (0, 1):
        assert one[seed].w.tobytes() == two[seed].w.tobytes()
        assert one[seed].train_history == two[seed].train_history
    assert one[0].w.tobytes() != one[1].w.tobytes()


TASK3 = """
import sys, digits, task3
from digits.synthetic import synthetic_digits
images, labels = synthetic_digits(1000)
data = digits.Digits("few digits", images[:800], labels[:800], images[800:], labels[800:])
digits.load = lambda *options: data
sys.argv = ["task3.py", "--quick", "--out", *sys.argv[1:]]
task3.main()
"""


def test_figures_and_results_are_the_same_for_any_jobs_and_any_blas_threads(
    tmp_path: Path,
) -> None:
    threads = {"1": None, "2": "1", "4": "2"}
    environment = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    for jobs, number in threads.items():
        command = [sys.executable, "-c", TASK3, str(tmp_path / jobs), "--jobs", jobs]
        limit = {"OPENBLAS_NUM_THREADS": number} if number else {}
        subprocess.run(command, cwd=ROOT, env={**environment, **limit}, check=True)
    first, *others = (
        {path.name: path.read_bytes() for path in (tmp_path / jobs).iterdir()} for jobs in threads
    )
    assert len(first) == 9
    for other in others:
        assert {name for name in first if first[name] != other.get(name)} == set()


IN_A_NOTEBOOK = """
from functools import partial
from pathlib import Path
from lab.jobs import train_all

class Doubled:  # in no module that another process could import
    def __init__(self, value): self.value = 2 * value

def train(value): return Doubled(value).value

print(train_all({"a": partial(train, 1), "b": partial(train, 2)}, jobs=2), Path("data").exists())
"""


def test_functions_of_a_notebook_and_folders_with_spaces_work(tmp_path: Path) -> None:
    """A notebook's functions are in __main__, which has no file."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    for package in PACKAGES:
        (folder / package).symlink_to(ROOT / package)
    (folder / "data").touch()
    ended = subprocess.run(
        [sys.executable, "-c", IN_A_NOTEBOOK],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == "{'a': 2, 'b': 4} True\n"
    assert ended.stderr == ""


WAITING = """
import os, signal, sys
from functools import partial
from pathlib import Path
from lab.jobs import train_all
from lab.script import run_script

def train(folder, name):
    (folder / f"{name} {os.getpid()}").touch()
    if len(list(folder.iterdir())) == 2:
        os.kill(int(sys.argv[2]), int(sys.argv[1]))
    signal.pause()

signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background lacks
folder = Path(sys.argv[1])
sys.argv[1:] = [sys.argv[2], str(os.getpid())]
run_script(lambda: train_all({name: partial(train, folder, name) for name in "ab"}, jobs=2))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between processes")
@pytest.mark.parametrize(
    ("sent", "code", "line"), [(signal.SIGINT, 130, "\ninterrupted\n"), (signal.SIGTERM, 143, "")]
)
def test_a_signal_ends_all_trainings_at_once(
    tmp_path: Path, sent: signal.Signals, code: int, line: str
) -> None:
    started = tmp_path / "started"
    started.mkdir()
    command = [sys.executable, "-c", WAITING, str(started), str(int(sent))]
    environment = {**os.environ, **QUIET_TRACKER, "TMPDIR": str(tmp_path)}
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert (ended.returncode, ended.stderr) == (code, line)
    processes = [int(path.name.split()[1]) for path in started.iterdir()]
    assert len(processes) == 2
    for process in processes:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)
    assert [path.name for path in tmp_path.iterdir()] == ["started"]


ENDED = """
import os, signal
from functools import partial
import numpy as np
from lab.jobs import train_all

def die(X):
    os.abort()

X = np.ones((500, 500))
train_all({name: partial(die, X) for name in "ab"}, jobs=2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_no_space_for_the_shared_data_is_reported_in_one_line(tmp_path: Path) -> None:
    import resource

    limit = 10**6, 10**6  # bytes; the array takes two million
    ended = subprocess.run(
        [sys.executable, "-c", ENDED],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path), "JOBLIB_TEMP_FOLDER": str(tmp_path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr.splitlines()[-1].startswith(
        "OSError: the data that the trainings share cannot be written"
    )
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_sent_to_another_process_keeps_its_error() -> None:
    unsendable: Any = Lock()
    with pytest.raises(PicklingError) as raised:
        train_all({name: partial(facts, unsendable) for name in "ab"}, jobs=2)
    assert "cannot pickle '_thread.lock' object" in "".join(format_exception(raised.value))


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("stream", "shown"), [(Terminal(), "3/3"), (io.StringIO(), "")])
def test_a_bar_is_shown_on_a_terminal_alone(
    monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, shown: str
) -> None:
    monkeypatch.setattr("sys.stderr", stream)
    assert list(progress.progress(range(3), unit="epoch", mininterval=0)) == [0, 1, 2]
    printed = stream.getvalue()
    assert shown in printed
    assert printed.endswith("\r" if shown else "")  # the bar is removed
    assert bool(printed) == bool(shown)


def a_training(steps: int) -> Training:
    validations = {0: 0.5}
    losses = dict.fromkeys(range(steps), 1.0)
    histories = {"loss": losses, "accuracy": validations}, {"loss": validations}
    return Training(np.zeros(1), *histories, 4, 31, 5)


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_training_is_printed_when_it_ends_with_its_name(
    capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    runs = {value: partial(a_training, steps) for value, steps in ((0.5, 124), (1, 95))}
    train_all(runs, jobs, label="lambda {:g}")
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "lambda 0.5: all 4 epochs",
        "lambda 1: early stop at epoch 3, step 94",
    ]


def blas_threads() -> set[int]:
    libraries = threadpool_info()  # NumPy's, and others that a test has loaded
    return {one["num_threads"] for one in libraries if "numpy" in one["filepath"]}


def test_a_script_and_its_trainings_have_one_blas_thread_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    found: list[set[int]] = []
    with threadpool_limits(2):
        if blas_threads() != {2}:
            pytest.skip("NumPy has no BLAS library of its own here")
        run_script(lambda: found.append(blas_threads()))
        assert blas_threads() == {2}
    found += train_all(dict.fromkeys("ab", blas_threads), jobs=2).values()
    assert found == [{1}, {1}, {1}]


@pytest.mark.peer
def test_on_a_dask_cluster_the_results_are_the_same() -> None:
    distributed = pytest.importorskip("distributed")
    runs = {name: partial(facts, MEGABYTES) for name in ("a", "b")}
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as here,
        distributed.Client(here),
        parallel_config("dask"),
    ):
        found = train_all(runs)
    assert list(found) == ["a", "b"]
    assert {one["sum"] for one in found.values()} == {250_000.0}
    assert os.getpid() not in {one["process"] for one in found.values()}
