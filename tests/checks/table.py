"""The table of points by task that pytest ends with."""

from __future__ import annotations

from collections.abc import Sequence

from tests.checks.outcomes import Outcome, Outcomes


def table_lines(outcomes: Outcomes) -> list[str]:
    """Write a line for each task of which a check ran, their sum, the advice and the remarks."""
    lines = [
        f"{_points(task, *outcomes.points(task))}  {remarks(outcomes.of(task))}".rstrip()
        for task in outcomes.tasks()
        if any(outcome.status != "not run" for outcome in outcomes.of(task))
    ]
    lines += [f"{module} could not be read" for module in outcomes.unreadable]
    lines.append(_points("total", *outcomes.points()))
    lines += [f"advice: {outcome.summary}" for outcome in outcomes.advice()]
    return [*lines, *(f"remark: {remark}" for remark in outcomes.remarks)]


def remarks(outcomes: Sequence[Outcome]) -> str:
    """Say what keeps a task from its full points: what is not written, failed, skipped."""
    outcomes = [outcome for outcome in outcomes if not outcome.check.is_advice]
    at_fault = [outcome for outcome in outcomes if outcome.status == "failed"]
    not_written = dict.fromkeys(o.function.split(".", 1)[-1] for o in at_fault if o.not_written)
    failed = dict.fromkeys(o.function.split(".", 1)[-1] for o in at_fault if not o.not_written)
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
