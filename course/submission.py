"""Find submissions, and read each without unpacking it: the files that count, up to a limit."""

from __future__ import annotations

import os
import pkgutil
import re
import site
import stat
import sys
import unicodedata
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache, partial
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from course import GradingError
from lab.assignment import FILES, PACKAGES

ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")
MADE_BY_TOOLS = ("venv", "env", "site-packages", "node_modules")
PROVIDED = ("tests", "course", "conftest", "create_submission_zip", "pytest", "mnist", *PACKAGES)
AT_START = ("sitecustomize", "usercustomize")  # which Python imports by itself
IMPORTS_CHECKS = re.compile(rb"^[ \t]*(from|import)[ \t]+tests\b", re.MULTILINE)

MAX_ENTRIES = 100_000  # of a zip or a folder
MAX_FILE = 1_000_000  # bytes of a source file
MAX_HELPERS = 50  # modules of the student's own
MAX_NESTED_ZIP = 20_000_000  # bytes

Listing = Mapping[PurePosixPath, Callable[[], IO[bytes]]]  # {path: a function that opens the file}


class UnreadableError(Exception):
    """A submission cannot be read; the message says why."""


@dataclass
class Submission:
    """The part of a submission that counts.

    Attributes:
        files: {path: content} of the six files and the modules that they may import.
        notes: what an instructor should know about it.
        problem: why it cannot be graded, or "".
    """

    files: dict[str, bytes] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    problem: str = ""


def find_submissions(
    paths: Sequence[Path], one: bool = False, out: Path | None = None
) -> dict[str, Path]:
    """Find the submissions in some paths.

    Args:
        paths: each a zip, a folder with the code, or a class: a folder of these.
        one: each path is one submission, however deep its code lies.
        out: the folder of the grades, which is not a submission.

    Returns:
        {name: path}, in order; no two names differ only in upper and lower case.

    Raises:
        GradingError: if a path does not exist or is a folder without submissions.
    """
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise GradingError(f"{path} does not exist.")
        path = path.resolve()
        if one or not path.is_dir() or any((path / name).exists() for name in FILES):
            found.append(path)
            continue
        ours = out and out.resolve()
        members = [child for child in path.iterdir() if _may_be_submission(child) and child != ours]
        if not members:
            raise GradingError(
                f"{path} contains no submission: expected {', '.join(FILES)}, or a zip or a "
                "folder for each student."
            )
        found += sorted(members)
    named: dict[str, Path] = {}
    for path in found:
        named[_name_of(path, {name.casefold() for name in named})] = path
    return named


def _name_of(path: Path, taken: set[str]) -> str:
    """Name a submission: safe as a file name and in a spreadsheet, and not in `taken`."""
    is_archive = path.suffix.lower() in ARCHIVES and not path.is_dir()
    letters = unicodedata.normalize("NFC", path.stem if is_archive else path.name)
    letters = re.sub(r"[^\w .,()@+-]", "_", letters)[:80]
    name = unique = letters.strip().lstrip(".-+@= ") or "submission"
    number = 1
    while unique.casefold() in taken:
        number += 1
        unique = f"{name}-{number}"
    return unique


def read_submission(path: Path) -> Submission:
    """Read a zip or a folder, however deep the code lies in it.

    Only Python files count, and none of the course's own. Of several files with the same name, the
    one in the folder with the most of the six files counts.
    """
    submission = Submission()
    try:
        with ExitStack() as stack:
            listing = _look_into_zip(_list(path, stack), submission.notes)
            _read_files(listing, submission)
    except UnreadableError as error:
        submission.problem = str(error)
    except OSError as error:
        submission.problem = f"it cannot be read: {error.strerror}"
    return submission


def _may_be_submission(path: Path) -> bool:
    if path.name.startswith((".", "__")) or path.name in MADE_BY_TOOLS:
        return False
    return path.is_symlink() or path.is_dir() or path.suffix.lower() in ARCHIVES


def _list(path: Path, stack: ExitStack) -> Listing:
    if path.is_symlink():
        raise UnreadableError("it is a symbolic link: the files themselves are needed")
    if path.is_dir():
        return _list_folder(path)
    if path.is_file():
        return _list_zip(stack.enter_context(_open(path)))
    raise UnreadableError("it is neither a file nor a folder")


def _list_folder(folder: Path) -> Listing:
    """List the code in a folder, without links, pipes and devices."""
    listing: dict[PurePosixPath, Callable[[], IO[bytes]]] = {}
    entries = 0
    for top, folders, names in os.walk(folder):  # does not follow links to folders
        folders[:] = [name for name in folders if name[0] != "." and name not in MADE_BY_TOOLS]
        entries += len(names)
        if entries > MAX_ENTRIES:
            raise UnreadableError(f"it has more than {MAX_ENTRIES:,} files")
        for name in names:
            path = Path(top, name)
            relative = PurePosixPath(path.relative_to(folder).as_posix())
            if _counts(relative) and stat.S_ISREG(path.lstat().st_mode):
                listing[relative] = partial(_open, path)
    return listing


def _open(path: Path) -> IO[bytes]:
    return path.open("rb")


