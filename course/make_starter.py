"""Compute the handout from the solution: `python -m course.make_starter OUT`."""

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from course.blank import blank
from course.checks import PROJECT, copy_checks
from course.texts import ASSIGNMENT, NOTEBOOK, README, assignment, notebook, readme
from digits.files import replacing, user_path
from explore import template
from lab.assignment import CODE_TASKS, FILES, FUNCTIONS, L2

HALF = (  # what the handout says where the course defines R as half the sum
    ("R(w) = ||w||^2 = the sum of all squared weights", "R(w) = ||w||^2 / 2, half the squares"),
    ("self.l2_reg_lambda * float(", "self.l2_reg_lambda / 2 * float("),
)
AS_THEY_ARE = ("create_submission_zip.py", "LICENSE", ".gitignore")


class HandoutError(Exception):
    """The handout cannot be made; the message says why and what to do."""


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
    missing = [name for name in (*FILES, *AS_THEY_ARE) if not (project / name).is_file()]
    if missing:
        raise HandoutError(f"{project} has no {', '.join(missing)}.")
    try:
        texts = {README: readme(), ASSIGNMENT: assignment(), NOTEBOOK: notebook()}
    except ModuleNotFoundError as error:
        raise HandoutError(f"{NOTEBOOK} needs {error.name}: pip install nbformat.") from None
    for name in FILES:
        solution = (project / name).read_text(encoding="utf-8")
        texts[name] = blank(solution, name.removesuffix(".py"), FUNCTIONS)
    for whole, half in HALF if L2 == "half" else ():
        texts["task3a.py"] = texts["task3a.py"].replace(whole, half)
    with replacing(out) as folder:  # which takes the place of an empty folder, too
        folder.mkdir()
        copy_checks(project, folder)
        template.hand_out(project / "explore", folder / "explore")
        for name in AS_THEY_ARE:
            shutil.copyfile(project / name, folder / name)
        for name, text in texts.items():
            (folder / name).write_text(text, encoding="utf-8")


def main(argv: Sequence[str] | None = None) -> int:
    """Make the handout; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m course.make_starter",
        description="Write the handout for students: the assignment without its solution.",
    )
    parser.add_argument("out", type=user_path, help="an empty folder, or one to be made")
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
