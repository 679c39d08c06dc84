"""The scripts: the same results every time, options, and one clean line on a fault."""

import io
import json
import os
import runpy
import subprocess
import sys
import types
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

import digits
import task2
import task2a
import task3
import task3a
import utils
from digits import Digits
from lab.assignment import CONFUSION, MISTAKES, TASKS
from lab.gradient import GradientError
from lab.script import load_data, parse_options, run_script
from lab.trainings import HistoryError, load
from tests.library.conftest import QUIET_TRACKER, Capture, FirstRun, Patch
from trainer import BaseTrainer

ROOT = Path(__file__).parents[2]


def test_the_scripts_write_and_print_what_their_trainings_gave(first_run: FirstRun) -> None:
    results = json.loads((first_run.folder / "results.json").read_text())
    assert list(results) == ["task2", "task3"]
    for task, part in results.items():
        drawn = [one.figure for one in TASKS if one.figure and one.script == f"{task}.py"]
        drawn += [CONFUSION, MISTAKES] if task == "task3" else []
        assert list(part["files"]) == [*drawn, f"{task}_runs.npz"]
        assert [part[name] for name in ("data", "seed", "quick")] == ["tiny digits", 3, True]
        for name in part["runs"]:
            assert f"\n{name}: all 3 epochs\n" in first_run.printed
    for figure in first_run.drawn:
        title = figure.get_suptitle() or figure.axes[0].get_title()
        assert title.endswith("(tiny digits, 3 epochs)")


def test_runs_are_the_trainings_of_the_assignment(first_run: FirstRun, tiny_digits: Digits) -> None:
    binary, full = utils.load_binary_dataset(2, 3, tiny_digits), utils.load_full_mnist(tiny_digits)
    settings: dict[str, Any] = {"epochs": 3, "seed": 3}
    expected = {
        "2b-d, no shuffling": task2.train(binary, False, **settings, batch_size=16),
        "2e, shuffling": task2.train(binary, True, **settings, batch_size=16),
        **{f"lambda {one}": task3.train(full, one, **settings) for one in (0, 0.001, 0.01, 0.1, 1)},
    }
    runs = load(first_run.folder / "task2_runs.npz") | load(first_run.folder / "task3_runs.npz")
    assert list(runs) == list(expected)
    for name, training in expected.items():
        np.testing.assert_array_equal(runs[name].w, training.w)


SCRIPT = """
import digits, task2
from digits.synthetic import synthetic_digits
from lab.script import run_script
images, labels = synthetic_digits(600)
tiny = digits.Digits("tiny digits", images[:400], labels[:400], images[400:], labels[400:])
digits.load = lambda *options: tiny
task2.BATCH_SIZE = 16
run_script(task2.main)
"""


def run(out: Path, closed: str = "", **variables: str) -> tuple[int, str, str]:
    """Run task2.py in a process of its own; return its exit code, its output and its errors."""
    shell = ["sh", "-c", f'exec "$0" "$@" {closed}'] if closed else []
    command = [*shell, sys.executable, "-OO", "-X", "dev", "-W", "error", "-c", SCRIPT]
    command += ["--quick", "--seed", "3", "--jobs", "2", "--out", str(out)]
    environment = {**os.environ, **QUIET_TRACKER, **variables}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    return ended.returncode, ended.stdout, ended.stderr


@pytest.mark.parametrize("closed", ["", "2>&-", "<&- >&- 2>&-"])
def test_settings_change_nothing(first_run: FirstRun, tmp_path: Path, closed: str) -> None:
    """Nor do streams that are closed."""
    if closed and sys.platform == "win32":
        pytest.skip("Windows has no such shell")
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "COLUMNS": "20"}
    odd = {"MPLBACKEND": "module://of_a_notebook", "OPENBLAS_NUM_THREADS": "2"}
    code, printed, errors = run(tmp_path, closed, **plain, **odd)
    assert (code, errors) == (0, "")
    assert (
        closed[:1] == "<"
        or printed.partition("Data:")[2].partition("Wrote")[0] in first_run.printed
    )
    first = json.loads((first_run.folder / "results.json").read_text())
    second = json.loads((tmp_path / "results.json").read_text())
    assert second == {"task2": first["task2"]}  # the digests of the files are the same too


@pytest.mark.parametrize(
    ("variable", "fix"),
    [("MATPLOTLIBRC", "save matplotlibrc as UTF-8"), ("MPLBACKEND", "unset MPLBACKEND")],
)
def test_settings_which_matplotlib_refuses(tmp_path: Path, variable: str, fix: str) -> None:
    path = tmp_path / "matplotlibrc"
    path.write_text("font.size: 9", encoding="utf-16")
    code, printed, errors = run(tmp_path, **{variable: str(path)})
    assert (code, printed) == (1, "")
    assert "matplotlib cannot read its settings: " in errors
    assert str(path) in errors
    assert errors.endswith(f". Likely fix: {fix}.\n")


@pytest.fixture
def ten_digits(monkeypatch: Patch, tiny_digits: Digits) -> None:
    """The scripts find ten images to train on, of 2 and 3 by their labels."""
    train, test = np.array([[3], [2]] * 5, np.uint8), 2 + tiny_digits.test_labels % 2
    images = tiny_digits.train_images[:10]
    ten = replace(tiny_digits, train_images=images, train_labels=train, test_labels=test)
    monkeypatch.setattr(digits, "load", lambda *options: ten)


