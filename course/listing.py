"""List the source files and zips in a zip or a folder, and read them safely."""

from __future__ import annotations

import os
import stat
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import BinaryIO

MAX_ENTRIES = 100_000
NOT_THEIRS = ("venv", "env", "site-packages", "node_modules")  # folders made by tools

# {path: a function of a limit that returns the content, at most one byte more than the limit}.
Listing = dict[PurePosixPath, Callable[[int], bytes]]


class UnreadableError(Exception):
    """A submission cannot be read; the message says why."""


def list_folder(folder: Path) -> Listing:
    """List a folder, without links, pipes and devices.

    Raises:
        UnreadableError: if it has too many files.
    """
    listing: Listing = {}
    entries = 0
    for top, folders, names in os.walk(folder):  # does not follow links to folders
        folders[:] = [name for name in folders if name[0] != "." and name not in NOT_THEIRS]
        entries += len(names)
        if entries > MAX_ENTRIES:
            raise UnreadableError(f"it has more than {MAX_ENTRIES:,} files")
        for name in names:
            path = Path(top, name)
            relative = PurePosixPath(path.relative_to(folder).as_posix())
            if _counts(relative) and stat.S_ISREG(path.lstat().st_mode):
                listing[relative] = _reader(path)
    return listing


def list_zip(file: BinaryIO) -> Listing:
    """List a zip, which must stay open, without links and paths that lead out of it.

    Raises:
        UnreadableError: if it is not a zip, is encrypted or has too many files.
    """
    start = file.read(8)
    if not start:
        raise UnreadableError("it is an empty file")
    try:
        archive = zipfile.ZipFile(file)
    except Exception as error:  # a broken zip can raise almost anything
        why = f"it cannot be read as a zip ({error}); it begins with {start!r}"
        raise UnreadableError(why) from None
    infos: Mapping[PurePosixPath, zipfile.ZipInfo] = {
        name: info
        for info in archive.infolist()
        if info.filename and not info.is_dir() and (name := _safe_name(info)) and _counts(name)
    }
    if len(archive.infolist()) > MAX_ENTRIES:
        raise UnreadableError(f"it has more than {MAX_ENTRIES:,} files")
    if any(info.flag_bits & 1 for info in infos.values()):
        raise UnreadableError("it is encrypted: hand it in without a password")
    return {name: _member_reader(archive, info) for name, info in infos.items()}


def _counts(name: PurePosixPath) -> bool:
    """Tell whether a file may be the student's code, or a zip of it."""
    return name.suffix.lower() in (".py", ".zip") and not any(
        part.startswith((".", "__MACOSX")) or part in NOT_THEIRS for part in name.parts
    )


def _reader(path: Path) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        with path.open("rb") as file:
            return file.read(limit + 1)

    return read


def _safe_name(info: zipfile.ZipInfo) -> PurePosixPath | None:
    """Return the path of a member, or None for a link or a path that leads out of the zip."""
    name = PurePosixPath(info.filename.replace("\\", "/"))
    leads_out = name.is_absolute() or ".." in name.parts or ":" in info.filename
    return None if leads_out or stat.S_ISLNK(info.external_attr >> 16) else name


def _member_reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[int], bytes]:
    def read(limit: int) -> bytes:
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise UnreadableError("it is compressed in an unusual way")  # and read without a limit
        with archive.open(info) as member:
            return member.read(limit + 1)

    return read
