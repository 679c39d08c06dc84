"""One run of the checks in a process group of its own, with limits, ended as a whole.

This isolates accidents: endless loops, processes left behind, too much memory or output, Python
ended at import, files overwritten. It is no sandbox: code that is out to deceive can read what the
user who grades can read, reach the network, and tamper with pytest in memory.
"""

from __future__ import annotations

import json
import math
import os
import secrets
import selectors
import shutil
import signal
import site
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

RUNNER = Path(__file__).resolve().parent / "runner.py"
MAX_MESSAGES = 5_000_000  # bytes that a run may send
KEPT_OUTPUT = 20_000  # bytes of what it prints; the rest is read and dropped
GRACE = 5.0  # seconds after which a check that should have been stopped is stuck

# What a run gets of the environment. The names of data sets and tokens are not among it.
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE")
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Attributes:
        seconds: in all.
        memory: bytes of address space of each process.
        file_size: bytes of each file that it writes.
    """

    seconds: float = 60
    memory: int = 2048 << 20
    file_size: int = 64 << 20

    @property
    def check_seconds(self) -> float:
        """What one check may take."""
        return self.seconds / 12


@dataclass
class Run:
    """What became of a run of the checks.

    Attributes:
        results: in Gradescope's schema; None when the run ended early.
        ending: how it ended early.
        check: the check that began last.
        task: the task of that check.
        output: the beginning of what was printed.
    """

    results: dict[str, Any] | None = None
    ending: str = ""
    check: str = ""
    task: str = ""
    output: bytes = b""


def run_checks(
    desk: Path, home: Path, limits: Limits, skip: list[str], stop: Event | None = None
) -> Run:
    """Run the checks that stand on a desk.

    Args:
        desk: a folder with the checks, the rooms and the student's files; the working folder.
        home: an empty folder of the run's own, for temporary files.
        limits: on time, memory and files.
        skip: tasks whose checks do not run.
        stop: ends the run when it is set.

    Returns:
        What became of it. Its whole process group is gone.
    """
    reading, writing = os.pipe()
    with open(reading, "rb", buffering=0) as channel:
        job = {
            "word": secrets.token_hex(),
            "channel": writing,
            "results": str(home / secrets.token_hex()),
            "memory": limits.memory,
            "file_size": limits.file_size,
            "cpu_seconds": int(limits.seconds) + 10,  # for a process that escapes the others
            "check_seconds": limits.check_seconds,
            "skip": skip,
            "site": site.getusersitepackages() if site.ENABLE_USER_SITE else "",
        }
        runner = shutil.copy(RUNNER, home)  # the folder of the course is not to be seen from it
        process = subprocess.Popen(
            [sys.executable, "-I", "-B", "-X", "utf8", runner],
            cwd=desk,
            env=_environment(home),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=[writing],
            start_new_session=True,
        )
        os.close(writing)
        try:
            return _Listener(process, channel.fileno(), job).listen(limits, stop or Event())
        finally:
            _kill_group(process)


class _Listener:
    def __init__(self, process: subprocess.Popen[bytes], channel: int, job: dict[str, Any]) -> None:
        self.process, self.channel, self.job = process, channel, job
        self.run = Run()
        self.heard = math.inf  # when the last check began
        self._messages = b""
        self._received = 0

    def listen(self, limits: Limits, stop: Event) -> Run:
        """Hand over the job and listen until there are results, or no hope of them."""
        start = time.monotonic()
        with self.process.stdin as stdin, suppress(BrokenPipeError):  # type: ignore[union-attr]
            stdin.write(json.dumps(self.job).encode())
        with self.process.stdout as stdout, selectors.DefaultSelector() as selector:  # type: ignore[union-attr]
            selector.register(stdout, selectors.EVENT_READ, self._hear_output)
            selector.register(self.channel, selectors.EVENT_READ, self._hear_message)
            while self.run.results is None and not self.run.ending:
                ready = selector.select(timeout=0.05)
                for key, _ in ready:
                    if data := os.read(key.fd, 1 << 16):
                        key.data(data)
                    else:
                        selector.unregister(key.fileobj)
                now = time.monotonic()
                if stop.is_set():
                    self.run.ending = "interrupted"
                elif now - start > limits.seconds:
                    self.run.ending = f"not done after {limits.seconds:.3g} s"
                elif now - self.heard > limits.check_seconds + GRACE:
                    self.run.ending = f"stuck for {now - self.heard:.0f} s"
                elif not ready and self.process.poll() is not None:
                    self.run.ending = _ending(self.process.returncode)
        return self.run

    def _hear_output(self, data: bytes) -> None:
        self.run.output += data[: KEPT_OUTPUT - len(self.run.output)]

    def _hear_message(self, data: bytes) -> None:
        self._received += len(data)
        if self._received > MAX_MESSAGES:
            self.run.ending = "too many messages"
        *lines, self._messages = (self._messages + data).split(b"\n")
        for line in lines:
            with suppress(ValueError, AttributeError):
                message = json.loads(line)
                if message.pop("word", None) == self.job["word"]:
                    self.heard = time.monotonic()
                    for name, value in message.items():
                        setattr(self.run, name, value)


def _environment(home: Path) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        **dict.fromkeys(THREADS, "1"),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "Agg",  # no window opens and waits
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
    }


def _ending(code: int) -> str:
    if code >= 0:
        return f"Python ended with exit code {code}"
    with suppress(ValueError):
        return f"Python was ended by {signal.Signals(-code).name}"
    return f"Python was ended by signal {-code}"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
