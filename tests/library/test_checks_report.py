"""What a student and a grader see: the first lines, the table of points, the results file."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from lab.assignment import FUNCTIONS, POINTS
from tests.checks.compatibility import whole_of
from tests.checks.explain import explain
from tests.checks.outcomes import Outcomes
from tests.checks.points import Check
from tests.checks.student import StudentFiles
from tests.library.proof import run_pytest
from tests.library.variants.variant import ROOT, classic, with_body

LOGITS = "np.clip(X.dot(self.w), -500, 500)"


@dataclass
class Report:
    """The result of a run of the checks."""

    exit_code: int
    output: str
    results: dict[str, Any]

    @property
    def scores(self) -> dict[str, float]:
        return {task: found["score"] for task, found in self.results["extra_data"]["tasks"].items()}

    def test(self, name: str) -> dict[str, Any]:
        return next(test for test in self.results["tests"] if test["name"] == name)

    @property
    def screen_lines(self) -> int:
        """The lines of a terminal with 80 columns."""
        return sum(max(1, -(-len(line) // 80)) for line in self.output.splitlines())

    def row(self, task: str) -> str:
        table = self.output.split(" points ")[-1].splitlines()
        return next(line for line in table if line.startswith(task))


Run = Callable[..., Report]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a right solution."""
    folder = tmp_path / "files"
    folder.mkdir()
    for name, text in classic().items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def check(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the checks on the folder."""

    def run(*options: str) -> Report:
        monkeypatch.chdir(tmp_path)
        code, output = run_pytest(f"--folder={folder}", "--results=results.json", *options)
        return Report(code, output, json.loads((tmp_path / "results.json").read_text("utf-8")))

    return run


@pytest.fixture
def check_handout(folder: Path, tmp_path: Path, unmeasured: None) -> Run:
    """Run the checks that lie beside the student's files, from another folder, as a student does.

    The handout is the student files, the checks, and the two packages that they use.
    """
    unwanted = shutil.ignore_patterns("__pycache__", "library")
    for name in ("tests", "lab", "digits"):
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)

    def run(*options: str) -> Report:
        file = tmp_path / "out" / "results.json"
        command = [sys.executable, "-m", "pytest", str(folder / "tests"), f"--results={file}"]
        done = subprocess.run(
            [*command, "-p", "no:cacheprovider", "--assert=plain", *options],
            cwd=tmp_path,
            env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            capture_output=True,
            encoding="utf-8",
        )
        return Report(done.returncode, done.stdout, json.loads(file.read_text("utf-8")))

    return run


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


# How a student and a grader start the checks


def test_a_right_solution_has_the_points_of_the_assignment(
    check_handout: Run, folder: Path
) -> None:
    noise = 'print("\\u00e9" * 9); __import__("warnings").warn("old", DeprecationWarning)'
    edit(folder / "task2a.py", "        self.I = 785", f"        {noise}\n        self.I = 785")
    edit(folder / "task2a.py", "import utils\n", f"import utils\n\n{noise}\n")
    report = check_handout("-W", "error")
    assert report.exit_code == 0
    assert report.scores == POINTS
    assert report.row("2a") == "2a      12 / 12"
    assert report.row("total") == "total   62 / 62"
    assert "\nadvice: " not in report.output


def test_checks_that_cannot_be_read_and_other_tests_earn_nothing(
    check_handout: Run, folder: Path
) -> None:
    (folder / "tests" / "test_task3a.py").write_text("def broken(:\n", encoding="utf-8")
    (folder / "tests" / "library").mkdir()
    other = folder / "tests" / "library" / "test_mine.py"
    other.write_text("def test_mine():\n    raise NotImplementedError\n", encoding="utf-8")
    report = check_handout("--continue-on-collection-errors")
    assert report.exit_code == 1
    assert report.results["max_score"] == 62
    assert report.results["score"] == 62 - POINTS["3a"]
    assert report.test("checks of Task 3a that could not be read")["max_score"] == POINTS["3a"]
    assert "test_mine" not in json.dumps(report.results)


def test_pytest_without_arguments_runs_the_checks_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    pytest.main(["--collect-only", "-p", "no:cacheprovider"])
    listed = capsys.readouterr().out.splitlines()
    files = {line.split("::")[0] for line in listed if "::" in line}
    assert files == {f"tests/{path.name}" for path in (ROOT / "tests").glob("test_*.py")}


def test_points_are_not_counted_in_several_processes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [f"--rootdir={ROOT}", str(ROOT / "tests" / "test_utils.py"), "-n2", "--collect-only"]
    code = pytest.main([*options, f"--results={tmp_path / 'file'}"])
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "leave out -n" in capsys.readouterr().err


def test_next_stops_at_the_first_failing_check(check: Run, folder: Path) -> None:
    loss = "return cross_entropy_loss("
    for file in (folder / "task2.py", folder / "task3.py"):
        edit(file, loss, f"raise NotImplementedError\n        {loss}")
    report = check("--next")
    assert report.output.count(" is not written yet") == 1
    assert "Task 2b: task2.LogisticTrainer.train_step is not written yet" in report.output
    assert report.row("2a") == "2a      12 / 12"
    assert report.row("2b").endswith("not written yet: LogisticTrainer.train_step; not run: 5")


# The results file and the table of points


def test_the_results_follow_gradescopes_schema_and_advice_costs_nothing(
    check: Run, folder: Path
) -> None:
    edit(folder / "utils.py", "import numpy as np\n", "import numpy as np, os\nos.chdir('/')\n")
    edit(folder / "task2a.py", LOGITS, "X.dot(self.w)")
    edit(folder / "task2a.py", "-> None:\n        self.grad = None", "-> None:\n        pass")
    edit(folder / "task3a.py", "self.grad += 2 *", "self.grad += 1 *")
    report = check()
    results = report.results
    assert (results["score"], results["max_score"]) == (60.5, 62)
    assert report.scores == POINTS | {"4b": 5.5}
    assert "4b     5.5 /  7  failed: SoftmaxModel.backward\n" in results["output"]
    assert report.row("2a") == "2a      12 / 12"
    assert results["extra_data"]["tasks"]["2a"] == {"score": 12, "max_score": 12, "notes": ""}
    assert len({test["number"] for test in results["tests"]}) == len(results["tests"])
    for test in results["tests"]:
        assert test["status"] in ("passed", "failed")
        assert 0 <= test["score"] <= test["max_score"]
        assert test["number"].startswith(f"{test['tags'][0]}.")
    after = report.output.split("total 60.5 / 62\n")[1]
    assert after.startswith("advice: task2a.BinaryModel.forward: NumPy warned on large weights")
    test = report.test("test_forward_does_not_overflow")
    assert (test["status"], test["score"], test["max_score"]) == ("failed", 0, 0)
    assert test["output"].startswith("Advice on Task 2a: task2a.BinaryModel.forward (equation 1)")
    output = report.test("test_zero_grad_is_as_it_was_handed_out")["output"]
    assert "Advice on Task 2a: task2a.BinaryModel.zero_grad" in output
    assert "  Note:     this was handed out complete, and has been changed." in output


def test_nothing_written_is_a_line_for_each_task(check: Run, folder: Path) -> None:
    for function in {whole_of(function) for function in FUNCTIONS}:
        module, path = function.split(".", 1)
        file = folder / f"{module}.py"
        text = with_body(file.read_text(encoding="utf-8"), path, "raise NotImplementedError")
        file.write_text(text, encoding="utf-8")
    report = check()
    assert report.exit_code == 1
    assert set(report.scores.values()) == {0}
    assert report.row("2a") == (
        "2a       0 / 12  not written yet: pre_process_images, cross_entropy_loss, "
        "BinaryModel.forward, BinaryModel.backward"
    )
    assert report.row("2d") == "2d       0 /  4  not written yet: BaseTrainer.train"
    assert report.row("total") == "total    0 / 62"
    assert report.screen_lines <= 24
    assert "Task 2a: task2a.pre_process_images is not written yet\n" in report.output
    assert report.output.count(" is not written yet") == 1
    assert "All of one task, and its advice: pytest --task 2a\n" in report.output
    assert "Traceback" not in report.output
    assert "Error" not in report.output
    of_one_task = check("--task=2a").output
    assert of_one_task.count(" is not written yet") == 4  # once for each function
    assert "pytest --task" not in of_one_task


def test_of_several_tasks_the_first_failure_alone_is_shown_on_one_screen(
    check: Run, folder: Path
) -> None:
    edit(folder / "task2a.py", "targets - outputs)", "print('mine') or targets)")
    edit(folder / "task2a.py", LOGITS, "X.dot(self.w)")
    edit(folder / "task3a.py", "self.grad += 2 *", "self.grad += 1 *")
    report = check()
    assert report.output.count("  Likely:   ") == 1
    assert "  Likely:   the outputs are missing." in report.output
    assert "failed: SoftmaxModel.backward" in report.row("4b")
    assert "\nadvice: " not in report.output
    assert "mine" not in report.output
    assert report.screen_lines <= 24
    assert "mine" in check("--next").output
    in_full = check("--full-trace").output
    assert in_full.count("  Likely:   ") > 1
    assert "\nadvice: " in in_full


def test_a_failure_is_printed_once_and_what_depends_on_it_is_skipped(
    check: Run, folder: Path
) -> None:
    edit(folder / "task2a.py", "targets - outputs)", "targets)")
    report = check("--task=2a")
    failures, table = report.output.split(" FAILURES ")[1].split(" points ")
    heading, *lines, _ = failures.splitlines()[1:]
    failed = report.test("test_backward_is_a_multiple_of_the_gradient")
    assert failed["extra_data"]["outcome"] == "failed"
    assert heading.strip("_ ") == failed["name"]
    assert lines == failed["output"].splitlines()
    assert lines[0] == "Task 2a: task2a.BinaryModel.backward (equation 6)"
    rows = ["Expected:", "Got:", "At:", "Likely:"]
    assert [line.split()[0] for line in lines[2:]] == rows
    assert lines[5] == "  Likely:   the outputs are missing."
    assert failed["name"] not in table
    for name in (  # the second needs the first
        "test_backward_is_the_gradient_of_the_loss",
        "test_the_gradient_test_is_as_it_was_handed_out",
    ):
        waiting = report.test(name)
        assert waiting["output"] == f"skipped: needs {failed['name']}"
        assert (waiting["score"], waiting["status"]) == (0, "failed")
    assert "failed: BinaryModel.backward; skipped: 1 that need them" in report.row("2a")
    assert "def test_backward_is" not in report.output
    assert "def test_backward_is" in check("--task=2a", "--full-trace").output


def test_a_check_does_not_wait_for_one_of_the_same_name_in_another_task() -> None:
    outcomes = Outcomes()
    outcomes.add("id", "test_forward", Check("2a", 1, "task2a.BinaryModel.forward"))
    outcomes["id"].status = "failed"
    waiting = Check("2a", 1, "task2a.BinaryModel.backward", needs=("test_forward",))
    assert outcomes.blocker(waiting) is outcomes["id"]
    assert outcomes.blocker(replace(waiting, task="3a")) is None


# Files that are missing, cannot be imported or never end


def test_a_module_that_cannot_be_imported_costs_its_own_tasks(check: Run, folder: Path) -> None:
    (folder / "task3a.py").write_text("import utils\n" + "1 = utils\n" * 7, encoding="utf-8")
    (folder / "task2.py").write_text("import nowhere\nassert nowhere.f()\n", encoding="utf-8")
    report = check()
    lost = {task for task, score in report.scores.items() if score != POINTS[task]}
    assert lost == {"2b", "2c", "3a", "4b"}  # the functions of Task 3b and 3c are there
    tests = report.results["tests"]
    fault = "cannot be imported: task3a.py, line 2: SyntaxError: cannot assign to literal"
    failed = [test["tags"][0] for test in tests if fault in test["output"]]
    assert failed == ["3a", "4b"]  # one failure each, and the rest waits
    waits = "skipped: needs task3a.py to import, see test_one_hot_encode_puts_a_1_at_the_label"
    assert waits in [test["output"] for test in tests]
    noted = [note.split(": cannot assign")[0] for note in report.results["extra_data"]["notes"]]
    assert noted == [
        "task2.py, line 1: nowhere is not installed here; only its use fails.",
        "task3a.py, line 2: cannot be imported: SyntaxError",
        "task3.py, line 9: task3a.py cannot be imported; only its use fails.",
    ]


@pytest.mark.skipif(not hasattr(signal, "SIGPROF"), reason="the limit is a signal of POSIX")
@pytest.mark.parametrize(
    ("place", "often", "score", "note"),
    [
        (
            "        outputs = self.model",
            99,
            0,
            "task2.LogisticTrainer.train_step: stopped, it",
        ),
        ("        outputs = self.model", 1, 9, ""),  # once more, with more time, it has enough
        ("class Logistic", 99, 9, "task2.py, line 25: it took too long when imported; what runs"),
    ],
    ids=["a function", "once", "an import"],
)
def test_what_takes_too_long_is_noted(
    check: Run, folder: Path, place: str, often: int, score: float, note: str
) -> None:
    indent = place[: len(place) - len(place.lstrip())]
    over = f"{indent}TIMES.pop() if TIMES else 0  # the time is over\n"
    edit(folder / "task2.py", place, f"{over}{place}")
    again = "type('Times', (list,), {'pop': lambda s: list.pop(s) or signal.raise_signal(27)})"
    edit(folder / "task2.py", "import utils\n", f"import signal\nTIMES = {again}([0] * {often})\n")
    report = check("--task=2b")
    assert report.results["score"] == score
    found = "".join(report.results["extra_data"]["notes"])
    assert found.startswith(note)
    assert not note or f"note: {found}\n" in report.output


def test_what_is_missing_is_named(check: Run, folder: Path) -> None:
    (folder / "task3.py").unlink()
    edit(folder / "utils.py", "def batch_loader(", "def batches(")
    report = check("--task=2e", "--task=3b", "--task=3c")
    assert set(report.scores.values()) == {0}
    assert report.output.count("task3.py is missing") == 2  # once for each task
    assert f"task3.py is missing: expected it in {folder.resolve()}" in report.output
    assert report.test("test_shuffling_changes_the_order")["output"].startswith(
        "Task 2e: utils.batch_loader\n  utils.py has no `batch_loader`\n"
    )


# What a failure says


def test_an_exception_is_reported_with_the_line_it_comes_from(check: Run, folder: Path) -> None:
    edit(folder / "task2a.py", LOGITS, "self.scores(X)")
    edit(
        folder / "task2a.py",
        "    def forward",
        "    def scores(self, X):\n        return X + None  # é\n\n    def forward",
    )
    output = check("--task=2a").test("test_forward_is_the_sigmoid")["output"]
    assert output.startswith(
        "Task 2a: task2a.BinaryModel.forward (equation 1)\n"
        "  raised TypeError: unsupported operand type(s) for +: 'float' and 'NoneType'\n"
        "  At:       task2a.py, line 31: return X + None  # \\xe9\n"
        "  Likely:   something is None:"
    )


@pytest.mark.parametrize(
    ("expression", "likely"),
    [
        ("score", "this name is not known here: use an argument, or what is kept in self."),
        ('np.unicode_("0")', "NumPy 2 has another name for it; see the message."),
        ("np.alen(X)", "NumPy 2 has no such name any more; see its migration guide."),
        ("nowhere.expit(X)", "the assignment is written with NumPy alone."),
        ("np.zeros((10**7, 10**7))", "an N x N array? N is 20,000 images here: keep"),
        ("np.put(np.zeros((2, 2)), 0, [X, [X]])", "an array where one number belongs"),
    ],
)
def test_an_exception_has_a_likely_cause(tmp_path: Path, expression: str, likely: str) -> None:
    text = f"import nowhere\nimport numpy as np\n\ndef forward(X):\n    return {expression}\n"
    (tmp_path / "task2a.py").write_text(text, encoding="utf-8")
    files = StudentFiles(tmp_path)
    files.open()
    try:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - of any kind
            files.require("task2a.forward")(3)
        failure = explain(Check("2a", 1, "task2a.forward"), caught.value, files)
    finally:
        files.close()
    assert f"  Likely:   {likely}" in failure.text


def test_what_a_check_cannot_use_is_said_in_words(tmp_path: Path) -> None:
    error = IndexError("tuple index out of range")
    failure = explain(Check("2a", 1, "task2a.forward"), error, StudentFiles(tmp_path))
    assert failure.text == (
        "Task 2a: task2a.forward\n"
        "  what it returned, or set in the model or the trainer, is of no use here\n"
        "  Raised:   IndexError: tuple index out of range\n"
        "  Likely:   another type or shape than its docstring states."
    )
