"""The hand-in: what goes into the zip, and the faults that keep it from being written."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import create_submission_zip
from lab.assignment import FILES, PACKAGES

OUT = "assignment_code.zip"
Faults = Callable[..., list[str]]


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
def faults(project: Path, monkeypatch: pytest.MonkeyPatch) -> Faults:
    """A function that runs the script and returns the faults; it sees that no file changes."""

    def run(*arguments: str) -> list[str]:
        monkeypatch.setattr(sys, "argv", ["create_submission_zip.py", *arguments])
        before = files_of(project)
        try:
            create_submission_zip.main()
        except SystemExit as stop:
            *lines, last = str(stop.code).splitlines()
            assert last == "No zip was written."
            assert files_of(project) == before
            return lines
        return []

    return run


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def names_in(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


# What is not written yet

STUB = '''def shuffled_order(num_examples, rng):
    """Draw the order."""
    raise NotImplementedError("Task 2e")


def batch_loader(X):
    raise NotImplementedError("a helper of the student's own")
'''
METHOD = """class Base:
    pass


class BinaryModel:
    def forward(self, X):
        raise NotImplementedError
    def backward(self, X, outputs, targets):
        if X is None:
            raise NotImplementedError
        self.grad = X
"""


def test_functions_that_are_not_written_are_listed_and_packed_only_when_asked(
    project: Path, faults: Faults
) -> None:
    (project / "utils.py").write_text(STUB)
    (project / "task2a.py").write_text(METHOD)
    *listed, hint = faults()
    assert listed == [
        "task2a.BinaryModel.forward is not written yet",
        "utils.shuffled_order is not written yet",
    ]
    assert hint.endswith("python create_submission_zip.py --unfinished")
    assert faults("--unfinished") == []
    assert sorted(names_in(project / OUT)) == sorted(FILES)


# What goes in


def test_the_zip_holds_the_six_files_and_nothing_else_changes(
    project: Path, faults: Faults, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / OUT).write_bytes(b"old")
    before = files_of(project)
    assert faults() == []
    with zipfile.ZipFile(project / OUT) as archive:
        assert sorted(archive.namelist()) == sorted(FILES)
        assert all(archive.read(name) == before[project / name] for name in FILES)
    assert files_of(project) == before | {project / OUT: (project / OUT).read_bytes()}
    assert capsys.readouterr().out.endswith(
        f"utils.py\nWrote {project / OUT}. Hand it in together with your report as a PDF.\n"
    )


def test_the_same_files_give_the_same_bytes_whatever_their_dates_and_order(
    project: Path, faults: Faults
) -> None:
    (project / "a.txt").write_text("a")
    (project / "b.txt").write_text("b")
    assert faults("a.txt", "b.txt") == []
    with zipfile.ZipFile(project / OUT) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    (project / "a.txt").chmod(0o755)
    for path in project.glob("*.*"):
        os.utime(path, (1e9, 1e9))
    assert faults("b.txt", "./a.txt", "a.txt", "--out", "again.zip") == []
    assert (project / "again.zip").read_bytes() == (project / OUT).read_bytes()


def test_further_files_keep_their_path_and_can_be_imported(project: Path, faults: Faults) -> None:
    (project / "notes").mkdir()
    (project / "notes" / "weights.bin").write_bytes(b"\xff\x00")
    (project / "helper.py").write_text("Y = 2\n")
    (project / "task3.py").write_text("from helper import Y\n")
    assert faults("notes/../notes/weights.bin", str(project / "helper.py")) == []
    assert set(names_in(project / OUT)) == {*FILES, "helper.py", "notes/weights.bin"}


# Files that cannot go in


def test_every_file_that_is_missing_from_the_project_is_named(
    project: Path, faults: Faults
) -> None:
    (project.parent / "far.py").touch()
    (project / "task2.py").unlink()
    (project / "utils.py").unlink()
    assert faults("../far.py", "gone.py", "digits") == [
        f"{name}: there is no such file in {project}"
        for name in ("task2.py", "utils.py", "../far.py", "gone.py", "digits")
    ]


@pytest.mark.parametrize(
    "arguments",
    [["--out", "task2.py"], ["data.zip", "--out", "data.zip"], ["data.zip", "--out", "./data.zip"]],
)
def test_the_zip_overwrites_no_file_of_the_project(
    project: Path, faults: Faults, arguments: list[str]
) -> None:
    (project / "data.zip").touch()
    assert faults(*arguments) == [f"--out {arguments[-1]}: choose a new name that ends in .zip"]


@pytest.mark.parametrize("name", ["code.tar", "code.zipx", "code"])
def test_the_zip_is_called_one(project: Path, faults: Faults, name: str) -> None:
    assert faults("--out", name) == [f"--out {name}: choose a new name that ends in .zip"]


def test_a_link_out_of_the_project_is_not_packed(
    project: Path, faults: Faults, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere.py").write_text("X = 1\n")
    (project / "link.py").symlink_to(tmp_path / "elsewhere.py")
    assert faults("link.py") == [f"link.py: there is no such file in {project}"]


# Files that cannot be imported from the zip


def test_an_error_names_its_file_and_line_once_whoever_imports_it(
    project: Path, faults: Faults
) -> None:
    (project / "utils.py").write_text("X = 1\n\nif X\n    pass\n")
    (project / "task2.py").write_bytes(b"X = 1\n\nname = '\xf8'\n")
    (project / "task3a.py").write_text("def f():\n    number\n\n\nf()\n")
    (project / "task3.py").write_text("import task3a\n")
    (project / "trainer.py").write_text(
        "try:\n    1 / 0\nexcept ArithmeticError as why:\n    raise ValueError('a\\nb') from why\n"
    )
    utils, task2, task3a, trainer = faults()
    assert utils.startswith("utils.py line 3: SyntaxError: ")
    assert task2.startswith("task2.py line 3: SyntaxError: ")
    assert "utf-8" in task2.lower()
    assert task3a == "task3a.py line 2: NameError: name 'number' is not defined"
    assert trainer == "trainer.py line 4: ValueError: a"


@pytest.mark.parametrize(
    "text", ["X = 1\n\0", "x = " + "1 + " * 200_000 + "1"], ids=["a null byte", "too long a sum"]
)
def test_code_that_python_cannot_read_is_a_fault_of_its_file(
    project: Path, faults: Faults, text: str
) -> None:
    (project / "task2.py").write_text(text)
    (fault,) = faults()
    assert fault.startswith("task2.py: ")
    assert "Error: " in fault


def test_a_module_of_a_folder_left_out_is_named_by_its_path(project: Path, faults: Faults) -> None:
    (project / "helpers").mkdir()
    for name in ("shapes", "sizes"):
        (project / "helpers" / f"{name}.py").touch()
    (project / "task3.py").write_text("import helpers.sizes\nimport helpers.shapes\n")
    (fault,) = faults("helpers/sizes.py")
    assert fault.endswith("create_submission_zip.py helpers/sizes.py helpers/shapes.py")


def test_help_names_the_arguments_and_the_defaults(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["create_submission_zip.py", "--help"])
    monkeypatch.setenv("COLUMNS", "200")
    with pytest.raises(SystemExit) as ended:
        create_submission_zip.main()
    assert ended.value.code == 0
    words = f" {' '.join(capsys.readouterr().out.split())} "
    for part in (
        "[FILE ...]",
        "FILE a further file to hand in",
        "Check the code of the assignment and pack it into the zip to hand in.",
        "default: assignment_code.zip",
        "hand in although functions are not written",
        "All paths are relative to the folder of this script.",
    ):
        assert f" {part} " in words


def test_a_helper_left_out_is_reported_with_the_command_that_adds_it(
    project: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(project))  # lends no file
    (project / "helper.py").touch()
    (project / "notes.txt").touch()
    (project / "task3.py").write_text("import helper\n")
    why = "task3.py line 1: ModuleNotFoundError: No module named 'helper'"
    command = "add it: python create_submission_zip.py"
    assert faults() == [f"{why}; {command} helper.py"]
    assert faults("notes.txt") == [f"{why}; {command} notes.txt helper.py"]


def test_no_command_is_offered_where_another_file_would_not_help(
    project: Path, faults: Faults
) -> None:
    shutil.copytree(project / "digits", project / "course")
    (project / "helper.py").touch()
    (project / "data.txt").touch()
    (project / "task2a.py").write_text("import course\n")
    (project / "task2.py").write_text("import nowhere\n")
    (project / "task3a.py").write_text("from utils import nothing\n")
    (project / "task3.py").write_text("helper\n")
    (project / "trainer.py").write_text("open('data.txt')\n")
    assert [fault.split(": ")[:2] for fault in faults()] == [
        ["task2a.py line 1", "ModuleNotFoundError"],
        ["task2.py line 1", "ModuleNotFoundError"],
        ["task3a.py line 1", "ImportError"],
        ["task3.py line 1", "NameError"],
        ["trainer.py line 1", "FileNotFoundError"],
    ]
    assert "add it" not in "".join(faults())


def test_an_import_that_ends_python_is_a_fault(project: Path, faults: Faults) -> None:
    (project / "task2a.py").write_text("import sys\nsys.exit(0)\n")
    (project / "task2.py").write_text("import os\nos._exit(200)\n")
    assert faults() == [
        "task2a.py: its import ends Python with exit code 0",
        "task2.py: its import ends Python with exit code 200",
    ]


def test_an_import_that_never_ends_is_a_fault(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(create_submission_zip, "IMPORT_SECONDS", 0.5)
    (project / "task3.py").write_text("while True:\n    pass\n")
    said = "task3.py: not imported after 0.5 s, so move long work into main()"
    assert create_submission_zip.check_import("task3.py", project, []) == said


def test_an_import_may_print_and_draws_without_a_window(
    project: Path,
    faults: Faults,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MPLBACKEND", "TkAgg")
    (project / "task2.py").write_text(
        "import sys\nprint('λ')\nprint('Traceback', file=sys.stderr)\n", encoding="utf-8"
    )
    (project / "task3.py").write_text("import os\nassert os.environ['MPLBACKEND'] == 'Agg'\n")
    assert faults() == []
    out, err = capfd.readouterr()
    assert "λ" not in out + err
    assert "Traceback" not in out + err


def test_a_temporary_folder_that_cannot_be_removed_is_no_fault(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object, **options: object) -> None:
        raise OSError("Device or resource busy")

    create_submission_zip.pack(FILES, project / OUT)
    monkeypatch.setattr("tempfile.tempdir", str(project.parent))
    with monkeypatch.context() as patch:
        patch.setattr("os.rmdir", refuse)
        assert create_submission_zip.check_imports(project / OUT, []) == []


# The command


def test_an_interrupt_writes_nothing(
    project: Path, faults: Faults, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*arguments: object, **settings: object) -> None:
        raise KeyboardInterrupt

    (project / OUT).write_bytes(b"old")
    before = files_of(project)
    monkeypatch.setattr(subprocess, "run", interrupt)
    with pytest.raises(KeyboardInterrupt):
        faults()
    assert files_of(project) == before


def test_the_script_runs_from_any_folder_and_ends_with_clean_lines_and_an_exit_code(
    tmp_path: Path,
) -> None:
    root = Path(create_submission_zip.__file__).parent
    for package in PACKAGES:
        shutil.copytree(root / package, tmp_path / "project" / package)
    script = shutil.copy(create_submission_zip.__file__, tmp_path / "project")
    for name in FILES:
        (tmp_path / "project" / name).touch()

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, script], cwd=tmp_path, input="5\n", capture_output=True, text=True
        )

    written = run()
    assert (written.returncode, written.stderr) == (0, "")
    assert names_in(tmp_path / "project" / OUT) == sorted(FILES)
    (tmp_path / "project" / "task2.py").write_text("input('Epochs? ')\n")
    stopped = run()
    assert (stopped.returncode, stopped.stdout) == (1, "")
    assert stopped.stderr == (
        "task2.py line 1: EOFError: EOF when reading a line\nNo zip was written.\n"
    )
