"""What is written for another year's starter, or another NumPy, is called, run and imported."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import task2
import task2a
import task3
import task3a
import trainer
import utils
from tests.checks import compatibility
from tests.checks.compatibility import ARGUMENTS, RULES, MissingPackageError, adapted
from tests.checks.mistake import ImportMistake, Mistake
from tests.checks.student import StudentFiles
from tests.library.proof import run
from tests.library.submissions import read

Load = Callable[[str], tuple[ModuleType, list[str]]]

ELEMENT = "import numpy as np\nfrom math import log\nz = np.ones((1, 1))\n"


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_needed_by_the_submission_that_it_names(
    monkeypatch: pytest.MonkeyPatch, rule: str
) -> None:
    name, task = RULES[rule]
    submission = read(name)
    monkeypatch.setattr(compatibility, rule, lambda thing, *_, **__: thing)
    (results,) = run({submission: [task]}).values()
    assert results["score"] < submission.fair[task]


@pytest.mark.parametrize("name", ARGUMENTS)
def test_the_arguments_are_those_of_the_solution(name: str) -> None:
    places: list[Any] = [trainer.BaseTrainer, task3a.SoftmaxModel]
    places += [task2a, task2, task3a, task3, trainer, utils]
    found = next(getattr(place, name) for place in places if hasattr(place, name))
    names = [parameter for parameter in inspect.signature(found).parameters if parameter != "self"]
    assert tuple(names[: len(ARGUMENTS[name])]) == ARGUMENTS[name]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Import a text as a student's utils.py; the notes come with it."""
    files = StudentFiles(tmp_path)
    files.open()

    def run(text: str) -> tuple[ModuleType, list[str]]:
        (tmp_path / "utils.py").write_text(text, encoding="utf-8")
        return files.load("utils"), list(files.notes)

    yield run
    files.close()


@pytest.mark.parametrize(
    ("expression", "value", "modern"),
    [
        ("np.Inf", np.inf, "np.inf"),
        ("np.NINF", -np.inf, "-np.inf"),
        ("np.float(3)", 3.0, "float"),
        ("np.product([2, 3])", 6, "np.prod"),
        ("np.zeros(1, dtype=np.int).dtype", np.dtype(int), "int"),
        ("np.asscalar(np.array([3]))", 3, ".item()"),
        ("np.math.log(1)", 0, "import math"),
    ],
)
def test_a_name_that_numpy_removed_is_put_back_with_a_note(
    load: Load, expression: str, value: object, modern: str
) -> None:
    module, notes = load(f"import numpy as np\nx = {expression}\n")
    assert module.x == value
    name = re.findall(r"np\.\w+", expression)[1 if "dtype" in expression else 0]
    assert notes == [f"utils.py, line 2: NumPy no longer has {name}; write {modern}."]


@pytest.mark.parametrize(
    ("statement", "value", "modern"),
    [
        ("from numpy import nothing, Inf as x", np.inf, "np.inf"),
        ("from numpy.core.numeric import product as x", np.prod, "np.prod"),
        ("from numpy.lib.function_base import append as x", np.append, "np.append"),
        ("from scipy.misc import exp as x", np.exp, "np.exp"),
    ],
)
def test_a_name_imported_from_numpy_is_what_numpy_calls_otherwise(
    load: Load, statement: str, value: object, modern: str
) -> None:
    module, notes = load(f"{statement}\n")
    assert module.x is value
    assert notes[-1].endswith(f" cannot be imported here; write {modern}.")


def test_today_s_code_is_imported_without_a_note(load: Load) -> None:
    module, notes = load("import numpy as np\nx = np.inf, np.prod([2]), int('3'), float(2)\n")
    assert module.x == (np.inf, 2, 3, 2.0)
    assert notes == []


def test_an_array_of_one_element_is_made_a_number(load: Load) -> None:
    module, notes = load(f"{ELEMENT}x = int(z), float(z), log(z), '%.1f %d' % (z, 4)\n")
    assert module.x == (1, 1.0, 0.0, "1.0 4")
    advice = "NumPy 2.4 makes no number of an array of one element; use .item()."
    assert notes == [f"utils.py, line 4: {advice}"]


def test_an_array_of_one_element_becomes_an_entry_of_an_array(load: Load) -> None:
    text = "y, Y = np.zeros(3), np.zeros((2, 2))\ny[0] = z\ny[1] += z\ny[2], Y[0, 1] = z, z\n"
    module, notes = load(
        f"{ELEMENT}{text}Y[1] = z\ny.flat[:1] = 1\ny[:2] -= z[0] / 2\nx = [0]\nx[0] = z\n"
    )
    assert module.y.tolist() == [0.5, 0.5, 1.0]
    assert module.Y.tolist() == [[0.0, 1.0], [1.0, 1.0]]
    assert module.x[0] is module.z
    assert [int(note.split("line ")[1].split(":")[0]) for note in notes] == [5, 6, 7]


