"""From a class's submissions to reports, pages and the table; no check runs here."""

import json
import re
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from pathlib import Path
from typing import Any

import pytest

from course import grade as cli
from course import points
from course.checks import copy_checks
from course.isolation import Limits, Run
from course.pages import feedback, overview
from course.points import Report, grade, prepare
from tests.library.conftest import Capture, Patch
from tests.library.fake_course import RIGHT, write_files, zipped
from tests.library.variants.variant import ROOT

CHECKS = (  # number, name, points, the mistake that its failure names; the last one is advice
    ("2a.1", "test_answer", 3.0, "this is the <sum>"),
    ("2a.2", "test_module", 1.0, "this is the <sum>"),
    ("3a.1", "test_answer", 2.5, "this is the mean; divide by N"),
    ("3a.2", "test_style", 0.0, "this overflows"),
)
ALL = "2a.1 2a.2 3a.1 3a.2"


def results(passed: str, tasks: Sequence[str] = ("2a", "3a"), notes: Sequence[str] = ()) -> str:
    """Write the results of a run in which some checks passed, and which claim that all did."""
    tests: list[dict[str, Any]] = []
    for number, name, worth, likely in CHECKS:
        test = {"name": name, "number": number, "max_score": worth, "tags": [], "output": ""}
        if number not in passed:
            summary = {"summary": f"f: {number}; {likely}"}
            test |= {"output": f"Likely: {likely}", "extra_data": summary}
        if number[:2] in tasks:
            tests.append(test | {"score": 99.0, "status": "passed"})
    return json.dumps({"tests": tests, "extra_data": {"notes": notes}})


def outcome(passed: str, **changes: Any) -> Run:
    """Make a run in which some checks passed."""
    found = {(number[:2], name) for number, name, *_ in CHECKS if number in passed}
    return Run(**({"passed": found, "results": results(passed), "digest": "unchanged"} | changes))


