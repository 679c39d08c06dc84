"""Gradescope's zip and GitHub Classroom's workflow, as these services use them."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from course.classroom import main as show
from course.grade import parse
from course.gradescope import build, main
from course.points import make_report
from lab.assignment import FILES
from tests.library.conftest import Capture, Patch
from tests.library.fake_course import OTHER, RIGHT, make_course, write_files
from tests.library.variants.variant import ROOT

SERVICES = ROOT / "course" / "services"


def test_the_zip_has_the_checks_and_two_scripts_but_no_solution(tmp_path: Path) -> None:
    assert main([str(tmp_path / "a.zip")]) == 0
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        infos = {info.filename: info for info in archive.infolist()}
    for name in ("setup.sh", "run_autograder"):
        assert infos[name].external_attr >> 16 & 0o777 == 0o755
    assert {"tests/conftest.py", "lab/__init__.py", "course/grade.py"} <= set(infos)
    assert {info.date_time[0] for info in infos.values()} == {1980}  # the same zip tomorrow
    assert not {Path(name).name for name in infos} & {*FILES, "MARKING.md"}
    assert not re.search("library|__pycache__", "".join(infos))


def test_gradescope_gets_results_or_reads_that_grading_failed(tmp_path: Path) -> None:
    def results(python: str) -> dict[str, Any]:
        environment = {**os.environ, "AUTOGRADER_ROOT": str(tmp_path), "AUTOGRADER_PYTHON": python}
        subprocess.run(["bash", tmp_path / "source/run_autograder"], env=environment, check=True)
        return dict(json.loads((tmp_path / "results/results.json").read_text()))

    build(tmp_path / "a.zip", make_course(tmp_path / "course"))
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        archive.extractall(tmp_path / "source")
    own = {"task2a.py": "", "task3a.py": "from helper import answer\n", "helper.py": OTHER}
    write_files(tmp_path / "submission" / "assignment_code", RIGHT | own)
    found = results(sys.executable)
    keys = ("score", "max_score", "visibility", "stdout_visibility")
    assert [found[key] for key in keys] == [3, 6, "visible", "hidden"]
    scores = [(test["score"], test["max_score"], test["status"]) for test in found["tests"]]
    assert scores == [(0, 3, "failed"), (1, 1, "passed"), (2, 2, "passed")]
    message = "The autograder failed. Please tell your instructor."
    assert results("false") == {"score": 0, "output": message}


def test_classroom_gets_the_points_and_fails_without_all_of_them(
    tmp_path: Path, monkeypatch: Patch, capsys: Capture
) -> None:
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    test = {"number": "2a.1", "name": "test_a", "max_score": 2.5, "status": "failed", "output": ""}
    for earned, code in ((0, 1), (2.5, 0)):
        report = json.dumps(make_report([test | {"score": earned}], []))
        write_files(tmp_path, {"summary.md": "before\n", "ann.json": report})
        assert show([str(tmp_path / "ann.json")]) == code
        first, second = capsys.readouterr().out.splitlines()
        assert first == f"::notice title=Autograding complete::Points {earned}/2.5"
        assert json.loads(second.split("::")[-1]) == {"totalPoints": earned, "maxPoints": 2.5}
        summary = (tmp_path / "summary.md").read_text()
        assert summary.startswith(f"before\n# ann: {earned} of 2.5 points\n")


def test_the_services_install_what_grading_needs_and_call_what_there_is() -> None:
    workflow = (SERVICES / "classroom.yml").read_text("utf-8")
    for text in (workflow, (SERVICES / "setup.sh").read_text("utf-8")):
        assert re.search(r"pip.* install .*/course/starter\"? pytest-timeout$", text, re.MULTILINE)
    grading, showing = re.findall(r"run: python -m course\.(.+)", workflow)
    options = parse(grading.removeprefix("grade ").split())
    assert (options.paths, options.one) == ([Path("../submission")], True)
    assert showing == f"classroom {options.out}/submission.json"
    assert workflow.count("persist-credentials: false") == workflow.count("actions/checkout@")
