"""What `read_idx` accepts, and how it names what it does not."""

from __future__ import annotations

import gzip
import hashlib
import struct
import sys
import tracemalloc
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from digits.files import BadFileError, Original, read_idx

ARRAY = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)


def header(*fields: int) -> bytes:
    """The header of an IDX file: two zeros, the type, the number of dimensions, each dimension."""
    return struct.pack(f">HBB{len(fields) - 3}I", *fields)


PIXELS = ARRAY.tobytes()
RAW = header(0, 8, 3, 3, 2, 2) + PIXELS
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


PACKED = gzip.compress(RAW)
ONE_OFF = RAW[:-1] + b"\x07"
BAD_FILES = {
    "page saved as .gz": (b"<!DOCTYPE html><title>404", "25 bytes .* nor IDX.*<!DOCTYPE"),
    "empty": (b"", "0 bytes that are neither gzip nor IDX"),
    "cut off": (PACKED[:-9], "cannot be read: .* ended before the end-of-stream marker"),
    "damaged": (PACKED[:10] + b"\xff" * 9 + PACKED[19:], "cannot be read: .* invalid"),
    "wrong checksum": (PACKED[:-8] + bytes(8), "cannot be read: CRC check failed"),
    "one byte less": (RAW[:-1], "not the original data: 27 unpacked bytes with sha256"),
    "one byte off": (ONE_OFF, f"sha256 .* expected {ORIGINAL.sha256}"),
    "one byte off, .gz": (gzip.compress(ONE_OFF), f"sha256 .* expected {ORIGINAL.sha256}"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_named_with_its_cause(tmp_path: Path, case: str) -> None:
    content, cause = BAD_FILES[case]
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(BadFileError, match=cause):
        read_idx(path, ORIGINAL)
    assert path.read_bytes() == content


def test_a_folder_in_place_of_a_file_is_named_with_its_cause(tmp_path: Path) -> None:
    with pytest.raises(BadFileError, match=rf"cannot be read: \[Errno \d+\].*{tmp_path.name}"):
        read_idx(tmp_path, ORIGINAL)


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["raw", "compressed"])
def test_no_more_than_the_size_of_the_original_is_read(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    path = tmp_path / "file"
    path.write_bytes(pack(RAW + bytes(2**24)))
    tracemalloc.start()
    with pytest.raises(BadFileError, match="not the original data: more than its 28 bytes"):
        read_idx(path, ORIGINAL)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


IDX_FAULTS = {
    "no IDX data at all": b"<html>",
    "first bytes not zero": header(1, 8, 3, 3, 2, 2) + PIXELS,
    "doubles": header(0, 14, 3, 3, 2, 2) + PIXELS,
    "an unknown type": header(0, 7, 3, 3, 2, 2) + PIXELS,
    "no dimension": header(0, 8, 0, 3, 2, 2) + PIXELS,
    "255 dimensions": header(0, 8, 255, 3, 2, 2) + PIXELS,
    "one example more": header(0, 8, 3, 4, 2, 2) + PIXELS,
    "one example less": header(0, 8, 3, 2, 2, 2) + PIXELS,
    "no example": header(0, 8, 3, 0, 2, 2) + PIXELS,
    "the most that can be promised": header(0, 8, 3, *[2**32 - 1] * 3) + PIXELS,
    "little-endian": struct.pack("<HBB3I", 0, 8, 3, 3, 2, 2) + PIXELS,
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


@pytest.mark.parametrize("size", [0, 8, 60_008, 7_840_016])
def test_a_file_packed_without_compression_is_within_the_limit(size: int) -> None:
    limit = Original(size, "").packed_limit
    assert len(gzip.compress(bytes(size), 0)) <= limit <= 1.02 * size + 2000
