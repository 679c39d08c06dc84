"""Trainings side by side: the same results for any number of processes, and one clean end."""

import io
import os
import signal
import struct
import subprocess
import sys
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event
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
from tests.library.conftest import QUIET_TRACKER, Patch
from trainer import DivergedError

ROOT = Path(__file__).parents[2]
MEGABYTES = np.ones((500, 500))  # large enough to be shared, not copied


def facts(X: np.ndarray) -> dict[str, Any]:
    """What a training finds around it; then it changes its images."""
    found = {
        "process": os.getpid(),
        "threads": blas_threads(),
        "shared": isinstance(X, np.memmap),
        "sum": X.sum(),
        "line": progress(X) is not X,
    }
    X[0, 0] = -1
    return found


def blas_threads() -> set[int]:
    libraries = threadpool_info()  # NumPy's, and others that a test has loaded
    return {one["num_threads"] for one in libraries if "numpy" in one["filepath"]}


@pytest.mark.parametrize(
    ("variable", "folder", "shared"),
    [
        ("JOBLIB_TEMP_FOLDER", "a temporary folder", True),
        ("JOBLIB_TEMP_FOLDER", "long/" * 70, False),
        ("TMPDIR", "t ü", False),
    ],
)
def test_two_jobs_are_processes_that_share_images_and_end(
    tmp_path: Path, monkeypatch: Patch, variable: str, folder: str, shared: bool
) -> None:
    """They end so that the next ones import what is edited in the meantime."""
    temporary = tmp_path / folder
    temporary.mkdir(parents=True)
    monkeypatch.setenv(variable, str(temporary))
    monkeypatch.setattr("tempfile.tempdir", None)  # which is read once
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "2")
    found = train_all({name: partial(facts, MEGABYTES) for name in "abc"}, jobs=2)
    for one in found.values():
        assert one.pop("process") not in {os.getpid(), *psutil.pids()}
        assert one.pop("threads") <= {1}
        assert one == {"shared": shared, "sum": 250_000, "line": False}
    assert MEGABYTES.min() == 1
    assert list(temporary.iterdir()) == []


def test_a_script_and_its_trainings_in_this_process_have_one_blas_thread() -> None:
    found: list[set[int]] = []
    with threadpool_limits(2):
        if blas_threads() != {2}:
            pytest.skip("this NumPy's BLAS is not one whose threads can be limited")
        run_script(lambda: found.append(blas_threads()))
        for jobs in (1, None):
            assert train_all({"a": os.getpid}, jobs) == {"a": os.getpid()}
            found += train_all({"a": blas_threads}, jobs).values()
    assert all(one <= {1} for one in found)


def test_the_results_have_the_order_and_the_names_of_the_trainings() -> None:
    """Without a number of jobs, joblib's settings hold: here two threads; the second ends first."""
    second_is_at_work = Event()
    trainings: dict[str, Callable[[], Any]] = {
        "a": partial(second_is_at_work.wait, 120),
        "b": second_is_at_work.set,
    }
    with parallel_config("threading", n_jobs=2):
        assert list(train_all(trainings).items()) == [("a", True), ("b", None)]


def fail() -> None:
    raise DivergedError("the training loss is nan at step 3")


def die() -> None:
    os._exit(1)


@pytest.mark.parametrize(
    ("training", "error", "line"),
    [
        (fail, DivergedError, "^the training loss is nan at step 3$"),
        (die, OSError, "was killed, possibly out of memory; try --jobs 1"),
    ],
)
def test_one_end_ends_all(training: Callable[[], None], error: type[Exception], line: str) -> None:
    with pytest.raises(error, match=line):
        train_all({"good": os.getpid, "bad": training}, jobs=2)


def test_no_space_for_the_shared_data_is_one_line(tmp_path: Path, monkeypatch: Patch) -> None:
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


