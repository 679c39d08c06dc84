"""What is written for another year's starter, or another NumPy, is called, run and imported."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.checks import compatibility, limits
from tests.checks.compatibility import ARGUMENTS, GUARD, RULES, MissingPackageError, adapted
from tests.checks.mistake import ImportMistake, Mistake
from tests.checks.student import StudentFiles
from tests.library.conftest import Patch
from tests.library.proof import run
from tests.library.submissions import read

Load = Callable[[str], tuple[ModuleType, list[str]]]

# Before 2.4, NumPy itself makes a number of an array of one element: there is nothing to note.
NUMPY_MAKES_NUMBERS = np.lib.NumpyVersion(np.__version__) < "2.4.0"


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_needed_by_the_submission_that_it_names(monkeypatch: Patch, rule: str) -> None:
    name, task = RULES[rule]
    submission = read(name)
    monkeypatch.setattr(compatibility, rule, lambda thing, *_, **__: thing)
    (results,) = run({submission: [task]}).values()
    needless = rule == "arrays_of_one_element" and NUMPY_MAKES_NUMBERS
    assert (results["score"] == submission.fair[task]) == needless


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """Import a text as a student's utils.py; the notes come with it."""
    files = StudentFiles(tmp_path)
    files.open()

    def run(text: str) -> tuple[ModuleType, list[str]]:
        (tmp_path / "utils.py").write_text(text, encoding="utf-8")
        module = files.load("utils")
        return module, [note.removeprefix("utils.py, ") for note in files.notes]

    yield run
    files.close()


@pytest.mark.parametrize(
    ("statement", "value", "note"),
    [
        ("x = np.NINF", -np.inf, "NumPy no longer has np.NINF; write -np.inf."),
        ("x = np.asscalar(np.ones(1))", 1, "NumPy no longer has np.asscalar; write .item()."),
        ("from numpy import nothing, Inf as x", np.inf, "write np.inf."),
        ("from scipy.misc import exp as x", np.exp, "cannot be imported here; write np.exp."),
        ("x = np.inf, np.prod([2]), int('3')", (np.inf, 2, 3), ""),
        ("try:\n    import nowhere\nexcept ImportError:\n    x = 2", 2, ""),
    ],
)
def test_a_removed_name_is_put_back(load: Load, statement: str, value: object, note: str) -> None:
    module, notes = load(f"import numpy as np\n{statement}\n")
    assert module.x == value
    assert bool(notes) == bool(note)
    assert not note or re.fullmatch(rf"line 2: .*{re.escape(note)}", notes[-1])


def test_an_array_of_one_element_is_a_number(load: Load) -> None:
    module, notes = load(
        "import numpy as np\nfrom math import log\n"
        "z, y, Y, x = np.ones((1, 1)), np.zeros(3), np.zeros((2, 2)), [0]\n"
        "n = *map(int, z), float(z), log(z), '%.1f %d' % (z, 4)\n"
        "y[0] = z\ny[1] += z\ny[2], Y[0, 1] = z, z\n"
        "Y[1] = z\ny.flat[:1] = 1\ny[:2] -= z[0] / 2\nx[0] = z\ndef two(): y[0] = np.ones(2)\n"
    )
    assert module.n == (1, 1.0, 0.0, "1.0 4")
    assert module.y.tolist() == [0.5, 0.5, 1.0]
    assert module.Y.tolist() == [[0.0, 1.0], [1.0, 1.0]]
    assert module.x[0] is module.z
    with pytest.raises((TypeError, ValueError)):
        module.two()
    advice = "NumPy 2.4 makes no number of an array of one element; use .item()."
    lines = [] if NUMPY_MAKES_NUMBERS else [4, 5, 6, 7]
    assert notes == [f"line {line}: {advice}" for line in lines]


