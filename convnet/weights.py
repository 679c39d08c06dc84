"""Weights in a file: an .npz archive with one entry for each parameter, without pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from convnet.network import Sequential
from lab.files import replacing


def save(path: Path, model: Sequential) -> None:
    """Save the weights, atomically."""
    with replacing(path) as temporary, temporary.open("wb") as file:
        arrays: dict[str, Any] = {name: p.value for name, p in model.parameters().items()}
        np.savez(file, **arrays)


def load(path: Path, model: Sequential) -> None:
    """Load weights that `save` wrote into a network of the same layers, all of them or none.

    Raises OSError if the file cannot be read or is of another network.
    """
    with path.open("rb") as file:
        try:
            with np.load(file, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except Exception as error:  # damaged in one of many ways
            raise OSError(
                f"{path} is not a weights file ({error}). Likely fix: save the weights again."
            ) from None
    expected = {name: p.value.shape for name, p in model.parameters().items()}
    got = {name: array.shape for name, array in arrays.items()}
    for name in (*expected, *got):
        if expected.get(name) != got.get(name):
            raise OSError(
                f"{path}: expected {name} of shape {expected.get(name)}, got {got.get(name)}. "
                "Likely fix: the layers of the network that was saved."
            )
    model.w[...] = np.concatenate([arrays[name].ravel() for name in expected])
