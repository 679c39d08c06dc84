"""The hand-in: what goes into the zip, and the faults that keep it from being written."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from unittest.mock import Mock

import pytest

import create_submission_zip
from course.blank import blank
from lab.assignment import FILES, PACKAGES

OUT = "assignment_code.zip"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder in which every file imports; task2a needs utils and the packages."""
    folder = tmp_path.resolve() / "project"
    for package in PACKAGES:
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text("SIZE = 28\n")
    for name in FILES:
        (folder / name).write_text("X = 1\n")
    (folder / "task2a.py").write_text(
        "import utils\nfrom digits import SIZE\nfrom lab import SIZE\n"
    )
    monkeypatch.setattr(create_submission_zip, "PROJECT", folder)
    return folder


def fault(*arguments: str) -> str:
    """Run the script; return its fault, or "". A fault changes no file."""
    before = files_of(create_submission_zip.PROJECT)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["create_submission_zip.py", *arguments])
        try:
            create_submission_zip.main()
        except SystemExit as stop:
            printed = str(stop.code)
        else:
            return ""
    assert "No zip was written." in printed
    assert files_of(create_submission_zip.PROJECT) == before
    return printed


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_zip_holds_the_six_files_and_those_that_are_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / "notes" / "old").mkdir(parents=True)
    (project / "notes" / "old" / "weights.bin").write_bytes(b"\xff\x00")
    (project / "helper.py").write_text("print('λ')\n", encoding="utf-8")
    code = "import os, helper\nassert os.environ['MPLBACKEND'] == 'Agg'\n"
    (project / "task3.py").write_text(code)
    monkeypatch.setenv("MPLBACKEND", "TkAgg")
    before = files_of(project)
    assert fault("notes/../notes/old/weights.bin", str(project / "helper.py")) == ""
    with zipfile.ZipFile(project / OUT) as archive:
        assert archive.namelist() == sorted([*FILES, "helper.py", "notes/old/weights.bin"])
        assert all(archive.read(name) == before[project / name] for name in archive.namelist())
    assert files_of(project) == before | {project / OUT: (project / OUT).read_bytes()}
    os.utime(project / "helper.py", (1e9, 1e9))
    assert fault("helper.py", "notes/old/weights.bin", "--out", "again.zip") == ""
    assert (project / "again.zip").read_bytes() == (project / OUT).read_bytes()


def test_functions_not_written_are_listed_and_packed_only_when_asked(project: Path) -> None:
    code = '# René\nclass Model:\n    def forward(self):\n        """Compute yhat."""\n'
    stub = blank(code, "task2a", {"task2a.Model.forward": "2a"})
    (project / "task2a.py").write_text(stub, encoding="utf-8")
    (project / "task3.py").write_text("def train_step():\n    raise NotImplementedError\n")
    assert fault() == (
        "Task 2a: write task2a.Model.forward\n"
        "To hand in what there is, add --unfinished.\nNo zip was written."
    )
    assert fault("--unfinished") == ""


def test_every_file_that_is_missing_from_the_project_is_named(project: Path) -> None:
    (project.parent / "far.py").touch()
    (project / "task2.py").unlink()
    missing = fault("../far.py", "gone.py", "digits")
    for name in ("task2.py", "../far.py", "gone.py", "digits"):
        assert os.path.abspath(project / name) in missing


@pytest.mark.parametrize("out", ["task2.py", "./data.zip", "code.tar", "code.zipx"])
def test_the_zip_overwrites_no_file_handed_in_and_is_called_one(project: Path, out: str) -> None:
    (project / "data.zip").touch()
    assert f"--out {out}: choose a new name that ends in .zip" in fault("data.zip", "--out", out)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (b"X = 1\n\nname = '\xf8'\n", 'File "task2.py", line 3\n'),
        (b"import nowhere\n", "ModuleNotFoundError: No module named 'nowhere'\n"),
        (b"import utils.sizes\n", "No module named 'utils.sizes'"),
        (b"exit(0)\n", "The import of the six files ended with exit code 0.\n"),
    ],
)
def test_an_import_that_fails_is_reported_without_the_temporary_folder(
    project: Path, code: bytes, error: str
) -> None:
    (project / "task2.py").write_bytes(code)
    printed = fault()
    assert printed.startswith(("Traceback", "The import"))
    assert error in printed
    assert "Likely fix" not in printed
    assert tempfile.gettempdir() + os.sep not in printed.replace(str(project), "")


@pytest.mark.parametrize("name", ["helper.py", "helper/sizes.py"])
def test_a_module_or_package_left_out_is_reported_with_the_command_that_adds_it(
    project: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(project))  # it is not looked for there
    (project / "helper").mkdir()
    (project / "notes.txt").touch()
    (project / name).touch()
    (project / "task3.py").write_text("import helper\n")
    command = "Likely fix: python create_submission_zip.py notes.txt"
    assert f"\n{command} {name}\n" in fault("notes.txt")


def test_an_import_without_end_is_a_fault(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(create_submission_zip, "IMPORT_SECONDS", 0.1)
    (project / "task3.py").write_text("while True:\n    pass\n")
    assert fault().startswith("Not imported after 0.1 s: move what takes long into main().")


@pytest.mark.parametrize(
    "task3", ["def f(:", 'raise NotImplementedError("Task 3a: write f")', "X = 1"]
)
@pytest.mark.parametrize("extra", ["helper.py", "gone.py"])
def test_a_zip_of_before_is_said_to_be_older(
    project: Path, monkeypatch: pytest.MonkeyPatch, task3: str, extra: str
) -> None:
    """Whatever fails: a file that is missing, an import, a function, the disk."""
    (project / OUT).write_bytes(b"old")
    os.utime(project / OUT, (1e9, 1e9))
    (project / "helper.py").touch()
    (project / "task3.py").write_text(f"def g():\n    {task3}\n")
    full = OSError(28, "No space left on device")
    monkeypatch.setattr(zipfile.ZipFile, "writestr", Mock(side_effect=full))
    older = re.escape(f"No zip was written. {project / OUT} is an older one, of 2001-09-")
    assert re.search(rf"{older}0\d \d\d:\d\d\.$", fault(extra))


def test_ctrl_c_leaves_the_zip_of_before(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / OUT).write_bytes(b"old")
    before = files_of(project)
    monkeypatch.setattr(zipfile.ZipFile, "writestr", Mock(side_effect=KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        fault()
    assert files_of(project) == before


def test_the_script_runs_from_any_folder_and_waits_for_no_input(project: Path) -> None:
    script = Path(create_submission_zip.__file__)
    for package in PACKAGES:
        shutil.copytree(script.parent / package, project / package, dirs_exist_ok=True)
    shutil.copy(script, project)
    (project / "task2a.py").write_text("input('Epochs? ')\n")
    command = [sys.executable, str(project / script.name)]
    stopped = subprocess.run(
        command, cwd=project.parent, input="5\n", capture_output=True, text=True
    )
    assert (stopped.returncode, stopped.stdout) == (1, "")
    assert "EOFError: EOF when reading a line\n" in stopped.stderr
