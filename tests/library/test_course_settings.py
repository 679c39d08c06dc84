"""What an instructor may change: the points, the tasks, the checks, the definition of R."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from course.make_starter import AS_THEY_ARE, HALF
from lab.assignment import FILES, PACKAGES
from tests.library.submissions import read
from tests.library.variants.variant import ROOT

pytestmark = pytest.mark.usefixtures("unmeasured")


def hand_out(course: Path, changes: dict[str, str], dropped: tuple[str, ...]) -> Path:
    """Make the handout of a copy of the project with another statement of the assignment."""
    unwanted = shutil.ignore_patterns("library", "__pycache__")
    for folder in ("tests", "course", "explore", *PACKAGES):
        shutil.copytree(ROOT / folder, course / folder, ignore=unwanted)
    for name in (*FILES, *AS_THEY_ARE):
        shutil.copy(ROOT / name, course)
    file = course / "lab" / "assignment.py"
    text = file.read_text(encoding="utf-8")
    for task in dropped:
        entry = rf'^    Task\((?:"{task}"[^\n]*|\n        "{task}".*?\n    )\),\n'
        (found,) = re.findall(entry, text, re.MULTILINE | re.DOTALL)
        changes[found] = ""
    for old, new in changes.items():
        assert text.count(old) == 1
        text = text.replace(old, new)
    file.write_text(text, encoding="utf-8")
    readme = (ROOT / "course" / "README.md").read_text(encoding="utf-8")
    example = textwrap.dedent(readme.split("  ```python\n")[1].split("  ```")[0])
    (course / "tests" / "test_own.py").write_text(example, encoding="utf-8")
    command = [sys.executable, "-m", "course.make_starter", "handout"]
    subprocess.run(command, cwd=course, check=True, capture_output=True)
    return course / "handout"


@pytest.fixture(scope="module")
def handout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A handout in which everything that an instructor may change is changed."""
    changes = {
        '"the pieces of logistic regression",\n        12,': '"the pieces",\n        20,',
        '"L2 regularisation and the weights",\n        7,': '"L2",\n        14,',
        'L2 = "sum"': 'L2 = "half"',
    }
    return hand_out(tmp_path_factory.mktemp("course"), changes, ("2d",))


def grade(handout: Path, submission: str, *options: str) -> dict[str, Any]:
    read(submission).write(handout)
    file = handout / "results.json"
    command = [sys.executable, "-m", "pytest", "tests", "-q", f"--results={file}", *options]
    subprocess.run(
        [*command, "-p", "no:cacheprovider", "--assert=plain"],
        cwd=handout,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
    )
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


@pytest.fixture(scope="module")
def graded(handout: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A right submission, graded in that handout: right where R is the sum of squares."""
    copy = shutil.copytree(handout, tmp_path_factory.mktemp("graded") / "handout")
    return grade(copy, "starter_2023")


def test_points_reach_the_handout_and_are_shared_by_the_checks(
    handout: Path, graded: dict[str, Any]
) -> None:
    assert "| 2a | 20 | `task2a.pre" in (handout / "README.md").read_text(encoding="utf-8")
    text = (handout / "ASSIGNMENT.md").read_text(encoding="utf-8")
    assert "### Task 2a: the pieces\n\n20 points." in text
    assert "worth 73 points, the others 38." in text
    tasks = graded["extra_data"]["tasks"]
    points = {task: (tasks[task]["score"], tasks[task]["max_score"]) for task in tasks}
    assert (points["2a"], points["3a"], points["4b"]) == ((20, 20), (14, 14), (11, 14))
    assert (graded["score"], graded["max_score"]) == (70, 73)


def test_a_check_is_added_as_the_readme_has_it(graded: dict[str, Any]) -> None:
    own = next(t for t in graded["tests"] if t["name"] == "test_a_new_model_has_no_gradient")
    assert (own["status"], own["score"]) == ("passed", pytest.approx(20 / 13, abs=1e-5))


def test_a_dropped_task_is_neither_asked_nor_graded(handout: Path, graded: dict[str, Any]) -> None:
    for name in ("ASSIGNMENT.md", "README.md", "AssignmentReport.ipynb"):
        text = (handout / name).read_text(encoding="utf-8")
        assert "2c" in text
        assert not re.search(r"Task 2d|\| 2d |question-2d", text), name
    assert 'NotImplementedError("Task 2d' not in (handout / "trainer.py").read_text("utf-8")
    assert "2d" not in graded["extra_data"]["tasks"]


def test_r_is_half_the_sum_of_squares(
    handout: Path, graded: dict[str, Any], tmp_path: Path
) -> None:
    text = (handout / "ASSIGNMENT.md").read_text(encoding="utf-8")
    assert r"$$R(w) = \frac{1}{2} \lVert w \rVert^2 = " in text
    model = (handout / "task3a.py").read_text(encoding="utf-8")
    assert all(new in model and old not in model for old, new in HALF)
    failed = next(t for t in graded["tests"] if t["number"][:2] == "4b" and t["status"] == "failed")
    likely = "twice what it should be if R is half the sum of all squares"
    assert likely in failed["output"]
    copy = shutil.copytree(handout, tmp_path / "handout")
    assert grade(copy, "missing_factor_2", "--task=4b")["score"] == 14


def test_a_dropped_task_gives_no_derivation_away(tmp_path: Path) -> None:
    handout = hand_out(tmp_path, {}, ("2a", "3a", "4b"))
    readme = (handout / "README.md").read_text("utf-8")
    for asked, function in {
        "1a": "task2a.BinaryModel.backward",
        "1b": "task3a.SoftmaxModel.backward",
        "4a": "task3a.SoftmaxModel.penalty_gradient",
    }.items():
        module = (handout / f"{function.split('.')[0]}.py").read_text(encoding="utf-8")
        assert f'NotImplementedError("Task {asked}: write {function}")' in module
        assert f"| {asked} | report | `{function}` |" in readme