# As in a notebook, the function is in __main__: in no module that another process can import.
WAITING = """
import os, signal, sys
from functools import partial
from pathlib import Path
import numpy as np
from lab.jobs import train_all
from lab.script import run_script

def train(folder, script, sent, X):
    signal.alarm(120)  # ends it where the signal does not
    (folder / str(os.getpid())).touch()
    try:
        (folder.parent / "first").mkdir()
    except FileExistsError:
        os.kill(script, sent)  # now both have started
    signal.pause()

signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background lacks
training = partial(train, Path(sys.argv[1]), os.getpid(), int(sys.argv[2]), np.ones((500, 500)))
run_script(lambda: train_all(dict.fromkeys("ab", training), jobs=2))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals between processes")
@pytest.mark.parametrize(
    ("sent", "code", "line"), [(signal.SIGINT, 130, "\ninterrupted\n"), (signal.SIGTERM, 143, "")]
)
def test_a_signal_ends_all(tmp_path: Path, sent: signal.Signals, code: int, line: str) -> None:
    before = {*Path("/dev/shm").glob("*")}  # of processes that were killed
    started, temporary = tmp_path / "started", tmp_path / "a temporary folder"
    started.mkdir()
    temporary.mkdir()
    command = [sys.executable, "-c", WAITING, str(started), str(int(sent))]
    env = {**os.environ, **QUIET_TRACKER, "TMPDIR": str(temporary)}
    with subprocess.Popen(command, cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True) as script:
        _, printed = script.communicate()
    assert (script.returncode, printed) == (code, line)
    processes = [int(path.name) for path in started.iterdir()]
    assert len(processes) == 2
    assert not any(psutil.pid_exists(process) for process in processes)
    assert list(temporary.iterdir()) == []
    for shared in (f"*loky-{script.pid}-*", f"joblib_memmapping_folder_{script.pid}_*"):
        assert {*Path("/dev/shm").glob(shared)} <= before


def three_epochs() -> int:
    return sum(progress(range(3)))


def test_one_line_counts_trainings_fits_the_terminal_and_is_removed(monkeypatch: Patch) -> None:
    termios = pytest.importorskip("termios", reason="Windows has no such terminals")
    fcntl = pytest.importorskip("fcntl")
    reader, writer = os.openpty()

    def resize(columns: int) -> None:
        fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))

    with open(writer, "w") as terminal, open(reader, "rb", buffering=0) as screen:
        monkeypatch.setattr("sys.stderr", terminal)
        resize(80)
        trainings: dict[str, Callable[[], Any]] = {"a": three_epochs, "b": partial(resize, 20)}
        assert train_all(trainings, jobs=1) == {"a": 3, "b": None}
        print("end", end="", file=terminal, flush=True)
        printed = b""
        while not printed.endswith(b"end"):  # a terminal hands on in pieces what it gets
            printed += screen.read(4096)
    *shown, removed, end = printed.decode().split("\r")
    assert (removed.strip(), end) == ("", "end")
    assert any("1 of 2 trainings done, 0" in text for text in shown)
    assert not any("epochs" in text or "\n" in text for text in shown)
    assert len(shown[-1].rstrip()) < 20


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "in_notebook"), [(Terminal, False), (io.StringIO, False), (io.StringIO, True)]
)
def test_a_line_is_shown_on_a_terminal_or_in_a_notebook_alone(
    monkeypatch: Patch, stream: type[io.StringIO], in_notebook: bool
) -> None:
    monkeypatch.setattr("sys.stderr", shown := stream())
    if in_notebook:
        monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    assert list(progress(range(3))) == [0, 1, 2]
    assert ("epochs: 3, " in shown.getvalue()) == (stream is Terminal or in_notebook)


@pytest.mark.peer
def test_trainings_run_on_a_dask_cluster() -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as here,
        distributed.Client(here),
        parallel_config("dask"),
    ):
        found = train_all(dict.fromkeys("ab", os.getpid))
    assert list(found) == ["a", "b"]
    assert os.getpid() not in found.values()
