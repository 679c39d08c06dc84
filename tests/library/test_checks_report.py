"""What a student and a grader see: the first lines, the table of points, the results file."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.assignment import POINTS
from tests.library.proof import run_pytest
from tests.library.variants.variant import ROOT, classic, with_body

pytestmark = pytest.mark.usefixtures("unmeasured")

WORK = {  # what a student writes of the course's own starter code, and the task it belongs to
    "task2a.pre_process_images": "2a",
    "task2a.cross_entropy_loss": "2a",
    "task2a.BinaryModel.forward": "2a",
    "task2a.BinaryModel.backward": "2a",
    "task2.LogisticTrainer.train_step": "2b",
    "task2.calculate_accuracy": "2c",
    "trainer.BaseTrainer.train": "2d",
    "utils.batch_loader": "2e",
    "task3a.one_hot_encode": "3a",
    "task3a.cross_entropy_loss": "3a",
    "task3a.SoftmaxModel.forward": "3a",
    "task3a.SoftmaxModel.backward": "3a",
    "task3.SoftmaxTrainer.train_step": "3b",
    "task3.calculate_accuracy": "3c",
}


@dataclass
class Report:
    """The result of a run of the checks."""

    exit_code: int
    output: str
    results: dict[str, Any]

    def scores(self) -> dict[str, float]:
        return {task: found["score"] for task, found in self.results["extra_data"]["tasks"].items()}

    def test(self, name: str) -> dict[str, Any]:
        return next(test for test in self.results["tests"] if test["name"] == name)

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


@pytest.fixture(scope="module")
def worker() -> Iterator[ProcessPoolExecutor]:
    """A process that imports pytest and NumPy once."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture
def check(folder: Path, worker: ProcessPoolExecutor, tmp_path: Path) -> Run:
    """Run the checks on the folder."""

    def run(*options: str) -> Report:
        file = tmp_path / "results.json"
        job = worker.submit(run_pytest, f"--folder={folder}", f"--results={file}", *options)
        return Report(*job.result(timeout=600), json.loads(file.read_text(encoding="utf-8")))

    return run


@pytest.fixture
def check_handout(folder: Path, tmp_path: Path) -> Run:
    """Run the checks that lie beside the student's files, from another folder, as a student does.

    The handout is the student files, the checks, and the package that states the assignment.
    """
    unwanted = shutil.ignore_patterns("__pycache__", "library")
    for name in ("tests", "lab"):
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
            timeout=600,
        )
        found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        return Report(done.returncode, done.stdout + done.stderr, found)

    return run


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def unwrite(folder: Path, functions: Iterable[str]) -> None:
    """Put `raise NotImplementedError` in place of the bodies of functions and methods."""
    for function in functions:
        module, path = function.split(".", 1)
        file = folder / f"{module}.py"
        text = with_body(file.read_text(encoding="utf-8"), path, "raise NotImplementedError")
        file.write_text(text, encoding="utf-8")


def test_a_right_solution_has_the_points_of_the_assignment(check_handout: Run) -> None:
    report = check_handout()
    assert report.exit_code == 0
    assert report.scores() == POINTS
    assert report.row("2a") == "2a      12 / 12"
    assert report.row("total") == "total   62 / 62"
    assert "first check that fails: pytest --next; of one task: pytest --task 2a\n" in report.output
    assert "every test" not in report.output  # there are no other tests


def test_pytest_without_arguments_runs_the_checks_alone() -> None:
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60).stdout
    files = {line.split("::")[0] for line in listed.splitlines() if "::" in line}
    assert files == {f"tests/{path.name}" for path in (ROOT / "tests").glob("test_*.py")}


def test_a_folder_that_takes_no_cache_of_pytests_is_no_failure(tmp_path: Path) -> None:
    """As where the project is read-only."""
    (tmp_path / "file").touch()
    options = ["--task=2e", "-o", f"cache_dir={tmp_path / 'file' / 'cache'}"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *options], cwd=ROOT, capture_output=True, text=True
    )
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_results_follow_gradescopes_schema(check: Run) -> None:
    results = check().results
    assert results["score"] == results["max_score"] == 62
    assert "total   62 / 62" in results["output"]
    assert len({test["number"] for test in results["tests"]}) == len(results["tests"])
    for test in results["tests"]:
        assert test["status"] in ("passed", "failed")
        assert 0 <= test["score"] <= test["max_score"]
        assert (test["max_score"] > 0) or test["score"] == 0  # advice is worth nothing
        assert test["number"].startswith(f"{test['tags'][0]}.")


