"""Limits on CPU time, which is the same however busy the machine is."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from _pytest.outcomes import Failed

from tests.checks.mistake import TIMED_OUT

CHECK, AGAIN, IMPORT = 5.0, 20.0, 8.0  # seconds: of a check, if it is repeated, and of a file


class Stopped(Failed):
    """Something took too long; `except Exception` does not catch it."""


@contextmanager
def stopped_after(seconds: float, error: BaseException | None = None) -> Iterator[None]:
    """Raise an error in a block that uses more CPU time, and again each second until it ends.

    A block around it, for which the time in here does not count, has its limit again afterwards.
    Without the signals of POSIX the error is raised after the block.
    """

    def stop(*_: object) -> None:
        raise error or Stopped(f"{TIMED_OUT}{seconds:g} s of CPU time)")

    if not hasattr(signal, "SIGPROF") or threading.current_thread() is not threading.main_thread():
        start = time.process_time()
        yield
        if time.process_time() - start > seconds:
            stop()
        return
    before = signal.signal(signal.SIGPROF, stop)
    left = signal.setitimer(signal.ITIMER_PROF, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before or signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_PROF, *left)
