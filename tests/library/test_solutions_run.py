"""What passes the checks runs the scripts to their table and results, here on a few digits."""

import json
import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import mnist
import numpy as np
import pytest

import digits
import task2
import task2a
import task3
import task3a
from digits import Digits
from lab.assignment import POINTS
from lab.gradient import check_gradient
from tests.checks.compatibility import adapted
from tests.checks.student import StudentFiles
from tests.library.conftest import Patch
from tests.library.proof import Solution
from tests.library.submissions import SUBMISSIONS, read
from tests.library.variants.right import RIGHT

pytestmark = pytest.mark.proof

SCRIPTS: dict[str, Any] = {"task2": task2, "task3": task3}
PIECES: dict[str, Any] = {"task2": task2a, "task3": task3a}
MODELS = {"task2": "BinaryModel", "task3": "SoftmaxModel"}
TRAINERS = {"task2": "LogisticTrainer", "task3": "SoftmaxTrainer"}
TASKS = {"task2": ("2a", "2b", "2c"), "task3": ("2a", "3a", "3b", "3c", "4b")}  # that it needs
OTHERS = {  # whose parts do not fit into the scripts
    "model_in_task4a",  # the penalty is in another file
    "imports_of_an_editor",  # the same; its accuracy passes lists to `forward`
    "outputs_first",  # another order of the arguments
    "broken_lines",  # there is no loader
}
RUNS = {
    solution: scripts
    for solution in [*RIGHT, *SUBMISSIONS]
    for fair in [getattr(solution, "fair", POINTS)]
    for scripts in [[n for n in TASKS if all(fair[t] == POINTS[t] for t in TASKS[n])]]
    if scripts and str(solution) not in OTHERS
}


@pytest.fixture
def files(monkeypatch: Patch, tiny_digits: Digits, tmp_path: Path) -> Iterator[StudentFiles]:
    """The files of a student who works with a few digits."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(digits, "load", lambda *options: tiny_digits)
    files = StudentFiles(tmp_path)
    files.open()
    yield files
    files.close()


def fill_in(name: str, files: StudentFiles, monkeypatch: Patch) -> None:
    """Let a script train with a student's code, as if it stood in the handout."""
    script, pieces, model = SCRIPTS[name], PIECES[name], MODELS[name]
    Own = files.require(f"{pieces.__name__}.{model}").__wrapped__
    Model = type(model, (Own, getattr(pieces, model)), {})  # `objective` is handed out complete

    def make_model(*l2_reg_lambda: float, **options: float) -> Any:
        made = adapted(Model, model)(*l2_reg_lambda, *options.values())
        made.l2_reg_lambda = sum((*l2_reg_lambda, *options.values()))
        return made

    def make_trainer(*arguments: Any, rng: object) -> Any:
        made = files.require(f"{name}.{TRAINERS[name]}")(*arguments)
        made.validations_per_epoch = 5
        return made

    monkeypatch.setattr(script, model, make_model)
    monkeypatch.setattr(script, TRAINERS[name], make_trainer)
    for module, function, holder in (
        ("task2a", "pre_process_images", script),
        ("task3a", "one_hot_encode", task3),
        (pieces.__name__, "cross_entropy_loss", pieces),
    ):
        monkeypatch.setattr(holder, function, getattr(files.load(module), function))


def check_of_few_weights(model: Any, X: np.ndarray, Y: np.ndarray) -> float:
    """Check the gradient of twenty inputs for each class: of 785 it takes long."""
    model.w, model.grad, model.I = model.w[:20], None, 20
    return check_gradient(model, X[:, :20], Y)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("solution", RUNS, ids=str)
def test_right_solutions_run(solution: Solution, files: StudentFiles, monkeypatch: Patch) -> None:
    solution.write(files.folder)
    monkeypatch.setattr(task2, "BATCH_SIZE", 4)
    monkeypatch.setattr(task3, "BATCH_SIZE", 20)
    monkeypatch.setattr(task3, "LAMBDAS", (0, 1))
    for name in RUNS[solution]:
        script = SCRIPTS[name]
        fill_in(name, files, monkeypatch)
        monkeypatch.setattr(script, "make_figures", lambda *trainings: {})  # which takes long
        monkeypatch.setattr(script, "check_gradient", check_of_few_weights)
        script.main(["--quick", "--epochs", "1", "--jobs", "1"])
        runs = json.loads(Path("figures/results.json").read_text())[name]["runs"]
        assert [run["stopped_by"] for run in runs.values()] == ["all epochs"] * 2


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("script", ["task2.py", "task3.py"])
def test_the_scripts_of_the_original_starter_run_on_the_modules_of_this_project(
    script: str, files: StudentFiles, tiny_digits: Digits, monkeypatch: Patch
) -> None:
    text = read("starter_2023").files[script]
    short = re.sub(r"(num_epochs|batch_size) = \d+", r"\1 = 8", text)
    Path(script).write_text(short, encoding="utf-8")
    shown: list[int] = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(len(plt.gca().lines)))
    monkeypatch.setattr(plt, "savefig", lambda *_, **__: None)  # which takes long
    data = [array.squeeze() for array in list(vars(tiny_digits).values())[1:]]
    monkeypatch.setattr(mnist, "load", lambda: data, raising=False)  # of the course's own mnist.py
    runpy.run_path(script, run_name="__main__")
    plt.close("all")
    assert shown == [2]  # training and validation loss
