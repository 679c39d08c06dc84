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
    for name in FILES:
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


def names_in(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


STUB = """def shuffled_order(num_examples, rng):
    raise NotImplementedError("Task 2e: write utils.shuffled_order")


def batch_loader(X):
    raise NotImplementedError("a helper of the student's own")
"""
METHOD = """class BinaryModel:
    def forward(self, X):
        raise NotImplementedError
    def backward(self, X, outputs, targets):
        if X is None:
            raise NotImplementedError
        self.grad = X
"""


def test_functions_that_are_not_written_are_listed_and_packed_only_when_asked(
    project: Path, fault: Fault
) -> None:
    (project / "utils.py").write_text(STUB)
    (project / "task2a.py").write_text(METHOD)
    assert fault() == (
        "Task 2a: task2a.BinaryModel.forward is not written yet\n"
        "Task 2e: utils.shuffled_order is not written yet\n"
        "No zip was written. To hand in what there is, add --unfinished."
    )
    assert fault("--unfinished") == ""
    assert names_in(project / OUT) == sorted(FILES)


def test_the_zip_holds_the_six_files_and_nothing_else_changes(
    project: Path, fault: Fault, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / OUT).write_bytes(b"old")
    before = files_of(project)
    assert fault() == ""
    with zipfile.ZipFile(project / OUT) as archive:
        assert sorted(archive.namelist()) == sorted(FILES)
        assert all(archive.read(name) == before[project / name] for name in FILES)
    assert files_of(project) == before | {project / OUT: (project / OUT).read_bytes()}
    assert capsys.readouterr().out.splitlines()[:-1] == sorted(FILES)


def test_the_same_files_give_the_same_bytes_whatever_their_dates_and_order(
    project: Path, fault: Fault
) -> None:
    (project / "a.txt").write_text("a")
    (project / "b.txt").write_text("b")
    assert fault("a.txt", "b.txt") == ""
    for path in project.glob("*.*"):
        os.utime(path, (1e9, 1e9))
    assert fault("b.txt", "./a.txt", "a.txt", "--out", "again.zip") == ""
    assert (project / "again.zip").read_bytes() == (project / OUT).read_bytes()


def test_further_files_keep_their_path_and_can_be_imported(project: Path, fault: Fault) -> None:
    (project / "notes").mkdir()
    (project / "notes" / "weights.bin").write_bytes(b"\xff\x00")
    (project / "helper.py").write_text("Y = 2\n")
    (project / "task3.py").write_text("from helper import Y\n")
    assert fault("notes/../notes/weights.bin", str(project / "helper.py")) == ""
    assert set(names_in(project / OUT)) == {*FILES, "helper.py", "notes/weights.bin"}


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
        (b"X = 1\n\nif X\n    pass\n", "SyntaxError: "),
        (b"X = 1\n\nname = '\xf8'\n", "SyntaxError: "),
        (b"X = 1\n\nnumber\n", "NameError: name 'number' is not defined"),
    ],
)
def test_an_import_that_fails_prints_pythons_traceback_without_the_temporary_folder(
    project: Path, fault: Fault, code: bytes, error: str
) -> None:
    (project / "task2.py").write_bytes(code)
    printed = fault()
    assert 'File "task2.py", line 3' in printed
    assert error in printed
    assert tempfile.gettempdir() + os.sep not in printed.replace(str(project), "")


@pytest.mark.parametrize("name", ["helper.py", "helper/__init__.py", "helper/sizes.py"])
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


def test_a_module_missing_from_a_package_that_is_handed_in_brings_no_command(
    project: Path, fault: Fault
) -> None:
    (project / "helper").mkdir()
    (project / "helper" / "__init__.py").write_text("import helper.sizes\n")
    (project / "task3.py").write_text("import helper\n")
    assert "Likely fix" not in fault("helper/__init__.py")


def test_no_command_is_offered_for_a_package_that_is_not_installed(
    project: Path, fault: Fault
) -> None:
    (project / "task2.py").write_text("import nowhere\n")
    assert "No module named 'nowhere'\n" in (printed := fault())
    assert "Likely fix" not in printed


@pytest.mark.parametrize(
    ("end", "code"), [("import sys; sys.exit(0)", 0), ("import os; os._exit(200)", 200)]
)
def test_an_import_that_ends_python_is_a_fault(
    project: Path, fault: Fault, end: str, code: int
) -> None:
    (project / "task2a.py").write_text(f"import warnings; warnings.warn('careful'); {end}")
    assert f"The import of the six files ended with exit code {code}.\n" in fault()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal.pause")
def test_a_process_that_an_import_leaves_behind_is_not_waited_for(
    project: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create_submission_zip, "IMPORT_SECONDS", 20)
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


def test_an_interrupt_writes_nothing(
    project: Path, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object, **settings: object) -> None:
        raise KeyboardInterrupt

    (project / OUT).write_bytes(b"old")
    before = files_of(project)
    monkeypatch.setattr(subprocess, "run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fault()
    assert files_of(project) == before


def test_the_script_runs_from_any_folder_and_waits_for_no_input(tmp_path: Path) -> None:
    root = Path(create_submission_zip.__file__).parent
    for package in PACKAGES:
        shutil.copytree(root / package, tmp_path / "project" / package)
    script = shutil.copy(create_submission_zip.__file__, tmp_path / "project")
    for name in FILES:
        (tmp_path / "project" / name).touch()
    (tmp_path / "project" / "task2.py").write_text("input('Epochs? ')\n")
    stopped = subprocess.run(
        [sys.executable, script], cwd=tmp_path, input="5\n", capture_output=True, text=True
    )
    assert (stopped.returncode, stopped.stdout) == (1, "")
    assert stopped.stderr.endswith("No zip was written.\n")
    assert "EOFError: EOF when reading a line\n" in stopped.stderr
