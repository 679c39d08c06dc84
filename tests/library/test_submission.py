"""What is found in a class folder, and what is read of each submission."""

from __future__ import annotations

import json
import os
import re
import stat
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from course import GradingError, listing, submission
from course.classes import find_submissions
from course.submission import read_submission
from lab.assignment import FILES
from tests.library.fake_course import RIGHT, write_files, write_zip


def zipped(members: Mapping[Any, Any], method: int = zipfile.ZIP_STORED, flags: int = 0) -> bytes:
    with zipfile.ZipFile(file := BytesIO(), "w", method) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
        for info in archive.infolist():
            info.flag_bits |= flags  # of the directory, which is written last
    return file.getvalue()


SIX = {name: f"{name}, of six" for name in FILES}
JUNK = (
    *("__MACOSX/task2a.py", "._task2a.py", ".git/hooks/task2a.py", "venv/lib/task2a.py"),
    *("AssignmentReport.ipynb", "figure.png", "report.pdf"),
)
DEEP = {f"hand in/group 7/{name}": text for name, text in (dict.fromkeys(JUNK, "") | SIX).items()}
TAKEN = ("json.py", "numpy.py", "numpy/__init__.py", "sitecustomize.py")
IGNORED = (  # the course's own, what would hide it, and configuration
    *("conftest.py", "create_submission_zip.py", "digits/__init__.py", "lab/expect.py", "mnist.py"),
    *("pytest.py", "tests/conftest.py", "tests/test_task2a.py"),
    *("pytest.ini", "pyproject.toml"),
)
HELPERS = {"plots.py": "", "helpers/tools.py": ""}
FROM_CHECKS = SIX | {"utils.py": "def f():\n    import tests.checks.textbook as book\n"}
OTHER_NAMES = {  # {name of a file: which of the six it can mean, the student's name before it}
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
            *(
                "task2a.pdf",
                "task2a.docx",
                "._task2a.py",
                "task4.py",
                "mytask2a.py",
                "utilities.py",
            ),
            *("task2_task3.py", "task2a.png", ".py", ""),
        )
    ),
}


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_what_a_name_can_mean(name: str) -> None:
    known = submission.meaning(name)
    assert (known and (known.file, known.before)) == OTHER_NAMES[name]


def notebook(*cells: str) -> str:
    of_code = [{"cell_type": "code", "source": [*text.splitlines(True)]} for text in cells]
    return json.dumps({"nbformat": 4, "cells": [{"cell_type": "markdown"}, *of_code]})


