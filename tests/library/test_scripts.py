"""The scripts: the same results every time, options, and one clean line on a fault."""

from __future__ import annotations

import json
import os
import runpy
import signal
import subprocess
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import digits
import task2
import task2a
import task3
import task3a
import utils
from digits import Digits
from digits.files import replacing
from lab import figures
from lab.assignment import CONFUSION, MISTAKES, TASKS
from lab.gradient import GradientError
from lab.script import load_data, parse_options, run_script
from lab.trainings import load
from tests.library.conftest import QUIET_TRACKER, FirstRun
from trainer import BaseTrainer

Capture = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch

ROOT = Path(__file__).parents[2]


def test_the_scripts_write_and_print_what_their_trainings_gave(first_run: FirstRun) -> None:
    results = json.loads((first_run.folder / "results.json").read_text())
    assert list(results) == ["task2", "task3"]
    for task, part in results.items():
        drawn = [one.figure for one in TASKS if one.figure and one.script == f"{task}.py"]
        drawn += [CONFUSION, MISTAKES] if task == "task3" else []
        assert list(part["files"]) == [*drawn, f"{task}_runs.npz"]
        settings = [part[name] for name in ("data", "seed", "max_epochs", "quick")]
        assert settings == ["tiny digits", 3, 3, True]
        for name in part["runs"]:
            assert f"\n{name}: all 3 epochs\n" in first_run.printed
            assert f"\n{name} " in first_run.printed
    assert first_run.printed.count("Gradient check passed") == 2
    assert max(map(len, first_run.printed.split("\nWrote")[0].splitlines())) <= 80
    for name, figure in first_run.figures.items():
        assert (first_run.folder / name).read_bytes().startswith(b"\x89PNG")
        title = figure.get_suptitle() or figure.axes[0].get_title()
        assert title.endswith("(tiny digits, 3 epochs)")
    runs = load(first_run.folder / "task2_runs.npz").values()
    curves = first_run.figures["task2e_train_accuracy_shuffle_difference.png"].axes[0].get_lines()
    for training, curve in zip(runs, curves, strict=True):
        shown = map(tuple, np.asarray(curve.get_xydata()).tolist())
        assert {*shown} <= {*training.val_history["accuracy"].items()}


def test_the_runs_are_the_trainings_of_the_assignment(
    tiny_digits: Digits, tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(digits, "load", lambda *options: tiny_digits)
    monkeypatch.setattr(task2, "BATCH_SIZE", 16)
    monkeypatch.setattr(figures, "save", lambda figure, path: path.touch())
    for script in (task2, task3):
        script.main(["--epochs", "2", "--seed", "5", "--jobs", "1", "--out", str(tmp_path)])
    images, runs = utils.load_binary_dataset(2, 3, tiny_digits), load(tmp_path / "task2_runs.npz")
    assert list(runs) == ["2b-d, no shuffling", "2e, shuffling"]
    for name, shuffle in zip(runs, (False, True), strict=True):
        training = task2.train(images, shuffle, epochs=2, seed=5, batch_size=16)
        np.testing.assert_array_equal(runs[name].w, training.w)
    images, runs = utils.load_full_mnist(tiny_digits), load(tmp_path / "task3_runs.npz")
    assert list(runs) == [f"lambda {value}" for value in (0, 0.001, 0.01, 0.1, 1)]
    for name, value in zip(runs, (0, 0.001, 0.01, 0.1, 1), strict=True):
        training = task3.train(images, value, epochs=2, seed=5)
        np.testing.assert_array_equal(runs[name].w, training.w)


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
    data, out = tmp_path / "data.npz", tmp_path / "out"
    np.savez(data, **{name: value for name, value in vars(tiny_digits).items() if name != "name"})
    settings = ["-OO", "-X", "dev", "-W", "error"]
    options = ["--quick", "--seed", "3", "--jobs", "2", "--out", str(out)]
    plain = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0", "COLUMNS": "20"}
    odd = {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "OPENBLAS_NUM_THREADS": "2"}
    ended = subprocess.run(
        [sys.executable, *settings, "-c", TASK2, str(data), *options],
        cwd=ROOT,
        env={**os.environ, **QUIET_TRACKER, **plain, **odd},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.partition("Data:")[2].partition("Wrote")[0] in first_run.printed
    first, second = (
        json.loads((folder / "results.json").read_text()) for folder in (first_run.folder, out)
    )
    assert second == {"task2": first["task2"]}
    for name in second["task2"]["files"]:
        assert (out / name).read_bytes() == (first_run.folder / name).read_bytes()


@pytest.fixture
def twos_and_threes(monkeypatch: Patch, tiny_digits: Digits) -> None:
    """The scripts find 400 images to train on, of 2 and 3 by their labels."""
    train, test = (2 + one % 2 for one in (tiny_digits.train_labels, tiny_digits.test_labels))
    binary = replace(tiny_digits, train_labels=train, test_labels=test)
    monkeypatch.setattr(digits, "load", lambda *options: binary)


@pytest.mark.parametrize(
    ("script", "kind", "name"),
    [(task2, "BinaryModel", "forward"), (task3, "SoftmaxModel", "penalty_gradient")],
)
@pytest.mark.usefixtures("twos_and_threes")
def test_a_wrong_gradient_or_folder_is_reported_before_any_training(
    monkeypatch: Patch, tmp_path: Path, script: Any, kind: str, name: str
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


@pytest.mark.usefixtures("twos_and_threes")
def test_task2a_prints_what_its_pieces_do_and_finds_a_wrong_one(
    capsys: Capture, monkeypatch: Patch
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
    tiny_digits: Digits, capsys: Capture, monkeypatch: Patch
) -> None:
    images, labels = tiny_digits.train_images[:10], tiny_digits.train_labels[:10]
    ten = replace(tiny_digits, train_images=images, train_labels=labels)
    monkeypatch.setattr(digits, "load", lambda *options: ten)
    monkeypatch.setattr(task3a.SoftmaxModel, "penalty_gradient", lambda self: self.w)
    with pytest.raises(GradientError):
        task3a.main([])
    assert capsys.readouterr().out == (
        f"tiny digits: inputs (10, 785), targets (10, 10), first label {labels[0, 0]}\n"
        "loss of zero weights 2.302585 (ln 10 = 2.302585)\n"
        "backward agrees with central differences, lambda = 0\n"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "--epochs 0",
        "--epochs 1e9",
        "--seed -1",
        "--seed x",
        f"--seed {2**32}",
        "--data cifar",
        "--any-data --data mnist",
    ],
)
def test_a_wrong_option_is_refused(capsys: Capture, wrong: str) -> None:
    with pytest.raises(SystemExit) as exit:
        parse_options(None, wrong.split(), training=True)
    assert exit.value.code == 2
    assert f"argument {wrong.split()[-2]}" in capsys.readouterr().err


def test_quick_is_at_most_three_epochs() -> None:
    for epochs, trained in (("500", 3), ("2", 2)):
        options = parse_options(None, ["--quick", "--epochs", epochs], training=True)
        assert (options.quick, options.epochs) == (True, trained)
    assert parse_options(None, ["--seed", "0"], training=True).epochs == 500


def test_the_options_name_the_data_set(monkeypatch: Patch) -> None:
    asked: list[tuple[str, Path | None]] = []

    def load(data: str = "auto", data_dir: Path | None = None) -> None:
        asked.append((data, data_dir))

    monkeypatch.setattr(digits, "load", load)
    for chosen in ("", "--data mnist", "--any-data"):
        load_data(parse_options(None, [*chosen.split(), "--data-dir", "here"]))
    assert asked == [(data, Path("here")) for data in ("auto", "mnist", "any")]


@pytest.mark.parametrize("script", ["task2a.py", "task2.py", "task3a.py", "task3.py"])
def test_data_mnist_never_falls_back(script: str, capsys: Capture, monkeypatch: Patch) -> None:
    monkeypatch.setattr(sys, "argv", [script, "--data", "mnist"])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(ROOT / script), run_name="__main__")
    printed = capsys.readouterr()
    assert (exit.value.code, printed.out) == (1, "")
    assert printed.err.startswith(f"{script}: MNIST is not available. Tried:")
    assert "MNIST_DATA_DIR" in printed.err


def exit_code(main: Callable[[], None]) -> Any:
    """The exit code of a script with this `main`."""
    with pytest.raises(SystemExit) as exit:
        run_script(main)
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
    capsys: Capture, monkeypatch: Patch, script: str, fault: Exception, line: str
) -> None:
    def main() -> None:
        raise fault

    monkeypatch.setattr(sys, "argv", [script])
    assert exit_code(main) == 1
    assert capsys.readouterr() == ("", f"{line}\n")


