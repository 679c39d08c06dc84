"""Weights in a file: an .npz archive with one entry for each parameter, without pickle."""

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
        start = file.peek()[:40]
        try:
            if not start.startswith(b"PK"):
                raise ValueError(f"expected a zip archive, got {start!r}")
            with np.load(file, allow_pickle=False) as archive:
                arrays = dict(archive)
        except Exception as error:  # damaged in one of many ways
            raise OSError(
                f"{path} is not a weights file ({error}). "
                "Likely fix: save the weights, or fetch the file, again."
            ) from None
    # zeros, for the weights of a network that has diverged are not finite
    values = {name: np.zeros_like(p.value) for name, p in model.parameters().items()}
    for name in values | arrays:
        expected, got = (_describe(a.get(name), model.w.dtype) for a in (values, arrays))
        if expected != got:
            raise OSError(
                f"{path}: expected {name} to be {expected}, got {got}. "
                "Likely fix: a network with the same layers, or weights that have not diverged."
            )
    model.w[...] = np.concatenate([arrays[name].ravel() for name in values])


def _describe(array: np.ndarray | None, dtype: np.dtype) -> str:
    if array is None:
        return "absent"
    with np.errstate(over="ignore"):
        is_finite = array.dtype.kind == "f" and np.isfinite(array.astype(dtype)).all()
    return f"numbers of shape {array.shape}, {'all' if is_finite else 'not all'} finite in {dtype}"
