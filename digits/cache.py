"""The folder in which fetched and generated data is kept between runs."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the folder that MNIST_CACHE_DIR names, or the user's own cache."""
    import pooch

    return Path(os.environ.get("MNIST_CACHE_DIR") or pooch.os_cache("mnist-by-hand"))
