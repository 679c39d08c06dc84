"""What docs/benchmarks.md shows of a measurement: tables, and goals that are met or not."""

import json
from collections.abc import Mapping, Sequence
from math import isnan
from pathlib import Path
from statistics import median
from typing import NamedTuple

Row = Sequence[str | float | Sequence[float]]
NUMBERS = "figures/benchmarks.json"  # in the folder of the page


class Spread(NamedTuple):
    """The median of several values, and their range."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Summarise values, rounded to four digits."""
        return cls(*(float(f"{f(values):.4g}") for f in (median, min, max)))


class Goal(NamedTuple):
    """A measured value and the bound, "at least" or "at most", that it is to keep."""

    what: str
    measured: float
    side: str
    bound: float

    def row(self) -> Row:
        """Return the goal as a row of a table, with the verdict."""
        margin = self.measured - self.bound
        is_met = margin >= 0 if self.side == "at least" else margin <= 0
        verdict = "met" if is_met else "**not met**"
        return self.what, f"{self.side} {self.bound:g}", self.measured, verdict


class Section(NamedTuple):
    """What one section of the page says: a table, its head first; a note below it; goals."""

    rows: Sequence[Row] = ()
    note: str = ""
    goals: Sequence[Goal] = ()

    def text(self) -> str:
        """Write the table and the note in Markdown."""
        parts = [table(*self.rows)] if self.rows else []
        return "\n\n".join([*parts, self.note] if self.note else parts)


def save(sections: Mapping[str, Section], path: Path) -> None:
    """Write sections as JSON, without goals whose value could not be measured, nan."""
    content = {}
    for name, section in sections.items():
        measured = [goal for goal in section.goals if not isnan(goal.measured)]
        content[name] = section._replace(goals=measured)._asdict()
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def load(page: str | Path) -> dict[str, Section]:
    """Read the sections of a page."""
    content = json.loads((Path(page).parent / NUMBERS).read_text(encoding="utf-8"))
    return {name: Section(**section) for name, section in content.items()}


def goals(sections: Mapping[str, Section]) -> str:
    """Judge the goals of all sections."""
    rows = [Goal(*goal).row() for section in sections.values() for goal in section.goals]
    return table(("what", "goal", "measured", ""), *rows)


def table(*rows: Row) -> str:
    """Write rows as a Markdown table; the first is its head."""
    head, *lines = ("| " + " | ".join(map(_cell, row)) + " |" for row in rows)
    return "\n".join([head, "|---" * len(rows[0]) + "|", *lines])


def _cell(value: str | float | Sequence[float]) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence):
        return "{} ({} to {})".format(*map(_cell, value))
    return f"{value:#.3g}".rstrip(".")
