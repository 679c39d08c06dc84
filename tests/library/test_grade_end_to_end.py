"""An instructor changes points, tasks, checks and R, hands out, and grades with these checks."""

import json
import re
import runpy
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from course.make_starter import AS_THEY_ARE, HALF
from lab.assignment import FILES, PACKAGES, POINTS
from tests.library.fake_course import write_files
from tests.library.submissions import read
from tests.library.variants.variant import ROOT, solution

pytestmark = pytest.mark.usefixtures("unmeasured")

CHANGES = {
    '"the pieces of logistic regression",\n        12,': '"the pieces",\n        20,',
    '"L2 regularisation and the weights",\n        7,': '"L2",\n        14,',
    'L2 = "sum"': 'L2 = "half"',
}
NOW = POINTS | {"2a": 20, "4b": 14}
del NOW["2d"]
WRONG = {  # what the files end with: mistakes in Tasks 2a and 2b, and an end of Python in 2e
    "task2a.py": "cross_entropy_loss = lambda targets, outputs: float(np.sum(targets))\n",
    "task2.py": "LogisticTrainer.train_step = lambda *_: 0.0\n",
    "utils.py": "import os\nshuffled_order = lambda *_: os.abort()\n",
}


def statement(*dropped: str) -> str:
    """Return the text of lab/assignment.py without some tasks."""
    text = (ROOT / "lab" / "assignment.py").read_text(encoding="utf-8")
    for task in dropped:
        entry = rf'^    Task\((?:"{task}"[^\n]*|\n        "{task}".*?\n    )\),\n'
        text, count = re.subn(entry, "", text, flags=re.MULTILINE | re.DOTALL)
        assert count == 1
    return text


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with the changes, and what its tools write: handout and graded."""
    course = tmp_path_factory.mktemp("course")
    unwanted = shutil.ignore_patterns("library", "__pycache__")
    for folder in ("tests", "course", "explore", *PACKAGES):
        shutil.copytree(ROOT / folder, course / folder, ignore=unwanted)
    for name in (*FILES, *AS_THEY_ARE):
        shutil.copy(ROOT / name, course)
    readme = (ROOT / "course" / "README.md").read_text(encoding="utf-8")
    example = textwrap.dedent(readme.split("  ```python\n")[1].split("  ```")[0])
    changed = statement("2d")
    for old, new in CHANGES.items():
        assert changed.count(old) == 1
        changed = changed.replace(old, new)
    write_files(course, {"lab/assignment.py": changed, "tests/test_own.py": example})
    wrong = {name: f"{text}\n{WRONG.get(name, '')}" for name, text in solution().items()}
    write_files(course / "class" / "wrong", wrong)  # in Task 4b too: R is the sum of squares in it
    write_files(course / "class" / "right", read("missing_factor_2").files)
    for command in ("make_starter handout", "grade class --out graded --timeout 2400"):
        arguments = [sys.executable, "-m", *f"course.{command}".split()]
        subprocess.run(arguments, cwd=course, check=True, capture_output=True)
    return course


def test_the_handout_follows_the_statement_of_the_assignment(course: Path) -> None:
    files = [path for path in (course / "handout").iterdir() if path.is_file()]
    texts = {path.name: path.read_text("utf-8") for path in files}
    assert "| 2a | 20 | `task2a.pre" in texts["README.md"]
    assert "### Task 2a: the pieces\n\n20 points." in texts["ASSIGNMENT.md"]
    assert "worth 73 points, the others 38." in texts["ASSIGNMENT.md"]
    assert not re.search(r"Task 2d|\| 2d |question-2d", "".join(texts.values()))
    assert r"$$R(w) = \frac{1}{2} \lVert w \rVert^2 = " in texts["ASSIGNMENT.md"]
    assert all(new in texts["task3a.py"] and old not in texts["task3a.py"] for old, new in HALF)


def test_a_mistake_costs_its_checks_and_an_end_of_python_its_task(course: Path) -> None:
    points = ",".join(map(str, NOW.values()))
    assert f"\nright,{points},73,\n" in (course / "graded" / "grades.csv").read_text("utf-8")
    found = json.loads((course / "graded" / "wrong.json").read_text(encoding="utf-8"))
    earned = {task: points["score"] for task, points in found["extra_data"]["tasks"].items()}
    lost = {task: NOW[task] - earned[task] for task in NOW if earned[task] < NOW[task]}
    assert lost == {"2a": lost["2a"], "2b": NOW["2b"], "2e": NOW["2e"], "4b": 3}
    assert earned["2a"] > 0
    # although checks of the names of those of Task 2b pass in Task 3b
    (note,) = found["extra_data"]["notes"]
    assert note.startswith("Task 2e: Python was ended by SIGABRT in test_")
    failed = [test for test in found["tests"] if test["status"] != "passed"]
    assert "task2a.cross_entropy_loss (equation 3)" in failed[0]["output"]
    assert failed[0]["extra_data"]["summary"].startswith("task2a.cross_entropy_loss: ")
    assert "twice what it should be if R is half the sum of all squares" in failed[-1]["output"]
    (own,) = (test for test in found["tests"] if test["name"] == "test_a_new_model_has_no_gradient")
    assert own["score"] == pytest.approx(20 / 13, abs=1e-5)  # the README adds it


def test_a_dropped_task_gives_no_derivation_away(tmp_path: Path) -> None:
    file = write_files(tmp_path, {"a.py": statement("2a", "3a", "4b")}) / "a.py"
    functions = runpy.run_path(str(file))["FUNCTIONS"]
    assert functions["task2a.BinaryModel.backward"] == "1a"
    assert functions["task3a.SoftmaxModel.backward"] == "1b"
    assert functions["task3a.SoftmaxModel.penalty_gradient"] == "4a"
