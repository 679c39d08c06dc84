"""Makes the checks run: `python -m pytest tests [--task 2a] [--results FILE] [--desk FOLDER]`."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))  # however pytest is started, `tests` is this folder
os.environ.setdefault("MPLBACKEND", "Agg")  # a student's plot opens no window

from lab.assignment import POINTS  # noqa: E402
from tests.checks.desk import NAMES, Desk, StudentModule  # noqa: E402
from tests.checks.plugin import Checks  # noqa: E402

DESK = pytest.StashKey[Desk]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("checks", "the assignment's checks")
    group.addoption("--results", type=Path, help="write Gradescope's results.json to this file")
    group.addoption(
        "--task",
        action="append",
        choices=POINTS,
        default=[],
        help="run the checks of this task only; may be given more than once",
    )
    group.addoption(
        "--desk", type=Path, default=HERE.parent, help="folder with task2a.py and the others"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "check(about): earns points for a task")
    desk = config.stash[DESK] = Desk(config.getoption("--desk"))
    desk.open()
    results = config.getoption("--results")
    results = results and results.absolute()  # a student's code may change the folder
    checks = Checks(desk, results, config.getoption("--task"))
    config.pluginmanager.register(checks, "checks")


@pytest.fixture
def desk(pytestconfig: pytest.Config) -> Desk:
    return pytestconfig.stash[DESK]


def _module(name: str) -> Any:
    @pytest.fixture(name=name)
    def module(desk: Desk) -> StudentModule:
        return StudentModule(desk, name)

    return module


task2a, task2, task3a, task3, trainer, utils = map(_module, NAMES)
