"""Runs the checks in this process, on one solution after another; they are collected once."""

import contextlib
import io
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib.pyplot
import pytest

from tests.checks.outcomes import results
from tests.checks.plugin import Checks
from tests.checks.student import StudentFiles
from tests.library.submissions import Submission
from tests.library.variants.variant import ROOT, Variant

Results = dict[str, Any]
Solution = Variant | Submission

CHECKS = [str(file) for file in sorted((ROOT / "tests").glob("test_*.py"))]
SLOW = "test_the_pieces_work_on_20_000_images"  # of two tasks, and half of the time of all checks
NEEDLESS = "cacheprovider faulthandler hypothesispytest logging threadexception unraisableexception"


def run_pytest(*options: str, plugins: Sequence[object] = ()) -> tuple[int, str]:
    """Run the checks, and return the exit code and what pytest prints."""
    options = (f"--rootdir={ROOT}", *(f"-pno:{name}" for name in NEEDLESS.split()), *options)
    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = pytest.main([*options, *CHECKS], plugins=plugins)
    return int(code), output.getvalue()


def run(tasks: Mapping[Any, Sequence[str]]) -> dict[Any, Results]:
    """Run the checks on some solutions, and return what results.json would hold.

    Args:
        tasks: {solution: the tasks to check; none for all}.
    """
    proof = _Proof(tasks)
    _, output = run_pytest("-q", "--tb=line", "--no-summary", "--capture=no", plugins=[proof])
    if len(proof.results) != len(tasks):
        raise RuntimeError(f"The checks stopped early.\n{output}")
    return proof.results


class _Proof:
    """A pytest plugin that runs the collected checks on one solution after another."""

    def __init__(self, tasks: Mapping[Any, Sequence[str]]) -> None:
        self.tasks = tasks
        self.results: dict[Any, Results] = {}

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        plugins: Any = session.config.pluginmanager
        plugins.unregister(name="checks").files.close()  # those of the project's own files
        for solution, tasks in self.tasks.items():
            with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
                solution.write(Path(folder))
                patch.chdir(folder)  # where a file that saves a plot when imported puts it
                checks = Checks(StudentFiles(Path(folder)), tasks=tasks)
                plugins.register(checks, "checks")
                items = [i for i in session.items if i.name != SLOW or solution.whole_sets]
                checks.pytest_collection_modifyitems(session.config, items)
                for item, following in zip(items, [*items[1:], None], strict=True):
                    session.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                plugins.unregister(checks)
                checks.files.close()
                self.results[solution] = results(checks.outcomes)
                matplotlib.pyplot.close("all")  # what a solution drew
        return True
