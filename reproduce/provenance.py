"""Whether figures and results belong together, and to the code that stands here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lab import digest
from lab.results import FILE

ALIKE = ("data", "data_sha256", "seed")  # what the parts of one report have in common


def read_results(
    folder: Path, figures: Mapping[str, Sequence[str]], runs: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Read `results.json`, once it is sure that the figures beside it show just these results.

    Args:
        folder: with the figures and `results.json`.
        figures: {part, the name of its script without .py: file names that it must have drawn}.
        runs: {part: names of runs that it must have}.

    Returns:
        {part: its results}, of the parts asked for.

    Raises:
        OSError: if anything is missing, older than the code, changed since, or of two data sets
            or seeds. The message names it and says what to run.
    """
    path = folder / FILE
    try:
        results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    except ValueError as error:
        raise OSError(f"{path} is no results file ({error}). {_run(figures, folder)}") from None
    for part, names in figures.items():
        if not isinstance(results, dict) or not isinstance(results.get(part), dict):
            raise OSError(f"{path} has no results of {part}. {_run([part], folder)}")
        _expect_fresh(results[part], part, names, folder)
        if missing := sorted(set(runs[part]) - set(results[part]["runs"])):
            raise OSError(f"{path}: {part} has no run {missing[0]!r}. {_run([part], folder)}")
    _expect_alike({part: results[part] for part in figures}, path)
    return {part: results[part] for part in figures}


def _expect_fresh(part: Mapping[str, Any], name: str, figures: Sequence[str], folder: Path) -> None:
    again = _run([name], folder)
    if part.get("code_sha256") != digest.of_code():
        listed = ", ".join(str(folder / figure) for figure in figures)
        raise OSError(f"{listed}: drawn by other code than stands here now. {again}")
    for figure in figures:
        path = folder / figure
        if not path.is_file():
            raise OSError(f"{path} is missing. {again}")
        if part["figures"].get(figure) != digest.of_file(path):
            raise OSError(f"{path} is not the figure of the run in {folder / FILE}. {again}")


def _expect_alike(parts: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    for key in ALIKE:
        values = {name: part[key] for name, part in parts.items()}
        if len(set(values.values())) > 1:
            listed = ", ".join(f"{name} has {value}" for name, value in values.items())
            again = _run(parts, path.parent)
            raise OSError(
                f"{path}: the parts differ in {key}: {listed}. {again} with the same options."
            )


def _run(parts: Mapping[str, Any] | Sequence[str], folder: Path) -> str:
    out = "" if folder == Path("figures") else f" --out {folder}"
    return "Run: " + " and ".join(f"python {part}.py{out}" for part in parts)
