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
from course.gradescope import build, main
from course.points import make_report
from lab.assignment import FILES
from tests.library.fake_course import RIGHT, make_course, write_files
from tests.library.variants.variant import ROOT


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = make_course(tmp_path / "course")
    return write_files(project, dict.fromkeys(FILES, "solution = 1\n"))


@pytest.fixture
def autograder(project: Path, tmp_path: Path) -> Path:
    """Unpack the autograder as Gradescope does, at another place."""
    root = tmp_path / "autograder"
    build(tmp_path / "autograder.zip", project)
    with zipfile.ZipFile(tmp_path / "autograder.zip") as archive:
        archive.extractall(root / "source")
    (root / "submission").mkdir()
    return root


def run(root: Path) -> dict[str, Any]:
    environment = {**os.environ, "AUTOGRADER_ROOT": str(root), "AUTOGRADER_PYTHON": sys.executable}
    subprocess.run(["bash", root / "source" / "run_autograder"], env=environment, check=True)
    results: dict[str, Any] = json.loads((root / "results" / "results.json").read_text())
    return results


def test_the_zip_has_the_two_scripts_and_they_can_be_run(project: Path, tmp_path: Path) -> None:
    build(tmp_path / "a.zip", project)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        modes = {info.filename: info.external_attr >> 16 & 0o777 for info in archive.infolist()}
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755
    assert {"tests/conftest.py", "lab/__init__.py", "course/grade.py"} <= set(modes)


def test_the_zip_has_nothing_of_the_solution(tmp_path: Path) -> None:
    build(tmp_path / "a.zip", ROOT)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        names = archive.namelist()
        text = "\n".join(archive.read(name).decode() for name in names)
    assert not {Path(name).name for name in names} & set(FILES)
    assert not [name for name in names if "library" in name or "__pycache__" in name]
    assert "self.grad = X.T @ (outputs - targets) / len(X)" not in text


def test_the_zip_is_the_same_each_time(project: Path, tmp_path: Path) -> None:
    for name in ("a.zip", "b.zip"):
        build(tmp_path / name, project)
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_zip_that_cannot_be_written_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_files(tmp_path, {"file": ""})
    assert main([str(tmp_path / "file" / "a.zip")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("script", ["setup.sh", "run_autograder"])
def test_the_scripts_are_bash(script: str) -> None:
    subprocess.run(["bash", "-n", ROOT / "course" / "services" / script], check=True)


@pytest.mark.parametrize("file", ["setup.sh", "classroom.yml"])
def test_both_services_install_the_students_packages_and_pytest_timeout(file: str) -> None:
    text = (ROOT / "course" / "services" / file).read_text()
    assert re.search(r'pip"? install "?\S+/course/starter"? pytest-timeout\n', text)


def test_a_submission_is_graded_from_gradescopes_layout(autograder: Path) -> None:
    write_files(autograder / "submission" / "assignment_code", RIGHT)
    results = run(autograder)
    assert results["score"] == 6
    assert [test["status"] for test in results["tests"]] == ["passed"] * 3
    assert {"output", "visibility", "stdout_visibility", "execution_time"} <= set(results)


def test_an_empty_submission_gets_results_too(autograder: Path) -> None:
    results = run(autograder)
    assert results["score"] == 0
    assert "none of the assignment's files" in results["output"]


def test_an_autograder_that_fails_says_so(autograder: Path) -> None:
    write_files(autograder / "source", {"tests/conftest.py": "raise RuntimeError\n"})
    results = run(autograder)
    assert results == {
        "score": 0,
        "output": "The autograder failed. Please tell your instructor.",
    }


TESTS = [
    {"number": "2a.1", "name": "test_a", "score": 3.0, "max_score": 3.0, "status": "passed"},
    {"number": "3a.1", "name": "test_b", "score": 0.0, "max_score": 2.5, "status": "failed"},
]


@pytest.fixture
def report(tmp_path: Path) -> Path:
    whole = make_report([test | {"output": "why"} for test in TESTS], ["missing: utils.py"])
    path = tmp_path / "submission.json"
    path.write_text(json.dumps(whole))
    return path


def test_classroom_gets_the_points_and_fails_without_all_of_them(
    report: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert show([str(report)]) == 1
    first, second = capsys.readouterr().out.splitlines()
    assert first == "::notice title=Autograding complete::Points 3/5.5"
    assert json.loads(second.split("::")[-1]) == {"totalPoints": 3, "maxPoints": 5.5}
    summary = (tmp_path / "summary.md").read_text()
    assert "2a       3 /  3\n3a       0 / 2.5\ntotal    3 / 5.5\n" in summary
    assert "- note: `missing: utils.py`" in summary
    assert "## test_b: 2.5 points lost\n\n```text\nwhy\n```" in summary
    assert "2a.1" not in summary


def test_classroom_passes_with_all_points(report: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    report.write_text(json.dumps(make_report(TESTS[:1], [])))
    assert show([str(report)]) == 0


def test_the_workflow_calls_what_there_is() -> None:
    folder = ROOT / "course" / "services"
    workflow = (folder / "classroom.yml").read_text()
    assert "run: python -m course.grade --one ../submission --out ../graded" in workflow
    assert "run: python -m course.classroom ../graded/submission.json" in workflow
    assert "persist-credentials: true" not in workflow
    assert workflow.count("persist-credentials: false") == workflow.count("actions/checkout@")
