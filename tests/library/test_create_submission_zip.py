"""The hand-in: what goes into the zip, and the faults that keep it from being written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import create_submission_zip
from course.blank import blank
from lab.assignment import FILES, PACKAGES

OUT = "assignment_code.zip"
Fault = Callable[..., str]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder in which every file imports: task2a needs utils, utils needs a package."""
    folder = tmp_path.resolve() / "project"
    for package in PACKAGES:
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text("SIZE = 28\n")
    for name in (*FILES, "create_submission_zip.py"):
        (folder / name).write_text("X = 1\n")
    (folder / "task2a.py").write_text("import utils\n")
    (folder / "utils.py").write_text("from digits import SIZE\nfrom lab import SIZE\n")
    monkeypatch.setattr(create_submission_zip, "PROJECT", folder)
    return folder


@pytest.fixture
def fault(project: Path, monkeypatch: pytest.MonkeyPatch) -> Fault:
    """A function that runs the script and returns its fault, or ""; a fault changes no file."""

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["create_submission_zip.py", *arguments])
        before = files_of(project)
        try:
            create_submission_zip.main()
        except SystemExit as stop:
            printed = str(stop.code)
        else:
            return ""
        assert "No zip was written." in printed
        assert files_of(project) == before
        return printed

    return run


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_zip_holds_the_six_files_with_further_ones_and_nothing_else_changes(
    project: Path, fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "notes").mkdir()
    (project / "notes" / "weights.bin").write_bytes(b"\xff\x00")
    (project / "helper.py").write_text("Y = 2\n")
    (project / "task3.py").write_text("from helper import Y\n")
    (project / OUT).write_bytes(b"old")
    before = files_of(project)
    assert fault("notes/../notes/weights.bin", str(project / "helper.py")) == ""
    names = sorted([*FILES, "helper.py", "notes/weights.bin"])
    assert capsys.readouterr().out.splitlines()[:-1] == names
    with zipfile.ZipFile(project / OUT) as archive:
        assert archive.namelist() == names
        assert all(archive.read(name) == before[project / name] for name in names)
    assert files_of(project) == before | {project / OUT: (project / OUT).read_bytes()}


def test_the_same_files_give_the_same_bytes_whatever_their_dates_and_order(
    project: Path, fault: Fault
) -> None:
    (project / "a.txt").touch()
    (project / "b.txt").touch()
    assert fault("a.txt", "b.txt") == ""
    for path in project.glob("*.*"):
        os.utime(path, (1e9, 1e9))
    assert fault("b.txt", "./a.txt", "a.txt", "--out", "again.zip") == ""
    assert (project / "again.zip").read_bytes() == (project / OUT).read_bytes()


def test_functions_that_are_not_written_are_listed_and_packed_only_when_asked(
    project: Path, fault: Fault
) -> None:
    function = 'def shuffled_order():\n    """Draw the order."""\n'
    method = '# René\nclass Model:\n    def forward(self):\n        """Compute yhat."""\n'
    stub = blank(function, "utils", {"utils.shuffled_order": "2e"})
    (project / "utils.py").write_text(stub)
    stub = blank(method, "task2a", {"task2a.Model.forward": "2a"})
    (project / "task2a.py").write_text(stub, encoding="utf-8")
    (project / "task3.py").write_text("def train_step():\n    raise NotImplementedError\n")
    assert fault() == (
        "Task 2a: write task2a.Model.forward\nTask 2e: write utils.shuffled_order\n"
        "No zip was written. To hand in what there is, add --unfinished."
    )
    assert fault("--unfinished") == ""
    assert (project / OUT).exists()


def test_every_file_that_is_missing_from_the_project_is_named(project: Path, fault: Fault) -> None:
    (project.parent / "far.py").touch()
    (project / "link.py").symlink_to(project.parent / "far.py")
    (project / "task2.py").unlink()
    missing = fault("link.py", "gone.py", "digits")
    for name in ("task2.py", "../far.py", "gone.py", "digits"):
        assert os.path.abspath(project / name) in missing


