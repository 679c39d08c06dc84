"""Runs the checks on variants of a solution: collected once, in each of two processes."""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.checks.outcomes import results
from tests.checks.plugin import Checks
from tests.checks.student import StudentFiles
from tests.library.submissions import Submission
from tests.library.variants.variant import ROOT, Variant

Results = dict[str, Any]
Solution = Variant | Submission
Job = tuple[Solution, tuple[str, ...]]  # the tasks to check; none for all

CHECKS = [str(file) for file in sorted((ROOT / "tests").glob("test_*.py"))]
NEEDLESS = (
    "cacheprovider",
    "hypothesispytest",
    "logging",
    "threadexception",
    "unraisableexception",
)


def run_pytest(*options: str, plugins: Sequence[object] = ()) -> tuple[int, str]:
    """Run the checks in this process, and return the exit code and what pytest prints."""
    options = (f"--rootdir={ROOT}", *(f"-pno:{name}" for name in NEEDLESS), *options)
    with contextlib.redirect_stdout(io.StringIO()) as output:
        code = pytest.main([*options, *CHECKS], plugins=plugins)
    return int(code), output.getvalue()


def run_all(variants: Sequence[Solution], processes: int = 2) -> dict[Any, Results]:
    """Run the checks on each variant, and return what results.json would hold.

    The first mistake in each function, and every right variant, gets the checks of all tasks;
    to save time, other mistakes get those of the tasks that they cost.
    """
    first = {v.function: v for v in reversed(variants) if v.task and v.function}
    jobs = [
        (v, () if not v.task or first.get(v.function) is v else (v.task, *v.also)) for v in variants
    ]
    shares = [jobs[start::processes] for start in range(processes)]
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        return {variant: found for share in pool.map(run, shares) for variant, found in share}


def run(jobs: Sequence[Job]) -> list[tuple[Solution, Results]]:
    """Run the checks on some variants in this process."""
    proof = _Proof(jobs)
    options = ("-q", "--tb=line", "--no-summary", "--capture=no")
    _, output = run_pytest(*options, plugins=[proof])
    if len(proof.results) != len(jobs):
        raise RuntimeError(f"The checks stopped early.\n{output}")
    return proof.results


class _Proof:
    """A pytest plugin that runs the collected checks on one variant after another."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self.jobs = jobs
        self.results: list[tuple[Solution, Results]] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        for variant, tasks in self.jobs:
            with tempfile.TemporaryDirectory() as folder:
                variant.write(Path(folder))
                with pytest.MonkeyPatch.context() as patch:
                    patch.chdir(folder)  # where a file that saves a plot when imported puts it
                    self.results.append((variant, _check(session, Path(folder), tasks)))
        return True


def _check(session: pytest.Session, folder: Path, tasks: Sequence[str]) -> Results:
    config, checks = session.config, Checks(StudentFiles(folder), tasks=tasks)
    config.pluginmanager.unregister(name="checks")
    config.pluginmanager.register(checks, "checks")
    items = list(session.items)
    checks.pytest_collection_modifyitems(config, items)
    for item, following in zip(items, [*items[1:], None], strict=True):
        config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    checks.files.close()
    return results(checks.outcomes)
