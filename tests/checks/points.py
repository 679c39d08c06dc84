"""What a check is worth and what it judges, and the decorator that makes a test a check."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from lab.assignment import POINTS

Test = TypeVar("Test", bound=Callable[..., None])

_weights: dict[str, dict[str, float]] = {}  # {task: {name of a check: its weight}}


@dataclass(frozen=True)
class Check:
    """What the table of points and a failure's first line say about a check.

    Attributes:
        task: a key of POINTS.
        weight: its share of the task's points, beside the weights of the task's other checks; 0
            for advice.
        function: what it judges, as "task2a.BinaryModel.forward".
        equation: the number of its equation in the assignment, or "".
        needs: the names of checks whose failure may be the cause of this one's.
    """

    task: str
    weight: float
    function: str
    equation: str = ""
    needs: tuple[str, ...] = ()

    @property
    def points(self) -> float:
        """What it earns when it passes: the points of its task are shared by weight."""
        total = math.fsum(_weights.get(self.task, {}).values()) or self.weight
        return round(self.weight * POINTS[self.task] / total, 6) if self.weight else 0.0

    @property
    def is_advice(self) -> bool:
        """Whether it earns nothing, and its failure is shown after the points."""
        return self.weight == 0

    def header(self, function: str) -> str:
        """Name the task, the function at fault and the equation: "Task 2a: f (equation 1)"."""
        suffix = f" (equation {self.equation})" if self.equation else ""
        return f"{'Advice on ' if self.is_advice else ''}Task {self.task}: {function}{suffix}"


def check(
    task: str,
    weight: float,
    function: str,
    equation: str = "",
    needs: Sequence[Callable[..., Any]] = (),
) -> Callable[[Test], Test]:
    """Make a test function a check, which earns points (see Check).

    Args:
        task: a key of POINTS.
        weight: its share of the task's points.
        function: what it judges.
        equation: the number of its equation in the assignment.
        needs: checks of the same module; if this one fails beside one of them, it is skipped.
    """
    names = tuple(need.__name__ for need in needs)
    mark = pytest.mark.check(Check(task, weight, function, equation, names))

    def make(test: Test) -> Test:
        _weights.setdefault(task, {})[test.__name__] = weight
        return mark(test)

    return make


def advice(
    task: str, function: str, equation: str = "", needs: Sequence[Callable[..., Any]] = ()
) -> Callable[[Test], Test]:
    """Make a test function advice: a check that costs nothing (see check)."""
    return check(task, 0, function, equation, needs)
