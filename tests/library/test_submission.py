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

from course import GradingError, listing, submission
from course.classes import find_submissions
from course.submission import read_submission
from lab.assignment import FILES
from tests.library.conftest import Patch
from tests.library.fake_course import RIGHT, write_files, zipped

SIX = {name: f"{name}, of six" for name in FILES}
TRAINER = {"trainer.py": SIX["trainer.py"], "utils.py": SIX["utils.py"]}
CODE = zipped(SIX | {"plots.py": "old"})
MEANT = {  # {name of a file: which of the six it can mean, the student's name before it}
    **dict.fromkeys(
        (
            *("Task2a.py", "task2a-1.py", "task2a (1).py", "task2a .py", "task2a.py.txt", "task2a"),
            *("task_2a.PY", "Task 2a.txt", "Copy of task2a.py", "task2a - Copy (2).py"),
            *("task2a.py (1)", "task2a_final.py", "task2a.ipynb", "task2a.py.bak"),
        ),
        ("task2a.py", ""),
    ),
    "doejohn_LATE_12345_67890_trainer.py": ("trainer.py", "doejohn_LATE_12345_67890_"),
    "Ann Doe - utils (1).py": ("utils.py", "Ann Doe - "),
    **dict.fromkeys(
        (
            *("test_task2a.py", "task2a_test.py", "task2.log", "task2_output.txt", "task2a.pyc"),
            *("._task2a.py", "task4.py", "mytask2a.py", "task2_task3.py", "task2a.pdf", ".py", ""),
        )
    ),
}


def test_what_a_name_can_mean() -> None:
    known = {name: submission.meaning(name) for name in MEANT}
    assert {name: found and (found.file, found.before) for name, found in known.items()} == MEANT


def notebook(*cells: str) -> str:
    of_code = [{"cell_type": "code", "source": [*text.splitlines(True)]} for text in cells]
    return json.dumps({"nbformat": 4, "cells": [{"cell_type": "markdown"}, *of_code]})