FIVE = {name: text for name, text in SIX.items() if name != "task2a.py"}
OLD = dict.fromkeys(SIX, "old")
CODE = zipped(SIX | {"plots.py": "old"})
MISSING = "missing: task2.py, task3a.py, task3.py, trainer.py, utils.py"
GUESSED = "taken in spite of the name: {} for task2a.py"
CHOICES: dict[str, tuple[dict[str, Any], dict[str, str], tuple[str, ...]]] = {
    # {name: (what is handed in, what is read, notes)}
    "the six files, however deep, and nothing that is no code": (DEEP, SIX, ()),
    "of two candidates the one among most of the six": (
        {"task2a.py": "old", **{f"final/{name}": text for name, text in SIX.items()}},
        SIX,
        ("task2a.py: left out, the one in final was graded",),
    ),
    "of two copies the one higher up": (
        {**{f"a/{name}": "old" for name in SIX}, **SIX},
        SIX,
        (
            "a/task2a.py, a/task2.py, a/task3a.py, a/task3.py, a/trainer.py and 1 more: left out, "
            "the one at the top was graded",
        ),
    ),
    "at most 50 helpers": (
        SIX | {f"helper{i:02}.py": "" for i in range(51)},
        SIX,
        (
            "helper00.py, helper01.py, helper02.py, helper03.py, helper04.py and 46 more: left "
            "out, more than 50 modules",
        ),
    ),
    "helpers, unless their name is taken": (
        SIX | HELPERS | dict.fromkeys((*TAKEN, *IGNORED), ""),
        SIX | HELPERS,
        ("json.py, numpy/__init__.py, numpy.py, sitecustomize.py: left out, that name is taken",),
    ),
    "helpers beside the six files, and by a name of Python's": (
        {f"lab/{name}": text for name, text in SIX.items()}
        | dict.fromkeys(("lab/plots (1).py", "lab/a b.py", "lab/test_a.py", "lab/a-b/c.py"), "")
        | dict.fromkeys(("setup.py", "tests/test_b.py", f"lab/{'ø' * 120}/{'y' * 20}.py"), ""),
        SIX | {"plots.py": ""},
        (
            f"lab/a b.py, lab/a-b/c.py, lab/{'ø' * 120}/{'y' * 20}.py: left out, no name that "
            "Python can import",
            "lab/test_a.py: left out, a test",
            "setup.py: left out, beside none of the six files",
        ),
    ),
    "no file over the limit": (
        SIX | {"utils.py": "0" * 1_000_001},
        {name: text for name, text in SIX.items() if name != "utils.py"},
        ("missing: utils.py", "utils.py: left out, more than 1,000,000 bytes"),
    ),
    "an import of the checks": (
        FROM_CHECKS,
        FROM_CHECKS,
        ("utils.py: imports the checks, which contain the formulas",),
    ),
    "the right name before another": (
        SIX | {"task3a (1).py": "old"},
        SIX,
        ("task3a (1).py: left out, the one at the top was graded",),
    ),
    "another name, which may be imported": (
        FIVE | {"Task2a.py": "new"},
        FIVE | dict.fromkeys(("task2a.py", "Task2a.py"), "new"),
        (GUESSED.format("Task2a.py"),),
    ),
    "another name, which cannot": (
        FIVE | {"task2a (1).py": "new"},
        FIVE | {"task2a.py": "new"},
        (GUESSED.format("task2a (1).py"),),
    ),
    "of other names the one with the fewest words": (
        FIVE | {"task2a-1.py": "new", "old_task2a.py": "old"},
        FIVE | {"task2a.py": "new", "old_task2a.py": "old"},
        (GUESSED.format("task2a-1.py"),),
    ),
    "of two names that are as good, and hold the same, one": (
        FIVE | {"task2a (1).py": "new", "task2a (2).py": "new"},
        FIVE | {"task2a.py": "new"},
        (GUESSED.format("task2a (1).py"), "task2a (2).py: left out, the one at the top was graded"),
    ),
    "of two names that are as good none": (
        FIVE | {"task2a (1).py": "new", "task2a (2).py": "newer"},
        FIVE,
        ("missing: task2a.py", "task2a (1).py, task2a (2).py: left out, each may be task2a.py"),
    ),
    "the code in the cells of a notebook": (
        FIVE
        | {"task2a.ipynb": notebook("%matplotlib inline\nx = 5 \\\n  % 3", "%%bash\nls", "!ls")},
        FIVE | {"task2a.py": "pass\nx = 5 \\\n  % 3\n\npass\n"},
        (GUESSED.format("task2a.ipynb"),),
    ),
    "no notebook": (
        FIVE | {"task2a.ipynb": '{"cells": 1}'},
        FIVE,
        ("missing: task2a.py", "task2a.ipynb: left out, no notebook of format 4"),
    ),
    "what is there is listed where a file is missing": (
        dict.fromkeys(("task2a.py", "b.pdf", "c.rar", "softmax.py"), ""),
        dict.fromkeys(("task2a.py", "softmax.py"), ""),
        (
            f"{MISSING}; there is softmax.py, b.pdf",
            "c.rar: left out, of archives only zips are opened",
        ),
    ),
    "a zip in a zip": (
        {"all.zip": zipped({"hw/code.zip": CODE})},
        SIX | {"plots.py": "old"},
        ("the code was in all.zip/hw/code.zip",),
    ),
    "of two zips the one with the code": (
        {"code.zip": CODE, "report.zip": zipped({"report.pdf": ""})},
        SIX | {"plots.py": "old"},
        ("the code was in code.zip", "report.zip: left out, all six files lie outside of it"),
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
            GUESSED.format("Task2a.py"),
            "code.zip/task2a.py: left out, the one at the top was graded",
            "code.zip/plots.py: left out, another plots.py was taken",
        ),
    ),
    "all six files before a zip": (
        SIX | {"old.zip": zipped(OLD | HELPERS)},
        SIX,
        ("old.zip: left out, all six files lie outside of it",),
    ),
    "a zip beside one that is none": (
        {"code.zip": CODE, "a.zip": "Rar!"},
        SIX | {"plots.py": "old"},
        (
            "the code was in code.zip",
            "a.zip: left out, it is a RAR archive, no zip; it begins with b'Rar!'",
        ),
    ),
}


