"""Find the submissions in a folder or a zip: what is one student's, and what is a class."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from course import GradingError
from course.listing import ARCHIVES, TOP, Listing, UnreadableError, list_path, open_zips
from course.submission import LONGEST, meaning
from lab.assignment import FILES

MOODLE = "_assignsubmission_"
PLATFORMS = re.compile(  # student_..._file, as course platforms name what they export
    rf"(.+?_\d+)(?:_\d\d+|{MOODLE}[a-z]+)_(.*)"  # Canvas, Moodle
    r"|(.+?_attempt_[\d-]+)(?:_(.*)|\..*)",  # Blackboard
    re.DOTALL,
)

Entries = dict[str, Listing]  # {name of a folder, a zip or a file: what lies in it}


def find_submissions(
    paths: Sequence[Path],
    one: bool = False,
    out: Path | None = None,
    skipped: list[str] | None = None,
) -> dict[str, Listing]:
    """Find the submissions in some paths.

    Args:
        paths: each a zip, a folder with the code, or a class: a folder or a zip of these, or of
            files with the name of a student before that of the file.
        one: each path is one submission, however deep its code lies.
        out: the folder of the grades, which is not a submission.
        skipped: gets a line for each class in which something is no submission.

    Returns:
        {name: its files}, in order; no two names differ only in upper and lower case.

    Raises:
        GradingError: if a path does not exist or is a folder without submissions.
    """
    named: dict[str, Listing] = {}
    taken: set[str] = set()  # names, in lower case
    for path in paths:
        if not path.exists():
            raise GradingError(f"{path} does not exist.")
        path = path.resolve()
        listing, unused = list_path(path), list[str]()
        members: Entries = {}
        with suppress(UnreadableError):  # which its report will tell
            entries = _entries_of(listing)
            if out and out.resolve().parent == path:
                entries.pop(out.resolve().name, None)
            members = {} if one else _members(entries, path.is_dir(), unused)
        if unused and not members:
            raise GradingError(
                f"{path} contains no submission: expected {', '.join(FILES)}, or a zip or a folder "
                f"for each student; it has {', '.join(unused)}."
            )
        if unused and skipped is not None:
            skipped.append(f"{path}: no submission, and left out: {', '.join(unused)}")
        for name, files in (members or {path.name: listing}).items():
            named[_label(name, taken)] = files
    return named


def _entries_of(listing: Listing) -> Entries:
    """Sort files by the folder, zip or file at the top that they lie in."""
    if listing.keys() == {TOP}:
        open_zips(listing := listing.copy(), 1)
    entries = defaultdict[str, Listing](dict)
    for path, opener in sorted(listing.items()):
        entries[path.parts[0]][PurePosixPath(*path.parts[1:])] = opener
    return entries


def _members(entries: Entries, is_class: bool, unused: list[str]) -> Entries:
    """Sort entries by student; return none if they are one submission, or none.

    A class shows itself by the names that a platform gives, or by two folders or zips with the
    same one of the six files.

    Args:
        entries: of a folder or a zip.
        is_class: whether folders and zips are students without such a sign.
        unused: gets the names of what is no submission, if it is a class.
    """
    visible = {
        name: files
        for name, files in entries.items()
        if not name.startswith((".", "__")) and PurePosixPath("pyvenv.cfg") not in files
    }
    loose = {name for name in visible if TOP in visible[name] and not _is_archive(name)}
    codes = visible.keys() - loose
    meant = {known.file for name in loose if (known := meaning(name)) and not known.before}
    if len(meant) > 1 or (meant and not _share([visible[name] for name in codes])):
        return {}
    students = defaultdict[str, dict[str, str]](dict)  # {student: {entry: its name without theirs}}
    for name in visible:
        if owner := _owner(name, name in loose):
            own = students[owner[0]]
            own[name] = name if owner[1] in own.values() else owner[1]
    for student, own in [*students.items()]:
        if len(own) > 1 and all(map(_is_archive, own)):
            del students[student]  # the numbers may be a date: one student each
    owned = {name: own for names in students.values() for name, own in names.items()}
    if len(codes) == len(visible) == 1 and not owned:
        (files,) = visible.values()
        with suppress(UnreadableError):  # which its report will tell
            if members := _members(_entries_of(files), False, unused):
                return members
    signs = [name for name, own in owned.items() if MOODLE in name or meaning(own)]
    shows = len(signs) > 1 or any(MOODLE in name for name in signs)
    if not (is_class or shows or _share([visible[name] for name in codes])):
        return {}
    begins = {*students}
    for name in visible.keys() - owned.keys():
        ends = (end for end in range(min(len(name), LONGEST) - 1, 0, -1) if name[:end] in begins)
        end = next((end for end in ends if not name[end].isalnum()), 0)
        if name in codes:
            students[name][name] = name
        elif end:
            students[name[:end]][name] = name[end:].lstrip(" _.-")
    unused += sorted(entries.keys() - {name for own in students.values() for name in own})
    return {
        student: {
            PurePosixPath("" if len(own) == 1 and name in codes else own[name]) / path: opener
            for name in sorted(own)
            for path, opener in visible[name].items()
        }
        for student, own in sorted(students.items())
    }


def _owner(name: str, is_loose: bool) -> tuple[str, str] | None:
    """Split a name into a student's and the file's own, where it shows both."""
    match = PLATFORMS.fullmatch(name[:LONGEST])
    if match and (is_loose or _is_archive(name) or MOODLE in name):
        return match[1] or match[3], match[2] or match[4] or name
    known = meaning(name) if is_loose else None
    student = known.before.strip(" _.-") if known else ""
    return (student, name[len(known.before) :]) if known and student else None


def _share(codes: Sequence[Listing]) -> bool:
    """Return whether two folders or zips have the same one of the six files."""
    seen: set[str] = set()
    for files in codes:
        with suppress(UnreadableError):
            open_zips(files := files.copy())
        held = {known.file for path in files if (known := meaning(path.name))}
        if held & seen:
            return True
        seen |= held
    return False


def _is_archive(entry: str) -> bool:
    return PurePosixPath(entry).suffix.lower() in ARCHIVES


def _label(name: str, taken: set[str]) -> str:
    """Name a submission: safe as a file name and in a spreadsheet, and added to those taken."""
    name = PurePosixPath(name).stem if _is_archive(name) else name
    letters = re.sub(r"[^\w .,()@+-]", "_", unicodedata.normalize("NFC", name))[:80]
    label = unique = letters.strip().lstrip(".-+@= ") or "submission"
    number = 1
    while unique.casefold() in taken:
        number += 1
        unique = f"{label}-{number}"
    taken.add(unique.casefold())
    return unique
