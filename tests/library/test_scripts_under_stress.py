"""Scripts under stress: signals in every phase, a full disk, a narrow terminal, odd settings."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.library.conftest import QUIET_TRACKER

ROOT = Path(__file__).parents[2]
Script = Callable[..., subprocess.CompletedProcess[str]]

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals and limits")

# task2.py on few digits. At the start of a phase, it sends itself a signal.
SCRIPT = """
import os, signal, sys
import matplotlib.figure, numpy
import digits, task2, trainer
from digits.synthetic import synthetic_digits
from lab.script import run_script

signal.signal(signal.SIGINT, signal.default_int_handler)  # which a process in the background lacks
phase, sent = sys.argv[1], int(sys.argv[2])
sys.argv[:3] = ["task2.py"]

def hit(owner, name, when=lambda *arguments: True):
    function = getattr(owner, name)
    def hit(*arguments, **options):
        if when(*arguments):
            if phase.startswith("saving"):
                with open(arguments[0 if owner is numpy else 1], "wb") as half:
                    half.write(b"half")
            os.kill(os.getpid(), sent)
        return function(*arguments, **options)
    setattr(owner, name, hit)

images, labels = synthetic_digits(600)
data = digits.Digits("few digits", images[:400], labels[:400], images[400:], labels[400:])
digits.load = lambda *options: data
task2.BATCH_SIZE = 16
if phase == "loading":
    hit(digits, "load")
elif phase == "training":
    hit(trainer.BaseTrainer, "should_stop")
elif phase == "training side by side":
    task2.LEARNING_RATE = 1e-4  # it would take hours
    train, parent = task2.train, os.getpid()
    def train_and_send(images, shuffle, *settings):
        if shuffle:
            os.kill(parent, sent)
        return train(images, shuffle, *settings)
    task2.train = train_and_send
elif phase == "saving a figure":
    hit(matplotlib.figure.Figure, "savefig")
elif phase == "saving the runs":
    hit(numpy, "savez")
run_script(task2.main)
"""
PHASES = {
    "loading": ["--jobs", "1"],
    "training": ["--jobs", "1"],
    "training side by side": ["--jobs", "2", "--epochs", "1000000"],
    "saving a figure": ["--jobs", "1", "--epochs", "2"],
    "saving the runs": ["--jobs", "2", "--epochs", "2"],
}


@pytest.fixture
def out(tmp_path: Path, published: Path) -> Path:
    """A folder with the results of an earlier run."""
    return shutil.copytree(published, tmp_path / "out")


@pytest.fixture
def script(tmp_path: Path, out: Path) -> Script:
    """A function that runs task2.py on few digits; its temporary files have a folder of their own.

    Nothing may be left: no process, no temporary file, no shared memory, no half file.
    """
    temporary = tmp_path / "temporary"
    temporary.mkdir()

    def run(
        phase: str,
        sent: int,
        *options: str,
        python: tuple[str, ...] = (),
        prepare: Callable[[], None] | None = None,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *python, "-c", SCRIPT, phase, str(sent), "--out", str(out)]
        environment = {**os.environ, **QUIET_TRACKER, "TMPDIR": str(temporary), **environment}
        pipe = subprocess.PIPE
        with subprocess.Popen(
            [*command, *options],
            cwd=ROOT,
            env=environment,
            stdout=pipe,
            stderr=pipe,
            text=True,
            preexec_fn=prepare,
        ) as process:
            stdout, stderr = process.communicate(timeout=100)
        left = [one for one in psutil.process_iter() if uses(one, temporary)]
        assert psutil.wait_procs(left, timeout=10)[1] == []
        assert list(temporary.iterdir()) == []
        assert list(Path("/dev/shm").glob(f"*loky-{process.pid}-*")) == []
        for path in out.iterdir():
            ends = {".png": b"IEND\xaeB`\x82", ".npz": b"\0\0", ".json": b"}\n"}
            assert path.read_bytes().endswith(ends[path.suffix])
        json.loads((out / "results.json").read_text())
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    return run


def uses(process: psutil.Process, temporary: Path) -> bool:
    try:
        return process.environ().get("TMPDIR") == str(temporary)
    except psutil.Error:
        return False


@posix
@pytest.mark.parametrize(
    ("sent", "code", "line"), [(signal.SIGINT, 130, "\ninterrupted\n"), (signal.SIGTERM, 143, "")]
)
@pytest.mark.parametrize("phase", PHASES)
def test_a_signal_ends_the_script_cleanly_in_every_phase(
    script: Script, out: Path, phase: str, sent: signal.Signals, code: int, line: str
) -> None:
    before = {path: path.read_bytes() for path in out.iterdir()}
    ended = script(phase, sent, *PHASES[phase])
    assert (ended.returncode, ended.stderr) == (code, line)
    if phase != "saving the runs":  # there the figures are new already, and whole
        assert {path: path.read_bytes() for path in out.iterdir()} == before


@posix
def test_a_full_disk_is_reported_in_one_line_and_leaves_the_files_as_they_were(
    script: Script, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files stands in for the full disk."""
    import resource

    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)  # whose own file is too large
    before = {path: path.read_bytes() for path in out.iterdir()}
    limit = 10_000  # bytes, less than a figure takes
    ended = script(
        "",
        0,
        *PHASES["saving a figure"],
        prepare=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit)),
    )
    assert (ended.returncode, ended.stderr) == (1, "task2.py: [Errno 27] File too large\n")
    assert {path: path.read_bytes() for path in out.iterdir()} == before


@pytest.mark.parametrize(
    ("python", "environment"),
    [
        ((), {"COLUMNS": "20", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}),
        (("-W", "error", "-X", "dev"), {}),
        (("-OO",), {}),
    ],
    ids=["20 columns, LANG=C", "-W error -X dev", "-OO"],
)
def test_odd_settings_change_nothing(
    script: Script, out: Path, python: tuple[str, ...], environment: dict[str, str]
) -> None:
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    ended = script("", 0, "--jobs", "2", "--quick", "--seed", "3", python=python, **environment)
    assert (ended.returncode, ended.stderr) == (0, "")
    after = {path.name: path.read_bytes() for path in out.iterdir()}
    assert after["task2_runs.npz"] == before["task2_runs.npz"]
    assert after != before  # the figures name other data