class Classroom:
    """Two submissions: ann's is right, bo has one file, and one of four checks right."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.out = folder / "class", folder / "out"
        self.calls: list[tuple[Any, ...]] = []
        self.acts: dict[str, Any] = {}  # {text of task2a.py: what its run does}
        self.hand_in("ann", ALL)
        write_files(self.folder, {"bo.zip": zipped({"task2a.py": "2a.1"})})

    def hand_in(self, name: str, task2a: str, **others: str) -> Path:
        return write_files(self.folder / name, {**RIGHT, "task2a.py": task2a, **others})

    def run_checks(self, project: Path, files: dict[str, bytes], *rest: Any) -> Run:
        """Let those checks pass that task2a.py names."""
        text = files.get("task2a.py", b"").decode()  # none: `prepare` learns which checks there are
        self.calls.append((text, *rest))
        found = self.acts.get(text, lambda *_: None)(*rest)
        return found if isinstance(found, Run) else outcome(text)

    def grade(self, *options: str) -> int:
        return cli.main([str(self.folder), "--out", str(self.out), *options], self.folder)

    def grade_one(self, name: str = "bo.zip") -> int:
        return cli.main([str(self.folder / name)], self.folder)

    def report(self, act: Callable[..., Run], seconds: float = 60) -> Report:
        """Grade a submission with this for a run."""
        self.acts["any"] = act
        return grade(self.hand_in("any", "any"), prepare(Path(), Limits()), Limits(seconds))

    def graded(self, passed: str, **changes: Any) -> Report:
        return self.report(lambda *_: outcome(passed, **changes))

    @property
    def rows(self) -> list[str]:
        return (self.out / "grades.csv").read_text("utf-8-sig").splitlines()


@pytest.fixture(autouse=True)
def classroom(tmp_path: Path, monkeypatch: Patch) -> Classroom:
    classroom = Classroom(tmp_path)
    monkeypatch.setattr(points, "run_checks", classroom.run_checks)
    monkeypatch.setattr(cli, "bubblewrap_problem", lambda: "")
    return classroom


def test_a_class_is_graded_in_order(classroom: Classroom, capsys: Capture) -> None:
    write_files(classroom.folder, {"cy.zip": "hello"})
    classroom.hand_in("dee", "fault")
    waited: list[bool] = []
    bo_ended = threading.Event()
    classroom.acts[ALL] = lambda *_: waited.append(bo_ended.wait(120))
    classroom.acts["2a.1"] = lambda *_: bo_ended.set()
    classroom.acts["fault"] = lambda *_: 1 / 0  # of the grader: it costs one submission
    assert classroom.grade("--jobs", "2") == 0
    assert waited == [True]  # ann's run, until bo's beside it had ended
    missing = "missing: task2.py, task3a.py, task3.py, trainer.py, utils.py"
    why = "not graded: it cannot be read as a zip (File is not a zip file); it begins with b'hello'"
    assert classroom.rows == [
        "name,2a,3a,total,notes",
        "ann,4,2.5,6.5,",
        f'bo,3,0,3,"{missing}"',
        f"cy,0,0,0,{why}",
        "dee,0,0,0,not graded: ZeroDivisionError: division by zero",
    ]
    assert (classroom.out / "grades.csv").read_text("utf-8")[0] == "\ufeff"  # for Excel
    assert "4 graded, 2.4 of 6.5 points on average, 3 with notes" in capsys.readouterr().out


def test_a_student_reads_the_points_what_went_wrong_and_then_advice(classroom: Classroom) -> None:
    page = feedback("bo", classroom.graded("2a.1", results=results("2a.1", notes=["np.Inf"])))
    assert [line for line in page.splitlines() if line not in ("", "```", "```text")] == [
        "# bo: 3 of 6.5 points",
        *("2a       3 /  4", "3a       0 / 2.5", "total    3 / 6.5"),
        "- Graded with R(w) as the sum of all squared weights (--penalty sum)",
        "- note: `np.Inf`",
        *("## test_module: 1 point lost", "Likely: this is the <sum>"),
        *("## test_answer: 2.5 points lost", "Likely: this is the mean; divide by N"),
        *("## Advice, which costs no points", "Likely: this overflows"),
    ]


def test_where_python_ends_the_other_tasks_get_the_time_that_is_left(classroom: Classroom) -> None:
    def act(limits: Limits, seconds: float, stop: object, tasks: list[str]) -> Run:
        given.append(seconds)
        if limits.without != ("test_style",):  # which is advice: it costs no task
            return Run(task="3a", check="test_style", ending="Python was ended by SIGSEGV")
        if "2a" in tasks:
            why = "Python was ended by SIGKILL"
            return Run(task="2a", check="test_module", ending=why, seconds=20)
        return outcome("3a.1", results=results("3a.1", tasks))

    given: list[float] = []
    found = classroom.report(act)
    assert found["score"] == 2.5
    why = "Python was ended by SIGKILL in test_module"
    first = "Task 3a: Python was ended by SIGSEGV in test_style"
    assert found["extra_data"]["notes"] == [first, f"Task 2a: {why}"]
    assert [test["output"] for test in found["tests"]] == [why, why, "", "Likely: this overflows"]
    assert classroom.report(act, seconds=20)["score"] == 0
    assert given == [60, 60, 40, 20, 20]  # no task is tried when the time is over


def test_what_was_stopped_runs_once_more_alone(classroom: Classroom, capsys: Capture) -> None:
    def slow(limits: Limits, *_: object) -> Run:
        ran.append(f"bo, {limits.seconds:g} s")
        began.set()
        return outcome("2a.1" if limits.seconds < 100 else "2a.1 2a.2", stopped=True)

    def after_it_began(*_: object) -> None:
        began.wait(120)
        ran.append("ann")

    began = threading.Event()
    ran: list[str] = []
    classroom.acts = {"2a.1": slow, ALL: after_it_began}
    assert classroom.grade("--jobs", "2") == 0
    assert ran == ["bo, 60 s", "ann", "bo, 180 s"]
    assert classroom.rows[2].startswith("bo,4,0,4,")
    assert classroom.grade_one() == 0
    assert "# bo: 4 of 6.5 points" in capsys.readouterr().out


def test_what_a_run_shows_is_noted(classroom: Classroom) -> None:
    look = "; look at the code yourself"
    overwritten = f"no results: what the checks wrote was overwritten{look}"
    none = [results(passed).replace("Likely:", "Got: None") for passed in ("", "3a.1")]
    for passed, run, score, notes in (
        (ALL, {"results": "[" * 1_000_000}, 0, [overwritten]),
        (ALL, {"results": '{"tests": [1]}'}, 0, [overwritten]),
        ("2a.2", {"results": results(ALL)}, 1, [f"3 checks did not run to their end{look}"]),
        ("3a.1", {"printed": 20_000_001}, 2.5, ["it printed 20 MB"]),
        ("3a.1", {"printed": 1_000_000, "results": none[1]}, 2.5, []),
        ("", {"results": none[0]}, 0, ["3 of 3 failed checks got None"]),
    ):
        found = classroom.graded(passed, **run)
        assert (found["score"], found["extra_data"]["notes"]) == (score, notes)


def test_names_notes_and_outputs_are_safe_to_show(classroom: Classroom, capsys: Capture) -> None:
    odd = {"<img src=x>`.py": "", "\x1b[2J.py": "", "\u202egpj.py": ""}
    classroom.hand_in("=cmd\x1b[2J", "2a.2", **odd)
    classroom.hand_in("@bo\t", "3a.1", **{"=1.py": ""})
    write_files(classroom.folder, {"\x1b[2J.txt": ""})  # is named as no submission
    steers = results("").replace("Likely", "\\u001b[2J```").replace("f:", "\\u0007:")
    classroom.acts = {"2a.2": lambda *_: outcome("2a.2", results=steers)}
    assert classroom.grade() == classroom.grade_one("=cmd\x1b[2J") == 0
    pages = {path.name: path.read_text("utf-8-sig") for path in classroom.out.iterdir()}
    for text in [*pages, *pages.values(), *capsys.readouterr()]:
        assert text.replace("\n", "").isprintable()
    assert ",\"'=1.py: left out" in pages["grades.csv"]
    assert not re.search(r'(^|,)"?[=+@\t\r-]', pages["grades.csv"], re.MULTILINE)
    assert not re.search("<img|<sum>", pages["overview.html"])
    page = pages["_cmd__2J.md"]
    assert ", <img src=x>'.py, \\u202egpj.py: left out, no name that Python can import`\n" in page
    assert page.count("```") == 2 * page.count("```text")


def test_the_overview_shows_the_points_the_mistakes_and_who_made_them(classroom: Classroom) -> None:
    changes = {
        "ann": ("2a.1 2a.2", results("2a.1 2a.2", notes=[f"note {n}" for n in range(5)])),
        "åse & bo": ("3a.2", results("3a.2")),  # both checks of 2a name one mistake
        "cy": ("2a.1 3a.1", results("2a.1 3a.1").replace("Likely", "skipped")),
        "dee": (ALL, results(ALL)),
    }
    page = overview({n: classroom.graded(p, results=text) for n, (p, text) in changes.items()})
    text = re.sub(r'<meter value="(.+?)" max="(.+?)"></meter>', r"\1/\2", page)
    text = re.sub("<.+?>", "", text.replace("</td><td>", " | ").replace("<br>", " : "))
    assert "4 submissions\n4.0 of 6.5 points on average, median 4.75. Graded with R(w) as" in text
    assert [line for line in text.splitlines() if " | " in line] == [
        *("none | 1 | 1/1", "up to 1 | 1 | 1/1", "up to 2 |  | 0/1", "up to 4 | 1 | 1/1"),
        *("up to 8 | 1 | 1/1", "2a | 2.8 of 4 | 2.75/4", "3a | 1.2 of 2.5 | 1.25/2.5"),
        *("2 | 3a: answer | 2/4", "1 | 2a: answer | 1/4", "1 | 2a: module | 1/4"),
        "2 | 3a: f: 3a.1; this is the mean; divide by N : ann, åse &amp; bo",
        "1 | 2a: f: 2a.1; this is the &lt;sum&gt; : åse &amp; bo",
        "ann | note 0 : note 1 : note 2 : and 2 more",
        *("name | 2a | 3a | total", "dee | 4 | 2.5 | 6.5", "cy | 3 | 2.5 | 5.5"),
        *("ann | 4 | 0 | 4", "åse &amp; bo | 0 | 0 | 0"),
    ]
    assert '<a href="%C3%A5se%20%26%20bo.md">åse &amp; bo</a>' in page
    assert not re.search(r"<script|<img|<link|https?://", page)  # it needs nothing else


def test_a_second_run_grades_only_what_changed(classroom: Classroom) -> None:
    def graded(*options: str) -> set[str]:
        classroom.calls.clear()
        assert classroom.grade(*options) == 0
        return {text for text, *_ in classroom.calls} - {""}  # without those of `prepare`

    assert graded() == {ALL, "2a.1"}
    assert graded() == set()
    write_files(classroom.folder, {"bo.zip": zipped({"task2a.py": "2a.2"})})
    assert graded() == {"2a.2"}
    assert [row.split(",")[3] for row in classroom.rows[1:]] == ["6.5", "1"]
    classroom.acts[""] = lambda *_: outcome("", digest="of other checks")
    assert graded() == {ALL, "2a.2"}
    assert graded("--again") == {ALL, "2a.2"}
    write_files(classroom.out, {"ann.json": "{"})
    assert graded() == {ALL}


def test_a_rewritten_report_changes_no_grade(classroom: Classroom, capsys: Capture) -> None:
    def rewrite(*rest: object) -> None:
        report.write_text(report.read_text().replace('"score": 6.5', '"score": 1'))

    report = classroom.out / "ann.json"
    assert classroom.grade() == 0
    assert "was changed" not in capsys.readouterr().err
    classroom.hand_in("a", "2a.2")
    classroom.acts["2a.2"] = rewrite
    assert classroom.grade("--jobs", "1") == 0
    assert f"{report} was changed while submissions ran" in capsys.readouterr().err
    assert json.loads(report.read_text())["score"] == 6.5
    assert [row.split(",")[3] for row in classroom.rows[1:]] == ["1", "6.5", "3"]


def test_ctrl_c_keeps_what_was_graded(classroom: Classroom, monkeypatch: Patch) -> None:
    def interrupted(futures: Any) -> Any:
        yield next(as_completed(futures))
        raise KeyboardInterrupt

    def wait(limits: Limits, seconds: float, stop: threading.Event, tasks: object) -> None:
        started.set()
        ended.append(stop.wait(120))

    ended: list[bool] = []
    started = threading.Event()
    monkeypatch.setattr(cli, "as_completed", interrupted)
    classroom.acts = {ALL: lambda *_: started.wait(120), "2a.1": wait}
    assert classroom.grade("--jobs", "2") == 130
    assert ended == [True]
    assert {path.name for path in classroom.out.iterdir()} == {"ann.json", "ann.md"}
    assert json.loads((classroom.out / "ann.json").read_text())["score"] == 6.5


def test_options_are_the_limits(classroom: Classroom, monkeypatch: Patch, tmp_path: Path) -> None:
    options = "--timeout 24 --memory 1024 --container an/image --penalty half"
    assert classroom.grade(*options.split()) == 0
    limits = Limits(24, 1 << 30, image="an/image", penalty="half")
    assert {given for _, given, *_ in classroom.calls} == {limits}
    assert limits.check_seconds == 2
    page = (classroom.out / "ann.md").read_text("utf-8")
    assert "\n- Graded with R(w) as half the sum of all squared weights (--penalty half)\n" in page
    copy_checks(ROOT, tmp_path / "copy", "half")
    assert '\nL2 = "half"  #' in (tmp_path / "copy" / "lab" / "assignment.py").read_text("utf-8")
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # a quota, as of a container
    assert cli.parse(["class"]).jobs == 1


def test_a_fault_is_one_line(classroom: Classroom, monkeypatch: Patch, capsys: Capture) -> None:
    write_files(classroom.folder.parent, {"b/Softmax.py": ""})
    for name in ("nowhere", "../b", ""):
        assert classroom.grade_one(name) == 1
    broken = Run(ending="Python ended with exit code 4", output=b"RuntimeError: broken conftest")
    classroom.acts[""] = lambda *_: broken
    assert classroom.grade() == 1
    assert not classroom.out.exists()
    classroom.acts.clear()
    monkeypatch.setattr(cli, "bubblewrap_problem", lambda: "why")
    assert classroom.grade() == 0
    monkeypatch.setattr(cli, "find_spec", lambda _: None)
    assert classroom.grade() == 1
    (environment := classroom.folder.parent / "link").symlink_to(classroom.folder / "ann")
    monkeypatch.setattr(sys, "prefix", str(environment))
    assert classroom.grade() == 1
    starts = [
        f"grade: {classroom.folder / 'nowhere'} does not exist.",
        f"grade: {classroom.folder.parent / 'b'} contains no submission: expected task2a.py, ",
        "grade: 2 submissions, ann, bo: --out names the folder for the results; --one makes ",
        "grade: Python ended with exit code 4. The checks printed:",
        "RuntimeError: broken conftest",
        "grade: why. A submission can use the network",
        "grade: grading needs pytest-timeout. Run: pip install '.[course]'",
        f"grade: the environment {environment} is inside the project and would lead submissions",
    ]
    lines = capsys.readouterr().err.splitlines()
    assert [a[: len(b)] for a, b in zip(lines, starts, strict=True)] == starts
