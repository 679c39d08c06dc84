"""What `read_idx` accepts, and how it names what it does not."""

from __future__ import annotations

import gzip
import hashlib
import struct
import sys
import tracemalloc
import types
from pathlib import Path

import numpy as np
import pytest

from digits.files import ORIGINALS, BadFileError, Original, read_idx
from tests.library.conftest import idx_bytes

ARRAY = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
RAW = idx_bytes(ARRAY)
ORIGINAL = Original(len(RAW), hashlib.sha256(RAW).hexdigest())


@pytest.mark.parametrize("original", [ORIGINAL, None], ids=["an original", "any data"])
@pytest.mark.parametrize(
    "content",
    [RAW, gzip.compress(RAW, 9), gzip.compress(RAW, 0)],
    ids=["raw", "compressed", "recompressed"],
)
def test_a_file_is_judged_by_its_raw_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, original: Original | None
) -> None:
    """The course's own mnist.py beside the scripts is not taken for the package that reads it."""
    monkeypatch.setitem(sys.modules, "mnist", types.ModuleType("mnist"))
    path = tmp_path / "file"
    path.write_bytes(content)
    np.testing.assert_array_equal(read_idx(path, original), ARRAY, strict=True)


def test_an_original_has_the_size_of_its_examples_and_packed_no_more_than_its_limit() -> None:
    for name, original in ORIGINALS.items():
        examples = 60_000 if name.startswith("train") else 10_000
        assert original.size == (16 + 784 * examples if "images" in name else 8 + examples)
    for size in (0, 1_000_000):
        limit = Original(size, "").packed_limit
        assert len(gzip.compress(bytes(size), 0)) <= limit <= 1.01 * size + 1024


PACKED = gzip.compress(RAW)
ONE_OFF = gzip.compress(RAW[:-1] + b"\x07")
TEN_TERABYTES = struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 50, 50) + RAW[16:]
BAD_FILES = {
    "page saved as .gz": (b"<!DOCTYPE html>", ORIGINAL, "15 bytes .* nor IDX.*<!DOCTYPE"),
    "long page": (b"<html>" + 50 * b"x", None, "56 bytes .*; the first are b'<html>x{34}'$"),
    "empty": (b"", ORIGINAL, "0 bytes that are neither gzip nor IDX"),
    "cut off": (PACKED[:-9], ORIGINAL, "cannot be read: .* ended before the end-of-stream"),
    "damaged": (PACKED[:10] + b"\xff" * 9 + PACKED[19:], None, "cannot be read: .* invalid"),
    "wrong checksum": (PACKED[:-8] + bytes(8), None, "cannot be read: CRC check failed"),
    "one byte less": (RAW[:-1], ORIGINAL, "not the original data: 27 unpacked bytes with sha256"),
    "one byte off": (ONE_OFF, ORIGINAL, f"sha256 .* expected {ORIGINAL.sha256}"),
    "packed page": (gzip.compress(b"<html>"), None, "not IDX data: "),
    "half a header": (RAW[:9], None, "not IDX data: "),
    "any data, one byte more": (RAW + b"\0", None, "not IDX data: "),
    "ten terabytes": (TEN_TERABYTES, None, "not IDX data: "),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_named_with_its_cause_and_left_as_it_is(tmp_path: Path, case: str) -> None:
    content, original, cause = BAD_FILES[case]
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(BadFileError, match=cause):
        read_idx(path, original)
    assert path.read_bytes() == content


def test_a_folder_in_place_of_a_file_is_named_with_its_cause(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=rf"cannot be read: \[Errno \d+\].*{tmp_path.name}"):
        read_idx(tmp_path, ORIGINAL)


def test_no_more_than_the_size_of_the_original_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(RAW + bytes(2**24)))
    tracemalloc.start()
    with pytest.raises(BadFileError, match="not the original data: more than its 28 bytes"):
        read_idx(path, ORIGINAL)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