TAKEN = ("json.py", "numpy.py", "numpy/__init__.py", "sitecustomize.py")
IGNORED = (
    *("conftest.py", "create_submission_zip.py", "digits/__init__.py", "lab/expect.py", "mnist.py"),
    *("pytest.py", "tests/conftest.py", "tests/test_task2a.py", "pytest.ini", "pyproject.toml"),
    *("__MACOSX/task2a.py", "._task2a.py", ".git/hooks/task2a.py", "venv/lib/task2a.py", "a.pdf"),
)
CHEATS = SIX | {"utils.py": "def f():\n    import tests.checks.textbook as book\n"}
HELPERS = {"plots.py": "", "helpers/tools.py": ""}
CHOICES: dict[str, tuple[dict[str, Any], dict[str, str], tuple[str, ...]]] = {
    # {name: (what is handed in, what is read, notes)}
    "the six files, however deep, helpers, and nothing that is not the student's": (
        {
            f"hand in/7/{n}": text
            for n, text in (dict.fromkeys(IGNORED, "") | SIX | HELPERS).items()
        },
        SIX | HELPERS,
        (),
    ),
    "of two candidates the one among most of the six, and then the one higher up": (
        {
            "task2a.py": "old",
            **{f"{top}/{name}": SIX[name] for name in SIX for top in ("b", "a/b")},
        },
        SIX,
        (
            "a/b/task2a.py, task2a.py, a/b/task2.py, a/b/task3a.py, a/b/task3.py and 2 more: left "
            "out, the one in b was graded",
        ),
    ),
    "helpers beside the six files, by a name of Python's that is not taken": (
        {f"lab/{name}": text for name, text in CHEATS.items()}
        | dict.fromkeys(("lab/plots (1).py", "lab/a b.py", "lab/test_a.py", "lab/a-b/c.py"), "")
        | dict.fromkeys(("setup.py", "tests/test_b.py", f"lab/{'ø' * 120}/{'y' * 20}.py"), "")
        | dict.fromkeys([f"lab/{name}" for name in TAKEN], ""),
        CHEATS | {"plots.py": ""},
        (
            "lab/utils.py: imports the checks, which contain the formulas",
            f"lab/a b.py, lab/a-b/c.py, lab/{'ø' * 120}/{'y' * 20}.py: left out, no name that "
            "Python can import",
            "lab/json.py, lab/numpy/__init__.py, lab/numpy.py, lab/sitecustomize.py: left out, "
            "that name is taken",
            "lab/test_a.py: left out, a test",
            "setup.py: left out, beside none of the six files",
        ),
    ),
    "the right name, or the one other name that is meant": (
        TRAINER
        | {"Task2a.py": "new", "old_task2a.py": "old"}  # the fewest words
        | {"task2.py": "new", "task2 (1).py": "old"}
        | {"task3a (1).py": "new", "task3a (2).py": "new"}  # the same in both
        | {"task3 (1).py": "new", "task3 (2).py": "newer"},  # either, so none
        TRAINER
        | dict.fromkeys(("task2a.py", "Task2a.py", "task2.py", "task3a.py"), "new")
        | {"old_task2a.py": "old"},
        (
            "taken in spite of the name: Task2a.py for task2a.py, task3a (1).py for task3a.py",
            "missing: task3.py; there is old_task2a.py",
            "task2 (1).py, task3a (2).py: left out, the one at the top was graded",
            "task3 (1).py, task3 (2).py: left out, each may be task3.py",
        ),
    ),
    "the code in the cells of a notebook, and what else is there": (
        {"task2a.ipynb": notebook("%matplotlib inline\nx = 5 \\\n  % 3", "%%bash\nls", "!ls")}
        | {"task2.ipynb": '{"cells": 1}', "utils.py": "0" * 1_000_001}
        | dict.fromkeys(("b.pdf", "c.rar", "softmax.py"), ""),
        {"task2a.py": "pass\nx = 5 \\\n  % 3\n\npass\n", "softmax.py": ""},
        (
            "taken in spite of the name: task2a.ipynb for task2a.py",
            "missing: task2.py, task3a.py, task3.py, trainer.py, utils.py; there is softmax.py, "
            "b.pdf",
            "task2.ipynb: left out, no notebook of format 4",
            "utils.py: left out, more than 1,000,000 bytes",
            "c.rar: left out, of archives only zips are opened",
        ),
    ),
    "a zip in a zip, beside one that is none": (
        {"all.zip": zipped({"hw/code.zip": CODE}), "a.zip": "Rar!"},
        SIX | {"plots.py": "old"},
        (
            "the code was in all.zip/hw/code.zip",
            "a.zip: left out, it is a RAR archive, no zip; it begins with b'Rar!'",
        ),
    ),
    "of two zips with code the one with most": (
        {"a.zip": zipped({"task2a.py": "old"}), "b.zip": CODE},
        SIX | {"plots.py": "old"},
        ("the code was in b.zip", "a.zip/task2a.py: left out, the one in b.zip was graded"),
    ),
    "a corrected file before that in a zip": (
        {"code.zip": CODE, "Task2a.py": "new", "plots.py": "new"},
        SIX | dict.fromkeys(("task2a.py", "Task2a.py", "plots.py"), "new"),
        (
            "the code was in code.zip",
            "taken in spite of the name: Task2a.py for task2a.py",
            "code.zip/task2a.py: left out, the one at the top was graded",
            "code.zip/plots.py: left out, another plots.py was taken",
        ),
    ),
}


@pytest.mark.parametrize(("files", "read", "notes"), CHOICES.values(), ids=CHOICES)
def test_what_is_read_and_noted(
    tmp_path: Path, files: dict[str, Any], read: dict[str, str], notes: tuple[str, ...]
) -> None:
    write_files(tmp_path, {"a.zip": zipped(files)} | {f"a/{n}": text for n, text in files.items()})
    for path in (tmp_path / "a.zip", tmp_path / "a"):
        found = read_submission(path)
        assert {name: data.decode() for name, data in found.files.items()} == read
        assert (tuple(found.notes), found.problem) == (notes, "")


