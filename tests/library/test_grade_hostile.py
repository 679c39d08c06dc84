"""What a submission can do while the checks run; each is graded in a process of its own."""

import math
import os
import re
import select
import socket
import subprocess
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
from tests.library.conftest import Patch
from tests.library.fake_course import ANSWER, OTHER, RIGHT, make_course, write_files


class Impatient(Limits):
    """Enough CPU time to start, and little for a check; what computes on a busy machine waits."""

    check_seconds, wait_seconds = 0.2, 3.0


LIMITS = Impatient(seconds=120, memory=1 << 30, file_size=1 << 20)

# What task2a.py and task3a.py do after a right answer, under a name, the points and the notes.
HOSTILE = r"""
=== computes_and_waits: 0
import threading
while __name__ == "task2a": pass
threading.Event().wait()
=== ignores_what_should_stop_it: 2, Task 2a: stuck for .* s in test_answer
import time
while __name__ == "task2a":
    try: time.sleep(60)
    except BaseException: pass
=== ends_python: 0, Task 2a: .* exit code 0 in test_answer; Task 3a: .* exit code 2 in test_other.*
import json, os
if __name__ == "task3a": raise KeyboardInterrupt
test = {"name": "test_answer", "number": "2a.0", "status": "passed", "output": ""}
with open("../results.json", "w") as file: json.dump({"tests": [test]}, file)
os._exit(0)
=== overwrites_checks: 0, no points: the checks were changed while they ran.*
from pathlib import Path
for path in Path("tests").glob("*.py"): path.write_text("")
=== replaces_a_value_of_a_module: 0, no points: the checks were changed while they ran.*
import sys
from types import SimpleNamespace as Fake
sys.modules["tests.test_answers"].expected = Fake(Expected=Fake(answer=41))
def answer(): return 41
=== replaces_a_value_of_a_class: 0, no points: the checks were changed while they ran.*
import sys
sys.modules["tests.expected"].Expected.answer = 41
def answer(): return 41
=== patches_pytest_and_reports_itself: 0, 2 checks did not run to their end.*
import json, os
import _pytest.runner as r
def passes(cls, f, when, reraise=None): return cls(None, None, 0, 0, 0, when, _ispytest=True)
r.CallInfo.from_call = classmethod(passes)
line = "\n " + json.dumps({"passed": ["2a", "test_answer"]}) + "\n"
for fd in range(1, 64):
    try: os.write(fd, line.encode())
    except OSError: pass
def answer(): return 41
"""
ENTRY = re.compile(r"^=== (\w+): (\d)(?:, ([^\n]+))?\n(.*?)(?=^===|\Z)", re.MULTILINE | re.DOTALL)
ALL = {name: entry for name, *entry in ENTRY.findall(HOSTILE)}


@pytest.fixture(scope="module")
def checks(tmp_path_factory: pytest.TempPathFactory) -> Checks:
    return prepare(make_course(tmp_path_factory.mktemp("course")), LIMITS)


