"""The table of points by task that pytest ends with."""

from __future__ import annotations

from collections.abc import Sequence

from tests.checks.outcomes import Outcome, Outcomes


def table_lines(outcomes: Outcomes) -> list[str]:
    """Write a line for each task, then their sum.

    Args:
        outcomes: of the checks that ran.
    """
    lines = [_line(task, outcomes.of(task)) for task in outcomes.tasks()]
    lines += [f"{module} could not be read" for module in outcomes.unreadable]
    return [*lines, _points("total", list(outcomes))]


def number(points: float) -> str:
    """Write points without a needless ".0"."""
    return f"{points:g}"


def remarks(outcomes: Sequence[Outcome]) -> str:
    """Say what keeps a task from its full points: what is not written, failed, skipped."""
    not_written = dict.fromkeys(_short(o.not_written) for o in outcomes if o.not_written)
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


def _line(task: str, outcomes: Sequence[Outcome]) -> str:
    return f"{_points(task, outcomes)}  {remarks(outcomes)}".rstrip()


def _points(name: str, outcomes: Sequence[Outcome]) -> str:
    earned = number(sum(outcome.points for outcome in outcomes))
    possible = number(sum(outcome.check.points for outcome in outcomes))
    return f"{name:<5} {earned:>4} / {possible:>2}"


def _short(function: str) -> str:
    return function.split(".", 1)[-1]
