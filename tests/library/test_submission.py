"""What is found in a class folder, and what is read of each submission."""

import json
import os
import re
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from course import listing, submission
from course.classes import find_submissions
from course.submission import read_submission
from lab.assignment import FILES
from tests.library.conftest import Patch
from tests.library.fake_course import RIGHT, write_files, zipped

OF_TASK2A = (
    *("Task2a.py", "task2a-1.py", "task2a (1).py", "task2a .py", "task2a.py.txt", "task2a"),
    *("task_2a.PY", "Task 2a.txt", "Copy of task2a.py", "task2a - Copy (2).py"),
    *("task2a.py (1)", "task2a_final.py", "task2a.ipynb", "task2a.py.bak"),
)
OF_NO_TASK = (
    *("test_task2a.py", "task2a_test.py", "task2.log", "task2_output.txt", "task2a.pyc"),
    *("._task2a.py", "task4.py", "mytask2a.py", "task2_task3.py", "task2a.pdf", ".py", ""),
)


def test_what_a_name_can_mean() -> None:
    for name, known in ((name, submission.meaning(name)) for name in (*OF_TASK2A, *OF_NO_TASK)):
        meant = ("task2a.py", "") if name in OF_TASK2A else None
        assert (known and (known.file, known.before)) == meant, name


def each(names: str, text: str = "") -> dict[str, Any]:
    return dict.fromkeys(names.split(), text)


def under(start: str, files: Mapping[str, Any]) -> dict[str, Any]:
    """Put files into a folder, or the name of a student before theirs."""
    return {f"{start}{name}": text for name, text in files.items()}


SIX = {name: f"{name}, of six" for name in FILES}
CODE = zipped(SIX | {"plots.py": "old"})
CELLS = ("%matplotlib inline\nx = 5 \\\n  % 3", "%%bash\nls", "!ls")
OF_CODE = [{"cell_type": "code", "source": text.splitlines(True)} for text in CELLS]
NOTEBOOK = json.dumps({"nbformat": 4, "cells": [{"cell_type": "markdown"}, *OF_CODE]})
IGNORED = each(
    "conftest.py create_submission_zip.py digits/__init__.py lab/expect.py mnist.py pytest.py "
    "tests/conftest.py tests/test_task2a.py pytest.ini pyproject.toml a.pdf "
    "__MACOSX/task2a.py ._task2a.py .git/hooks/task2a.py venv/lib/task2a.py"
)
HELPERS = each("plots.py helpers/tools.py")
CHEATS = SIX | {"utils.py": "def f():\n    import tests.checks.textbook as book\n"}
CHOICES: dict[str, tuple[dict[str, Any], dict[str, str], list[str]]] = {
    # {name: (what is handed in, what is read, notes)}
    "the six files, however deep, helpers, and nothing that is not the student's": (
        under("hand in/7/", SIX | HELPERS | IGNORED),
        SIX | HELPERS,
        [],
    ),
    "of two candidates the one among most of the six, and then the one higher up": (
        {"task2a.py": "old"} | under("b/", SIX) | under("a/b/", SIX),
        SIX,
        [
            "a/b/task2a.py, task2a.py, a/b/task2.py, a/b/task3a.py, a/b/task3.py and 2 more: left "
            "out, the one in b was graded"
        ],
    ),
    "helpers beside the six files, by a name of Python's that is not taken": (
        under("lab/", CHEATS)
        | under("lab/", {"plots (1).py": "", "a b.py": "", f"{'ø' * 120}/{'y' * 20}.py": ""})
        | each("lab/json.py lab/numpy.py lab/numpy/__init__.py lab/sitecustomize.py setup.py")
        | each("lab/test_a.py"),
        CHEATS | {"plots.py": ""},
        [
            "lab/utils.py: imports the checks, which contain the formulas",
            f"lab/a b.py, lab/{'ø' * 120}/{'y' * 20}.py: left out, no name that Python can import",
            "lab/json.py, lab/numpy/__init__.py, lab/numpy.py, lab/sitecustomize.py: left out, "
            "that name is taken",
            "lab/test_a.py: left out, a test",
            "setup.py: left out, beside none of the six files",
        ],
    ),
    "the right name, or the one other name that is meant": (
        {"Task2a.py": "new", "old_task2a.py": "old"}  # the fewest words
        | {"task2.py": "new", "task2 (1).py": "old"}
        | {"task3a (1).py": "new", "task3a (2).py": "new"}  # the same in both
        | {"task3 (1).py": "new", "task3 (2).py": "newer"},  # either, so none
        each("task2a.py Task2a.py task2.py task3a.py", "new") | {"old_task2a.py": "old"},
        [
            "taken in spite of the name: Task2a.py for task2a.py, task3a (1).py for task3a.py",
            "missing: task3.py, trainer.py, utils.py; there is old_task2a.py",
            "task2 (1).py, task3a (2).py: left out, the one at the top was graded",
            "task3 (1).py, task3 (2).py: left out, each may be task3.py",
        ],
    ),
    "the code in the cells of a notebook, and what else is there": (
        {"task2a.ipynb": NOTEBOOK, "task2.ipynb": '{"cells": 1}', "utils.py": "0" * 1_000_001}
        | each("a.rar softmax.py"),
        {"task2a.py": "pass\nx = 5 \\\n  % 3\n\npass\n", "softmax.py": ""},
        [
            "taken in spite of the name: task2a.ipynb for task2a.py",
            "missing: task2.py, task3a.py, task3.py, trainer.py, utils.py; there is softmax.py",
            "task2.ipynb: left out, no notebook of format 4",
            "utils.py: left out, more than 1,000,000 bytes",
            "a.rar: left out, of archives only zips are opened",
        ],
    ),
    "of two zips with code the one with most": (
        {"a.zip": zipped({"task2a.py": "old"}), "b.zip": CODE},
        SIX | {"plots.py": "old"},
        ["the code was in b.zip", "a.zip/task2a.py: left out, the one in b.zip was graded"],
    ),
    "a corrected file before that in a zip in a zip": (
        {"all.zip": zipped({"hw/code.zip": CODE}), "a.zip": "Rar!"}
        | each("Task2a.py plots.py", "new"),
        SIX | each("task2a.py Task2a.py plots.py", "new"),
        [
            "the code was in all.zip/hw/code.zip",
            "taken in spite of the name: Task2a.py for task2a.py",
            "a.zip: left out, it is a RAR archive, no zip; it begins with b'Rar!'",
            "all.zip/hw/code.zip/task2a.py: left out, the one at the top was graded",
            "all.zip/hw/code.zip/plots.py: left out, another plots.py was taken",
        ],
    ),
}


