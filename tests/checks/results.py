"""Gradescope's `results.json`: https://gradescope-autograders.readthedocs.io/en/latest/specs/."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.assignment import POINTS
from lab.files import replacing
from tests.checks.outcomes import Outcome, Outcomes
from tests.checks.table import remarks, table_lines

LONGEST = 10_000  # characters of one output: a page, not a book


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
            "remarks": list(outcomes.remarks),
        },
    }


def _task(task: str, outcomes: Outcomes) -> dict[str, Any]:
    earned, possible = outcomes.points(task)
    return {"score": earned, "max_score": possible, "remarks": remarks(outcomes.of(task))}


def _test(outcome: Outcome) -> dict[str, Any]:
    return {
        "name": outcome.name,
        "number": outcome.number,
        "score": outcome.points,
        "max_score": outcome.check.points,
        "status": "passed" if outcome.status == "passed" else "failed",
        "output": outcome.text[:LONGEST],
        "tags": [outcome.check.task],
        "extra_data": {
            "task": outcome.check.task,
            "function": outcome.function or outcome.check.function,
            "outcome": outcome.status,
            "summary": outcome.summary,
            "not_written": outcome.not_written,
            "seconds": round(outcome.seconds, 3),
        },
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
            "extra_data": {"task": task, "function": "", "outcome": "not read"},
        }
        for task, points in lost.items()
        if points
    ]
