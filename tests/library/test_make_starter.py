"""What students get: the solution without its answers, and texts that fit the assignment."""

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
from inspect import CO_OPTIMIZED
from pathlib import Path
from types import CodeType

import numpy as np
import pytest

pytest.importorskip("nbformat", reason="the handout's notebook needs nbformat")

import task2
import task3
from course.blank import blank
from course.make_starter import HandoutError, main, make_starter
from course.texts import ASSIGNMENT, NOTEBOOK, SHOW, assignment, notebook
from lab.assignment import CODE_TASKS, FILES, FUNCTIONS, PACKAGES, POINTS, TASKS
from lab.script import parse_options
from tests.library.proof import run, run_pytest
from tests.library.submissions import Submission
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


def test_a_body_goes_and_all_around_it_stays() -> None:
    source = '''\
import math


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
    async def g(self):
        """Do another."""
        return 1

    def k(self): return 2
'''
    assert (
        blank(source, "m", {"m.A.f": "1a", "m.A.g": "1b", "other.f": "1a"})
        == '''\
import math


class A:
    @staticmethod
    def f(æ: int = 1) -> int:
        """Do it, "æ".

        At length.
        """
        raise NotImplementedError("Task 1a: write m.A.f")

    # about g
    async def g(self):
        """Do another."""
        raise NotImplementedError("Task 1b: write m.A.g")

    def k(self): return 2
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


def test_every_function_to_write_raises_and_every_other_is_as_it_was(starter: Path) -> None:
    ours, theirs = compiled(ROOT), compiled(starter)
    assert set(ours) == set(theirs) >= set(FUNCTIONS)
    assert len(FUNCTIONS) == sum(len(task.functions) for task in CODE_TASKS) == 17
    for name, code in theirs.items():
        if name in FUNCTIONS:
            assert code.co_names == ("NotImplementedError",)
            constants = [constant for constant in code.co_consts if isinstance(constant, str)]
            message = f"Task {FUNCTIONS[name]}: write {name}"
            assert constants == [ours[name].co_consts[0], message]
            assert code.co_varnames == ours[name].co_varnames[: code.co_argcount]
        elif code.co_flags & CO_OPTIMIZED:  # a class's code has line numbers in it
            assert code.co_code == ours[name].co_code, name
        else:
            assert code.co_names == ours[name].co_names, name


def test_no_line_of_the_solution_is_left(starter: Path) -> None:
    files = [starter / name for name in FILES]
    files += [path for folder in (*PACKAGES, "tests") for path in (starter / folder).rglob("*.py")]
    texts = [path.read_text(encoding="utf-8") for path in files]
    left = {line.strip() for text in texts for line in text.splitlines()}
    solution = set().union(*map(lines_of, FUNCTIONS))
    assert len(solution) > len(FUNCTIONS)
    assert not solution & left


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


def test_no_answer_is_in_the_handout(starter: Path) -> None:
    files = [path for path in starter.rglob("*") if path.suffix in (".py", ".md", ".ipynb")]
    assert len(files) > 40
    texts = {path.name: normalised(path.read_text(encoding="utf-8")) for path in files}
    assert [(name, a) for name, text in texts.items() for a in ASKED_FOR if a in text] == []


@pytest.mark.parametrize(
    "text",
    [
        r"$-(y^n - \hat{y}^n)\, x_i^n$",
        r"-x_j^n (y_k^n - \hat{y}_k^n)",
        "X.T @ (outputs - targets) / len(X)",
        "-X^T (y - yhat) / N",
        "2 λ w",
        r"2 \lambda w",
        "2 * self.l2_reg_lambda * self.w",
        "np.eye(num_classes)[Y[:, 0]]",
    ],
)
def test_an_answer_is_found_in_any_spelling(text: str) -> None:
    assert any(answer in normalised(text) for answer in ASKED_FOR)


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
    assert r"$$R(w) = \lVert w \rVert^2 = \sum" in text
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
    files = [*starter.glob("task*.py"), starter / "trainer.py", *starter.glob("tests/**/*.py")]
    for file in (starter / ASSIGNMENT, *files):
        met = re.findall(r"[Ee]quations? (\d+)", file.read_text(encoding="utf-8"))
        assert not set(met) - numbered, file
    checks = "".join(file.read_text(encoding="utf-8") for file in starter.glob("tests/test_*.py"))
    assert not set(re.findall(r'"(\d+)"', checks)) - numbered


def test_the_handout_needs_what_the_project_needs_and_pytest(starter: Path) -> None:
    def dependencies(folder: Path) -> set[str]:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
        return set(text.split("\ndependencies = [\n")[1].split("]")[0].split())

    assert dependencies(starter) == dependencies(ROOT) | {'"pytest>=8",'}


def test_the_notebook_asks_each_question_and_shows_each_figure() -> None:
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(notebook())["cells"]}
    sections = assignment().split("### Task ")
    expected = ["title", "show"]
    for task in TASKS:
        parts = ("question", "figure", "answer") if task.figure else ("question", "answer")
        expected += [f"{part}-{task.name}" for part in parts]
        (section,) = [text for text in sections if text.startswith(f"{task.name}: ")]
        heading, question = cells[f"question-{task.name}"].split("\n\n", 1)
        assert heading == f"## Task {task.name}: {task.title}"
        assert f"**Report:** {question}" in section
        if task.figure:
            assert cells[f"figure-{task.name}"] == f'show("{task.figure}", "{task.script}")'
    assert list(cells) == expected


def test_the_notebook_says_how_to_get_a_figure_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    display = type(sys)("IPython.display")
    display.Image = lambda filename: filename  # type: ignore[attr-defined]
    display.display = lambda image: print("shown:", image)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", type(sys)("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "b.png").write_text("")
    exec(f"{SHOW}\nshow('a.png', 'task2.py')\nshow('b.png', 'task2.py')\n", {})
    missing, there = os.path.join("figures", "a.png"), os.path.join("figures", "b.png")
    assert capsys.readouterr().out.splitlines() == [
        f"{missing} does not exist yet: run `python task2.py` first.",
        f"shown: {there}",
    ]


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.usefixtures("wide")
def test_start_here_shows_what_pytest_prints(starter: Path, tmp_path: Path) -> None:
    text = (starter / ASSIGNMENT).read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(?:\$ pytest --next\n)?(.*?)```", text, re.DOTALL)
    pixels = "import numpy as np\nreturn np.hstack([X / {}, np.ones((len(X), 1))])"
    bodies = (None, pixels.format("255"), pixels.format("127.5 - 1"))
    assert len(blocks) == len(bodies)
    for number, (body, block) in enumerate(zip(bodies, blocks, strict=True)):
        folder = shutil.copytree(starter, tmp_path / str(number))
        file = folder / "task2a.py"
        if body:
            source = with_body(file.read_text(encoding="utf-8"), "pre_process_images", body)
            file.write_text(source, encoding="utf-8")
        _, printed = run_pytest(f"--folder={folder}", "--next")
        assert block in printed


@pytest.mark.usefixtures("wide")
def test_the_handout_earns_nothing_and_says_for_each_task_what_to_write(starter: Path) -> None:
    _, printed = run_pytest(f"--folder={starter}")
    table = printed[printed.rindex(" points ") :].splitlines()[1:]
    for task, line in zip(CODE_TASKS, table, strict=False):
        points_of, to_write = line.split("not written yet: ")
        assert points_of.split() == [task.name, "0", "/", str(task.points)]
        assert set(to_write.split(", ")) <= {name.split(".", 1)[1] for name in FUNCTIONS}
    assert table[len(CODE_TASKS)].split() == ["total", "0", "/", "62"]
    assert "Traceback" not in printed
    assert "ERROR" not in printed


def handout_with(tasks: tuple[str, ...]) -> Submission:
    """Make a handout in which some tasks are solved."""
    others = {name: task for name, task in FUNCTIONS.items() if task not in tasks}
    files = {
        name: blank((ROOT / name).read_text(encoding="utf-8"), name.removesuffix(".py"), others)
        for name in FILES
    }
    return Submission(", ".join(tasks), files, {task: POINTS[task] for task in tasks})


def test_a_tasks_solution_alone_earns_its_points() -> None:
    # the penalty of Task 4b shows in the gradient that Task 3a computes
    handouts = [handout_with(("3a", "4b") if task == "4b" else (task,)) for task in POINTS]
    graded = run([(handout, tuple(handout.fair)) for handout in handouts])
    for handout, (_, found) in zip(handouts, graded, strict=True):
        tasks = found["extra_data"]["tasks"]
        assert {task: points["score"] for task, points in tasks.items()} == handout.fair
