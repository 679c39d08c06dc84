"""The report: answers from the results, every task with its own, the same bytes, refusals."""

import json
import re
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from matplotlib.figure import Figure

import report.__main__
import report.results
from digits import Digits
from lab.assignment import CODE_TASKS, CONFUSION, MISTAKES, TASKS
from lab.results import publish, sha256
from lab.trainings import Training, Validation, load, save
from report import answers, pages
from report.results import Part, read
from tests.library.conftest import Patch

Pair = tuple[float, float]
ROOT = Path(__file__).parents[2]
NAMES = {
    "task2": ("2b-d, no shuffling", "2e, shuffling"),
    "task3": tuple(f"lambda {value:g}" for value in (1, 0.1, 0.01, 0.001, 0)),
}
BEST, LAST = Validation(978, 0.1, 0.066, 0.976, 0.979), Validation(1038, 0.1, 0.07, 0.98, 0.97)
LATE = Validation(5000, 0.1, 0.06, 0.9, 0.9)


def run(*validations: Validation, **changes: Any) -> Training:
    """A training with these validations, 31 batches an epoch and 500 epochs at most."""
    one = validations or (BEST, LAST)
    train = {"loss": {v.step: v.train_loss for v in one}}
    train["accuracy"] = {v.step: v.train_accuracy for v in one}
    val = {"loss": {v.step: v.val_loss for v in one}}
    val["accuracy"] = {v.step: v.val_accuracy for v in one}
    return replace(Training(np.ones((785, 1)), train, val, 500, 31, 5), **changes)


def falling(falls: int, validations: int = 101) -> Training:
    """A training whose validation accuracy falls by 0.1 a number of times after its first epoch."""
    accuracies = [0.1, 0.9] * 3 + [0.9, 0.8] * falls + [0.9] * (validations - 2 * falls)
    return run(*(Validation(i, 0.1, 0.1, 0.9, value) for i, value in enumerate(accuracies)))


def recurring(own: float, after: float) -> Training:
    """A training whose falls follow batch 2 of 31, with these losses of this batch and the next."""
    course = [Validation(step, 0.1, 0.1, 0.9, 0.9) for step in range(124)]
    for step in range(2, 124, 31):
        course[step] = Validation(step, own, 0.1, 0.9, 0.8)
        course[step + 1] = Validation(step + 1, after, 0.1, 0.9, 0.9)
    return run(*course)


def growing(first: Pair, last: Pair, loss: float = 0.06) -> list[Training]:
    """Accuracies (training, validation) after an epoch and at the end, and the last loss."""
    start = (Validation(step, 0.7, 0.7, 0.1, 0.2) for step in range(0, 25, 5))
    return [run(*start, Validation(25, 0.5, 0.066, *first), Validation(90, 0.3, loss, *last))]


def best_of(*losses_and_accuracies: Pair) -> list[Training]:
    """Trainings with these losses and accuracies at their best, and others at the end."""
    last = Validation(990, 0.1, 0.9, 0.5, 0.99)
    return [run(Validation(978, 0.1, loss, a - 0.1, a), last) for loss, a in losses_and_accuracies]


def weighing(*weights: np.ndarray) -> list[Training]:
    """Trainings with these weights, of which the last is the shortest."""
    return [run(LATE, w=w) for w in weights[:-1]] + [run(w=weights[-1])]


CHECKS, HALVES = np.indices((28, 28)).sum(axis=0) % 2, np.indices((28, 28))[1] // 14
NOISY, SMOOTH = (np.append(image, 1e9)[:, None] for image in (CHECKS, HALVES))  # and the bias
EIGHT, FOUR, TWO = (np.ones(count) for count in (8, 4, 2))

