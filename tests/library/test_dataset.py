"""Where images come from: the places that are searched for MNIST, and the synthetic digits."""

from __future__ import annotations

import errno
import gzip
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import digits
from digits import DataError, dataset
from digits.dataset import find
from digits.files import Original
from tests.library.conftest import MNIST_FILES, idx_bytes

Serve = Callable[..., str]
Originals = dict[str, Original]


# MNIST


def test_the_folder_given_is_searched_before_that_of_the_environment(
    small_folder: Path,
    originals: Originals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(tmp_path / "nowhere"))
    assert len(find(small_folder, originals)) == 4
    assert caplog.messages == []
    monkeypatch.setenv("MNIST_DATA_DIR", str(small_folder))
    assert len(find(None, originals)) == 4


@pytest.mark.parametrize("spelling", ["{}", "{}.gz", "{dotted}", "{dotted}.gz"])
def test_of_four_spellings_packed_or_not_the_good_one_is_read(
    small_idx: dict[str, bytes], originals: Originals, tmp_path: Path, spelling: str
) -> None:
    for name, raw in small_idx.items():
        dotted = name.replace("-idx", ".idx")
        for other in (name, f"{name}.gz", dotted, f"{dotted}.gz"):
            (tmp_path / other).write_bytes(b"<html>")
        path = tmp_path / spelling.format(name, dotted=dotted)
        path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    assert len(find(tmp_path, originals)) == 4


def test_a_bad_file_of_the_user_is_left_alone_and_the_next_place_is_tried(
    small_folder: Path,
    originals: Originals,
    cache: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    small_folder.rename(cache)
    own = tmp_path / "own"
    own.mkdir()
    bad = own / "t10k-labels-idx1-ubyte.gz"
    bad.write_bytes(b"<html>")
    assert len(find(own, originals)) == 4
    assert bad.read_bytes() == b"<html>"
    assert f"{bad}: 6 bytes that are neither gzip nor IDX" in caplog.text


def test_the_cache_is_verified_and_what_it_lacks_fetched(
    small_folder: Path,
    originals: Originals,
    serve: Serve,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    cache.mkdir()
    other = gzip.compress(idx_bytes(np.zeros(6, np.uint8)))
    (cache / "train-labels-idx1-ubyte.gz").write_bytes(other)
    first = find(None, originals)
    for path in small_folder.iterdir():
        assert (cache / path.name).read_bytes() == path.read_bytes()
    monkeypatch.setenv("MNIST_MIRRORS", "http://127.0.0.1:1/")
    for name, array in find(None, originals).items():  # all from the cache
        np.testing.assert_array_equal(array, first[name])


def test_when_nothing_serves_every_attempt_and_the_remedy_are_listed(
    originals: Originals, tmp_path: Path, cache: Path
) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(b"<html>moved</html>")
    with pytest.raises(DataError) as caught:
        find(tmp_path, originals)
    for part in (
        f"{tmp_path}/train-images-idx3-ubyte.gz\n    18 bytes that are neither gzip nor IDX",
        f"\n  {tmp_path}/t10k-labels-idx1-ubyte.gz\n    no such file",
        f"\n  {cache}\n    no such folder",
        f"\n  http://127.0.0.1:1/train-images-idx3-ubyte.gz\n    [Errno {errno.ECONNREFUSED}]",
        "Missing:\n  train-images-idx3-ubyte.gz\n",
        "--data-dir or the environment variable MNIST_DATA_DIR",
    ):
        assert part in str(caught.value)


def test_loaded_mnist_has_flat_images_and_labels_in_a_column(
    small_folder: Path,
    small_idx: dict[str, bytes],
    originals: Originals,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dataset, "ORIGINALS", originals)
    data = digits.load("mnist", small_folder)
    assert data.name == "MNIST"
    arrays = (data.train_images, data.train_labels, data.test_images, data.test_labels)
    assert [array.shape for array in arrays] == [(6, 784), (6, 1), (4, 784), (4, 1)]
    for array, raw in zip(arrays, small_idx.values(), strict=True):
        assert array.dtype == np.uint8
        assert raw.endswith(array.tobytes())


def test_an_unknown_data_set_is_refused() -> None:
    with pytest.raises(ValueError, match="one of auto, mnist, synthetic, any; got 'cifar'"):
        digits.load("cifar")


@pytest.mark.parametrize("changed", ["train_images", "train_labels", "test_images", "test_labels"])
def test_the_digest_is_of_all_images_and_labels(tiny_digits: digits.Digits, changed: str) -> None:
    other: dict[str, Any] = {changed: 255 - getattr(tiny_digits, changed)}
    assert replace(tiny_digits, name="another").sha256() == tiny_digits.sha256()
    assert replace(tiny_digits, **other).sha256() != tiny_digits.sha256()


# Any data of the same shapes


def write_set(folder: Path, **changed: np.ndarray) -> Path:
    """Write files of the shapes of MNIST's, `changed` by the first two words of their names."""
    folder.mkdir()
    for name, count in zip(MNIST_FILES, (30, 30, 20, 20), strict=True):
        array = np.arange(count, dtype=np.uint8) % 10
        if "images" in name:
            array = np.full((count, 28, 28), array[:, None, None])
        array = changed.get("_".join(name.split("-")[:2]), array)
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx_bytes(array)))
    return folder


