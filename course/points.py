"""Count the points of one submission: it gets a report in Gradescope's schema, whatever happens."""

import hashlib
import json
import math
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Any

from course import GradingError
from course.isolation import Limits, run_checks
from course.listing import Listing
from course.submission import read_submission
from lab.assignment import L2

MAX_OUTPUT = 10_000  # characters of the output of one check
MAX_NOTES, MAX_NOTE = 20, 300  # of the checks, and characters of one
MANY = 3  # checks that fail for one reason are worth a note
LOUD = 1_000_000  # bytes of output that are worth a note
PENALTIES = {
    "sum": "Graded with R(w) as the sum of all squared weights",
    "half": "Graded with R(w) as half the sum of all squared weights",
}
LOOK = "look at the code yourself"
Report = dict[str, Any]


@dataclass(frozen=True)
class Checks:
    """The checks, and what an empty submission gets from them.

    Attributes:
        project: the root of the project that has them.
        tests: every check in Gradescope's schema, not passed.
        digest: of the checks and the packages.
        penalty: what R is, see `copy_checks`.
    """

    project: Path
    tests: tuple[Mapping[str, Any], ...]
    digest: str
    penalty: str


def task_of(test: Mapping[str, Any]) -> str:
    """Return the task that a check belongs to: "2a" for number "2a.1"."""
    return str(test["number"]).split(".")[0]


def prepare(project: Path, limits: Limits) -> Checks:
    """Run the checks on an empty submission to learn which there are.

    Raises:
        GradingError: if they do not run.
    """
    run = run_checks(project, {}, limits, limits.seconds, Event())
    try:
        found = json.loads(run.results or "")["tests"]
        fields = ("name", "number", "max_score", "tags")
        nothing = {"score": 0.0, "status": "failed"}
        tests = [{key: test[key] for key in fields} | nothing for test in found]
    except (ValueError, LookupError, TypeError):
        printed = run.output.decode(errors="replace")
        raise GradingError(f"{run.ending}. The checks printed:\n{printed}") from None
    return Checks(project, tuple(tests), run.digest, limits.penalty)


def grade(
    source: Path | Listing,
    checks: Checks,
    limits: Limits,
    known: Report | None = None,
    stop: Event | None = None,
) -> Report:
    """Grade a submission.

    Args:
        source: a zip, a folder, or its files.
        checks: as `prepare` returns them.
        limits: on what it may use.
        known: an earlier report, which is returned if it is of the same files and checks.
        stop: ends grading when it is set; the report is then worth nothing.

    Returns:
        The report, see `make_report`; with "stopped" if a limit on time ended something.
    """
    start = time.monotonic()
    submission = read_submission(source)
    identity = hashlib.sha256(repr((submission, checks.digest)).encode()).hexdigest()
    if known and known["extra_data"]["digest"] == identity:
        return known
    if submission.problem:
        why = f"not graded: {submission.problem}"
        return not_graded(checks, why, submission.notes, identity)
    tests, notes, stopped = _count(submission.files, checks, limits, stop or Event())
    seconds = time.monotonic() - start
    notes = submission.notes + notes
    report = make_report(tests, notes, identity, seconds, checks.penalty)
    return report | {"stopped": True} if stopped else report


def not_graded(checks: Checks, why: str, notes: Sequence[str] = (), identity: str = "") -> Report:
    """Make the report of a submission on which no check ran."""
    tests = [{**test, "output": why} for test in checks.tests]
    return make_report(tests, [*notes, why], identity, penalty=checks.penalty)


def make_report(
    tests: Sequence[Mapping[str, Any]],
    notes: Sequence[str],
    identity: str = "",
    seconds: float = 0,
    penalty: str = L2,
) -> Report:
    """Put the outcome of a submission into Gradescope's schema; add up its points by task.

    Args:
        tests: each check in Gradescope's schema.
        notes: for the instructor.
        identity: a digest of the submission and the checks.
        seconds: how long it took.
        penalty: what R is, see `copy_checks`.
    """
    penalty = f"{PENALTIES[penalty]} (--penalty {penalty})"
    notes = [" ".join(printable(note).split())[:MAX_NOTE] for note in notes]
    tasks: dict[str, dict[str, float]] = {}
    for test in tests:
        points = tasks.setdefault(task_of(test), {"score": 0.0, "max_score": 0.0})
        for key in points:
            points[key] = round(points[key] + test[key], 6)
    return {
        "score": round(math.fsum(points["score"] for points in tasks.values()), 6),
        "max_score": round(math.fsum(points["max_score"] for points in tasks.values()), 6),
        "output": "\n".join([penalty, *notes]),
        "execution_time": round(seconds, 2),
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": list(tests),
        "extra_data": {"digest": identity, "notes": notes, "tasks": tasks, "penalty": penalty},
    }


