"""What is found in a class folder, and what is read of each submission."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from course import GradingError, submission
from course.submission import find_submissions, read_submission
from lab.assignment import FILES
from tests.library.fake_course import RIGHT, write_files, write_zip


def zipped(members: Mapping[Any, str], method: int = zipfile.ZIP_STORED, flags: int = 0) -> bytes:
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
TAKEN = ("json.py", "numpy.py", "sitecustomize.py", "test_mine.py")
IGNORED = (  # the course's own, what would hide it, and configuration
    *("conftest.py", "create_submission_zip.py", "digits/__init__.py", "lab/expect.py", "mnist.py"),
    *("pytest.py", "tests/conftest.py", "tests/test_task2a.py", "numpy/__init__.py"),
    *("pytest.ini", "pyproject.toml"),
)
HELPERS = {"plots.py": "", "helpers/tools.py": ""}
FROM_CHECKS = SIX | {"utils.py": "def f():\n    import tests.checks.textbook as book\n"}
CHOICES = {  # {name: (what is handed in, what is read, notes)}
    "the six files, however deep, and nothing that is no code": (DEEP, SIX, ()),
    "of two candidates the one among most of the six": (
        {"task2a.py": "old", **{f"final/{name}": text for name, text in SIX.items()}},
        SIX,
        ("final/task2a.py was graded, not task2a.py",),
    ),
    "of two copies the one higher up": (
        {**{f"a/{name}": "old" for name in SIX}, **SIX},
        SIX,
        tuple(f"{name} was graded, not a/{name}" for name in SIX),
    ),
    "at most 50 helpers": (
        SIX | {f"helper{i}.py": "" for i in range(51)},
        SIX,
        ("its 51 other modules were left out: more than 50",),
    ),
    "helpers, unless their name is taken": (
        SIX | HELPERS | dict.fromkeys((*TAKEN, *IGNORED), ""),
        SIX | HELPERS,
        tuple(f"{name} was left out: that name is taken" for name in TAKEN),
    ),
    "no file over the limit": (
        SIX | {"utils.py": "0" * 1_000_001},
        {name: text for name, text in SIX.items() if name != "utils.py"},
        ("utils.py was left out: more than 1,000,000 bytes", "missing: utils.py"),
    ),
    "an import of the checks": (
        FROM_CHECKS,
        FROM_CHECKS,
        ("utils.py imports the checks, which contain the formulas",),
    ),
}


@pytest.mark.parametrize("write", [write_zip, write_files])
@pytest.mark.parametrize(("files", "read", "notes"), CHOICES.values(), ids=CHOICES)
def test_what_is_read_and_noted(
    tmp_path: Path,
    write: Callable[..., Path],
    files: dict[str, str],
    read: dict[str, str],
    notes: tuple[str, ...],
) -> None:
    found = read_submission(write(tmp_path / "a.zip", files))
    assert {name: data.decode() for name, data in found.files.items()} == read
    assert (tuple(found.notes), found.problem) == (notes, "")


def test_a_zip_in_a_folder_or_a_zip_is_opened_unless_code_is_beside_it(tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "ann" / "code.zip", RIGHT)
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as archive:
        archive.write(inner, "submission/code.zip")
    for name in ("ann", "outer.zip"):
        found = read_submission(tmp_path / name)
        assert sorted(found.files) == sorted(RIGHT)
        assert "the code was in " in found.notes[0]
    write_files(tmp_path / "ann", {"task2a.py": "new = 1\n"})
    assert read_submission(tmp_path / "ann").files == {"task2a.py": b"new = 1\n"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is an empty file"),
        (b"%PDF-1.7 report", "cannot be read as a zip .* begins with b'%PDF-1.7'"),
        (zipped({}), "it contains none of the assignment's files"),
        (zipped({"task2a.py": "x"}, flags=1), "encrypted: hand it in without a password"),
        (zipped({"task2a.py": "x"}, zipfile.ZIP_LZMA), "compressed in an unusual way"),
    ],
)
def test_what_cannot_be_read_says_why(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    assert re.search(reason, read_submission(tmp_path / "a.zip").problem)


def test_links_and_paths_out_of_a_zip_are_passed_over(tmp_path: Path) -> None:
    members: dict[Any, str] = {"code\\task3.py": "", "utils.py": ""}  # the first as on Windows
    for name, mode in (
        *(
            ("../task2a.py", 0),
            ("a/../../task2.py", 0),
            ("/tmp/task3a.py", 0),
            ("C:\\task2a.py", 0),
        ),
        ("trainer.py", stat.S_IFLNK | 0o777),
    ):
        info = zipfile.ZipInfo()
        info.filename, info.create_system, info.external_attr = name, 3, mode << 16
        members[info] = "/etc/passwd"
    (tmp_path / "a.zip").write_bytes(zipped(members))
    assert sorted(read_submission(tmp_path / "a.zip").files) == ["task3.py", "utils.py"]


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
    assert "task2a.py cannot be read: Bad CRC-32" in found.notes[0]
    assert found.notes[1] == "missing: task2a.py, task2.py, task3a.py, task3.py, trainer.py"


def test_names_in_wrong_encodings_are_survived(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"kode_xx/task2a.py": "", "kode_xx/utils.py": ""})
    path.write_bytes(path.read_bytes().replace(b"kode_xx", b"kode_\xe5\xff"))
    assert sorted(read_submission(path).files) == ["task2a.py", "utils.py"]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "MAX_ENTRIES", 5)
    for path in (write_zip(tmp_path / "a.zip", RIGHT), write_files(tmp_path / "a", RIGHT)):
        assert read_submission(path).problem == "it has more than 5 files"


def test_a_class_is_a_folder_of_zips_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    write_zip(folder / "ann.zip", RIGHT)
    write_files(folder / "bo" / "code", RIGHT)
    write_files(folder / "empty", {})
    write_files(folder, {"list.txt": "", "cy.rar": "", ".hidden/task2a.py": "", "__MACOSX/x": ""})
    write_files(folder / "grades", {"ann.json": ""})
    found = find_submissions([folder], out=folder / "bo" / ".." / "grades")
    assert list(found) == ["ann", "bo", "cy", "empty"]


def test_a_folder_with_code_is_one_submission_and_any_other_when_asked_for(tmp_path: Path) -> None:
    ann = write_files(tmp_path / "ann", {"task2a.py": "", "helpers/plots.py": ""})
    assert find_submissions([ann]) == {"ann": ann}
    bo = write_files(tmp_path / "bo", {"deep/code/task2a.py": ""})
    assert find_submissions([bo], one=True) == {"bo": bo}


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
    with pytest.raises(GradingError, match="contains no submission: expected task2a"):
        find_submissions([write_files(tmp_path / "empty", {})])
