"""The hand-in: what goes into the zip, and the faults that keep it from being written."""

import os
import shutil
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import create_submission_zip
from create_submission_zip import REQUIRED_FILES, build_zip, main

OUT = Path("assignment_code.zip")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder in which every file imports: task2a needs utils, utils needs a room."""
    folder = (tmp_path / "project").resolve()
    (folder / "digits").mkdir(parents=True)
    (folder / "digits" / "__init__.py").write_text("SIZE = 28\n")
    for name in REQUIRED_FILES:
        (folder / name).write_text("X = 1\n")
    (folder / "task2a.py").write_text("import utils\n")
    (folder / "utils.py").write_text("from digits import SIZE\n")
    return folder


@pytest.fixture
def run_main(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let `main` work on the little project."""
    monkeypatch.setattr(create_submission_zip, "PROJECT", project)
    return project


def names_in(path: Path) -> list[str]:
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()


def only_fault(project: Path, *extra: str, seconds: float = 30.0) -> str:
    """Return the one fault of `project`, having seen that no zip came of it."""
    faults = build_zip(project, extra, OUT, seconds)
    assert len(faults) == 1, faults
    assert not (project / OUT).exists()
    return faults[0]


# What goes in


def test_the_zip_holds_the_six_required_files_and_no_room(project: Path) -> None:
    assert build_zip(project, [], OUT) == []
    with zipfile.ZipFile(project / OUT) as archive:
        assert archive.namelist() == [
            "task2a.py", "task2.py", "task3a.py", "task3.py", "trainer.py", "utils.py"
        ]  # fmt: skip
        assert archive.testzip() is None
        for name in REQUIRED_FILES:
            assert archive.read(name) == (project / name).read_bytes()
            assert archive.getinfo(name).compress_type == zipfile.ZIP_DEFLATED


def test_the_same_files_give_the_same_bytes_whatever_their_dates_and_order(project: Path) -> None:
    (project / "a.txt").write_text("a")
    (project / "b.txt").write_text("b")
    assert build_zip(project, ["a.txt", "b.txt"], OUT) == []
    first = (project / OUT).read_bytes()
    for name in REQUIRED_FILES:
        os.utime(project / name, (1e9, 1e9))
        (project / name).chmod(0o755)
    build_zip(project, ["b.txt", "a.txt"], Path("again.zip"))
    assert (project / "again.zip").read_bytes() == first


def test_entries_carry_a_fixed_date_and_plain_permissions(project: Path) -> None:
    build_zip(project, [], OUT)
    with zipfile.ZipFile(project / OUT) as archive:
        for info in archive.infolist():
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert (info.create_system, info.external_attr) == (3, 0o100644 << 16)


def test_a_new_zip_replaces_the_old_one_and_leaves_no_other_file(project: Path) -> None:
    before = {*project.rglob("*")}
    (project / OUT).write_bytes(b"old")
    assert build_zip(project, [], OUT) == []
    assert zipfile.is_zipfile(project / OUT)
    assert {*project.rglob("*")} == before | {project / OUT}


def test_extra_files_keep_their_path_within_the_project(project: Path) -> None:
    (project / "notes").mkdir()
    (project / "notes" / "weights.bin").write_bytes(b"\xff\x00")
    (project / "helper.py").write_text("")
    absolute = str(project / "helper.py")
    assert build_zip(project, ["notes/../notes/weights.bin", absolute], OUT) == []
    assert names_in(project / OUT) == [*REQUIRED_FILES, "helper.py", "notes/weights.bin"]


def test_an_extra_helper_can_be_imported_by_a_task(project: Path) -> None:
    (project / "helper.py").write_text("Y = 2\n")
    (project / "task3.py").write_text("from helper import Y\n")
    assert build_zip(project, ["helper.py"], OUT) == []


def test_the_project_folder_may_be_given_relative_to_the_current_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.parent)
    (project / "notes.txt").write_text("")
    assert build_zip(Path("project"), ["notes.txt"], OUT) == []
    assert names_in(project / OUT) == [*REQUIRED_FILES, "notes.txt"]


def test_an_extra_python_file_need_only_compile(project: Path) -> None:
    (project / "study.py").write_text("raise RuntimeError\n")
    assert build_zip(project, ["study.py"], OUT) == []


# Extra files that cannot go in


