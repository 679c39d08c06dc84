"""Finished trainings in files, so that an interrupted run does not train them again."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from digits import Digits
from digits.files import replacing


class Finished(NamedTuple):
    """What is kept of a training: its weights, and what results.json says of it."""

    w: np.ndarray
    summary: dict[str, Any]


def load_or_train(
    folder: Path,
    train: Callable[[Any, Digits, np.ndarray | None], Finished],
    settings: Any,
    data: Digits,
    start: np.ndarray | None = None,
) -> Finished:
    """Return what an earlier run left in the folder; if it left nothing, train, and keep it.

    settings: a dataclass, of which the seed is a part. start: the initial weights, if they are
    given. Raises OSError if the file is damaged.
    """
    # joblib.Memory compares the code, too, and deletes all that is finished when it was edited
    digest = hashlib.sha256(json.dumps([asdict(settings), data.sha256()]).encode())
    digest.update(b"" if start is None else start.tobytes())
    path = folder / f"{digest.hexdigest()[:20]}.npz"
    if path.exists():
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
                return Finished(archive["w"], json.loads(str(archive["summary"])))
        except Exception as error:  # damaged in one of many ways
            raise OSError(
                f"{path} is not a finished training ({error}). "
                "Likely fix: delete it, and it is trained again."
            ) from None
    w, summary = train(settings, data, start)
    with replacing(path) as temporary:
        np.savez(temporary, w=w, summary=json.dumps(summary))
    return Finished(w, summary)
