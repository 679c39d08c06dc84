"""Find the submissions and give each a name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from course.listing import NOT_THEIRS
from lab.assignment import FILES

SUFFIXES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")  # of archives
Roster = dict[str, Path]


class RosterError(Exception):
    """There is nothing to grade; the message says where submissions were expected."""


def find_submissions(paths: Sequence[Path], one: bool = False, out: Path | None = None) -> Roster:
    """Find the submissions in some paths.

    Args:
        paths: each a zip, a folder with the code, or a class: a folder of these.
        one: each path is one submission, however deep its code lies.
        out: the folder of the grades, which is not a submission.

    Returns:
        {name: path}, in order; no two names differ only in upper and lower case.

    Raises:
        RosterError: if a path does not exist or is a folder without submissions.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise RosterError(f"{path} does not exist.")
        path = path.resolve()
        if one or not path.is_dir() or any((path / name).exists() for name in FILES):
            found.append(path)
            continue
        members = [child for child in sorted(path.iterdir()) if _is_submission(child, out)]
        if not members:
            raise RosterError(
                f"{path} contains no submission: expected {', '.join(FILES)}, or a zip or a "
                "folder for each student."
            )
        found += members
    return _name(found)


def _is_submission(path: Path, out: Path | None) -> bool:
    if path.name.startswith((".", "__")) or path.name in NOT_THEIRS:
        return False
    if out is not None and path == out.resolve():
        return False
    return path.is_symlink() or path.is_dir() or path.suffix.lower() in SUFFIXES


def _name(paths: Sequence[Path]) -> Roster:
    roster: Roster = {}
    taken: set[str] = set()
    for path in paths:
        stem = path.stem if path.suffix.lower() in SUFFIXES and not path.is_dir() else path.name
        name, number = _clean(stem), 1
        while (unique := name if number == 1 else f"{name}-{number}").casefold() in taken:
            number += 1
        taken.add(unique.casefold())
        roster[unique] = path
    return roster


def _clean(name: str) -> str:
    """Make a name that is safe as a file name and in a spreadsheet."""
    letters = re.sub(r"[^\w .,()@+-]", "_", unicodedata.normalize("NFC", name))
    return letters[:80].strip().lstrip(".-+@= ") or "submission"
