"""The assignment's own checks, graded from a copy that has what grading needs and nothing else."""

from __future__ import annotations

import csv
import json
import shutil
import site
import subprocess
import venv
from pathlib import Path

import pytest

from course.checks import FOLDERS
from lab.assignment import FILES
from tests.library.fake_course import write_files
from tests.library.variants.variant import ROOT

pytestmark = pytest.mark.usefixtures("unmeasured")

# {name: (what the right task2a.py ends with, points, a part of each note)}
SUBMISSIONS: dict[str, tuple[str, float, str]] = {
    "right": ("", 62, ""),
    "returns_none": (
        "pre_process_images = lambda X: None\n"
        "cross_entropy_loss = lambda targets, outputs: None\n"
        "BinaryModel.forward = lambda self, X: None\n"
        "BinaryModel.backward = lambda self, X, outputs, targets: None\n",
        50,
        "failed checks got None",
    ),
    "returns_nan": (
        "pre_process_images = lambda X: np.full((len(X), 785), np.nan)\n"
        "cross_entropy_loss = lambda targets, outputs: np.nan\n"
        "BinaryModel.forward = lambda self, X: np.full((len(X), 1), np.nan)\n",
        55,
        "failed checks got nan",
    ),
    "loops": ("while True: pass", 9, "Failed: Timeout (>5.0s)"),
    "dies": (
        "import os\ncross_entropy_loss = lambda targets, outputs: os.abort()\n",
        50,
        "Python was ended by SIGABRT",
    ),
    "accepts_all": (
        "import sys\nsys.modules['tests.checks.mistake'].expect = lambda *_, **__: None\n",
        0,
        "no points: the checks were changed while they ran; look at the code yourself",
    ),
}


def make_environment(folder: Path) -> str:
    """Make a virtual environment with the packages of this one; return its Python."""
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    paths = [*site.getsitepackages(), site.getusersitepackages()]
    (packages / "packages.pth").write_text("\n".join(paths))
    return str(folder / "bin" / "python")


def grade(python: str, project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [python, "-m", "course.grade", *arguments]
    return subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=500)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("project")
    ignore = shutil.ignore_patterns("library", "__pycache__")
    for name in ("course", *FOLDERS):
        shutil.copytree(ROOT / name, project / name, ignore=ignore)
    return project


@pytest.fixture(scope="module")
def graded(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    top = tmp_path_factory.mktemp("grade")
    files = {name: (ROOT / name).read_text(encoding="utf-8") for name in FILES}
    for name, (end, _, _) in SUBMISSIONS.items():
        text = f"{files['task2a.py']}\n{end}"
        write_files(top / "class" / name, {**files, "task2a.py": text})
    python = make_environment(top / "environment")
    done = grade(python, project, str(top / "class"), "--out", str(top / "out"), "--jobs", "2")
    assert done.returncode == 0, done.stderr
    return top / "out"


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_a_submission_gets_its_points_and_a_note_where_the_checks_say_too_little(
    graded: Path, name: str
) -> None:
    _, points, note = SUBMISSIONS[name]
    report = json.loads((graded / f"{name}.json").read_text(encoding="utf-8"))
    notes = report["extra_data"]["notes"]
    assert (report["score"], bool(notes)) == (points, bool(note))
    assert all(note in found for found in notes)
    with (graded / "grades.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    assert (float(rows[name]["total"]), rows[name]["notes"]) == (points, "; ".join(notes))


def test_a_check_that_was_stopped_is_explained(graded: Path) -> None:
    page = (graded / "loops.md").read_text(encoding="utf-8")
    assert "what runs the script belongs under `if __name__" in page


def test_an_environment_inside_the_project_is_refused_in_one_line(
    project: Path, tmp_path: Path
) -> None:
    write_files(tmp_path / "ann", {name: (ROOT / name).read_text("utf-8") for name in FILES})
    arguments = str(tmp_path / "ann"), "--out", str(tmp_path / "out")
    done = grade(make_environment(project / ".venv"), project, *arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert f"{project / '.venv'} is inside the project" in done.stderr
    assert "python3 -m venv ~/grading" in done.stderr
    assert not (tmp_path / "out").exists()