@pytest.mark.parametrize(("files", "read", "notes"), CHOICES.values(), ids=CHOICES)
def test_what_is_read_and_noted(
    tmp_path: Path, files: dict[str, Any], read: dict[str, str], notes: list[str]
) -> None:
    write_files(tmp_path, {"a.zip": zipped(files)} | under("a/", files))
    for path in (tmp_path / "a.zip", tmp_path / "a"):
        found = read_submission(path)
        assert {name: data.decode() for name, data in found.files.items()} == read
        assert (found.notes, found.problem) == (notes, "")


def test_nothing_is_read_beyond_a_limit(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(listing, "MAX_NESTED_ZIP", len(CODE) - 1)
    zips = {f"{n:02}.zip": zipped({f"helper{n}.py": "", "utils.py": f"{n}"}) for n in range(1, 11)}
    nested = zipped({"00.zip": CODE, **zips, "task2a.py": ""})
    path = write_files(tmp_path, {"a.zip": nested}) / "a.zip"
    found = read_submission(path)
    assert sorted(found.files) == ["helper1.py", "task2a.py", "utils.py"]
    assert f"00.zip: left out, more than {len(CODE) - 1:,} bytes" in found.notes
    assert "09.zip, 10.zip: left out, more than 10 zips" in found.notes
    with patch.object(zipfile.ZipExtFile, "read", autospec=True, return_value=b"") as read:
        read_submission(path)  # whatever sizes it declares
    assert {call.args[1] for call in read.call_args_list} == {8, len(CODE), 1_000_001}


def test_the_number_of_files_and_helpers_is_limited(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(listing, "MAX_ENTRIES", 8)
    nine = dict.fromkeys((*FILES, "a.py", "b.py", "c.py"), "")
    five = zipped(each("task2a.py a.py b.py c.py d.py"))
    two = zipped({"1.zip": five, "2.zip": five})
    write_files(tmp_path, {"a.zip": zipped(nine), "b.zip": two} | under("a/", nine))
    for name in ("a.zip", "b.zip", "a"):
        assert read_submission(tmp_path / name).problem == "it has more than 8 files"
    monkeypatch.setattr(listing, "MAX_ENTRIES", 9)
    monkeypatch.setattr(submission, "MAX_HELPERS", 2)
    found = read_submission(tmp_path / "a")
    assert sorted(found.files) == sorted(FILES)
    assert found.notes == ["a.py, b.py, c.py: left out, more than 2 modules"]


def test_odd_members_of_a_zip_are_passed_over(tmp_path: Path) -> None:
    outside = ("../a.py", "C:\\..\\task2.py", "code/../task2a.py")
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        for name in (*outside, "code/task3a.py", "code/task3.py", "code/utils.py"):
            archive.writestr(name, "/etc/passwd")
        archive.writestr("code/trainer.py", "", zipfile.ZIP_LZMA)
        archive.getinfo("code/task3a.py").external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.getinfo("code/task3.py").flag_bits |= 1
    found = read_submission(tmp_path / "a.zip")
    assert list(found.files) == ["utils.py"]
    assert found.notes == [
        "missing: task2a.py, task2.py, task3a.py, task3.py, trainer.py; there is ../a.py",
        "code/task3a.py: left out, it is a link or a folder",
        "code/task3.py: left out, it is encrypted: hand it in without a password",
        "code/trainer.py: left out, it is compressed in an unusual way: hand in an ordinary zip",
        "../task2.py, code/../task2a.py: left out, hidden, outside of the zip, or where tools put "
        "theirs",
    ]


def test_a_damaged_file_costs_that_file_and_an_odd_folder_nothing(tmp_path: Path) -> None:
    folders = ("HW 1: final/", "D:", "C:\\hw\\", "//srv/x/", "env/", "./")
    files = {f"{folder}{name}": "" for folder, name in zip(folders, FILES, strict=True)}
    data = zipped(files | {"env/plots.py": "", "./utils.py": "answer"})
    write_files(tmp_path, {"a.zip": data.replace(b"answer", b"damage")})
    found = read_submission(tmp_path / "a.zip")
    assert sorted(found.files) == sorted(["plots.py", *FILES[:-1]])
    assert "utils.py: left out, it cannot be read: Bad CRC-32" in found.notes[-1]


def test_what_is_no_file_in_a_folder_is_passed_over(tmp_path: Path, monkeypatch: Patch) -> None:
    secret = write_files(tmp_path / "secret", RIGHT)
    folder = write_files(tmp_path / "a", {"utils.py": ""})
    (folder / "task2a.py").symlink_to(secret / "task2a.py")
    (folder / "code").symlink_to(secret)
    os.mkfifo(folder / "task3a.py")
    assert list(read_submission(folder).files) == ["utils.py"]
    (tmp_path / "link").symlink_to(secret)
    os.mkfifo(tmp_path / "pipe.zip")
    assert "symbolic link" in read_submission(tmp_path / "link").problem
    assert read_submission(tmp_path / "pipe.zip").problem == "it is neither a file nor a folder"
    denied = PermissionError(13, "Permission denied", str(folder / "code"))
    monkeypatch.setattr(os, "walk", lambda top, onerror: onerror(denied) or [])
    assert "it has code/(Permission denied)" in read_submission(folder).problem


def test_a_class_is_a_folder_of_zips_and_folders(tmp_path: Path) -> None:
    files = each("bo/code/task2a.py utils.py") | {"ann.zip": CODE, "bo.zip": CODE}
    files |= each("empty/ list.txt .hidden/task2a.py __MACOSX/x env/pyvenv.cfg cy.rar grades/x")
    folder = write_files(tmp_path, files)
    (folder / "link").symlink_to(folder / "bo")
    skipped: list[str] = []
    found = find_submissions([folder], out=folder / "bo" / ".." / "grades", skipped=skipped)
    assert list(found) == ["ann", "bo", "bo-2", "cy", "empty", "link"]
    unused = ".hidden, __MACOSX, env, list.txt, utils.py"
    assert skipped == [f"{folder}: no submission, and left out: {unused}"]
    problems = [read_submission(found[name]).problem for name in ("cy", "empty", "link")]
    has = ("it is an empty file", "it has (an empty folder)", "it has (a symbolic link)")
    assert all(map(str.endswith, problems, has))


CY, HAL = (f"HW1_{name}_attempt_2026-01-31-10-22-33" for name in ("cy", "hal"))
OF_ANN = {f"doeann_LATE_12345_6789{n}_{name}": text for n, (name, text) in enumerate(SIX.items())}
OF_ANN["doeann_LATE_12345_67899_plots-1.py"] = "old"
CLASSES: dict[str, tuple[dict[str, Any], list[str]]] = {  # {name: (a class, its students)}
    "loose files, as of Canvas, Moodle, Blackboard, and by hand": (
        OF_ANN
        | under("Bo Ø_42_assignsubmission_file_", SIX)
        | under(f"{CY}_", SIX)
        | {f"Dee - {name.capitalize()}": text for name, text in SIX.items()}
        | {"Dee - plots.py": "", "list.txt": ""}
        | {f"{CY}.txt": "", "Bo Ø_42_assignsubmission_onlinetext_x.html": ""},
        ["Bo Ø_42", "Dee", CY, "doeann_LATE_12345"],
    ),
    "loose files, a zip beside them, zips of others, a report": (
        {**OF_ANN, "doeann_LATE_12345_67890_old.zip": CODE, "hw_24_11_dee.zip": CODE}
        | {"hw_24_11_eli.zip": CODE, "fay_12345_67_task2a.py": "", "gus_12345_678_r.pdf": ""}
        | {f"{HAL}.zip": CODE, f"{HAL}.txt": ""},
        [HAL, "doeann_LATE_12345", "fay_12345", "gus_12345", "hw_24_11_dee", "hw_24_11_eli"],
    ),
    "folders of Moodle's, in a folder": (
        under("x/Ann_1_assignsubmission_file_/", SIX)
        | {"x/Ann_1_assignsubmission_onlinetext_/onlinetext.html": ""}
        | {"x/Bo_2_assignsubmission_file_/code.zip": CODE}
        | {"x/Cy_3_assignsubmission_file_/report.pdf": ""},
        ["Ann_1", "Bo_2", "Cy_3"],
    ),
    "a zip of zips": ({"x/ann.zip": CODE, "x/bo.zip": zipped({"a/utils.py": ""})}, ["ann", "bo"]),
    "folders with the same files": (
        each("x/ann/task2a.py x/bo/c/task2a.py x/cy/r.pdf x/.git/x x/dee/ __MACOSX/x/._ann x/a"),
        ["ann", "bo", "cy", "dee"],
    ),
}


@pytest.mark.parametrize("place", ["a folder", "a zip", "a zip alone in a folder"])
@pytest.mark.parametrize(("files", "students"), CLASSES.values(), ids=CLASSES)
def test_a_class_is_found_as_it_was_downloaded(
    tmp_path: Path, files: dict[str, Any], students: list[str], place: str
) -> None:
    write_files(tmp_path / "class", files if place == "a folder" else {"all.zip": zipped(files)})
    path = tmp_path / "class" / ("all.zip" if place == "a zip" else "")
    found = find_submissions([path])
    assert list(found) == students
    for name, student in ((name, read_submission(found[name])) for name in found):
        assert student.files or re.search("none of .*; it has", student.problem), name
        assert not [note for note in student.notes if "all.zip" in note], name
    assert list(find_submissions([path], one=True)) == [path.stem]


def test_loose_files_lose_the_name_of_their_student(tmp_path: Path) -> None:
    files = OF_ANN | {"doeann_LATE_12345_12_a.zip": ""}
    (ann,) = find_submissions([write_files(tmp_path / "class", files)]).values()
    found = read_submission(ann)
    assert {name: data.decode() for name, data in found.files.items()} == SIX | {"plots.py": "old"}
    assert found.notes == ["a.zip: left out, all six files lie outside of it"]


def test_what_one_student_handed_in_is_no_class(tmp_path: Path) -> None:
    for files in (
        under("hw/", SIX) | each("my_utils.py __MACOSX/hw/._utils.py"),
        each("2/task2.py 2/task2a.py 3/task3.py utils/utils.py"),
        each("Task2a.py old/task2a.py older.txt"),
        {"submission/code.zip": CODE, "report.pdf": ""},
        each("repo-main/task2a.py repo-main/task2.py repo-main/old/task2a.py"),
    ):
        found = find_submissions([write_files(tmp_path, {"ann.zip": zipped(files)}) / "ann.zip"])
        assert list(found) == ["ann"]
        assert read_submission(found["ann"]).files
    for name in ("task2a.py", "Task2a.py", "task2a.ipynb", "task2a_ann.py"):
        bo = write_files(tmp_path / name / "bo", {name: "", "helpers/plots.py": ""})
        assert list(find_submissions([bo])) == ["bo"]


def test_names_are_different_and_safe_as_files_and_in_spreadsheets(tmp_path: Path) -> None:
    names = ("a/ann", "b/Ann", "ann-2", "c/=cmd()", "c/a\nb;c", "c/åse ø", "...", 99 * "x")
    folders = [write_files(tmp_path / name, {"task2a.py": ""}) for name in names]
    assert list(find_submissions(folders)) == [
        *("ann", "Ann-2", "ann-2-2", "_cmd()", "a_b_c", "åse ø", "submission", "x" * 80)
    ]
