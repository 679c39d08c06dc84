"""What a check is worth and what it judges, and the decorator that makes a test a check."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

Test = TypeVar("Test", bound=Callable[..., None])


@dataclass(frozen=True)
class Check:
    """What the table of points and a failure's first line say about a check.

    Attributes:
        task: a key of POINTS.
        points: what it earns when it passes.
        function: what it judges, as "task2a.BinaryModel.forward".
        equation: the number of its equation in the assignment, or "".
        needs: the names of checks without which this one means nothing.
    """

    task: str
    points: float
    function: str
    equation: str = ""
    needs: tuple[str, ...] = ()

    def header(self, function: str) -> str:
        """Name the task, the function at fault and the equation: "Task 2a: f (equation 1)"."""
        suffix = f" (equation {self.equation})" if self.equation else ""
        return f"Task {self.task}: {function}{suffix}"


def check(
    task: str,
    points: float,
    function: str,
    equation: str = "",
    needs: Sequence[Callable[..., Any]] = (),
) -> Callable[[Test], Test]:
    """Make a test function a check, which earns points (see Check).

    Args:
        task: a key of POINTS.
        points: what it earns when it passes.
        function: what it judges.
        equation: the number of its equation in the assignment.
        needs: checks of the same module; this one is skipped unless they all pass.
    """
    names = tuple(need.__name__ for need in needs)
    mark = pytest.mark.check(Check(task, points, function, equation, names))
    return lambda test: mark(test)
