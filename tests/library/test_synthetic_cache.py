"""The synthetic stand-in is made once and kept, whatever happens to the cache."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digits import synthetic_cache


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The counts of digits that were drawn, in place of drawing thousands."""
    counts: list[int] = []

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        counts.append(count)
        labels = np.arange(count, dtype=np.uint8).reshape(-1, 1)
        return np.repeat(labels, 784, axis=1), labels

    monkeypatch.setattr(synthetic_cache, "synthetic_digits", draw)
    monkeypatch.setattr(synthetic_cache, "TRAIN", 6)
    monkeypatch.setattr(synthetic_cache, "TEST", 3)
    return counts


def test_the_first_load_draws_and_the_second_reads(made: list[int], cache: Path) -> None:
    first, second = synthetic_cache.load(), synthetic_cache.load()
    assert made == [9]
    assert [path.name for path in cache.iterdir()] == [synthetic_cache.FILE]
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a, b)
    assert [len(array) for array in first] == [6, 6, 3, 3]
    assert first[3][:, 0].tolist() == [6, 7, 8]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_a_damaged_cache_is_made_anew(made: list[int], cache: Path, content: bytes) -> None:
    cache.mkdir()
    (cache / synthetic_cache.FILE).write_bytes(content)
    synthetic_cache.load()
    synthetic_cache.load()
    assert made == [9]


@pytest.mark.parametrize("change", ["shape", "dtype", "name"])
def test_arrays_of_another_kind_are_made_anew(made: list[int], cache: Path, change: str) -> None:
    images, labels = np.zeros((9, 784), np.uint8), np.zeros((9, 1), np.uint8)
    arrays: dict[str, dict[str, Any]] = {
        "shape": {"images": images[:8], "labels": labels},
        "dtype": {"images": images, "labels": labels.astype(np.int8)},
        "name": {"pictures": images, "labels": labels},
    }
    cache.mkdir()
    np.savez(cache / synthetic_cache.FILE, **arrays[change])
    synthetic_cache.load()
    assert made == [9]


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    made: list[int], cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert len(synthetic_cache.load()[0]) == 6
    assert "cannot be kept" in caplog.text
