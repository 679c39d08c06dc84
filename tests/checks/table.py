"""The table of points by task that pytest ends with."""

from __future__ import annotations

from collections.abc import Sequence

from tests.checks.outcomes import Outcome, Outcomes


def table_lines(outcomes: Outcomes) -> list[str]:
    """Write a line for each task that was checked, one for their sum, the advice, the remarks."""
    lines = [
        f"{_points(task, *outcomes.points(task))}  {remarks(outcomes.of(task))}".rstrip()
        for task in outcomes.tasks()
    ]
    lines += [f"{module} could not be read" for module in outcomes.unreadable]
    lines.append(_points("total", *outcomes.points()))
    lines += [f"advice: {outcome.summary}" for outcome in outcomes.advice()]
    return [*lines, *(f"remark: {remark}" for remark in outcomes.remarks)]


def remarks(outcomes: Sequence[Outcome]) -> str:
    """Say what keeps a task from its full points: what is not written, failed, skipped."""
    outcomes = [outcome for outcome in outcomes if not outcome.check.is_advice]
    not_written = dict.fromkeys(o.not_written.split(".", 1)[-1] for o in outcomes if o.not_written)
    failed = [o.number for o in outcomes if o.status == "failed" and not o.not_written]
    skipped = sum(o.status == "skipped" for o in outcomes)
    parts = []
    if not_written:
        parts.append(f"not written yet: {', '.join(not_written)}")
    if failed:
        parts.append(f"failed: {', '.join(failed)}")
    if skipped and failed:
        parts.append(f"skipped: {skipped} that need them")
    return "; ".join(parts)


def _points(name: str, earned: float, possible: float) -> str:
    return f"{name:<5} {round(earned, 2):>4g} / {possible:>2g}"
