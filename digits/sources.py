"""Where the MNIST files are looked for: a folder, the cache, the mirrors, in this order."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from digits.cache import cache_folder
from digits.errors import Attempt, BadFileError, DataError
from digits.files import SHA256, Arrays, read_idx, spellings
from digits.mirrors import fetch

logger = logging.getLogger(__name__)


def find(data_dir: Path | str | None = None, sha256: Mapping[str, str] = SHA256) -> Arrays:
    """Find the IDX files, each in the first place that has it whole.

    Args:
        data_dir: the folder to look in first; by default the one that MNIST_DATA_DIR names.
        sha256: {name: digest of the raw bytes} of the files to find.

    Returns:
        {name: array}, in the order of `sha256`.

    Raises:
        DataError: if a file is to be had nowhere; it lists every attempt.
    """
    cache = cache_folder()
    places = [partial(read_folder, cache), partial(fetch, cache)]
    data_dir = data_dir or os.environ.get("MNIST_DATA_DIR")
    if data_dir:
        places.insert(0, partial(read_folder, Path(data_dir).expanduser()))
    arrays: Arrays = {}
    attempts: list[Attempt] = []
    for place in places:
        missing = {name: digest for name, digest in sha256.items() if name not in arrays}
        if missing:
            found, failed = place(missing)
            arrays |= found
            attempts += failed
            if data_dir and place is places[0]:  # a folder that the user named should serve
                for attempt in failed:
                    logger.warning("%s: %s. Looking elsewhere.", *attempt)
    missing_names = [name for name in sha256 if name not in arrays]
    if missing_names:
        raise DataError(missing_names, attempts)
    return {name: arrays[name] for name in sha256}


def read_folder(folder: Path, sha256: Mapping[str, str]) -> tuple[Arrays, list[Attempt]]:
    """Read what there is of the IDX files in a folder, and leave the folder as it is.

    Args:
        folder: it may be missing.
        sha256: {name: digest of the raw bytes} of the files to read.

    Returns:
        The arrays found, and an attempt for each file that is missing or bad.
    """
    if not folder.is_dir():
        return {}, [Attempt(str(folder), "no such folder")]
    arrays: Arrays = {}
    attempts: list[Attempt] = []
    for name, digest in sha256.items():
        paths = [path for path in (folder / file for file in spellings(name)) if path.exists()]
        if not paths:
            attempts.append(Attempt(str(folder / f"{name}.gz"), "no such file, packed or not"))
        for path in paths:
            try:
                arrays[name] = read_idx(path, digest)
                break
            except BadFileError as error:
                attempts.append(Attempt(str(path), str(error)))
    return arrays, attempts