@pytest.mark.parametrize("script", [task2a, task2, task3a, task3])
@pytest.mark.usefixtures("ten_digits")
def test_a_wrong_gradient_is_reported_before_any_training(
    monkeypatch: Patch, tmp_path: Path, script: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(BaseTrainer, "train", lambda self, epochs: pytest.fail("it trained"))
    forward, gradient = task2a.BinaryModel.forward, task3a.SoftmaxModel.penalty_gradient
    monkeypatch.setattr("task2a.BinaryModel.forward", lambda *given: 0.9 * forward(*given))
    monkeypatch.setattr("task3a.SoftmaxModel.penalty_gradient", lambda self: 0.9 * gradient(self))
    with pytest.raises(GradientError, match="backward is not the gradient of the objective"):
        script.main([])
    assert list(tmp_path.glob("figures/*")) == []


PIECES_2A = """\
tiny digits: inputs (100, 785), pixels in [-1, 1], bias 1
loss of zero weights [0.693147] (ln 2 = 0.693147)
backward agrees with central differences
"""
PIECES_3A = """\
tiny digits: inputs (100, 785), targets (100, 10), first label 3
loss of zero weights [2.302585] (ln 10 = 2.302585)
backward agrees with central differences, lambda = 0
backward agrees with central differences, lambda = 1
"""


@pytest.mark.parametrize(("script", "printed"), [(task2a, PIECES_2A), (task3a, PIECES_3A)])
def test_the_pieces_are_tried_on_the_first_100_images(
    tiny_digits: Digits, monkeypatch: Patch, capsys: Capture, script: Any, printed: str
) -> None:
    """Also where the loss of a student is an array of one element."""
    labels = np.resize(np.array([[3], [2]], np.uint8), (400, 1))
    many = replace(tiny_digits, train_labels=labels, test_labels=labels[:200])
    monkeypatch.setattr(digits, "load", lambda *options: many)
    loss = script.cross_entropy_loss
    monkeypatch.setattr(script, "cross_entropy_loss", lambda *args: np.atleast_1d(loss(*args)))
    tried: list[int] = []
    check = "gradient_approximation_test"  # of 100 images it takes long
    monkeypatch.setattr(script, check, lambda model, X, Y: tried.extend((len(X), len(Y))))
    script.main([])
    assert set(tried) == {100}
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize("script", [task2, task3])
@pytest.mark.usefixtures("ten_digits")
def test_a_wrong_folder_is_reported_before_any_training(tmp_path: Path, script: Any) -> None:
    """Training on these ten images would be another error."""
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError, match="file"):
        script.main(["--out", str(tmp_path / "file")])


def test_a_wrong_option_is_refused(capsys: Capture) -> None:
    wrong = "--epochs 0", "--epochs 1e9", "--seed -1", f"--seed {2**32}", "--any-data --data mnist"
    for options in map(str.split, wrong):
        with pytest.raises(SystemExit, match="2"):
            parse_options(None, options, training=True)
        assert f"argument {options[-2]}" in capsys.readouterr().err


def test_the_options_say_how_many_epochs_and_which_data_set(monkeypatch: Patch) -> None:
    for given, epochs in {"--quick": 3, "--quick --epochs 2": 2, "--seed 0": 500}.items():
        assert parse_options(None, given.split(), training=True).epochs == epochs
    monkeypatch.setattr(digits, "load", lambda *options: options)
    for given, data in {"": "auto", "--data mnist": "mnist", "--any-data": "any"}.items():
        loaded: Any = load_data(parse_options(None, ["--data-dir", "here", *given.split()]))
        assert loaded == (data, Path("here"))


@pytest.mark.parametrize("script", ["task2a.py", "task2.py", "task3a.py", "task3.py"])
def test_data_mnist_never_falls_back(script: str, capsys: Capture, monkeypatch: Patch) -> None:
    monkeypatch.setattr(sys, "argv", [script, "--data", "mnist"])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    printed = capsys.readouterr()
    assert (exit.value.code, printed.out) == (1, "")
    assert printed.err.startswith(f"{script}: MNIST is not available. Tried:")


def exit_code(main: Callable[[], object]) -> Any:
    """The exit code of a script with this `main`."""
    with pytest.raises(SystemExit) as exit:
        run_script(main)  # type: ignore[arg-type]
    return exit.value.code


def test_a_fault_is_one_line_and_a_bug_a_traceback(capsys: Capture, monkeypatch: Patch) -> None:
    kinds = FloatingPointError, NotImplementedError, HistoryError, GradientError, OSError
    for script, name in {"task2.py": "task2.py", "report/__main__.py": "report"}.items():
        monkeypatch.setattr(sys, "argv", [script])
        for kind in kinds:
            assert exit_code(Mock(side_effect=kind("what is wrong"))) == 1
            assert capsys.readouterr() == ("", f"{name}: what is wrong\n")
    with pytest.raises(ZeroDivisionError):
        run_script(Mock(side_effect=ZeroDivisionError))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_takes_nothing_ends_the_script(capsys: Capture, monkeypatch: Patch) -> None:
    """Its reader left, or the disk is full."""
    monkeypatch.setattr(sys, "argv", ["task2.py"])
    reader, writer = os.pipe()
    os.close(reader)
    full = "task2.py: [Errno 28] No space left on device\n"
    for target, code, line in (writer, 141, ""), ("/dev/full", 1, full):
        with open(target, "w") as stream, redirect_stdout(stream):
            assert exit_code(lambda: print("text")) == code
        assert capsys.readouterr().err == line


def test_a_path_that_the_output_cannot_show_does_not_end_a_script() -> None:
    for encoding in ("ascii", "utf-8"):
        stream = io.TextIOWrapper(io.BytesIO(), encoding)
        with redirect_stdout(stream):
            run_script(lambda: print("to t \udcff"))
        stream.seek(0)
        assert stream.read() == "to t \\udcff\n"


def test_a_notebook_keeps_its_backend(monkeypatch: Patch) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://of_a_notebook")
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    run_script(lambda: None)
    assert os.environ["MPLBACKEND"] == "module://of_a_notebook"
