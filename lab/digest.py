"""Digests that tie a figure to the run and to the code that made it."""

from __future__ import annotations

import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CODE = (
    *("task2a.py", "task2.py", "task3a.py", "task3.py", "trainer.py", "utils.py"),
    *("digits/*.py", "lab/*.py"),
)


def of_file(path: Path) -> str:
    """Compute the SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def of_code(root: Path = ROOT) -> str:
    """Compute one SHA-256 over the code that makes the figures: names and bytes of its files.

    Args:
        root: the folder of the project.

    Returns:
        The digest, in hexadecimal. It changes when a file changes, comes, goes or is renamed.
    """
    paths = {path.relative_to(root).as_posix(): path for name in CODE for path in root.glob(name)}
    lines = (f"{of_file(paths[name])}  {name}\n" for name in sorted(paths))
    return hashlib.sha256("".join(lines).encode()).hexdigest()
