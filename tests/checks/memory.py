"""How much memory a student's functions use."""

from __future__ import annotations

import tracemalloc


class peak_memory:
    """A block whose attribute `peak` tells the most bytes that it had in use at once."""

    peak = 0

    def __enter__(self) -> peak_memory:
        tracemalloc.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
