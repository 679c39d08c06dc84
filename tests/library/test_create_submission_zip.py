"""The hand-in: what goes into the zip, and the faults that keep it from being written."""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from runpy import run_path
from unittest.mock import Mock, patch

import pytest

import create_submission_zip
from course.blank import blank
from lab.assignment import FILES, PACKAGES
from tests.library.conftest import Patch

OUT = "assignment_code.zip"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: Patch) -> Path:
    """A project folder in which every file imports; task2a needs utils and the packages."""
    folder = tmp_path.resolve() / "project"
    monkeypatch.setattr(create_submission_zip, "PROJECT", folder)
    for package in PACKAGES:
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").touch()
    for name in (*FILES, "helper.py", "notes.txt"):
        (folder / name).write_text("print('λ')\n", encoding="utf-8")
    (folder / "task2a.py").write_text("import digits, lab, utils\n")
    return folder


def pack(*arguments: str) -> None:
    with patch.object(sys, "argv", ["create_submission_zip.py", *arguments]):
        create_submission_zip.main()


def files() -> dict[Path, bytes]:
    paths = create_submission_zip.PROJECT.rglob("*")
    return {path: path.read_bytes() for path in paths if path.is_file()}


def fault(*arguments: str) -> str:
    """Run the script, which is to refuse and to change no file, and return what it says."""
    before = files()
    with pytest.raises(SystemExit, match=r"No zip was written\.") as stop:
        pack(*arguments)
    assert files() == before
    return str(stop.value)


def test_the_zip_holds_the_six_files_and_those_named(project: Path, monkeypatch: Patch) -> None:
    (project / "notes" / "old").mkdir(parents=True)
    (project / "notes" / "old" / "weights.bin").write_bytes(b"\xff\x00")
    (project / "task3.py").write_text("import os, helper\nassert os.environ['MPLBACKEND'] == 'Agg'")
    monkeypatch.setenv("MPLBACKEND", "TkAgg")
    before = files()
    pack("lab/../notes/old/weights.bin", str(project / "helper.py"))
    packed = (project / OUT).read_bytes()
    assert files() == before | {project / OUT: packed}
    with zipfile.ZipFile(project / OUT) as archive:
        assert archive.namelist() == sorted([*FILES, "helper.py", "notes/old/weights.bin"])
        assert all(archive.read(name) == before[project / name] for name in archive.namelist())
    os.utime(project / "helper.py", (1e9, 1e9))
    pack("helper.py", "notes/old/weights.bin", "--out", "again.zip")
    assert (project / "again.zip").read_bytes() == packed


def test_functions_not_written_are_listed_and_packed_only_when_asked(project: Path) -> None:
    code = '# René\nclass Model:\n    def forward(self):\n        """Compute yhat."""\n'
    stub = blank(code, "task2a", {"task2a.Model.forward": "2a"})
    (project / "task2a.py").write_text(stub, encoding="utf-8")
    (project / "task3.py").write_text("def train_step():\n    raise NotImplementedError\n")
    listed = "Task 2a: write task2a.Model.forward\nTo hand in what there is, add --unfinished.\n"
    assert fault() == f"{listed}No zip was written."
    pack("--unfinished")
    assert (project / OUT).exists()


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
        (
            b"import helper\n",
            "\nLikely fix: python create_submission_zip.py notes.txt helper.py helper/sizes.py",
        ),
        (b"import utils.sizes\n", "No module named 'utils.sizes'"),
        (b"exit(0)\n", "The import of the six files ended with exit code 0.\n"),
    ],
)
def test_a_failed_import_names_no_temporary_path(
    project: Path, monkeypatch: Patch, code: bytes, error: str
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(project))  # modules left out are not looked for there
    (project / "helper").mkdir()
    (project / "helper" / "sizes.py").touch()
    (project / "task2.py").write_bytes(code)
    printed = fault("notes.txt")
    assert printed.startswith(("Traceback", "The import"))
    assert error in printed
    assert ("Likely fix" in printed) == (b"helper" in code)
    assert tempfile.gettempdir() + os.sep not in printed.replace(str(project), "")


def test_an_import_without_end_is_a_fault(project: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(create_submission_zip, "IMPORT_SECONDS", 0.1)
    (project / "task3.py").write_text("while True:\n    pass\n")
    assert fault().startswith("Not imported after 0.1 s: move what takes long into main().")


def test_a_zip_of_before_is_said_to_be_older(project: Path, monkeypatch: Patch) -> None:
    """Whatever fails: a file that is missing, an import, a function, the disk."""
    (project / OUT).touch()
    os.utime(project / OUT, (1e9, 1e9))
    monkeypatch.setattr(zipfile.ZipFile, "writestr", Mock(side_effect=OSError))
    stub = 'def f():\n    raise NotImplementedError("Task 3a: write f")'
    failing = ("gone.py", ""), ("helper.py", "def f(:"), ("helper.py", stub), ("helper.py", "")
    for extra, code in failing:
        (project / "task3.py").write_text(code)
        assert f"No zip was written. {project / OUT} is an older one, of 2001-" in fault(extra)


def test_the_script_runs_from_any_folder_and_waits_for_no_input(project: Path) -> None:
    script = Path(create_submission_zip.__file__)
    run_path(str(script), run_name=script.stem)  # to import it does nothing
    for package in PACKAGES:
        shutil.copytree(script.parent / package, project / package, dirs_exist_ok=True)
    shutil.copy(script, project)
    (project / "task2a.py").write_text("input('Epochs? ')\n")
    command = [sys.executable, str(project / script.name)]
    stopped = subprocess.run(command, cwd=project.parent, input=b"5\n", capture_output=True)
    assert stopped.returncode == 1
    assert b"EOFError: EOF when reading a line" in stopped.stderr
