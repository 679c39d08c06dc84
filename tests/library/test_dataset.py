"""Where images come from: the places that are searched for MNIST, and the synthetic digits."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

import digits
from digits import DataError, dataset
from digits.dataset import find
from digits.files import cache_folder, read_folder
from lab.script import parse_options
from tests.library.conftest import NAMES, ORIGINALS, SMALL, Log, Patch, Serve, idx_bytes, lay_out

ROOT = Path(__file__).resolve().parents[2]


def test_the_order_of_the_folders(small_folder: Path, tmp_path: Path, monkeypatch: Patch) -> None:
    for variable in ("HOME", "USERPROFILE"):  # the latter on Windows
        monkeypatch.setenv(variable, str(tmp_path))
    options = parse_options(None, ["--out=~/a", "--data-dir=~/small"], training=True)
    assert (options.out, options.data_dir) == (tmp_path / "a", small_folder)
    monkeypatch.setenv("MNIST_DATA_DIR", "nowhere")
    assert len(find("~/small", ORIGINALS)) == 4
    monkeypatch.setenv("MNIST_DATA_DIR", "~/small")
    assert len(find(None, ORIGINALS)) == 4
    monkeypatch.setenv("MNIST_CACHE_DIR", "~/a")
    assert cache_folder() == tmp_path / "a"


def test_every_option_that_is_a_path_is_read_as_one_of_a_user() -> None:
    rooms = "lab", "course", "report", "explore", "reproduce", "benchmarks"
    paths = [*ROOT.glob("*.py"), *(path for room in rooms for path in (ROOT / room).rglob("*.py"))]
    assert [path for path in paths if "type=Path" in path.read_text("utf-8")] == []


LAYOUTS = (
    *("{name}", "{name}.gz", "{dotted}", "{dotted}.gz"),
    *("{name}/{name}", "{name}/{dotted}"),  # Kaggle's
    *("MNIST/raw/{name}.gz", "raw/{name}"),  # torchvision's
)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layouts_of_all_sources_are_read_beside_bad_files(tmp_path: Path, layout: str) -> None:
    for bad in ("{name}.gz", "{dotted}"):
        lay_out(dict.fromkeys(SMALL, b"<html>"), tmp_path, bad)
    arrays, attempts = read_folder(lay_out(SMALL, tmp_path, layout), ORIGINALS)
    assert (list(arrays), attempts) == (list(ORIGINALS), [])


def test_files_of_two_data_sets_are_not_mixed(tmp_path: Path) -> None:
    """Other digits lie in the folder itself, without their last file."""
    lay_out({name: SMALL[name][:-1] + b"\xff" for name in NAMES[:3]}, tmp_path)
    arrays, attempts = read_folder(lay_out(SMALL, tmp_path, "raw/{name}"), dict.fromkeys(SMALL))
    assert attempts == []
    assert [array.flat[-1] for array in arrays.values()] == [raw[-1] for raw in SMALL.values()]


def test_of_a_missing_file_it_is_said_what_is_there_instead(small_folder: Path) -> None:
    missing = NAMES[3]
    (small_folder / f"{missing}.gz").rename(small_folder / f"{missing} (1).gz")
    (small_folder / missing).mkdir()
    for name in ("archive.zip", "mnist.npz", "a", "b"):
        (small_folder / name).touch()
    _, ((place, cause),) = read_folder(small_folder, ORIGINALS)
    assert place == str(small_folder)
    held = f"archive.zip, mnist.npz, {missing} (1).gz, {missing}/, a and 1 more"
    assert cause.endswith(f" packed or not: {missing}; the folder holds {held}")
    _, ((_, cause),) = read_folder(small_folder / "archive.zip", ORIGINALS)
    assert "irectory" in cause  # the system's words


@pytest.mark.parametrize("home", ["~no-such-user", __file__, ""])
def test_mnist_can_be_fetched_for_one_run(
    small_folder: Path, tmp_path: Path, serve: Serve, caplog: Log, monkeypatch: Patch, home: str
) -> None:
    """There is no home, or it is no folder, or the disk is full."""
    monkeypatch.delenv("MNIST_CACHE_DIR")
    monkeypatch.setattr("digits.files.user_cache_dir", lambda app: f"{home or tmp_path}/cache")
    monkeypatch.setattr(Path, "write_bytes", Mock(side_effect=OSError))
    with pytest.raises(DataError):
        find(None, ORIGINALS)
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    assert len(find(None, ORIGINALS)) == 4
    (message,) = caplog.messages
    assert "were fetched for this run only, for they cannot be kept: " in message
    assert message.endswith("Set MNIST_CACHE_DIR to a folder that can be written.")
    assert list(tmp_path.glob("cache/*")) == []


def test_the_cache_is_verified_and_what_it_lacks_fetched(
    small_folder: Path, serve: Serve, cache: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    lay_out({NAMES[1]: idx_bytes(np.zeros(6, np.uint8))}, cache)
    first = find(None, ORIGINALS)
    for path in small_folder.iterdir():
        assert (cache / path.name).read_bytes() == path.read_bytes()
    monkeypatch.setenv("MNIST_MIRRORS", "http://127.0.0.1:1/")
    for name, array in find(None, ORIGINALS).items():  # all from the cache
        np.testing.assert_array_equal(array, first[name])


def test_attempts_are_listed(small_folder: Path, tmp_path: Path, cache: Path, caplog: Log) -> None:
    bad = tmp_path / "MNIST" / "raw" / f"{NAMES[0]}.gz"  # where torchvision lays it
    bad.parent.mkdir(parents=True)
    bad.write_bytes(b"<html>moved</html>")
    with pytest.raises(DataError) as caught:
        find(tmp_path, ORIGINALS)
    for part in (
        f"{bad}\n    18 bytes that are neither gzip nor IDX",
        f"\n  {cache}\n    no such folder",
        f"\n  http://127.0.0.1:1/{bad.name}\n    [",  # the system's number and words
        "--data-dir or the environment variable MNIST_DATA_DIR",
    ):
        assert part in str(caught.value)
    small_folder.rename(cache)
    assert len(find(tmp_path, ORIGINALS)) == 4
    assert bad.read_bytes() == b"<html>moved</html>"
    assert f"{bad}: 18 bytes that are neither gzip nor IDX" in caplog.text
    assert "Looking elsewhere." in caplog.text


@pytest.mark.parametrize(("choice", "name"), [("mnist", "MNIST"), ("any", "small, unverified")])
def test_what_is_loaded(small_folder: Path, monkeypatch: Patch, choice: str, name: str) -> None:
    monkeypatch.setattr(dataset, "ORIGINALS", ORIGINALS)
    data = digits.load(choice, small_folder)
    assert data.name == name
    arrays = (data.train_images, data.train_labels, data.test_images, data.test_labels)
    assert [array.shape for array in arrays] == [(12, 784), (12, 1), (10, 784), (10, 1)]
    for array, raw in zip(arrays, SMALL.values(), strict=True):
        assert array.dtype == np.uint8
        assert raw.endswith(array.tobytes())


def test_the_digest_is_of_all_images_and_labels(tiny_digits: digits.Digits) -> None:
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        changed: dict[str, Any] = {name: 255 - getattr(tiny_digits, name)}
        assert replace(tiny_digits, **changed).sha256() != tiny_digits.sha256(), name


TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = NAMES[1:]
LABELS = np.arange(12, dtype=np.uint8)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        (TEST_IMAGES, np.full((10, 28, 29), 9, np.uint8), r"t10k-images.*: .* \(10, 28, 29\)"),
        (TEST_IMAGES, np.full((10, 28, 27), 9, np.uint8), r"t10k-images.*: .* \(10, 28, 27\)"),
        (TEST_IMAGES, np.zeros((10, 28, 28), np.int8), "expected uint8 .*, got int8"),
        (TEST_IMAGES, np.ones((10, 28, 28), np.uint8), "none above 1.*not yet divided by 255"),
        (TEST_IMAGES, np.zeros((10, 28, 28), np.uint8), "none above 1"),
        (TRAIN_LABELS, LABELS[:11] % 10, r"in shape \(12,\), got .*11"),
        (TRAIN_LABELS, np.resize(LABELS, 13) % 10, r"in shape \(12,\), got .*13"),
        (TRAIN_LABELS, LABELS % 9, r"from 0 to 9 .* got \[0, 1, .*, 8\]"),
        (TRAIN_LABELS, LABELS, r"got \[0, 1, .*, 10\] in shape \(12,\)"),
    ],
)
def test_other_data_are_refused(tmp_path: Path, name: str, array: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        digits.load("any", lay_out(SMALL | {name: idx_bytes(array)}, tmp_path))


def test_any_data_need_their_folder(small_folder: Path, tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(small_folder))
    with pytest.raises(DataError, match="--any-data needs --data-dir FOLDER"):
        digits.load("any")
    lay_out(SMALL, tmp_path)
    (tmp_path / f"{TEST_IMAGES}.gz").unlink()
    with pytest.raises(DataError, match=f"no such file .*: {TEST_IMAGES}"):
        digits.load("any", tmp_path)
    (tmp_path / f"{TRAIN_LABELS}.gz").write_bytes(b"<html>")  # the first of two faults is told
    with pytest.raises(DataError, match=f"{TRAIN_LABELS}.gz: 6 bytes that are neither"):
        digits.load("any", tmp_path)


@pytest.fixture
def draw(monkeypatch: Patch) -> Mock:
    """Draws nine digits in place of thousands, and counts how often."""
    labels = np.arange(9, dtype=np.uint8).reshape(-1, 1)
    mock = Mock(return_value=(np.repeat(labels, 784, axis=1), labels))
    assert (dataset.TRAIN, dataset.TEST) == (20_000, 10_000)  # as the assignment has it
    for name, value in {"TRAIN": 6, "TEST": 3, "synthetic_digits": mock}.items():
        monkeypatch.setattr(dataset, name, value)
    return mock


@pytest.mark.usefixtures("draw")
def test_auto_falls_back_on_synthetic_digits_and_says_so(caplog: Log) -> None:
    with caplog.at_level(logging.WARNING):
        assert digits.load("auto").name == "synthetic digits"
    (message,) = caplog.messages
    assert "synthetic digits take its place. Last tried: http://127.0.0.1:1/train-images" in message
    with pytest.raises(DataError):
        digits.load("mnist")


@pytest.mark.parametrize("count", [0, 12])
def test_synthetic_digits_are_kept(draw: Mock, cache: Path, monkeypatch: Patch, count: int) -> None:
    """Also where the cache holds fewer or more digits."""
    monkeypatch.setattr(dataset, "find", lambda *places: pytest.fail("it looked for MNIST"))
    cache.mkdir()
    path = cache / dataset.SYNTHETIC_FILE
    np.savez(path, images=np.zeros((count, 784)), labels=np.zeros((count, 1)))
    for data in (digits.load("synthetic"), digits.load("synthetic")):
        assert data.name == "synthetic digits"
        assert data.train_labels[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
        assert data.test_labels[:, 0].tolist() == [6, 7, 8]
        assert (data.train_images == data.train_labels).all()
        assert (data.test_images == data.test_labels).all()
    draw.assert_called_once_with(9)