@pytest.mark.parametrize("use", ["int(np.ones(2))", "np.zeros(2).__setitem__(0, np.ones(2))"])
def test_an_array_of_two_elements_is_still_no_number(load: Load, use: str) -> None:
    module, _ = load(f"import numpy as np\ndef f():\n    return {use}\n")
    with pytest.raises((TypeError, ValueError)):
        module.f()


def test_a_package_that_is_not_installed_fails_only_where_it_is_used(load: Load) -> None:
    text = (
        "import nowhere.plots as plots, numpy\nfrom elsewhere import zeros\nplots.set_theme()\n"
        "@plots.fast\n@plots.cached(size=1)\ndef right():\n    return 42\n\n"
        "class Model(plots.Base):\n    pass\n\n"
        "def wrong():\n    return zeros(3)\n"
    )
    module, notes = load(text)
    assert module.right() == 42
    assert module.Model()
    assert module.numpy is np
    assert notes == [
        "utils.py, line 1: nowhere is not installed here; only its use fails.",
        "utils.py, line 2: elsewhere is not installed here; only its use fails.",
    ]
    with pytest.raises(MissingPackageError, match="elsewhere is not installed here"):
        module.wrong()


def test_an_import_that_fails_fails_only_where_it_is_used(load: Load) -> None:
    text = "import os, nowhere\nfrom asyncio.windows_events import NULL\nfrom json import nothing\n"
    module, notes = load(f"{text}from json import *\ndef wrong():\n    return NULL()\n")
    assert module.loads
    fails = "cannot be imported here; only its use fails."
    assert notes[1:] == [
        f"utils.py, line 2: asyncio.windows_events.NULL {fails}",
        f"utils.py, line 3: json.nothing {fails}",
    ]
    with pytest.raises(MissingPackageError, match="NULL cannot be imported here"):
        module.wrong()


def test_an_import_of_another_of_their_files_fails_as_it_should(load: Load) -> None:
    with pytest.raises(ImportMistake, match=r"cannot import name 'x' from .* 'utils'[^/]*$"):
        load("from utils import x\n")


def test_an_import_that_may_fail_fails_as_it_should(load: Load) -> None:
    text = "try:\n    import nowhere as np\nexcept ImportError:\n    import numpy as np\n"
    module, notes = load(text)
    assert module.np is np
    assert notes == []


def test_what_runs_outside_of_functions_and_fails_makes_a_note(load: Load) -> None:
    text = (
        "from __future__ import annotations\nx = 1\ny = not_there\nz = y\n"
        "def f(a: not_there):\n    return x\n"
    )
    module, notes = load(text)
    assert module.f(None) == 1
    assert notes == ["utils.py, line 3: NameError when imported; move what runs into main()."]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("import utils.nothing", "line 2: ModuleNotFoundError: No module named"),
        ("raise SystemExit(3)", "line 2: SystemExit: 3\n  Likely:   what runs the script belongs"),
        ("def f(:", "line 2: SyntaxError: invalid syntax"),
    ],
)
def test_a_file_that_cannot_be_imported_names_the_line(
    load: Load, fault: str, message: str
) -> None:
    with pytest.raises(ImportMistake) as caught:
        load(f"# mine\n{fault}\n")
    assert f"utils.py cannot be imported: utils.py, {message}" in str(caught.value)


def test_lines_of_a_traceback_are_those_of_the_file(load: Load) -> None:
    with pytest.raises(ImportMistake, match=r"utils\.py, line 5: ZeroDivisionError"):
        load("import nowhere\nfrom numpy import Inf\n\nclass Model:\n    x = 1 / 0\n")


def given(function: Any, name: str) -> Any:
    """Call a student's function as it was handed out, with the numbers 1, 2, ... ."""
    return adapted(function, name)(*range(1, len(ARGUMENTS[name]) + 1))


def test_arguments_may_have_another_order_or_other_names() -> None:
    def with_an_option(targets: float, outputs: float, eps: float = 0.5) -> tuple[float, ...]:
        return targets, outputs, eps

    assert given(with_an_option, "cross_entropy_loss") == (1, 2, 0.5)
    functions: list[Any] = [
        lambda outputs, targets: (targets, outputs),
        lambda y, y_hat: (y, y_hat),
        lambda *args: args,
    ]
    for function in functions:
        assert given(function, "cross_entropy_loss") == (1, 2)


def test_early_stopping_is_switched_on() -> None:
    cases: list[tuple[Any, object]] = [
        (lambda num_epochs, early_stopping=False: early_stopping, True),
        (lambda num_epochs, early_stopping: bool(early_stopping), True),
        (lambda num_epochs, early_stop_patience=None: early_stop_patience, 10),
        (lambda epochs, patience: patience, 10),
        (lambda num_epochs, patience=5: patience, 5),
    ]
    for function, value in cases:
        assert given(function, "train") == value


def test_an_argument_of_their_own_is_named() -> None:
    with pytest.raises(Mistake, match="give momentum a default value"):
        given(lambda X, momentum: X, "forward")