def _list_zip(file: IO[bytes]) -> Listing:
    """List the code in a zip, which must stay open, without links and paths that lead out of it."""
    start = file.read(8)
    if not start:
        raise UnreadableError("it is an empty file")
    try:
        archive = zipfile.ZipFile(file)
    except Exception as error:  # a broken zip can raise almost anything
        why = f"it cannot be read as a zip ({error}); it begins with {start!r}"
        raise UnreadableError(why) from None
    if len(archive.infolist()) > MAX_ENTRIES:
        raise UnreadableError(f"it has more than {MAX_ENTRIES:,} files")
    members = {
        name: info
        for info in archive.infolist()
        if info.filename and not info.is_dir() and (name := _safe_name(info)) and _counts(name)
    }
    for info in members.values():
        if info.flag_bits & 1:
            raise UnreadableError("it is encrypted: hand it in without a password")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            # Python would decompress it without a limit
            raise UnreadableError("it is compressed in an unusual way: hand in an ordinary zip")
    return {name: partial(archive.open, info) for name, info in members.items()}


def _safe_name(info: zipfile.ZipInfo) -> PurePosixPath | None:
    """Return the path of a member, or None for a link or a path that leads out of the zip."""
    name = PurePosixPath(info.filename.replace("\\", "/"))
    leads_out = name.is_absolute() or ".." in name.parts or ":" in info.filename
    return None if leads_out or stat.S_ISLNK(info.external_attr >> 16) else name


def _counts(name: PurePosixPath) -> bool:
    """Return whether a file may be the student's code, or a zip of it."""
    return name.suffix.lower() in (".py", ".zip") and not any(
        part.startswith((".", "__MACOSX")) or part in MADE_BY_TOOLS for part in name.parts
    )


def _look_into_zip(listing: Listing, notes: list[str]) -> Listing:
    """List the only zip in a listing without code, as some course platforms export it."""
    inner = [name for name in listing if name.suffix.lower() == ".zip"]
    if len(inner) != 1 or any(name.name in FILES for name in listing):
        return listing
    data = _read_up_to(MAX_NESTED_ZIP, listing[inner[0]])
    if data is None:
        raise UnreadableError(f"{inner[0]} in it has more than {MAX_NESTED_ZIP:,} bytes")
    notes.append(f"the code was in {inner[0]}")
    return _list_zip(BytesIO(data))


def _read_up_to(limit: int, opener: Callable[[], IO[bytes]]) -> bytes | None:
    """Read a file, whatever size it declares; return None if it has more bytes than the limit."""
    with opener() as file:
        data = file.read(limit + 1)
    return data if len(data) <= limit else None


def _read_files(listing: Listing, submission: Submission) -> None:
    notes = submission.notes
    for wanted, name in _choose(listing, notes).items():
        try:
            data = _read_up_to(MAX_FILE, listing[name])
        except Exception as error:  # a broken zip can raise almost anything
            notes.append(f"{name} cannot be read: {error}")
            continue
        if data is None:
            notes.append(f"{name} was left out: more than {MAX_FILE:,} bytes")
            continue
        submission.files[wanted] = data
        if IMPORTS_CHECKS.search(data):
            notes.append(f"{name} imports the checks, which contain the formulas")
    if not submission.files:
        raise UnreadableError("it contains none of the assignment's files")
    if missing := [name for name in FILES if name not in submission.files]:
        notes.append(f"missing: {', '.join(missing)}")


def _choose(listing: Listing, notes: list[str]) -> dict[str, PurePosixPath]:
    """Choose the six files, and the modules of the student's own beside or below them."""
    folders = Counter(name.parent for name in listing if name.name in FILES)

    def preference(name: PurePosixPath) -> tuple[int, int, str]:
        return -folders[name.parent], len(name.parts), str(name)

    chosen: dict[str, PurePosixPath] = {}
    for wanted in FILES:
        found = sorted((name for name in listing if name.name == wanted), key=preference)
        if found:
            chosen[wanted] = found[0]
        if len(found) > 1:
            others = ", ".join(map(str, found[1:4])) + (", ..." if len(found) > 4 else "")
            notes.append(f"{found[0]} was graded, not {others}")
    if chosen:
        home = min(chosen.values(), key=preference).parent
        chosen.update(_helpers(listing, home, notes))
    return chosen


def _helpers(listing: Listing, home: PurePosixPath, notes: list[str]) -> dict[str, PurePosixPath]:
    """Choose the student's own modules, except those that would hide one the checks need."""
    helpers: dict[str, PurePosixPath] = {}
    for name in sorted(listing):
        if name.suffix != ".py" or name.name in FILES or not name.is_relative_to(home):
            continue
        helper = name.relative_to(home)
        if _is_allowed(helper.parts[0].removesuffix(".py")):
            helpers[str(helper)] = name
        elif len(helper.parts) == 1 and helper.stem not in PROVIDED:
            notes.append(f"{helper} was left out: that name is taken")
    if len(helpers) > MAX_HELPERS:
        notes.append(f"its {len(helpers)} other modules were left out: more than {MAX_HELPERS}")
        return {}
    return helpers


def _is_allowed(module: str) -> bool:
    is_test = module.startswith("test_") or module.endswith("_test")
    return module.isidentifier() and not is_test and module not in _taken()


@cache
def _taken() -> frozenset[str]:
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    installed = (module.name for module in pkgutil.iter_modules(folders))
    return frozenset((*sys.stdlib_module_names, *installed, *PROVIDED, *AT_START))
