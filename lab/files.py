"""Files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from digits.folders import temporary_folder


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path; the file written there replaces `path` when the block ends well.

    Folders that `path` lacks are made. If the block raises, `path` is as it was.
    """
    # beside `path`: only within one file system is a rename atomic
    with temporary_folder(".part-", path.parent) as folder:
        temporary = folder / path.name
        yield temporary
        temporary.replace(path)