def test_an_extra_file_outside_the_project_is_refused(project: Path) -> None:
    (project.parent / "other.py").write_text("")
    assert only_fault(project, "../other.py").startswith("../other.py lies outside")
    assert "lies outside" in only_fault(project, str(project.parent / "other.py"))


def test_a_missing_extra_file_is_refused(project: Path) -> None:
    assert only_fault(project, "helper.py").startswith("helper.py is missing")


@pytest.mark.parametrize("given", ["digits", "."])
def test_a_folder_as_an_extra_file_is_refused(project: Path, given: str) -> None:
    assert only_fault(project, given).startswith(f"{given} is a folder")


@pytest.mark.parametrize("extra", [["task2.py"], ["notes.txt", "./notes.txt"]])
def test_a_file_named_twice_is_refused(project: Path, extra: list[str]) -> None:
    (project / "notes.txt").write_text("")
    assert only_fault(project, *extra).startswith(f"{extra[-1]} is a duplicate")


def test_the_zip_may_not_overwrite_a_file_of_another_kind_or_one_it_holds(project: Path) -> None:
    for name, extra in (("report.pdf", []), ("data.zip", ["data.zip"])):
        (project / name).write_bytes(b"mine")
        assert "must end in .zip" in build_zip(project, extra, Path(name))[0]
        assert (project / name).read_bytes() == b"mine"


# Files that do not compile


def test_a_missing_required_file_is_named_once_and_not_for_each_file_that_imports_it(
    project: Path,
) -> None:
    (project / "utils.py").unlink()
    assert only_fault(project) == f"utils.py is missing: there is no file {project / 'utils.py'}"


def test_a_syntax_error_names_its_line(project: Path) -> None:
    (project / "utils.py").write_text("X = 1\n\nif X\n    pass\n")
    assert only_fault(project).startswith("utils.py line 3: ")


def test_text_that_is_not_utf_8_names_its_line(project: Path) -> None:
    (project / "task2.py").write_bytes(b"X = 1\n\nname = '\xf8'\n")
    fault = only_fault(project)
    assert fault.startswith("task2.py line 3: ")
    assert "utf-8" in fault


def test_a_null_byte_is_a_fault_of_its_file(project: Path) -> None:
    (project / "task2.py").write_bytes(b"X = 1\n\0")
    assert only_fault(project).startswith("task2.py line 1: ")


@pytest.mark.parametrize("text", ["x = " + "1 + " * 200_000 + "1", "x = " + "-" * 200_000 + "1"])
def test_code_too_deep_for_python_is_a_fault_of_its_file(project: Path, text: str) -> None:
    (project / "task2.py").write_text(text)
    assert only_fault(project).startswith("task2.py ")


def test_an_extra_python_file_that_does_not_compile_is_refused(project: Path) -> None:
    (project / "helper.py").write_text("def\n")
    (project / "task3.py").write_text("import helper\n")
    assert only_fault(project, "helper.py").startswith("helper.py line 1: ")


