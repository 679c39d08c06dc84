"""Files that appear whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path; the file written there replaces `path` when the block ends well.

    Folders that `path` lacks are made. If the block raises, `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # beside `path`: only within one file system is a rename atomic
    with TemporaryDirectory(prefix=".part-", dir=path.parent) as folder:
        temporary = Path(folder) / path.name
        yield temporary
        temporary.replace(path)
