"""Finished trainings in files, so that a run that was interrupted does not train them again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lab.files import replacing

Record = TypeVar("Record")  # a dataclass of arrays


def digest(*settings: Any) -> str:
    """Compute a name from all that determines a training: settings, seed, digest of the data."""
    text = json.dumps(settings, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def once(path: Path, record: Callable[..., Record], train: Callable[[], Record]) -> Record:
    """Return what the file holds; if there is none, train and write it.

    record: the class of what `train` returns. Raises OSError if the file holds something else.
    """
    if path.exists():
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                return record(**{name: archive[name] for name in archive.files})
        except Exception as error:  # damaged in one of many ways
            raise OSError(
                f"{path} is not a finished training ({error}). "
                "Likely fix: delete it, and it is trained again."
            ) from None
    result = train()
    with replacing(path) as temporary:
        np.savez_compressed(temporary, **vars(result))
    return result
