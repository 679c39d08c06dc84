from __future__ import annotations

import ast
import inspect
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType

import numpy as np
import pytest

pytest.importorskip("nbformat", reason="the handout's notebook needs nbformat")

import task2
import task3
from course.blank import blank
from course.isolation import THREADS
from course.make_starter import HandoutError, main, make_starter
from course.texts import ASSIGNMENT, NOTEBOOK, SHOW, notebook
from lab.assignment import CODE_TASKS, FILES, FUNCTIONS, PACKAGES, POINTS, TASKS
from lab.script import parse_options
from tests.library.variants.variant import ROOT, with_body
from trainer import BaseTrainer

pytestmark = pytest.mark.usefixtures("unmeasured")


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("handout") / "starter"
    make_starter(out)
    return out


def functions_of(code: CodeType, prefix: str) -> dict[str, CodeType]:
    """Return {full name: code} of the functions and methods in a compiled module."""
    found: dict[str, CodeType] = {}
    for inner in code.co_consts:
        if isinstance(inner, CodeType) and not inner.co_name.startswith("<"):
            name = f"{prefix}.{inner.co_name}"
            found |= {name: inner, **functions_of(inner, name)}
    return found


def compiled(folder: Path) -> dict[str, CodeType]:
    found: dict[str, CodeType] = {}
    for name in FILES:
        code = compile((folder / name).read_text(encoding="utf-8"), name, "exec")
        found |= functions_of(code, name.removesuffix(".py"))
    return found


def lines_of(function: str) -> set[str]:
    """Return the lines of a function's body in the solution, without its docstring."""
    module, *path = function.split(".")
    text = (ROOT / f"{module}.py").read_text(encoding="utf-8")
    body: list[ast.stmt] = ast.parse(text).body
    for name in path:
        node = next(node for node in body if getattr(node, "name", None) == name)
        body = node.body  # type: ignore[attr-defined]
    lines = text.splitlines()[body[0].end_lineno : body[-1].end_lineno]
    return {line.strip() for line in lines if line.strip()}


def test_the_tasks_are_worth_62_points() -> None:
    assert sum(task.points for task in CODE_TASKS) == 62
    assert [task.name for task in CODE_TASKS] == [
        "2a",
        "2b",
        "2c",
        "2d",
        "2e",
        "3a",
        "3b",
        "3c",
        "4b",
    ]


def test_every_function_to_write_is_one_of_the_solution() -> None:
    assert set(FUNCTIONS) <= set(compiled(ROOT))
    assert len(FUNCTIONS) == sum(len(task.functions) for task in CODE_TASKS) == 17


def test_a_body_goes_and_all_around_it_stays() -> None:
    source = '''\
"""Module."""

import math
from collections import Counter


class A:
    @staticmethod
    def f(æ: int = 1) -> int:
        """Do it, "æ".

        At length.
        """
        # the secret
        return math.floor(æ)
        # the last secret

    # about g
    def g(self):
        """Do another."""
        return 1

    def k(self): return 2


def h() -> Counter[str]:
    return Counter()
'''
    assert (
        blank(source, "m", {"m.A.f": "1a", "m.A.g": "1b"})
        == '''\
"""Module."""

import math
from collections import Counter


class A:
    @staticmethod
    def f(æ: int = 1) -> int:
        """Do it, "æ".

        At length.
        """
        raise NotImplementedError("Task 1a: write m.A.f")

    # about g
    def g(self):
        """Do another."""
        raise NotImplementedError("Task 1b: write m.A.g")

    def k(self): return 2


def h() -> Counter[str]:
    return Counter()
'''
    )


def test_a_function_that_is_not_there_or_has_no_docstring_is_named() -> None:
    with pytest.raises(ValueError, match=r"m\.py has no function m\.g: see lab/assignment\.py"):
        blank("def f(): pass\n", "m", {"m.f": "1a", "m.g": "1a"})
    with pytest.raises(ValueError, match=r"m\.f has no docstring"):
        blank("def f(): pass\n", "m", {"m.f": "1a"})


def test_the_handout_is_complete(starter: Path) -> None:
    assert {path.name for path in starter.iterdir()} == {
        *FILES, *PACKAGES, "tests", "create_submission_zip.py", "pyproject.toml",
        "README.md", "LICENSE", ".gitignore", NOTEBOOK, ASSIGNMENT,
    }  # fmt: skip
    assert not list(starter.rglob("library"))
    assert not list(starter.rglob("__pycache__"))


