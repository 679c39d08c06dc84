"""The process in which a submission meets the checks: `isolation` runs a copy of this file.

Its job comes from stdin. Its reports go to stdout, one JSON object a line, each after the secret of
the job; what anything else prints goes to stderr.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import struct
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

MAX_RESULTS = 5_000_000  # bytes of the results file
USER, MOUNTS, PROCESSES, NETWORK, IPC = 1 << 28, 1 << 17, 1 << 29, 1 << 30, 1 << 27  # CLONE_NEW...
READ_ONLY, BIND, RECURSIVE, PRIVATE = 1, 1 << 12, 1 << 14, 1 << 18  # MS_...
SET_ATTRIBUTES, HERE, BELOW = 442, -100, 0x8000  # mount_setattr, AT_FDCWD, AT_RECURSIVE
Send = Callable[..., None]
Function = tuple[Mapping[str, Any], str, object, object]  # where it is, its name, itself, its code


class Reports:
    """A pytest plugin that runs the checks and reports the beginning and the success of each.

    It calls the functions that were collected before any code of the submission ran, and reports
    after they returned: patches of pytest earn nothing.
    """

    def __init__(self, send: Send) -> None:
        self._send, self._pid = send, os.getpid()
        self._tests: dict[str, Callable[..., None]] = {}
        self._before: list[Function] = []

    def pytest_collection_finish(self, session: Any) -> None:
        """Keep the checks as they are before the submission is imported."""
        self._tests = {item.nodeid: item.obj for item in session.items}
        self._before = _functions()

    def pytest_runtest_setup(self, item: Any) -> None:
        """Report which check begins; a fork of the process ends instead of going on."""
        if os.getpid() != self._pid:
            os._exit(0)
        self._send(begins=_about(item))

    def pytest_pyfunc_call(self, pyfuncitem: Any) -> bool:
        """Run a check, and report that it passed, or that its code is not the same any more."""
        names = pyfuncitem._fixtureinfo.argnames
        self._tests[pyfuncitem.nodeid](**{name: pyfuncitem.funcargs[name] for name in names})
        intact = all(map(_is_intact, self._before))
        self._send(**{"passed" if intact else "altered": _about(pyfuncitem)})
        return True


def _about(item: Any) -> list[str]:
    marker = item.get_closest_marker("check")
    return [marker.args[0].task if marker else "", item.name]


def _functions() -> list[Function]:
    """Find every function of the checks, and NumPy's."""
    modules = [name for name in sys.modules if name == "numpy" or name.split(".")[0] == "tests"]
    places: list[Mapping[str, Any]] = [vars(sys.modules[name]) for name in modules]
    for place in list(places):
        own = (value for value in place.values() if isinstance(value, type))
        places += [vars(value) for value in own if value.__module__ in modules]
    return [
        (place, name, value, getattr(value, "__code__", None))
        for place in places
        for name, value in place.items()
        if callable(value)
    ]


def _is_intact(function: Function) -> bool:
    place, name, value, code = function
    return place.get(name) is value and getattr(value, "__code__", None) is code


def main() -> None:
    """Run the job in a child, in namespaces of its own where the job and the system allow it."""
    job = json.load(sys.stdin)
    folders = job["writable"], job["hide"]
    private = job["namespaces"] and _in_a_child(lambda: _leave(*folders) and _in_a_child(_arrive))
    if private:
        _leave(*folders)
    if job["detach"] and os.fork():
        os._exit(0)  # the child has no parent whose folder or arguments name the project
    if private:
        _arrive()
    send = _sender(job["secret"], os.dup(1))
    child = os.fork()
    if not child:
        _run(job, send)
    _, status = os.waitpid(child, 0)
    send(ended=os.waitstatus_to_exitcode(status))


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

    exit_code = pytest.main(job["arguments"], plugins=[Reports(send)])
    if exit_code == pytest.ExitCode.TESTS_FAILED:
        exit_code = 0  # all checks ran; Python exits with 1 for an exception out of pytest itself
    path = Path(job["results"])
    if exit_code == 0 and path.is_file():  # reading a pipe would block
        with path.open("rb") as file:
            send(results=file.read(MAX_RESULTS).decode(errors="replace"))
    os._exit(exit_code)  # do not wait for threads or exit handlers of the submission


def _in_a_child(work: Callable[[], bool]) -> bool:
    """Try something in a fork; tell whether it was possible."""
    if child := os.fork():
        return os.waitpid(child, 0)[1] == 0
    with suppress(OSError, AttributeError):
        os._exit(0 if work() else 1)
    os._exit(1)


def _leave(writable: str, hide: str) -> bool:
    """Enter Linux's namespaces: no network, one folder to write to, and one that looks empty."""
    user, group = os.getuid(), os.getgid()
    _system("unshare", USER | MOUNTS | PROCESSES | NETWORK | IPC)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    _system("mount", None, b"/", None, RECURSIVE | PRIVATE, None)
    _system("mount", os.fsencode(writable), os.fsencode(writable), None, BIND, None)
    for place, flags, changes in (("/", BELOW, (READ_ONLY, 0)), (writable, 0, (0, READ_ONLY))):
        attributes = struct.pack("4Q", *changes, 0, 0)  # to set, to clear
        _system("syscall", SET_ATTRIBUTES, HERE, os.fsencode(place), flags, attributes, 32)
    for place in filter(os.path.isdir, ("/dev/shm", hide)):
        _system("mount", b"none", os.fsencode(place), b"tmpfs", 0, None)
    os.chdir(os.getcwd())  # the folder of this path, no longer the one under it
    return True


def _arrive() -> bool:
    """In the first process of the namespaces: see no others, and lose the right to leave."""
    _system("mount", b"none", b"/proc", b"proc", 0, None)
    _system("unshare", USER)
    return True


def _system(call: str, *arguments: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if getattr(libc, call)(*arguments):
        raise OSError(ctypes.get_errno(), call)


if __name__ == "__main__":
    main()
