"""The results of task2.py and task3.py, with the figures of the very same runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import lab.results
from lab.assignment import CONFUSION, MISTAKES, TASKS
from lab.results import FILE, RUNS, Run, Validation, sha256

IN_ORDER, SHUFFLED = "2b-d, no shuffling", "2e, shuffling"
LAMBDA_0, LAMBDA_1 = "lambda 0", "lambda 1"
NEEDED = {"task2": (IN_ORDER, SHUFFLED), "task3": (LAMBDA_0, LAMBDA_1)}  # runs, by script
ALIKE = ("data", "data_sha256", "seed")  # what the parts of one report have in common


@dataclass(frozen=True)
class Part:
    """The results of one script; `files`, `runs` and `weights` have the names as keys."""

    data: str
    data_sha256: str
    seed: int
    max_epochs: int
    quick: bool
    versions: Mapping[str, str]
    files: Mapping[str, str]
    runs: Mapping[str, Run]
    weights: Mapping[str, np.ndarray]


def read(folder: Path) -> dict[str, Part]:
    """Read the results of both scripts, {"task2": ..., "task3": ...}, from one folder.

    Raises OSError, which says what to run, if a part, a run or a file is missing, if a file is not
    the run's own, or if the parts are of two data sets or seeds.
    """
    path = folder / FILE
    results = lab.results.read(path)
    parts = {name: _part(results, name, folder) for name in NEEDED}
    for key in ALIKE:
        values = {name: getattr(part, key) for name, part in parts.items()}
        if len(set(values.values())) > 1:
            listed = ", ".join(f"{name} has {value}" for name, value in values.items())
            raise OSError(
                f"{path}: the parts differ in {key}: {listed}. "
                f"{_run(parts, folder)} with the same options."
            )
    return parts


def _part(results: Mapping[str, Any], name: str, folder: Path) -> Part:
    path, again = folder / FILE, _run([name], folder)
    figures = [task.figure for task in TASKS if task.figure and task.script == f"{name}.py"]
    figures += [CONFUSION, MISTAKES] if name == "task3" else []
    try:
        part = Part(**results[name], weights={})
        if missing := [run for run in NEEDED[name] if run not in part.runs]:
            raise OSError(f"{path}: {name} has no run {missing[0]!r}. {again}")
        for file in (folder / one for one in (*figures, RUNS.format(name))):
            if not file.is_file():
                raise OSError(f"{file} is missing. {again}")
            if part.files.get(file.name) != sha256(file):
                raise OSError(f"{file} is not of the run in {path}. {again}")
        with np.load(folder / RUNS.format(name)) as arrays:
            weights = {run: arrays[f"{run}, weights"] for run in part.runs}
            runs = {
                run: _record(summary, arrays[f"{run}, validations"])
                for run, summary in results[name]["runs"].items()
            }
    except (KeyError, TypeError):
        raise OSError(f"{path} has no complete results of {name}. {again}") from None
    return replace(part, runs=runs, weights=weights)


def _record(summary: Mapping[str, Any], validations: np.ndarray) -> Run:
    rows = [Validation(int(step), *map(float, row)) for step, *row in validations]
    return Run(**{**summary, "best": Validation(**summary["best"])}, validations=rows)


def _run(parts: Iterable[str], folder: Path) -> str:
    out = "" if folder == Path("figures") else f" --out {folder}"
    return "Run: " + " and ".join(f"python {part}.py{out}" for part in parts)
