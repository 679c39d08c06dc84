"""One run of the checks on a student's files, isolated, with limits, ended as a whole.

A run is isolated by bubblewrap, by a container, or, where there is neither, not at all. However it
is, the submission shares one process with the checks, and code that is out to deceive them can.
"""

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
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from threading import Event
from typing import Any

from course import GradingError
from course.checks import copy_checks, digest
from lab.assignment import L2

RUNNER = Path(__file__).resolve().parent / "runner.py"
SUBMISSION = "submission"  # the folder with a student's files and the checks
ENGINES = ("podman", "docker")
MAX_PROCESSES = 256  # in a container
MAX_REPORT = 8_000_000  # bytes of one report of a run
MAX_PRINTED = 20_000  # bytes of output that are kept; the rest is read and dropped
GRACE = 5.0  # seconds between the time limit of a check and the end of a run that ignores it
SHARE = 0.1  # of a core, that a run gets at least: so much of the time counts as CPU time
INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")  # of the environment: no tokens
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")
NOT_ISOLATED = (
    "A submission can use the network, signal your processes, read and write your files, and read "
    "the solution if it finds its path."
)


@dataclass(frozen=True)
class Limits:
    """What a submission may use, and what it is graded by.

    Attributes:
        seconds: of CPU time for all its runs together; a twelfth of it for one check.
        memory: bytes of address space of each process; in a container, of memory in all.
        file_size: bytes of each file that it writes.
        image: of the container to run in; "" for none.
        penalty: what R is, see `copy_checks`.
        without: names of checks that do not run.
    """

    seconds: float = 60
    memory: int = 2048 << 20
    file_size: int = 64 << 20
    image: str = ""
    penalty: str = L2
    without: tuple[str, ...] = ()

    @property
    def check_seconds(self) -> float:
        """The CPU time of one check."""
        return self.seconds / 12

    @property
    def more(self) -> "Limits":
        """The limits on what was stopped, which runs once more, alone."""
        return replace(self, seconds=3 * self.seconds)

    @property
    def wait_seconds(self) -> float:
        """How long a check may wait."""
        return 4 * self.check_seconds


@dataclass
class Run:
    """The outcome of one run of the checks.

    Attributes:
        passed: the task and the name of each check that passed.
        results: what the checks wrote at their end, in Gradescope's schema; None without an end.
        altered: whether a check reported that the checks are not the same any more.
        exit_code: of Python; None if it did not report its end.
        ending: how the run ended.
        task: the task of the check that started last.
        check: the name of that check.
        stopped: whether a limit on time stopped the run or a check.
        seconds: of CPU time; not less than the SHARE of the time that it took.
        output: the beginning of what was printed.
        printed: bytes of it in all.
        digest: of the checks after the run.
    """

    passed: set[tuple[str, str]] = field(default_factory=set)
    results: str | None = None
    altered: bool = False
    exit_code: int | None = None
    ending: str = ""
    task: str = ""
    check: str = ""
    stopped: bool = False
    seconds: float = 0.0
    output: bytes = b""
    printed: int = 0
    digest: str = ""

    def add(self, report: Mapping[str, Any]) -> None:
        """Add a report of the runner."""
        if "starts" in report:
            self.task, self.check = report["starts"]
        elif "passed" in report:
            self.passed.add(tuple(report["passed"]))
        elif "results" in report:
            self.results = report["results"]
        elif "ended" in report:
            self.exit_code = report["ended"]
        self.altered |= "altered" in report
        self.stopped |= "stopped" in report


