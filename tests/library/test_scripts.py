"""The scripts: the same results every time, options, and one clean line on a fault."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import types
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import numpy as np
import pytest

import digits
import task2
import task2a
import task3
import task3a
import utils
from digits import Digits
from lab import figures
from lab.assignment import CONFUSION, MISTAKES, TASKS
from lab.files import replacing
from lab.gradient import GradientError
from lab.script import load_data, parse_options, run_script
from lab.trainings import load
from tests.library.conftest import QUIET_TRACKER, FirstRun
from trainer import BaseTrainer

ROOT = Path(__file__).parents[2]
FIGURES = {
    script: [task.figure for task in TASKS if task.figure and task.script == script]
    for script in ("task2.py", "task3.py")
}
FIGURES["task3.py"] += [CONFUSION, MISTAKES]


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Give back what `run_script` changes in this process."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


# What the scripts do.


def test_the_scripts_write_their_figures_runs_and_results_and_say_so(first_run: FirstRun) -> None:
    results = json.loads((first_run.folder / "results.json").read_text())
    assert list(results) == ["task2", "task3"]
    for task, part in results.items():
        assert list(part["files"]) == [*FIGURES[f"{task}.py"], f"{task}_runs.npz"]
        assert (part["data"], part["seed"], part["max_epochs"]) == ("tiny digits", 3, 3)
        for name in part["runs"]:
            assert f"\n{name}: all 3 epochs\n" in first_run.printed
            assert f"\n{name} " in first_run.printed
    for name in first_run.figures:
        assert (first_run.folder / name).read_bytes().startswith(b"\x89PNG")
    assert first_run.printed.count("Gradient check passed") == 2
    assert max(map(len, first_run.printed.split("\nWrote")[0].splitlines())) <= 80


def test_the_figures_of_a_quick_run_are_of_its_trainings_and_say_so(first_run: FirstRun) -> None:
    for figure in first_run.figures.values():
        title = figure.get_suptitle() or figure.axes[0].get_title()
        assert title.endswith("(tiny digits, 3 epochs)")
    runs = load(first_run.folder / "task2_runs.npz")
    curves = first_run.figures["task2e_train_accuracy_shuffle_difference.png"].axes[0].get_lines()
    for name, curve in zip(runs, curves, strict=True):
        accuracies = runs[name].val_history["accuracy"]
        assert {*map(tuple, np.asarray(curve.get_xydata()).tolist())} <= {*accuracies.items()}


def test_the_runs_are_the_trainings_of_the_assignment(published: Path, tiny_digits: Digits) -> None:
    images, runs = utils.load_binary_dataset(2, 3, tiny_digits), load(published / "task2_runs.npz")
    assert list(runs) == ["2b-d, no shuffling", "2e, shuffling"]
    for name, shuffle in zip(runs, (False, True), strict=True):
        training = task2.train(images, shuffle, epochs=3, seed=3, batch_size=16)
        np.testing.assert_array_equal(runs[name].w, training.w)
    images, runs = utils.load_full_mnist(tiny_digits), load(published / "task3_runs.npz")
    assert list(runs) == [f"lambda {value}" for value in (0, 0.001, 0.01, 0.1, 1)]
    for value in (0, 0.001, 0.01, 0.1, 1):
        training = task3.train(images, value, epochs=3, seed=3)
        np.testing.assert_array_equal(runs[f"lambda {value}"].w, training.w)


TASK2 = """
import sys
import numpy
import digits, task2
from lab.script import run_script
data = digits.Digits("tiny digits", **numpy.load(sys.argv.pop(1)))
digits.load = lambda *options: data
task2.BATCH_SIZE = 16
run_script(task2.main)
"""


def test_jobs_threads_and_odd_settings_change_nothing(
    first_run: FirstRun, tiny_digits: Digits, tmp_path: Path
) -> None:
    arrays = {name: value for name, value in vars(tiny_digits).items() if name != "name"}
    np.savez(tmp_path / "data.npz", **arrays)
    settings = ["-OO", "-X", "dev", "-W", "error"]
    options = ["--quick", "--seed", "3", "--jobs", "2", "--out", str(tmp_path / "out")]
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "COLUMNS": "20"}
    odd = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "OPENBLAS_NUM_THREADS": "2"}
    ended = subprocess.run(
        [sys.executable, *settings, "-c", TASK2, str(tmp_path / "data.npz"), *options],
        cwd=ROOT,
        env={**os.environ, **QUIET_TRACKER, **plain, **odd},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.partition("Data:")[2].partition("Wrote")[0] in first_run.printed
    first = json.loads((first_run.folder / "results.json").read_text())
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert results == {"task2": first["task2"]}
    for name in first["task2"]["files"]:
        assert (tmp_path / "out" / name).read_bytes() == (first_run.folder / name).read_bytes()


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch, tiny_digits: Digits) -> None:
    """The data set of every script: 400 images to train on, of 2 and 3 alone in Tasks 2 and 2a."""
    labels = {"train_labels": 2 + tiny_digits.train_labels % 2}
    binary = replace(tiny_digits, **labels, test_labels=2 + tiny_digits.test_labels % 2)
    monkeypatch.setattr(digits, "load", lambda *options: tiny_digits)
    for script in (task2, task2a):
        monkeypatch.setattr(script, "load_data", lambda options: binary)


@pytest.mark.parametrize(
    ("script", "kind", "name"),
    [(task2, "BinaryModel", "forward"), (task3, "SoftmaxModel", "penalty_gradient")],
)
def test_a_wrong_gradient_or_folder_is_reported_before_any_training(
    few: None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: Any, kind: str, name: str
) -> None:
    monkeypatch.setattr(BaseTrainer, "train", lambda self, epochs: pytest.fail("it trained"))
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="file"):
        script.main(["--out", str(tmp_path / "file")])
    right = getattr(getattr(script, kind), name)
    monkeypatch.setattr(getattr(script, kind), name, lambda *arguments: 0.9 * right(*arguments))
    with pytest.raises(GradientError, match="backward is not the gradient of the objective"):
        script.main(["--out", str(tmp_path / "out")])
    assert list((tmp_path / "out").iterdir()) == []


def test_task2a_prints_what_its_pieces_do(
    few: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    task2a.main([])
    assert capsys.readouterr().out == (
        "tiny digits: inputs (100, 785), pixels in [-1, 1], bias 1\n"
        "loss of zero weights 0.693147 (ln 2 = 0.693147)\n"
        "backward agrees with central differences\n"
    )
    forward = task2a.BinaryModel.forward
    monkeypatch.setattr(task2a.BinaryModel, "forward", lambda *X: 0.9 * forward(*X))
    with pytest.raises(GradientError):
        task2a.main([])


def test_task3a_prints_what_its_pieces_do_and_finds_a_wrong_penalty(
    tiny_digits: Digits, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ten = replace(tiny_digits, train_images=tiny_digits.train_images[:10])
    ten = replace(ten, train_labels=tiny_digits.train_labels[:10])
    monkeypatch.setattr(digits, "load", lambda *options: ten)
    monkeypatch.setattr(task3a.SoftmaxModel, "penalty_gradient", lambda self: self.w)
    with pytest.raises(GradientError):
        task3a.main([])
    label = tiny_digits.train_labels[0, 0]
    assert capsys.readouterr().out == (
        f"tiny digits: inputs (10, 785), targets (10, 10), first label {label}\n"
        "loss of zero weights 2.302585 (ln 10 = 2.302585)\n"
        "backward agrees with central differences, lambda = 0\n"
    )


# Options.


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--epochs", "0"),
        ("--epochs", "-1"),
        ("--epochs", "1e9"),
        ("--seed", "-1"),
        ("--seed", "x"),
        ("--seed", str(2**32)),
        ("--data", "cifar"),
    ],
)
def test_a_wrong_option_is_refused(
    capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    with pytest.raises(SystemExit) as exit:
        parse_options(None, [option, value], training=True)
    assert exit.value.code == 2
    assert f"argument {option}" in capsys.readouterr().err


def test_quick_is_at_most_three_epochs() -> None:
    for epochs, trained in (("500", 3), ("2", 2)):
        options = parse_options(None, ["--quick", "--epochs", epochs], training=True)
        assert (options.quick, options.epochs) == (True, trained)
    assert parse_options(None, ["--seed", "0"], training=True).epochs == 500


def test_the_options_name_the_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "load", lambda data="auto", data_dir=None: (data, data_dir))
    for chosen, data in (([], "auto"), (["--data", "mnist"], "mnist"), (["--any-data"], "any")):
        options = parse_options(None, [*chosen, "--data-dir", str(tmp_path)])
        assert load_data(options) == (data, tmp_path)
    with pytest.raises(SystemExit):
        parse_options(None, ["--any-data", "--data", "mnist"])


@pytest.mark.parametrize("script", ["task2a.py", "task2.py", "task3a.py", "task3.py"])
def test_data_mnist_never_falls_back(
    script: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [script, "--data", "mnist"])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    printed = capsys.readouterr()
    assert (exit.value.code, printed.out) == (1, "")
    assert printed.err.startswith(f"{script}: MNIST is not available. Tried:")
    assert "MNIST_DATA_DIR" in printed.err


# How a script ends.


def ends(main: Any) -> int:
    """The exit code of a script with this `main`."""
    with pytest.raises(SystemExit) as exit:
        run_script(main)
    assert isinstance(exit.value.code, int)
    return exit.value.code


@pytest.mark.parametrize(
    ("script", "fault", "line"),
    [
        ("task2.py", FloatingPointError("the loss is nan"), "task2.py: the loss is nan"),
        ("task2.py", NotImplementedError("Task 2a: write it"), "task2.py: Task 2a: write it"),
        ("report/__main__.py", OSError(13, "Denied", "out"), "report: [Errno 13] Denied: 'out'"),
    ],
)
def test_a_fault_ends_with_one_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    script: str,
    fault: Exception,
    line: str,
) -> None:
    def main() -> None:
        raise fault

    monkeypatch.setattr(sys, "argv", [script])
    assert ends(main) == 1
    assert capsys.readouterr() == ("", f"{line}\n")


def test_a_fault_of_the_code_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_script(lambda: print(1 / 0))


@pytest.mark.parametrize(
    ("sent", "code", "line"), [(signal.SIGINT, 130, "\ninterrupted\n"), (signal.SIGTERM, 143, "")]
)
def test_a_signal_ends_a_script_and_leaves_its_files_as_they_were(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], sent: signal.Signals, code: int, line: str
) -> None:
    path = tmp_path / "file.txt"
    path.write_text("whole")

    def main() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            signal.raise_signal(sent)

    assert ends(main) == code
    assert capsys.readouterr().err == line
    assert [one.read_text() for one in tmp_path.iterdir()] == ["whole"]


def test_a_file_appears_when_it_is_whole_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.is_relative_to(path.parent)  # a rename works within one file system
    assert [one.read_text() for one in path.parent.iterdir()] == ["whole"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_leaves_a_figure_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files stands in for the full disk."""
    import resource

    path = tmp_path / "figure.png"
    path.write_bytes(b"whole")
    figure, _ = figures.new("title", "x", "y")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    monkeypatch.setattr(sys, "argv", ["task2.py"])

    def main() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (5_000, limit[1]))  # less than a figure takes
        try:
            figures.save(figure, path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert ends(main) == 1
    assert capsys.readouterr().err == "task2.py: [Errno 27] File too large\n"
    assert [one.read_bytes() for one in tmp_path.iterdir()] == [b"whole"]


def closed_pipe() -> TextIO:
    """The end to write to of a pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "w")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
@pytest.mark.parametrize("characters", [1, 10**6])
def test_a_reader_that_leaves_ends_a_script_in_silence(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, characters: int
) -> None:
    with closed_pipe() as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert ends(lambda: print("a" * characters)) == 128 + signal.SIGPIPE
        output.flush()  # as Python does at exit
    assert capsys.readouterr().err == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_takes_nothing_is_reported_by_the_process_in_one_line() -> None:
    code = "from lab.script import run_script; run_script(lambda: print('a'))"
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": ""},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert ended.returncode == 1
    assert ended.stderr == "-c: [Errno 28] No space left on device\n"


# The backend that a script inherits from a notebook, and that matplotlib may reject.


@pytest.mark.parametrize(
    ("backend", "in_notebook", "left"),
    [
        ("module://of_a_notebook", True, "module://of_a_notebook"),
        ("module://of_a_notebook", False, None),
        ("pdf", False, "pdf"),
    ],
)
def test_a_backend_of_a_notebook_stays_in_it(
    monkeypatch: pytest.MonkeyPatch, backend: str, in_notebook: bool, left: str | None
) -> None:
    monkeypatch.setenv("MPLBACKEND", backend)
    if in_notebook:
        monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    run_script(lambda: None)
    assert os.environ.get("MPLBACKEND") == left


def test_no_script_imports_matplotlib_before_its_backend_is_right() -> None:
    code = (
        "import sys, task2a, task2, task3a, task3, report.__main__, reproduce.__main__\n"
        "import reproduce.theory, reproduce.cs_6685.__main__, benchmarks.__main__\n"
        "sys.exit('matplotlib' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
