"""How pytest treats a check: its order, what it needs, a failure's first lines, the table."""

import itertools
import random
import warnings
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.assignment import POINTS
from tests.checks import limits
from tests.checks.explain import Explained, Failure, explain
from tests.checks.limits import stopped_after
from tests.checks.mistake import TIMED_OUT, ImportMistake
from tests.checks.outcomes import Outcomes, table_lines, write_results
from tests.checks.points import Check
from tests.checks.student import StudentFiles

MORE = "Above is the first failure. All of one task, and its advice: pytest --task {}"


class Checks:
    """Runs the checks, and leaves every other test alone.

    Args:
        files: the student's.
        results: the file to write Gradescope's results to, if any.
        tasks: the tasks to check; none for all.
    """

    def __init__(
        self, files: StudentFiles, results: Path | None = None, tasks: Sequence[str] = ()
    ) -> None:
        self.files = files
        self.results = results
        self.tasks = tasks
        self.outcomes = Outcomes(notes=files.notes)
        self._is_repeated = False
        self._reported: dict[tuple[str, str], str] = {}  # {(task, module): the check that did}
        files.open()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Put the checks first, task by task, and number them; leave out what is not asked for."""
        checks = {item: found for item in items if (found := check_of(item))}
        asked_for = [task for task in POINTS if task in (self.tasks or POINTS)]
        kept = {item: None for task in asked_for for item in checks if checks[item].task == task}
        for item in kept:
            self.outcomes.add(item.nodeid, item.name, checks[item])
        if self.tasks:
            config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        else:
            kept |= {item: None for item in items if item not in checks}
        items[:] = kept

    def pytest_deselected(self, items: Sequence[pytest.Item]) -> None:
        """Forget the checks that are not to run."""
        for item in items:
            self.outcomes.drop(item.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Remember a module of checks that could not be read: its points are lost."""
        if report.failed and "/library/" not in report.nodeid:
            self.outcomes.unreadable[report.nodeid] = report.longreprtext

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> Generator[None, object, object]:
        """Run a check; a module that cannot be imported fails one check of each task.

        What fails beside a check that it needs is skipped: it may have the same cause.
        """
        check = check_of(pyfuncitem)
        if check is None or self._is_repeated:
            return (yield)
        outcome = self.outcomes[pyfuncitem.nodeid]
        blocker = self.outcomes.blocker(check)
        if blocker and (check.is_advice or blocker.failure.not_written or blocker.was_stopped):
            pytest.skip(f"needs {blocker.name}")
        try:
            # NumPy's defaults, whatever a student's np.seterr changes
            numpys = np.errstate(divide="warn", over="warn", under="ignore", invalid="warn")
            with warnings.catch_warnings(), numpys, _seeded():
                warnings.simplefilter("ignore")  # a student's warning is not a failure
                self.files.parts.clear()
                outcome.check = check = replace(check, function=self.files.name(check.function))
                self.files.require(check.function)
                if pyfuncitem.config.getoption("timeout", None):  # pytest-timeout does it
                    return (yield)
                try:
                    with stopped_after(limits.CHECK):
                        return (yield)
                except limits.Stopped:
                    return self._repeat(pyfuncitem)
        except ImportMistake as fault:
            first = self._reported.setdefault((check.task, fault.module), outcome.name)
            if first != outcome.name:
                pytest.skip(f"needs {fault.module}.py to import, see {first}")
            raise
        except (Exception, SystemExit, pytest.fail.Exception):
            if blocker:
                pytest.skip(f"needs {blocker.name}")
            raise

    def _repeat(self, pyfuncitem: pytest.Function) -> object:
        """Run a check that was stopped once more, with more time."""
        self._is_repeated = True
        try:
            with stopped_after(limits.AGAIN):
                return pyfuncitem.ihook.pytest_pyfunc_call(pyfuncitem=pyfuncitem)
        finally:
            self._is_repeated = False

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Print what a student needs to know, and pytest's traceback only with --full-trace."""
        report = yield
        if check_of(item) is None:
            return report
        outcome = self.outcomes[item.nodeid]
        if report.failed and call.excinfo is not None:
            failure = explain(outcome.check, call.excinfo.value, self.files)
            traceback = report.longrepr if item.config.getoption("fulltrace") else None
            report.longrepr = Explained(failure, traceback)
            outcome.status, outcome.failure = "failed", failure
            if TIMED_OUT in failure.summary and not isinstance(call.excinfo.value, ImportMistake):
                self.outcomes.notes.setdefault(f"{failure.function}: stopped, it took too long.")
            if outcome.check.is_advice:  # for pytest it is an expected failure
                report.outcome, report.wasxfail = "skipped", failure.summary
        elif report.skipped:
            where = report.longrepr  # (file, line, reason), but not of an xfail
            reason = where[2] if isinstance(where, tuple) else report.longreprtext
            outcome.status = "skipped"
            outcome.failure = Failure(f"skipped: {reason.removeprefix('Skipped: ')}")
        elif report.when == "call":
            outcome.status = "passed"
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_terminal_summary(
        self, terminalreporter: "pytest.TerminalReporter", config: pytest.Config
    ) -> Generator[None, Any, Any]:
        """Print each failure once, of several tasks only the first; end with the table of points.

        A student's first run is to fit on a screen, and to begin with the first thing to do.
        """
        stats, option = terminalreporter.stats, config.option
        failed = stats.get("failed", [])
        checks = [report for report in failed if isinstance(report.longrepr, Explained)]
        once = {report.longrepr.failure.text: report for report in reversed(checks)}
        shown = [*reversed(once.values())]
        asked_for = self.tasks or option.next or option.fulltrace
        brief = len(self.outcomes.tasks_run()) > 1 and not asked_for
        if brief and shown:
            shown = shown[:1]
            shown[0].sections.clear()
        if failed:
            stats["failed"] = shown + [report for report in failed if report not in checks]
        if len(checks) == len(failed) and option.tbstyle != "no":  # each is named by its heading
            terminalreporter.reportchars = terminalreporter.reportchars.replace("f", "")
        result = yield
        if failed:
            stats["failed"] = failed  # which pytest counts
        lines = table_lines(self.outcomes)
        if brief and len(once) > 1:
            lines = [line for line in lines if not line.startswith("advice: ")]
            if option.tbstyle != "no":
                lines.append(MORE.format(self.outcomes[shown[0].nodeid].check.task))
        if self.outcomes.tasks():
            terminalreporter.section("points")
            for line in lines:
                terminalreporter.write_line(line)
        return result

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Write the results."""
        if self.results is not None:
            write_results(self.results, self.outcomes)

    def pytest_unconfigure(self) -> None:
        """Take the student's folder off the import path."""
        self.files.close()


@contextmanager
def _seeded() -> Iterator[None]:
    """Seed what draws without a seed: the same submission gets the same points each time."""
    np.random.seed(0)  # noqa: NPY002
    random.seed(0)
    seeds, make = itertools.count(), np.random.default_rng

    def seeded(seed: Any = None) -> np.random.Generator:
        return make(next(seeds) if seed is None else seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(np.random, "default_rng", seeded)
        yield


def check_of(item: pytest.Item) -> Check | None:
    """Return what the marker says about a check, or None for any other test."""
    marker = item.get_closest_marker("check")
    return marker.args[0] if marker else None
