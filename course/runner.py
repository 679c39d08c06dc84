"""The process in which a submission meets the checks: `isolation` runs a copy of this file.

Its job comes from stdin. Its reports go to stdout, one JSON object a line, each after the secret of
the job; what anything else prints goes to stderr.
"""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

MAX_RESULTS = 5_000_000  # bytes of the results file
BUSY = 0.01  # of the time in which a check does not wait
Send = Callable[..., None]


class Reports:
    """A pytest plugin that runs the checks and reports the start and the success of each.

    It calls the functions that were collected before any code of the submission ran, and reports
    after they returned: patches of pytest earn nothing.
    """

    def __init__(self, send: Send, wait: float) -> None:
        self._send, self._pid = send, os.getpid()
        self._wait, self._stops = wait, 0
        self._tests: dict[str, Callable[..., None]] = {}
        self._values: list[tuple[Mapping[str, Any], str, Any, Any]] = []

    def pytest_collection_finish(self, session: Any) -> None:
        """Keep the checks, and all that their modules name, as before a submission runs."""
        self._tests = {item.nodeid: item.obj for item in session.items}
        modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "tests"]
        places = [vars(module) for module in modules]
        places += [vars(value) for place in places for value in place.values() if _is_own(value)]
        self._values = [
            (place, name, value, getattr(value, "__code__", None))
            for place in places
            for name, value in place.items()
        ]

    def pytest_timeout_set_timer(self, settings: Any) -> bool:
        """Stop a check, for pytest-timeout, by its CPU time, or when it waits.

        How long it takes says little on a machine that others use. What one check does not end
        others do not either: after each that was stopped, the next one gets less.
        """
        import pytest

        limit, wait = (s / min(1 + self._stops, 4) for s in (settings.timeout, self._wait))
        spent = time.process_time()

        def stop(signum: int, _: object) -> None:
            nonlocal spent
            before, spent = spent, time.process_time()
            if signum == signal.SIGALRM and spent - before > BUSY * wait:
                return
            self._stops += 1
            self._send(stopped=True)
            cpu = f"{limit:g} s of CPU time"
            what = cpu if signum == signal.SIGPROF else f"{wait:g} s of waiting"
            pytest.fail(f"Timeout (>{what}), from pytest-timeout")

        for signum, timer, seconds in (
            (signal.SIGPROF, signal.ITIMER_PROF, limit),
            (signal.SIGALRM, signal.ITIMER_REAL, wait),
        ):
            signal.signal(signum, stop)
            signal.setitimer(timer, seconds, seconds)
        return True

    def pytest_timeout_cancel_timer(self) -> bool:
        """End the limits of a check."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        return True

    def pytest_runtest_setup(self, item: Any) -> None:
        """Report which check starts; a fork of the process ends instead of going on."""
        if os.getpid() != self._pid:
            os._exit(0)
        self._send(starts=_name_of(item))

    def pytest_pyfunc_call(self, pyfuncitem: Any) -> bool:
        """Run a check, and report that it passed, or that the checks are not the same any more."""
        names = pyfuncitem._fixtureinfo.argnames
        self._tests[pyfuncitem.nodeid](**{name: pyfuncitem.funcargs[name] for name in names})
        self._send(**{"passed" if self._is_intact() else "altered": _name_of(pyfuncitem)})
        return True

    def _is_intact(self) -> bool:
        return all(
            place.get(name) is value and getattr(value, "__code__", None) is code
            for place, name, value, code in self._values
        )


def _is_own(value: object) -> bool:
    return isinstance(value, type) and value.__module__.startswith("tests.")


def _name_of(item: Any) -> list[str]:
    marker = item.get_closest_marker("check")
    return [marker.args[0].task if marker else "", item.name]


def main() -> None:
    """Run the job in a child, and report its CPU time, and how it ended."""
    job = json.load(sys.stdin)
    send = _sender(job["secret"], os.dup(1))
    if not (child := os.fork()):
        _run(job, send)
    while not (ended := os.waitpid(child, os.WNOHANG))[0]:
        with suppress(OSError):  # not every system has /proc
            # of the process, and of its children that ended
            times = Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[11:15]
            send(cpu=sum(map(int, times)) / os.sysconf("SC_CLK_TCK"))
        time.sleep(0.05)
    send(ended=os.waitstatus_to_exitcode(ended[1]))


def _sender(secret: str, channel: int) -> Send:
    dumps, write = json.dumps, os.write  # as they are before a submission can change them

    def send(**report: object) -> None:
        data = f"\n{secret} {dumps(report)}\n".encode()
        while data:
            data = data[write(channel, data) :]

    return send


def _run(job: dict[str, Any], send: Send) -> None:
    """Run pytest within the limits; report its results."""
    os.dup2(2, 1)
    for name, limit in job["limits"].items():
        with suppress(AttributeError, ValueError, OSError):  # not every system has each limit
            resource.setrlimit(getattr(resource, name), (limit, limit))

    import pytest

    exit_code = pytest.main(job["arguments"], plugins=[Reports(send, job["wait"])])
    if exit_code == pytest.ExitCode.TESTS_FAILED:
        exit_code = 0  # all checks ran; Python exits with 1 for an exception out of pytest itself
    path = Path(job["results"])
    if exit_code == 0 and path.is_file():  # reading a pipe would block
        with path.open("rb") as file:
            send(results=file.read(MAX_RESULTS).decode(errors="replace"))
    os._exit(exit_code)  # do not wait for threads or exit handlers of the submission


if __name__ == "__main__":
    main()