def run_checks(
    project: Path,
    files: Mapping[str, bytes],
    limits: Limits,
    seconds: float,
    stop: Event,
    tasks: Sequence[str] = (),
) -> Run:
    """Run the checks in a temporary folder; when this returns, the run's process group has ended.

    Where the run is not isolated, a process that left the group can go on.

    Args:
        project: the folder with the checks, and with the solution, which the run must not see.
        files: {path: content} of the student's files.
        limits: on time, memory and files.
        seconds: of CPU time, after which the run is ended.
        stop: ends the run when it is set.
        tasks: the tasks to check; none for all.
    """
    secret = secrets.token_hex()
    with tempfile.TemporaryDirectory(prefix="grade-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()  # the only one that the run may write to
        for name, data in files.items():
            path = folder / SUBMISSION / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        copy_checks(project, folder / SUBMISSION, limits.penalty)
        process = _start(project, folder, limits)
        try:
            with process.stdin as stdin, suppress(BrokenPipeError):  # type: ignore[union-attr]
                stdin.write(json.dumps(_job(folder, limits, secret, tasks)).encode())
                stdin.flush()
            run = _watch(process, secret, limits, seconds, stop)
        finally:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if limits.image:
                subprocess.run([_engine(), "rm", "--force", folder.name], capture_output=True)
        run.digest = digest(folder / SUBMISSION)
    return run


def _start(project: Path, folder: Path, limits: Limits) -> subprocess.Popen[bytes]:
    """Start the runner, which waits for its job."""
    home = folder / "home"
    home.mkdir()
    # run in place, the runner would put course/ on the import path
    python = ["-B", "-u", "-X", "utf8", shutil.copy(RUNNER, home)]
    variables = _environment(home)
    if limits.image:
        command = [*_container(limits, folder, variables), "python3", *python]
        variables = dict(os.environ)  # of the engine
    else:
        isolated = [] if bubblewrap_problem() else _bubblewrap(project.resolve(), folder)
        command = [*isolated, sys.executable, *python]
        variables |= {name: os.environ[name] for name in INHERITED if name in os.environ}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command,
        cwd=folder / SUBMISSION,
        env=variables,
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        start_new_session=True,
    )


def _job(folder: Path, limits: Limits, secret: str, tasks: Sequence[str]) -> dict[str, Any]:
    results = str(folder / "results.json")
    arguments = ["tests", "--capture=no", f"--results={results}", "-p", "no:cacheprovider"]
    arguments += ["-p", "pytest_timeout", "--timeout-method=signal"]
    arguments += [f"--timeout={limits.check_seconds}", *(f"--task={task}" for task in tasks)]
    arguments += ["-k", f"not ({' or '.join(limits.without)})"] if limits.without else []
    rlimits = {
        "RLIMIT_AS": limits.memory,
        "RLIMIT_FSIZE": limits.file_size,
        "RLIMIT_CPU": int(limits.seconds) + 10,  # for a process that leaves the group
        "RLIMIT_CORE": 0,
    }
    job = {"arguments": arguments, "results": results, "secret": secret, "limits": rlimits}
    return {**job, "wait": limits.wait_seconds}


@cache
def bubblewrap_problem() -> str:
    """Return why bubblewrap cannot isolate a submission here and what to do, or ""."""
    if not shutil.which("bwrap"):
        return "bubblewrap (bwrap) was not found: install it (on Linux), or use --container"
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        command = [*_bubblewrap(folder, folder), "true"]
        tried = subprocess.run(command, capture_output=True, text=True, errors="replace")
    why = " ".join(tried.stderr.split()) or f"exit code {tried.returncode}"
    return f"bubblewrap does not work here ({why}): use --container" if tried.returncode else ""


def _bubblewrap(project: Path, folder: Path) -> list[str]:
    """Return the command that isolates another one: no network, no other processes.

    It sees the disk read-only and can write to `folder`. The project is empty, and so are /tmp and
    /run, where other programs take commands through sockets.
    """
    options = "--unshare-all --die-with-parent --as-pid-1 --cap-drop ALL --ro-bind / / "
    options += "--dev /dev --proc /proc --tmpfs /tmp --tmpfs /run"
    # with its path, because the environment of a run has no PATH
    command = [shutil.which("bwrap") or "bwrap", *options.split()]
    # an environment in /tmp is seen all the same
    for prefix in map(os.path.realpath, (sys.base_prefix, sys.prefix)):
        command += ["--ro-bind", prefix, prefix]
    hidden, writable = str(project), str(folder)
    return [*command, "--tmpfs", hidden, "--bind", writable, writable, "--remount-ro", hidden, "--"]


