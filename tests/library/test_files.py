"""What `read_idx` accepts, how it names what it does not, and how a file is replaced."""

import gzip
import struct
import sys
import tracemalloc
import types
from pathlib import Path

import numpy as np
import pytest

from digits.files import ORIGINALS, BadFileError, Original, read_idx, replacing
from tests.library.conftest import Patch, idx_bytes, original

ARRAY = np.arange(12, dtype=np.uint8).reshape(3, 2, 2)
RAW = idx_bytes(ARRAY)
ORIGINAL = original(RAW)


@pytest.mark.parametrize("expected", [ORIGINAL, None], ids=["an original", "any data"])
def test_raw_bytes_decide(tmp_path: Path, monkeypatch: Patch, expected: Original | None) -> None:
    """The course's own mnist.py beside the scripts is not taken for the package that reads it."""
    monkeypatch.setitem(sys.modules, "mnist", types.ModuleType("mnist"))
    for content in (RAW, gzip.compress(RAW, 9), gzip.compress(RAW, 0)):
        (tmp_path / "file").write_bytes(content)
        np.testing.assert_array_equal(read_idx(tmp_path / "file", expected), ARRAY, strict=True)


def test_an_original_has_the_size_of_its_examples_and_packed_no_more_than_its_limit() -> None:
    for name, one in ORIGINALS.items():
        examples = 60_000 if name.startswith("train") else 10_000
        assert one.size == (16 + 784 * examples if "images" in name else 8 + examples)
    for size in (0, 1_000_050):
        limit = Original(size, "").packed_limit
        assert len(gzip.compress(bytes(size), 0)) <= limit == int(1.01 * size) + 1024


PACKED = gzip.compress(RAW)
ONE_OFF = gzip.compress(RAW[:-1] + b"\x07")
TEN_TERABYTES = struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 50, 50) + RAW[16:]
BAD_FILES = {
    "empty": (b"", ORIGINAL, "0 bytes that are neither gzip nor IDX"),
    "web page": (b"<html>" + 50 * b"x", None, "56 bytes .*; the first are b'<html>x{34}'$"),
    "cut off": (PACKED[:-9], ORIGINAL, "cannot be read: .* ended before the end-of-stream"),
    "damaged": (PACKED[:10] + b"\xff" * 9 + PACKED[19:], None, "cannot be read: .* invalid"),
    "wrong checksum": (PACKED[:-8] + bytes(8), None, "cannot be read: CRC check failed"),
    "one byte less": (RAW[:-1], ORIGINAL, "27 unpacked bytes with sha256"),
    "one byte off": (ONE_OFF, ORIGINAL, f"28 unpacked .* expected {ORIGINAL.sha256}"),
    "packed page": (gzip.compress(b"<html>"), None, "not IDX data: "),
    "one byte more": (RAW + b"\0", None, "not IDX data: "),
    "ten terabytes": (TEN_TERABYTES, None, "not IDX data: "),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_named_with_its_cause_and_left_as_it_is(tmp_path: Path, case: str) -> None:
    content, expected, cause = BAD_FILES[case]
    path = tmp_path / "file.gz"
    path.write_bytes(content)
    with pytest.raises(BadFileError, match=cause):
        read_idx(path, expected)
    assert path.read_bytes() == content


def test_no_more_than_the_size_of_the_original_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(RAW + bytes(2**24)))
    tracemalloc.start()
    with pytest.raises(BadFileError, match="not the original data: more than its 28 bytes"):
        read_idx(path, ORIGINAL)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20


def test_a_file_appears_when_it_is_whole_and_its_folder_is_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "file.txt"
    with replacing(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.is_relative_to(path.parent)  # a rename works within one file system
    assert [one.read_text() for one in path.parent.iterdir()] == ["whole"]
