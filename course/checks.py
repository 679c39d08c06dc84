"""What the course puts beside a student's six files: the checks, the packages, pyproject.toml."""

import hashlib
import os
import re
import shutil
from pathlib import Path

from lab.assignment import L2, PACKAGES

PROJECT = Path()  # `python -m course...` runs in the root of the project
STARTER = Path(__file__).resolve().parent / "starter"
FOLDERS = ("tests", *PACKAGES)
CONFIGURATION = "pyproject.toml"

_ignore = shutil.ignore_patterns("library", "__pycache__", "*.pyc", ".*")


def copy_checks(project: Path, folder: Path, penalty: str = L2) -> None:
    """Copy the checks, the packages and the students' pyproject.toml, but nothing of the solution.

    Args:
        project: the root of the project.
        folder: that is made where it is missing.
        penalty: what R is: the "sum" of all squared weights, or "half" of it.
    """
    for name in FOLDERS:
        shutil.copytree(project / name, folder / name, ignore=_ignore)
    shutil.copyfile(STARTER / CONFIGURATION, folder / CONFIGURATION)
    statement = folder / "lab" / "assignment.py"
    text = re.sub('^L2 = "[a-z]+"', f'L2 = "{penalty}"', statement.read_text("utf-8"), flags=re.M)
    statement.write_text(text, "utf-8")


def digest(folder: Path) -> str:
    """Return the SHA-256 of the names and contents of what `copy_checks` copied to a folder."""
    total = hashlib.sha256()
    for top in (*FOLDERS, CONFIGURATION):
        for path in sorted([folder / top, *(folder / top).rglob("*")]):
            if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
                total.update(os.fsencode(path.relative_to(folder)) + b"\0")
                total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()