def test_an_import_that_fails_fails_only_where_it_is_used(load: Load) -> None:
    module, notes = load(
        "import nowhere.plots as plots, numpy\nfrom elsewhere import zeros\n"
        "from json import nothing\nfrom json import *\n"
        "plots.set_theme()\n@plots.fast\n@plots.cached(size=1)\ndef right():\n    return 42\n"
        "class Model(plots.Base):\n    pass\n"
    )
    assert (module.right(), module.numpy) == (42, np)
    assert module.Model()
    assert module.loads
    assert notes == [
        "line 1: nowhere is not installed here; only its use fails.",
        "line 2: elsewhere is not installed here; only its use fails.",
        "line 3: json.nothing cannot be imported here; only its use fails.",
    ]
    with pytest.raises(MissingPackageError, match="elsewhere is not installed here"):
        module.zeros(3)


@pytest.mark.parametrize(
    ("last", "note"),
    [
        ("y = not_there\nz = y", "NameError when imported"),
        ("import argparse; argparse.ArgumentParser().parse_args(['--x'])", "SystemExit when"),
        ("main(['--quick'])", "main is not run when imported"),
        ("raise SystemExit(main())", "main is not run when imported"),
        ("while True: pass", "it took too long when imported"),
    ],
)
def test_what_fails_outside_of_functions_costs_none(
    load: Load, monkeypatch: Patch, last: str, note: str
) -> None:
    monkeypatch.setattr(limits, "IMPORT", 0.3)
    module, (said,) = load(
        "from __future__ import annotations\nran = []\ndef main():\n    ran.append(1)\n"
        f"{last}\ndef f(a: not_there):\n    return 1\n"
    )
    assert (module.ran, module.f(None)) == ([], 1)
    assert said.startswith(f"line 5: {note}")
    assert said.endswith(GUARD)


METHOD = "    def f(s):\n        return 1\n"
OUT = "the statement is left out"


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        ("def f(x:\n    return 1\n", 3, "'(' was never closed; f is"),
        ("def f(x):\n    y = (1\n\n    return y\n", 4, "'(' was never closed; f is"),
        ("class A:\n    def f(s):\n        return 1t t\n", 5, "invalid "),
        ("def f(x):\n\nx = 1\n", 3, "expected an indented block after function"),
        ("def f(x):\n    y = 1\nt\n    return y\n", 6, "unexpected indent; f is"),
        (f"class A:\n    x = 1\nt\n{METHOD}", 5, "unexpected indent"),
        ("x = [1,\n2\n", 3, f"'[' was never closed; {OUT}"),
        ("if __name__ == '__main__'\n    x = 1\n", 3, f"expected ':'; {OUT}"),
        (f"class A:\n{METHOD}".replace("f(s):", "f(s):\na b"), 5, "expected an indented block"),
        (f"class A:\n    x = 1\nWhat follows:\n{METHOD}", 5, f"invalid syntax; {OUT}"),
        (f"class A(object)\n{METHOD}", 3, "expected ':'; read as `class A(object):`."),
        ("class A:\n\nx = 1\n", 3, "expected an indented block after class"),
    ],
)
def test_broken_lines_cost_their_function(load: Load, text: str, line: int, fault: str) -> None:
    module, (note,) = load(f"def before():\n    return 2\n{text}def after():\n    return 3\n")
    assert (module.before(), module.after()) == (2, 3)
    assert note.startswith(f"line {line}: SyntaxError: {fault}")
    broken = vars(module).get("f") or getattr(vars(module).get("A"), "f", None)
    assert bool(broken) == ("def f(" in text)
    if broken and "; f is" not in note:
        assert broken(1) == 1
    elif broken:
        with pytest.raises(SyntaxError) as caught:
            broken(1)
        assert f": SyntaxError: {caught.value.msg}; f is left out." in note