def test_nothing_written_is_a_line_for_each_task(check: Run, folder: Path) -> None:
    unwrite(folder, WORK)
    report = check()
    assert report.exit_code == 1
    assert set(report.scores().values()) == {0}
    assert report.row("2a") == (
        "2a       0 / 12  not written yet: pre_process_images, cross_entropy_loss, "
        "BinaryModel.forward, BinaryModel.backward"
    )
    assert report.row("2d") == "2d       0 /  4  not written yet: BaseTrainer.train"
    assert report.row("4b") == "4b       0 /  7  not written yet: SoftmaxModel.backward"
    assert report.row("total") == "total    0 / 62"
    assert "Task 2a: task2a.BinaryModel.forward is not written yet" in report.output
    assert "Traceback" not in report.output
    assert "Error" not in report.output


@pytest.mark.parametrize("task", sorted(set(WORK.values())))
def test_each_task_earns_its_points_alone(check: Run, folder: Path, task: str) -> None:
    unwrite(folder, [function for function in WORK if WORK[function] != task])
    earned = {name: points for name, points in check().scores().items() if points}
    expected = ("3a", "4b") if task == "3a" else (task,)  # the L2 term is in the same backward
    assert earned == {name: POINTS[name] for name in expected}


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("import trainer.nothing", "line 2: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "line 2: SystemExit: 3"),
        ("def f(:", "line 2: SyntaxError: invalid syntax"),
        ("class Broken(1 / 0): pass", "line 2: ZeroDivisionError: division by zero"),
    ],
)
def test_a_module_that_cannot_be_imported_costs_its_own_tasks(
    check: Run, folder: Path, fault: str, message: str
) -> None:
    text = (folder / "task3a.py").read_text(encoding="utf-8")
    (folder / "task3a.py").write_text(f"# mine\n{fault}\n{text}", encoding="utf-8")
    report = check()
    lost = {task for task, score in report.scores().items() if score != POINTS[task]}
    assert lost == {"3a", "3b", "3c", "4b"}
    assert f"task3a.py cannot be imported: task3a.py, {message}" in report.output
    assert f"task3.py cannot be imported: task3a.py, {message}" in report.output
    outcomes = [t["extra_data"]["outcome"] for t in report.results["tests"] if t["tags"] == ["3a"]]
    assert outcomes.count("failed") == 1
    assert "skipped: needs task3a.py to import, see test_one_hot_encode_puts_a_1_at_the_label" in [
        test["output"] for test in report.results["tests"]
    ]


def test_a_fault_of_an_import_is_noted_once(check: Run, folder: Path) -> None:
    (folder / "task3a.py").write_text("import utils\n1 = utils\n", encoding="utf-8")
    (folder / "task2.py").write_text("import nowhere\nassert nowhere.f()\n", encoding="utf-8")
    assert check().results["extra_data"]["notes"] == [
        "task2.py, line 1: nowhere is not installed here; only its use fails.",
        "task3a.py, line 2: cannot be imported: SyntaxError: cannot assign to literal here. Maybe "
        "you meant '==' instead of '='?",
    ]


@pytest.mark.parametrize(
    ("old", "new", "note"),
    [
        (
            "outputs = self.model",
            "while True: pass\n        outputs = self.model",
            "task2.LogisticTrainer.train_step: stopped, it took too long.",
        ),
        (
            "\n\nclass Logistic",
            "\n\nclass Waits:\n    while True: pass\n\n\nclass Logistic",
            "task2.py, line 23: cannot be imported: Failed: Timeout (>0.5s) from pytest-timeout.",
        ),
    ],
    ids=["a function", "an import"],
)
def test_what_never_ends_is_noted(check: Run, folder: Path, old: str, new: str, note: str) -> None:
    edit(folder / "task2.py", old, new)
    report = check("--task=2b", "--timeout=0.5")
    assert report.results["score"] == 0
    assert report.results["extra_data"]["notes"] == [note]
    assert f"note: {note}\n" in report.output


def test_a_missing_module_is_named(check: Run, folder: Path) -> None:
    (folder / "task3.py").unlink()
    report = check()
    lost = {task for task, score in report.scores().items() if score != POINTS[task]}
    assert lost == {"3b", "3c"}
    assert report.output.count("task3.py is missing") == 2  # once for each task
    assert f"task3.py is missing: expected it in {folder.resolve()}" in report.output


def test_a_missing_function_is_named(check: Run, folder: Path) -> None:
    edit(folder / "utils.py", "def batch_loader(", "def batches(")
    report = check("--task=2e")
    assert report.test("test_shuffling_changes_the_order")["output"].startswith(
        "Task 2e: utils.batch_loader\n  utils.py has no `batch_loader`\n"
    )


SHUFFLE = "np.random.shuffle(indices)"
STOP = "if since_best == 10:"