def test_a_fault_of_the_code_keeps_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError):
        run_script(lambda: print(1 / 0))


@pytest.mark.parametrize(
    ("sent", "code", "line"), [(signal.SIGINT, 130, "\ninterrupted\n"), (signal.SIGTERM, 143, "")]
)
def test_a_signal_ends_a_script_and_leaves_its_files_as_they_were(
    tmp_path: Path, capsys: Capture, sent: signal.Signals, code: int, line: str
) -> None:
    path = tmp_path / "file.txt"
    path.write_text("whole")

    def main() -> None:
        with replacing(path) as temporary:
            temporary.write_text("half")
            signal.raise_signal(sent)

    assert exit_code(main) == code
    assert capsys.readouterr().err == line
    assert [one.read_text() for one in tmp_path.iterdir()] == ["whole"]


def test_a_file_appears_when_it_is_whole_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.is_relative_to(path.parent)  # a rename works within one file system
    assert [one.read_text() for one in path.parent.iterdir()] == ["whole"]


def closed_pipe() -> int:
    """The end to write to of a pipe whose reader has left."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
@pytest.mark.parametrize(
    ("output", "characters", "code", "line"),
    [
        ("closed pipe", 1, 141, ""),  # 128 + SIGPIPE
        ("closed pipe", 10**6, 141, ""),
        ("/dev/full", 1, 1, "task2.py: [Errno 28] No space left on device\n"),
    ],
)
def test_an_output_that_takes_nothing_ends_the_script(
    capsys: Capture, monkeypatch: Patch, output: str, characters: int, code: int, line: str
) -> None:
    if output == "/dev/full" and not Path(output).exists():
        pytest.skip("there is no /dev/full")
    monkeypatch.setattr(sys, "argv", ["task2.py"])
    with open(output if output == "/dev/full" else closed_pipe(), "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert exit_code(lambda: print("a" * characters)) == code
        stream.flush()  # as Python does at exit
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(
    ("backend", "in_notebook", "left"),
    [
        ("module://of_a_notebook", True, "module://of_a_notebook"),
        ("module://of_a_notebook", False, None),  # which matplotlib would reject
        ("pdf", False, "pdf"),
    ],
)
def test_the_backend_of_a_notebook_stays_in_it(
    monkeypatch: Patch, backend: str, in_notebook: bool, left: str | None
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
