"""What students get: the solution without its answers, and texts that fit the assignment."""

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

from tests.library.conftest import Capture, Patch
from tests.library.fake_course import write_files

pytest.importorskip("nbformat", reason="the handout's notebook needs nbformat")

import task2
import task3
from course.blank import blank
from course.make_starter import AS_THEY_ARE, main, make_starter
from course.texts import ASSIGNMENT, NOTEBOOK, README, SHOW
from lab import results
from lab.assignment import CODE_TASKS, FILES, FUNCTIONS, PACKAGES, POINTS, TASKS
from lab.script import parse_options
from tests.library.proof import run, run_pytest
from tests.library.submissions import Submission
from tests.library.variants.variant import ROOT, solution, with_body
from trainer import BaseTrainer

Texts = dict[str, str]  # {path in the handout: text}


@pytest.fixture(scope="module")
def texts(tmp_path_factory: pytest.TempPathFactory) -> Texts:
    make_starter(out := tmp_path_factory.mktemp("handout"))  # an empty folder is as good as none
    files = [path for path in out.rglob("*") if path.is_file()]
    return {path.relative_to(out).as_posix(): path.read_text("utf-8", "replace") for path in files}


def test_start_shows_what_pytest_prints(texts: Texts, monkeypatch: Patch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```console\n(?:\$ pytest --next\n)?(.*?)```", texts[ASSIGNMENT], re.S)
    for block, pixels in zip(blocks, ("", "X / 255", "X / 127.5 - 1"), strict=True):
        body = f"import numpy as np\nreturn np.hstack([{pixels}, np.ones((len(X), 1))])"
        task2a = texts["task2a.py"]
        written = with_body(task2a, "pre_process_images", body) if pixels else task2a
        write_files(tmp_path, {name: texts[name] for name in FILES} | {"task2a.py": written})
        assert block in run_pytest(f"--folder={tmp_path}", "--next")[1]


def test_a_function_without_a_docstring_is_refused() -> None:  # its first line would be left
    with pytest.raises(ValueError, match=r"m\.f has no docstring"):
        blank("def f(): pass\n", "m", {"m.f": "1a"})


def test_the_handout_is_complete_and_needs_pytest_and_what_the_project_needs(texts: Texts) -> None:
    given = {"tests", "explore", "pyproject.toml", README, ASSIGNMENT, NOTEBOOK, *AS_THEY_ARE}
    assert {name.split("/")[0] for name in texts} == {*FILES, *PACKAGES, *given}
    assert not [name for name in texts if "library" in name or "__pycache__" in name]
    both = (texts["pyproject.toml"], (ROOT / "pyproject.toml").read_text("utf-8"))
    lists = [text.split("\ndependencies = [\n")[1].split("]")[0].split() for text in both]
    assert {*lists[0]} == {*lists[1], '"pytest>=8",'}


def test_functions_to_write_raise_and_all_else_stays_but_no_line_of_a_body(texts: Texts) -> None:
    expected, answers = solution(), set()
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
        answers |= {line.strip() for line in lines[docstring_ends:]} - {""}
    assert {name: texts[name] for name in FILES} == expected
    for name, text in texts.items():
        assert not answers & {line.strip() for line in text.splitlines()}, name


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


def test_no_answer_is_in_the_handout_in_any_spelling(texts: Texts) -> None:
    spelt = r"$-(y_k^n - \hat{y}_k^n)$, X.T @ (outputs - targets), 2 \lambda w"
    plain = {name: normalised(text) for name, text in {**texts, "spelt": spelt}.items()}
    found = {(name, answer) for name in plain for answer in ASKED_FOR if answer in plain[name]}
    assert found == {("spelt", a) for a in ("(y-yhat)", "(outputs-targets)", "2lambdaw")}


def test_what_prevents_it_is_named(tmp_path: Path, monkeypatch: Patch, capsys: Capture) -> None:
    (tmp_path / "notes.txt").write_text("keep")
    monkeypatch.setitem(sys.modules, "nbformat", None)
    in_use = "exists and is not an empty folder"
    for name, why in {".": in_use, "notes.txt": in_use, "out": "pip install nbformat"}.items():
        assert main([str(tmp_path / name)]) == 1
        assert why in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_readme_assignment_and_notebook_have_every_task(texts: Texts) -> None:
    readme, assignment = texts[README], texts[ASSIGNMENT]
    for task in CODE_TASKS:
        assert f"| {task.name} | {task.points} | `{task.functions[0]}`" in readme
    assert "its call in `task3a.SoftmaxModel.backward` |" in readme  # where Task 4b is judged
    assert r"$$R(w) = \lVert w \rVert^2 = \sum" in assignment
    assert "@" not in readme + assignment  # nothing is left to fill in
    sections = dict(re.findall(r"^### Task (\w+): (.*?)(?=^#)", assignment, re.M | re.S))
    assert list(sections) == [task.name for task in TASKS]
    cells = {cell["id"]: "".join(cell["source"]) for cell in json.loads(texts[NOTEBOOK])["cells"]}
    for task in TASKS:
        section, title = sections[task.name], f"Task {task.name}: {task.title}"
        assert section.startswith(f"{task.title}\n\n{task.points} points.")
        assert all(name in section for name in (*task.functions, task.figure))
        heading, question = cells[f"question-{task.name}"].split("\n\n", 1)
        assert heading == f"## {title}"
        assert f"**Report:** {question}" in section
        shows = f'show("{task.figure}", "{task.script}", "{title}")' if task.figure else None
        assert cells.get(f"figure-{task.name}") == shows
        assert f"answer-{task.name}" in cells


def test_the_assignment_states_the_settings_of_the_scripts(texts: Texts) -> None:
    table = dict(re.findall(r"^\| ([a-z, ]+) \| (.+) \|$", texts[ASSIGNMENT], re.MULTILINE))
    epochs = parse_options("", [], training=True).epochs
    defaults = {name: p.default for name, p in inspect.signature(BaseTrainer).parameters.items()}
    for setting, *values in (
        ("learning rate", task2.LEARNING_RATE, task3.LEARNING_RATE),
        ("batch size", task2.BATCH_SIZE, task3.BATCH_SIZE),
        ("epochs, at most", epochs, epochs),
        ("validations in an epoch", *[defaults["validations_per_epoch"]] * 2),
        ("validations without improvement before training stops", *[defaults["patience"]] * 2),
    ):
        assert table[setting] == " | ".join(map(str, values))


def test_the_assignment_has_every_equation_that_a_student_meets(texts: Texts) -> None:
    numbered = set(re.findall(r"\\tag\{(\d+)\}", texts[ASSIGNMENT]))
    for name, text in texts.items():
        met = re.findall(r"[Ee]quations? (\d+)", text)
        met += re.findall(r'"(\d+)"', text) if name.startswith("tests/test_") else []
        assert not set(met) - numbered, name


def test_the_notebook_shows_a_figure(monkeypatch: Patch, capsys: Capture, tmp_path: Path) -> None:
    monkeypatch.setattr(results, "show_in_notebook", print)
    monkeypatch.chdir(write_files(tmp_path, {"figures/b.png": ""}))
    exec(f"{SHOW}\nshow('a.png', 'task2.py', 'a')\nshow('b.png', 'task2.py', 'b')", {})
    missing, shown = capsys.readouterr().out.splitlines()
    assert missing.endswith("a.png does not exist yet: run `python task2.py` first.")
    assert shown == f"{Path('figures', 'b.png')} b"


def handout_with(*tasks: str) -> Submission:
    """Make a handout in which some tasks are solved."""
    others = {name: task for name, task in FUNCTIONS.items() if task not in tasks}
    files = {name: blank(text, Path(name).stem, others) for name, text in solution().items()}
    return Submission(", ".join(tasks), files, {task: POINTS[task] for task in tasks})


def test_the_handout_earns_nothing_and_a_tasks_solution_alone_its_points() -> None:
    # the penalty of Task 4b shows in the gradient that Task 3a computes
    solved = [handout_with("3a", "4b") if task == "4b" else handout_with(task) for task in POINTS]
    graded = run({handout: tuple(handout.fair) for handout in (handout_with(), *solved)})
    for handout, found in graded.items():
        tasks = found["extra_data"]["tasks"]
        earned = {task: points["score"] for task, points in tasks.items() if points["score"]}
        assert earned == handout.fair