def test_zips_in_a_submission_are_read_to_a_limit(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(listing, "MAX_NESTED_ZIP", len(CODE) - 1)
    zips = {f"{n:02}.zip": zipped({f"helper{n}.py": "", "utils.py": f"{n}"}) for n in range(1, 11)}
    nested = zipped({"00.zip": CODE, **zips})
    found = read_submission(write_files(tmp_path, {"a.zip": nested}) / "a.zip")
    assert sorted(found.files) == ["helper1.py", "utils.py"]
    assert f"00.zip: left out, more than {len(CODE) - 1:,} bytes" in found.notes
    assert "09.zip, 10.zip: left out, more than 10 zips" in found.notes


LZMA = zipped({"task2a.py": "x"}, zipfile.ZIP_LZMA)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is an empty file"),
        (b"a repository", "cannot be read as a zip .* begins with b'a reposi'"),
        (zipped({}), "none of the assignment's files is in it; it is empty"),
        (zipped({"a.7z": "", "b.pdf": "", "c.py": ""}), "none of .*; it has c.py, a.7z, b.pdf"),
        (zipped({".hw/task2a.py": ""}), "task2a.py: left out, hidden.* it has .hw/task2a"),
        (zipped({"task2a.py": ""}, flags=1), "py: left out, it is encrypted: .* without a pass"),
        (LZMA, "left out, it is compressed in an unusual way.* can be taken"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, data: bytes, reason: str) -> None:
    found = read_submission(write_files(tmp_path, {"a.zip": data}) / "a.zip")
    assert re.search(reason, "; ".join([*found.notes, found.problem]))


def odd_members(names: Mapping[str, int]) -> dict[Any, str]:
    """Make the members of a zip from names as they are, and their modes."""
    infos = {}
    for name, mode in names.items():
        info = zipfile.ZipInfo()
        info.filename, info.create_system, info.external_attr = name, 3, mode << 16
        infos[info] = "/etc/passwd"
    return infos


def test_links_and_paths_out_of_a_zip_are_passed_over(tmp_path: Path) -> None:
    names = {"code/task3.py": 0, "../task2a.py": 0, "a/../../task2.py": 0, "code/utils.py": 0}
    names |= {"C:\\..\\task3a.py": 0, "code/trainer.py": stat.S_IFLNK | 0o777, "code/../a.py": 0}
    found = read_submission(write_files(tmp_path, {"a.zip": zipped(odd_members(names))}) / "a.zip")
    assert sorted(found.files) == ["task3.py", "utils.py"]
    assert found.notes == [
        "missing: task2a.py, task2.py, task3a.py, trainer.py; there is code/../a.py",
        "code/trainer.py: left out, it is a link or a folder",
        "../task2a.py, a/../../task2.py, ../task3a.py: left out, hidden, outside of the zip, or "
        "where tools put theirs",
    ]


@pytest.mark.parametrize("folder", ["HW 1: final/", "D:", "C:\\hw\\", "//srv/x/", "env/", "./"])
def test_code_is_found_whatever_the_folder_is_called(tmp_path: Path, folder: str) -> None:
    names = dict.fromkeys([f"{folder}{name}" for name in (*FILES, "plots.py")], 0)
    found = read_submission(write_files(tmp_path, {"a.zip": zipped(odd_members(names))}) / "a.zip")
    assert (sorted(found.files), found.notes) == (sorted([*FILES, "plots.py"]), [])


def test_links_and_pipes_in_a_folder_are_passed_over(tmp_path: Path) -> None:
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


def test_a_bomb_is_read_to_the_limit(tmp_path: Path) -> None:
    write_files(tmp_path, {"a.zip": zipped(RIGHT)})
    with patch.object(zipfile.ZipExtFile, "read", autospec=True, return_value=b"") as read:
        read_submission(tmp_path / "a.zip")
    assert {call.args[1] for call in read.call_args_list} == {1_000_001}


def test_a_damaged_file_costs_that_file_and_an_odd_encoding_nothing(tmp_path: Path) -> None:
    data = zipped({"kode_xx/task2a.py": "answer = 42\n", "kode_xx/utils.py": ""})
    data = data.replace(b"answer", b"damage").replace(b"kode_xx", b"kode_\xe5\xff")
    found = read_submission(write_files(tmp_path, {"a.zip": data}) / "a.zip")
    assert list(found.files) == ["utils.py"]
    assert "task2a.py: left out, it cannot be read: Bad CRC-32" in found.notes[1]


def test_the_number_of_files_and_helpers_is_limited(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(listing, "MAX_ENTRIES", 8)
    inner = zipped(dict.fromkeys(("task2a.py", "a.py", "b.py", "c.py", "d.py"), ""))
    nine = dict.fromkeys((*FILES, "a.py", "b.py", "c.py"), "")
    files: dict[str, Any] = {
        "a.zip": zipped(nine),
        "b.zip": zipped({"1.zip": inner, "2.zip": inner}),
    }
    write_files(tmp_path, files | {f"a/{name}": "" for name in nine})
    for name in ("a.zip", "b.zip", "a"):
        assert read_submission(tmp_path / name).problem == "it has more than 8 files"
    monkeypatch.setattr(listing, "MAX_ENTRIES", 9)
    assert sorted(read_submission(tmp_path / "a").files) == sorted(nine)
    monkeypatch.setattr(submission, "MAX_HELPERS", 2)
    found = read_submission(tmp_path / "a")
    assert sorted(found.files) == sorted(FILES)
    assert found.notes == ["a.py, b.py, c.py: left out, more than 2 modules"]


def test_a_folder_that_cannot_be_listed_is_not_empty(tmp_path: Path, monkeypatch: Patch) -> None:
    denied = PermissionError(13, "Permission denied", str(tmp_path / "code"))
    monkeypatch.setattr(os, "walk", lambda top, onerror: onerror(denied) or [])
    assert "it has code/(Permission denied)" in read_submission(tmp_path).problem


def test_a_class_is_a_folder_of_zips_and_folders(tmp_path: Path) -> None:
    empty = ("empty/", "list.txt", ".hidden/task2a.py", "__MACOSX/x", "env/pyvenv.cfg", "cy.rar")
    zips: dict[str, Any] = {
        "ann.zip": CODE,
        "bo.zip": CODE,
        "bo/code/task2a.py": "",
        "utils.py": "",
    }
    folder = write_files(tmp_path, zips | dict.fromkeys((*empty, "grades/ann.json"), ""))
    (folder / "link").symlink_to(folder / "bo")
    skipped: list[str] = []
    found = find_submissions([folder], out=folder / "bo" / ".." / "grades", skipped=skipped)
    assert list(found) == ["ann", "bo", "bo-2", "cy", "empty", "link"]
    unused = ".hidden, __MACOSX, env, list.txt, utils.py"
    assert skipped == [f"{folder}: no submission, and left out: {unused}"]
    problems = [read_submission(found[name]).problem for name in ("cy", "empty", "link")]
    assert problems[0] == "it is an empty file"
    assert "it has (an empty folder)" in problems[1]
    assert "it has (a symbolic link)" in problems[2]


CY, HAL = (f"HW1_{name}_attempt_2026-01-31-10-22-33" for name in ("cy", "hal"))
OF_ANN = {f"doeann_LATE_12345_6789{n}_{name}": text for n, (name, text) in enumerate(SIX.items())}
CLASSES: dict[str, tuple[dict[str, Any], list[str]]] = {  # {name: (a class, its students)}
    "loose files, as of Canvas, Moodle, Blackboard, and by hand": (
        OF_ANN
        | {f"Bo Ø_42_assignsubmission_file_{name}": text for name, text in SIX.items()}
        | {f"{CY}_{name}": text for name, text in SIX.items()}
        | {f"Dee - {name.capitalize()}": text for name, text in SIX.items()}
        | {"doeann_LATE_12345_67899_plots-1.py": "", "Dee - plots.py": "", "list.txt": ""}
        | {f"{CY}.txt": "", "Bo Ø_42_assignsubmission_onlinetext_x.html": ""},
        ["Bo Ø_42", "Dee", CY, "doeann_LATE_12345"],
    ),
    "loose files, a zip beside them, zips of others, a report": (
        OF_ANN
        | {"doeann_LATE_12345_67890_old.zip": CODE, "hw_24_11_dee.zip": CODE}
        | {"hw_24_11_eli.zip": CODE, "fay_12345_67_task2a.py": "", "gus_12345_678_r.pdf": ""}
        | {f"{HAL}.zip": CODE, f"{HAL}.txt": ""},
        [HAL, "doeann_LATE_12345", "fay_12345", "gus_12345", "hw_24_11_dee", "hw_24_11_eli"],
    ),
    "folders of Moodle's, in a folder": (
        {f"x/Ann_1_assignsubmission_file_/{name}": text for name, text in SIX.items()}
        | {"x/Ann_1_assignsubmission_onlinetext_/onlinetext.html": ""}
        | {"x/Bo_2_assignsubmission_file_/code.zip": CODE}
        | {"x/Cy_3_assignsubmission_file_/report.pdf": ""},
        ["Ann_1", "Bo_2", "Cy_3"],
    ),
    "a zip of zips": ({"x/ann.zip": CODE, "x/bo.zip": zipped({"a/utils.py": ""})}, ["ann", "bo"]),
    "folders with the same files": (
        dict.fromkeys(("x/ann/task2a.py", "x/bo/c/task2a.py", "x/cy/r.pdf", "x/.git/x"), "")
        | dict.fromkeys(("x/dee/", "__MACOSX/x/._ann", "x/metadata.yml"), ""),
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
    files = OF_ANN | {"doeann_LATE_12345_67899_plots-1.py": "old", "doeann_LATE_12345_12_a.zip": ""}
    (ann,) = find_submissions([write_files(tmp_path / "class", files)]).values()
    found = read_submission(ann)
    assert {name: data.decode() for name, data in found.files.items()} == SIX | {"plots.py": "old"}
    assert found.notes == ["a.zip: left out, all six files lie outside of it"]


@pytest.mark.parametrize(
    "files",
    [
        {f"hw/{name}": "" for name in FILES} | {"my_utils.py": "", "__MACOSX/hw/._utils.py": ""},
        {"2/task2.py": "", "2/task2a.py": "", "3/task3.py": "", "utils/utils.py": ""},
        {"Task2a.py": "", "old/task2a.py": "", "older.txt": ""},
        {"submission/code.zip": CODE, "report.pdf": ""},
        {"repo-main/task2a.py": "", "repo-main/task2.py": "", "repo-main/old/task2a.py": ""},
    ],
)
def test_a_zip_of_one_student_is_no_class(tmp_path: Path, files: dict[str, Any]) -> None:
    found = find_submissions([write_files(tmp_path, {"ann.zip": zipped(files)}) / "ann.zip"])
    assert list(found) == ["ann"]
    assert read_submission(found["ann"]).files


def test_a_folder_with_code_is_one_submission_and_any_other_when_asked_for(tmp_path: Path) -> None:
    for name in ("task2a.py", "Task2a.py", "task2a.ipynb", "task2a_ann.py"):
        ann = write_files(tmp_path / name / "ann", {name: "", "helpers/plots.py": ""})
        assert list(find_submissions([ann])) == ["ann"]
    bo = write_files(tmp_path / "bo", {"deep/code/task2a.py": ""})
    assert list(find_submissions([bo], one=True)) == ["bo"]
    assert list(find_submissions([bo])) == ["deep"]


def test_names_are_different_and_safe_as_files_and_in_spreadsheets(tmp_path: Path) -> None:
    names = ("a/ann", "b/Ann", "ann-2", "c/=cmd()", "c/a\nb;c", "c/åse ø", "...", 99 * "x")
    folders = [write_files(tmp_path / name, {"task2a.py": ""}) for name in names]
    assert list(find_submissions(folders)) == [
        *("ann", "Ann-2", "ann-2-2", "_cmd()", "a_b_c", "åse ø", "submission", "x" * 80)
    ]


def test_nothing_to_grade_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GradingError, match="nowhere does not exist"):
        find_submissions([tmp_path / "nowhere"])
    for name, has in (("a/", r"\(an empty folder\)"), ("a/Softmax.py", "Softmax.py")):
        with pytest.raises(GradingError, match=f"no submission: expected task2a.*; it has {has}"):
            find_submissions([write_files(tmp_path, {name: ""}) / "a"])