def _count(
    files: Mapping[str, bytes], checks: Checks, limits: Limits, stop: Event
) -> tuple[list[Report], list[str], bool]:
    """Run the checks, and again without the task or the advice in which Python ended, in time.

    Returns:
        The checks in Gradescope's schema, notes, and whether a limit on time ended something.
    """
    tasks = list(dict.fromkeys(map(task_of, checks.tests)))
    advice = {(task_of(test), test["name"]) for test in checks.tests if not test["max_score"]}
    lost: dict[str, str] = {}  # {task: how Python ended in it}
    notes: list[str] = []
    seconds, stopped = limits.seconds, False
    while True:
        run = run_checks(checks.project, files, limits, seconds, stop, tasks)
        seconds -= run.seconds
        stopped |= run.stopped
        if run.results is not None or run.task not in tasks:
            break
        ending = f"{run.ending} in {run.check}"
        notes.append(f"Task {run.task}: {ending}")
        if (run.task, run.check) in advice and run.check not in limits.without:
            limits = replace(limits, without=(*limits.without, run.check))
        else:
            tasks.remove(run.task)
            lost[run.task] = ending
        if not tasks or stop.is_set() or seconds <= 0:
            break
    if run.printed > LOUD:
        notes.append(f"it printed {run.printed / 1e6:.0f} MB")

    why = ""  # why nothing counts
    texts: dict[str, Report] = {}  # {number of a check: its texts}
    if run.results is None:
        why = f"no results: {run.ending}" if tasks else ""
    elif run.altered or run.digest != checks.digest:
        why = f"no points: the checks were changed while they ran; {LOOK}"
    else:
        try:
            texts, from_checks = _read_results(run.results)
            notes += from_checks
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            why = f"no results: what the checks wrote was overwritten; {LOOK}"
    if why:
        notes.append(why)

    tests = []
    for test in checks.tests:
        why_not = lost.get(task_of(test)) or why
        result = {**test, "output": why_not or "not run"}
        if not why_not:
            result |= texts.get(test["number"], {})
            if (task_of(test), test["name"]) in run.passed:
                result |= {"status": "passed", "score": test["max_score"]}
        tests.append(result)
    return tests, notes if why else notes + _patterns(tests), stopped


def _read_results(results: str) -> tuple[dict[str, Report], list[str]]:
    """Read the texts and the notes in a run's results; their points and their status do not count.

    Raises:
        ValueError, LookupError, TypeError, AttributeError, RecursionError: if these are not the
            checks' own.
    """
    found = json.loads(results)
    texts = {}
    for test in found["tests"]:
        text: Report = {"output": printable(str(test["output"])[:MAX_OUTPUT])}
        if summary := test.get("extra_data", {}).get("summary"):
            text["extra_data"] = {"summary": printable(str(summary))}
        texts[test["number"]] = text
    notes = found.get("extra_data", {}).get("notes", [])
    return texts, [str(note) for note in notes[:MAX_NOTES]]


def printable(text: str) -> str:
    """Escape what would steer a terminal or hide in a table; keep the lines."""
    return "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)


def _patterns(tests: Sequence[Report]) -> list[str]:
    """Note what went wrong in many checks at once, and which did not run to their end."""
    failed = [test for test in tests if "extra_data" in test and test["max_score"]]
    notes = []
    for value in ("None", "nan"):
        got = sum(bool(re.search(rf"Got: +{value}\b", test["output"])) for test in failed)
        if got >= max(MANY, len(failed) / 4):
            notes.append(f"{got} of {len(failed)} failed checks got {value}")
    unfinished = [test for test in tests if test["status"] != "passed" and not test["output"]]
    if unfinished:
        notes.append(f"{len(unfinished)} checks did not run to their end; {LOOK}")
    return notes
