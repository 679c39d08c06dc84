"""Weights in a file: an .npz archive with one entry for each parameter, without pickle."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from convnet.network import Sequential
from digits.files import replacing


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
                arrays = dict(archive)
        except Exception as error:  # damaged in one of many ways
            raise OSError(
                f"{path} is not a weights file ({error}). Likely fix: save the weights again."
            ) from None
    values = {name: parameter.value for name, parameter in model.parameters().items()}
    for name in values | arrays:
        expected, got = (_describe(entries.get(name)) for entries in (values, arrays))
        if expected != got:
            raise OSError(
                f"{path}: expected {name} to be {expected}, got {got}. "
                "Likely fix: a network with the same layers, or weights that have not diverged."
            )
    model.w[...] = np.concatenate([arrays[name].ravel() for name in values])


def _describe(array: np.ndarray | None) -> str:
    if array is None:
        return "absent"
    is_finite = array.dtype.kind == "f" and np.isfinite(array).all()
    return f"{'finite' if is_finite else 'other'} numbers of shape {array.shape}"
