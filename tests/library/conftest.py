"""Small data sets, and a web server on this machine, for the tests of the library."""

import functools
import gzip
import hashlib
import http.server
import io
import os
import signal
import struct
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import Mock

import hypothesis
import numpy as np
import pytest
from matplotlib.figure import Figure

import digits
import task2
import task3
from digits import Digits, files
from digits.synthetic import synthetic_digits
from lab import figures

# the same examples every time, and no limit to their time on a busy machine
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.load_profile("same")

# In the background, a shell has a process and its children ignore Ctrl-C; the tests send it.
signal.signal(signal.SIGINT, signal.default_int_handler)

Capture = pytest.CaptureFixture[str]
Log = pytest.LogCaptureFixture
Patch = pytest.MonkeyPatch
Serve = Callable[..., str]

# grading needs POSIX: limits on processes, named pipes, bash
OF_GRADING = ["test_grade*.py", "test_submission.py"]  # test_gradescope.py too
collect_ignore_glob = OF_GRADING if sys.platform == "win32" else []

# joblib's tracker may report a lock that is just being removed as left over
QUIET_TRACKER = {"PYTHONWARNINGS": "ignore:resource_tracker:UserWarning"}

NAMES = tuple(files.ORIGINALS)


def idx_bytes(array: np.ndarray) -> bytes:
    """Encode an array of bytes, uint8 or int8, in the IDX format."""
    kind = {"u": 8, "i": 9}[array.dtype.kind]
    return struct.pack(f">HBB{array.ndim}I", 0, kind, array.ndim, *array.shape) + array.tobytes()


def original(raw: bytes) -> files.Original:
    return files.Original(len(raw), hashlib.sha256(raw).hexdigest())


# four small files with the names of the MNIST files: their raw bytes, and what they must hold
images = np.random.default_rng(0).integers(3, size=(22, 28, 28), dtype=np.uint8)
labels = np.arange(12, dtype=np.uint8) % 10
arrays = images[:12], labels, images[12:], labels[:10]
SMALL = {name: idx_bytes(array) for name, array in zip(NAMES, arrays, strict=True)}
ORIGINALS = {name: original(raw) for name, raw in SMALL.items()}


def lay_out(contents: dict[str, bytes], folder: Path, layout: str = "{name}.gz") -> Path:
    """Write files, where the layout ends in .gz gzip-compressed, and return their folder."""
    for name, raw in contents.items():
        path = folder / layout.format(name=name, dotted=name.replace("-idx", ".idx"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return folder


@pytest.fixture
def small_folder(tmp_path: Path) -> Path:
    """A folder with the four small files, gzip-compressed."""
    return lay_out(SMALL, tmp_path / "small")


@pytest.fixture(autouse=True)
def no_data_by_accident(monkeypatch: Patch, tmp_path: Path) -> None:
    """Keep every test away from the user's MNIST files and cache, and from the network."""
    monkeypatch.delenv("MNIST_DATA_DIR", raising=False)
    monkeypatch.setenv("MNIST_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("MNIST_MIRRORS", "http://127.0.0.1:1/")
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def unmeasured() -> Iterator[None]:
    """Let processes run without coverage: in copies of the project there is nothing to measure."""
    with Patch.context() as patch:
        patch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
        yield


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def serve(monkeypatch: Patch) -> Iterator[Serve]:
    """A function that serves a folder (or a handler's answers) on loopback: it returns the URL."""
    monkeypatch.setattr("digits.mirrors.TIMEOUTS", (120, 120))  # the machine may be busy
    servers = []

    def start(folder: Path | None = None, handler: Any = QuietHandler) -> str:
        factory = functools.partial(handler, directory=str(folder)) if folder else handler
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), factory)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}/"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="session")
def tiny_digits() -> Digits:
    """400 synthetic digits to train on, 200 to validate on."""
    images, labels = synthetic_digits(600)
    return Digits("tiny digits", images[:400], labels[:400], images[400:], labels[400:])


class FirstRun(NamedTuple):
    """What the scripts write, print and draw."""

    folder: Path
    printed: str
    drawn: list[Figure]


@pytest.fixture(scope="session")
def first_run(tiny_digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> FirstRun:
    """One run of task2.py and task3.py with --quick --seed 3 on the tiny digits."""
    folder, printed = tmp_path_factory.mktemp("first_run"), io.StringIO()
    save = Mock(wraps=figures.save)
    with Patch.context() as patch, redirect_stdout(printed):
        patch.setattr(digits, "load", lambda data, data_dir: tiny_digits)
        patch.setattr(task2, "BATCH_SIZE", 16)  # there are few images of 2 and 3
        patch.setattr(figures, "save", save)
        for script in (task2, task3):
            script.main(["--quick", "--seed", "3", "--jobs", "1", "--out", str(folder)])
    drawn = [call.args[0] for call in save.call_args_list]
    return FirstRun(folder, printed.getvalue(), drawn)


@pytest.fixture(scope="session")
def mnist_folder() -> Path:
    """The folder with the real MNIST files; without it the test is skipped."""
    folder = Path(os.environ.get("MNIST_DATA_DIR", "missing"))
    if not all((folder / f"{name}.gz").exists() for name in NAMES):
        pytest.skip("the MNIST files are missing: MNIST_DATA_DIR names no folder with all four")
    return folder
