"""Read a submission without unpacking it: only the files that count, each up to a limit."""

from __future__ import annotations

import hashlib
import pkgutil
import re
import site
import sys
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from io import BytesIO
from pathlib import Path, PurePosixPath

from course.listing import Listing, UnreadableError, list_folder, list_zip
from lab.assignment import FILES, PACKAGES

MAX_FILE = 1_000_000  # bytes of a source file
MAX_HELPERS = 50
MAX_NESTED_ZIP = 20_000_000  # bytes
OF_THE_COURSE = (
    *PACKAGES,
    "tests",
    "course",
    "conftest",
    "create_submission_zip",
    "pytest",
    "mnist",
)
AT_START = ("sitecustomize", "usercustomize")  # which Python imports by itself
IMPORTS_CHECKS = re.compile(rb"^[ \t]*(from|import)[ \t]+tests\b", re.MULTILINE)


@dataclass
class Submission:
    """The part of a submission that counts.

    Attributes:
        files: {path: content} of the six files and the modules that they may import.
        remarks: what an instructor should know about it.
    """

    files: dict[str, bytes] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """The names of the six files that it lacks."""
        return [name for name in FILES if name not in self.files]

    def digest(self) -> str:
        """Return the SHA-256 of the files and the remarks."""
        total = hashlib.sha256(repr(self.remarks).encode())
        for name, data in sorted(self.files.items()):
            total.update(name.encode("utf-8", "surrogateescape") + b"\0")
            total.update(hashlib.sha256(data).digest())
        return total.hexdigest()


def read_submission(path: Path) -> Submission:
    """Read a zip or a folder, however deep the code lies in it.

    Only Python files count, and none of the course's own. Of several files with the same name, the
    one in the folder with the most of the six files counts.

    Raises:
        UnreadableError: if it is neither a zip nor a folder, or it is broken, encrypted or too
            large.
    """
    if path.is_symlink():
        raise UnreadableError("it is a symbolic link: the files themselves are needed")
    submission = Submission()
    try:
        with ExitStack() as stack:
            if path.is_dir():
                listing = list_folder(path)
            elif path.is_file():
                listing = list_zip(stack.enter_context(path.open("rb")))
            else:
                raise UnreadableError("it is neither a file nor a folder")
            _read(_look_into_zip(listing, submission), submission)
    except OSError as error:
        raise UnreadableError(f"it cannot be read: {error.strerror}") from None
    return submission


def _look_into_zip(listing: Listing, submission: Submission) -> Listing:
    """List the only zip in a listing without code, as some course platforms export it."""
    inner = [name for name in listing if name.suffix.lower() == ".zip"]
    if len(inner) != 1 or any(name.name in FILES for name in listing):
        return listing
    data = listing[inner[0]](MAX_NESTED_ZIP)
    if len(data) > MAX_NESTED_ZIP:
        raise UnreadableError(f"{inner[0]} in it has more than {MAX_NESTED_ZIP:,} bytes")
    submission.remarks.append(f"the code was in {inner[0]}")
    return list_zip(BytesIO(data))


def _read(listing: Listing, submission: Submission) -> None:
    for wanted, name in _choose(listing, submission.remarks).items():
        try:
            data = listing[name](MAX_FILE)
        except Exception as error:  # a broken zip can raise almost anything
            submission.remarks.append(f"{name} cannot be read: {error}")
            continue
        if len(data) > MAX_FILE:
            submission.remarks.append(f"{name} was left out: more than {MAX_FILE:,} bytes")
            continue
        submission.files[wanted] = data
        if IMPORTS_CHECKS.search(data):
            submission.remarks.append(f"{name} imports the checks, which contain the formulas")


def _choose(listing: Listing, remarks: list[str]) -> dict[str, PurePosixPath]:
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
            remarks.append(f"{found[0]} was graded, not {others}")
    if chosen:
        home = min(chosen.values(), key=preference).parent
        chosen.update(_helpers(listing, home, remarks))
    return chosen


def _helpers(listing: Listing, home: PurePosixPath, remarks: list[str]) -> dict[str, PurePosixPath]:
    """Choose the student's own modules, except those that would hide one the checks need."""
    helpers: dict[str, PurePosixPath] = {}
    for name in sorted(listing):
        if name.suffix != ".py" or name.name in FILES or not name.is_relative_to(home):
            continue
        helper = name.relative_to(home)
        if _is_allowed(helper.parts[0].removesuffix(".py")):
            helpers[str(helper)] = name
        elif len(helper.parts) == 1 and helper.stem not in OF_THE_COURSE:
            remarks.append(f"{helper} was left out: that name is taken")
    if len(helpers) > MAX_HELPERS:
        remarks.append(f"its {len(helpers)} other modules were left out: more than {MAX_HELPERS}")
        return {}
    return helpers


def _is_allowed(module: str) -> bool:
    return (
        module.isidentifier()
        and module not in _taken()
        and not module.startswith("test_")
        and not module.endswith("_test")
    )


@cache
def _taken() -> frozenset[str]:
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    installed = (module.name for module in pkgutil.iter_modules(folders))
    return frozenset((*sys.stdlib_module_names, *installed, *OF_THE_COURSE, *AT_START))
