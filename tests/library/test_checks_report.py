"""What a student and a grader see: the first lines, the table of points, the results file."""

import json
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from lab.assignment import FUNCTIONS, POINTS
from tests.checks.explain import explain
from tests.checks.outcomes import Outcomes
from tests.checks.points import Check
from tests.checks.student import StudentFiles
from tests.library.conftest import Capture, Patch
from tests.library.proof import CHECKS, SLOW, run_pytest
from tests.library.variants.variant import ROOT, Variant

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

    def row(self, task: str) -> str:
        table = self.output.split(" points ")[-1].splitlines()
        return next(line for line in table if line.startswith(task))


Run = Callable[..., Report]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a right solution."""
    folder = tmp_path / "files"
    folder.mkdir()
    Variant("as it is").write(folder)
    return folder


@pytest.fixture
def check(folder: Path, tmp_path: Path, monkeypatch: Patch) -> Run:
    """Run the checks on the folder, without slow advice."""

    def run(*options: str) -> Report:
        monkeypatch.chdir(tmp_path)
        options = f"--folder={folder}", "--results=results.json", f"-knot {SLOW}", *options
        code, output = run_pytest(*options)
        return Report(code, output, json.loads((tmp_path / "results.json").read_text("utf-8")))

    return run


def edit(folder: Path, module: str, old: str, new: str) -> None:
    file = folder / f"{module}.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_a_right_solution_has_all_points_whatever_it_prints(check: Run, folder: Path) -> None:
    noise = 'print("\\u00e9" * 9); __import__("warnings").warn("old", DeprecationWarning)'
    edit(folder, "task2a", "        self.I = 785", f"        {noise}\n        self.I = 785")
    edit(folder, "task2a", "import utils\n", f"import utils\n\n{noise}\n")
    report = check("-Werror")
    assert (report.exit_code, report.scores) == (0, POINTS)
    assert report.row("total") == "total   62 / 62"


def test_unreadable_checks_earn_nothing(check: Run, tmp_path: Path, monkeypatch: Patch) -> None:
    (tmp_path / "test_task3a.py").write_text("def broken(:\n")
    (tmp_path / "test_mine.py").write_text("def test_mine():\n    raise NotImplementedError\n")
    files = [file for file in CHECKS if "task3a" not in file] + [str(tmp_path)]
    monkeypatch.setattr("tests.library.proof.CHECKS", files)
    report = check("--continue-on-collection-errors")
    assert (report.results["score"], report.results["max_score"]) == (62 - POINTS["3a"], 62)
    assert report.test("checks of Task 3a that could not be read")["max_score"] == POINTS["3a"]
    assert "test_mine" not in json.dumps(report.results)


def test_points_are_not_counted_in_several_processes(capsys: Capture) -> None:
    code = pytest.main([f"--rootdir={ROOT}", CHECKS[-1], "-n2", "--collect-only", "--results=f"])
    assert code == pytest.ExitCode.USAGE_ERROR
    assert "leave out -n" in capsys.readouterr().err


def test_results_follow_gradescopes_schema_and_advice_is_free(check: Run, folder: Path) -> None:
    edit(folder, "utils", "import numpy as np\n", "import numpy as np, os\nos.chdir('/')\n")
    edit(folder, "task2a", LOGITS, "X.dot(self.w)")
    edit(folder, "task2a", "-> None:\n        self.grad = None", "-> None:\n        pass")
    edit(folder, "task3a", "self.grad += 2 *", "self.grad += 1 *")
    report = check()
    results = report.results
    assert (results["score"], results["max_score"]) == (60.5, 62)
    assert report.scores == POINTS | {"4b": 5.5}
    assert "4b     5.5 /  7  failed: SoftmaxModel.backward\n" in results["output"]
    assert len({test["number"] for test in results["tests"]}) == len(results["tests"])
    for test in results["tests"]:
        assert test["status"] in ("passed", "failed")
        assert 0 <= test["score"] <= test["max_score"]
        assert test["number"].startswith(f"{test['tags'][0]}.")
    test = report.test("test_forward_does_not_overflow")
    assert (test["status"], test["score"], test["max_score"]) == ("failed", 0, 0)
    output = report.test("test_zero_grad_is_as_it_was_handed_out")["output"]
    assert "  Note:     this was handed out complete, and has been changed." in output


def test_nothing_written_is_a_line_for_each_task(check: Run, folder: Path) -> None:
    unwritten = tuple((function, "raise NotImplementedError") for function in FUNCTIONS)
    Variant("unwritten", bodies=unwritten).write(folder)
    report = check()
    assert report.exit_code == 1
    assert set(report.scores.values()) == {0}
    assert report.row("2a").startswith("2a       0 / 12  not written yet: pre_process_images, ")
    assert report.output.count(" is not written yet") == 1
    assert "Task 2a: task2a.pre_process_images is not written yet\n" in report.output
    assert "All of one task, and its advice: pytest --task 2a\n" in report.output
    assert check("--task=2a").output.count(" is not written yet") == 4  # once for each function


def test_of_several_tasks_one_failure_is_shown_on_one_screen(check: Run, folder: Path) -> None:
    edit(folder, "task2a", "targets - outputs)", "print('mine') or targets)")
    edit(folder, "task2a", LOGITS, "X.dot(self.w)")
    edit(folder, "task3a", "self.grad += 2 *", "self.grad += 1 *")
    report = check()
    assert report.output.count("  Likely:   ") == 1
    assert "  Likely:   the outputs are missing." in report.output
    assert "failed: SoftmaxModel.backward" in report.row("4b")
    assert "\nadvice: " not in report.output
    assert "mine" not in report.output
    assert sum(-(-len(line) // 80) or 1 for line in report.output.splitlines()) <= 24
    asked_for = check("--task=2a", "--task=4b").output
    assert asked_for.count("  Likely:   ") > 1
    assert "\nadvice: " in asked_for
    stopped = check("--next")
    assert "mine" in stopped.output
    assert "failed: BinaryModel.backward; not run: " in stopped.row("2a")
    assert "\n2b " not in stopped.output


def test_a_failure_is_printed_once_and_what_needs_it_is_skipped(check: Run, folder: Path) -> None:
    edit(folder, "task2a", "targets - outputs)", "targets)")
    report = check("--task=2a")
    failures = report.output.split(" FAILURES ")[1].split(" points ")[0]
    heading, *lines, _ = failures.splitlines()[1:]
    failed = report.test("test_backward_is_a_multiple_of_the_gradient")
    assert heading.strip("_ ") == failed["name"]
    assert lines == failed["output"].splitlines()
    assert lines[0] == "Task 2a: task2a.BinaryModel.backward (equation 6)"
    assert [line.split()[0] for line in lines[2:]] == ["Expected:", "Got:", "At:", "Likely:"]
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
    outcomes.add("id", "test_forward", Check("2a", 1, "task2a.forward"))
    outcomes["id"].status = "failed"
    for task, blocker in (("2a", outcomes["id"]), ("3a", None)):
        assert outcomes.blocker(Check(task, 1, "f", needs=("test_forward",))) is blocker


def test_a_module_that_cannot_be_imported_costs_its_own_tasks(check: Run, folder: Path) -> None:
    (folder / "task3a.py").write_text("import utils\n" + "1 = utils\n" * 7, encoding="utf-8")
    (folder / "task2.py").write_text("import nowhere\nassert nowhere.f()\n", encoding="utf-8")
    report = check()
    lost = {task for task, score in report.scores.items() if score != POINTS[task]}
    assert lost == {"2b", "2c", "3a", "4b"}  # the functions of Task 3b and 3c are there
    outputs = [(test["tags"][0], test["output"]) for test in report.results["tests"]]
    fault = "cannot be imported: task3a.py, line 2: SyntaxError: cannot assign to literal"
    assert [task for task, output in outputs if fault in output] == ["3a", "4b"]  # once each
    waits = "skipped: needs task3a.py to import, see test_one_hot_encode_puts_a_1_at_the_label"
    assert ("3a", waits) in outputs
    note = "task3.py, line 7: task3a.py cannot be imported; only its use fails."
    assert note in report.results["extra_data"]["notes"]


@pytest.mark.skipif(not hasattr(signal, "SIGPROF"), reason="the limit is a signal of POSIX")
@pytest.mark.parametrize(("times", "score"), [(99, 0), (1, 9)])
def test_a_slow_check_runs_once_more(check: Run, folder: Path, times: int, score: float) -> None:
    over = "        TIMES and signal.raise_signal(signal.SIGPROF * TIMES.pop())\n"
    edit(folder, "task2", "        outputs = self.model", f"{over}        outputs = self.model")
    edit(folder, "task2", "import utils\n", f"import signal\nTIMES = [1] * {times}\n")
    report = check("--task=2b")
    assert report.results["score"] == score
    assert ("note: task2.LogisticTrainer.train_step: stopped, it" in report.output) == (times > 1)


@pytest.mark.parametrize(
    ("expression", "likely"),
    [
        ("X + None", "something is None: a `return` is missing"),
        ("score", "this name is not known here: use an argument, or what is kept in self."),
        ('np.unicode_("0")', "NumPy 2 has another name for it; see the message."),
        ("nowhere.expit(X)", "the assignment is written with NumPy alone."),
        ("np.zeros((10**7, 10**7))", "an N x N array? N is 20,000 images here: keep"),
        ("np.put(np.zeros((2, 2)), 0, [X, [X]])", "an array where one number belongs"),
    ],
)
def test_an_exception_has_its_line_and_cause(tmp_path: Path, expression: str, likely: str) -> None:
    text = "import nowhere\nimport numpy as np\n\ndef forward(X):\n    return scores(X)\n\n"
    text += f"def scores(X):\n    return {expression}  # é\n"
    (tmp_path / "task2a.py").write_text(text, encoding="utf-8")
    files = StudentFiles(tmp_path)
    files.open()
    try:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - of any kind
            files.require("task2a.forward")(3)
        failure = explain(Check("2a", 1, "task2a.forward"), caught.value, files)
    finally:
        files.close()
    at = f"  At:       task2a.py, line 8: return {expression}  # \\xe9\n"
    assert f"{at}  Likely:   {likely}" in failure.text
