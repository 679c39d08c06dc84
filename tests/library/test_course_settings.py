"""What an instructor may change: the points, the tasks, the checks, the definition of R."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from course import make_starter as handout
from course import notebook
from tests.library.submissions import read
from tests.library.variants.variant import ROOT


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """A copy of the checks and of the statement of the assignment."""
    for folder in ("tests", "lab"):
        unwanted = shutil.ignore_patterns("library", "__pycache__")
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=unwanted)
    return tmp_path


def edit(course: Path, old: str, new: str) -> None:
    file = course / "lab" / "assignment.py"
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), encoding="utf-8")


def grade(course: Path, submission: str, *options: str) -> dict[str, Any]:
    read(submission).write(course)
    file = course / "results.json"
    command = [sys.executable, "-m", "pytest", "tests", "-q", f"--results={file}", *options]
    subprocess.run(
        [*command, "-p", "no:cacheprovider", "--assert=plain"],
        cwd=course,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        timeout=60,
    )
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return found


def test_the_points_of_a_task_are_shared_by_its_checks(course: Path) -> None:
    edit(course, '"L2 regularisation and the weights",\n        7,', '"L2",\n        14,')
    found = grade(course, "missing_factor_2")  # without the 2 of 2 lambda w
    assert found["max_score"] == 69
    assert found["extra_data"]["tasks"]["4b"]["score"] == 11
    assert found["extra_data"]["tasks"]["3a"]["score"] == 14


def test_a_task_is_dropped(course: Path) -> None:
    text = (course / "lab" / "assignment.py").read_text(encoding="utf-8")
    task = text[text.index('    Task("2d"') : text.index('    Task(\n        "2e"')]
    edit(course, task, "")
    found = grade(course, "inner_break")  # which loses points in Task 2d
    assert "2d" not in found["extra_data"]["tasks"]
    assert (found["score"], found["max_score"]) == (57.5, 58)


def test_a_check_is_added_as_the_readme_has_it(course: Path) -> None:
    readme = (ROOT / "course" / "README.md").read_text(encoding="utf-8")
    example = textwrap.dedent(readme.split("  ```python\n")[1].split("  ```")[0])
    (course / "tests" / "test_own.py").write_text(example, encoding="utf-8")
    found = grade(course, "starter_2023", "--task=2a")
    own = next(t for t in found["tests"] if t["name"] == "test_a_new_model_has_no_gradient")
    assert (own["status"], own["score"]) == ("passed", pytest.approx(12 / 13, abs=1e-5))
    assert (found["score"], found["max_score"]) == (12, 12)


def test_r_is_half_the_sum_of_squares(course: Path) -> None:
    edit(course, 'L2 = "sum"', 'L2 = "half"')
    assert grade(course, "missing_factor_2", "--task=4b")["score"] == 7
    found = grade(course, "starter_2023", "--task=4b")
    assert found["score"] == 5.5
    said = next(test["output"] for test in found["tests"] if test["status"] == "failed")
    assert "the 2 is one too many: in this course R is half the sum of all squared weights" in said


def test_the_handout_says_which_r_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    source = (ROOT / "task3a.py").read_text(encoding="utf-8")
    whole = handout.starter_file("task3a.py", source)
    monkeypatch.setattr(handout, "L2", "half")
    half = handout.starter_file("task3a.py", source)
    assert all(old in whole and old not in half and new in half for old, new in handout.HALF)
    assert r"+ \lambda \lVert w" in notebook.QUESTIONS["4a"]