# (task, its trainings: without and with shuffling, or with lambda 0, 0.1 and 1; what the answer
# states, in this order)
ANSWERS: list[tuple[str, list[Training], str]] = [
    ("2c", [run()], "97.60% of the training set and 97.90% of the validation set"),
    (
        "2d",
        [run(), run(Validation(92, 0.1, 0.1, 0.9, 0.9), epochs=3)],
        "Without shuffling, early stopping ends training in epoch 33, at step 1038 ... 0.0660, at "
        "step 978. With shuffling, training ends without early stopping in epoch 2, at step 92",
    ),
    (
        "2e",
        [recurring(0.3, 0.5), falling(0)],
        "this run alone does not show a difference ... follow batch 2 of 31 ... 0.300 ... 0.500 "
        "... 0.100. So this batch fits",
    ),
    ("2e", [recurring(0.3, 0.1), falling(0)], "median batch 0.100. Without shuffling"),
    ("2e", [falling(7), falling(15, 51)], "7 of 100 cases (7.0%) ... by 0.100 ... more spikes"),
    ("2e", [falling(10, 31), falling(12, 201)], "are fewer spikes with shuffling."),
    (
        "3d",
        growing((0.9, 0.9), (0.98, 0.96), loss=0.076),
        "clear signs ... At step 25 the training accuracy is 0.9000 ... step 90, it is 0.9800, "
        "0.0200 above the validation accuracy of 0.9600 ... 2.00 times as many errors ... shows it "
        "too: it ends at 0.0760, 0.0100 above ... still rises ... is 0.9600 ... 0.9000",
    ),
    ("3d", growing((0.9, 0.9), (0.92, 0.9)), "mild signs ... is its minimum ... no longer rises"),
    ("3d", growing((0.856, 0.85), (0.92, 0.91)), "There are no clear signs ... above 0.005 at the"),
    ("3d", growing((0.85, 0.87), (0.91, 0.92)), "There are no clear signs ... 0.0100 below"),
    ("4b", weighing(NOISY, NOISY, SMOOTH), "4.000 ... step 5000 ... 0.074 ... step 978 ... by 98%"),
    ("4b", weighing(SMOOTH, SMOOTH, NOISY), "in this run the weights ... are not less noisy"),
    (
        "4d",
        best_of((0.3, 0.9), (0.31, 0.8), (0.4, 0.7)),
        "0.9000 (λ = 0), 0.8000 (λ = 0.1), 0.7000 (λ = 1). So it falls with λ = 0.1, 1. The "
        "validation loss rises with every λ: 0.3000 (λ = 0), 0.3100 (λ = 0.1), 0.4000 (λ = 1) ... "
        "the training accuracy is only 0.8000 ... to 0.6000 with λ = 1",
    ),
    ("4d", best_of((0.3, 0.9), (0.3, 0.897), (0.4, 0.7)), "λ = 1. With ... be chance. A penalty"),
    ("4d", best_of((0.1, 0.9), (0.1, 0.9), (0.1, 0.904)), "no λ changes it by 0.005 or more"),
    ("4d", best_of((0.1, 0.8), (0.1, 0.85), (0.1, 0.7)), "In this run it rises with λ = 0.1."),
    ("4e", weighing(EIGHT, FOUR, TWO), "8 (λ = 0) ... So it falls ... factor of 4 ... step 978"),
    ("4e", weighing(EIGHT, FOUR, 2 * TWO), "In this run it does not fall from λ = 0.1 to λ = 1."),
]