def _container(limits: Limits, folder: Path, variables: Mapping[str, str]) -> list[str]:
    """Return the command that runs another one in a container, as the user who grades."""
    engine = _engine()
    fixed = "--rm --interactive --network=none --read-only --cap-drop=ALL"
    security = "no-new-privileges", "label=disable"  # SELinux would hide the folder
    command = [engine, "run", *fixed.split(), *(f"--security-opt={name}" for name in security)]
    command += [
        f"--name={folder.name}",
        f"--memory={limits.memory}",
        f"--memory-swap={limits.memory}",
        f"--pids-limit={MAX_PROCESSES}",
        f"--volume={folder}:{folder}",
        f"--workdir={folder / SUBMISSION}",
        *(f"--env={key}={value}" for key, value in variables.items()),
    ]
    if Path(engine).name == "docker":  # podman's root is the user outside
        command.append(f"--user={os.getuid()}:{os.getgid()}")
    return [*command, limits.image]


def _engine() -> str:
    found = next(filter(None, map(shutil.which, ENGINES)), None)
    if found is None:
        engines = " or ".join(ENGINES)
        raise GradingError(f"--container requires {engines}; neither is installed.")
    return found


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


def _watch(
    process: subprocess.Popen[bytes], secret: str, limits: Limits, seconds: float, stop: Event
) -> Run:
    """Follow a run until it reports its end or has to be ended."""
    run, pending, began = Run(), b"", time.monotonic()  # and the last line
    cpu = spent = math.nan  # CPU time that was reported last, and when the last check started
    started, most = math.inf, limits.wait_seconds + GRACE  # for a check that ignores its limits
    stdout, stderr = process.stdout, process.stderr
    with stdout, stderr, selectors.DefaultSelector() as selector:  # type: ignore[union-attr]
        for stream in (stdout, stderr):
            selector.register(stream, selectors.EVENT_READ)  # type: ignore[arg-type]
        while not run.ending:
            ended = run.exit_code is not None  # read first, so that all it printed is read, too
            for key, _ in selector.select(timeout=0.02):
                data = os.read(key.fd, 1 << 16)
                if key.fileobj is stderr:
                    run.output += data[: MAX_PRINTED - len(run.output)]
                    run.printed += len(data)
                else:
                    *lines, pending = (pending + data).split(b"\n")
                    pending = pending if len(pending) < MAX_REPORT else b""
                    for report in _reports(lines, secret):
                        run.add(report)
                        cpu = report.get("cpu", cpu)
                        if "starts" in report:
                            started, spent = time.monotonic(), cpu
                if not data:
                    selector.unregister(key.fileobj)
                    if key.fileobj is stdout and run.exit_code is None:
                        run.exit_code = process.wait()
            now = time.monotonic()
            run.seconds = max(SHARE * (now - began), cpu)
            if stop.is_set():
                run.ending = "interrupted"
            elif run.seconds > seconds:
                often = f"{1 / SHARE:g} times as long"
                run.ending = f"not done in {limits.seconds:.3g} s of CPU time, or {often}"
            elif cpu - spent > most or cpu - spent < SHARE * (now - started - most):
                run.ending = f"stuck for {now - started:.0f} s"
            elif ended:
                run.ending = _describe(run.exit_code or 0)
    run.stopped |= run.ending.startswith(("not done", "stuck"))
    return run


def _reports(lines: Sequence[bytes], secret: str) -> list[dict[str, Any]]:
    """Read the reports; lines without the secret are not the runner's."""
    found = []
    for line in lines:
        start, _, text = line.partition(b" ")
        if start == secret.encode():
            with suppress(ValueError):
                found.append(json.loads(text))
    return found


def _describe(exit_code: int) -> str:
    if exit_code >= 0:
        return f"Python ended with exit code {exit_code}"
    with suppress(ValueError):
        return f"Python was ended by {signal.Signals(-exit_code).name}"
    return f"Python was ended by signal {-exit_code}"
