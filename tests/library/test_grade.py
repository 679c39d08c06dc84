from __future__ import annotations

import csv
import json
import math
import os
import re
import select
import shutil
import socket
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from course import GradingError, isolation
from course import grade as cli
from course.isolation import NOT_ISOLATED, Limits, bubblewrap_problem, run_checks
from course.pages import overview
from course.points import Checks, grade, make_report, prepare
from tests.library.fake_course import (
    ANSWER,
    CHECKS,
    OTHER,
    RIGHT,
    make_course,
    write_files,
    write_zip,
)

needs_bubblewrap = pytest.mark.skipif(
    bool(bubblewrap_problem()), reason="bubblewrap is missing or does not work here"
)
LIMITS = Limits(seconds=24, memory=1 << 30, file_size=1 << 20)
LOOP = "while True:\n    pass"
STUBBORN = "import time\nwhile True:\n    try: time.sleep(60)\n    except BaseException: pass"

# {name: (what task2a.py does beside a right answer, points, a part of the notes)}. What costs only
# the checks of task2a leaves the 2 points of task3a.
HOSTILE: dict[str, tuple[str, float, str]] = {
    "sys_exit": ("import sys; sys.exit(3)", 2, ""),
    "os_exit": ("import os; os._exit(3)", 2, "Task 2a: Python ended with exit code 3 in test_an"),
    "killed": ("import os; os.kill(os.getpid(), 9)", 2, "Task 2a: Python was ended by SIGKILL"),
    "forks": (
        "import os\n"
        "if child := os.fork(): os.waitpid(child, 0)\n"
        "else:\n"
        "    def answer(): return 41  # the wrong one, and done first\n",
        6,
        "",
    ),
    "hungry": ("hog = bytearray(3 << 30)", 2, ""),
    "fills_disk": ("open('big', 'wb').write(bytes(100_000_000))", 2, ""),
    "loops": (LOOP, 2, ""),
    "loops_and_catches": (STUBBORN.replace("BaseException", "Exception"), 2, ""),
    "loops_for_ever": (STUBBORN, 2, "Task 2a: stuck for "),
    "latin_1": ("NAME = 'sk\udce5l'", 2, ""),
    "asks": ("input('password? ')", 2, ""),
    "closes": ("import os; os.closerange(0, 100)", 2, "Task 2a: Python ended"),
    "raises_oddly": ("class Odd(BaseException): pass\nraise Odd", 2, ""),
    "interrupts": ("raise KeyboardInterrupt", 2, "Task 2a: Python ended with exit code 2"),
    "breaks_json": ("import sys; sys.modules['json'] = None", 6, ""),
    "overwrites_checks": (
        "from pathlib import Path\nfor p in Path('tests').glob('*.py'): p.write_text('')",
        0,
        "the checks were changed while they ran",
    ),
    "deletes_all": ("import shutil; shutil.rmtree('.', True)", 0, "the checks were changed"),
    "fakes_results": (
        "import atexit, json, pathlib, sys\n"
        "fake = json.dumps({'score': 1000, 'tests': [{'name': 'test_answer', 'score': 1000}]})\n"
        "for place in [*pathlib.Path('..').rglob('*'), pathlib.Path('results.json')]:\n"
        "    if place.suffix in ('', '.json') and not place.is_dir(): place.write_text(fake)\n"
        "def answer(): return 0\n"
        "sys.stdout.write(fake)\n",
        3,
        "",
    ),
    "inflates_its_score": (
        "import json; dumps = json.dumps\n"
        "def more(tests): return {'tests': [{**test, 'score': 1000} for test in tests]}\n"
        "json.dumps = lambda found: dumps(more(found['tests']))\n",
        6,
        "",
    ),
    "removes_its_home": ("import os, shutil; shutil.rmtree(os.environ['HOME'])", 6, ""),
    "uses_our_names": (
        "import os\n"
        "os.mkfifo(os.path.join(os.environ['HOME'], 'progress'))\n"
        "os.makedirs(os.path.join(os.environ['HOME'], 'results.json', 'x'))\n",
        6,
        "",
    ),
    "child_prints_for_ever": (
        "import os\nwhile not os.fork():\n    while True: print('x')\n",
        6,
        "",
    ),
    "patches_the_runner": (
        "import _pytest.runner as r\n"
        "r.CallInfo.from_call = classmethod(\n"
        "    lambda cls, f, when, reraise=None: cls(None, None, 0, 0, 0, when, _ispytest=True))\n"
        "def answer(): return 41\n",
        0,
        "2 checks did not run to their end",
    ),
    "patches_pluggy": (
        "import pluggy._hooks as h\n"
        "h.HookCaller.__call__ = lambda self, **kwargs: None if self.spec.firstresult else []\n"
        "def answer(): return 41\n",
        2,
        "Task 2a: Python ended with exit code",
    ),
    "patches_a_check": (
        "import sys\n"
        "sys.modules['tests.test_answers'].test_other_answer.__code__ = (lambda: None).__code__\n",
        0,
        "the checks were changed while they ran",
    ),
    "replaces_a_check": (
        "import sys; sys.modules['tests.test_answers'].test_answer = lambda: None",
        0,
        "the checks were changed while they ran",
    ),
    "replaces_what_a_check_uses": (
        "import sys; from types import SimpleNamespace as Fake\n"
        "fake = Fake(import_module=lambda name: Fake(answer=lambda: 43))\n"
        "sys.modules['tests.test_answers'].importlib = fake",
        0,
        "the checks were changed while they ran",
    ),
    "replaces_modules_of_checks": (
        "import sys\n"
        "for name in list(sys.modules):\n"
        "    if name.startswith('tests'): sys.modules[name] = None\n",
        6,
        "",
    ),
    "reports_itself": (
        "import json, os\n"
        "line = '\\n ' + json.dumps({'passed': ['2a', 'test_answer']}) + '\\n'\n"
        "for fd in range(1, 64):\n"
        "    try: os.write(fd, line.encode())\n"
        "    except OSError: pass\n"
        "def answer(): return 41\n",
        3,
        "",
    ),
    "writes_results_and_ends": (
        "import json, os\n"
        "test = {'name': 'test_answer', 'number': '2a.0', 'status': 'passed', 'output': ''}\n"
        "with open('../results.json', 'w') as file: json.dump({'tests': [test]}, file)\n"
        "os._exit(0)\n",
        2,
        "Task 2a: Python ended with exit code 0 in test_answer",
    ),
    "writes_a_list": (
        "import json; json.dumps = lambda found: '[]'",
        0,
        "no results: what the checks wrote was overwritten",
    ),
    "nests_deeply": (
        "import json; json.dumps = lambda found: '[' * 1_000_000",
        0,
        "no results: what the checks wrote was overwritten",
    ),
    "kills_its_parent": ("import os; os.kill(os.getppid(), 9)", 6, ""),
    "prints_for_ever": ("while True: print('x' * 100_000)", 2, "it printed "),
    "names_a_file_oddly": (
        "open(b'tests/\\xff.py', 'w')",
        0,
        "the checks were changed while they ran",
    ),
    "forks_and_goes_on": ("import os\ndef answer(): os.fork(); return 42", 6, ""),
    "leaves_a_thread": (
        "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()",
        6,
        "",
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def checks(project: Path) -> Checks:
    return prepare(project, LIMITS)


@pytest.fixture
def prepared(checks: Checks, monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare the command line the run that finds out which checks there are."""
    monkeypatch.setattr(cli, "prepare", lambda project, limits: checks)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run submissions as where bubblewrap is missing."""
    for module in (isolation, cli):
        monkeypatch.setattr(module, "bubblewrap_problem", lambda: "why")


@pytest.fixture(scope="module")
def graded(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grade a class of hostile submissions, by the command line."""
    top = tmp_path_factory.mktemp("grade")
    for name, (code, _, _) in HOSTILE.items():
        folder = write_files(top / "class" / name, RIGHT)
        text = f"{ANSWER}{code}\n"
        (folder / "task2a.py").write_bytes(text.encode("utf-8", "surrogateescape"))
    write_zip(top / "class" / "right.zip", RIGHT)
    write_zip(top / "class" / "wrong.zip", {**RIGHT, "task2a.py": "def answer(): return 41\n"})
    write_files(top / "class", {"no_zip.zip": "hello"})
    write_files(top / "class" / "nothing", {"report.pdf": ""})
    write_zip(top / "class" / "half.zip", {"deep/task3a.py": OTHER})
    own = {
        "tests/conftest.py": "raise SystemExit",
        "conftest.py": "raise SystemExit",
        "pytest.ini": "[pytest]\naddopts = --collect-only\n",
        "pyproject.toml": "[tool.pytest.ini_options]\ntestpaths = ['nowhere']\n",
        "sitecustomize.py": "raise SystemExit",
        "numpy.py": "raise SystemExit",
        "pytest.py": "raise SystemExit",
        "lab/__init__.py": "raise SystemExit",
        "digits/__init__.py": "raise SystemExit",
        "task2a.py": f"import helper, lab.assignment\n{ANSWER}",
        "helper.py": "",
    }
    write_files(top / "class" / "brings_its_own", {**RIGHT, **own})
    arguments = [str(top / "class"), "--out", str(top / "out"), "--jobs", "4", "--timeout", "24"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolation, "GRACE", 0.7)
        assert cli.main([*arguments, "--memory", "1024"], project) == 0
    return top / "out"


def report(graded: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((graded / f"{name}.json").read_text(encoding="utf-8"))
    return found


def grades(graded: Path) -> dict[str, dict[str, str]]:
    with (graded / "grades.csv").open(encoding="utf-8", newline="") as file:
        return {row["name"]: row for row in csv.DictReader(file)}


def test_every_submission_gets_a_report_and_a_row(graded: Path) -> None:
    names = {*HOSTILE, "right", "wrong", "no_zip", "nothing", "half", "brings_its_own"}
    assert {path.stem for path in graded.glob("*.json")} == names
    assert set(grades(graded)) == names
    files = {f"{name}.{suffix}" for name in names for suffix in ("json", "md")}
    assert {path.name for path in graded.iterdir()} == files | {"grades.csv", "overview.html"}


def test_a_report_has_gradescopes_schema(graded: Path) -> None:
    found = report(graded, "wrong")
    assert found["score"] == 3
    assert found["visibility"] == "visible"
    assert found["stdout_visibility"] == "hidden"
    assert found["execution_time"] > 0
    keys = ("name", "number", "score", "max_score", "status", "tags")
    assert [tuple(test[key] for key in keys) for test in found["tests"]] == [
        ("test_answer", "2a.0", 0, 3, "failed", ["2a"]),
        ("test_module", "2a.1", 1, 1, "passed", ["2a"]),
        ("test_other_answer", "3a.2", 2, 2, "passed", ["3a"]),
    ]
    assert "assert 41 == 42" in found["tests"][0]["output"]


def test_the_table_has_a_column_for_each_task(graded: Path) -> None:
    assert (graded / "grades.csv").read_text().splitlines()[0] == "name,2a,3a,total,notes"
    right = grades(graded)["right"]
    assert right == {"name": "right", "2a": "4", "3a": "2", "total": "6", "notes": ""}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_submission_costs_itself_only(graded: Path, name: str) -> None:
    _, points, note = HOSTILE[name]
    row = grades(graded)[name]
    assert (float(row["total"]), report(graded, name)["score"]) == (points, points)
    assert note in row["notes"]
    assert bool(note) == bool(row["notes"])


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize("name", ["killed", "kills_its_parent", "closes", "child_prints_for_ever"])
def test_the_end_of_a_process_is_noticed_without_bubblewrap(
    checks: Checks, tmp_path: Path, name: str
) -> None:
    code, points, note = HOSTILE[name]
    files = {**RIGHT, "task2a.py": f"{ANSWER}{code}\n"}
    found = grade(write_files(tmp_path / name, files), checks, LIMITS)
    assert found["score"] == points
    assert note in found["output"]


def test_a_student_reads_the_points_and_what_went_wrong(graded: Path) -> None:
    page = (graded / "wrong.md").read_text(encoding="utf-8")
    assert page.startswith("# wrong: 3 of 6 points\n\n```text\n2a       1 /  4\n3a       2 /  2\n")
    assert "## test_answer: 3 points lost\n\n```text\n" in page
    assert "assert 41 == 42" in page
    assert "test_other_answer" not in page


def test_the_overview_is_one_page_that_needs_nothing_else(graded: Path) -> None:
    page = (graded / "overview.html").read_text(encoding="utf-8")
    assert f"<h1>{len(HOSTILE) + 6} submissions</h1>" in page
    assert '<a href="right.md">right</a></td><td>4</td><td>2</td><td>6</td>' in page
    assert "2a: answer" in page  # the check that failed most
    assert "missing: task2a.py, task2.py" in page  # a note
    assert not re.search(r"<script|<img|<link|https?://", page)


def test_the_overview_names_the_most_frequent_mistakes_and_who_made_them() -> None:
    summary = "task2a.f: the loss is not what it should be; this is the <sum>."
    test = {"name": "test_loss", "number": "2a.1", "max_score": 3.0, "output": "why"}
    lost = {**test, "status": "failed", "score": 0.0, "extra_data": {"summary": summary}}
    passed = {**test, "status": "passed", "score": 3.0}
    reports = {"åse & bo": lost, "cy": lost, "dee": passed}
    page = overview({name: make_report([test], []) for name, test in reports.items()})
    links = '<a href="%C3%A5se%20%26%20bo.md">åse &amp; bo</a>, <a href="cy.md">cy</a>'
    assert f"<td>2</td><td>2a: this is the &lt;sum&gt;.<br><small>{links}</small>" in page
    assert "1.0 of 3 points on average, median 0" in page


@pytest.mark.usefixtures("prepared")
def test_one_submission_is_graded_to_the_terminal(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    archive = write_zip(tmp_path / "ann.zip", RIGHT)
    assert cli.main([str(archive)], project) == 0
    assert capsys.readouterr().out.startswith("# ann: 6 of 6 points\n")
    assert list(tmp_path.iterdir()) == [archive]
    write_zip(tmp_path / "bo.zip", RIGHT)
    assert cli.main([str(tmp_path)], project) == 1
    assert "2 submissions: --out names the folder" in capsys.readouterr().err


def test_the_notes_of_the_checks_reach_the_table(checks: Checks, tmp_path: Path) -> None:
    noted = (
        "import json; dumps = json.dumps\n"
        "json.dumps = lambda found: dumps({**found, 'extra_data': {'notes': ['np.Inf'] * 99}})\n"
    )
    files = {**RIGHT, "task2a.py": noted + ANSWER}
    found = grade(write_files(tmp_path / "a", files), checks, LIMITS)
    assert found["extra_data"]["notes"] == ["np.Inf"] * 20


def test_what_cannot_be_graded_says_why_in_the_table_and_in_each_check(graded: Path) -> None:
    why = "not graded: it cannot be read as a zip (File is not a zip file); it begins with b'hello'"
    assert grades(graded)["no_zip"]["notes"] == why
    assert {test["output"] for test in report(graded, "no_zip")["tests"]} == {why}
    assert "none of the assignment's files" in grades(graded)["nothing"]["notes"]
    assert grades(graded)["nothing"]["total"] == "0"


def test_missing_files_are_named_and_the_others_graded(graded: Path) -> None:
    row = grades(graded)["half"]
    assert (row["2a"], row["3a"]) == ("0", "2")
    assert row["notes"] == "missing: task2a.py, task2.py, task3.py, trainer.py, utils.py"


def test_only_students_files_are_taken_of_a_submission(graded: Path) -> None:
    row = grades(graded)["brings_its_own"]
    assert row["total"] == "6"
    assert row["notes"] == (
        "numpy.py was left out: that name is taken; sitecustomize.py was left out: that name is "
        "taken"
    )


def test_a_stopped_check_says_so(graded: Path) -> None:
    for name in ("loops", "loops_and_catches"):
        output = report(graded, name)["tests"][0]["output"]
        assert "Timeout (>2.0s) from pytest-timeout." in output


def test_a_hundred_megabytes_of_output_are_dropped(checks: Checks, tmp_path: Path) -> None:
    loud = f"for _ in range(100): print('x' * 1_000_000)\n{ANSWER}"
    folder = write_files(tmp_path / "a", {**RIGHT, "task2a.py": loud})
    found = grade(folder, checks, Limits())
    assert found["score"] == 6
    assert len(json.dumps(found)) < 10_000


def test_the_time_for_a_submission_is_limited(checks: Checks, tmp_path: Path) -> None:
    loop = {**RIGHT, "task2a.py": STUBBORN, "task3a.py": STUBBORN}
    found = grade(write_files(tmp_path / "a", loop), checks, Limits(seconds=5))
    assert found["score"] == 0
    assert found["extra_data"]["notes"] == [
        "Task 2a: not done after 5 s in test_answer",
        "no results: not done after 5 s",
    ]


@pytest.mark.usefixtures("plain")
def test_children_left_behind_are_ended(checks: Checks, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    leaves = (
        "import os, subprocess, sys\n"
        f"fifo = os.open({str(tmp_path / 'fifo')!r}, os.O_WRONLY)\n"
        "os.write(fifo, b'x')\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "subprocess.Popen(command, pass_fds=[fifo])\n"
    )
    reading = os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK)
    try:
        folder = write_files(tmp_path / "a", {**RIGHT, "task2a.py": ANSWER + leaves})
        assert grade(folder, checks, LIMITS)["score"] == 6
        assert set(os.read(reading, 100)) == set(b"x")
        ready, _, _ = select.select([reading], [], [], 5)  # ready when no process has the other end
        assert ready
        assert os.read(reading, 1) == b""
    finally:
        os.close(reading)


LOOKS = """
import importlib.util, os, sys
assert os.environ["LD_LIBRARY_PATH"] == "/nowhere"
known = [*os.environ.values(), *sys.path, os.getcwd(), __file__]
assert not [value for value in known for name in ({project!r}, "to" + "ken") if name in value]
assert not [name for name in ("trainer", "course") if importlib.util.find_spec(name)]
"""


@pytest.mark.usefixtures("plain")
def test_a_submission_gets_no_token_and_no_path_of_the_solution(
    checks: Checks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = write_files(make_course(tmp_path / "course"), {"trainer.py": "solution = 1\n"})
    monkeypatch.chdir(project)
    for name in ("PYTHONPATH", "MNIST_DATA_DIR", "PYTEST_ADDOPTS", "VIRTUAL_ENV", "PWD"):
        monkeypatch.setenv(name, str(project))
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    monkeypatch.setenv("SECRET", "token")
    files = {"task2a.py": LOOKS.format(project=str(project)) + ANSWER, "task3a.py": OTHER}
    found = grade(write_files(tmp_path / "a", files), replace(checks, project=project), LIMITS)
    assert found["score"] == 6, found["tests"][0]["output"]


def test_an_environment_without_pytest_timeout_is_refused(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(cli, "find_spec", lambda name: None)
    write_zip(tmp_path / "ann.zip", RIGHT)
    assert cli.main([str(tmp_path / "ann.zip")], project) == 1
    error = "grade: grading needs pytest-timeout. Run: pip install '.[course]'\n"
    assert capsys.readouterr().err == error


@pytest.mark.parametrize(
    ("prefix", "real"), [("project/link", "home/environment"), ("home/link", "project/environment")]
)
def test_an_environment_that_leads_to_the_project_by_a_link_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prefix: str, real: str
) -> None:
    for folder in ("project", "home"):
        (tmp_path / folder).mkdir()
    (tmp_path / prefix).symlink_to(tmp_path / real)
    monkeypatch.setattr(sys, "prefix", str(tmp_path / prefix))
    with pytest.raises(GradingError, match="is inside the project"):
        cli.check_python(tmp_path / "project")


ESCAPES = """
import ctypes, os, socket
project = {project!r}
libc = ctypes.CDLL(None)
libc.umount2(project.encode(), 2)
libc.unshare(1 << 28 | 1 << 17)  # a user of its own, who may mount
libc.umount2(project.encode(), 2)
assert os.listdir(project) == os.listdir("/run") == []
assert all(int(name) < 10 for name in os.listdir("/proc") if name.isdigit())
for fails in (lambda: open("/mark", "w"), lambda: open(project + "/mark", "w"),
              lambda: socket.create_connection(("192.0.2.1", 80), 5),
              lambda: socket.socket(socket.AF_UNIX).connect({listening!r})):
    try: fails()
    except OSError as error: assert error.errno in (2, 30, 101), error
    else: raise AssertionError
open("mine", "w")
"""


@needs_bubblewrap
def test_in_bubblewrap_a_submission_writes_to_its_folder_only_and_finds_nothing(
    checks: Checks, tmp_path: Path
) -> None:
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as project,  # /tmp is hidden anyway
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        socket.socket(socket.AF_UNIX) as server,
    ):
        make_course(Path(project))
        server.bind(f"{folder}/socket")
        server.listen()
        code = ESCAPES.format(project=project, listening=f"{folder}/socket") + ANSWER
        submission = write_files(tmp_path / "a", {"task2a.py": code})
        found = grade(submission, replace(checks, project=Path(project)), LIMITS)
    assert found["score"] == 4, found["tests"][0]["output"]


def test_bubblewrap_is_found_wherever_it_is_installed(
    checks: Checks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bwrap that logs its call, and runs the command as it is."""
    log = tmp_path / "log"
    bwrap = f"""#!/bin/sh
echo called >> {log}
while test "$1" != --; do shift; done
shift
exec "$@"
"""
    write_files(tmp_path / "bin", {"bwrap": bwrap})
    (tmp_path / "bin" / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    monkeypatch.setattr(isolation, "bubblewrap_problem", lambda: "")
    assert grade(write_files(tmp_path / "a", RIGHT), checks, LIMITS)["score"] == 6
    assert log.read_text() == "called\n"


def test_a_bubblewrap_that_is_missing_and_one_that_is_refused_are_told_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = "bubblewrap (bwrap) was not found: install it (on Linux), or use --container"
    assert bubblewrap_problem.__wrapped__() == missing
    write_files(tmp_path, {"bwrap": "#!/bin/sh\necho 'bwrap: No permissions' >&2\nexit 1\n"})
    (tmp_path / "bwrap").chmod(0o755)
    refused = "bubblewrap does not work here (bwrap: No permissions): use --container"
    assert bubblewrap_problem.__wrapped__() == refused


@pytest.mark.usefixtures("plain", "prepared")
def test_without_bubblewrap_a_line_says_what_is_not_prevented(
    project: Path, checks: Checks, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = f"import os; assert os.listdir({str(project)!r})\n{ANSWER}"
    write_files(tmp_path / "class" / "ann", {**RIGHT, "task2a.py": code})
    write_files(tmp_path / "class" / "bo", RIGHT)
    out = tmp_path / "out"
    assert cli.main([str(tmp_path / "class"), "--out", str(out)], project) == 0
    assert capsys.readouterr().err == f"grade: why. {NOT_ISOLATED}\n"
    assert {row["total"] for row in grades(out).values()} == {"6"}


@pytest.mark.usefixtures("plain", "prepared")
@pytest.mark.parametrize(
    "rewrites",
    [
        "path.write_text(json.dumps(json.loads(path.read_text()) | {'score': 1}))",
        "path.write_text('[' * 1_000_000)",
        "path.unlink(); os.mkfifo(path)",
    ],
)
def test_a_submission_that_rewrites_a_report_changes_no_grade_and_is_noted(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], rewrites: str
) -> None:
    out = tmp_path / "out"
    changes = (
        "import json, os; from pathlib import Path\n"
        f"path = Path({str(out / 'ann.json')!r})\n"
        f"{rewrites}\n"
    )
    write_files(tmp_path / "class" / "ann", RIGHT)
    arguments = [str(tmp_path / "class"), "--out", str(out), "--jobs", "1"]
    assert cli.main(arguments, project) == 0
    write_files(tmp_path / "class" / "a", RIGHT | {"task2a.py": changes + ANSWER})
    assert "was changed" not in capsys.readouterr().err
    assert cli.main(arguments, project) == 0
    assert f"{out / 'ann.json'} was changed while submissions ran" in capsys.readouterr().err
    assert grades(out)["a"]["total"] == "6"
    assert report(out, "ann")["score"] == 6
    assert grades(out)["ann"]["total"] == "6"


@pytest.mark.usefixtures("prepared")
def test_names_and_notes_are_safe_in_a_terminal_a_spreadsheet_and_a_page(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = {"=1+1.py": "", "<img src=x>`.py": "", "\x1b[2J.py": "", "\u202egpj.py": ""}
    folder = write_files(tmp_path / "class" / "=cmd\x1b[2J", {**RIGHT, **odd})
    raises = "def answer(): raise ValueError('\x1b[2J\x07')\n"
    write_files(tmp_path / "class" / "@bo\t", {**RIGHT, "task2a.py": raises, "=1.py": ""})
    assert cli.main([str(tmp_path / "class"), "--out", str(tmp_path / "out")], project) == 0
    assert cli.main([str(folder)], project) == 0
    pages = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "out").iterdir()}
    for text in [*pages, *pages.values(), *capsys.readouterr()]:
        assert text.replace("\n", "").isprintable()
    rows = list(csv.reader(pages["grades.csv"].splitlines()))
    cells = [cell for row in rows for cell in row]
    assert any(cell.startswith("'=1.py was left out") for cell in cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert "<img" not in pages["overview.html"]
    note = next(line for line in pages["_cmd__2J.md"].splitlines() if "<img" in line)
    assert note == "- note: `<img src=x>'.py was left out: that name is taken`"


def test_a_container_gets_the_folder_of_one_run_and_no_network(
    checks: Checks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that logs its call, and runs the command on this machine."""
    log = tmp_path / "log"
    engine = f"""#!/bin/sh
printf '%s\\n' "$@" >> {log}
test "$1" = rm && exit
while test "$1" != an/image; do
    case "$1" in --env=*) export "${{1#--env=}}" ;; esac
    shift
done
shift 2
exec {sys.executable} "$@"
"""
    write_files(tmp_path / "bin", {"docker": engine})
    (tmp_path / "bin" / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(isolation, "ENGINES", ("no_such_engine", "docker"))
    folder = write_files(tmp_path / "a", RIGHT)
    assert grade(folder, checks, replace(LIMITS, image="an/image"))["score"] == 6
    lines = log.read_text().splitlines()
    options = lines[1 : lines.index("an/image")]
    assert lines[0] == "run"
    fixed = {"--rm", "--interactive", "--network=none", "--read-only", "--cap-drop=ALL"}
    limits = {f"--memory={1 << 30}", "--pids-limit=256", f"--user={os.getuid()}:{os.getgid()}"}
    assert fixed | limits <= set(options)
    ((_, inside),) = [line.split("=", 1)[1].split(":") for line in options if "--volume" in line]
    assert f"--workdir={inside}/submission" in options
    assert f"--env=HOME={inside}/home" in options
    name = Path(inside).name
    assert f"--name={name}" in options
    assert lines[-3:] == ["rm", "--force", name]


def test_without_an_engine_a_container_is_refused(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    archive = write_zip(tmp_path / "ann.zip", RIGHT)
    assert cli.main([str(archive), "--container", "image"], project) == 1
    error = "grade: --container requires podman or docker; neither is installed.\n"
    assert capsys.readouterr().err == error


def test_temporary_files_are_gone_afterwards(
    checks: Checks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    place = str(tmp_path / "temporary")
    litters = (
        "import os, tempfile\n"
        f"assert tempfile.mkstemp()[1].startswith({place!r})\n"
        "os.mkdir('locked', 0)\n"
        "def answer(): return 42\n"
    )
    folder = write_files(tmp_path / "a", {"task2a.py": litters})
    assert grade(folder, checks, LIMITS)["score"] == 4
    assert not list((tmp_path / "temporary").iterdir())


@pytest.mark.usefixtures("prepared")
def test_a_second_run_grades_only_what_changed(project: Path, tmp_path: Path) -> None:
    for name in ("ann", "bo"):
        write_files(tmp_path / "class" / name, RIGHT)
    arguments = [str(tmp_path / "class"), "--out", str(tmp_path / "out")]

    def run(*more: str) -> dict[str, float]:
        assert cli.main([*arguments, *more], project) == 0
        names = ("ann", "bo")
        return {name: report(tmp_path / "out", name)["execution_time"] for name in names}

    run()
    for name in ("ann", "bo"):
        found = report(tmp_path / "out", name) | {"execution_time": 99}
        (tmp_path / "out" / f"{name}.json").write_text(json.dumps(found))
    assert run() == {"ann": 99, "bo": 99}
    write_files(tmp_path / "class" / "bo", {"task2a.py": ""})
    changed = run()
    assert changed["ann"] == 99
    assert changed["bo"] < 99
    assert grades(tmp_path / "out")["bo"]["total"] == "3"
    assert run("--again")["ann"] < 99


def test_other_checks_grade_again(checks: Checks, tmp_path: Path) -> None:
    project = make_course(tmp_path / "course")
    folder = write_files(tmp_path / "ann", RIGHT)
    known = grade(folder, checks, LIMITS)
    assert grade(folder, prepare(project, LIMITS), LIMITS, known) is known
    write_files(project, {"tests/test_answers.py": CHECKS.replace("== 42", "== 41")})
    assert grade(folder, prepare(project, LIMITS), LIMITS, known)["score"] == 3


@pytest.mark.usefixtures("prepared")
def test_a_broken_report_is_written_anew(project: Path, tmp_path: Path) -> None:
    folder = write_files(tmp_path / "ann", RIGHT)
    write_files(tmp_path / "out", {"ann.json": "{"})
    assert cli.main([str(folder), "--out", str(tmp_path / "out")], project) == 0
    assert report(tmp_path / "out", "ann")["score"] == 6


@pytest.mark.usefixtures("prepared")
def test_a_fault_of_the_grader_costs_one_submission(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(path: Path, *rest: object) -> Any:
        if path.name == "ann":
            raise RuntimeError("no room left")
        return grade(path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(cli, "grade", fault)
    for name in ("ann", "bo"):
        write_files(tmp_path / "class" / name, RIGHT)
    assert cli.main([str(tmp_path / "class"), "--out", str(tmp_path / "out")], project) == 0
    assert grades(tmp_path / "out")["ann"]["notes"] == "not graded: RuntimeError: no room left"
    assert grades(tmp_path / "out")["bo"]["total"] == "6"


def test_a_run_can_be_stopped(project: Path) -> None:
    stop = Event()
    stop.set()
    files = {name: text.encode() for name, text in RIGHT.items()}
    run = run_checks(project, files, LIMITS, math.inf, stop)
    assert (run.results, run.ending) == (None, "interrupted")


@pytest.mark.usefixtures("prepared")
def test_an_interrupted_run_ends_what_it_started(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def interrupt(futures: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "as_completed", interrupt)
    folder = write_files(tmp_path / "ann", {**RIGHT, "task2a.py": STUBBORN})
    arguments = [str(folder), "--out", str(tmp_path / "out"), "--timeout", "1200"]
    assert cli.main(arguments, project) == 130
    assert not list((tmp_path / "out").iterdir())
    assert "run it again to grade the others" in capsys.readouterr().err


def test_what_is_wrong_with_the_call_is_one_line(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert cli.main([str(tmp_path / "nowhere"), "--out", str(out)], project) == 1
    assert capsys.readouterr().err == f"grade: {tmp_path / 'nowhere'} does not exist.\n"
    assert not out.exists()
    with pytest.raises(SystemExit):
        cli.main([str(tmp_path), "--out", str(out), "--jobs", "0"], project)


def test_checks_that_do_not_run_are_reported_as_such(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = make_course(tmp_path / "course")
    write_files(project, {"tests/conftest.py": "raise RuntimeError('broken conftest')\n"})
    folder = write_files(tmp_path / "ann", RIGHT)
    assert cli.main([str(folder), "--out", str(tmp_path / "out")], project) == 1
    assert "RuntimeError: broken conftest" in capsys.readouterr().err


@needs_bubblewrap
@pytest.mark.usefixtures("prepared")
def test_nothing_is_printed_but_one_line_where_there_is_no_terminal(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_files(tmp_path / "ann", {"task2a.py": ANSWER})
    assert cli.main([str(folder), "--out", str(tmp_path / "out")], project) == 0
    path = tmp_path / "out" / "grades.csv"
    line = f"Wrote {path}: 1 graded, 4.0 of 6 points on average, 1 with notes.\n"
    assert capsys.readouterr() == (line, "")