@pytest.mark.parametrize(
    "arguments",
    [["--out", "task2.py"], ["data.zip", "--out", "./data.zip"], ["--out", "code.tar"]],
)
def test_the_zip_overwrites_no_file_of_the_project_and_is_called_one(
    project: Path, fault: Fault, arguments: list[str]
) -> None:
    (project / "data.zip").touch()
    assert f"--out {arguments[-1]}: choose a new name that ends in .zip" in fault(*arguments)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (b"X = 1\n\nname = '\xf8'\n", 'File "task2.py", line 3\n'),
        (b"X = 1\n\nnumber\n", "NameError: name 'number' is not defined"),
        (b"import warnings\nwarnings.warn('careful')\nexit(0)\n", "ended with exit code 0.\n"),
        (b"import os\nos._exit(200)\n", "The import of the six files ended with exit code 200.\n"),
    ],
)
def test_an_import_that_fails_prints_pythons_traceback_without_the_temporary_folder(
    project: Path, fault: Fault, code: bytes, error: str
) -> None:
    (project / "task2.py").write_bytes(code)
    printed = fault()
    assert error in printed
    assert tempfile.gettempdir() + os.sep not in printed.replace(str(project), "")


@pytest.mark.parametrize("name", ["helper.py", "helper/sizes.py"])
def test_a_module_or_package_left_out_is_reported_with_the_command_that_adds_it(
    project: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(project))  # it is not looked for there
    (project / "helper").mkdir()
    (project / "notes.txt").touch()
    (project / name).touch()
    (project / "task3.py").write_text("import helper\n")
    command = "Likely fix: python create_submission_zip.py notes.txt"
    assert f"\n{command} {name}\n" in fault("notes.txt")


@pytest.mark.parametrize("missing", ["helper.sizes", "nowhere"])
def test_no_command_is_offered_where_it_would_not_help(
    project: Path, fault: Fault, missing: str
) -> None:
    (project / "helper.py").touch()
    (project / "task3.py").write_text(f"import helper\nimport {missing}\n")
    printed = fault("helper.py")
    assert f"No module named '{missing}'" in printed
    assert "Likely fix" not in printed


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal.pause")
def test_a_process_that_an_import_leaves_behind_is_not_waited_for(
    project: Path, fault: Fault
) -> None:
    left = project.parent / "left"
    (project / "task3.py").write_text(
        "import subprocess, sys\n"
        "process = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()'])\n"
        f"open({str(left)!r}, 'w').write(str(process.pid))\n"
    )
    try:
        assert fault() == ""
    finally:
        os.kill(int(left.read_text()), signal.SIGKILL)


def test_an_import_that_never_ends_is_a_fault(
    project: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create_submission_zip, "IMPORT_SECONDS", 0.1)
    (project / "task3.py").write_text("while True:\n    pass\n")
    assert fault().startswith("Not imported after 0.1 s: move what takes long into main().")


def test_an_import_may_print_and_draws_without_a_window(
    project: Path,
    fault: Fault,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MPLBACKEND", "TkAgg")
    (project / "task2.py").write_text("print('λ')\n", encoding="utf-8")
    (project / "task3.py").write_text("import os\nassert os.environ['MPLBACKEND'] == 'Agg'\n")
    assert fault() == ""
    assert "λ" not in "".join(capfd.readouterr())


def test_an_interrupt_leaves_the_zip_that_was_there(
    project: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object) -> None:
        raise KeyboardInterrupt

    (project / OUT).write_bytes(b"old")
    before = files_of(project)
    monkeypatch.setattr(zipfile.ZipFile, "writestr", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fault()
    assert files_of(project) == before


def test_the_script_runs_from_any_folder_and_waits_for_no_input(project: Path) -> None:
    script = Path(create_submission_zip.__file__)
    for package in PACKAGES:
        shutil.copytree(script.parent / package, project / package, dirs_exist_ok=True)
    shutil.copy(script, project)
    (project / "task2a.py").write_text("input('Epochs? ')\n")
    stopped = subprocess.run(
        [sys.executable, project / script.name],
        cwd=project.parent,
        input="5\n",
        capture_output=True,
        text=True,
    )
    assert (stopped.returncode, stopped.stdout) == (1, "")
    assert stopped.stderr.endswith("No zip was written.\n")
    assert "EOFError: EOF when reading a line\n" in stopped.stderr
