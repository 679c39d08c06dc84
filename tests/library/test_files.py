"""What `read_idx` accepts, and how it names what it does not."""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from digits.files import BadFileError, read_idx

ARRAY = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
RAW = bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2]) + ARRAY.tobytes()
SHA256 = hashlib.sha256(RAW).hexdigest()


@pytest.mark.parametrize(
    "content",
    [RAW, gzip.compress(RAW, 9), gzip.compress(RAW, 0)],
    ids=["raw", "compressed", "recompressed"],
)
def test_a_file_is_judged_by_its_raw_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    np.testing.assert_array_equal(read_idx(path, SHA256), ARRAY)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (
            b"<!DOCTYPE html><title>404</title>",
            "33 bytes .* neither gzip nor IDX.*<!DOCTYPE",
        ),
        (gzip.compress(RAW)[:-9], "cut off: the gzip stream ends after"),
        (gzip.compress(RAW)[:20] + b"\xff" * 9 + gzip.compress(RAW)[29:], "damaged gzip stream"),
        (RAW[:-1] + b"\x07", f"sha256 .* expected {SHA256}"),
        (gzip.compress(RAW[:-1] + b"\x07"), f"sha256 .* expected {SHA256}"),
        (b"", "0 bytes that are neither gzip nor IDX"),
    ],
    ids=["page saved as .gz", "cut off", "damaged", "one byte off", "one byte off, .gz", "empty"],
)
def test_a_bad_file_is_named_with_its_cause(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(BadFileError, match=cause):
        read_idx(path, SHA256)
    assert path.read_bytes() == content


def test_a_file_that_cannot_be_read_is_no_crash(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match="cannot be read: Is a directory"):
        read_idx(tmp_path, SHA256)


def test_a_mnist_py_beside_the_scripts_is_not_taken_for_the_package(
    small_folder: Path, small_sha256: dict[str, str], tmp_path: Path
) -> None:
    """The course's own folder holds a file of that name, with other functions."""
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "mnist.py").write_text("def load(): return 'the course'\n")
    code = (
        "import sys, mnist; from pathlib import Path; from digits.files import read_folder\n"
        "arrays, _ = read_folder(Path(sys.argv[1]), eval(sys.argv[2]))\n"
        "print(mnist.load(), len(arrays))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(small_folder), repr(small_sha256)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(beside)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("the course 4\n", "")
