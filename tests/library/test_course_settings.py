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


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the project, as far as an instructor's tools need it."""
    unwanted = shutil.ignore_patterns("library", "__pycache__")
    for folder in ("tests", "course", *PACKAGES):
        shutil.copytree(ROOT / folder, tmp_path / "course" / folder, ignore=unwanted)
    for name in (*FILES, *AS_THEY_ARE):
        shutil.copy(ROOT / name, tmp_path / "course")
    return tmp_path / "course"


def edit(course: Path, old: str, new: str) -> None:
    file = course / "lab" / "assignment.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def drop(course: Path, task: str) -> None:
    text = (course / "lab" / "assignment.py").read_text(encoding="utf-8")
    entry = rf'^    Task\((?:"{task}"[^\n]*|\n        "{task}".*?\n    )\),\n'
    (found,) = re.findall(entry, text, re.MULTILINE | re.DOTALL)
    edit(course, found, "")


def hand_out(course: Path) -> Path:
    """Make the handout with the course's own tools."""
    command = [sys.executable, "-m", "course.make_starter", "handout"]
    subprocess.run(command, cwd=course, check=True, capture_output=True, timeout=60)
    return course / "handout"


def grade(course: Path, submission: str, *options: str) -> dict[str, Any]:
    read(submission).write(course)
    file = course / "results.json"
    command = [sys.executable, "-m", "pytest", "tests", "-q", f"--results={file}", *options]
    subprocess.run(
        [*command, "-p", "no:cacheprovider", "--assert=plain"],
        cwd=course,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        timeout=600,
    )
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_the_points_of_a_task_are_shared_by_its_checks(course: Path) -> None:
    edit(course, '"L2 regularisation and the weights",\n        7,', '"L2",\n        14,')
    found = grade(course, "missing_factor_2")  # without the 2 of 2 lambda w
    assert found["max_score"] == 69
    assert found["extra_data"]["tasks"]["4b"]["score"] == 11
    assert found["extra_data"]["tasks"]["3a"]["score"] == 14


def test_points_reach_the_handout_and_the_grades(course: Path) -> None:
    edit(course, '"the pieces of logistic regression",\n        12,', '"the pieces",\n        20,')
    handout = hand_out(course)
    assert "| 2a | 20 | `task2a.pre" in (handout / "README.md").read_text(encoding="utf-8")
    text = (handout / "ASSIGNMENT.md").read_text(encoding="utf-8")
    assert "### Task 2a: the pieces\n\n20 points." in text
    assert "worth 70 points" in text
    found = grade(handout, "starter_2023")
    assert found["extra_data"]["tasks"]["2a"] == {"score": 20, "max_score": 20, "notes": ""}
    assert found["max_score"] == 70


def test_a_dropped_task_is_neither_asked_nor_graded(course: Path) -> None:
    drop(course, "2d")
    handout = hand_out(course)
    for name in ("ASSIGNMENT.md", "README.md", "AssignmentReport.ipynb"):
        text = (handout / name).read_text(encoding="utf-8")
        assert "2c" in text
        assert not re.search(r"Task 2d|\| 2d |question-2d", text), name
    assert 'NotImplementedError("Task 2d' not in (handout / "trainer.py").read_text("utf-8")
    found = grade(handout, "inner_break")  # which loses points in Task 2d
    assert "2d" not in found["extra_data"]["tasks"]
    assert (found["score"], found["max_score"]) == (57.5, 58)


@pytest.mark.parametrize(
    ("dropped", "function", "asked"),
    [
        ("4b", "task3a.SoftmaxModel.penalty_gradient", "4a"),
        ("2a", "task2a.BinaryModel.backward", "1a"),
        ("3a", "task3a.SoftmaxModel.backward", "1b"),
    ],
)
def test_a_dropped_task_gives_no_derivation_away(
    course: Path, dropped: str, function: str, asked: str
) -> None:
    drop(course, dropped)
    handout = hand_out(course)
    module = (handout / f"{function.split('.')[0]}.py").read_text(encoding="utf-8")
    assert f'NotImplementedError("Task {asked}: write {function}")' in module
    assert f"| {asked} | report | `{function}` |" in (handout / "README.md").read_text("utf-8")


def test_a_check_is_added_as_the_readme_has_it(course: Path) -> None:
    readme = (ROOT / "course" / "README.md").read_text(encoding="utf-8")
    example = textwrap.dedent(readme.split("  ```python\n")[1].split("  ```")[0])
    (course / "tests" / "test_own.py").write_text(example, encoding="utf-8")
    found = grade(hand_out(course), "starter_2023", "--task=2a")
    own = next(t for t in found["tests"] if t["name"] == "test_a_new_model_has_no_gradient")
    assert (own["status"], own["score"]) == ("passed", pytest.approx(12 / 13, abs=1e-5))
    assert (found["score"], found["max_score"]) == (12, 12)


def test_r_is_half_the_sum_of_squares(course: Path) -> None:
    edit(course, 'L2 = "sum"', 'L2 = "half"')
    handout = hand_out(course)
    text = (handout / "ASSIGNMENT.md").read_text(encoding="utf-8")
    assert r"$$R(w) = \frac{1}{2} \lVert w \rVert^2 = " in text
    report = (handout / "AssignmentReport.ipynb").read_text(encoding="utf-8")
    assert r"with $R(w) = \\frac{1}{2}" in report
    model = (handout / "task3a.py").read_text(encoding="utf-8")
    assert all(new in model and old not in model for old, new in HALF)
    assert grade(handout, "missing_factor_2", "--task=4b")["score"] == 7
    found = grade(handout, "starter_2023", "--task=4b")
    assert found["score"] == 5.5
    output = next(test["output"] for test in found["tests"] if test["status"] == "failed")
    assert "twice what it should be: in this course R is half the sum of all squares" in output
