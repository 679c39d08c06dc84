"""What is found in a class folder, and what is read of each submission."""

from __future__ import annotations

import os
import re
import stat
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from course import GradingError, submission
from course.submission import find_submissions, read_submission
from tests.library.fake_course import RIGHT, write_files, write_zip

JUNK = {
    "__MACOSX/task2a.py": "\0",
    "._task2a.py": "\0",
    ".git/hooks/task2a.py": "",
    "venv/lib/task2a.py": "",
    "AssignmentReport.ipynb": "{}",
    "figure.png": "",
    "report.pdf": "",
}


def write_raw(path: Path, members: Mapping[zipfile.ZipInfo | str, str], method: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return path


@pytest.mark.parametrize("write", [write_zip, write_files])
def test_the_six_files_are_read_however_deep_and_what_is_no_code_is_passed_over(
    tmp_path: Path, write: object
) -> None:
    files = {f"hand in/group 7/{name}": text for name, text in (JUNK | RIGHT).items()}
    assert callable(write)
    found = read_submission(write(tmp_path / "a.zip", files))
    assert {name: data.decode() for name, data in found.files.items()} == RIGHT
    assert (found.notes, found.problem) == ([], "")


def test_the_code_alone_counts(tmp_path: Path) -> None:
    a = read_submission(write_zip(tmp_path / "a.zip", RIGHT))
    b = read_submission(write_files(tmp_path / "b", {**RIGHT, "report.pdf": "x"}))
    c = read_submission(write_files(tmp_path / "c", {**RIGHT, "utils.py": "x = 1\n"}))
    assert repr(a) == repr(b) != repr(c)


def test_of_two_candidates_the_one_among_most_of_the_six_counts(tmp_path: Path) -> None:
    files = {"task2a.py": "old = 1\n", **{f"final/{name}": text for name, text in RIGHT.items()}}
    found = read_submission(write_zip(tmp_path / "a.zip", files))
    assert found.files["task2a.py"].decode() == RIGHT["task2a.py"]
    assert found.notes == ["final/task2a.py was graded, not task2a.py"]


def test_of_two_whole_copies_the_one_higher_up_counts(tmp_path: Path) -> None:
    deep = {f"copy/{name}": "" for name in RIGHT}
    found = read_submission(write_zip(tmp_path / "a.zip", deep | RIGHT))
    assert {name: data.decode() for name, data in found.files.items()} == RIGHT


def test_helpers_come_along_unless_their_name_is_taken(tmp_path: Path) -> None:
    taken = ("numpy.py", "sitecustomize.py", "json.py", "test_mine.py")
    course = ("mnist.py", "pytest.py", "conftest.py", "create_submission_zip.py", "lab/expect.py")
    own = ("tests/conftest.py", "tests/test_task2a.py", "digits/__init__.py")
    others = ("numpy/__init__.py", "pytest.ini", "pyproject.toml")
    extra = ("plots.py", "helpers/tools.py", *taken, *course, *own, *others)
    found = read_submission(write_zip(tmp_path / "a.zip", {**RIGHT, **dict.fromkeys(extra, "")}))
    assert set(found.files) - set(RIGHT) == {"plots.py", "helpers/tools.py"}
    assert set(found.notes) == {f"{name} was left out: that name is taken" for name in taken}


def test_too_many_helpers_are_left_out(tmp_path: Path) -> None:
    many = {f"helper{number}.py": "" for number in range(51)}
    found = read_submission(write_zip(tmp_path / "a.zip", {**RIGHT, **many}))
    assert sorted(found.files) == sorted(RIGHT)
    assert "51 other modules were left out" in found.notes[0]


def test_a_zip_in_a_folder_or_a_zip_is_opened_unless_code_is_beside_it(tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "ann" / "code.zip", RIGHT)
    outer = tmp_path / "outer.zip"
    with zipfile.ZipFile(outer, "w") as archive:
        archive.write(inner, "submission/code.zip")
        archive.writestr("submission/comment.txt", "")
    for path, name in ((tmp_path / "ann", "code.zip"), (outer, "submission/code.zip")):
        found = read_submission(path)
        assert sorted(found.files) == sorted(RIGHT)
        assert found.notes == [f"the code was in {name}"]
    write_files(tmp_path / "ann", {"task2a.py": "new = 1\n"})
    assert read_submission(tmp_path / "ann").files == {"task2a.py": b"new = 1\n"}


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "it is an empty file"),
        (b"%PDF-1.7 report", "cannot be read as a zip .* begins with b'%PDF-1.7'"),
        (b"PK\x03\x04 cut off", "cannot be read as a zip"),
    ],
)
def test_what_is_no_zip_says_what_it_is(tmp_path: Path, data: bytes, reason: str) -> None:
    (tmp_path / "a.zip").write_bytes(data)
    assert re.search(reason, read_submission(tmp_path / "a.zip").problem)


