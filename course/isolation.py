"""One run of the checks in a process group of its own, with limits, ended as a whole.

The points are counted here, from what each check reports; nothing that the run knows leads to the
folder with the solution. On Linux, where user namespaces are allowed, a run has namespaces of its
own: no network, no other processes, and an empty folder in place of the project.

This is no sandbox: a submission runs in one process with the checks, and code that is out to
deceive them there can. A container keeps it from everything else.
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
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

from course import container
from course.packages import interpreter

RUNNER = Path(__file__).resolve().parent / "runner.py"
MAX_REPORT = 8_000_000  # bytes of one report of a run
MAX_OUTPUT = 20_000  # bytes of output that are kept; the rest is read and dropped
NAMESPACES = True  # whether a run gets its own, where the system allows it
GRACE = 5.0  # seconds between the time limit of a check and the end of a run that ignores it

# What a run gets of the environment, except for folders of the project.
PASSED_ON = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE")
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


@dataclass(frozen=True)
class Limits:
    """What a submission may use.

    Attributes:
        seconds: for all its runs together; a twelfth of it for one check.
        memory: bytes of address space of each process.
        file_size: bytes of each file that it writes.
        image: of a container to run in; "" for none.
    """

    seconds: float = 60
    memory: int = 2048 << 20
    file_size: int = 64 << 20
    image: str = ""

    @property
    def check_seconds(self) -> float:
        """The time limit of one check."""
        return self.seconds / 12


@dataclass
class Run:
    """The outcome of one run of the checks.

    Attributes:
        passed: the task and the name of each check that reported that it passed.
        results: the text of what the checks wrote down at their end, in Gradescope's schema.
        altered: whether a check reported that the checks are not the same any more.
        exit_code: of Python; None if it did not report its end.
        ending: how the run ended.
        task: the task of the check that began last.
        check: the name of that check.
        output: the beginning of what was printed.
        printed: bytes of it in all.
    """

    passed: set[tuple[str, str]] = field(default_factory=set)
    results: str | None = None
    altered: bool = False
    exit_code: int | None = None
    ending: str = ""
    task: str = ""
    check: str = ""
    output: bytes = b""
    printed: int = 0

    def note(self, report: dict[str, Any]) -> None:
        """Take down a report of the runner."""
        if "begins" in report:
            self.task, self.check = report["begins"]
        elif "passed" in report:
            self.passed.add(tuple(report["passed"]))
        elif "results" in report:
            self.results = report["results"]
        elif "ended" in report:
            self.exit_code = report["ended"]
        self.altered |= "altered" in report


def run_checks(
    project: Path,
    folder: Path,
    home: Path,
    limits: Limits,
    deadline: float,
    tasks: Sequence[str] = (),
    stop: Event | None = None,
) -> Run:
    """Run the checks in a folder; when this returns, every process of the run has ended.

    Args:
        project: the folder with the solution, which the run must not find.
        folder: the working folder, with the checks, the packages and the student's files.
        home: an empty folder beside it for temporary files.
        limits: on time, memory and files.
        deadline: the value of `time.monotonic()` at which the run is ended.
        tasks: the tasks to check; none for all.
        stop: ends the run when it is set.
    """
    project = project.resolve()
    results = home.with_name("results.json")  # where no tidying of temporary files reaches
    results.unlink(missing_ok=True)
    arguments = ["tests", "--capture=no", f"--results={results}", "-p", "no:cacheprovider"]
    arguments += ["-p", "pytest_timeout", "--timeout-method=signal"]
    arguments += [f"--timeout={limits.check_seconds}", *(f"--task={task}" for task in tasks)]
    runner = shutil.copy(RUNNER, home)  # run in place, it would put course/ on the import path
    name, options = home.parent.name, ["-B", "-u", "-X", "utf8", str(runner)]
    variables = _environment(home)
    needed = [folder, home]
    if limits.image:
        command = container.command(limits.image, name, folder, limits.memory, variables, options)
        variables = dict(os.environ)  # of the engine
    else:
        python = interpreter(project)
        command = [python.executable, *options]
        variables |= _inherited(project) | ({"PYTHONPATH": python.path} if python.path else {})
        needed += [Path(python.executable), Path(python.path or os.sep)]
    secret = secrets.token_hex()
    job = {
        "arguments": arguments,
        "results": str(results),
        "secret": secret,
        "detach": not limits.image,
        "namespaces": NAMESPACES and not limits.image,
        "writable": str(home.parent),
        "hide": "" if any(path.is_relative_to(project) for path in needed) else str(project),
        "limits": {
            "RLIMIT_AS": limits.memory,
            "RLIMIT_FSIZE": limits.file_size,
            "RLIMIT_CPU": int(limits.seconds) + 10,  # for a process that leaves the group
            "RLIMIT_CORE": 0,
        },
    }
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        with process.stdin as stdin, suppress(BrokenPipeError):  # type: ignore[union-attr]
            stdin.write(json.dumps(job).encode())
            stdin.flush()
        return _watch(process, secret, limits, deadline, stop or Event())
    finally:
        _kill_group(process)
        if limits.image:
            container.end(name)


def _watch(
    process: subprocess.Popen[bytes], secret: str, limits: Limits, deadline: float, stop: Event
) -> Run:
    """Follow a run until it reports its end or has to be ended."""
    run = Run()
    pending, began = b"", math.inf  # the last line, and when the last check began
    stdout, stderr = process.stdout, process.stderr
    with stdout, stderr, selectors.DefaultSelector() as selector:  # type: ignore[union-attr]
        for stream in (stdout, stderr):
            selector.register(stream, selectors.EVENT_READ)  # type: ignore[arg-type]
        while not run.ending:
            ended = run.exit_code is not None  # asked first, so that all it printed is read
            for key, _ in selector.select(timeout=0.02):
                data = os.read(key.fd, 1 << 16)
                if key.fileobj is stderr:
                    run.output += data[: MAX_OUTPUT - len(run.output)]
                    run.printed += len(data)
                else:
                    *lines, pending = (pending + data).split(b"\n")
                    pending = pending if len(pending) < MAX_REPORT else b""
                    for report in filter(None, map(partial(_report, secret), lines)):
                        run.note(report)
                        began = time.monotonic() if "begins" in report else began
                if not data:
                    selector.unregister(key.fileobj)
                    if key.fileobj is stdout and run.exit_code is None:
                        run.exit_code = process.wait()
            now = time.monotonic()
            if stop.is_set():
                run.ending = "interrupted"
            elif now > deadline:
                run.ending = f"not done after {limits.seconds:.3g} s"
            elif now - began > limits.check_seconds + GRACE:
                run.ending = f"stuck for {now - began:.0f} s"
            elif ended:
                run.ending = _describe(run.exit_code or 0)
    return run


def _report(secret: str, line: bytes) -> dict[str, Any] | None:
    """Read a report; lines without the secret are not the runner's."""
    said, _, text = line.partition(b" ")
    report: dict[str, Any] | None = None
    if said == secret.encode():
        with suppress(ValueError):
            report = json.loads(text)
    return report


def _inherited(project: Path) -> dict[str, str]:
    """Return what a run gets of this process's environment: no tokens, no names of data sets."""
    values = {name: os.environ[name].split(os.pathsep) for name in PASSED_ON if name in os.environ}
    return {
        name: os.pathsep.join(part for part in parts if not Path(part).is_relative_to(project))
        for name, parts in values.items()
    }


def _environment(home: Path) -> dict[str, str]:
    return {
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
