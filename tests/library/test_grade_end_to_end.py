"""The assignment's own checks, graded as an instructor does it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from course.checks import copy_checks
from course.grade import main
from lab.assignment import FILES, POINTS
from tests.library.fake_course import write_files
from tests.library.variants.variant import ROOT

WRONG = {  # what the right files end with: mistakes in Tasks 2a and 2b, and an end of Python in 2e
    "task2a.py": "cross_entropy_loss = lambda targets, outputs: float(np.sum(targets))\n",
    "task2.py": "LogisticTrainer.train_step = lambda *_: 0.0\n",
    "utils.py": "import os\nshuffled_order = lambda *_: os.abort()\n",
}


def test_a_mistake_costs_its_checks_and_an_end_of_python_its_task(tmp_path: Path) -> None:
    files = {name: (ROOT / name).read_text(encoding="utf-8") for name in FILES}
    wrong = {name: f"{text}\n{WRONG.get(name, '')}" for name, text in files.items()}
    write_files(tmp_path / "class" / "right", files)
    write_files(tmp_path / "class" / "wrong", wrong)
    out, project = tmp_path / "out", tmp_path / "project"
    copy_checks(ROOT, project)  # ROOT may hold the environment, which grading refuses
    assert main([str(tmp_path / "class"), "--out", str(out), "--timeout", "2400"], project) == 0
    with (out / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        right = next(csv.DictReader(file))
    points = {task: str(points) for task, points in POINTS.items()}
    assert right == {"name": "right", **points, "total": "62", "notes": ""}
    found = json.loads((out / "wrong.json").read_text(encoding="utf-8"))
    earned = {task: points["score"] for task, points in found["extra_data"]["tasks"].items()}
    assert {task for task in POINTS if earned[task] < POINTS[task]} == {"2a", "2b", "2e"}
    assert earned["2a"] > 0
    assert earned["2b"] == 0  # although checks of the same names pass in Task 3b
    assert earned["2e"] == 0
    (note,) = found["extra_data"]["notes"]
    assert note.startswith("Task 2e: Python was ended by SIGABRT in test_")
    failed = next(test for test in found["tests"] if test["status"] != "passed")
    assert "task2a.cross_entropy_loss (equation 3)" in failed["output"]
    assert failed["extra_data"]["summary"].startswith("task2a.cross_entropy_loss: ")
