"""A student's files are imported although NumPy is newer, or a package of theirs is missing."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from tests.checks.calling import as_called, call
from tests.checks.desk import NAMES, Desk
from tests.checks.importing import MissingPackageError
from tests.checks.mistake import ImportMistake, Mistake

Load = Callable[[str], tuple[ModuleType, list[str]]]

ELEMENT = "import numpy as np\nfrom math import log\nz = np.ones((1, 1))\n"


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Import a text as a student's utils.py; the remarks come with it."""
    others = {name: sys.modules.get(name) for name in NAMES}  # which the desk takes away
    sys.modules.pop("utils", None)
    desk = Desk(tmp_path)
    desk.open()

    def run(text: str) -> tuple[ModuleType, list[str]]:
        (tmp_path / "utils.py").write_text(text, encoding="utf-8")
        return desk.load("utils"), list(desk.remarks)

    yield run
    desk.close()
    for name, module in others.items():
        sys.modules.pop(name, None)
        if module is not None:
            sys.modules[name] = module


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
def test_a_name_that_numpy_removed_is_put_back_with_a_remark(
    load: Load, expression: str, value: object, modern: str
) -> None:
    module, remarks = load(f"import numpy as np\nx = {expression}\n")
    assert module.x == value
    name = re.findall(r"np\.\w+", expression)[1 if "dtype" in expression else 0]
    assert remarks == [f"utils.py, line 2: NumPy no longer has {name}; write {modern}."]


def test_a_removed_name_imported_by_name_is_put_back(load: Load) -> None:
    module, _ = load("from numpy import Inf, product as multiply\n")
    assert module.Inf == np.inf
    assert module.multiply is np.prod


@pytest.mark.parametrize(
    ("statement", "value"),
    [
        ("from numpy.lib.function_base import append as x", np.append),
        ("from numpy.core.numeric import Inf as x", np.inf),
        ("from scipy.misc import exp as x", np.exp),
    ],
)
def test_a_name_of_a_module_that_numpy_removed_is_numpy_s(
    load: Load, statement: str, value: object
) -> None:
    module, remarks = load(f"import os, json\n{statement}\n")
    assert module.x is value
    assert "is no more; write np." in remarks[0]


def test_today_s_code_is_imported_without_a_remark(load: Load) -> None:
    module, remarks = load("import numpy as np\nx = np.inf, np.prod([2]), int('3'), float(2)\n")
    assert module.x == (np.inf, 2, 3, 2.0)
    assert remarks == []


def test_an_array_of_one_element_is_made_a_number(load: Load) -> None:
    module, remarks = load(f"{ELEMENT}x = int(z), float(z), log(z), '%.1f %d' % (z, 4)\n")
    assert module.x == (1, 1.0, 0.0, "1.0 4")
    said = "NumPy 2.4 makes no number of an array of one element; use .item()."
    assert remarks == [f"utils.py, line 4: {said}"]


def test_an_array_of_one_element_becomes_an_entry_of_an_array(load: Load) -> None:
    text = "y, Y = np.zeros(3), np.zeros((2, 2))\ny[0] = z\ny[1] += z\ny[2], Y[0, 1] = z, z\n"
    module, remarks = load(
        f"{ELEMENT}{text}Y[1] = z\ny.flat[:1] = 1\ny[:2] -= z[0] / 2\nx = [0]\nx[0] = z\n"
    )
    assert module.y.tolist() == [0.5, 0.5, 1.0]
    assert module.Y.tolist() == [[0.0, 1.0], [1.0, 1.0]]
    assert module.x[0] is module.z
    assert [int(remark.split("line ")[1].split(":")[0]) for remark in remarks] == [5, 6, 7]


@pytest.mark.parametrize("use", ["int(np.ones(2))", "np.zeros(2).__setitem__(0, np.ones(2))"])
def test_an_array_of_two_elements_is_still_no_number(load: Load, use: str) -> None:
    module, _ = load(f"import numpy as np\ndef f():\n    return {use}\n")
    with pytest.raises((TypeError, ValueError)):
        module.f()


