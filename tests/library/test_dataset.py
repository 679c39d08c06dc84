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


def test_of_two_spellings_of_a_file_the_first_good_one_is_read(
    small_folder: Path, originals: dict[str, Original], caplog: pytest.LogCaptureFixture
) -> None:
    for name in originals:
        (small_folder / name).write_bytes(b"<html>")
    assert len(find(small_folder, originals)) == 4
    assert caplog.messages == []


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
        "MNIST is not available. Tried:\n  ",
        f"\n  {tmp_path}/train-images-idx3-ubyte.gz\n    18 bytes that are neither gzip nor IDX",
        "the first are b'<html>moved</html>'",
        f"\n  {tmp_path}/t10k-labels-idx1-ubyte.gz\n    no such file",
        f"\n  {cache}\n    no such folder",
        f"\n  http://127.0.0.1:1/train-images-idx3-ubyte.gz\n    [Errno {errno.ECONNREFUSED}]",
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
    with pytest.raises(ValueError, match="one of auto, mnist, synthetic, any; got 'cifar'"):
        digits.load("cifar")


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


def test_any_data_needs_the_folder_to_be_named(
    small_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(small_folder))
    with pytest.raises(DataError, match="--any-data needs --data-dir FOLDER"):
        digits.load("any")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"t10k_images": np.zeros((20, 32, 32), np.uint8)},
            r"t10k-images-idx3-ubyte: expected uint8 of shape \(N, 28, 28\), got .* \(20, 32, 32\)",
        ),
        ({"t10k_images": np.zeros((20, 24, 28), np.uint8)}, r"got uint8 of shape \(20, 24, 28\)"),
        (
            {"train_labels": np.arange(29, dtype=np.uint8) % 10},
            r"train-labels-idx1-ubyte: expected all labels from 0 to 9 in shape \(30,\), got .*29",
        ),
        ({"train_labels": np.arange(31, dtype=np.uint8) % 10}, r"in shape \(30,\), got .*31"),
        ({"train_labels": np.arange(30, dtype=np.uint8) % 9}, r"0 to 9 .* got \[0, .* 8\]"),
        ({"train_labels": np.arange(1, 31, dtype=np.uint8)}, r"0 to 9 .* got \[1, 2, .* 11\]"),
        ({"t10k_labels": np.full(20, 2, np.uint8)}, r"0 to 9 .* got \[2\]"),
    ],
    ids=[
        "larger images",
        "smaller images",
        "fewer labels",
        "more labels",
        "no label 9",
        "other labels",
        "one label",
    ],
)
def test_any_data_of_another_shape_is_refused(
    tmp_path: Path, changed: dict[str, np.ndarray], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        digits.load("any", write_set(tmp_path / "other", **changed))


def test_any_data_of_another_type_is_refused(tmp_path: Path) -> None:
    folder = write_set(tmp_path / "signed")
    path = folder / f"{MNIST_FILES[2]}.gz"
    raw = bytearray(gzip.decompress(path.read_bytes()))
    raw[2] = 9  # signed bytes
    path.write_bytes(gzip.compress(raw))
    with pytest.raises(DataError, match=r"expected uint8 .*, got int8 of shape \(20, 28, 28\)"):
        digits.load("any", folder)


def test_a_file_missing_from_any_data_is_looked_for_nowhere_else(
    tmp_path: Path, cache: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = write_set(cache)
    monkeypatch.setenv("MNIST_DATA_DIR", str(whole))
    monkeypatch.setenv("MNIST_MIRRORS", serve(whole))
    folder = write_set(tmp_path / "fashion")
    for name in MNIST_FILES[2:]:
        (folder / f"{name}.gz").unlink()
    with pytest.raises(DataError, match=f"{MNIST_FILES[2]}.gz: no such file, packed or not."):
        digits.load("any", folder)
    with pytest.raises(DataError, match="nowhere: no such folder"):
        digits.load("any", tmp_path / "nowhere")


@pytest.mark.parametrize("changed", ["train_images", "train_labels", "test_images", "test_labels"])
def test_the_digest_is_of_all_images_and_labels(tiny_digits: digits.Digits, changed: str) -> None:
    other: dict[str, Any] = {changed: 255 - getattr(tiny_digits, changed)}
    assert replace(tiny_digits, name="another").sha256() == tiny_digits.sha256()
    assert replace(tiny_digits, **other).sha256() != tiny_digits.sha256()


# The synthetic digits are drawn once and kept


def test_synthetic_digits_are_20_000_to_train_on_and_10_000_held_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        return np.zeros((count, 784), np.uint8), np.zeros((count, 1), np.uint8)

    monkeypatch.setattr(dataset, "synthetic_digits", draw)
    data = digits.load("synthetic")
    assert (len(data.train_images), len(data.train_labels)) == (20_000, 20_000)
    assert (len(data.test_images), len(data.test_labels)) == (10_000, 10_000)


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


def test_where_synthetic_digits_are_asked_for_mnist_is_not_looked_for(
    made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "find", lambda *places: pytest.fail("it looked for MNIST"))
    assert digits.load("synthetic").name == "synthetic digits"


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"no archive at all"])
def test_a_damaged_cache_is_made_anew(made: list[int], cache: Path, content: bytes) -> None:
    cache.mkdir()
    (cache / dataset.SYNTHETIC_FILE).write_bytes(content)
    digits.load("synthetic")
    digits.load("synthetic")
    assert made == [9]


@pytest.mark.parametrize(
    ("image_shape", "label_shape"), [((12, 784), (12, 1)), ((9, 3), (9, 1)), ((9, 784), (5, 1))]
)
def test_a_cache_of_other_images_is_drawn_again(
    made: list[int], cache: Path, image_shape: tuple[int, int], label_shape: tuple[int, int]
) -> None:
    cache.mkdir()
    images, labels = np.zeros(image_shape), np.zeros(label_shape)
    np.savez(cache / dataset.SYNTHETIC_FILE, images=images, labels=labels)
    assert digits.load("synthetic").train_images.shape == (6, 784)
    assert made == [9]


def test_synthetic_digits_are_there_where_the_cache_cannot_be_written(
    made: list[int], cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING):
        assert len(digits.load("synthetic").train_images) == 6
    assert "cannot be kept" in caplog.text
