"""What lies in a folder or a zip, by path, without unpacking it; a zip in it is a folder."""

import os
import re
import stat
import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import IO

from lab.assignment import FILES

ARCHIVES = (".zip", ".rar", ".7z", ".tar", ".gz", ".tgz", ".bz2", ".xz")
STARTS = {  # {first bytes of a file: what it is}
    b"Rar!": "a RAR archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"\x1f\x8b": "compressed with gzip",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ": "compressed with xz",
    b"%PDF": "a PDF",
}
JUNK = re.compile(  # hidden, out of the zip (..), or where tools put theirs
    r"(^|/)(\.|__MACOSX|__pycache__/|(site-packages|node_modules)/|"
    r"v?env/(bin|etc|include|lib\w*|scripts|share)/)",
    re.IGNORECASE,
)
TOP = PurePosixPath()  # the path of what is one file
MAX_ENTRIES = 100_000  # of a submission
MAX_NESTED_ZIP = 50_000_000  # bytes
MAX_ZIPS = 10  # in a submission
MAX_NAMED = 5  # files in a sentence

Opener = Callable[[], IO[bytes]]  # opens a file, or raises UnreadableError
Listing = dict[PurePosixPath, Opener]  # a folder with nothing in it to read has one entry: why


class UnreadableError(Exception):
    """Something cannot be read; the message says why."""


def list_path(path: Path) -> Listing:
    """List the files in a folder, or the one file that a path is; links are not followed."""
    if path.is_symlink():
        return {TOP: partial(_open, path, "it is a symbolic link: the files themselves are needed")}
    if not path.is_dir():
        why = "" if path.is_file() else "it is neither a file nor a folder"
        return {TOP: partial(_open, path, why)}
    listing: Listing = {}

    def add(folder: str | Path, name: str, why: str) -> None:
        found = Path(folder, name)
        listing[PurePosixPath(found.relative_to(path).as_posix())] = partial(_open, found, why)

    def add_folder(folder: str | Path, what: str | None) -> None:
        add(folder, f"({what})", "it is a folder")

    walk = os.walk(path, onerror=lambda error: add_folder(error.filename, error.strerror))
    for folder, folders, names in walk:
        if not folders and not names:
            add_folder(folder, "an empty folder")
        for name in [*folders]:
            below = Path(folder, name)
            is_junk = JUNK.search(f"{below.relative_to(path).as_posix()}/")
            if is_junk or below.is_symlink():
                add_folder(below, "not looked into" if is_junk else "a symbolic link")
                folders.remove(name)
        for name in names:
            is_regular = stat.S_ISREG(os.lstat(os.path.join(folder, name)).st_mode)
            add(folder, name, "" if is_regular else "it is a link, a pipe or a device")
    return listing


def open_zips(listing: Listing, most: int = MAX_ZIPS) -> dict[PurePosixPath, str]:
    """Put what lies in zips, and in zips in these, in the place of each, until all six files do.

    Returns:
        {zip that is not opened: why}.
    """
    unread = {}
    pending = sorted(filter(_is_zip, listing))
    for path in islice(pending, most):  # which grows
        try:
            if {path.name for path in listing} >= {*FILES}:
                raise UnreadableError("all six files lie outside of it")
            inner = _list_zip(listing[path])
        except UnreadableError as error:
            if path == TOP:
                raise
            unread[path] = str(error)
            continue
        del listing[path]
        listing |= {path / name: opener for name, opener in inner.items()}
        pending += sorted(filter(_is_zip, (path / name for name in inner)))
        expect_few(listing)
    return unread | dict.fromkeys(pending[most:], f"more than {most} zips")


def read_up_to(limit: int, opener: Opener) -> bytes:
    """Read a file, whatever size it declares.

    Raises:
        UnreadableError: if it cannot be read, or has more bytes than the limit.
    """
    try:
        with opener() as file:
            data = file.read(limit + 1)
    except UnreadableError:
        raise
    except Exception as error:  # a broken zip can raise almost anything
        raise UnreadableError(f"it cannot be read: {error}") from None
    if len(data) > limit:
        raise UnreadableError(f"more than {limit:,} bytes")
    return data


def expect_few(entries: Iterable[object]) -> None:
    """Raise UnreadableError if there are too many files."""
    if next(islice(entries, MAX_ENTRIES, None), None):
        raise UnreadableError(f"it has more than {MAX_ENTRIES:,} files")


def some(names: Iterable[object]) -> str:
    """Name a few of some files, and how many more there are."""
    names = [*names]
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return f"{', '.join(map(str, names[:MAX_NAMED]))}{more}"


def _is_zip(path: PurePosixPath) -> bool:
    return path == TOP or path.suffix.lower() == ".zip"


def _list_zip(opener: Opener) -> Listing:
    start = b""
    try:
        with opener() as file:
            start = file.read(8)
        nested = isinstance(file, zipfile.ZipExtFile)
        # by its name a zip closes its file itself
        source = BytesIO(read_up_to(MAX_NESTED_ZIP, opener)) if nested else file.name
        archive = zipfile.ZipFile(source)
        members = {_path_of(info): info for info in archive.infolist() if info.filename}
    except UnreadableError:
        raise
    except Exception as error:  # a broken zip can raise almost anything
        known = [kind for magic, kind in STARTS.items() if start.startswith(magic)]
        what = f"is {known[0]}, no zip" if known else f"cannot be read as a zip ({error})"
        why = f"it {what}; it begins with {start!r}" if start else "it is an empty file"
        raise UnreadableError(why) from None
    expect_few(members)
    folders = {folder for path in members for folder in path.parents}
    return {
        path / ("(an empty folder)" if info.is_dir() else ""): partial(_open_member, archive, info)
        for path, info in members.items()
        if path not in folders
    }


def _path_of(info: zipfile.ZipInfo) -> PurePosixPath:
    """Return the path of a member, without a drive and the root of a disk."""
    return PurePosixPath(re.sub(r"^([A-Za-z]:)?/*", "", info.filename.replace("\\", "/")))


def _open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> IO[bytes]:
    if info.is_dir() or stat.S_ISLNK(info.external_attr >> 16):
        raise UnreadableError("it is a link or a folder")
    if info.flag_bits & 1:
        raise UnreadableError("it is encrypted: hand it in without a password")
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Python would decompress it without a limit
        raise UnreadableError("it is compressed in an unusual way: hand in an ordinary zip")
    return archive.open(info)


def _open(path: Path, why_not: str) -> IO[bytes]:
    if why_not:
        raise UnreadableError(why_not)
    return path.open("rb")