def test_a_package_that_is_not_installed_fails_only_where_it_is_used(load: Load) -> None:
    text = (
        "import nowhere.plots as plots, numpy\nfrom elsewhere import zeros\nplots.set_theme()\n"
        "@plots.fast\ndef right():\n    return 42\n\nclass Model(plots.Base):\n    pass\n\n"
        "def wrong():\n    return zeros(3)\n"
    )
    module, remarks = load(text)
    assert module.right() == 42
    assert module.Model()
    assert module.numpy is np
    assert remarks == [
        "utils.py, line 1: nowhere is not installed here; only its use fails.",
        "utils.py, line 2: elsewhere is not installed here; only its use fails.",
    ]
    with pytest.raises(MissingPackageError, match="elsewhere is not installed here"):
        module.wrong()


def test_an_import_that_fails_fails_only_where_it_is_used(load: Load) -> None:
    text = "import os, nowhere\nfrom asyncio.windows_events import NULL\nfrom json import nothing\n"
    module, remarks = load(f"{text}from json import *\ndef wrong():\n    return NULL()\n")
    assert module.loads
    fails = "cannot be imported here; only its use fails."
    assert remarks[1:] == [
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
    module, remarks = load(text)
    assert module.np is np
    assert remarks == []


def test_what_runs_outside_of_functions_and_fails_costs_a_remark(load: Load) -> None:
    text = (
        "from __future__ import annotations\nx = 1\ny = not_there\nz = y\n"
        "def f(a: not_there):\n    return x\n"
    )
    module, remarks = load(text)
    assert module.f(None) == 1
    said = "NameError when imported; move what runs into main()."
    assert remarks == [f"utils.py, line 3: {said}"]


def test_a_style_of_plots_that_is_missing_costs_no_advice(load: Load) -> None:
    _, remarks = load("import matplotlib.pyplot as plt\nplt.style.use('seaborn')\n")
    assert remarks == ["utils.py, line 2: OSError when imported; left out."]


def test_lines_of_a_traceback_are_those_of_the_file(load: Load) -> None:
    with pytest.raises(ImportMistake, match=r"utils\.py, line 5: ZeroDivisionError"):
        load("import nowhere\nfrom numpy import Inf\n\nclass Model:\n    x = 1 / 0\n")


def loss(targets: float, outputs: float, eps: float = 0.5) -> tuple[float, float, float]:
    return targets, outputs, eps


def test_arguments_go_by_keyword_wherever_they_stand() -> None:
    assert call(loss, targets=1, outputs=2) == (1, 2, 0.5)
    assert call(lambda outputs, targets: (targets, outputs), targets=1, outputs=2) == (1, 2)
    assert call(lambda y, y_hat: (y, y_hat), targets=1, outputs=2) == (1, 2)
    assert call(lambda *args: args, targets=1, outputs=2) == (1, 2)
    assert call(lambda: 3, l2_reg_lambda=0.0) == 3
    assert call(lambda X, **options: options, X=1, Y=2) == {"Y": 2}


def test_options_that_sound_like_an_argument_get_it() -> None:
    assert call(lambda model, lr=0.5: lr, model=0, learning_rate=0.1) == 0.1
    for short in ("l2", "reg", "lam", "l2_lambda", "regularization"):
        function = eval(f"lambda size=785, {short}=0.0: (size, {short})")
        assert call(function, l2_reg_lambda=0.3) == (785, 0.3)


def test_early_stopping_is_switched_on() -> None:
    assert call(lambda X, early_stopping=False: early_stopping, X=1) is True
    assert call(lambda X, early_stopping: early_stopping, X=1)
    assert call(lambda X, early_stop_patience=None: early_stop_patience, X=1) == 10
    assert call(lambda X, patience: patience, X=1) == 10
    assert call(lambda X, patience=5: patience, X=1) == 5


def test_an_argument_of_their_own_is_named() -> None:
    with pytest.raises(Mistake, match="give momentum a default value"):
        call(lambda X, momentum: X, X=1)


def test_a_stand_in_has_the_signature_of_what_it_replaces() -> None:
    def swapped(outputs: float, targets: float) -> None: ...
    def renamed(y: float, y_hat: float, eps: float = 0.1) -> None: ...

    names = ("targets", "outputs")
    assert as_called(lambda *a: a, swapped, names)(1, 2) == (2, 1)
    assert as_called(lambda *a: a, swapped, names)(targets=1, outputs=2) == (1, 2)
    assert as_called(lambda *a: a, renamed, names)(1, y_hat=2) == (1, 2)
