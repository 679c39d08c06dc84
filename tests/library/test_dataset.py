"""Where images come from: the places that are searched for MNIST, and the synthetic digits."""

from __future__ import annotations

import errno
import gzip
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import digits
from digits import DataError, dataset
from digits.dataset import find
from digits.files import Original

Serve = Callable[..., str]


def test_files_are_found_in_the_folder_given(
    small_folder: Path, originals: dict[str, Original]
) -> None:
    arrays = find(small_folder, originals)
    assert [arrays[name].shape for name in originals] == [(6, 28, 28), (6,), (4, 28, 28), (4,)]


def test_the_environment_names_the_folder_when_the_caller_does_not(
    small_folder: Path, originals: dict[str, Original], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(small_folder))
    assert len(find(None, originals)) == 4


@pytest.mark.parametrize("spelling", ["{}", "{}.gz", "{dotted}", "{dotted}.gz"])
def test_unpacked_files_and_names_with_a_dot_are_found_too(
    small_folder: Path, originals: dict[str, Original], spelling: str
) -> None:
    for name in originals:
        packed = small_folder / f"{name}.gz"
        content = packed.read_bytes()
        packed.unlink()
        target = small_folder / spelling.format(name, dotted=name.replace("-idx", ".idx"))
        target.write_bytes(content if target.suffix == ".gz" else gzip.decompress(content))
    assert len(find(small_folder, originals)) == 4


def test_what_the_folder_lacks_comes_from_the_cache(
    small_folder: Path, originals: dict[str, Original], cache: Path
) -> None:
    cache.mkdir()
    for name in list(originals)[2:]:
        (small_folder / f"{name}.gz").rename(cache / f"{name}.gz")
    assert len(find(small_folder, originals)) == 4


def test_a_bad_file_of_the_user_is_left_alone_and_the_next_place_is_tried(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    own = tmp_path / "own"
    own.mkdir()
    bad = own / "t10k-labels-idx1-ubyte.gz"
    bad.write_bytes(b"<html>")
    assert len(find(own, originals)) == 4
    assert bad.read_bytes() == b"<html>"
    assert f"{bad}: 6 bytes that are neither gzip nor IDX" in caplog.text


def test_a_damaged_file_in_the_cache_is_fetched_again(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    cache.mkdir()
    name = "train-labels-idx1-ubyte"
    (cache / f"{name}.gz").write_bytes(b"\x1f\x8b damaged")
    find(None, originals)
    assert (cache / f"{name}.gz").read_bytes() == (small_folder / f"{name}.gz").read_bytes()


def test_the_mirror_is_not_asked_for_what_the_cache_has(
    small_folder: Path,
    originals: dict[str, Original],
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    first = find(None, originals)
    monkeypatch.setenv("MNIST_MIRRORS", "http://127.0.0.1:1/")
    second = find(None, originals)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name])


def test_when_nothing_serves_every_attempt_and_the_remedy_are_listed(
    originals: dict[str, Original], tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"<html>moved</html>")
    with pytest.raises(DataError) as caught:
        find(tmp_path, originals)
    message = str(caught.value)
    for part in (
        f"{tmp_path}/train-images-idx3-ubyte.gz\n    18 bytes that are neither gzip nor IDX",
        "they begin b'<html>moved</html>'",
        f"{tmp_path}/t10k-labels-idx1-ubyte.gz\n    no such file",
        f"{cache}\n    no such folder",
        f"http://127.0.0.1:1/train-images-idx3-ubyte.gz\n    [Errno {errno.ECONNREFUSED}]",
        "Missing:\n  train-images-idx3-ubyte.gz\n",
        "--data-dir",
        "MNIST_DATA_DIR",
    ):
        assert part in message


def test_auto_stands_in_with_synthetic_digits_and_says_so(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    stand_in = tuple(np.zeros(shape, np.uint8) for shape in ((2, 784), (2, 1)) * 2)
    monkeypatch.setattr(dataset, "_synthetic", lambda: digits.Digits("synthetic digits", *stand_in))
    with caplog.at_level(logging.WARNING):
        assert digits.load("auto").name == "synthetic digits"
    assert "MNIST is not available: synthetic digits take its place" in caplog.text
    with pytest.raises(DataError):
        digits.load("mnist")


def test_loaded_mnist_has_flat_images_and_labels_in_a_column(
    small_folder: Path, originals: dict[str, Original], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "ORIGINALS", originals)
    data = digits.load("mnist", small_folder)
    assert data.name == "MNIST"
    assert data.train_images.shape == (6, 784)
    assert data.train_labels.shape == (6, 1)
    assert data.test_images.shape == (4, 784)
    assert data.test_labels.shape == (4, 1)
    assert data.train_images.dtype == data.train_labels.dtype == np.uint8


def test_an_unknown_data_set_is_refused() -> None:
    with pytest.raises(ValueError, match="expected one of auto, mnist, synthetic, got 'cifar'"):
        digits.load("cifar")


# The synthetic digits are drawn once and kept


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The counts of digits that were drawn, in place of drawing thousands."""
    counts: list[int] = []

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        counts.append(count)
        labels = np.arange(count, dtype=np.uint8).reshape(-1, 1)
        return np.repeat(labels, 784, axis=1), labels

    monkeypatch.setattr(dataset, "synthetic_digits", draw)
    monkeypatch.setattr(dataset, "TRAIN", 6)
    monkeypatch.setattr(dataset, "TEST", 3)
    return counts


def test_the_first_load_draws_and_the_second_reads(made: list[int], cache: Path) -> None:
    first, second = digits.load("synthetic"), digits.load("synthetic")
    assert made == [9]
    assert [path.name for path in cache.iterdir()] == [dataset.SYNTHETIC_FILE]
    assert first.sha256() == second.sha256()
    assert [len(first.train_images), len(first.test_images)] == [6, 3]
    assert first.train_labels[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert first.test_labels[:, 0].tolist() == [6, 7, 8]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_a_damaged_cache_is_made_anew(made: list[int], cache: Path, content: bytes) -> None:
    cache.mkdir()
    (cache / dataset.SYNTHETIC_FILE).write_bytes(content)
    digits.load("synthetic")
    digits.load("synthetic")
    assert made == [9]


def test_a_cache_of_other_images_is_drawn_again(made: list[int], cache: Path) -> None:
    cache.mkdir()
    np.savez(cache / dataset.SYNTHETIC_FILE, images=np.zeros((5, 3)), labels=np.zeros(2))
    assert digits.load("synthetic").train_images.shape == (6, 784)
    assert made == [9]


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    made: list[int], cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert len(digits.load("synthetic").train_images) == 6
    assert "cannot be kept" in caplog.text
