"""Grade one submission: it gets a report, whatever happens."""

from __future__ import annotations

import hashlib
import json
import math
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from course import desk
from course.isolation import Limits, Run, run_checks
from course.listing import UnreadableError
from course.submission import Submission, read_submission

MAX_OUTPUT = 10_000  # characters of the output of one check
MAX_REMARKS, MAX_REMARK = 20, 300  # of the checks, and characters of one
MANY = 3  # checks that fail for one reason are worth a remark
LOUD = 1_000_000  # bytes of output that are worth a remark
Report = dict[str, Any]


class ChecksError(Exception):
    """The checks themselves do not run; the message says why, or has what they printed."""


class InterruptedGradingError(Exception):
    """Grading was stopped from outside."""


@dataclass(frozen=True)
class Checks:
    """The checks, and what an empty submission gets from them.

    Attributes:
        project: the root of the project that has them.
        tests: every check in Gradescope's schema, not passed.
        digest: of the checks and the packages.
    """

    project: Path
    tests: tuple[Mapping[str, Any], ...]
    digest: str

    @property
    def tasks(self) -> list[str]:
        """The names of the tasks, in order."""
        return list(dict.fromkeys(map(task_of, self.tests)))


def task_of(test: Mapping[str, Any]) -> str:
    """Return the task that a check belongs to: "2a" for number "2a.1"."""
    return str(test["number"]).split(".")[0]


def prepare(project: Path, limits: Limits) -> Checks:
    """Run the checks on an empty desk to learn which there are.

    Raises:
        ChecksError: if they do not run.
    """
    with _desk(project, Submission()) as (folder, home):
        digest = desk.digest(folder)
        run = run_checks(project, folder, home, limits, time.monotonic() + limits.seconds)
    read = _read_results(run)
    if read is None:
        raise ChecksError(
            f"{run.ending}. The checks printed:\n{run.output.decode(errors='replace')}"
        )
    fields = ("name", "number", "max_score", "tags")
    tests = [
        {key: test[key] for key in fields} | {"score": 0.0, "status": "failed"} for test in read[0]
    ]
    return Checks(project, tuple(tests), digest)


def grade(
    path: Path,
    checks: Checks,
    limits: Limits,
    known: Report | None = None,
    stop: Event | None = None,
) -> Report:
    """Grade a submission.

    Args:
        path: a zip or a folder.
        checks: as `prepare` returns them.
        limits: on what it may use.
        known: an earlier report, which is returned if it is of the same files and checks.
        stop: ends grading when it is set.

    Returns:
        The report, see `make_report`.

    Raises:
        InterruptedGradingError: if `stop` was set.
    """
    start = time.monotonic()
    try:
        submission = read_submission(path)
        problem = "" if submission.files else "it contains none of the assignment's files"
    except UnreadableError as error:
        submission, problem = Submission(), str(error)
    what = f"{submission.digest()} {problem} {checks.digest}"
    digest = hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()
    if known and known["extra_data"]["digest"] == digest:
        return known
    remarks = list(submission.remarks)
    if problem:
        remarks.append(f"not graded: {problem}")
        tests = [{**test, "output": remarks[-1]} for test in checks.tests]
    else:
        if submission.missing:
            remarks.append(f"missing: {', '.join(submission.missing)}")
        tests = _run_all(submission, checks, limits, remarks, stop)
    return make_report(tests, remarks, digest, time.monotonic() - start)


def make_report(
    tests: Sequence[Mapping[str, Any]], remarks: list[str], digest: str = "", seconds: float = 0
) -> Report:
    """Put the outcome of a submission into Gradescope's schema; add up its points by task."""
    remarks = [" ".join(_printable(remark).split())[:MAX_REMARK] for remark in remarks]
    tasks: dict[str, dict[str, float]] = {}
    for test in tests:
        points = tasks.setdefault(task_of(test), {"score": 0.0, "max_score": 0.0})
        for key in points:
            points[key] = round(points[key] + test[key], 6)
    return {
        "score": round(math.fsum(points["score"] for points in tasks.values()), 6),
        "max_score": round(math.fsum(points["max_score"] for points in tasks.values()), 6),
        "output": "\n".join(remarks),
        "execution_time": round(seconds, 2),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": list(tests),
        "extra_data": {"digest": digest, "remarks": remarks, "tasks": tasks},
    }