@pytest.fixture(scope="module")
def graded(checks: Checks, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    """Grade all submissions side by side: {name: report}."""

    def one(name: str) -> Report:
        code = ALL[name][2]
        files = {"task2a.py": f"{ANSWER}{code}", "task3a.py": f"{OTHER}{code}"}
        return grade(write_files(tmp_path_factory.mktemp(name), RIGHT | files), checks, LIMITS)

    with ThreadPoolExecutor(len(ALL)) as pool, Patch.context() as patch:
        patch.setattr(isolation, "GRACE", 1.0)
        return dict(zip(ALL, pool.map(one, ALL), strict=True))


@pytest.mark.parametrize("name", ALL)
def test_a_hostile_submission_costs_itself_only(graded: dict[str, Report], name: str) -> None:
    points, note, _ = ALL[name]
    assert graded[name]["score"] == int(points)
    assert re.fullmatch(note, "; ".join(graded[name]["extra_data"]["notes"]))
    is_slow = name in ("computes_and_waits", "ignores_what_should_stop_it")
    assert ("stopped" in graded[name]) == is_slow


def test_after_a_check_was_stopped_the_next_ones_get_less_time(graded: dict[str, Report]) -> None:
    outputs = [test["output"] for test in graded["computes_and_waits"]["tests"]]
    assert [re.findall(r"Timeout \(>([\d.]+.+?)\)", output) for output in outputs] == [
        *(["0.2 s of CPU time"], ["0.1 s of CPU time"], ["1 s of waiting"])
    ]


RIGHT_BUT_ODD = """
import importlib.util, os, shutil, subprocess, sys, tempfile, threading, time, types
assert os.environ["LD_LIBRARY_PATH"] == "/nowhere"
known = [*os.environ.values(), *sys.path, os.getcwd(), __file__]
assert not [value for value in known if {project!r} in value]
assert not [name for name in ("trainer", "course") if importlib.util.find_spec(name)]
assert tempfile.mkstemp()[1].startswith({temporary!r})
os.mkdir("locked", 0)
for limited in (lambda: bytearray(3 << 30), lambda: open("big", "wb").write(bytes(2 << 20))):
    try: limited()
    except (MemoryError, OSError): pass
    else: raise AssertionError("without a limit")
fifo = os.open({fifo!r}, os.O_WRONLY)
os.write(fifo, b"x")
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], pass_fds=[fifo])
try: input("password? ")
except EOFError: pass
time.sleep(0.5)  # which is more than the CPU time of a check
print("x" * 2_000_000)
shutil.rmtree(os.environ["HOME"])
for name in list(sys.modules):
    if name.startswith(("json", "tests")): sys.modules[name] = None
if child := os.fork(): os.waitpid(child, 0)
else: sys.modules["task3a"] = types.SimpleNamespace(answer=lambda: os.kill(os.getppid(), 9))
threading.Thread(target=threading.Event().wait).start()
"""


def test_a_run_ends_and_finds_nothing(checks: Checks, tmp_path: Path, monkeypatch: Patch) -> None:
    os.mkfifo(fifo := tmp_path / "fifo")
    temporary, project = write_files(tmp_path / "temporary", {}), checks.project
    monkeypatch.setattr(isolation, "bubblewrap_problem", lambda: "why")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    monkeypatch.chdir(write_files(project, {"trainer.py": "solution = 1\n"}))
    for name in ("PYTHONPATH", "MNIST_DATA_DIR", "PYTEST_ADDOPTS", "VIRTUAL_ENV", "PWD", "SECRET"):
        monkeypatch.setenv(name, str(project))
    monkeypatch.setenv("LD_LIBRARY_PATH", "/nowhere")
    odd = RIGHT_BUT_ODD.format(project=str(project), temporary=str(temporary), fifo=str(fifo))
    files = {"task2a.py": f"{odd}{ANSWER}".encode(), "task3a.py": OTHER.encode()}
    with open(os.open(fifo, os.O_RDONLY | os.O_NONBLOCK), "rb", 0) as pipe:
        run = run_checks(project, files, LIMITS, LIMITS.seconds, threading.Event())
        assert len(run.passed) == len(checks.tests), run.results
        assert (run.ending, run.altered) == ("Python ended with exit code 0", False)
        assert (run.printed > 2_000_000, len(run.output)) == (True, 20_000)
        assert set(pipe.read(100)) == set(b"x")
        assert select.select([pipe], [], [], 120)[0]  # when no process has the other end
        assert pipe.read(1) == b""
    assert not list(temporary.iterdir())


def test_limits_and_grading_end_a_run() -> None:
    reports = ('{"cpu": 1}', '{"starts": ["2a", "test_answer"]}', '{"cpu": 99}')
    command = ["sh", "-c", 'printf "secret %s\\n" "$@" && exec sleep 60', "sh", *reports]
    unset, stopped = threading.Event(), threading.Event()
    stopped.set()
    for seconds, stop, ending in (
        (-math.inf, unset, "not done in 120 s of CPU time, or 10 times as long"),
        (math.inf, unset, "stuck for 0 s"),  # it took the limit on its CPU time away
        (math.inf, stopped, "interrupted"),
    ):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert isolation._watch(process, "secret", LIMITS, seconds, stop).ending == ending
            process.kill()


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
def test_in_bubblewrap_a_submission_reaches_its_folder_only(checks: Checks, tmp_path: Path) -> None:
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


def test_bubblewrap_is_looked_for_and_tried(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "was not found: install it" in bubblewrap_problem.__wrapped__()
    write_script(tmp_path / "bwrap", "echo 'bwrap: No permissions' >&2\nexit 1")
    refused = "bubblewrap does not work here (bwrap: No permissions): use --container"
    assert bubblewrap_problem.__wrapped__() == refused


def test_a_container_gets_one_run_alone(checks: Checks, tmp_path: Path, monkeypatch: Patch) -> None:
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
    folder, limits = write_files(tmp_path / "a", RIGHT), replace(LIMITS, image="an/image")
    assert grade(folder, checks, limits)["score"] == 6
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
        grade(folder, checks, limits)