def test_an_empty_zip_and_an_empty_folder_have_no_files(tmp_path: Path) -> None:
    for path in (write_zip(tmp_path / "a.zip", {}), write_files(tmp_path / "a", {})):
        assert read_submission(path).problem == "it contains none of the assignment's files"


def test_an_encrypted_zip_is_refused(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"task2a.py": "answer = 42\n"})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1  # the flag in the file's header
    data[data.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    path.write_bytes(data)
    assert read_submission(path).problem == "it is encrypted: hand it in without a password"


@pytest.mark.parametrize(
    "name", ["../task2a.py", "code/../../task2a.py", "/tmp/task2a.py", "C:\\code\\task2a.py"]
)
def test_a_path_that_leads_out_is_passed_over(tmp_path: Path, name: str) -> None:
    found = read_submission(write_zip(tmp_path / "in" / "a.zip", {name: "", "utils.py": ""}))
    assert list(found.files) == ["utils.py"]


def test_backslashes_of_a_zip_made_on_windows_are_folders(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("code/task2a.py")
    info.filename = "code\\task2a.py"
    assert list(read_submission(write_raw(tmp_path / "a.zip", {info: ""})).files) == ["task2a.py"]


def test_symbolic_links_are_not_followed(tmp_path: Path) -> None:
    secret = write_files(tmp_path / "secret", RIGHT)
    info = zipfile.ZipInfo("task2a.py")
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    archive = write_raw(tmp_path / "a.zip", {info: str(secret / "task2a.py"), "utils.py": ""})
    folder = write_files(tmp_path / "a", {"utils.py": ""})
    (folder / "task2a.py").symlink_to(secret / "task2a.py")
    (folder / "code").symlink_to(secret)
    (tmp_path / "link").symlink_to(secret)
    assert list(read_submission(archive).files) == ["utils.py"]
    assert list(read_submission(folder).files) == ["utils.py"]
    assert "symbolic link" in read_submission(tmp_path / "link").problem


def test_a_pipe_is_neither_opened_nor_waited_for(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "a", {"utils.py": ""})
    os.mkfifo(folder / "task2a.py")
    os.mkfifo(tmp_path / "pipe.zip")
    assert list(read_submission(folder).files) == ["utils.py"]
    assert read_submission(tmp_path / "pipe.zip").problem == "it is neither a file nor a folder"


@pytest.mark.parametrize(
    "line", ["from tests.checks import textbook", "    import tests.checks.textbook as book"]
)
def test_what_imports_the_checks_gets_a_note(tmp_path: Path, line: str) -> None:
    files = {**RIGHT, "utils.py": f"import testing\n{line}\n"}
    found = read_submission(write_zip(tmp_path / "a.zip", files))
    assert found.notes == ["utils.py imports the checks, which contain the formulas"]
    assert sorted(found.files) == sorted(RIGHT)


def declare(path: Path, size: int) -> Path:
    """Let the first file of a zip say that it has another size."""
    data = bytearray(path.read_bytes())
    for header, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(header) + offset
        data[at : at + 4] = size.to_bytes(4, "little")
    path.write_bytes(data)
    return path


def test_a_bomb_is_read_to_the_limit_and_no_further(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def logged(file: zipfile.ZipExtFile, n: int | None = -1) -> bytes:
        asked.append(n)
        return read(file, n)

    asked: list[int | None] = []
    read = zipfile.ZipExtFile.read
    monkeypatch.setattr(zipfile.ZipExtFile, "read", logged)
    bomb = write_zip(tmp_path / "a.zip", {"task2a.py": "0" * 2_000_000, "utils.py": ""})
    for path in (bomb, declare(bomb, 10)):
        found = read_submission(path)
        assert list(found.files) == ["utils.py"]
        assert found.notes[1].startswith("missing: task2a.py, task2.py")
    assert asked == [1_000_001] * 4
    assert "task2a.py cannot be read: Bad CRC-32" in found.notes[0]


def test_a_file_over_the_limit_is_left_out_whatever_it_declares(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"task2a.py": "0" * 1_000_001, "utils.py": ""})
    note = "task2a.py was left out: more than 1,000,000 bytes"
    assert read_submission(path).notes[0] == note
    path = write_zip(tmp_path / "b.zip", {"task2a.py": "x = 1\n", "utils.py": ""})
    assert read_submission(declare(path, 4_000_000_000)).files["task2a.py"] == b"x = 1\n"


def test_what_is_not_needed_of_a_bomb_is_not_opened(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"data.bin": "0" * 1000, **RIGHT})
    assert sorted(read_submission(declare(path, 4_000_000_000)).files) == sorted(RIGHT)


def test_a_damaged_file_costs_that_file(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a.zip", {"task2a.py": "answer = 42\n", "utils.py": ""})
    path.write_bytes(path.read_bytes().replace(b"answer", b"damage"))
    found = read_submission(path)
    assert list(found.files) == ["utils.py"]
    assert "task2a.py cannot be read: Bad CRC-32" in found.notes[0]
    assert found.notes[1] == "missing: task2a.py, task2.py, task3a.py, task3.py, trainer.py"


def test_an_unbounded_compression_is_refused(tmp_path: Path) -> None:
    path = write_raw(tmp_path / "a.zip", {"task2a.py": "0" * 1000}, zipfile.ZIP_LZMA)
    assert "compressed in an unusual way" in read_submission(path).problem


def test_names_in_wrong_encodings_are_survived(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"kode_xx/task2a.py": "", "kode_xx/utils.py": ""})
    path.write_bytes(path.read_bytes().replace(b"kode_xx", b"kode_\xe5\xff"))
    folder = write_files(tmp_path / "a", {})
    os.mkdir(os.fsencode(folder) + b"/kode_\xe5\xff")
    with open(os.fsencode(folder) + b"/kode_\xe5\xff/task2a.py", "w"):
        pass
    assert sorted(read_submission(path).files) == ["task2a.py", "utils.py"]
    assert list(read_submission(folder).files) == ["task2a.py"]
    assert list(find_submissions([folder])) == ["kode___"]


def test_too_many_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(submission, "MAX_ENTRIES", 5)
    for path in (write_zip(tmp_path / "a.zip", RIGHT), write_files(tmp_path / "a", RIGHT)):
        assert read_submission(path).problem == "it has more than 5 files"


def test_a_class_is_a_folder_of_zips_and_folders(tmp_path: Path) -> None:
    folder = tmp_path / "class"
    write_zip(folder / "ann.zip", RIGHT)
    write_files(folder / "bo" / "code", RIGHT)
    write_files(folder / "empty", {})
    write_files(folder, {"list.txt": "", "cy.rar": "", ".hidden/task2a.py": ""})
    write_files(folder / "__MACOSX", {"x": ""})
    write_files(folder / "grades", {"ann.json": ""})
    found = find_submissions([folder], out=folder / "bo" / ".." / "grades")
    assert list(found) == ["ann", "bo", "cy", "empty"]


def test_a_folder_with_code_is_one_submission_and_any_other_when_asked_for(tmp_path: Path) -> None:
    ann = write_files(tmp_path / "ann", {"task2a.py": "", "helpers/plots.py": ""})
    assert find_submissions([ann]) == {"ann": ann}
    bo = write_files(tmp_path / "bo", {"deep/code/task2a.py": ""})
    assert find_submissions([bo], one=True) == {"bo": bo}


def test_equal_names_get_numbers(tmp_path: Path) -> None:
    for name in ("a/ann.zip", "b/Ann.zip", "b/ann-2.zip"):
        write_zip(tmp_path / name, {})
    assert list(find_submissions([tmp_path / "a", tmp_path / "b"])) == ["ann", "Ann-2", "ann-2-2"]


@pytest.mark.parametrize(
    ("name", "clean"),
    [
        ("=cmd()", "_cmd()"),
        ("-1+1", "1+1"),
        ("åse ø", "åse ø"),
        ("a\nb;c", "a_b_c"),
        ("x" * 200, "x" * 80),
        ("...", "submission"),
    ],
)
def test_names_are_safe_as_files_and_in_spreadsheets(tmp_path: Path, name: str, clean: str) -> None:
    folder = write_files(tmp_path / "class" / name, {"task2a.py": ""})
    assert find_submissions([folder]) == {clean: folder}


def test_nothing_to_grade_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(GradingError, match="nowhere does not exist"):
        find_submissions([tmp_path / "nowhere"])
    with pytest.raises(GradingError, match="contains no submission: expected task2a"):
        find_submissions([write_files(tmp_path / "empty", {})])