@pytest.mark.parametrize(
    ("data", "what"),
    [
        ("x = 1".encode("utf-16"), "UTF-16"),
        ("x = 1".encode("utf-16-le"), "no UTF-8 text"),
        (b"x = 1\n\ny = '\xe6'", "not UTF-8: byte 0xe6 in line 3"),
    ],
)
def test_a_file_that_is_no_text_of_python_says_what_it_is(
    load: Load, tmp_path: Path, monkeypatch: Patch, data: bytes, what: str
) -> None:
    monkeypatch.chdir(tmp_path)  # as in grading, where relative paths are the submission's
    (tmp_path / "helper.py").write_bytes(data)
    says = rf"^  utils.py cannot be imported: helper.py is {what}\n  Likely: +save it as UTF-8\."
    with pytest.raises(ImportMistake, match=says):
        load("import helper\n")


def test_python_in_an_encoding_that_it_declares_is_imported(load: Load, tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("# coding: latin-1\nx = 'æ'\n", encoding="latin-1")
    assert load("from helper import x\n")[0].x == "æ"


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("from utils import x", "line 2: ImportError: cannot import name 'x' from partially"),
        ("class A:\n    raise SystemExit(3)", "line 3: SystemExit: 3\n  Likely:   what runs the"),
        ("a b\n" * 7, "line 2: SyntaxError: invalid syntax"),
        ("import nowhere, os\nclass Model:\n    x = 1 / 0", "line 4: ZeroDivisionError"),
    ],
)
def test_a_file_that_is_not_imported_names_the_line(load: Load, fault: str, message: str) -> None:
    with pytest.raises(ImportMistake) as caught:
        load(f"# mine\n{fault}\n")
    assert f"utils.py cannot be imported: utils.py, {message}" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "function", "result"),
    [
        ("cross_entropy_loss", lambda targets, outputs, eps=3: (targets, outputs, eps), (1, 2, 3)),
        ("cross_entropy_loss", lambda *args: args, (1, 2)),
        ("train", lambda num_epochs, early_stopping=False: early_stopping, True),
        ("train", lambda num_epochs, early_stopping: bool(early_stopping), True),
        ("train", lambda num_epochs, early_stop_patience=None: early_stop_patience, 10),
        ("train", lambda num_epochs, patience=5: patience, 5),
        ("SoftmaxModel", lambda p, q, r: (p, q, r), (785, 10, 1)),
        ("SoftmaxModel", lambda a, b, c, d, lam: lam, 1),
        ("SoftmaxModel", lambda lam, num_classes=5: (lam, num_classes), (1, 5)),
        ("SoftmaxModel", lambda alpha, use_l2=False: (alpha, use_l2), (1, False)),
        ("SoftmaxModel", lambda dropout=0.0, lam=0.0: (dropout, lam), (0, 1)),
        ("SoftmaxModel", lambda: "no lambda", "no lambda"),
    ],
)
def test_other_arguments_are_given_as_handed_out(name: str, function: Any, result: object) -> None:
    assert adapted(function, name)(*range(1, len(ARGUMENTS[name]) + 1)) == result


@pytest.mark.parametrize(
    ("Model", "shape"),
    [
        (lambda num_pixels: SimpleNamespace(w=np.zeros((num_pixels + 1, 1))), (785, 1)),
        (lambda shape: SimpleNamespace(w=np.zeros(shape)), (785, 1)),
        (lambda X: SimpleNamespace(w=np.zeros((X.shape[1], 1))), (785, 1)),
        (lambda input_shape: SimpleNamespace(w=np.zeros((input_shape[1], 1))), (785, 1)),
        (lambda input_size: SimpleNamespace(w=np.zeros(input_size)), (785,)),  # wrong, and remains
    ],
)
def test_a_model_gets_the_size_that_makes_785_weights(Model: Any, shape: Any) -> None:
    assert adapted(Model, "BinaryModel")().w.shape == shape


def test_an_argument_of_their_own_is_named() -> None:
    with pytest.raises(Mistake, match="give momentum a default value"):
        adapted(lambda X, momentum: X, "forward")(1)
