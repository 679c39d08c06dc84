"""What each task is worth, and the marker that gives a check its share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from lab.assignment import POINTS

Test = TypeVar("Test", bound=Callable[..., None])


@dataclass(frozen=True)
class Check:
    """What the table of points and a failure's first line say of a check.

    Attributes:
        task: a key of POINTS.
        points: what it earns when it passes.
        function: what it judges, as "task2a.BinaryModel.forward".
        equation: the number of its equation in the assignment, or "".
        needs: names of the checks that must pass for this one to mean anything.
    """

    task: str
    points: float
    function: str
    equation: str = ""
    needs: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.task not in POINTS:
            raise ValueError(f"task: expected one of {', '.join(POINTS)}, got {self.task!r}.")

    def header(self, function: str | None = None, equation: str | None = None) -> str:
        """Say which task, function and equation it is about, `Task 2a: task2a.f (equation 1)`."""
        number = self.equation if equation is None else equation
        suffix = f" (equation {number})" if number else ""
        return f"Task {self.task}: {function or self.function}{suffix}"


def check(
    task: str,
    points: float,
    function: str,
    equation: str = "",
    needs: Sequence[Callable[..., Any]] = (),
) -> Callable[[Test], Test]:
    """Make a test function a check: it earns points, and says what it judges.

    Args:
        task: a key of POINTS.
        points: what it earns when it passes.
        function: what it judges, as "task2a.BinaryModel.forward".
        equation: the number of its equation in the assignment.
        needs: checks of the same module; unless they all pass, this one is skipped.
    """
    names = tuple(need.__name__ for need in needs)
    mark = pytest.mark.check(Check(task, points, function, equation, names))
    return lambda test: mark(test)