@pytest.mark.parametrize("write", [write_zip, write_files])
@pytest.mark.parametrize(("files", "read", "notes"), CHOICES.values(), ids=CHOICES)
def test_what_is_read_and_noted(
    tmp_path: Path,
    write: Callable[..., Path],
    files: dict[str, Any],
    read: dict[str, str],
    notes: tuple[str, ...],
) -> None:
    found = read_submission(write(tmp_path / "a.zip", files))
    assert {name: data.decode() for name, data in found.files.items()} == read
    assert (tuple(found.notes), found.problem) == (notes, "")


def test_zips_in_a_submission_are_read_to_a_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MAX_NESTED_ZIP", len(CODE) - 1)
    zips = {f"{n:02}.zip": zipped({f"helper{n}.py": "", "utils.py": f"{n}"}) for n in range(1, 11)}
    (tmp_path / "a.zip").write_bytes(zipped({"00.zip": CODE, **zips}))
    found = read_submission(tmp_path / "a.zip")
    assert sorted(found.files) == ["helper1.py", "utils.py"]
    assert f"00.zip: left out, more than {len(CODE) - 1:,} bytes" in found.notes
    assert "09.zip, 10.zip: left out, more than 10 zips" in found.notes


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is an empty file"),
        (b"%PDF-1.7 report", "it is a PDF, no zip; it begins with b'%PDF-1.7'"),
        (b"a repository", "cannot be read as a zip .* begins with b'a reposi'"),
        (zipped({}), "none of the assignment's files is in it; it is empty"),
        (zipped({"a.7z": "", "b.pdf": "", "c.py": ""}), "none of .*; it has c.py, a.7z, b.pdf"),
        (
            zipped({".hw/task2a.py": "", "a/": ""}),
            "/task2a.py: left out, hidden.* it has .hw/task2a",
        ),
        (
            zipped({"task2a.py": "x"}, flags=1),
            "py: left out, it is encrypted: .* without a password",
        ),
        (
            zipped({"task2a.py": "x"}, zipfile.ZIP_LZMA),
            "compressed in an unusual way.* can be taken",
        ),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    found = read_submission(tmp_path / "a.zip")
    assert re.search(reason, "; ".join([*found.notes, found.problem]))


def odd_members(names: Mapping[str, int], text: str = "") -> dict[Any, str]:
    """Make the members of a zip from names as they are, and their modes."""
    infos = {}
    for name, mode in names.items():
        info = zipfile.ZipInfo()
        info.filename, info.create_system, info.external_attr = name, 3, mode << 16
        infos[info] = text
    return infos


def test_links_and_paths_out_of_a_zip_are_passed_over(tmp_path: Path) -> None:
    names = {"code/task3.py": 0, "../task2a.py": 0, "a/../../task2.py": 0, "code/utils.py": 0}
    names |= {"C:\\..\\task3a.py": 0, "code/trainer.py": stat.S_IFLNK | 0o777, "code/../a.py": 0}
    (tmp_path / "a.zip").write_bytes(zipped(odd_members(names, "/etc/passwd")))
    found = read_submission(tmp_path / "a.zip")
    assert sorted(found.files) == ["task3.py", "utils.py"]
    assert found.notes == [
        "missing: task2a.py, task2.py, task3a.py, trainer.py; there is code/../a.py",
        "code/trainer.py: left out, it is a link or a folder",
        "../task2a.py, a/../../task2.py, ../task3a.py: left out, hidden, outside of the zip, or "
        "where tools put theirs",
    ]


@pytest.mark.parametrize(
    "folder",
    [
        *("HW 1: final/", "/home/ann/hw/", "C:/Users/ann/", "D:", "code\\", "C:\\hw\\", "//srv/x/"),
        *("env/", "venv/code/", "./"),
    ],
)
def test_code_is_found_whatever_the_folder_is_called(tmp_path: Path, folder: str) -> None:
    names = dict.fromkeys([f"{folder}{name}" for name in (*FILES, "plots.py")], 0)
    (tmp_path / "a.zip").write_bytes(zipped(odd_members(names)))
    found = read_submission(tmp_path / "a.zip")
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