def test_any_data_is_what_the_folder_holds_and_its_name_says_so(tmp_path: Path) -> None:
    data = digits.load("any", write_set(tmp_path / "fashion"))
    assert data.name == "fashion, unverified"
    assert (data.train_images.shape, data.test_images.shape) == ((30, 784), (20, 784))
    assert data.train_labels[:11].ravel().tolist() == [*range(10), 0]
    assert (data.test_images[3] == 3).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"t10k_images": np.zeros((20, 24, 28), np.uint8)},
            r"t10k-images-idx3-ubyte: expected uint8 of shape \(N, 28, 28\), got .* \(20, 24, 28\)",
        ),
        (
            {"train_labels": np.arange(29, dtype=np.uint8) % 10},
            r"train-labels-idx1-ubyte: expected all labels from 0 to 9 in shape \(30,\), got .*29",
        ),
        ({"train_labels": np.arange(1, 31, dtype=np.uint8)}, r"0 to 9 .* got \[1, 2, .* 11\]"),
        ({"t10k_labels": np.full(20, 2, np.uint8)}, r"0 to 9 .* got \[2\]"),
        (
            {"t10k_images": np.zeros((20, 28, 28), np.int8)},
            r"expected uint8 .*, got int8 of shape \(20, 28, 28\)",
        ),
    ],
    ids=["smaller images", "fewer labels", "other labels", "one label", "signed pixels"],
)
def test_any_data_of_another_shape_or_type_is_refused(
    tmp_path: Path, changed: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        digits.load("any", write_set(tmp_path / "other", **changed))


def test_any_data_are_looked_for_in_the_folder_named_alone(
    tmp_path: Path, cache: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_set(cache)
    monkeypatch.setenv("MNIST_DATA_DIR", str(whole))
    monkeypatch.setenv("MNIST_MIRRORS", serve(whole))
    folder = write_set(tmp_path / "fashion")
    for name in MNIST_FILES[2:]:
        (folder / f"{name}.gz").unlink()
    for named, message in (
        (folder, f"{MNIST_FILES[2]}.gz: no such file, packed or not."),
        (tmp_path / "nowhere", "nowhere: no such folder"),
        (None, "--any-data needs --data-dir FOLDER"),
    ):
        with pytest.raises(DataError, match=message):
            digits.load("any", named)


# Synthetic digits


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
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


def test_auto_falls_back_on_synthetic_digits_and_says_so(
    drawn: list[int], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", "http://127.0.0.1:1/,http://127.0.0.1:2/")
    with caplog.at_level(logging.WARNING):
        assert digits.load("auto").name == "synthetic digits"
    assert caplog.messages == [
        "MNIST is not available: synthetic digits take its place. Last tried: "
        f"http://127.0.0.1:2/train-images-idx3-ubyte.gz, [Errno {errno.ECONNREFUSED}] "
        "Connection refused. (--data mnist lists every attempt, and what to do.)"
    ]
    with pytest.raises(DataError):
        digits.load("mnist")


def test_the_first_load_draws_and_the_second_reads_without_a_search_for_mnist(
    drawn: list[int], cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "find", lambda *places: pytest.fail("it looked for MNIST"))
    for data in (digits.load("synthetic"), digits.load("synthetic")):
        assert data.name == "synthetic digits"
        assert data.train_labels[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
        assert data.test_labels[:, 0].tolist() == [6, 7, 8]
        assert (data.train_images == data.train_labels).all()
        assert (data.test_images == data.test_labels).all()
    assert drawn == [9]
    assert [path.name for path in cache.iterdir()] == [dataset.SYNTHETIC_FILE]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", (12, 12), (9, 5)])
def test_a_cache_that_is_damaged_or_of_other_digits_is_drawn_again(
    drawn: list[int], cache: Path, content: bytes | tuple[int, int]
) -> None:
    cache.mkdir()
    if isinstance(content, bytes):
        (cache / dataset.SYNTHETIC_FILE).write_bytes(content)
    else:
        images, labels = np.zeros((content[0], 784)), np.zeros((content[1], 1))
        np.savez(cache / dataset.SYNTHETIC_FILE, images=images, labels=labels)
    for _ in range(2):
        assert digits.load("synthetic").train_images.shape == (6, 784)
    assert drawn == [9]


def test_synthetic_digits_are_there_where_the_cache_cannot_be_written(
    drawn: list[int], cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert len(digits.load("synthetic").train_images) == 6
    assert "cannot be kept" in caplog.text
