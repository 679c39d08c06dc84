"""The outcome of every check, and the points that they earn."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lab.assignment import POINTS
from tests.checks.explain import Failure
from tests.checks.points import Check


@dataclass
class Outcome:
    """The outcome of one check.

    Attributes:
        number: as "2a.1".
        name: of the test function.
        check: its points, and what it judges.
        status: "passed", "failed", "skipped" or "not run".
        text: its failure, or why it was skipped.
        summary: its failure in one line.
        function: at fault.
        not_written: whether that function is still to be written.
        seconds: how long it took.
    """

    number: str
    name: str
    check: Check
    status: str = "not run"
    text: str = ""
    summary: str = ""
    function: str = ""
    not_written: bool = False
    seconds: float = 0.0

    @property
    def points(self) -> float:
        """The points that it earned."""
        return self.check.points if self.status == "passed" else 0.0

    def succeed(self) -> None:
        """Record that it passed."""
        self.status = "passed"

    def skip(self, reason: str) -> None:
        """Record why it was skipped."""
        self.status, self.text = "skipped", f"skipped: {reason}"

    def fail(self, failure: Failure) -> None:
        """Record why it failed."""
        self.status, self.text, self.summary = "failed", failure.text, failure.summary
        self.function, self.not_written = failure.function, failure.not_written


@dataclass
class Outcomes:
    """The outcomes of all checks, by pytest's node id.

    Attributes:
        unreadable: {module of checks: why it could not be read}.
        remarks: what an instructor should know about the files.
    """

    _all: dict[str, Outcome] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    remarks: dict[str, None] = field(default_factory=dict)

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
        return [o for o in self if o.check.is_advice and o.status == "failed" and o.summary]

    def blocker(self, check: Check) -> Outcome | None:
        """Find a failed check that this one needs, directly or through others."""
        for outcome in self.of(check.task):
            if outcome.name in check.needs and outcome.status in ("failed", "skipped"):
                return self.blocker(outcome.check) or outcome
        return None
