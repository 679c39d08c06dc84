"""One submission becomes one report, whatever happens to it."""

from __future__ import annotations

import hashlib
import math
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from course import desk
from course.isolation import Limits, Run, run_checks
from course.listing import UnreadableError
from course.submission import Submission, read_submission

LONGEST = 10_000  # characters of one output
Report = dict[str, Any]


class ChecksError(Exception):
    """The checks themselves do not run; the message has what they printed."""


class InterruptedGradingError(Exception):
    """Grading was stopped from outside."""


@dataclass(frozen=True)
class Checks:
    """The checks, and what an empty submission gets from them.

    Attributes:
        project: the root of the project that has them.
        tests: every check in Gradescope's schema, with its points, not earned.
        digest: of the checks and the rooms.
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
    """Learn what checks there are by running them against an empty desk.

    Raises:
        ChecksError: if that gives no results.
    """
    with _desk(project, Submission()) as (folder, home):
        digest = desk.digest(folder)
        run = run_checks(folder, home, limits, [])
    if run.results is None:
        raise ChecksError(
            f"{run.ending}. The checks printed:\n{run.output.decode(errors='replace')}"
        )
    kept = ("name", "number", "max_score", "tags")
    tests = [
        {key: test[key] for key in kept if key in test} | {"score": 0.0, "status": "failed"}
        for test in run.results["tests"]
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
        checks: as `prepare` gives them.
        limits: on what it may use.
        known: an earlier report; it is returned if it is of the same files and checks.
        stop: ends grading when it is set.

    Returns:
        The report in Gradescope's schema.

    Raises:
        InterruptedGradingError: if `stop` was set.
    """
    start = time.monotonic()
    submission, problem = Submission(), ""
    try:
        submission = read_submission(path)
    except UnreadableError as error:
        problem = f"not graded: {error}"
    except Exception as error:  # whatever it is, it must not cost the others their grades
        problem = f"not graded: {type(error).__name__}: {error}"
    what = f"{submission.digest()} {problem} {checks.digest}"
    digest = hashlib.sha256(what.encode("utf-8", "replace")).hexdigest()
    if known and known.get("extra_data", {}).get("digest") == digest:
        return known
    tests, remarks = [dict(test) for test in checks.tests], list(submission.remarks)
    if not problem and not submission.files:
        problem = "not graded: none of the files of the assignment is in it"
    if problem:
        remarks.append(problem)
        for test in tests:
            test["output"] = problem
    else:
        if submission.missing:
            remarks.append(f"missing: {', '.join(submission.missing)}")
        tests = _run_all(submission, checks, limits, remarks, stop)
    return make_report(tests, remarks, digest, time.monotonic() - start)


def make_report(
    tests: list[dict[str, Any]], remarks: list[str], digest: str, seconds: float
) -> Report:
    """Put what came of a submission into Gradescope's schema."""
    return {
        "score": round(math.fsum(test["score"] for test in tests), 6),
        "output": "\n".join(remarks),
        "execution_time": round(seconds, 2),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {"digest": digest, "remarks": remarks},
    }


def _run_all(
    submission: Submission, checks: Checks, limits: Limits, remarks: list[str], stop: Event | None
) -> list[dict[str, Any]]:
    """Run the checks, and again without a task in which Python ended, as long as there is time."""
    lost: dict[str, str] = {}  # task: why nothing of it counts
    deadline = time.monotonic() + limits.seconds
    while True:
        left = Limits(max(1.0, deadline - time.monotonic()), limits.memory, limits.file_size)
        with _desk(checks.project, submission) as (folder, home):
            run = run_checks(folder, home, left, list(lost), stop)
            intact = desk.digest(folder) == checks.digest
        if stop is not None and stop.is_set():
            raise InterruptedGradingError
        if run.results is not None or not run.task or run.task in lost:
            break
        lost[run.task] = f"{run.ending} in {run.check}"
        remarks.append(f"Task {run.task}: {lost[run.task]}")
        if time.monotonic() > deadline:
            run = Run(ending="no time was left for the other tasks")
            break
    why = _why_nothing(run, intact)
    if why:
        remarks.append(why)
    results = {} if why or run.results is None else _by_number(run.results)
    return [_merge(test, results, lost.get(task_of(test), why)) for test in checks.tests]


def _why_nothing(run: Run, intact: bool) -> str:
    if not intact:
        return "no points: the checks were changed while they ran; look at this submission yourself"
    return "" if run.results is not None else f"no results: {run.ending}"


def _by_number(results: Mapping[str, Any]) -> dict[tuple[str, str], Mapping[str, Any]]:
    tests = results.get("tests", [])
    return {(test["number"], test["name"]): test for test in tests}


def _merge(
    test: Mapping[str, Any], results: Mapping[tuple[str, str], Mapping[str, Any]], why: str
) -> dict[str, Any]:
    """Give a check what it earned, never more than its points; nothing if it has no result."""
    came = results.get((test["number"], test["name"]), {})
    merged = {**test, "output": str(came.get("output", why or "not run"))[:LONGEST]}
    if came.get("status") == "passed":
        merged |= {"status": "passed", "score": test["max_score"]}
    return merged


@contextmanager
def _desk(project: Path, submission: Submission) -> Iterator[tuple[Path, Path]]:
    """Lay a desk with a submission on it, in a temporary folder; give it and a home beside it."""
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
