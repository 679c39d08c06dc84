"""One run of the checks in a process group of its own, with limits, ended as a whole.

This isolates accidents: endless loops, processes left behind, too much memory or output, Python
ended at import, files overwritten. It is no sandbox: code that is out to deceive can read what the
user who grades can read, use the network, write its own results and tamper with pytest in memory.
"""

from __future__ import annotations

import json
import math
import os
import selectors
import shutil
import signal
import site
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

RUNNER = Path(__file__).resolve().parent / "runner.py"
MAX_RESULTS = 5_000_000  # bytes of the results file
MAX_PROGRESS = 1_000  # bytes of the progress file
MAX_OUTPUT = 20_000  # bytes of output that are kept; the rest is read and dropped
GRACE = 5.0  # seconds between the time limit of a check and the end of a run that ignores it

# What a run gets of the environment: no tokens, no names of data sets.
PASSED_ON = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE")
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Attributes:
        seconds: for all its runs together; a twelfth of it for one check.
        memory: bytes of address space of each process.
        file_size: bytes of each file that it writes.
    """

    seconds: float = 60
    memory: int = 2048 << 20
    file_size: int = 64 << 20

    @property
    def check_seconds(self) -> float:
        """The time limit of one check."""
        return self.seconds / 12


@dataclass
class Run:
    """The outcome of one run of the checks.

    Attributes:
        results: in Gradescope's schema; None unless all checks ran.
        ending: how the run ended.
        task: the task of the check that began last.
        check: the name of that check.
        output: the beginning of what was printed.
    """

    results: dict[str, Any] | None = None
    ending: str = ""
    task: str = ""
    check: str = ""
    output: bytes = b""


def run_checks(
    folder: Path,
    home: Path,
    limits: Limits,
    deadline: float,
    tasks: Sequence[str] = (),
    stop: Event | None = None,
) -> Run:
    """Run the checks in a folder; when this returns, every process of the run has ended.

    Args:
        folder: the working folder, with the checks, the packages and the student's files.
        home: an empty folder for temporary files; results and progress are written beside it.
        limits: on time, memory and files.
        deadline: the value of `time.monotonic()` at which the run is ended.
        tasks: the tasks to check; none for all.
        stop: ends the run when it is set.
    """
    # beside the home of the run, where no tidying of temporary files reaches
    results, progress = home.with_name("results.json"), home.with_name("progress")
    for path in (results, progress):
        path.unlink(missing_ok=True)
    arguments = ["tests", "--capture=no", f"--results={results}", "-p", "no:cacheprovider"]
    arguments += ["-p", "pytest_timeout", "--timeout-method=signal"]
    arguments += [f"--timeout={limits.check_seconds}", *(f"--task={task}" for task in tasks)]
    job = {
        "arguments": arguments,
        "progress": str(progress),
        "limits": {
            "RLIMIT_AS": limits.memory,
            "RLIMIT_FSIZE": limits.file_size,
            "RLIMIT_CPU": int(limits.seconds) + 10,  # for a process that leaves the group
            "RLIMIT_CORE": 0,
        },
    }
    runner = shutil.copy(RUNNER, home)  # run in place, it would put course/ on the import path
    process = subprocess.Popen(
        [sys.executable, "-B", "-u", "-X", "utf8", runner, json.dumps(job)],
        cwd=folder,
        env=_environment(home),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        run = _watch(process, progress, limits, deadline, stop or Event())
    finally:
        _kill_group(process)
    if process.returncode == 0:
        with suppress(ValueError):
            run.results = json.loads(_read(results, MAX_RESULTS))
    return run


def _watch(
    process: subprocess.Popen[bytes], progress: Path, limits: Limits, deadline: float, stop: Event
) -> Run:
    """Follow a run until its process ends or has to be ended."""
    run = Run()
    seen, began = b"", math.inf  # the progress, and when it last changed
    with process.stdout as stdout, selectors.DefaultSelector() as selector:  # type: ignore[union-attr]
        selector.register(stdout, selectors.EVENT_READ)
        while not run.ending:
            ended = process.poll() is not None  # asked first, so that all it printed is read
            ready = selector.select(timeout=0.02)
            if ready:
                data = os.read(stdout.fileno(), 1 << 16)
                run.output += data[: MAX_OUTPUT - len(run.output)]
                if not data:
                    selector.unregister(stdout)
            now = time.monotonic()
            if (current := _read(progress, MAX_PROGRESS)) != seen:
                seen, began = current, now
            if stop.is_set():
                run.ending = "interrupted"
            elif now > deadline:
                run.ending = f"not done after {limits.seconds:.3g} s"
            elif now - began > limits.check_seconds + GRACE:
                run.ending = f"stuck for {now - began:.0f} s"
            elif ended:
                run.ending = _describe(process.returncode)
    run.task, _, run.check = seen.decode(errors="replace").partition(" ")
    return run


def _read(path: Path, most: int) -> bytes:
    """Read a file of the run up to a limit; one that is missing is empty."""
    with suppress(OSError):
        if path.is_file():  # reading a pipe would block
            with path.open("rb") as file:
                return file.read(most)
    return b""


def _environment(home: Path) -> dict[str, str]:
    return {
        **{name: os.environ[name] for name in PASSED_ON if name in os.environ},
        **dict.fromkeys(THREADS, "1"),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "Agg",  # no window opens and waits
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTHONUSERBASE": site.getuserbase(),  # packages of `pip install --user`, whatever HOME is
    }


def _describe(exit_code: int) -> str:
    if exit_code >= 0:
        return f"Python ended with exit code {exit_code}"
    with suppress(ValueError):
        return f"Python was ended by {signal.Signals(-exit_code).name}"
    return f"Python was ended by signal {-exit_code}"


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
