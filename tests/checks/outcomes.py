"""The outcome of every check, as a table of points and as Gradescope's `results.json`.

Its schema: https://gradescope-autograders.readthedocs.io/en/latest/specs/.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from digits.files import replacing
from lab.assignment import POINTS
from tests.checks.explain import Failure
from tests.checks.mistake import TIMED_OUT
from tests.checks.points import Check

LONGEST = 10_000  # characters of one output: a page, not a book


@dataclass
class Outcome:
    """The outcome of one check.

    Attributes:
        number: as "2a.1".
        name: of the test function.
        check: its points, and what it judges.
        status: "passed", "failed", "skipped" or "not run".
        failure: why it failed, or why it was skipped.
    """

    number: str
    name: str
    check: Check
    status: str = "not run"
    failure: Failure = field(default_factory=Failure)

    @property
    def points(self) -> float:
        """The points that it earned."""
        return self.check.points if self.status == "passed" else 0.0

    @property
    def was_stopped(self) -> bool:
        """Whether it took too long."""
        return TIMED_OUT in self.failure.summary


@dataclass
class Outcomes:
    """The outcomes of all checks, by pytest's node id.

    Attributes:
        unreadable: {module of checks: why it could not be read}.
        notes: what an instructor should know about the files.
    """

    _all: dict[str, Outcome] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)

    def add(self, nodeid: str, name: str, check: Check) -> None:
        """Number a check that is to run."""
        number = sum(outcome.check.task == check.task for outcome in self) + 1
        self._all[nodeid] = Outcome(f"{check.task}.{number}", name, check)

    def drop(self, nodeid: str) -> None:
        """Forget a check."""
        self._all.pop(nodeid, None)

    def __getitem__(self, nodeid: str) -> Outcome:
        return self._all[nodeid]

    def __iter__(self) -> Iterator[Outcome]:
        return iter(self._all.values())

    def tasks(self) -> list[str]:
        """List the tasks that have checks here, in order."""
        found = {outcome.check.task for outcome in self}
        return [task for task in POINTS if task in found]

    def tasks_run(self) -> list[str]:
        """List the tasks of which a check ran."""
        return [t for t in self.tasks() if any(o.status != "not run" for o in self.of(t))]

    def of(self, task: str) -> list[Outcome]:
        """List the outcomes of a task, in order."""
        return [outcome for outcome in self if outcome.check.task == task]

    def points(self, task: str = "") -> tuple[float, float]:
        """Add up the points earned and possible, of one task or of all."""
        counted = self.of(task) if task else list(self)
        earned, possible = (o.points for o in counted), (o.check.points for o in counted)
        return round(sum(earned), 4), round(sum(possible), 4)

    def advice(self) -> list[Outcome]:
        """List the advice that applies."""
        return [o for o in self if o.check.is_advice and o.status == "failed" and o.failure.summary]

    def blocker(self, check: Check) -> Outcome | None:
        """Find a failed check that this one needs, directly or through others."""
        for outcome in self.of(check.task):
            if outcome.name in check.needs and outcome.status in ("failed", "skipped"):
                return self.blocker(outcome.check) or outcome
        return None


def table_lines(outcomes: Outcomes) -> list[str]:
    """Write a line for each task of which a check ran, their sum, the advice and the notes."""
    lines = [
        f"{_points(task, *outcomes.points(task))}  {notes(outcomes.of(task))}".rstrip()
        for task in outcomes.tasks_run()
    ]
    lines += [f"{module} could not be read" for module in outcomes.unreadable]
    lines.append(_points("total", *outcomes.points()))
    lines += [f"advice: {outcome.failure.summary}" for outcome in outcomes.advice()]
    return [*lines, *(f"note: {note}" for note in outcomes.notes)]


def notes(outcomes: Sequence[Outcome]) -> str:
    """List what keeps a task from its full points: what is not written, failed, skipped."""
    outcomes = [outcome for outcome in outcomes if not outcome.check.is_advice]
    failures = [outcome.failure for outcome in outcomes if outcome.status == "failed"]
    not_written = dict.fromkeys(f.function.split(".", 1)[-1] for f in failures if f.not_written)
    failed = dict.fromkeys(f.function.split(".", 1)[-1] for f in failures if not f.not_written)
    skipped = sum(outcome.status == "skipped" for outcome in outcomes)
    not_run = sum(outcome.status == "not run" for outcome in outcomes)
    parts = []
    if not_written:
        parts.append(f"not written yet: {', '.join(not_written)}")
    if failed:
        parts.append(f"failed: {', '.join(failed)}")
    if skipped and failed:
        parts.append(f"skipped: {skipped} that need them")
    if not_run:
        parts.append(f"not run: {not_run}")
    return "; ".join(parts)


def _points(name: str, earned: float, possible: float) -> str:
    return f"{name:<5} {round(earned, 2):>4g} / {possible:>2g}"


def write_results(path: Path, outcomes: Outcomes) -> None:
    """Write the results, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(results(outcomes), indent=2) + "\n", encoding="ascii")


def results(outcomes: Outcomes) -> dict[str, Any]:
    """Put the outcomes into Gradescope's schema.

    Args:
        outcomes: of the checks that ran. The checks of a module that cannot be read earn nothing.
    """
    earned, possible = outcomes.points()
    return {
        "score": earned,
        "max_score": sum(POINTS.values()) if outcomes.unreadable else possible,
        "output": "\n".join(table_lines(outcomes)),
        "tests": [_test(outcome) for outcome in outcomes] + _lost(outcomes),
        "extra_data": {
            "tasks": {task: _task(task, outcomes) for task in outcomes.tasks()},
            "notes": list(outcomes.notes),
        },
    }


def _task(task: str, outcomes: Outcomes) -> dict[str, Any]:
    earned, possible = outcomes.points(task)
    return {"score": earned, "max_score": possible, "notes": notes(outcomes.of(task))}


def _test(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "number": outcome.number,
        "score": outcome.points,
        "max_score": outcome.check.points,
        "status": "passed" if outcome.status == "passed" else "failed",
        "output": outcome.failure.text[:LONGEST],
        "tags": [outcome.check.task],
        "extra_data": {"outcome": outcome.status, "summary": outcome.failure.summary},
    }


def _lost(outcomes: Outcomes) -> list[dict[str, Any]]:
    """List the points of checks that could not be read, which nobody can earn."""
    if not outcomes.unreadable:
        return []
    why = "\n\n".join(f"{module}\n{text}" for module, text in outcomes.unreadable.items())
    lost = {task: points - outcomes.points(task)[1] for task, points in POINTS.items()}
    return [
        {
            "name": f"checks of Task {task} that could not be read",
            "number": f"{task}.0",
            "score": 0.0,
            "max_score": points,
            "status": "failed",
            "output": why[:LONGEST],
            "tags": [task],
            "extra_data": {"outcome": "not read"},
        }
        for task, points in lost.items()
        if points
    ]
