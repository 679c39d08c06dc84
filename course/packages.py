"""The interpreter and the packages of a run, by paths that do not lead to the project."""

from __future__ import annotations

import atexit
import os
import re
import shutil
import site
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from course.desk import CONFIGURATION, STARTER
from lab.assignment import FILES

TIMEOUT = "pytest-timeout"  # what grading needs beside the students' packages
DIRECT_URL = "direct_url.json"
NAMES_IT = ("*.pth", "__editable__*", f"*.dist-info/{DIRECT_URL}")  # where pip writes the project


@dataclass(frozen=True)
class Interpreter:
    """How to start Python.

    Attributes:
        executable: the interpreter.
        path: for PYTHONPATH.
        leads_to_solution: whether its paths lead to the solution, and cannot be changed.
    """

    executable: str
    path: str = ""
    leads_to_solution: bool = False


@cache
def interpreter(project: Path) -> Interpreter:
    """Return this interpreter, or one with links to the packages where this leads to the project.

    A virtual environment in the project, or one into which the project was installed, leads there.
    """
    if not _leads_to(project):
        return Interpreter(sys.executable)
    folder = tempfile.mkdtemp(prefix="grade-packages-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    base = os.path.realpath(sys.executable)  # of a virtual environment, a link to it
    for package in _needed():
        for file in package.files or ():
            copy = Path(folder, file)
            if ".." in file.parts or file.name == DIRECT_URL or copy.exists():  # listed twice
                continue
            copy.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(file.locate(), copy)
            except OSError:  # another file system
                shutil.copyfile(file.locate(), copy)
    imports = "import matplotlib, mnist, pytest, pytest_timeout, threadpoolctl"
    test = [base, "-S", "-c", imports]  # -S: without packages of its own
    works = subprocess.run(test, env={"PYTHONPATH": folder}, capture_output=True).returncode == 0
    if not works or any(Path(base).is_relative_to(top) for top in (sys.prefix, project)):
        return Interpreter(sys.executable, leads_to_solution=True)
    return Interpreter(base, folder)


def _leads_to(project: Path) -> bool:
    if not any((project / name).exists() for name in FILES):
        return False  # to no solution
    if Path(sys.prefix).is_relative_to(project):
        return True
    folders = map(Path, [*site.getsitepackages(), site.getusersitepackages()])
    files = (file for folder in folders for name in NAMES_IT for file in folder.glob(name))
    return any(str(project) in file.read_text(errors="replace") for file in files)


def _needed() -> list[Distribution]:
    """List the packages that the students' pyproject.toml names, and those that these need."""
    text = (STARTER / CONFIGURATION).read_text(encoding="utf-8")
    names = [TIMEOUT, *re.findall(r'^    "([\w-]+)', text, re.MULTILINE)]
    found: dict[str, Distribution] = {}
    for name in names:  # which grows
        try:
            package = found.setdefault(name, distribution(name))
        except PackageNotFoundError:  # one that only other systems need
            continue
        requires = (needed for needed in package.requires or () if "extra ==" not in needed)
        needs = (re.split(r"[^\w.-]", needed)[0] for needed in requires)
        names += [name for name in needs if name not in names]
    return list(found.values())
