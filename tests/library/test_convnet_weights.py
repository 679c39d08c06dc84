"""Weights in a file: all of them or none, and no file that `save` did not write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convnet import weights
from convnet.layers import BatchNorm1d, Linear
from convnet.network import Sequential


def network(seed: int, hidden: int = 4) -> Sequential:
    rng = np.random.default_rng(seed)
    model = Sequential([Linear(3, hidden, rng), BatchNorm1d(hidden), Linear(hidden, 2, rng)])
    model.training = True
    model.forward(rng.random((5, 3), np.float32))  # so that there are running means
    return model


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the weights of `network(1)`, in a folder that is made."""
    path = tmp_path / "some folder" / "weights"
    weights.save(path, network(1))
    return path


def test_weights_and_running_means_come_back_as_they_were(path: Path) -> None:
    model = network(2)
    w = model.w
    w[:3] = np.nan  # training has diverged
    weights.load(path, model)
    assert model.w is w
    np.testing.assert_array_equal(model.w, network(1).w)


def test_a_save_that_fails_leaves_the_old_file(path: Path, monkeypatch: Any) -> None:
    before = path.read_bytes()

    def savez(file: Any, **arrays: np.ndarray) -> None:
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(np, "savez", savez)
    with pytest.raises(OSError, match="No space left"):
        weights.save(path, network(2))
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def changed(name: str, array: Any) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with np.load(path) as archive:
            arrays = dict(archive) | {name: array}
        with path.open("wb") as file:
            np.savez(file, **arrays)

    return write


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda path: path.write_bytes(path.read_bytes()[:200]), "is not a weights file"),
        (lambda path: path.write_bytes(b"<!DOCTYPE html>"), "zip archive, got b'<!DOCTYPE html>'"),
        (changed("2.Linear.bias", np.array([{}])), "is not a weights file .*pickle"),
        (changed("2.Linear.bias", np.full(2, 1e300)), "2.Linear.bias to be .* not all finite"),
        (changed("more", np.zeros(3)), "more to be absent, got numbers"),
        (lambda path: weights.save(path, network(1, 5)), r"weight to be .* \(3, 4\), .* \(3, 5\)"),
    ],
)
def test_a_bad_file_is_named_and_changes_nothing(
    path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    spoil(path)
    model = network(2)
    with pytest.raises(OSError, match=rf"weights.*{message}.*Likely fix"):
        weights.load(path, model)
    np.testing.assert_array_equal(model.w, network(2).w)
