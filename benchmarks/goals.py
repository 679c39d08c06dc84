"""The goals of speed and memory, and whether a run of the benchmarks met them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.race import Entry, ratios


@dataclass(frozen=True)
class Goal:
    """A bound on something measured.

    Attributes:
        what: is measured, with its unit.
        measured: the value.
        at_least: the bound from below, if there is one.
        at_most: the bound from above, if there is one.
    """

    what: str
    measured: float
    at_least: float = float("-inf")
    at_most: float = float("inf")

    @property
    def is_met(self) -> bool:
        """Tell whether the value is within the bounds."""
        return self.at_least <= self.measured <= self.at_most


def of_the_race(entries: Mapping[str, Entry], us: str) -> list[Goal]:
    """Compare with the others that were there: medians of the ratios of each round."""
    others = (
        ("plain float64 NumPy", "the plain loop", 2.5),
        ("PyTorch, eager", "PyTorch", 1.4),
        ("JAX, compiled", "compiled JAX", 1),
    )
    goals = [
        Goal(f"times as fast as {words}", median(entries[name].ratios(entries[us])), bound)
        for name, words, bound in others
        if name in entries
    ]
    floor = median(entries[us].ratios(entries["bare floor"]))
    return [*goals, Goal("times as long as the bare floor", floor, at_most=1.35)]


def of_the_script(
    ours: Sequence[float], plain: Sequence[float], peaks: Sequence[float]
) -> list[Goal]:
    """Judge the whole of `task3.py`: its seconds, those of the plain loop, its peaks in MB."""
    ratio = median(ratios(plain, ours))
    return [
        Goal("task3.py: times as fast as the plain loop", ratio, at_least=3),
        Goal("task3.py: peak memory, MB", max(peaks), at_most=450),
    ]


def of_the_waits(
    start_up: Sequence[float], figure: Sequence[float], gradient_check: Sequence[float]
) -> list[Goal]:
    """Judge what else a user waits for, in seconds."""
    return [
        Goal("start-up, s", median(start_up), at_most=1.2),
        Goal("saving the slowest figure, s", max(figure), at_most=0.4),
        Goal("gradient check, s", median(gradient_check), at_most=1),
    ]


def table(goals: Sequence[Goal]) -> str:
    """Write the goals as the rows of a Markdown table."""
    rows = ["| what | goal | measured | |", "|---|---|---|---|"]
    for goal in goals:
        lower = goal.at_least > float("-inf")
        bound = f"at least {goal.at_least:g}" if lower else f"at most {goal.at_most:g}"
        verdict = "met" if goal.is_met else "**not met**"
        rows.append(f"| {goal.what} | {bound} | {goal.measured:.3g} | {verdict} |")
    return "\n".join(rows)