def test_every_function_to_write_raises_and_keeps_its_docstring(starter: Path) -> None:
    ours, theirs = compiled(ROOT), compiled(starter)
    assert set(ours) == set(theirs)
    for name, task in FUNCTIONS.items():
        code = theirs[name]
        assert code.co_names == ("NotImplementedError",)
        constants = [constant for constant in code.co_consts if isinstance(constant, str)]
        assert constants == [ours[name].co_consts[0], f"Task {task}: write {name}"]
        assert code.co_varnames == ours[name].co_varnames[: code.co_argcount]


def test_every_other_function_is_as_it_was(starter: Path) -> None:
    ours, theirs = compiled(ROOT), compiled(starter)
    for name in set(ours) - set(FUNCTIONS):
        if ours[name].co_flags & CO_OPTIMIZED:  # a class's code has line numbers in it
            assert theirs[name].co_code == ours[name].co_code, name
        else:
            assert theirs[name].co_names == ours[name].co_names, name


def test_no_line_of_the_solution_is_left(starter: Path) -> None:
    files = [starter / name for name in FILES]
    files += [path for folder in (*PACKAGES, "tests") for path in (starter / folder).rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in files]
    left = {line.strip() for text in texts for line in text.splitlines()}
    solution = set().union(*map(lines_of, FUNCTIONS))
    assert len(solution) > len(FUNCTIONS)
    assert not solution & left


def test_every_module_of_the_handout_imports(starter: Path) -> None:
    modules = ", ".join(name.removesuffix(".py") for name in FILES)
    subprocess.run([sys.executable, "-B", "-c", f"import {modules}"], cwd=starter, check=True)


def test_the_handout_is_the_same_each_time(starter: Path, tmp_path: Path) -> None:
    tmp_path.joinpath("empty").mkdir()
    make_starter(tmp_path / "empty")  # an empty folder is as good as none
    paths = sorted(path.relative_to(starter) for path in starter.rglob("*") if path.is_file())
    for path in paths:
        assert (tmp_path / "empty" / path).read_bytes() == (starter / path).read_bytes()


def test_a_folder_in_use_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    (tmp_path / "file").write_text("keep")
    for name in ("mine", "file"):
        assert main([str(tmp_path / name)]) == 1
        assert "exists and is not an empty folder" in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "mine"]
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_a_project_without_the_solution_gives_no_handout(tmp_path: Path) -> None:
    with pytest.raises(HandoutError, match=r"has no task2a\.py, task2\.py"):
        make_starter(tmp_path / "out", tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_nbformat_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "nbformat", None)
    assert main([str(tmp_path / "out")]) == 1
    assert "pip install nbformat" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_readme_lists_every_task(starter: Path) -> None:
    text = (starter / "README.md").read_text(encoding="utf-8")
    for task in CODE_TASKS:
        assert f"| {task.name} | {task.points} | `{task.functions[0]}`" in text
    assert "its call in `task3a.SoftmaxModel.backward` |" in text  # where Task 4b is judged
    assert f"the bodies of {len(FUNCTIONS)} functions" in text
    assert "@" not in text
    assert f"on Python {platform.python_version()} and NumPy {np.__version__}." in text


def test_the_assignment_lists_every_task_with_its_points_functions_and_figure(
    starter: Path,
) -> None:
    text = (starter / ASSIGNMENT).read_text(encoding="utf-8")
    sections = dict(re.findall(r"^### Task (\w+): (.*?)(?=^#)", text, re.MULTILINE | re.DOTALL))
    assert list(sections) == [task.name for task in TASKS]
    for task in TASKS:
        assert sections[task.name].startswith(f"{task.title}\n\n{task.points} points.")
        assert "**Report:** " in sections[task.name]
        for name in (*task.functions, *filter(None, [task.figure])):
            assert name in sections[task.name]
    assert "worth 62 points, the others 38." in text
    assert "@" not in text


def test_the_assignment_states_the_settings_of_the_scripts(starter: Path) -> None:
    text = (starter / ASSIGNMENT).read_text(encoding="utf-8")
    table = dict(re.findall(r"^\| ([a-z, ]+) \| (.+) \|$", text, re.MULTILINE))
    defaults = inspect.signature(BaseTrainer).parameters
    for setting, values in {
        "learning rate": (task2.LEARNING_RATE, task3.LEARNING_RATE),
        "batch size": (task2.BATCH_SIZE, task3.BATCH_SIZE),
        "epochs, at most": [parse_options("", [], training=True).epochs] * 2,
        "validations in an epoch": [defaults["validations_per_epoch"].default] * 2,
        "validations without improvement before training stops": [defaults["patience"].default] * 2,
    }.items():
        assert table[setting] == " | ".join(map(str, values))


