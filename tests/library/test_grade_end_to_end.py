"""The assignment's own checks, graded as an instructor does it."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from course.grade import main
from lab.assignment import FILES, POINTS
from tests.library.fake_course import write_files
from tests.library.variants.variant import ROOT

WRONG = {  # what the right files end with: mistakes in Tasks 2a and 2b, and an end of Python in 2e
    "task2a.py": "cross_entropy_loss = lambda targets, outputs: float(np.sum(targets))\n",
    "task2.py": "LogisticTrainer.train_step = lambda *_: 0.0\n",
    "utils.py": "import os\nshuffled_order = lambda *_: os.abort()\n",
}


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("grade")
    files = {name: (ROOT / name).read_text(encoding="utf-8") for name in FILES}
    wrong = {name: f"{text}\n{WRONG.get(name, '')}" for name, text in files.items()}
    write_files(top / "class" / "right", files)
    write_files(top / "class" / "wrong", wrong)
    arguments = [str(top / "class"), "--out", str(top / "out"), "--timeout", "2400"]
    assert main(arguments, ROOT) == 0
    return top / "out"


def report(graded: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((graded / f"{name}.json").read_text(encoding="utf-8"))
    return found


def test_a_right_submission_earns_every_point_of_each_task(graded: Path) -> None:
    with (graded / "grades.csv").open(encoding="utf-8", newline="") as file:
        row = next(row for row in csv.DictReader(file) if row["name"] == "right")
    points = {task: str(points) for task, points in POINTS.items()}
    assert row == {"name": "right", **points, "total": "62", "notes": ""}
    assert {test["status"] for test in report(graded, "right")["tests"]} == {"passed"}


def test_a_mistake_costs_its_checks_and_an_end_of_python_its_task(graded: Path) -> None:
    found = report(graded, "wrong")
    lost = {
        task: POINTS[task] - points["score"]
        for task, points in found["extra_data"]["tasks"].items()
        if points["score"] < POINTS[task]
    }
    assert set(lost) == {"2a", "2b", "2e"}
    assert 0 < lost["2a"] < POINTS["2a"]
    assert lost["2b"] == POINTS["2b"]  # although checks of the same names pass in Task 3b
    assert lost["2e"] == POINTS["2e"]
    (note,) = found["extra_data"]["notes"]
    assert note.startswith("Task 2e: Python was ended by SIGABRT in test_")
    failed = next(test for test in found["tests"] if test["status"] != "passed")
    assert "task2a.cross_entropy_loss (equation 3)" in failed["output"]
    assert failed["extra_data"]["summary"].startswith("task2a.cross_entropy_loss: ")