@pytest.mark.parametrize(
    ("part", "call", "function", "named"),
    [
        (SHUFFLE, "pass", "", "Task 2e: utils.batch_loader"),
        (
            SHUFFLE,
            "indices = shuffled_order(len(X))",
            "def shuffled_order(num_examples):\n    return range(num_examples)\n",
            "Task 2e: utils.shuffled_order",
        ),
        (STOP, "if False:", "", "Task 2d: trainer.BaseTrainer.train"),
        (
            STOP,
            "if self.should_stop(since_best):",
            "    def should_stop(self, since_best):\n        return False\n",
            "Task 2d: trainer.BaseTrainer.should_stop",
        ),
        (
            STOP,
            "if self.should_stop(since_best):",
            "    def should_stop(self, since_best):\n        return since_best[10]\n",
            "Task 2d: trainer.BaseTrainer.should_stop",
        ),
    ],
    ids=["no shuffling", "shuffled_order", "no stop", "should_stop", "should_stop raises"],
)
def test_a_failure_names_the_function_that_the_student_writes(
    check: Run, folder: Path, part: str, call: str, function: str, named: str
) -> None:
    task = named[5:7]
    file = folder / {"2d": "trainer.py", "2e": "utils.py"}[task]
    edit(file, part, call)
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{function}", encoding="utf-8")
    tests = check(f"--task={task}").results["tests"]
    failed = [test for test in tests if test["extra_data"]["outcome"] == "failed"]
    assert {test["output"].splitlines()[0] for test in failed} == {named}


def test_the_first_lines_of_a_failure_say_what_is_wrong(check: Run, folder: Path) -> None:
    edit(folder / "task2a.py", "-np.dot(X.T", "np.dot(X.T")
    output = check().test("test_backward_is_the_gradient_of_the_loss")["output"].splitlines()
    assert output[0] == "Task 2a: task2a.BinaryModel.backward (equation 6)"
    assert "grad is not the gradient: dC/dw is wrong at" in output[1]
    assert "central differences, equation 29" in output[2]
    assert output[4].startswith("  At:       grad[")
    assert output[5].startswith("  Likely:   the sign is opposite")
    assert len(output) == 6


def test_a_failure_is_printed_once_and_alone(check: Run, folder: Path) -> None:
    edit(folder / "task2a.py", "-np.dot(X.T", "np.dot(X.T")
    report = check("--task=2a")
    text = report.test("test_backward_is_the_gradient_of_the_loss")["output"]
    failures = report.output.split(" FAILURES ")[1].split(" short test summary info ")
    heading, *lines, _ = failures[0].splitlines()[1:]
    assert heading.strip("_ ") == "test_backward_is_the_gradient_of_the_loss"
    assert lines == text.splitlines()
    assert text.splitlines()[2] not in failures[1]
    assert "Got:" not in failures[1]


def test_full_trace_adds_what_pytest_shows(check: Run, folder: Path) -> None:
    edit(folder / "task2a.py", "-np.dot(X.T", "np.dot(X.T")
    assert "def test_backward_is" in check("--task=2a", "--full-trace").output


def test_next_stops_at_the_first_failing_check(check: Run, folder: Path) -> None:
    unwrite(folder, ["task2.LogisticTrainer.train_step", "task3a.one_hot_encode"])
    report = check("--next")
    outcomes = [test["extra_data"]["outcome"] for test in report.results["tests"]]
    assert outcomes.count("failed") == 1
    assert "Task 2b: task2.LogisticTrainer.train_step is not written yet" in report.output
    assert "task3a.one_hot_encode" not in report.output
    assert report.row("2a") == "2a      12 / 12"
    assert report.row("2b").endswith("not written yet: LogisticTrainer.train_step; not run: 3")


def test_an_exception_is_reported_with_the_line_it_comes_from(check: Run, folder: Path) -> None:
    edit(folder / "task2a.py", "z = np.clip(X.dot(self.w), -500, 500)", "z = X + None  # é")
    output = check("--task=2a").test("test_forward_is_the_sigmoid")["output"]
    assert output.startswith(
        "Task 2a: task2a.BinaryModel.forward (equation 1)\n"
        "  raised TypeError: unsupported operand type(s) for +: 'float' and 'NoneType'\n"
        "  At:       task2a.py, line 29: z = X + None  # \\xe9\n"
        "  Likely:   something is None:"
    )


