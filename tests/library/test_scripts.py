"""The scripts: files whole and the same every time, one table, one clean line on a fault."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.backend_bases import FigureManagerBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import digits
import task2
import task2a
import task3
import task3a
import utils
from lab.assignment import CONFUSION, MISTAKES, TASKS
from lab.files import replacing
from lab.gradient import GradientError
from lab.script import parse_options, run_script
from lab.trainings import load
from trainer import BaseTrainer

Run = Callable[..., Path]

ROOT = Path(__file__).parents[2]
FIGURES = {
    script: [
        task.figure for task in TASKS if task.figure and task.script == f"{script.__name__}.py"
    ]
    for script in (task2, task3)
}
FIGURES[task3] += [CONFUSION, MISTAKES]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tiny_digits: digits.Digits, tmp_path: Path) -> Run:
    """A function that runs a script's main on the tiny data set, its batches made to fit."""
    monkeypatch.setattr(digits, "load", lambda data, data_dir: tiny_digits)
    monkeypatch.setattr(task2, "BATCH_SIZE", 16)

    def run(script: Any, *options: str, out: str = "figures") -> Path:
        arguments = ["--out", str(tmp_path / out)] if script in FIGURES else []
        monkeypatch.setattr(sys, "argv", [script.__file__, *arguments, *options])
        script.main()
        return tmp_path / out

    return run


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a script starts to train."""
    monkeypatch.setattr(BaseTrainer, "train", lambda self, epochs: pytest.fail("it trained"))


@pytest.mark.parametrize("script", FIGURES, ids=["task2", "task3"])
def test_a_script_writes_the_same_every_time_and_prints_a_table(
    run: Run, published: Path, script: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    out, arrays = run(script, "--quick", "--seed", "3"), f"{script.__name__}_runs.npz"
    written = {*FIGURES[script], arrays}
    assert {path.name for path in out.iterdir()} == {*written, "results.json"}
    for name in written:
        assert (out / name).read_bytes() == (published / name).read_bytes()
        assert (out / name).read_bytes().startswith(b"PK" if name == arrays else b"\x89PNG")
    first, second = (json.loads((path / "results.json").read_text()) for path in (out, published))
    assert first == {script.__name__: second[script.__name__]}
    printed = capsys.readouterr().out
    assert "Data: tiny digits" in printed
    assert max(map(len, printed.split("\nWrote")[0].splitlines())) <= 80
    for name in first[script.__name__]["runs"]:
        assert f"\n{name} " in printed


def test_results_say_what_was_run_and_what_came_out(published: Path) -> None:
    results = json.loads((published / "results.json").read_text())
    assert list(results["task3"]["runs"]) == [f"lambda {x}" for x in (0, 0.001, 0.01, 0.1, 1)]
    part = results["task2"]
    assert part["data"] == "tiny digits"
    assert (part["seed"], part["max_epochs"], part["quick"]) == (3, 3, True)
    assert set(part["versions"]) == {"python", "numpy", "matplotlib"}
    assert part["files"] == {
        name: hashlib.sha256((published / name).read_bytes()).hexdigest()
        for name in (*FIGURES[task2], "task2_runs.npz")
    }
    shuffled = part["runs"]["2e, shuffling"]
    assert (shuffled["stopped_by"], shuffled["epoch"]) == ("all epochs", 2)
    best = shuffled["best"]
    assert 0 < best["val_loss"] < 0.7
    assert 0.5 < best["train_accuracy"] <= 1
    training = load(published / "task2_runs.npz")["2e, shuffling"]
    assert training.w.shape == (785, 1)
    assert best == training.best._asdict()


def test_the_runs_are_the_trainings_of_the_assignment(
    published: Path, tiny_digits: digits.Digits
) -> None:
    images, runs = utils.load_binary_dataset(2, 3, tiny_digits), load(published / "task2_runs.npz")
    for name, shuffle in (("2b-d, no shuffling", False), ("2e, shuffling", True)):
        training = task2.train(images, shuffle, epochs=3, seed=3, batch_size=16)
        np.testing.assert_array_equal(runs[name].w, training.w)
    images, runs = utils.load_full_mnist(tiny_digits), load(published / "task3_runs.npz")
    for value in (0, 0.001, 0.01, 0.1, 1):
        training = task3.train(images, value, epochs=3, seed=3)
        np.testing.assert_array_equal(runs[f"lambda {value}"].w, training.w)


@pytest.mark.parametrize("content", ["not json", "[]"])
def test_a_file_in_the_way_of_the_results_is_left_alone(
    run: Run, tmp_path: Path, content: str, no_training: None
) -> None:
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "results.json").write_text(content)
    with pytest.raises(OSError, match=r"is not a results file .* move it away"):
        run(task2, "--epochs", "1")
    assert (tmp_path / "figures" / "results.json").read_text() == content
    assert len(list((tmp_path / "figures").iterdir())) == 1


def test_a_folder_that_cannot_be_made_is_reported_before_the_training(
    run: Run, tmp_path: Path, no_training: None
) -> None:
    (tmp_path / "figures").write_text("a file")
    with pytest.raises(FileExistsError, match="figures"):
        run(task3)


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [
        ("MNIST", "MNIST --quick", "this quick run would replace"),
        ("MNIST", "tiny digits", "this run on tiny digits would replace"),
        ("MNIST", "MNIST", ""),
        ("MNIST --quick", "tiny digits", ""),
        ("tiny digits", "MNIST --quick", ""),
    ],
)
def test_the_results_of_a_full_run_on_mnist_are_not_replaced_by_less(
    run: Run,
    tiny_digits: digits.Digits,
    monkeypatch: pytest.MonkeyPatch,
    first: str,
    second: str,
    refused: str,
) -> None:
    def train(described: str) -> Path:
        data = replace(tiny_digits, name=described.removesuffix(" --quick"))
        monkeypatch.setattr(digits, "load", lambda *options: data)
        quick = ["--quick"] if described.endswith("--quick") else []
        return run(task2, "--epochs", "1", "--jobs", "1", *quick)

    before = {path: path.read_bytes() for path in train(first).iterdir()}
    if refused:
        with pytest.raises(FileExistsError, match=f"{refused}.*Likely fix: --out .*trial"):
            train(second)
        assert {path: path.read_bytes() for path in before} == before
    else:
        train(second)


def test_the_titles_of_a_quick_run_say_so(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str] = []
    monkeypatch.setattr(
        "lab.figures.save", lambda figure, path: titles.append(figure.axes[0].get_title())
    )
    monkeypatch.setattr("lab.results.sha256", lambda path: "")
    for options in (["--quick"], ["--epochs", "3"]):
        run(task2, "--jobs", "1", *options)
    assert [title.endswith("(tiny digits, 3 epochs)") for title in titles] == [True] * 3 + [
        False
    ] * 3


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Figure]]:
    """The figures that pyplot shows, by a backend that opens no window for them."""
    figures: list[Figure] = []

    class Manager(FigureManagerBase):
        @classmethod
        def pyplot_show(cls, *, block: bool | None = None) -> None:
            figures.extend(map(plt.figure, plt.get_fignums()))

    backend: Any = types.ModuleType("windows")
    backend.FigureCanvas = type("Canvas", (FigureCanvasAgg,), {"manager_class": Manager})
    monkeypatch.setitem(sys.modules, "windows", backend)
    plt.switch_backend("module://windows")
    yield figures
    plt.close("all")
    plt.switch_backend("agg")


def test_show_opens_the_figures_themselves(run: Run, shown: list[Figure]) -> None:
    run(task2, "--epochs", "1", "--jobs", "1", "--show")
    assert [f"{figure.get_label()}.png" for figure in shown] == FIGURES[task2]
    for figure in shown:
        assert len(figure.axes[0].lines) == 2
        assert not figure.axes[0].images


def test_without_windows_show_says_so_in_one_line(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    plt.switch_backend("agg")
    run(task2, "--epochs", "1", "--jobs", "1", "--show")
    assert capsys.readouterr().out.endswith(
        "/\nNo window can be opened here; the figures are saved.\n"
    )
    assert plt.get_fignums() == []


def test_a_notebook_calls_main_with_options_and_sees_the_figures(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shown: list[str] = []
    notebook = types.ModuleType("IPython.display")
    vars(notebook).update(
        Image=lambda filename: filename.name, display=lambda *images: shown.extend(images)
    )
    monkeypatch.setitem(sys.modules, "IPython.display", notebook)
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    monkeypatch.setattr(sys, "argv", ["ipykernel_launcher.py", "-f", "kernel.json"])
    task2.main(["--epochs", "1", "--jobs", "1", "--out", str(tmp_path)])
    assert shown == FIGURES[task2]


def test_a_notebooks_backend_stays_in_the_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://of_a_notebook")
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    run_script(lambda: None)
    assert os.environ["MPLBACKEND"] == "module://of_a_notebook"


def test_a_notebooks_backend_does_not_stop_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://of_a_notebook")
    seen: list[str | None] = []
    run_script(lambda: seen.append(os.environ.get("MPLBACKEND")))
    monkeypatch.setenv("MPLBACKEND", "pdf")
    run_script(lambda: seen.append(os.environ.get("MPLBACKEND")))
    assert seen == [None, "pdf"]


def test_a_notebooks_backend_does_not_stop_the_report(published: Path, tmp_path: Path) -> None:
    """Whether it is installed or not: matplotlib would load it when it is imported."""
    module = "module://matplotlib_inline.backend_inline"
    paths = ["--figures", str(published), "--out", str(tmp_path / "report.pdf")]
    ended = subprocess.run(
        [sys.executable, "-m", "report", *paths],
        cwd=ROOT,
        env={**os.environ, "MPLBACKEND": module},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
@pytest.mark.parametrize("characters", [1, 10**6])
@pytest.mark.parametrize("streams", [{"stderr": subprocess.PIPE}, {"stderr": subprocess.STDOUT}])
def test_a_reader_that_leaves_ends_the_script_in_silence(
    characters: int, streams: dict[str, Any]
) -> None:
    code = f"from lab.script import run_script; run_script(lambda: print({characters} * 'a'))"
    buffered = {**os.environ, "PYTHONUNBUFFERED": ""}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=buffered, stdout=subprocess.PIPE, **streams
    ) as script:
        assert script.stdout
        script.stdout.close()
        printed = script.stderr.read() if script.stderr else b""
    assert (script.returncode, printed) == (128 + signal.SIGPIPE, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_an_output_that_takes_nothing_is_reported_in_one_line() -> None:
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


def test_task2a_prints_what_its_pieces_do(
    run: Run,
    capsys: pytest.CaptureFixture[str],
    tiny_digits: digits.Digits,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = replace(tiny_digits, train_labels=2 + tiny_digits.train_labels % 2)  # 400 of 2 and 3
    monkeypatch.setattr(digits, "load", lambda *options: data)
    run(task2a)
    assert capsys.readouterr().out == (
        "tiny digits: inputs (100, 785), pixels in [-1, 1], bias 1\n"
        "loss of zero weights 0.693147 (ln 2 = 0.693147)\n"
        "backward agrees with central differences\n"
    )


def test_task3a_prints_what_its_pieces_do(
    run: Run, capsys: pytest.CaptureFixture[str], tiny_digits: digits.Digits
) -> None:
    run(task3a)
    label = tiny_digits.train_labels[0, 0]
    assert capsys.readouterr().out == (
        f"tiny digits: inputs (100, 785), targets (100, 10), first label {label}\n"
        "loss of zero weights 2.302585 (ln 10 = 2.302585)\n"
        "backward agrees with central differences, lambda = 0\n"
        "backward agrees with central differences, lambda = 1\n"
    )


@pytest.mark.parametrize(
    ("script", "piece"),
    [
        (task2a, "BinaryModel.forward"),
        (task3a, "SoftmaxModel.forward"),
        (task3a, "SoftmaxModel.penalty_gradient"),
        (task2, "BinaryModel.forward"),
        (task3, "SoftmaxModel.penalty_gradient"),
    ],
)
def test_the_pieces_are_tried_on_their_gradients_before_any_training(
    run: Run, monkeypatch: pytest.MonkeyPatch, no_training: None, script: Any, piece: str
) -> None:
    kind, name = piece.split(".")
    right = getattr(getattr(script, kind), name)
    monkeypatch.setattr(getattr(script, kind), name, lambda *arguments: right(*arguments) * 0.9)
    with pytest.raises(GradientError, match="backward is not the gradient of the objective"):
        run(script)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--epochs", "0"),
        ("--epochs", "-1"),
        ("--seed", "-1"),
        ("--seed", "x"),
        ("--epochs", "1e9"),
        ("--epochs", str(10**20)),
        ("--data", "cifar"),
    ],
)
def test_a_wrong_option_is_refused(
    run: Run, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    with pytest.raises(SystemExit) as exit:
        run(task2, option, value)
    assert exit.value.code == 2
    assert f"argument {option}" in capsys.readouterr().err


def test_any_data_is_an_option_beside_the_folder_and_not_beside_data(tmp_path: Path) -> None:
    chosen = parse_options(None, ["--any-data", "--data-dir", str(tmp_path)])
    assert (chosen.data, chosen.data_dir) == ("any", tmp_path)
    assert parse_options(None, []).data == "auto"
    with pytest.raises(SystemExit):
        parse_options(None, ["--any-data", "--data", "mnist"])


@pytest.mark.parametrize("script", ["task2a.py", "task2.py", "task3a.py", "task3.py"])
def test_data_mnist_never_falls_back(script: str) -> None:
    ended = subprocess.run(
        [sys.executable, script, "--data", "mnist"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith(f"{script}: MNIST is not available. Tried:")
    assert "MNIST_DATA_DIR" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    ("fault", "code", "line"),
    [
        (FloatingPointError("the loss is nan"), 1, "the loss is nan"),
        (NotImplementedError("Task 2a: write it"), 1, "Task 2a: write it"),
        (PermissionError(13, "Permission denied", "figures"), 1, "Permission denied: 'figures'"),
        (KeyboardInterrupt(), 130, "interrupted"),
    ],
)
def test_a_fault_ends_with_one_clean_line(
    capsys: pytest.CaptureFixture[str], fault: BaseException, code: int, line: str
) -> None:
    def main() -> None:
        raise fault

    with pytest.raises(SystemExit) as exit:
        run_script(main)
    assert exit.value.code == code
    assert line in capsys.readouterr().err


def test_a_fault_of_the_code_keeps_its_traceback() -> None:
    def main() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_script(main)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with pytest.raises(ZeroDivisionError), replacing(path) as temporary:  # noqa: PT012
        temporary.write_text("half")
        raise ZeroDivisionError
    assert list(path.parent.iterdir()) == []
    with replacing(path) as temporary:
        temporary.write_text("whole")
    assert [p.read_text() for p in path.parent.iterdir()] == ["whole"]
