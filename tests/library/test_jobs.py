"""Trainings side by side: the same results for any number of processes, and one clean end."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import time
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
from tqdm import tqdm

import task2
import utils
from digits import Digits
from lab import progress
from lab.assignment import PACKAGES
from lab.jobs import train_all
from lab.progress import Standing
from lab.trainings import fit
from task2a import BinaryModel
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


def file_of(X: Any) -> Path:
    return Path(str(X.filename))


def test_each_call_shares_its_data_in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder of an earlier call has no lock any more: another program would remove it."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    files: list[Path] = []
    for _ in range(2):
        calls = {name: partial(file_of, MEGABYTES) for name in "ab"}
        files += set(train_all(calls, jobs=2).values())
        assert list(tmp_path.iterdir()) == []
    first, second = (file.relative_to(tmp_path).parts[0] for file in files)
    assert first != second


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
    assert traceback.count("parallel.py") <= 4


def test_a_process_that_is_killed_is_told_in_one_line() -> None:
    with pytest.raises(OSError, match=r"ended from outside.* Likely fix: --jobs 1"):
        train_all({"a": die, "b": die}, jobs=2)


def test_without_a_number_of_jobs_joblib_decides() -> None:
    runs = {name: partial(facts, MEGABYTES) for name in ("a", "b")}
    assert {found["process"] for found in train_all(runs).values()} == {os.getpid()}
    with parallel_config(n_jobs=2):
        assert os.getpid() not in {found["process"] for found in train_all(runs).values()}


def test_trainers_trained_side_by_side_are_trained_as_one_after_the_other(
    tiny_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the settings of this process, even those that were changed after the import."""
    monkeypatch.setattr(task2, "BATCH_SIZE", 16)
    images = utils.load_binary_dataset(2, 3, tiny_digits)
    trainers = [[task2.make_trainer(images, True, seed) for seed in (0, 1)] for _ in range(2)]
    one, two = (
        train_all({s: partial(fit, some[s], 3, task2.prepare) for s in (0, 1)}, jobs)
        for jobs, some in enumerate(trainers, 1)
    )
    assert all(trainer.X_train is images.X_train for some in trainers for trainer in some)
    for seed in (0, 1):
        assert one[seed].w.tobytes() == two[seed].w.tobytes()
        assert one[seed].train_history == two[seed].train_history
        assert one[seed].stop == two[seed].stop
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
from lab import progress
from lab.jobs import train_all

class Doubled:  # in no module that another process could import
    def __init__(self, value): self.value = 2 * value

def train(value): return Doubled(value).value

print(train_all({"a": partial(train, 1), "b": partial(train, 2)}, jobs=2), Path("data").exists())
"""


def test_functions_of_a_notebook_and_folders_with_spaces_work(tmp_path: Path) -> None:
    """A notebook's functions stand in __main__, which has no file."""
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
from lab import progress
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