def _run_all(
    submission: Submission, checks: Checks, limits: Limits, remarks: list[str], stop: Event | None
) -> list[dict[str, Any]]:
    """Run the checks, and again without the task in which Python ended, while there is time."""
    tasks = checks.tasks
    lost: dict[str, str] = {}  # {task: how Python ended in it}
    tests: list[dict[str, Any]] = []
    why = ""  # why there are no results
    deadline = time.monotonic() + limits.seconds
    while tasks:
        with _desk(checks.project, submission) as (folder, home):
            run = run_checks(checks.project, folder, home, limits, deadline, tasks, stop)
            intact = desk.digest(folder) == checks.digest and not run.altered
        if stop is not None and stop.is_set():
            raise InterruptedGradingError
        if run.results is None and run.task in tasks:
            tasks.remove(run.task)
            lost[run.task] = f"{run.ending} in {run.check}"
            remarks.append(f"Task {run.task}: {lost[run.task]}")
            if time.monotonic() < deadline:
                continue
            why = "no results: no time was left for the other tasks" if tasks else ""
        elif not intact:
            why = "no points: the checks were changed while they ran; look at the code yourself"
        elif run.results is None:
            why = f"no results: {run.ending}"
        elif (read := _read_results(run)) is None:
            why = "no results: what the checks wrote was overwritten; look at the code yourself"
        else:
            tests, told = read
            remarks += told[:MAX_REMARKS] + _remarks(tests, run)
        break
    if run.printed > LOUD:
        remarks.append(f"it printed {run.printed / 1e6:.0f} MB")
    if why:
        remarks.append(why)
    found = {(test["number"], test["name"]): test for test in tests}
    merged = []
    for test in checks.tests:
        task = task_of(test)
        result = found.get((test["number"], test["name"]), {})
        passed = (task, test["name"]) in run.passed
        merged.append(_merge(test, result, passed, lost.get(task, why)))
    return merged


def _read_results(run: Run) -> tuple[list[dict[str, Any]], list[str]] | None:
    """Read the tests and the remarks in a run's results; None if these are not the checks' own."""
    try:
        results = json.loads(run.results or "")
        tests = [
            {
                **{key: test[key] for key in ("max_score", "tags")},
                **{key: str(test[key]) for key in ("name", "number", "status")},
                "output": _printable(str(test["output"])[:MAX_OUTPUT]),
                "summary": _printable(str(test.get("extra_data", {}).get("summary", ""))),
            }
            for test in results["tests"]
        ]
        return tests, [str(told) for told in results.get("extra_data", {}).get("remarks", [])]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None


def _printable(text: str) -> str:
    """Escape what would steer a terminal or hide in a table; keep the lines."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _remarks(tests: Sequence[Mapping[str, Any]], run: Run) -> list[str]:
    """Say what went wrong in many checks at once, and which never came to their end."""
    failed = [test for test in tests if test["summary"] and test["max_score"]]
    remarks = []
    for value in ("None", "nan"):
        got = sum(bool(re.search(rf"Got: +{value}\b", test["output"])) for test in failed)
        if got >= max(MANY, len(failed) / 4):
            remarks.append(f"{got} of {len(failed)} failed checks got {value}")
    claimed = {(task_of(test), test["name"]) for test in tests if test["status"] == "passed"}
    if unfounded := len(claimed - run.passed):
        remarks.append(f"{unfounded} checks did not run to their end; look at the code yourself")
    return remarks


def _merge(
    test: Mapping[str, Any], result: Mapping[str, Any], passed: bool, why: str
) -> dict[str, Any]:
    """Add its result to a check; its points are its own, whatever the result says."""
    merged = {**test, "output": result.get("output", why or "not run")}
    if result.get("summary"):
        merged["extra_data"] = {"summary": result["summary"]}
    if result.get("status") == "passed" and passed:
        merged |= {"status": "passed", "score": test["max_score"]}
    return merged


@contextmanager
def _desk(project: Path, submission: Submission) -> Iterator[tuple[Path, Path]]:
    """Lay out a submission with the checks in a temporary folder; yield it and a home beside it."""
    with tempfile.TemporaryDirectory(prefix="grade-", ignore_cleanup_errors=True) as temporary:
        folder, home = Path(temporary, "desk"), Path(temporary, "home")
        folder.mkdir()
        home.mkdir()
        for name, data in submission.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        desk.lay_out(project, folder)
        yield folder, home
