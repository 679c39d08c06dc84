"""Temporary folders; what a killed process leaves of them, the next one removes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

try:
    import fcntl
except ModuleNotFoundError:  # on Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def temporary_folder(prefix: str, parent: Path) -> Iterator[Path]:
    """Yield a new folder in `parent`, which is made if it is missing; remove it at the end.

    Its process keeps a lock on it. Folders of this prefix without a lock were left by processes
    that were killed, and are removed first. Where there are no locks (Windows), they stay.
    """
    parent.mkdir(parents=True, exist_ok=True)
    for abandoned in parent.glob(f"{prefix}*.locked"):
        with _locked(abandoned) as locked:
            if locked:
                shutil.rmtree(abandoned, ignore_errors=True)
    folder = Path(mkdtemp(prefix=prefix, dir=parent))
    with _locked(folder) as locked:
        if locked:
            folder = folder.rename(f"{folder}.locked")  # never without a lock under this name
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Try to lock a folder; yield whether it is locked."""
    with ExitStack() as stack:
        locked = False
        with suppress(OSError):  # another process has the lock, or there are none
            file = os.open(folder, os.O_RDONLY)
            stack.callback(os.close, file)
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            locked = True
        yield locked
