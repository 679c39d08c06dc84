"""Runs the checks on variants, two at a time."""

from __future__ import annotations

import contextlib
import io
import json
import multiprocessing
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.library.variants.variant import ROOT, Variant

# Together they take longer than the checks.
NEEDLESS = ("cacheprovider", "unraisableexception", "threadexception", "hypothesispytest")

Results = dict[str, Any]


def run_all(variants: Sequence[Variant], jobs: int = 2) -> dict[Variant, Results]:
    """Run the checks on each variant, and give what they write to results.json.

    The first mistake in each function, and what is right, gets the checks of all tasks; other
    mistakes, for the sake of time, those of the tasks they cost.
    """
    first = {variant.function: variant for variant in reversed(variants) if variant.task}
    tasks = [() if first.get(v.function, v) is v else (v.task, *v.also) for v in variants]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context) as pool:
        return dict(zip(variants, pool.map(run, variants, tasks, chunksize=8), strict=True))


def run(variant: Variant, tasks: Sequence[str] = ()) -> Results:
    """Run the checks on a variant in this process, all or those of some tasks."""
    with tempfile.TemporaryDirectory() as name:
        folder, results = Path(name, "desk"), Path(name, "results.json")
        folder.mkdir()
        variant.write(folder)
        check_files = sorted(str(file) for file in (ROOT / "tests").glob("test_*.py"))
        options = ["-q", "--tb=short", "--rootdir", str(ROOT)]
        options += [f"-pno:{plugin}" for plugin in NEEDLESS]
        options += [f"--task={task}" for task in tasks]
        with contextlib.redirect_stdout(io.StringIO()) as output:
            pytest.main([*options, f"--desk={folder}", f"--results={results}", *check_files])
        if not results.exists():
            raise RuntimeError(f"{variant}: no results.\n{output.getvalue()}")
        found: Results = json.loads(results.read_text(encoding="utf-8"))
        return found
