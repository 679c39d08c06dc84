"""Where images come from: the places that are searched for MNIST, and the synthetic digits."""

from __future__ import annotations

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
from digits.files import Original, cache_folder, read_folder
from lab.script import parse_options
from tests.library.conftest import MNIST_FILES, idx_bytes, original

ROOT = Path(__file__).resolve().parents[2]
Serve = Callable[..., str]
Originals = dict[str, Original]


# MNIST


def test_the_folder_given_is_searched_before_that_of_the_environment(
    small_folder: Path, originals: Originals, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", "nowhere")
    assert len(find(small_folder, originals)) == 4
    monkeypatch.setenv("MNIST_DATA_DIR", str(small_folder))
    assert len(find(None, originals)) == 4


@pytest.mark.parametrize("spelling", ["{}", "{}.gz", "{dotted}", "{dotted}.gz"])
def test_of_four_spellings_packed_or_not_the_good_one_is_read(
    small_idx: dict[str, bytes],
    originals: Originals,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    spelling: str,
) -> None:
    for name, raw in small_idx.items():
        dotted = name.replace("-idx", ".idx")
        for other in (name, f"{name}.gz", dotted, f"{dotted}.gz"):
            (tmp_path / other).write_bytes(b"<html>")
        path = tmp_path / spelling.format(name, dotted=dotted)
        path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    assert len(find(tmp_path, originals)) == 4
    assert caplog.messages == []


LAYOUTS = {
    "Kaggle": "{name}/{name}",
    "Kaggle, dotted": "{name}/{dotted}",
    "torchvision": "MNIST/raw/{name}.gz",
    "torchvision, MNIST": "raw/{name}",
}


def lay_out(files: dict[str, bytes], folder: Path, layout: str) -> None:
    for name, raw in files.items():
        path = folder / layout.format(name=name, dotted=name.replace("-idx", ".idx"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)


@pytest.mark.parametrize("verified", [True, False], ids=["MNIST", "any data"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layouts_of_other_sources_are_read_and_bad_files_beside_good_ones_do_not_count(
    small_idx: dict[str, bytes], originals: Originals, tmp_path: Path, layout: str, verified: bool
) -> None:
    wanted = originals if verified else dict.fromkeys(originals)
    lay_out(small_idx, tmp_path, LAYOUTS[layout])
    (tmp_path / f"{MNIST_FILES[0]}.gz").write_bytes(b"\x1f\x8b, cut off")
    for name in MNIST_FILES:
        (tmp_path / name).mkdir(exist_ok=True)
    arrays, attempts = read_folder(tmp_path, wanted)
    assert (list(arrays), attempts) == (list(originals), [])


@pytest.mark.parametrize("beside", ["MNIST/raw/{name}", "raw/{name}.gz"])
def test_files_of_two_data_sets_are_not_mixed(
    small_idx: dict[str, bytes], tmp_path: Path, beside: str
) -> None:
    """Other digits lie in the folder itself, without their last file."""
    others = {name: raw[:-1] + b"\xff" for name, raw in small_idx.items()}
    lay_out(others, tmp_path, "{name}.gz")
    lay_out(small_idx, tmp_path, beside)
    (tmp_path / f"{MNIST_FILES[3]}.gz").unlink()
    arrays, attempts = read_folder(tmp_path, dict.fromkeys(small_idx))
    assert attempts == []
    assert [array.flat[-1] for array in arrays.values()] == [raw[-1] for raw in small_idx.values()]


@pytest.mark.parametrize(
    ("held", "others", "shown"),
    [
        ("mnist.npz", "abcd", "a, b, c, d"),
        ("archive.zip", "abcde", "a, b, c, d and 1 more"),
        ("t10k-labels-idx1-ubyte (1).gz", "abcdef", "a, b, c, d and 2 more"),
        ("t10k-labels-idx1-ubyte/", "abc", "a, b, c"),
    ],
)
def test_of_a_missing_file_it_is_said_what_is_there_instead(
    originals: Originals, small_folder: Path, held: str, others: str, shown: str
) -> None:
    (small_folder / f"{MNIST_FILES[3]}.gz").unlink()
    for name in (*others, held):
        (small_folder / name).mkdir() if name.endswith("/") else (small_folder / name).touch()
    _, (attempt,) = read_folder(small_folder, originals)
    assert attempt == (
        str(small_folder),
        f"no such file that can be read, packed or not: {MNIST_FILES[3]}; "
        f"the folder holds {held}, {shown}",
    )


def test_bad_files_where_torchvision_lays_them_are_named(
    originals: Originals, small_idx: dict[str, bytes], tmp_path: Path
) -> None:
    lay_out({name: raw[:-1] for name, raw in small_idx.items()}, tmp_path, "MNIST/raw/{name}")
    _, attempts = read_folder(tmp_path, originals)
    assert [Path(place).name for place, _ in attempts] == list(MNIST_FILES)


def test_a_file_in_place_of_the_folder_is_named_with_its_cause(
    originals: Originals, tmp_path: Path
) -> None:
    path = tmp_path / "archive.zip"
    path.touch()
    arrays, ((place, cause),) = read_folder(path, originals)
    assert (arrays, place) == ({}, str(path))
    assert "irectory" in cause  # the system's words


@pytest.mark.parametrize("option", [True, False], ids=["option", "variables"])
def test_a_tilde_is_the_home_in_every_path_of_a_user(
    small_folder: Path,
    originals: Originals,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: bool,
) -> None:
    for variable in ("HOME", "USERPROFILE"):  # the latter on Windows
        monkeypatch.setenv(variable, str(tmp_path))
    if option:
        options = parse_options(None, ["--out=~/a", "--data-dir=~/small"], training=True)
        assert (options.out, options.data_dir) == (tmp_path / "a", small_folder)
    else:
        monkeypatch.setenv("MNIST_CACHE_DIR", "~/a")
        monkeypatch.setenv("MNIST_DATA_DIR", "~/small")
        assert cache_folder() == tmp_path / "a"
    assert len(find("~/small" if option else None, originals)) == 4


def test_every_option_that_is_a_path_is_read_as_one_of_a_user() -> None:
    rooms = "lab", "course", "report", "explore", "reproduce", "benchmarks"
    for path in [
        *ROOT.glob("*.py"),
        *(path for room in rooms for path in (ROOT / room).rglob("*.py")),
    ]:
        assert "type=Path" not in path.read_text(encoding="utf-8"), path


def no_home(app: str) -> str:
    raise RuntimeError("could not determine the home directory")


@pytest.mark.parametrize(
    "user_cache_dir",
    [no_home, lambda app: f"~no-such-user/.cache/{app}", lambda app: f"{__file__}/{app}"],
    ids=["no home", "no home, left as it is", "a home that cannot be written"],
)
def test_without_a_cache_mnist_is_fetched_for_one_run_and_one_line_says_so(
    small_folder: Path,
    originals: Originals,
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    user_cache_dir: Callable[[str], str],
) -> None:
    monkeypatch.delenv("MNIST_CACHE_DIR")
    monkeypatch.setattr("digits.files.user_cache_dir", user_cache_dir)
    with pytest.raises(DataError):
        find(None, originals)
    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    assert len(find(None, originals)) == 4
    (message,) = caplog.messages
    assert "MNIST files were fetched for this run only, for they cannot be kept: " in message
    assert message.endswith("Set MNIST_CACHE_DIR to a folder that can be written.")


def test_a_full_disk_costs_one_line(
    small_folder: Path,
    originals: Originals,
    serve: Serve,
    cache: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(path: Path, content: bytes) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("MNIST_MIRRORS", serve(small_folder))
    monkeypatch.setattr(Path, "write_bytes", full)
    assert len(find(None, originals)) == 4
    assert len(caplog.messages) == 1
    assert "No space left" in caplog.text
    assert list(cache.iterdir()) == []


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


def test_a_bad_file_is_left_alone_and_after_every_place_all_attempts_and_the_remedy_are_listed(
    small_folder: Path,
    originals: Originals,
    tmp_path: Path,
    cache: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bad = tmp_path / "train-images-idx3-ubyte.gz"
    bad.write_bytes(b"<html>moved</html>")
    with pytest.raises(DataError) as caught:
        find(tmp_path, originals)
    for part in (
        f"{bad}\n    18 bytes that are neither gzip nor IDX",
        f"\n  {cache}\n    no such folder",
        f"\n  http://127.0.0.1:1/{bad.name}\n    [",  # the system's number and words
        "--data-dir or the environment variable MNIST_DATA_DIR",
    ):
        assert part in str(caught.value)
    small_folder.rename(cache)
    assert len(find(tmp_path, originals)) == 4
    assert bad.read_bytes() == b"<html>moved</html>"
    assert f"{bad}: 18 bytes that are neither gzip nor IDX" in caplog.text
    assert "Looking elsewhere." in caplog.text


def test_loaded_mnist_has_flat_images_and_labels_in_a_column(
    small_folder: Path, small_idx: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dataset, "ORIGINALS", {n: original(raw) for n, raw in small_idx.items()})
    data = digits.load("mnist", small_folder)
    assert data.name == "MNIST"
    arrays = (data.train_images, data.train_labels, data.test_images, data.test_labels)
    assert [array.shape for array in arrays] == [(6, 784), (6, 1), (4, 784), (4, 1)]
    for array, raw in zip(arrays, small_idx.values(), strict=True):
        assert array.dtype == np.uint8
        assert raw.endswith(array.tobytes())


def test_the_digest_is_of_all_images_and_labels(tiny_digits: digits.Digits) -> None:
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        changed: dict[str, Any] = {name: 255 - getattr(tiny_digits, name)}
        assert replace(tiny_digits, **changed).sha256() != tiny_digits.sha256(), name


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
    assert data.train_labels[:11].ravel().tolist() == [*range(10), 0]
    assert data.train_images.shape == (30, 784)
    assert (data.test_images[3] == 3).all()


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("t10k_images", np.zeros((20, 24, 28), np.uint8), r"t10k-images.*: .* \(20, 24, 28\)"),
        ("t10k_images", np.full((20, 28, 29), 9, np.uint8), r"t10k-images.*: .* \(20, 28, 29\)"),
        ("t10k_images", np.zeros((20, 28, 28), np.int8), "expected uint8 .*, got int8"),
        ("train_images", np.ones((30, 28, 28), np.uint8), "none above 1.*not yet divided by 255"),
        ("t10k_images", np.zeros((20, 28, 28), np.uint8), "none above 1.*not yet divided by 255"),
        ("train_labels", np.arange(29, dtype=np.uint8) % 10, r"in shape \(30,\), got .*29"),
        ("train_labels", np.arange(31, dtype=np.uint8) % 10, r"in shape \(30,\), got .*31"),
        ("t10k_labels", np.arange(20, dtype=np.uint8) % 9, r"from 0 to 9 .* got \[0, 1, .*, 8\]"),
        ("t10k_labels", np.full(20, 2, np.uint8), r"all labels from 0 to 9 .* got \[2\]"),
        ("t10k_labels", np.arange(20, dtype=np.uint8), r"got \[0, 1, .*, 10\] in shape \(20,\)"),
    ],
)
def test_any_data_of_another_shape_or_type_is_refused(
    tmp_path: Path, name: str, array: np.ndarray, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        digits.load("any", write_set(tmp_path / "other", **{name: array}))


def test_any_data_are_looked_for_in_the_folder_named_alone(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MNIST_DATA_DIR", str(write_set(cache)))
    with pytest.raises(DataError, match="--any-data needs --data-dir FOLDER"):
        digits.load("any")
    folder = write_set(tmp_path / "fashion")
    (folder / f"{MNIST_FILES[2]}.gz").unlink()
    with pytest.raises(DataError, match=f"no such file .*: {MNIST_FILES[2]}"):
        digits.load("any", folder)
    (folder / f"{MNIST_FILES[0]}.gz").write_bytes(b"<html>")  # the first of two faults is told
    with pytest.raises(DataError, match=f"{MNIST_FILES[0]}.gz: 6 bytes that are neither"):
        digits.load("any", folder)


# Synthetic digits


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The counts of digits that were drawn, in place of drawing thousands."""
    counts: list[int] = []

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        counts.append(count)
        labels = np.arange(count, dtype=np.uint8).reshape(-1, 1)
        return np.repeat(labels, 784, axis=1), labels

    assert (dataset.TRAIN, dataset.TEST) == (20_000, 10_000)  # as the assignment has it
    monkeypatch.setattr(dataset, "synthetic_digits", draw)
    monkeypatch.setattr(dataset, "TRAIN", 6)
    monkeypatch.setattr(dataset, "TEST", 3)
    return counts


def test_auto_falls_back_on_synthetic_digits_and_says_so(
    drawn: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert digits.load("auto").name == "synthetic digits"
    (message,) = caplog.messages
    assert "synthetic digits take its place. Last tried: http://127.0.0.1:1/train-images" in message
    with pytest.raises(DataError):
        digits.load("mnist")


@pytest.mark.parametrize("count", [None, 0, 12], ids=["no file", "no digits", "more digits"])
def test_the_first_load_draws_and_the_second_reads_without_a_search_for_mnist(
    drawn: list[int], cache: Path, monkeypatch: pytest.MonkeyPatch, count: int | None
) -> None:
    monkeypatch.setattr(dataset, "find", lambda *places: pytest.fail("it looked for MNIST"))
    cache.mkdir()
    if count is not None:
        path = cache / dataset.SYNTHETIC_FILE
        np.savez(path, images=np.zeros((count, 784)), labels=np.zeros((count, 1)))
    for data in (digits.load("synthetic"), digits.load("synthetic")):
        assert data.name == "synthetic digits"
        assert data.train_labels[:, 0].tolist() == [0, 1, 2, 3, 4, 5]
        assert data.test_labels[:, 0].tolist() == [6, 7, 8]
        assert (data.train_images == data.train_labels).all()
        assert (data.test_images == data.test_labels).all()
    assert drawn == [9]


@pytest.mark.parametrize("home", [True, False], ids=["a file in its place", "no home"])
def test_synthetic_digits_are_there_where_the_cache_cannot_be_written(
    drawn: list[int],
    cache: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    home: bool,
) -> None:
    cache.write_text("a file where the folder should be")
    if not home:
        monkeypatch.delenv("MNIST_CACHE_DIR")
        monkeypatch.setattr("digits.files.user_cache_dir", no_home)
    with caplog.at_level(logging.WARNING):
        assert len(digits.load("synthetic").train_images) == 6
    (message,) = caplog.messages
    assert "cannot be kept" in message
    assert "MNIST_CACHE_DIR" in message
