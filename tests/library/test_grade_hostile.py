"""What a submission can do while the checks run; each is graded in a process of its own."""

from __future__ import annotations

import math
import os
import re
import select
import socket
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from course import GradingError, isolation
from course.isolation import Limits, bubblewrap_problem, run_checks
from course.points import Checks, Report, grade, prepare
from tests.library.fake_course import ANSWER, OTHER, RIGHT, make_course, write_files

LIMITS = Limits(seconds=240, memory=1 << 30, file_size=1 << 20)


class Impatient(Limits):
    """For what never ends: long enough to start on a busy machine, but 1 s for a check."""

    check_seconds = 1.0


IMPATIENT = Impatient(120, LIMITS.memory, LIMITS.file_size)

# What task2a.py does beside a right answer, under its name, its points, and a part of its notes if
# it has any. What costs only the checks of task2a leaves the 2 points of task3a.
HOSTILE = r"""
=== never_ends_and_ignores_its_limit: 2, Task 2a: stuck for
import time
while True:
    try: time.sleep(60)
    except BaseException: pass
=== never_computes_long: 6
import time; time.sleep(2)
=== never_ends_and_computes: 2
while True: pass
=== never_ends_computing_without_a_limit: 2, Task 2a: stuck for
import signal; signal.setitimer(signal.ITIMER_PROF, 0)
while True: pass
=== never_ends: 2
import time
while True:
    try: time.sleep(60)
    except Exception: pass
=== exits_at_once: 2, Task 2a: Python ended with exit code 3 in test_answer
import os; os._exit(3)
=== interrupts: 2, Task 2a: Python ended with exit code 2
raise KeyboardInterrupt
=== forks: 6
import os, sys, types
if child := os.fork(): os.waitpid(child, 0)
else: sys.modules["task3a"] = types.SimpleNamespace(answer=lambda: os.kill(os.getppid(), 9))
=== hungry: 2
hog = bytearray(3 << 30)
=== fills_disk: 2
open("big", "wb").write(bytes(100_000_000))
=== overwrites_checks: 0, the checks were changed while they ran
from pathlib import Path
for path in Path("tests").glob("*.py"): path.write_text("")
=== writes_results_and_ends: 2, Task 2a: Python ended with exit code 0 in test_answer
import json, os
test = {"name": "test_answer", "number": "2a.0", "status": "passed", "output": ""}
with open("../results.json", "w") as file: json.dump({"tests": [test]}, file)
os._exit(0)
=== reports_itself: 3
import json, os
line = "\n " + json.dumps({"passed": ["2a", "test_answer"]}) + "\n"
for fd in range(1, 64):
    try: os.write(fd, line.encode())
    except OSError: pass
def answer(): return 41
=== patches_pytest: 0, 2 checks did not run to their end
import _pytest.runner as r
def passes(cls, f, when, reraise=None): return cls(None, None, 0, 0, 0, when, _ispytest=True)
r.CallInfo.from_call = classmethod(passes)
def answer(): return 41
=== replaces_what_a_check_uses: 0, the checks were changed while they ran
import sys
from types import SimpleNamespace as Fake
fake = Fake(import_module=lambda name: Fake(answer=lambda: 43))
sys.modules["tests.test_answers"].importlib = fake
=== replaces_a_value_of_a_class: 0, the checks were changed while they ran
import sys
sys.modules["tests.expected"].Expected.answer = 41
def answer(): return 41
=== meddles: 6
import os, shutil, sys
try: input("password? ")
except EOFError: pass
shutil.rmtree(os.environ["HOME"])
for name in list(sys.modules):
    if name.startswith(("json", "tests")): sys.modules[name] = None
"""
ENTRY = re.compile(r"^=== (\w+): (\d)(?:, ([^\n]+))?\n(.*?)(?=^===|\Z)", re.MULTILINE | re.DOTALL)
ALL = {name: entry for name, *entry in ENTRY.findall(HOSTILE)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_course(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="module")
def checks(project: Path) -> Checks:
    return prepare(project, LIMITS)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run submissions as where bubblewrap is missing."""
    monkeypatch.setattr(isolation, "bubblewrap_problem", lambda: "why")


@pytest.fixture(scope="module")
def graded(checks: Checks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Grade all submissions side by side: {name: report}."""
    top = tmp_path_factory.mktemp("class")

    def one(name: str) -> Report:
        files = {**RIGHT, "task2a.py": f"{ANSWER}{ALL[name][2]}"}
        limits = IMPATIENT if name.startswith("never") else LIMITS
        return grade(write_files(top / name, files), checks, limits)

    with ThreadPoolExecutor(8) as pool, pytest.MonkeyPatch.context() as patch:
        patch.setattr(isolation, "GRACE", 1.0)
        return dict(zip(ALL, pool.map(one, ALL), strict=True))


@pytest.mark.parametrize("name", ALL)
def test_a_hostile_submission_costs_itself_only(graded: dict[str, Report], name: str) -> None:
    points, note, _ = ALL[name]
    notes = "; ".join(graded[name]["extra_data"]["notes"])
    assert graded[name]["score"] == int(points)
    assert note in notes
    assert bool(note) == bool(notes)


def test_what_stops_a_check_is_noted_and_the_next_ones_get_less_time(
    graded: dict[str, Report],
) -> None:
    for name, first, second in (
        ("never_ends_and_computes", "1 s of CPU time", "0.5 s of CPU time"),
        ("never_ends", "4 s of waiting", "2 s of waiting"),
    ):
        found = [
            re.findall(r"Timeout \(>([\d.]+.+?)\)", t["output"]) for t in graded[name]["tests"]
        ]
        assert found == [[first], [second], []]
    assert {name for name in ALL if "stopped" in graded[name]} == {
        name for name in ALL if name.startswith("never_ends")
    }


def test_a_run_ends_with_its_checks_and_keeps_little_of_what_is_printed(project: Path) -> None:
    loud = (
        "import threading\n"
        "print('x' * 20_000_000)\n"
        "threading.Thread(target=threading.Event().wait).start()\n"
    )
    files = {"task2a.py": f"{ANSWER}{loud}".encode(), "task3a.py": b""}
    run = run_checks(project, files, LIMITS, 120, threading.Event())
    assert run.ending == "Python ended with exit code 0"
    assert run.passed == {("2a", "test_answer"), ("2a", "test_module")}
    assert run.printed > 20_000_000
    assert len(run.output) == 20_000


def test_a_run_ends_when_its_time_is_over_or_grading_is_stopped(project: Path) -> None:
    stop = threading.Event()
    late = run_checks(project, {}, LIMITS, -math.inf, stop)
    stop.set()
    stopped = run_checks(project, {}, LIMITS, math.inf, stop)
    assert (late.results, late.ending) == (
        None,
        "not done in 240 s of CPU time, or 10 times as long",
    )
    assert (stopped.results, stopped.ending) == (None, "interrupted")


@pytest.mark.usefixtures("plain")
def test_children_left_behind_are_ended(checks: Checks, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    leaves = (
        "import os, subprocess, sys\n"
        f"fifo = os.open({str(tmp_path / 'fifo')!r}, os.O_WRONLY)\n"
        "os.write(fifo, b'x')\n"
        "command = [sys.executable, '-c', 'import time; time.sleep(600)']\n"
        "subprocess.Popen(command, pass_fds=[fifo])\n"
    )
    folder = write_files(tmp_path / "a", {**RIGHT, "task2a.py": ANSWER + leaves})
    with open(os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK), "rb", 0) as fifo:
        assert grade(folder, checks, LIMITS)["score"] == 6
        assert set(fifo.read(100)) == set(b"x")
        assert select.select([fifo], [], [], 120)[0]  # when no process has the other end
        assert fifo.read(1) == b""


LOOKS = """
import importlib.util, os, sys, tempfile
assert os.environ["LD_LIBRARY_PATH"] == "/nowhere"
known = [*os.environ.values(), *sys.path, os.getcwd(), __file__]
assert not [value for value in known for name in ({project!r}, "class" + "room") if name in value]
assert not [name for name in ("trainer", "course") if importlib.util.find_spec(name)]
assert tempfile.mkstemp()[1].startswith({temporary!r})
os.mkdir("locked", 0)
"""


@pytest.mark.usefixtures("plain")
def test_a_submission_gets_no_token_no_path_of_the_solution_and_a_folder_that_is_removed(
    checks: Checks, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = write_files(tmp_path / "temporary", {})
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(write_files(project, {"trainer.py": "solution = 1\n"}))
    for name in ("PYTHONPATH", "MNIST_DATA_DIR", "PYTEST_ADDOPTS", "VIRTUAL_ENV", "PWD"):
        monkeypatch.setenv(name, str(project))
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    monkeypatch.setenv("SECRET", "classroom")
    looks = LOOKS.format(project=str(project), temporary=str(temporary))
    folder = write_files(tmp_path / "a", {"task2a.py": looks + ANSWER, "task3a.py": OTHER})
    found = grade(folder, checks, LIMITS)
    assert found["score"] == 6, found["tests"][0]["output"]
    assert not list(temporary.iterdir())


ESCAPES = """
import ctypes, os, socket
project = {project!r}
libc = ctypes.CDLL(None)
libc.umount2(project.encode(), 2)
libc.unshare(1 << 28 | 1 << 17)  # a user of its own, who may mount
libc.umount2(project.encode(), 2)
assert os.listdir(project) == os.listdir("/run") == []
assert all(int(name) < 10 for name in os.listdir("/proc") if name.isdigit())
for fails in (lambda: open("/mark", "w"), lambda: open(project + "/mark", "w"),
              lambda: socket.create_connection(("192.0.2.1", 80), 5),
              lambda: socket.socket(socket.AF_UNIX).connect({listening!r})):
    try: fails()
    except OSError as error: assert error.errno in (2, 30, 101), error
    else: raise AssertionError
open("mine", "w")
"""


@pytest.mark.skipif(bool(bubblewrap_problem()), reason="bubblewrap does not work here")
def test_in_bubblewrap_a_submission_writes_to_its_folder_only_and_finds_nothing(
    checks: Checks, tmp_path: Path
) -> None:
    with (
        tempfile.TemporaryDirectory(dir="/var/tmp") as project,  # /tmp is hidden anyway
        tempfile.TemporaryDirectory(dir="/tmp") as folder,
        socket.socket(socket.AF_UNIX) as server,
    ):
        make_course(Path(project))
        server.bind(f"{folder}/socket")
        server.listen()
        code = ESCAPES.format(project=project, listening=f"{folder}/socket") + ANSWER
        submission = write_files(tmp_path / "a", {"task2a.py": code})
        found = grade(submission, replace(checks, project=Path(project)), LIMITS)
    assert found["score"] == 4, found["tests"][0]["output"]


def write_script(path: Path, text: str) -> None:
    write_files(path.parent, {path.name: f"#!/bin/sh\n{text}\n"})
    path.chmod(0o755)


def test_bubblewrap_is_looked_for_and_tried(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "was not found: install it" in bubblewrap_problem.__wrapped__()
    write_script(tmp_path / "bwrap", "echo 'bwrap: No permissions' >&2\nexit 1")
    refused = "bubblewrap does not work here (bwrap: No permissions): use --container"
    assert bubblewrap_problem.__wrapped__() == refused


def test_a_container_gets_the_folder_of_one_run_and_no_network(
    checks: Checks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that logs its call, and runs the command on this machine."""
    log = tmp_path / "log"
    engine = f"""printf '%s\\n' "$@" >> {log}
test "$1" = rm && exit
while test "$1" != an/image; do
    case "$1" in --env=*) export "${{1#--env=}}" ;; esac
    shift
done
shift 2
exec {sys.executable} "$@" """
    write_script(tmp_path / "bin" / "docker", engine)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin")
    monkeypatch.setattr(isolation, "ENGINES", ("no_such_engine", "docker"))
    folder = write_files(tmp_path / "a", RIGHT)
    assert grade(folder, checks, replace(LIMITS, image="an/image"))["score"] == 6
    lines = log.read_text().splitlines()
    (volume,) = [line for line in lines if line.startswith("--volume=")]
    inside = volume.split(":")[1]
    assert volume == f"--volume={inside}:{inside}"
    options = {*lines[1 : lines.index("an/image")]}
    assert options >= {
        *("--network=none", "--read-only", "--cap-drop=ALL", "--rm", "--pids-limit=256"),
        *(f"--memory={1 << 30}", f"--user={os.getuid()}:{os.getgid()}"),
        *(f"--workdir={inside}/submission", f"--env=HOME={inside}/home"),
    }
    assert lines[-3:] == ["rm", "--force", Path(inside).name]
    monkeypatch.setenv("PATH", "")
    with pytest.raises(GradingError, match="--container requires no_such_engine or docker"):
        grade(folder, checks, replace(LIMITS, image="an/image"))
