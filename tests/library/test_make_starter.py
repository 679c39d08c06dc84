"""What students get: the solution without its answers, and texts that fit the assignment."""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import operator
import re
import sys
import textwrap
from pathlib import Path

import pytest

pytest.importorskip("nbformat", reason="the handout's notebook needs nbformat")

import task2
import task3
from course.blank import blank
from course.make_starter import HandoutError, main, make_starter
from course.texts import ASSIGNMENT, NOTEBOOK, SHOW
from lab import results
from lab.assignment import CODE_TASKS, FILES, FUNCTIONS, PACKAGES, POINTS, TASKS
from lab.script import parse_options
from tests.library.proof import run, run_pytest
from tests.library.submissions import Submission
from tests.library.variants.variant import ROOT, with_body
from trainer import BaseTrainer


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("handout")  # an empty folder is as good as none
    make_starter(out)
    return out


@pytest.fixture(scope="module")
def assignment(starter: Path) -> str:
    return (starter / ASSIGNMENT).read_text(encoding="utf-8")


def test_start_here_shows_what_pytest_prints(
    starter: Path, assignment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    file = starter / "task2a.py"
    untouched = file.read_text(encoding="utf-8")
    blocks = re.findall(r"```console\n(?:\$ pytest --next\n)?(.*?)```", assignment, re.DOTALL)
    for block, pixels in zip(blocks, ("", "X / 255", "X / 127.5 - 1"), strict=True):
        body = f"import numpy as np\nreturn np.hstack([{pixels}, np.ones((len(X), 1))])"
        written = with_body(untouched, "pre_process_images", body) if pixels else untouched
        file.write_text(written, encoding="utf-8")
        assert block in run_pytest(f"--folder={starter}", "--next")[1]
    file.write_text(untouched, encoding="utf-8")


def test_a_function_that_is_not_there_or_has_no_docstring_is_named() -> None:
    with pytest.raises(ValueError, match=r"m\.py has no function m\.g: see lab/assignment\.py"):
        blank("def f(): pass\n", "m", {"m.f": "1a", "m.g": "1a"})
    with pytest.raises(ValueError, match=r"m\.f has no docstring"):
        blank("def f(): pass\n", "m", {"m.f": "1a"})


def test_the_handout_is_complete(starter: Path) -> None:
    written = {"README.md", ASSIGNMENT, NOTEBOOK}
    given = {
        "tests",
        "explore",
        "create_submission_zip.py",
        "pyproject.toml",
        "LICENSE",
        ".gitignore",
    }
    assert {path.name for path in starter.iterdir()} == {*FILES, *PACKAGES, *written, *given}
    assert not [*starter.rglob("library"), *starter.rglob("__pycache__")]


def test_the_functions_to_write_raise_all_else_stays_and_no_line_of_a_body_is_left(
    starter: Path,
) -> None:
    expected = {name: (ROOT / name).read_text(encoding="utf-8") for name in FILES}
    solution = set()
    for name, task in FUNCTIONS.items():
        module, function = name.split(".", 1)
        source = inspect.getsource(operator.attrgetter(function)(importlib.import_module(module)))
        (node,) = ast.parse(textwrap.dedent(source)).body
        lines = source.splitlines(keepends=True)
        docstring_ends = node.body[0].end_lineno  # type: ignore[attr-defined]
        indent = " " * (8 if "." in function else 4)
        stub = f'{indent}raise NotImplementedError("Task {task}: write {name}")\n'
        left = "".join([*lines[:docstring_ends], stub])
        expected[f"{module}.py"] = expected[f"{module}.py"].replace(source, left)
        solution |= {line.strip() for line in lines[docstring_ends:]} - {""}
    texts = {path: path.read_text(encoding="utf-8") for path in starter.rglob("*.py")}
    assert {name: texts[starter / name] for name in FILES} == expected
    for path, text in texts.items():
        assert not solution & {line.strip() for line in text.splitlines()}, path


ASKED_FOR = (  # in the spelling of `normalised`: what the derivations and the functions ask for
    *("(y-yhat)", "(yhat-y)", "(targets-outputs)", "(outputs-targets)", "(t-y)", "(target-output)"),
    *("2lambdaw", "+lambdaw", "2*lambda", "2l2_reg_lambda", "2*l2_reg_lambda", "l2_factor"),
    *("eye(num_classes)", "argmax(axis=1)==", ">=0.5)==", "permutation(len", "/127.5"),
)


def normalised(text: str) -> str:
    """Write formulas alike, whether in Python, LaTeX or plain words."""
    text = re.sub(r"\\hat\{?y\}?", "yhat", text.lower()).replace("λ", "lambda").replace("ŷ", "yhat")
    text = re.sub(r"\^n|_k|\^\{n\}|_\{k\}", "", text)
    return re.sub(r"self\.|[\s\\{}$`]", "", text)


def test_no_answer_is_in_the_handout_in_any_spelling(starter: Path) -> None:
    files = [path for path in starter.rglob("*") if path.suffix in (".py", ".md", ".ipynb")]
    texts = {path.name: path.read_text(encoding="utf-8") for path in files}
    texts["spelt"] = r"$-(y_k^n - \hat{y}_k^n)$, X.T @ (outputs - targets), 2 \lambda w"
    plain = {name: normalised(text) for name, text in texts.items()}
    found = {(name, answer) for name in plain for answer in ASKED_FOR if answer in plain[name]}
    assert found == {("spelt", a) for a in ("(y-yhat)", "(outputs-targets)", "2lambdaw")}


def test_what_prevents_a_handout_is_named_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(HandoutError, match=r"has no task2a\.py, task2\.py"):
        make_starter(tmp_path / "out", tmp_path)
    monkeypatch.setitem(sys.modules, "nbformat", None)
    for name, why in (
        ("mine", "exists and is not an empty folder"),
        ("mine/notes.txt", "exists and is not an empty folder"),
        ("out", "pip install nbformat"),
    ):
        assert main([str(tmp_path / name)]) == 1
        assert why in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "notes.txt"]