def test_what_depends_on_a_failed_check_is_skipped_and_says_on_which(
    check: Run, folder: Path
) -> None:
    edit(folder / "task2a.py", "-np.dot(X.T, targets - outputs)", "-np.dot(X.T, targets)")
    report = check("--task=2a")
    needed = report.test("test_backward_is_a_multiple_of_the_gradient")
    waiting = report.test("test_backward_is_the_gradient_of_the_loss")
    assert waiting["output"] == f"skipped: needs {needed['name']}"
    assert (waiting["score"], waiting["status"]) == (0, "failed")
    assert "failed: BinaryModel.backward; skipped: 2 that need them" in report.row("2a")


def test_results_are_written_when_a_module_of_checks_cannot_be_read(
    check_handout: Run, folder: Path
) -> None:
    (folder / "tests" / "test_task3a.py").write_text("def broken(:\n", encoding="utf-8")
    report = check_handout("--continue-on-collection-errors")
    assert report.results["max_score"] == 62
    assert report.results["score"] == 62 - POINTS["3a"]
    assert check_handout().results["max_score"] == 62


def test_other_tests_earn_nothing_and_pytest_says_how_to_leave_them_out(
    check_handout: Run, folder: Path
) -> None:
    (folder / "tests" / "library").mkdir()
    other = folder / "tests" / "library" / "test_other.py"
    other.write_text("def test_other():\n    raise NotImplementedError\n", encoding="utf-8")
    report = check_handout()
    assert "the assignment's checks: pytest; every test: pytest tests\n" in report.output
    assert report.exit_code == 1
    assert report.results["score"] == report.results["max_score"] == 62
    assert "def test_other" not in json.dumps(report.results)
    assert "test_other" not in [test["name"] for test in report.results["tests"]]


def test_advice_costs_nothing_and_is_shown_after_the_points(check: Run, folder: Path) -> None:
    edit(folder / "task2a.py", "np.clip(X.dot(self.w), -500, 500)", "X.dot(self.w)")
    report = check("--task=2a")
    assert report.exit_code == 0
    assert report.row("2a") == "2a      12 / 12"
    after = report.output.split("total   12 / 12\n")[1]
    assert after.startswith(
        "advice: task2a.BinaryModel.forward: NumPy warned on large weights; exp"
    )
    test = report.test("test_forward_does_not_overflow")
    assert (test["status"], test["score"], test["max_score"]) == ("failed", 0, 0)
    assert test["output"].startswith("Advice on Task 2a: task2a.BinaryModel.forward (equation 1)")


def test_what_was_handed_out_and_changed_is_named_as_such(check: Run, folder: Path) -> None:
    edit(folder / "task2.py", "accuracy_train, accuracy_val\n", "accuracy_val, accuracy_train\n")
    report = check("--task=2b")
    assert report.results["score"] == 9
    output = report.test("test_validation_step_is_as_it_was_handed_out")["output"]
    assert "Advice on Task 2b: task2.LogisticTrainer.validation_step" in output
    assert "  Note:     this was handed out complete, and has been changed." in output


@pytest.mark.parametrize(
    ("line", "likely"),
    [
        ("z = score", "this name is not known here: use an argument, or what is kept in self."),
        ('z = np.unicode_("0")', "NumPy 2 has another name for it; see the message."),
        ("z = np.alen(X)", "NumPy 2 has no such name any more"),
        ("z = nowhere.expit(X @ self.w)", "the assignment is written with NumPy alone."),
        ("z = np.zeros((10**7, 10**7))", "an N x N array? N is 20,000 images here"),
        ("z = np.zeros(2)\n        z[0] = np.ones(2)", "an array where one number belongs"),
    ],
)
def test_an_exception_has_a_likely_cause(check: Run, folder: Path, line: str, likely: str) -> None:
    edit(folder / "task2a.py", "z = np.clip(X.dot(self.w), -500, 500)", line)
    edit(folder / "task2a.py", "import utils\n", "import nowhere\nimport utils\n")
    output = check("--task=2a").test("test_forward_is_the_sigmoid")["output"]
    assert f"  Likely:   {likely}" in output


def test_an_argument_of_ones_own_without_a_default_is_named(check: Run, folder: Path) -> None:
    edit(folder / "task3a.py", "self, l2_reg_lambda: float", "self, l2_reg_lambda, momentum")
    output = check("--task=3a").test("test_forward_is_the_softmax")["output"]
    assert "SoftmaxModel() asks for an argument `momentum` of its own" in output
    assert "Likely:   give momentum a default value" in output


def test_prints_and_warnings_cost_nothing(check_handout: Run, folder: Path) -> None:
    noise = 'print("\\u00e9" * 9); __import__("warnings").warn("old", DeprecationWarning)'
    edit(folder / "task2a.py", "        self.I = 785", f"        {noise}\n        self.I = 785")
    edit(folder / "task2a.py", "import utils\n", f"import utils\n\n{noise}\n")
    assert check_handout("-W", "error").results["score"] == 62