def test_a_bomb_is_read_to_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def logged(file: zipfile.ZipExtFile, n: int | None = -1) -> bytes:
        asked.append(n)
        return read(file, n)

    asked: list[int | None] = []
    read = zipfile.ZipExtFile.read
    monkeypatch.setattr(zipfile.ZipExtFile, "read", logged)
    read_submission(write_zip(tmp_path / "a.zip", {"task2a.py": "0" * 2_000_000}))
    assert asked == [1_000_001]


def test_a_damaged_file_costs_that_file(tmp_path: Path) -> None:
    data = zipped({"task2a.py": "answer = 42\n", "utils.py": ""})
    (tmp_path / "a.zip").write_bytes(data.replace(b"answer", b"damage"))
    found = read_submission(tmp_path / "a.zip")
    assert list(found.files) == ["utils.py"]
    assert found.notes[0] == "missing: task2a.py, task2.py, task3a.py, task3.py, trainer.py"
    assert "task2a.py: left out, it cannot be read: Bad CRC-32" in found.notes[1]


def test_names_in_wrong_encodings_are_survived(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"kode_xx/task2a.py": "", "kode_xx/utils.py": ""})
    path.write_bytes(path.read_bytes().replace(b"kode_xx", b"kode_\xe5\xff"))
    assert sorted(read_submission(path).files) == ["task2a.py", "utils.py"]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MAX_ENTRIES", 5)
    inner = zipped(dict.fromkeys(("task2a.py", "a.py", "b.py"), ""))
    (tmp_path / "b.zip").write_bytes(zipped({"1.zip": inner, "2.zip": inner}))
    folder = write_files(tmp_path / "a", RIGHT)
    for path in (write_zip(tmp_path / "a.zip", RIGHT), folder, tmp_path / "b.zip"):
        assert read_submission(path).problem == "it has more than 5 files"


def test_a_folder_that_cannot_be_listed_is_not_called_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def walk(top: Path, onerror: Callable[[OSError], None]) -> list[Any]:
        onerror(PermissionError(13, "Permission denied", str(top / "code")))
        return []

    monkeypatch.setattr(os, "walk", walk)
    assert "it has code/(Permission denied)" in read_submission(tmp_path).problem


def test_a_class_is_a_folder_of_zips_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    write_zip(folder / "ann.zip", RIGHT)
    write_files(folder / "bo" / "code", RIGHT)
    write_zip(folder / "bo.zip", {"task2a.py": ""})
    write_files(folder / "empty", {})
    (folder / "link").symlink_to(folder / "bo")
    junk = {"list.txt": "", ".hidden/task2a.py": "", "__MACOSX/x": "", "env/pyvenv.cfg": ""}
    write_files(folder, {"cy.rar": "", "utils.py": "", **junk})
    write_files(folder / "grades", {"ann.json": ""})
    skipped: list[str] = []
    found = find_submissions([folder], out=folder / "bo" / ".." / "grades", skipped=skipped)
    assert list(found) == ["ann", "bo", "bo-2", "cy", "empty", "link"]
    unused = ".hidden, __MACOSX, env, list.txt, utils.py"
    assert skipped == [f"{folder}: no submission, and left out: {unused}"]
    problems = [read_submission(found[name]).problem for name in ("cy", "empty", "link")]
    assert problems[0] == "it is an empty file"
    assert "it has (an empty folder)" in problems[1]
    assert "it has (a symbolic link)" in problems[2]


