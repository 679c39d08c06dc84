"""Read a submission: the six files, whatever they are called and wherever they lie, and helpers."""

import json
import pkgutil
import re
import site
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from course.listing import (
    ARCHIVES,
    JUNK,
    MAX_NAMED,
    TOP,
    Listing,
    UnreadableError,
    expect_few,
    list_path,
    open_zips,
    read_up_to,
    some,
)
from lab.assignment import FILES, PACKAGES

PROVIDED = ("tests", "course", "conftest", "create_submission_zip", "pytest", "mnist", *PACKAGES)
AT_START = ("sitecustomize", "usercustomize")  # which Python imports by itself
IMPORTS_CHECKS = re.compile(rb"^[ \t]*(from|import)[ \t]+tests\b", re.MULTILINE)
SUFFIXES = re.compile(r"((\.(py[w3]?|ipynb|txt|bak|orig|download)) *(\(\d+\))?)+$", re.IGNORECASE)
COPY = re.compile(r"\d+|v\d+|of|copy|copies|kopi\w*|copi\w*", re.IGNORECASE)  # words of copies
COPIED = re.compile(r"(?<![ _-])([ _-]*\(\d+\)|-\d+|[ _-]+copy)$", re.IGNORECASE)  # and modules
MAGIC = re.compile(r"^([ \t]*)(%{1,2}\w.*|[!?].*|[\w.]+\?+[ \t]*)$", re.MULTILINE)  # of IPython
NOT_PYTHON = re.compile(r"\s*%%(?!capture|prun|time)")  # how a cell of another language begins

MAX_FILE = 1_000_000  # bytes of a source file
MAX_NOTEBOOK = 20_000_000  # bytes, with its figures
MAX_HELPERS = 50  # modules of the student's own
LONGEST = 255  # characters of a name


class Meaning(NamedTuple):
    """Which of the six files the name of a file can mean."""

    file: str
    words: int  # other words in the name, but those of copies
    extra: int  # how else it differs; 0 for the right name
    before: str  # the name of a student, for one


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


def meaning(name: str) -> Meaning | None:
    """Return which of the six files a name can mean, if it is that of code and not of a test."""
    if name in FILES:
        return Meaning(name, 0, 0, "")
    suffixes = SUFFIXES.search(name := name[:LONGEST].rstrip())
    stem = name[: suffixes.start()] if suffixes else name
    stem = re.sub(r"(task)[\W_]?(\d)", r"\1\2", stem, flags=re.IGNORECASE)
    words = list(re.finditer(r"[^\W_]+", stem))
    found = [word for word in words if f"{word[0].lower()}.py" in FILES]
    if len(found) != 1 or name[0] == "." or (not suffixes and "." in stem):
        return None
    others = [word[0].lower() for word in words if word is not found[0]]
    foreign = [word for word in others if not COPY.fullmatch(word)]
    is_code = suffixes and re.search(r"\.(py|ipynb)", suffixes[0], re.IGNORECASE)
    if {"test", "tests"} & {*others} or (foreign and not is_code):  # task2_output.txt
        return None
    before = stem[: found[0].start()]
    if all(map(COPY.fullmatch, re.findall(r"[^\W_]+", before))):
        before = ""
    return Meaning(f"{found[0][0].lower()}.py", len(foreign), 1 + len(others), before)


def read_submission(source: Path | Listing) -> Submission:
    """Read a zip, a folder or some files, however deep the code lies in it.

    Only Python files count, and none of the course's own. A file of another name counts if it can
    mean one of the six. Of several, those with the fewest other words in their names count, then
    those outside of zips, of the right name, and in the folder with the most of the six.
    """
    submission, left = Submission(), defaultdict[str, list[PurePosixPath]](list)
    try:
        listing = list_path(source) if isinstance(source, Path) else source.copy()
        expect_few(listing)
        for path, why in open_zips(listing).items():
            left[why].append(path)
        _read_files(listing, submission, left)
    except UnreadableError as error:
        submission.problem = str(error)
    submission.notes += [f"{some(paths)}: left out, {why}" for why, paths in left.items() if paths]
    return submission


