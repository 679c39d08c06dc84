"""Temporary folders: gone at the end, or when the next process comes, and never while in use."""

from __future__ import annotations

import runpy
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from digits import folders
from digits.folders import temporary_folder

AT_WORK = """
import sys
from pathlib import Path
from digits.folders import temporary_folder

with temporary_folder("a-", Path(sys.argv[1])) as folder:
    (folder / "half").write_bytes(bytes(1000))
    print(flush=True)
    sys.stdin.read()
"""

needs_locks = pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot lock a folder")


@contextmanager
def at_work(parent: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that has a temporary folder in `parent`."""
    with subprocess.Popen(
        [sys.executable, "-c", AT_WORK, str(parent)],
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield process
        process.kill()


def test_a_folder_is_new_and_gone_at_the_end(tmp_path: Path) -> None:
    parent = tmp_path / "not" / "yet"
    with pytest.raises(ZeroDivisionError), temporary_folder("a-", parent) as folder:  # noqa: PT012
        assert list(parent.iterdir()) == [folder]
        assert list(folder.iterdir()) == []
        (folder / "half").touch()
        raise ZeroDivisionError
    assert list(parent.iterdir()) == []


@needs_locks
def test_the_folder_of_a_killed_process_is_removed_by_the_next(tmp_path: Path) -> None:
    with at_work(tmp_path) as process:
        process.kill()
    (abandoned,) = tmp_path.iterdir()
    with temporary_folder("b-", tmp_path):
        assert abandoned.exists()
    with temporary_folder("a-", tmp_path) as folder:
        assert list(tmp_path.iterdir()) == [folder] != [abandoned]


def test_a_folder_in_use_stays(tmp_path: Path) -> None:
    with at_work(tmp_path):
        before = set(tmp_path.iterdir())
        with temporary_folder("a-", tmp_path) as first, temporary_folder("a-", tmp_path) as second:
            assert set(tmp_path.iterdir()) == {*before, first, second}
        assert set(tmp_path.iterdir()) == before
        assert len(before) == 1


@needs_locks
def test_no_lock_stays_open(tmp_path: Path) -> None:
    before = psutil.Process().num_fds()
    with temporary_folder("a-", tmp_path):
        assert psutil.Process().num_fds() == before + 1
    assert psutil.Process().num_fds() == before


@needs_locks
def test_a_folder_that_cannot_be_removed_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object, **options: object) -> None:
        raise OSError("Device or resource busy")

    (tmp_path / "a-abandoned.locked").mkdir()
    with monkeypatch.context() as patch:
        patch.setattr("os.rmdir", refuse)
        with temporary_folder("a-", tmp_path) as folder:
            assert folder.exists()
    assert len(list(tmp_path.iterdir())) == 2


@needs_locks
def test_without_locks_no_folder_is_taken_for_abandoned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(file: int, operation: int) -> None:
        raise OSError("No locks available")

    monkeypatch.setattr("digits.folders.fcntl.flock", refuse)
    with temporary_folder("a-", tmp_path) as first, temporary_folder("a-", tmp_path) as second:
        assert set(tmp_path.iterdir()) == {first, second}
    assert list(tmp_path.iterdir()) == []


def test_windows_which_has_no_fcntl_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    assert runpy.run_path(folders.__file__)["fcntl"] is None
