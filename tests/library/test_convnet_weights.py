"""Weights in a file: all of them or none, and no file that `save` did not write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convnet import weights
from convnet.layers import BatchNorm1d, Layer, Linear, ReLU
from convnet.network import Sequential


def network(seed: int, hidden: int = 4, *more: Layer) -> Sequential:
    rng = np.random.default_rng(seed)
    return Sequential([Linear(3, hidden, rng), *more, ReLU(), Linear(hidden, 2, rng)])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the weights of `network(1)`."""
    path = tmp_path / "some folder" / "weights.npz"
    weights.save(path, network(1))
    return path


def test_weights_come_back_as_they_were(path: Path) -> None:
    model = network(2)
    w = model.w
    weights.load(path, model)
    assert model.w is w
    np.testing.assert_array_equal(model.w, network(1).w)


def test_the_entries_have_readable_names_and_need_no_pickle(path: Path) -> None:
    with np.load(path, allow_pickle=False) as archive:
        shapes = {name: archive[name].shape for name in archive.files}
    assert shapes == {
        "0.Linear.weight": (3, 4),
        "0.Linear.bias": (4,),
        "2.Linear.weight": (4, 2),
        "2.Linear.bias": (2,),
    }


def test_running_means_are_kept(tmp_path: Path) -> None:
    model = network(1, 4, BatchNorm1d(4))
    model.training = True
    model.forward(np.eye(3, dtype=np.float32))
    weights.save(tmp_path / "w.npz", model)
    other = network(2, 4, BatchNorm1d(4))
    weights.load(tmp_path / "w.npz", other)
    assert other.matching("*.mean")[0].value.any()
    np.testing.assert_array_equal(other.w, model.w)


def test_any_file_name_will_do(tmp_path: Path) -> None:
    weights.save(tmp_path / "weights", network(1))
    assert [path.name for path in tmp_path.iterdir()] == ["weights"]
    weights.load(tmp_path / "weights", network(2))


def test_a_save_that_fails_leaves_the_old_file(path: Path, monkeypatch: Any) -> None:
    before = path.read_bytes()

    def savez(file: Any, **arrays: np.ndarray) -> None:
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", savez)
    with pytest.raises(OSError, match="No space left"):
        weights.save(path, network(2))
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["weights.npz"]


def npz(**arrays: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        np.savez(path, **arrays)

    return write


def npy(path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, np.zeros(3))


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[180] ^= 1  # among the numbers of the first entry
    path.write_bytes(content)


def of(model: Sequential) -> Callable[[Path], None]:
    return lambda path: weights.save(path, model)


def rewrite(**changes: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with np.load(path) as archive:
            arrays = dict(archive) | {name.replace("_", "."): a for name, a in changes.items()}
        np.savez(path, **arrays)

    return write


def cut(length: int) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(path.read_bytes()[:length])


BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (cut(0), "is not a weights file"),
    "truncated": (cut(-1), "is not a weights file"),
    "truncated in an entry": (cut(200), "is not a weights file"),
    "corrupt": (flip_a_byte, "is not a weights file .*CRC"),
    "text": (lambda path: path.write_text("<!DOCTYPE html>"), "is not a weights file"),
    "one array": (npy, "is not a weights file"),
    "pickled": (rewrite(**{"0_Linear_bias": np.array([{}])}), "is not a weights file .*pickle"),
    "of something else": (
        npz(images=np.zeros(3)),
        "expected 0.Linear.weight to be finite numbers of .*, got absent",
    ),
    "of a wider network": (
        of(network(1, 5)),
        r"0.Linear.weight to be .* shape \(3, 4\), got .* shape \(3, 5\)\. .*same layers",
    ),
    "of more layers": (
        of(network(1, 4, BatchNorm1d(4))),
        r"expected 2.Linear.weight to be .* shape \(4, 2\), got absent",
    ),
    "with one entry more": (
        rewrite(more=np.zeros(3)),
        r"more to be absent, got finite numbers of shape \(3,\)",
    ),
    "of words": (
        rewrite(**{"0_Linear_bias": np.array(list("abcd"))}),
        "0.Linear.bias to be finite .*, got other",
    ),
    "of numbers that are none": (
        rewrite(**{"0_Linear_bias": np.full(4, np.nan)}),
        "0.Linear.bias to be finite .*, got other numbers .*have not diverged",
    ),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_bad_file_is_named_and_changes_nothing(path: Path, case: str) -> None:
    spoil, message = BAD_FILES[case]
    spoil(path)
    model = network(2)
    with pytest.raises(OSError, match=message) as error:
        weights.load(path, model)
    assert str(path) in str(error.value)
    assert "Likely fix" in str(error.value)
    assert "\n" not in str(error.value)
    np.testing.assert_array_equal(model.w, network(2).w)


def test_a_file_that_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        weights.load(tmp_path / "weights.npz", network(1))