def test_the_readme_and_the_assignment_list_every_task(starter: Path, assignment: str) -> None:
    readme = (starter / "README.md").read_text(encoding="utf-8")
    for task in CODE_TASKS:
        assert f"| {task.name} | {task.points} | `{task.functions[0]}`" in readme
    assert "its call in `task3a.SoftmaxModel.backward` |" in readme  # where Task 4b is judged
    sections = dict(re.findall(r"^### Task (\w+): (.*?)(?=^#)", assignment, re.M | re.S))
    assert list(sections) == [task.name for task in TASKS]
    for task in TASKS:
        assert sections[task.name].startswith(f"{task.title}\n\n{task.points} points.")
        assert all(name in sections[task.name] for name in (*task.functions, task.figure))
    assert "worth 62 points, the others 38." in assignment
    assert r"$$R(w) = \lVert w \rVert^2 = \sum" in assignment
    assert "@" not in readme + assignment  # nothing is left to fill in


def test_the_assignment_states_the_settings_of_the_scripts(assignment: str) -> None:
    table = dict(re.findall(r"^\| ([a-z, ]+) \| (.+) \|$", assignment, re.MULTILINE))
    defaults = inspect.signature(BaseTrainer).parameters
    for setting, values in {
        "learning rate": (task2.LEARNING_RATE, task3.LEARNING_RATE),
        "batch size": (task2.BATCH_SIZE, task3.BATCH_SIZE),
        "epochs, at most": [parse_options("", [], training=True).epochs] * 2,
        "validations in an epoch": [defaults["validations_per_epoch"].default] * 2,
        "validations without improvement before training stops": [defaults["patience"].default] * 2,
    }.items():
        assert table[setting] == " | ".join(map(str, values))


def test_the_assignment_has_every_equation_that_a_student_meets(
    starter: Path, assignment: str
) -> None:
    numbered = set(re.findall(r"\\tag\{(\d+)\}", assignment))
    for file in (starter / ASSIGNMENT, *starter.glob("t*.py"), *starter.glob("tests/**/*.py")):
        text = file.read_text(encoding="utf-8")
        met = re.findall(r"[Ee]quations? (\d+)", text)
        met += re.findall(r'"(\d+)"', text) if file.name.startswith("test_") else []
        assert not set(met) - numbered, file


def test_the_handout_needs_what_the_project_needs_and_pytest(starter: Path) -> None:
    def dependencies(folder: Path) -> set[str]:
        text = (folder / "pyproject.toml").read_text(encoding="utf-8")
        return set(text.split("\ndependencies = [\n")[1].split("]")[0].split())

    assert dependencies(starter) == dependencies(ROOT) | {'"pytest>=8",'}


def test_the_notebook_asks_each_question_and_shows_each_figure(
    starter: Path, assignment: str
) -> None:
    found = json.loads((starter / NOTEBOOK).read_text(encoding="utf-8"))["cells"]
    cells = {cell["id"]: "".join(cell["source"]) for cell in found}
    for task in TASKS:
        heading, question = cells[f"question-{task.name}"].split("\n\n", 1)
        assert heading == f"## Task {task.name}: {task.title}"
        section = assignment.split(f"### Task {task.name}: ")[1].split("\n### ")[0]
        assert f"**Report:** {question}" in section
        shows = f'show("{task.figure}", "{task.script}", "{heading[3:]}")' if task.figure else None
        assert cells.get(f"figure-{task.name}") == shows
        assert f"answer-{task.name}" in cells


def test_the_notebook_shows_a_figure_with_its_text_or_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(results, "show_in_notebook", print)
    monkeypatch.chdir(tmp_path)
    shown = f"{SHOW}\nshow('a.png', 'task2.py', 'Task 2b')\n"
    exec(shown, {})
    path = Path("figures", "a.png")
    assert capsys.readouterr().out == f"{path} does not exist yet: run `python task2.py` first.\n"
    path.parent.mkdir()
    path.touch()
    exec(shown, {})
    assert capsys.readouterr().out == f"{path} Task 2b\n"


def handout_with(*tasks: str) -> Submission:
    """Make a handout in which some tasks are solved."""
    others = {name: task for name, task in FUNCTIONS.items() if task not in tasks}
    files = {
        name: blank((ROOT / name).read_text(encoding="utf-8"), name.removesuffix(".py"), others)
        for name in FILES
    }
    return Submission(", ".join(tasks), files, {task: POINTS[task] for task in tasks})


def test_the_handout_earns_nothing_and_a_tasks_solution_alone_its_points() -> None:
    # the penalty of Task 4b shows in the gradient that Task 3a computes
    solved = [handout_with("3a", "4b") if task == "4b" else handout_with(task) for task in POINTS]
    graded = run({handout: tuple(handout.fair) for handout in (handout_with(), *solved)})
    nothing = graded.pop(handout_with())
    assert nothing["score"] == 0
    for handout, found in graded.items():
        tasks = found["extra_data"]["tasks"]
        assert {task: points["score"] for task, points in tasks.items()} == handout.fair
