"""The results of task2.py and task3.py, with the figures of the very same trainings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lab.results
from lab.assignment import CONFUSION, MISTAKES, TASKS
from lab.results import FILE, RUNS, sha256
from lab.trainings import Training, load
from task3 import LABEL, LAMBDAS

IN_ORDER, SHUFFLED = "2b-d, no shuffling", "2e, shuffling"
NEEDED = {"task2": (IN_ORDER, SHUFFLED), "task3": tuple(map(LABEL.format, LAMBDAS))}
ALIKE = ("data", "data_sha256", "seed")  # what the parts of one report have in common
SETTINGS = (*ALIKE, "max_epochs", "quick", "versions")


@dataclass(frozen=True)
class Part:
    """The results of one script."""

    data: str
    data_sha256: str
    seed: int
    max_epochs: int
    quick: bool
    versions: Mapping[str, str]
    trainings: Mapping[str, Training]

    def by_lambda(self) -> dict[float, Training]:
        """Return the trainings of task3.py by their lambda, 0 first."""
        return {value: self.trainings[LABEL.format(value)] for value in sorted(LAMBDAS)}


def read(folder: Path) -> dict[str, Part]:
    """Read the results of both scripts, {"task2": ..., "task3": ...}, from one folder.

    Raises OSError, which says what to run, if a part, a training or a file is missing, if a file is
    not of the same run, or if the parts are of two data sets or seeds.
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
    path, arrays, again = folder / FILE, RUNS.format(name), _run([name], folder)
    figures = [task.figure for task in TASKS if task.figure and task.script == f"{name}.py"]
    figures += [CONFUSION, MISTAKES] if name == "task3" else []
    try:
        part, digests = results[name], results[name]["files"]
        for file in (folder / one for one in (*figures, arrays)):
            if not file.is_file():
                raise OSError(f"{file} is missing. {again}")
            if digests.get(file.name) != sha256(file):
                raise OSError(f"{file} is not of the run in {path}. {again}")
        trainings = load(folder / arrays)
        if missing := [one for one in NEEDED[name] if one not in trainings]:
            raise OSError(f"{path}: {name} has no run {missing[0]!r}. {again}")
        return Part(**{key: part[key] for key in SETTINGS}, trainings=trainings)
    except (KeyError, TypeError, AttributeError):
        raise OSError(f"{path} has no complete results of {name}. {again}") from None


def _run(parts: Iterable[str], folder: Path) -> str:
    out = "" if folder == Path("figures") else f" --out {folder}"
    return "Run: " + " and ".join(f"python {part}.py{out}" for part in parts)
