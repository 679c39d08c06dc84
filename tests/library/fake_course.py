"""A tiny course: three checks, worth 6 points, of two files that must answer 42 and 43."""

import shutil
import zipfile
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from lab.assignment import FILES, PACKAGES
from tests.library.variants.variant import ROOT

CONFTEST = """
import json
from pathlib import Path


def pytest_addoption(parser):
    parser.addoption("--results", type=Path)
    parser.addoption("--task", action="append")


def pytest_configure(config):
    config.addinivalue_line("markers", "check(about): a check")


def pytest_collection_modifyitems(config, items):
    config.tests = {}
    for number, item in enumerate([*items]):
        about = item.get_closest_marker("check").args[0]
        if about.task not in (config.getoption("task") or about.task):
            items.remove(item)
            continue
        test = {"name": item.name, "number": f"{about.task}.{number}", "max_score": about.points}
        config.tests[item.name] = test | {"output": "not run", "tags": []}


def pytest_runtest_makereport(item, call):
    if call.when == "call":
        item.config.tests[item.name]["output"] = str(call.excinfo.value) if call.excinfo else ""


def pytest_unconfigure(config):
    config.getoption("results").write_text(json.dumps({"tests": [*config.tests.values()]}))
"""

CHECKS = """
import importlib
from types import SimpleNamespace

import pytest

from tests import expected


def check(task, points):
    return pytest.mark.check(SimpleNamespace(task=task, points=points))


@check("2a", 3.0)
def test_answer():
    assert importlib.import_module("task2a").answer() == expected.Expected.answer


@check("2a", 1.0)
def test_module():
    assert importlib.import_module("task2a")


@check("3a", 2.0)
def test_other_answer():
    assert importlib.import_module("task3a").answer() == 43
"""

ANSWER, OTHER = "def answer():\n    return 42\n", "def answer():\n    return 43\n"
RIGHT = dict.fromkeys(FILES, "") | {"task2a.py": ANSWER, "task3a.py": OTHER}


def make_course(root: Path) -> Path:
    """Write the course to `root`: its checks, and the real packages."""
    files = {
        "conftest.py": CONFTEST,
        "test_answers.py": CHECKS,
        "expected.py": "class Expected:\n    answer = 42\n",
        "library/test_of_the_course.py": "raise AssertionError('not for students')\n",
    }
    write_files(root / "tests", files)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, root / package)
    return root


def write_files(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Write files into a folder, which is made when it is missing; `a/` is an empty one."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = folder / name
        (path if name.endswith("/") else path.parent).mkdir(parents=True, exist_ok=True)
        if not path.is_dir():
            path.write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def zipped(members: Mapping[Any, Any]) -> bytes:
    """Make a zip of {name or ZipInfo: text}."""
    with zipfile.ZipFile(file := BytesIO(), "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file.getvalue()
