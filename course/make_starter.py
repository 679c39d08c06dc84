"""Compute the handout from the solution: `python -m course.make_starter OUT`."""

from __future__ import annotations

import argparse
import platform
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from course.blank import blank
from course.desk import PROJECT, STARTER, lay_out
from course.notebook import make_notebook
from lab.assignment import CODE_TASKS, FILES, L2, Task
from lab.files import replacing

REPORT = "AssignmentReport.ipynb"
HALF = (  # what the handout says where the course defines R as half the sum
    ("+ 2 lambda w", "+ lambda w"),
    ("R(w) = ||w||^2 = the sum of all squared weights", "R(w) = ||w||^2 / 2, half the squares"),
    ("self.l2_reg_lambda * float(", "self.l2_reg_lambda / 2 * float("),
    ("the gradient of the penalty, 2 lambda w", "the gradient of the penalty, lambda w"),
)
AS_THEY_ARE = ("create_submission_zip.py", "LICENSE", ".gitignore")


class HandoutError(Exception):
    """The handout cannot be made; the message says why and what to do."""


def starter_file(name: str, source: str, tasks: Sequence[Task] = CODE_TASKS) -> str:
    """Remove the solutions of some tasks from one of the six files.

    Args:
        name: of the file.
        source: of the solution.
        tasks: those left for a student to do.
    """
    module = name.removesuffix(".py")
    functions = {
        function: task.name
        for task in tasks
        for function in task.functions
        if function.split(".")[0] == module
    }
    text = blank(source, module, functions)
    for sum_of_squares, half in HALF if L2 == "half" and name == "task3a.py" else ():
        text = text.replace(sum_of_squares, half)
    return text


def make_starter(out: Path, project: Path = PROJECT) -> None:
    """Write the handout to `out`, whole or not at all.

    Args:
        out: a folder that is empty or does not exist.
        project: the root of the project that has the solution.

    Raises:
        HandoutError: if `out` is in use, or something that the handout needs is missing.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise HandoutError(f"{out} exists and is not an empty folder: choose another.")
    with replacing(out) as folder:  # which takes the place of an empty folder, too
        folder.mkdir()
        _fill(folder, project)


def _fill(folder: Path, project: Path) -> None:
    missing = [name for name in (*FILES, *AS_THEY_ARE) if not (project / name).is_file()]
    if missing:
        raise HandoutError(f"{project} has no {', '.join(missing)}.")
    for name in FILES:
        source = (project / name).read_text(encoding="utf-8")
        (folder / name).write_text(starter_file(name, source), encoding="utf-8")
    for name in AS_THEY_ARE:
        shutil.copyfile(project / name, folder / name)
    lay_out(project, folder)
    (folder / "README.md").write_text(_readme(), encoding="utf-8")
    try:
        (folder / REPORT).write_text(make_notebook(), encoding="utf-8")
    except ModuleNotFoundError as error:
        raise HandoutError(f"{REPORT} needs {error.name}: pip install nbformat.") from None


def _readme() -> str:
    rows = [
        f"| {task.name} | {task.points} | {', '.join(f'`{name}`' for name in task.functions)} |"
        for task in CODE_TASKS
    ]
    template = (STARTER / "README.md").read_text(encoding="utf-8")
    versions = f"Python {platform.python_version()} and NumPy {np.__version__}"
    return template.replace("@TASKS@", "\n".join(rows)).replace("@VERSIONS@", versions)


def main(argv: Sequence[str] | None = None) -> int:
    """Make the handout; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m course.make_starter",
        description="Write the handout for students: the assignment without its solution.",
    )
    parser.add_argument("out", type=Path, help="an empty folder, or one to be made")
    out: Path = parser.parse_args(argv).out
    try:
        make_starter(out)
    except (HandoutError, OSError) as error:
        print(f"make_starter: {error} Nothing was written.", file=sys.stderr)
        return 1
    points = sum(task.points for task in CODE_TASKS)
    print(f"Wrote {out}: {len(CODE_TASKS)} tasks to do in code, worth {points} points.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