def test_the_assignment_has_every_equation_that_a_student_meets(starter: Path) -> None:
    text = (starter / ASSIGNMENT).read_text(encoding="utf-8")
    numbered = set(re.findall(r"\\tag\{(\d+)\}", text))
    assert not set(re.findall(r"[Ee]quations? (\d+)", text)) - numbered
    files = [*starter.glob("task*.py"), starter / "trainer.py", *starter.glob("tests/**/*.py")]
    for file in files:
        met = set(re.findall(r"equations? (\d+)", file.read_text(encoding="utf-8")))
        assert not met - numbered, file
    checks = "".join(file.read_text(encoding="utf-8") for file in starter.glob("tests/test_*.py"))
    assert not set(re.findall(r'"(\d+)"', checks)) - numbered


ASKED_FOR = (  # in the spelling of `normalised`: what the derivations and the functions ask for
    *("(y-yhat)", "(yhat-y)", "(targets-outputs)", "(outputs-targets)", "(t-y)", "(target-output)"),
    *("2lambdaw", "+lambdaw", "2*lambda", "2l2_reg_lambda", "2*l2_reg_lambda", "l2_factor"),
    *("eye(num_classes)", "eye(10)[", "eye(k)[", "argmax(axis=1)==", "argmax(1)=="),
    *(">=0.5)==", "permutation(len", "permutation(num", "random.shuffle", "min(val_losses"),
    *("127.5-1", "/127.5"),
)


def normalised(text: str) -> str:
    """Write formulas alike, whether in Python, LaTeX or plain words."""
    text = re.sub(r"\\hat\{?y\}?", "yhat", text.lower()).replace("λ", "lambda").replace("ŷ", "yhat")
    text = re.sub(r"\^n|_k|\^\{n\}|_\{k\}", "", text)
    return re.sub(r"self\.|[\s\\{}$`]", "", text)


@pytest.mark.parametrize("answer", ASKED_FOR)
def test_no_answer_is_in_the_handout(starter: Path, answer: str) -> None:
    files = [path for path in starter.rglob("*") if path.suffix in (".py", ".md", ".ipynb")]
    assert len(files) > 40
    assert [
        path.name for path in files if answer in normalised(path.read_text(encoding="utf-8"))
    ] == []


def test_an_answer_is_found_in_any_spelling() -> None:
    for text in (
        r"$-(y^n - \hat{y}^n)\, x_i^n$",
        r"-x_j^n (y_k^n - \hat{y}_k^n)",
        "X.T @ (outputs - targets) / len(X)",
        "-X^T (y - yhat) / N",
        "2 λ w",
        r"2 \lambda w",
        "2 * self.l2_reg_lambda * self.w",
        "np.eye(num_classes)[Y[:, 0]]",
    ):
        assert any(answer in normalised(text) for answer in ASKED_FOR), text


