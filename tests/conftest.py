"""Makes the checks run: `pytest [--next] [--task 2a] [--results FILE] [--folder=FOLDER]`.

`pytest` alone runs the assignment's checks, `pytest tests` every test of the project.
"""

import os
import sys
from pathlib import Path
from typing import Any

import pytest
from threadpoolctl import threadpool_limits

HERE = Path(__file__).resolve().parent
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))  # however pytest is started, `tests` is this folder
os.environ.setdefault("MPLBACKEND", "Agg")  # a student's plot opens no window

import matplotlib.pyplot  # noqa: E402, F401 - its first import may outlast a check's time limit

from digits.files import user_path  # noqa: E402
from lab.assignment import POINTS  # noqa: E402
from tests.checks.plugin import Checks  # noqa: E402
from tests.checks.student import NAMES, StudentFiles, StudentModule  # noqa: E402


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("checks", "the assignment's checks")
    group.addoption(
        "--results", type=user_path, help="write Gradescope's results.json to this file"
    )
    group.addoption("--next", action="store_true", help="stop at the first check that fails")
    group.addoption(
        "--task",
        action="append",
        choices=POINTS,
        default=[],
        help="run the checks of this task only; may be given more than once",
    )
    group.addoption(
        "--folder", type=user_path, default=HERE.parent, help="folder with task2a.py and the others"
    )


def pytest_configure(config: pytest.Config) -> None:
    threadpool_limits(1, "blas")  # as in a training
    config.addinivalue_line("markers", "check(about): earns points for a task")
    if config.getoption("--next"):
        config.option.maxfail = 1  # the checks run task by task
    results = config.getoption("--results")
    if results and config.getoption("numprocesses", None):
        raise pytest.UsageError("--results: the points are counted in one process; leave out -n.")
    files = StudentFiles(config.getoption("--folder"))
    checks = Checks(files, results, config.getoption("--task"))
    config.pluginmanager.register(checks, "checks")


@pytest.fixture
def files(pytestconfig: pytest.Config) -> StudentFiles:
    checks: Any = pytestconfig.pluginmanager.get_plugin("checks")
    return checks.files


def _module(name: str) -> Any:
    @pytest.fixture(name=name)
    def module(files: StudentFiles) -> StudentModule:
        return StudentModule(files, name)

    return module


task2a, task2, task3a, task3, trainer, utils = map(_module, NAMES)