KILLED = """
import os, signal
from functools import partial
import numpy as np
from lab.jobs import train_all

def die(X):
    os.killpg(0, signal.SIGKILL)

X = np.ones((500, 500))
train_all({name: partial(die, X) for name in "ab"}, jobs=2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no groups of processes")
def test_what_killed_trainings_left_is_removed_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed all at once, so that none of their processes can clean up."""
    command = [sys.executable, "-c", KILLED]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, start_new_session=True, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert [path.suffix for path in tmp_path.iterdir()] == [".locked"]
    assert [path.suffix for path in tmp_path.glob("*/*/*")] == [".pkl"]  # the shared array
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    train_all({"a": partial(facts, MEGABYTES)}, jobs=1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_folder_without_space_for_the_shared_data_is_told_in_one_line(tmp_path: Path) -> None:
    import resource

    limit = 10**6, 10**6  # bytes; the array takes two million
    ended = subprocess.run(
        [sys.executable, "-c", KILLED.replace("killpg(0, signal.SIGKILL)", "abort()")],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.stderr.splitlines()[-1] == (
        f"OSError: {tmp_path} cannot take the data that the trainings share: no space left perhaps."
        " Likely fix: --jobs 1, or another folder in TMPDIR."
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

    def lines(self) -> list[str]:
        return [line.strip() for line in self.getvalue().split("\r") if line.strip()]


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
    bar: Any = partial(tqdm, file=stream)
    bar.write = partial(tqdm.write, file=stream)
    monkeypatch.setattr("lab.progress.tqdm", bar)
    return stream


def test_a_training_shows_its_epoch_and_its_loss_on_a_terminal(terminal: Terminal) -> None:
    for epoch in progress.epochs(3, {0: 0.9, 1: 0.25}):
        assert epoch < 3
    assert terminal.lines()[-1].endswith("] epoch 3, validation loss 0.2500")
    assert "?" not in terminal.getvalue()  # no time left, which early stopping would make false


def test_a_reported_training_writes_no_line_of_its_own(terminal: Terminal) -> None:
    reported: list[Standing] = []
    with progress.reporting_to(reported.append):
        assert list(progress.epochs(2, {0: 0.5})) == [0, 1]
        progress.early_stop(2, 60, 0.4)
    assert reported == [Standing(1, 0.5), Standing(2, 0.5), Standing(2, 0.4, 60)]
    assert terminal.getvalue() == ""


def test_an_early_stop_is_printed_when_it_happens_and_the_line_goes_on_below(
    terminal: Terminal,
) -> None:
    for epoch in progress.epochs(3, {0: 0.25}):
        if epoch == 1:
            progress.early_stop(1, 38, 0.25)
    shown, stopped, *others = terminal.lines()[1:]
    assert shown.endswith("] epoch 1, validation loss 0.2500")
    assert stopped == "early stop at epoch 1, step 38"
    assert others[-1].endswith("] epoch 3, validation loss 0.2500")


@pytest.mark.parametrize("jobs", [1, 2])
def test_side_by_side_each_early_stop_is_printed_with_the_name_of_its_training(
    capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    def train(step: int | None) -> None:
        for epoch in progress.epochs(4, {0: 0.25}):
            if epoch == 3 and step is not None:
                progress.early_stop(3, step, 0.25)
                break

    train_all({f"lambda {step}": partial(train, step) for step in (31, 62, 0, None)}, jobs)
    assert sorted(capsys.readouterr().out.splitlines()) == [
        "lambda 0: early stop at epoch 3, step 0",
        "lambda 31: early stop at epoch 3, step 31",
        "lambda 62: early stop at epoch 3, step 62",
    ]


def test_an_early_stop_side_by_side_does_not_wait_for_the_others(terminal: Terminal) -> None:
    """The second training waits for the stop of the first to be on the terminal."""
    said = "a: early stop at epoch 3, step 31\n"
    end = time.monotonic() + 20

    def stop() -> None:
        progress.early_stop(3, 31, 0.25)

    def wait() -> None:
        while said not in terminal.getvalue():
            assert time.monotonic() < end

    train_all({"a": stop, "b": wait}, jobs=1)


def test_one_line_says_how_many_trainings_are_done_and_where_another_stands(
    terminal: Terminal,
) -> None:
    def until_shown(text: str) -> None:
        for _ in progress.epochs(1, {0: 0.25}):
            pass
        while text not in terminal.getvalue():
            pass

    runs = {f"seed {i}": partial(until_shown, f"{i} of 2 done; seed {i}:") for i in (0, 1)}
    train_all(runs, jobs=1, epochs=1)
    assert "seed 1: epoch 1, validation loss 0.2500" in terminal.getvalue()


class Watching(BinaryModel):
    """Notes the BLAS threads with which its outputs are computed."""

    def forward(self, X: np.ndarray) -> np.ndarray:
        libraries = threadpool_info()  # NumPy's, and others that a test has loaded
        seen.update(one["num_threads"] for one in libraries if "numpy" in one["filepath"])
        return super().forward(X)


seen: set[int] = set()


def test_a_training_has_one_blas_thread_whatever_the_environment_says() -> None:
    X, Y = np.zeros((4, 3), np.float32), np.zeros((4, 1))
    trainer = task2.LogisticTrainer(Watching(), 0.1, 2, False, X, Y, X, Y)
    trainer.model.w = np.zeros((3, 1), np.float32)
    with threadpool_limits(2):
        trainer.model.forward(X)
        if seen != {2}:
            pytest.skip("NumPy has no BLAS library of its own here")
        predict = partial(utils.predict, trainer.model, X)
        for work in (partial(trainer.train, 1), predict, trainer.check_gradient):
            seen.clear()
            work()
            assert seen == {1}
        trainer.model.forward(X)
        assert seen == {1, 2}


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
