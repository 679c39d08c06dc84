"""What `read_idx` accepts, and how it names what it does not."""

from __future__ import annotations

import gzip
import hashlib
import os
import struct
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from digits.files import ORIGINALS, BadFileError, Original, read_idx

ARRAY = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
RAW = bytes([0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2]) + ARRAY.tobytes()
ORIGINAL = Original(len(RAW), hashlib.sha256(RAW).hexdigest())


@pytest.mark.parametrize(
    "content",
    [RAW, gzip.compress(RAW, 9), gzip.compress(RAW, 0)],
    ids=["raw", "compressed", "recompressed"],
)
def test_a_file_is_judged_by_its_raw_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    np.testing.assert_array_equal(read_idx(path, ORIGINAL), ARRAY)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (
            b"<!DOCTYPE html><title>404</title>",
            "33 bytes .* neither gzip nor IDX.*<!DOCTYPE",
        ),
        (gzip.compress(RAW)[:-9], "cannot be read: .* ended before the end-of-stream marker"),
        (
            gzip.compress(RAW)[:10] + b"\xff" * 9 + gzip.compress(RAW)[19:],
            "cannot be read: .* invalid",
        ),
        (gzip.compress(RAW)[:-8] + bytes(8), "cannot be read: CRC check failed"),
        (RAW[:-1], "not the original data: 27 unpacked bytes with sha256"),
        (RAW[:-1] + b"\x07", f"sha256 .* expected {ORIGINAL.sha256}"),
        (gzip.compress(RAW[:-1] + b"\x07"), f"sha256 .* expected {ORIGINAL.sha256}"),
        (b"", "0 bytes that are neither gzip nor IDX"),
    ],
    ids=[
        "page saved as .gz",
        "cut off",
        "damaged",
        "wrong checksum",
        "one byte less",
        "one byte off",
        "one byte off, .gz",
        "empty",
    ],
)
def test_a_bad_file_is_named_with_its_cause(tmp_path: Path, content: bytes, cause: str) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(BadFileError, match=cause):
        read_idx(path, ORIGINAL)
    assert path.read_bytes() == content


def plain_giant(path: Path) -> None:
    with path.open("wb") as file:
        file.write(RAW)
        file.truncate(2**31)  # a hole, which takes no room


def bomb(path: Path) -> None:
    path.write_bytes(gzip.compress(RAW + bytes(2**26)))


@pytest.mark.parametrize("make", [plain_giant, bomb])
def test_no_more_than_the_size_of_the_original_is_read(
    tmp_path: Path, make: Callable[[Path], None]
) -> None:
    path = tmp_path / "file"
    make(path)
    tracemalloc.start()
    with pytest.raises(BadFileError, match="not the original data: more than its 28 bytes"):
        read_idx(path, ORIGINAL)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def header(*fields: int) -> bytes:
    """The header of an IDX file: two zeros, the type, the number of dimensions, each dimension."""
    return struct.pack(f">HBB{len(fields) - 3}I", *fields)


IDX_FAULTS = {
    "no IDX data at all": b"<html>",
    "first bytes not zero": header(1, 8, 3, 3, 2, 2) + RAW[16:],
    "doubles": header(0, 14, 3, 3, 2, 2) + RAW[16:],
    "an unknown type": header(0, 7, 3, 3, 2, 2) + RAW[16:],
    "no dimension": header(0, 8, 0, 3, 2, 2) + RAW[16:],
    "255 dimensions": header(0, 8, 255, 3, 2, 2) + RAW[16:],
    "two dimensions": header(0, 8, 2, 3, 2, 2) + RAW[16:],
    "one example more": header(0, 8, 3, 4, 2, 2) + RAW[16:],
    "one example less": header(0, 8, 3, 2, 2, 2) + RAW[16:],
    "no example": header(0, 8, 3, 0, 2, 2) + RAW[16:],
    "10 TB promised": header(0, 8, 3, 10**7, 1000, 1000) + RAW[16:],
    "the most that can be promised": header(0, 8, 3, *[2**32 - 1] * 3) + RAW[16:],
    "little-endian": struct.pack("<HBB3I", 0, 8, 3, 3, 2, 2) + RAW[16:],
    "a header alone": RAW[:16],
    "half a header": RAW[:9],
    "one byte less": RAW[:-1],
    "one byte more": RAW + b"\0",
}


@pytest.mark.parametrize("content", IDX_FAULTS.values(), ids=IDX_FAULTS)
def test_any_data_that_is_not_what_its_header_says_makes_no_array(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(BadFileError, match="not IDX data: "):
        read_idx(path, None)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "packed"])
def test_any_data_is_read_without_a_digest(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "file.gz"
    path.write_bytes(pack(RAW))
    np.testing.assert_array_equal(read_idx(path, None), ARRAY)


def test_the_sizes_of_the_originals_are_those_of_their_headers_and_pixels() -> None:
    sizes = {name: original.size for name, original in ORIGINALS.items()}
    assert sizes == {
        "train-images-idx3-ubyte": 16 + 60_000 * 28 * 28,
        "train-labels-idx1-ubyte": 8 + 60_000,
        "t10k-images-idx3-ubyte": 16 + 10_000 * 28 * 28,
        "t10k-labels-idx1-ubyte": 8 + 10_000,
    }


@pytest.mark.parametrize("size", [0, 8, 60_008, 7_840_016])
def test_a_file_packed_without_compression_is_within_the_limit(size: int) -> None:
    limit = Original(size, "").packed_limit
    assert len(gzip.compress(bytes(size), 0)) <= limit <= 1.02 * size + 2000


def test_a_folder_in_place_of_a_file_is_named_with_its_cause(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=rf"cannot be read: \[Errno \d+\].*{tmp_path.name}"):
        read_idx(tmp_path, ORIGINAL)


def test_a_mnist_py_beside_the_scripts_is_not_taken_for_the_package(
    small_folder: Path, originals: dict[str, Original], tmp_path: Path
) -> None:
    """The course's own folder holds a file of that name, with other functions."""
    beside = tmp_path / "beside"
    beside.mkdir()
    (beside / "mnist.py").write_text("def load(): return 'the course'\n")
    code = (
        "import sys, mnist; from pathlib import Path; from digits.files import *\n"
        "arrays, _ = read_folder(Path(sys.argv[1]), eval(sys.argv[2]))\n"
        "print(mnist.load(), len(arrays))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code, str(small_folder), repr(originals)],
        cwd=Path(__file__).parents[2],
        env={**os.environ, "PYTHONPATH": str(beside)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("the course 4\n", "")