ATTEMPT = "HW1_{}_attempt_2026-01-31-10-22-33"
OF_ANN = {f"doeann_LATE_12345_6789{n}_{name}": text for n, (name, text) in enumerate(SIX.items())}
CLASSES: dict[str, tuple[dict[str, Any], list[str]]] = {  # {name: (a class, its students)}
    "loose files, as of Canvas, Moodle, Blackboard, and by hand": (
        OF_ANN
        | {f"Bo Ø_42_assignsubmission_file_{name}": text for name, text in SIX.items()}
        | {f"{ATTEMPT.format('cy')}_{name}": text for name, text in SIX.items()}
        | {f"Dee - {name.capitalize()}": text for name, text in SIX.items()}
        | {"doeann_LATE_12345_67899_plots-1.py": "", "Dee - plots.py": "", "list.txt": ""}
        | {f"{ATTEMPT.format('cy')}.txt": "", "Bo Ø_42_assignsubmission_onlinetext_x.html": ""},
        ["Bo Ø_42", "Dee", ATTEMPT.format("cy"), "doeann_LATE_12345"],
    ),
    "loose files, a zip beside them, zips of others, a report": (
        OF_ANN
        | {"doeann_LATE_12345_67890_old.zip": CODE, "hw_2024_1105_dee.zip": CODE}
        | {"hw_2024_1105_eli.zip": CODE, "fay_12345_67_task2a.py": "", "gus_12345_678_r.pdf": ""}
        | {f"{ATTEMPT.format('hal')}.zip": CODE, f"{ATTEMPT.format('hal')}.txt": ""},
        [
            ATTEMPT.format("hal"),
            "doeann_LATE_12345",
            "fay_12345",
            "gus_12345",
            "hw_2024_1105_dee",
            "hw_2024_1105_eli",
        ],
    ),
    "folders of Moodle's, in a folder": (
        {
            **{f"x/Ann_1_assignsubmission_file_/{name}": text for name, text in SIX.items()},
            "x/Ann_1_assignsubmission_onlinetext_/onlinetext.html": "",
            "x/Bo_2_assignsubmission_file_/code.zip": CODE,
            "x/Cy_3_assignsubmission_file_/report.pdf": "",
        },
        ["Ann_1", "Bo_2", "Cy_3"],
    ),
    "a zip of zips": ({"x/ann.zip": CODE, "x/bo.zip": zipped({"a/task2a.py": ""})}, ["ann", "bo"]),
    "folders with the same files": (
        dict.fromkeys(
            ("x/ann/task2a.py", "x/bo/c/task2a.py", "x/cy/r.pdf", "x/.git/x", "x/dee/"), ""
        )
        | {"__MACOSX/x/._ann": "", "x/metadata.yml": ""},
        ["ann", "bo", "cy", "dee"],
    ),
}


@pytest.mark.parametrize("place", ["a folder", "a zip", "a zip alone in a folder"])
@pytest.mark.parametrize(("files", "students"), CLASSES.values(), ids=CLASSES)
def test_a_class_is_found_as_it_was_downloaded(
    tmp_path: Path, files: dict[str, Any], students: list[str], place: str
) -> None:
    folder = tmp_path / "class"
    path = folder if place != "a zip" else folder / "all.zip"
    if place == "a folder":
        write_files(folder, files)
    else:
        write_files(folder, {"all.zip": zipped(files)})
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
        {f"code/{name}": "" for name in FILES} | {"my_utils.py": "", "report/report.pdf": ""},
        {"2/task2.py": "", "2/task2a.py": "", "3/task3.py": "", "utils/utils.py": ""},
        {"Task2a.py": "", "old/task2a.py": "", "older.txt": ""},
        {"submission/code.zip": CODE, "report.pdf": ""},
        {"repo-main/task2a.py": "", "repo-main/task2.py": "", "repo-main/old/task2a.py": ""},
        {f"hw/{name}": "" for name in FILES} | {"__MACOSX/hw/._utils.py": "", ".DS_Store": ""},
    ],
)
def test_a_zip_of_one_student_is_no_class(tmp_path: Path, files: dict[str, Any]) -> None:
    (tmp_path / "ann.zip").write_bytes(zipped(files))
    found = find_submissions([tmp_path / "ann.zip"])
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
    names = (
        "a/ann",
        "b/Ann",
        "b/ann-2",
        "c/=cmd()",
        "c/a\nb;c",
        "c/åse ø",
        "d/...",
        "d/" + "x" * 99,
    )
    folders = [write_files(tmp_path / name, {"task2a.py": ""}) for name in names]
    assert list(find_submissions(folders)) == [
        *("ann", "Ann-2", "ann-2-2", "_cmd()", "a_b_c", "åse ø", "submission", "x" * 80)
    ]


def test_nothing_to_grade_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GradingError, match="nowhere does not exist"):
        find_submissions([tmp_path / "nowhere"])
    for files, has in (
        ({}, r"\(an empty folder\)"),
        ({"Softmax.py": "", "a.pdf": ""}, "Softmax.py, a"),
    ):
        with pytest.raises(GradingError, match=f"no submission: expected task2a.*; it has {has}"):
            find_submissions([write_files(tmp_path / "class", files)])