@pytest.mark.parametrize(("task", "trainings", "stated"), ANSWERS)
def test_an_answer_follows_from_the_results(
    task: str, trainings: list[Training], stated: str, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(report.results, "LAMBDAS", (0, 0.1, 1))
    names = NAMES["task2"] if task[0] == "2" else ("lambda 0", "lambda 0.1", "lambda 1")
    by_name = dict(zip(names, trainings, strict=False))
    text = answers.ANSWERS[task](Part("tiny digits", "ab" * 32, 0, 500, False, {}, by_name))
    assert re.search(".*".join(map(re.escape, stated.split(" ... "))), text), text


@pytest.fixture
def folder(tiny_digits: Digits, tmp_path: Path) -> Path:
    """What the scripts leave behind, with empty figures."""
    drawn = {task.figure: task.script[:5] for task in TASKS if task.figure}
    drawn |= dict.fromkeys((CONFUSION, MISTAKES), "task3")
    for script, names in NAMES.items():
        options = Namespace(out=tmp_path, epochs=500, seed=3, quick=script == "task3", show=False)
        trainings = {name: falling(0, validations) for validations, name in enumerate(names, 95)}
        empty = {name: Figure(figsize=(1, 1)) for name, of in drawn.items() if of == script}
        publish(script, tiny_digits, options, trainings, empty.copy)
    return tmp_path


def write_report(folder: Path, *options: str) -> None:
    with patch.object(sys, "argv", ["report", "--figures", str(folder), *options]):
        report.__main__.main()


def test_the_report_has_each_task_with_figure_and_answer(folder: Path, monkeypatch: Patch) -> None:
    printed: list[str] = []

    def table(self: pages.Report, rows: list[tuple[str, ...]], **_: Any) -> nullcontext[None]:
        printed.extend(map(" ".join, rows))
        return nullcontext()

    keep: dict[str, Callable[..., Any]] = {
        "paragraph": lambda self, text, *_, **__: printed.append(text),
        "equation": lambda self, equation: printed.append(equation),
        "image": lambda self, path, *_, **__: printed.append(path.name),
        "table": table,
    }
    for name, method in keep.items():
        monkeypatch.setattr(pages.Report, name, method)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    parts, texts, numbers = read(folder), pages.texts(), iter(range(1, 11))
    pages.make_report(parts, folder, report.__main__.source_date()).output()  # closes the fonts
    expected = []
    for task in TASKS:
        expected.append(f"Task {task.name}: {task.title}")
        if task.figure:
            caption = f"Figure {next(numbers)}. {texts[task.name][0]} Data: tiny digits."
            expected += [task.figure, caption]
        else:
            expected += texts.get(task.name, [])
        if task.name in answers.ANSWERS:
            expected.append(answers.ANSWERS[task.name](parts[task.script.removesuffix(".py")]))
    expected.append(pages.ERRORS)
    for name in (CONFUSION, MISTAKES):
        expected += [name, f"Figure {next(numbers)}. {texts[name][0]} Data: tiny digits."]
    start = printed.index(expected[0])
    assert printed[start:] == expected
    assert {
        "1970-01-02 00:00 UTC",
        "Data: tiny digits. Seed: 3.",
        f"SHA-256 of the data: {parts['task2'].data_sha256}",
        "2b-d, no shuffling early stopping 3 100 0 0.10000 0.9000 0.1000",
        "2e, shuffling early stopping 3 101 0 0.10000 0.9000 0.1000",
        "task3.py was run with --quick: good for a trial, not for conclusions.",
        "lambda 0 early stopping 3 104 0 0.10000 0.9000 0.1000",
    } <= {*printed[:start]}


def test_the_marking_guide_has_each_task_and_shares_its_points(monkeypatch: Patch) -> None:
    monkeypatch.chdir(ROOT)
    guide = (ROOT / "course" / "MARKING.md").read_text(encoding="utf-8")
    written, code = guide.split("\n## ")[1:]
    tasks = [task for task in TASKS if not task.functions]
    assert f"The other {sum(task.points for task in tasks)} points" in guide
    for task, section in zip(tasks, written.split("\n### ")[1:], strict=True):
        assert f"### {section}".startswith(pages.marking(task.name))
        assert sum(map(int, re.findall(r"^- \*\*(\d+)\*\* ", section, re.M))) == task.points
    for task in CODE_TASKS:
        assert re.search(rf"^- \*\*.*{task.name}.*\*\*:", code, re.MULTILINE)


def test_the_same_inputs_give_the_same_bytes(folder: Path, monkeypatch: Patch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    with pytest.raises(SystemExit):
        write_report(folder, "--out", str(folder / "results.json"))  # no name of a PDF
    write_report(folder, "--out", str(folder / "my.pdf"))
    assert not (folder / "report.pdf").exists()
    write_report(folder)
    pdf = (folder / "my.pdf").read_bytes()
    assert pdf == (folder / "report.pdf").read_bytes()
    assert b"/CreationDate (D:19700101000000Z" in pdf


def test_what_is_not_of_one_run_is_refused(folder: Path) -> None:
    path, archive = folder / "results.json", folder / "task3_runs.npz"
    whole = path.read_text()
    again = f"Run: python task3.py --out {folder}"
    (folder / "report.pdf").write_bytes(b"before")

    def refusal(**changes: Any) -> str:
        """Write the report with other results of task3.py."""
        if changes:
            results = json.loads(whole)
            path.write_text(json.dumps(results | {"task3": results["task3"] | changes}))
        with pytest.raises(OSError, match=r".") as error:
            write_report(folder)
        assert (folder / "report.pdf").read_bytes() == b"before"
        return str(error.value)

    for file in folder.glob("task*"):  # figures and trainings
        content = file.read_bytes()
        file.write_bytes(content + b"x")
        assert refusal().startswith(f"{file} is not of the run in {path}. Run: python task")
        file.unlink()
        assert refusal().startswith(f"{file} is missing. Run: python task")
        file.write_bytes(content)
    assert f"results.json has no complete results of task3. {again}" in refusal(files=None)
    assert "differ in data_sha256: task2 has" in refusal(data_sha256="cd" * 32)
    seeds = "differ in seed: task2 has 3, task3 has 1. Run: python task2.py"
    assert seeds in refusal(seed=1)
    trainings = load(archive)
    del trainings["lambda 1"]
    save(archive, trainings)
    files = json.loads(whole)["task3"]["files"] | {archive.name: sha256(archive)}
    assert f"task3 has no run 'lambda 1'. {again}" in refusal(files=files)
    path.unlink()
    assert "no complete results of task2. Run: python task2.py" in refusal()