def test_a_file_that_cannot_be_read_says_why(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    faults = build_zip(project, [], OUT)
    assert faults == [f"{name} cannot be read: Permission denied" for name in REQUIRED_FILES]


def test_a_doubtful_escape_is_no_fault_and_no_warning(project: Path) -> None:
    (project / "task2.py").write_text("X = '\\d'\n")
    assert build_zip(project, [], OUT) == []


# Files that cannot be imported from the zip


def test_an_error_at_import_names_the_file_the_reason_and_the_line(project: Path) -> None:
    (project / "task3.py").write_text("X = 1\nX / 0\n")
    assert only_fault(project) == (
        "task3.py cannot be imported: ZeroDivisionError: division by zero (task3.py line 2)"
    )


def test_an_error_below_another_file_says_where_it_lies(project: Path) -> None:
    (project / "utils.py").write_text("\nnumber\n")
    why = "cannot be imported: NameError: name 'number' is not defined (utils.py line 2)"
    assert build_zip(project, [], OUT) == [f"task2a.py {why}", f"utils.py {why}"]


def test_a_helper_left_out_is_reported_with_the_command_that_adds_it(project: Path) -> None:
    (project / "helper.py").write_text("")
    (project / "notes.txt").write_text("")
    (project / "task3.py").write_text("import helper\n")
    why = "task3.py cannot be imported: ModuleNotFoundError: No module named 'helper'"
    command = "add it: python create_submission_zip.py"
    assert only_fault(project) == f"{why} ({command} helper.py)"
    assert only_fault(project, "notes.txt") == f"{why} ({command} notes.txt helper.py)"


def test_no_command_is_offered_where_another_file_would_not_help(
    project: Path,
) -> None:
    (project / "helper.py").write_text("")
    (project / "task2.py").write_text("import nowhere_to_be_found\n")
    (project / "task3a.py").write_text("from utils import nothing\n")
    (project / "task3.py").write_text("helper\n")
    faults = build_zip(project, [], OUT)
    assert [fault.split()[0] for fault in faults] == ["task2.py", "task3a.py", "task3.py"]
    assert "add it" not in "".join(faults)


def test_leaving_python_at_import_is_a_fault(project: Path) -> None:
    (project / "task2.py").write_text("import sys\nsys.exit(0)\n")
    (project / "task3.py").write_text("import os\nos._exit(3)\n")
    assert build_zip(project, [], OUT) == [
        "task2.py cannot be imported: SystemExit: 0 (task2.py line 2)",
        "task3.py cannot be imported: it ended Python with exit code 3 (task3.py)",
    ]


def test_an_import_that_never_ends_is_stopped_and_blamed(project: Path) -> None:
    (project / "utils.py").write_text("")
    (project / "task3.py").write_text("while True:\n    pass\n")
    assert "task3.py cannot be imported: not done after 3 s" in only_fault(project, seconds=3.0)


def test_a_question_at_import_meets_the_end_of_the_input(project: Path) -> None:
    script = shutil.copy(create_submission_zip.__file__, project)
    (project / "task2.py").write_text("input('Epochs? ')\n")
    run = subprocess.run([sys.executable, script], input="5\n", capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.startswith("task2.py cannot be imported: EOFError")


def test_every_fault_is_reported_at_once(project: Path) -> None:
    (project / "task2a.py").write_text("import os\nos._exit(1)\n")
    (project / "task2.py").unlink()
    (project / "task3a.py").write_text("(\n")
    (project / "task3.py").write_text("raise KeyboardInterrupt\n")
    (project / "trainer.py").write_text("raise ValueError('no\\ndata')\n")
    faults = build_zip(project, ["../far.py", "gone.py"], OUT)
    assert [fault.split()[0] for fault in faults] == [
        "../far.py", "task2.py", "task3a.py", "gone.py", "task2a.py", "task3.py", "trainer.py"
    ]  # fmt: skip
    assert "ValueError: no data" in faults[-1]


def test_what_a_file_prints_at_import_is_neither_shown_nor_mistaken(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "task2.py").write_text(
        "import sys\nfor stream in sys.stdout, sys.stderr:\n"
        '    print(\'{"why": "λ"}\', file=stream, flush=True)\n',
        encoding="utf-8",
    )
    assert build_zip(project, [], OUT) == []
    assert capfd.readouterr() == ("", "")


def test_a_file_of_the_project_that_is_not_in_the_zip_cannot_be_read(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    (project / "data.txt").write_text("1 2 3")
    (project / "task2.py").write_text("open('data.txt')\n")
    assert "task2.py cannot be imported: FileNotFoundError" in only_fault(project)


def test_a_package_that_is_no_room_is_not_seen(project: Path) -> None:
    shutil.copytree(project / "digits", project / "course")
    (project / "task2.py").write_text("import course\n")
    assert "No module named 'course'" in only_fault(project)


def test_one_file_cannot_change_the_ground_under_the_next(project: Path) -> None:
    (project / "helper.py").write_text("")
    (project / "task2.py").write_text(
        f"import os, sys\nsys.path.insert(0, {str(project)!r})\nos.chdir({str(project)!r})\n"
    )
    (project / "task3.py").write_text("import helper\n")
    (project / "trainer.py").write_text("open('helper.py')\n")
    faults = build_zip(project, [], OUT)
    assert [fault.split()[0] for fault in faults] == ["task3.py", "trainer.py"]


@pytest.mark.parametrize("room", ["digits", "lab"])
def test_a_task_may_import_a_room_that_stands_in_the_project(project: Path, room: str) -> None:
    (project / room).mkdir(exist_ok=True)
    (project / room / "shelf.py").write_text("")
    (project / "task3.py").write_text(f"import {room}.shelf\n")
    assert build_zip(project, [], OUT) == []


def test_a_python_path_of_the_user_cannot_lend_a_file(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(project))
    (project / "helper.py").write_text("")
    (project / "task3.py").write_text("import helper\n")
    assert "No module named 'helper'" in only_fault(project)


def test_packages_installed_for_the_user_alone_are_seen(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "installed_for_me.py").write_text("")
    monkeypatch.setattr(site, "ENABLE_USER_SITE", True)
    monkeypatch.setattr(site, "getusersitepackages", lambda: str(tmp_path / "user"))
    (project / "task3.py").write_text("import installed_for_me\n")
    assert build_zip(project, [], OUT) == []


@pytest.mark.parametrize(
    "setting",
    [
        "sys.dont_write_bytecode",
        "sys.flags.utf8_mode",  # so that printing a Greek letter is no error on Windows
        "os.environ['MPLBACKEND'] == 'Agg'",
        "sys.argv == ['-c']",
        "os.listdir() == []",
    ],
)
def test_files_are_imported_in_a_bare_and_quiet_process(project: Path, setting: str) -> None:
    (project / "task3.py").write_text(f"import os, sys\nif not ({setting}):\n    1 / 0\n")
    assert build_zip(project, [], OUT) == []


def test_what_an_import_leaves_to_the_end_of_python_is_not_waited_for(
    project: Path, tmp_path: Path
) -> None:
    late = tmp_path / "late"
    (project / "task3.py").write_text(f"import atexit\natexit.register(open, {str(late)!r}, 'w')\n")
    assert build_zip(project, [], OUT) == []
    assert not late.exists()


# Writing, and the command


def test_an_older_zip_stays_untouched_when_there_is_a_fault(project: Path) -> None:
    (project / OUT).write_bytes(b"old")
    (project / "task3.py").write_text("1 / 0\n")
    assert build_zip(project, [], OUT)
    assert (project / OUT).read_bytes() == b"old"


def test_an_older_zip_stays_untouched_when_the_disk_fails(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(source: object, target: object) -> None:
        raise OSError("disk full")

    (project / OUT).write_bytes(b"old")
    before = {*project.iterdir()}
    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        build_zip(project, [], OUT)
    assert (project / OUT).read_bytes() == b"old"
    assert {*project.iterdir()} == before


def test_success_lists_files_and_sizes_and_the_path_and_reminds_of_the_report(
    run_main: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([]) == 0
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()[:2]] == [
        ["13", "bytes", "task2a.py"],
        ["6", "bytes", "task2.py"],
    ]
    assert f"Written: {run_main / OUT}" in out
    assert "one PDF" in out
    assert err == ""


def test_faults_go_to_stderr_and_the_exit_code_is_1(
    run_main: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run_main / "task3.py").write_text("1 / 0\n")
    (run_main / "utils.py").unlink()
    assert main([]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    first, second, last = err.splitlines()
    assert first.startswith("utils.py is missing")
    assert second.startswith("task3.py cannot be imported: ZeroDivisionError")
    assert last == "No zip was written."


def test_out_names_the_zip_beside_the_script(run_main: Path) -> None:
    assert main(["--out", "group7.zip"]) == 0
    assert names_in(run_main / "group7.zip") == [*REQUIRED_FILES]
    assert not (run_main / OUT).exists()


def test_a_zip_that_cannot_be_written_is_one_clean_line(
    run_main: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--out", "nowhere/group7.zip"]) == 1
    assert "group7.zip cannot be made: " in capsys.readouterr().err


def test_an_interrupt_ends_cleanly_and_writes_nothing(
    run_main: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*arguments: object, **settings: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subprocess, "run", interrupt)
    assert main([]) == 1
    assert capsys.readouterr().err == "Interrupted.\nNo zip was written.\n"
    assert not (run_main / OUT).exists()


@pytest.mark.skipif(os.name == "nt", reason="closes standard input with a POSIX shell")
def test_the_script_runs_in_its_own_folder_from_anywhere_and_with_closed_stdin(
    project: Path, tmp_path: Path
) -> None:
    script = shutil.copy(create_submission_zip.__file__, project)
    (project / "helper.py").write_text("")
    run = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", sys.executable, script, "helper.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert names_in(project / OUT) == [*REQUIRED_FILES, "helper.py"]