def _read_files(
    listing: Listing, submission: Submission, left: dict[str, list[PurePosixPath]]
) -> None:
    """Read what counts, and collect in `left` what does not, by the reason."""

    @cache
    def read(path: PurePosixPath) -> bytes | None:
        is_notebook = ".ipynb" in path.name.lower()
        try:
            data = read_up_to(MAX_NOTEBOOK if is_notebook else MAX_FILE, listing[path])
            return _code_of(data) if is_notebook else data
        except UnreadableError as error:
            left[str(error)].append(path)
            return None

    visible = sorted(path for path in listing if not JUNK.search(str(path)))
    found = {path: known for path in visible if (known := meaning(path.name))}
    held = Counter(folder for folder, _ in {(path.parent, found[path].file) for path in found})

    def rank(path: PurePosixPath) -> tuple[int, ...]:
        known = found[path]
        return known.words, len(_zips(path)), known.extra, -held[path.parent], len(path.parts)

    chosen: dict[str, PurePosixPath] = {}
    for wanted in FILES:
        candidates = sorted((path for path in found if found[path].file == wanted), key=rank)
        equals = [path for path in candidates if rank(path) == rank(candidates[0])]
        alike = len(equals) <= MAX_NAMED and len({read(path) for path in equals}) == 1
        if len(equals) > 1 and found[equals[0]].extra and not alike:
            left[f"each may be {wanted}"] += equals
            continue
        for number, path in enumerate(candidates[:MAX_NAMED], start=1):
            if (data := read(path)) is not None:
                chosen[wanted], submission.files[wanted] = path, data
                others = [path for path in candidates[number:] if not found[path].words]
                place = f"in {path.parent}" if path.parent.name else "at the top"
                left[f"the one {place} was graded"] += others
                break

    helpers = _helpers(visible, chosen, left)
    submission.files |= {n: data for n, p in helpers.items() if (data := read(p)) is not None}
    notes, taken = submission.notes, {*chosen.values(), *helpers.values()}
    if zips := sorted({zips[0] for path in taken if (zips := _zips(path))}):
        notes.append(f"the code was in {some(zips)}")
    if guesses := [f"{path} for {name}" for name, path in chosen.items() if path.name != name]:
        notes.append(f"taken in spite of the name: {', '.join(guesses)}")
    if cheats := sorted(path for path in taken if IMPORTS_CHECKS.search(read(path) or b"")):
        notes.append(f"{some(cheats)}: imports the checks, which contain the formulas")
    if missing := {name: None for name in FILES if name not in chosen}:
        archives = [path for path in visible if path.suffix.lower() in ARCHIVES[1:]]
        left["of archives only zips are opened"] += archives
        hidden = [path for path in listing if path.name in missing and JUNK.search(str(path))]
        left["hidden, outside of the zip, or where tools put theirs"] += hidden
        noted = {*chosen.values(), *(path for paths in left.values() for path in paths)}
        unused = [path for path in sorted(listing) if not (chosen and path in noted)]
        unused.sort(key=lambda path: path.suffix.lower() not in (".py", ".ipynb"))
        there = some(unused)
        if not chosen:
            what = "can be taken" if found else "is in it"
            has = f"has {there}" if there else "is empty"
            raise UnreadableError(f"none of the assignment's files {what}; it {has}")
        notes.append(f"missing: {', '.join(missing)}{f'; there is {there}' if there else ''}")


def _helpers(
    visible: list[PurePosixPath],
    chosen: dict[str, PurePosixPath],
    left: dict[str, list[PurePosixPath]],
) -> dict[str, PurePosixPath]:
    """Choose the student's own modules, except those that would hide one the checks need."""
    homes = {path.parent for path in chosen.values()}
    settled = {path for paths in left.values() for path in paths}
    helpers: dict[str, PurePosixPath] = {}
    modules = (path for path in visible if path.suffix.lower() == ".py" and path.name not in chosen)
    for path in sorted(modules, key=lambda path: (len(_zips(path)), path)):
        home = next((folder for folder in path.parents if folder in homes), TOP)
        stem = path.stem if path.stem.isidentifier() else COPIED.sub("", path.stem)
        module = (*path.relative_to(home).parts[:-1], stem)
        name = f"{'/'.join(module)}.py"
        is_copy = path in chosen.values() and not path.stem.isidentifier()
        if path in settled or is_copy or not homes or {*module} & {*PROVIDED}:
            continue
        if home not in homes:
            left["beside none of the six files"].append(path)
        elif not all(map(str.isidentifier, module)) or len(name.encode()) > LONGEST:
            left["no name that Python can import"].append(path)
        elif re.match("test_|.*_test$", module[0]):
            left["a test"].append(path)
        elif module[0] in _taken():
            left["that name is taken"].append(path)
        elif name in helpers or name in FILES:
            left[f"another {name} was taken"].append(path)
        else:
            helpers[name] = path
    if len(helpers) > MAX_HELPERS:
        left[f"more than {MAX_HELPERS} modules"] += helpers.values()
        return {}
    return helpers


def _zips(path: PurePosixPath) -> list[PurePosixPath]:
    """List the zips that a file is in, the innermost first."""
    return [folder for folder in path.parents if folder.suffix.lower() == ".zip"]


def _code_of(notebook: bytes) -> bytes:
    """Return the code in the cells of a notebook, without commands of IPython."""
    try:
        cells = [cell for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
        texts = ["".join(cell["source"]) for cell in cells]
    except (ValueError, LookupError, TypeError, RecursionError):
        raise UnreadableError("no notebook of format 4") from None
    texts = [MAGIC.sub(r"\1pass", text) for text in texts if not NOT_PYTHON.match(text)]
    if len(code := "\n\n".join(texts)) > MAX_FILE:
        raise UnreadableError(f"more than {MAX_FILE:,} bytes")
    return f"{code}\n".encode(errors="replace")


@cache
def _taken() -> frozenset[str]:
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    installed = (module.name for module in pkgutil.iter_modules(folders))
    return frozenset((*sys.stdlib_module_names, *installed, *PROVIDED, *AT_START))