def test_start_here_shows_what_pytest_prints(starter: Path, tmp_path: Path) -> None:
    text = (starter / ASSIGNMENT).read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(?:\$ pytest --next\n)?(.*?)```", text, re.DOTALL)
    pixels = "task2a.pre_process_images"
    bodies = {
        "untouched": None,
        "wrong": "import numpy as np\nreturn np.hstack([X / 255, np.ones((len(X), 1))])",
        "right": "import numpy as np\nreturn np.hstack([X / 127.5 - 1, np.ones((len(X), 1))])",
    }
    assert len(blocks) == len(bodies)
    for (name, body), block in zip(bodies.items(), blocks, strict=True):
        folder = tmp_path / name
        shutil.copytree(starter, folder)
        file = folder / "task2a.py"
        if body:
            source = with_body(file.read_text(encoding="utf-8"), pixels.partition(".")[2], body)
            file.write_text(source, encoding="utf-8")
        _, printed = run_checks(folder, folder / "results.json", "--next")
        assert block in printed


def test_the_handout_needs_what_the_project_needs_and_pytest() -> None:
    def dependencies(folder: Path) -> set[str]:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
        return set(text.split("\ndependencies = [\n")[1].split("]")[0].split())

    ours, theirs = dependencies(ROOT), dependencies(ROOT / "course" / "starter")
    assert theirs == ours | {'"pytest>=8",'}


def test_the_notebook_has_a_place_for_every_task() -> None:
    counts = {1: "ab", 2: "abcde", 3: "abcd", 4: "abcde"}
    parts = [f"{task}{letter}" for task, letters in counts.items() for letter in letters]
    assert [task.name for task in TASKS] == parts
    cells = json.loads(notebook())["cells"]
    for part in parts:
        ids = [cell["id"] for cell in cells if cell["id"].split("-")[1:2] == [part]]
        assert (ids[0], ids[-1]) == (f"question-{part}", f"answer-{part}")


def test_the_notebook_shows_every_figure_and_names_its_script() -> None:
    code = "".join("".join(cell["source"]) for cell in json.loads(notebook())["cells"])
    shown = set(re.findall(r'show\("(.+)", "(.+)"\)', code))
    assert shown == {(task.figure, task.script) for task in TASKS if task.figure}


def test_the_notebook_says_how_to_get_a_figure_that_is_missing(tmp_path: Path) -> None:
    stand_in = "class Image:\n    def __init__(self, filename): self.filename = filename\n"
    stand_in += "def display(image): print('shown:', image.filename)\n"
    (tmp_path / "IPython").mkdir()
    (tmp_path / "IPython" / "display.py").write_text(stand_in)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "b.png").write_text("")
    code = f"{SHOW}\nshow('a.png', 'task2.py')\nshow('b.png', 'task2.py')\n"
    printed = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    missing, there = os.path.join("figures", "a.png"), os.path.join("figures", "b.png")
    assert printed == [
        f"{missing} does not exist yet: run `python task2.py` first.",
        f"shown: {there}",
    ]


def run_checks(folder: Path, results: Path, *options: str) -> tuple[dict[str, float], str]:
    """Run the checks of a handout; return the points by task and what pytest printed."""
    command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", *options]
    alone = {**dict.fromkeys(THREADS, "1"), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "COLUMNS": "80"}
    done = subprocess.run(
        [*command, "--results", results],
        cwd=folder,
        env={**os.environ, **alone},
        capture_output=True,
        text=True,
    )
    tasks = json.loads(results.read_text())["extra_data"]["tasks"]
    return {task: points["score"] for task, points in tasks.items()}, done.stdout


def test_the_handout_earns_nothing_and_says_for_each_task_what_to_write(
    starter: Path, tmp_path: Path
) -> None:
    points, printed = run_checks(starter, tmp_path / "results.json")
    assert points == dict.fromkeys(POINTS, 0)
    table = printed[printed.rindex(" points ") :].splitlines()[1:]
    for task, line in zip(CODE_TASKS, table, strict=False):
        points_of, to_write = line.split("not written yet: ")
        assert points_of.split() == [task.name, "0", "/", str(task.points)]
        assert set(to_write.split(", ")) <= {name.split(".", 1)[1] for name in FUNCTIONS}
    assert table[len(CODE_TASKS)].split() == ["total", "0", "/", "62"]
    assert "Traceback" not in printed
    assert "ERROR" not in printed


def solved(task: str) -> set[str]:
    # The penalty of Task 4b shows in the gradient that Task 3a computes.
    return {"3a", "4b"} if task == "4b" else {task}


@pytest.fixture(scope="module")
def earned(starter: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, float]]:
    """{task: the points by task of a handout in which this task is solved}."""

    folders = []
    for task in POINTS:  # not in the threads below: ast.parse of Python 3.11 is not safe there
        folder = tmp_path_factory.mktemp(task) / "handout"
        shutil.copytree(starter, folder)
        others = {name: other for name, other in FUNCTIONS.items() if other not in solved(task)}
        for name in FILES:
            source = (ROOT / name).read_text(encoding="utf-8")
            text = blank(source, name.removesuffix(".py"), others)
            (folder / name).write_text(text, encoding="utf-8")
        folders.append(folder)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        earned = pool.map(lambda folder: run_checks(folder, folder / "results.json")[0], folders)
        return dict(zip(POINTS, earned, strict=True))


@pytest.mark.parametrize("task", POINTS)
def test_a_tasks_solution_earns_exactly_its_points(
    earned: dict[str, dict[str, float]], task: str
) -> None:
    points = {name: POINTS[name] for name in solved(task)}
    assert {name: score for name, score in earned[task].items() if score} == points
