"""Gradescope's zip and GitHub Classroom's workflow, as these services use them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from course.classroom import main as show
from course.grade import parse
from course.gradescope import build, main
from course.points import make_report
from lab.assignment import FILES
from tests.library.fake_course import OTHER, RIGHT, make_course, write_files
from tests.library.variants.variant import ROOT

SERVICES = ROOT / "course" / "services"


@pytest.fixture
def autograder(tmp_path: Path) -> Path:
    """Unpack the autograder of a small course as Gradescope does, at another place."""
    project = write_files(make_course(tmp_path / "course"), dict.fromkeys(FILES, "solution = 1\n"))
    root = tmp_path / "autograder"
    build(tmp_path / "autograder.zip", project)
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        archive.extractall(root / "source")
    own = {"task2a.py": "", "task3a.py": "from helper import answer\n", "helper.py": OTHER}
    write_files(root / "submission" / "assignment_code", RIGHT | own)
    return root


def run(root: Path, python: str = sys.executable) -> dict[str, Any]:
    environment = {**os.environ, "AUTOGRADER_ROOT": str(root), "AUTOGRADER_PYTHON": python}
    subprocess.run(["bash", root / "source" / "run_autograder"], env=environment, check=True)
    results: dict[str, Any] = json.loads((root / "results" / "results.json").read_text())
    return results


def test_the_zip_has_the_checks_and_two_scripts_that_can_be_run_but_no_solution(
    tmp_path: Path,
) -> None:
    for name in ("a.zip", "b.zip"):
        assert main([str(tmp_path / name)]) == 0
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()}
        dates = {info.date_time for info in archive.infolist()}
        text = "\n".join(archive.read(name).decode() for name in modes)
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    assert {"tests/conftest.py", "lab/__init__.py", "course/grade.py"} <= set(modes)
    assert dates == {(1980, 1, 1, 0, 0, 0)}  # so that it is the same tomorrow
    assert not {Path(name).name for name in modes} & set(FILES)
    assert not [name for name in modes if "library" in name or "__pycache__" in name]
    assert "self.grad = X.T @ (outputs - targets) / len(X)" not in text


def test_a_zip_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(tmp_path, {"file": ""})
    assert main([str(tmp_path / "file" / "a.zip")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_submission_is_graded_from_gradescopes_layout(autograder: Path) -> None:
    results = run(autograder)
    assert (results["score"], results["max_score"]) == (3, 6)
    assert [test["status"] for test in results["tests"]] == ["failed", "passed", "passed"]
    assert {"output", "visibility", "stdout_visibility", "execution_time"} <= set(results)


def test_an_autograder_that_fails_says_so(autograder: Path) -> None:
    write_files(autograder / "results", {"results.json": '{"score": 62}'})
    assert run(autograder, "false") == {
        "score": 0,
        "output": "The autograder failed. Please tell your instructor.",
    }


def test_both_services_install_the_students_packages_and_pytest_timeout() -> None:
    subprocess.run(["bash", "-n", SERVICES / "setup.sh"], check=True)
    for file in ("setup.sh", "classroom.yml"):
        text = (SERVICES / file).read_text()
        assert re.search(r'pip"? install "?\S+/course/starter"? pytest-timeout\n', text)


TESTS = [
    {"number": "2a.1", "name": "test_a", "score": 3.0, "max_score": 3.0, "status": "passed"},
    {"number": "3a.1", "name": "test_b", "score": 0.0, "max_score": 2.5, "status": "failed"},
]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    whole = make_report([test | {"output": "why"} for test in TESTS], ["missing: utils.py"])
    return write_files(tmp_path, {"submission.json": json.dumps(whole)}) / "submission.json"


def test_classroom_gets_the_points_and_fails_without_all_of_them(
    report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    write_files(tmp_path, {"summary.md": "of another step\n"})
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert show([str(report)]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first == "::notice title=Autograding complete::Points 3/5.5"
    assert json.loads(second.split("::")[-1]) == {"totalPoints": 3, "maxPoints": 5.5}
    summary = (tmp_path / "summary.md").read_text()
    assert summary.startswith("of another step\n# submission: 3 of 5.5 points\n")
    assert "## test_b: 2.5 points lost\n\n```text\nwhy\n```" in summary


def test_classroom_passes_with_all_points(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    report.write_text(json.dumps(make_report(TESTS[:1], [])))
    assert show([str(report)]) == 0


def test_the_workflow_calls_what_there_is() -> None:
    workflow = (SERVICES / "classroom.yml").read_text()
    grading, showing = re.findall(r"run: python -m course\.(.+)", workflow)
    options = parse(grading.removeprefix("grade ").split())
    assert (options.paths, options.one) == ([Path("../submission")], True)
    assert showing == f"classroom {options.out}/submission.json"
    assert "persist-credentials: true" not in workflow
    assert workflow.count("persist-credentials: false") == workflow.count("actions/checkout@")
