"""The process in which a submission meets the checks; `isolation` starts it and listens to it.

A copy of it runs, away from the course. What to do comes by stdin; what happens goes out by a pipe,
each message marked with a word that only the two processes know.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import site
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any


class TooSlowError(BaseException):
    """A check takes too long. No `except Exception` of a student catches it."""


def limit_resources(job: dict[str, Any]) -> None:
    """Bound the memory, the files and the processor time of this process and its children each."""
    limits = {
        "RLIMIT_AS": job["memory"],
        "RLIMIT_FSIZE": job["file_size"],
        "RLIMIT_CPU": job["cpu_seconds"],
        "RLIMIT_CORE": 0,
    }
    for which, most in limits.items():
        with suppress(AttributeError, ValueError, OSError):  # not every system has each
            resource.setrlimit(getattr(resource, which), (most, most))


class Messenger:
    """A pytest plugin: tells which check is running, stops slow ones, leaves out some tasks."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = job
        self.pid = os.getpid()

    def send(self, **message: object) -> None:
        """Write one message; only from the process that was started, not from a fork of it."""
        if os.getpid() != self.pid:
            os._exit(0)
        line = json.dumps({"word": self.job["word"], **message}).encode() + b"\n"
        while line:
            line = line[os.write(self.job["channel"], line) :]

    def task_of(self, item: Any) -> str:
        """Return the task that a check's marker names."""
        marker = item.get_closest_marker("check")
        return str(marker.args[0].task) if marker else ""

    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        """Leave out the tasks in which Python ended in an earlier run."""
        left_out = [item for item in items if self.task_of(item) in self.job["skip"]]
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)

    def pytest_runtest_setup(self, item: Any) -> None:
        """Say which check begins, and start its clock."""
        self.send(check=item.name, task=self.task_of(item))
        signal.setitimer(signal.ITIMER_REAL, self.job["check_seconds"], 1)  # again each second

    def pytest_runtest_teardown(self, item: Any) -> None:
        """Stop the clock."""
        signal.setitimer(signal.ITIMER_REAL, 0)


def _out_of_time(number: int, frame: object) -> None:
    raise TooSlowError("stopped: this takes too long. Is there a loop that never ends?")


def main() -> None:
    """Run the checks as the job says, and send their results."""
    job = json.loads(sys.stdin.buffer.read())
    limit_resources(job)
    if job["site"]:
        site.addsitedir(job["site"])  # -I leaves the user's own packages out
    signal.signal(signal.SIGALRM, _out_of_time)

    import pytest

    messenger = Messenger(job)
    results = Path(job["results"])
    arguments = ["--capture=no", "-p", "no:cacheprovider", "--results", str(results)]
    pytest.main(["tests", *arguments], plugins=[messenger])
    messenger.send(results=json.loads(results.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
