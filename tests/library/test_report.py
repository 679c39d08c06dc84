"""The report: answers from the results, every task on its pages, the same bytes, refusals."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import report.__main__
import report.results
from lab.assignment import CONFUSION, MISTAKES, TASKS
from lab.results import row, sha256
from lab.script import run_script
from lab.trainings import Training, Validation, load, save
from report import answers, pages
from report.results import IN_ORDER, SHUFFLED, Part, read
from reproduce.measures import roughness

FILES = [*(task.figure for task in TASKS if task.figure), CONFUSION, MISTAKES]
BEST, LAST = Validation(978, 0.1, 0.066, 0.976, 0.979), Validation(1038, 0.1, 0.07, 0.98, 0.97)
LONG = Validation(5000, 0.1, 0.06, 0.9, 0.9)


def run(*validations: Validation, **changes: Any) -> Training:
    """A training with these validations, 31 batches an epoch and 500 epochs at most."""
    one = validations or (BEST, LAST)
    train = {"loss": {v.step: v.train_loss for v in one}}
    train["accuracy"] = {v.step: v.train_accuracy for v in one}
    val = {"loss": {v.step: v.val_loss for v in one}}
    val["accuracy"] = {v.step: v.val_accuracy for v in one}
    return replace(Training(np.ones((785, 1)), train, val, 500, 31, 5), **changes)


def at(*accuracies: float, train: float = 0.9, loss: float = 0.1) -> Training:
    """A training with these validation accuracies, from step 0 on."""
    return run(*(Validation(i, 0.1, loss, train, value) for i, value in enumerate(accuracies)))


def widening(*accuracies: float) -> Training:
    """A training with these validation accuracies, from which the training accuracy moves away."""
    return run(*(Validation(i, 0.3, 0.3, v + i / 100, v) for i, v in enumerate(accuracies)))


def falling(falls: int, validations: int = 101) -> Training:
    """A training whose validation accuracy falls by 0.1 a number of times after its first epoch."""
    return at(*[0.1, 0.9] * 3, *[0.9, 0.8] * falls, *[0.9] * (validations - 2 * falls))


def growing(first: tuple[float, float], last: tuple[float, float]) -> Training:
    """A training with these accuracies (training, validation) after an epoch and at the end."""
    start = (Validation(step, 0.7, 0.7, 0.1, 0.2) for step in range(0, 25, 5))
    return run(*start, Validation(25, 0.5, 0.5, *first), Validation(90, 0.3, 0.3, *last))


def ending(loss: float) -> Training:
    """A training that overfits, and whose validation loss ends here after a minimum of 0.066."""
    start = (Validation(978 + i, 0.1, 0.066 if i else 0.7, 0.95, 0.96) for i in range(6))
    return run(*start, Validation(1038, 0.1, loss, 0.98, 0.97))


def best_of(*pairs: tuple[float, float], train: float = 0.9) -> list[Training]:
    """Trainings with these losses and accuracies at their best, and others at the end."""
    last = Validation(990, 0.1, 0.9, 0.5, 0.99)
    return [run(Validation(978, 0.1, loss, train, value), last) for loss, value in pairs]


def lengths(*norms: int, longest: bool = False) -> list[Training]:
    long = run(LONG) if longest else run()
    return [replace(run() if norm == norms[-1] else long, w=np.ones(norm)) for norm in norms]


SLOPE = np.add.outer(np.arange(28.0), np.arange(28.0)).reshape(784, 1)
NOISE = np.random.default_rng(0).normal(size=(784, 1))


def noisy(*sizes: float) -> list[Training]:
    """Trainings with weights of this noise and a large bias, the last of them the shortest."""
    weights = [np.vstack([SLOPE + size * NOISE, [[1e9]]]) for size in sizes]
    return [replace(run(*[LONG] * (w is not weights[-1])), w=w) for w in weights]


def rough(size: float) -> str:
    return f"{roughness((SLOPE + size * NOISE).T):.3f}"


# (task, its trainings: without and with shuffling, or with lambda 0, 0.1 and 1; what the answer
# states, and what it does not)
STILL, SPIKY = falling(0), falling(7)
ANSWERS: list[tuple[str, list[Training], list[str], list[str]]] = [
    ("2a", [run()] * 2, ["task2a.py contains", "the 785 weights"], []),
    ("3a", [run(w=np.ones(7850))] * 3, ["task3a.py contains", "the 7,850 weights"], []),
    ("2c", [run(), STILL], ["97.60% of the training set and 97.90% of the validation"], []),
    (
        "2d",
        [run(), run(Validation(92, 0.1, 0.1, 0.9, 0.9), epochs=3)],
        [
            "Without shuffling, early stopping ends training in epoch 33, at step 1038",
            "the least validation loss is 0.0660, at step 978",
            "With shuffling, training ends without early stopping in epoch 2, at step 92",
        ],
        [],
    ),
    ("2e", [SPIKY, STILL], ["7 of 100 cases (7.0%), at most by 0.100; with", "in 0 of 100"], []),
    ("2e", [SPIKY, falling(2)], ["shuffling leads to fewer spikes"], ["is not the cause"]),
    ("2e", [SPIKY, SPIKY], ["no difference"], ["fewer spikes. W"]),
    ("2e", [SPIKY, falling(9)], ["more spikes, not fewer"], []),
    ("2e", [SPIKY, falling(6, 51)], ["6 of 50 cases (12.0%)", "more spikes"], []),  # oftener
    ("2e", [SPIKY, STILL], ["the falls come every 2 steps"], []),
    ("2e", [at(*[0.9] * 7, *[0.8, 0.9, 0.8, 0.9, 0.9, 0.8]), STILL], ["fewer"], ["every 2 steps"]),
    ("3d", [growing((0.85, 0.86), (0.92, 0.91))], ["Yes", "step 25", "step 90, it is 0.9200"], []),
    ("3d", [growing((0.87, 0.86), (0.92, 0.91))], ["no clear signs", "0.0100 above"], []),
    ("3d", [growing((0.85, 0.87), (0.91, 0.92))], ["no clear signs", "0.0100 below"], []),
    ("3d", [growing((0.856, 0.85), (0.92, 0.91))], ["no clear signs"], []),
    ("3d", [growing((0.9, 0.9), (0.92, 0.9))], ["mild signs", "1.25 times as many errors"], []),
    ("3d", [growing((0.9, 0.9), (0.98, 0.96))], ["clear signs", "2.00 times as many errors"], []),
    ("3d", [at(0.8, train=0.9)], ["no clear signs"], []),  # there is no whole epoch
    ("3d", [ending(0.066)], ["0.0660, is its minimum"], []),
    ("3d", [ending(0.0665)], ["only 0.0005 above its minimum"], []),
    ("3d", [ending(0.076)], ["shows it too: it ends at 0.0760, 0.0100 above"], []),
    ("3d", [widening(0.8, 0.8, 0.85, 0.85, 0.9, 0.9, 0.91, 0.9)], ["still rises", "is 0.9050"], []),
    ("3d", [widening(0.8, 0.8, 0.85, 0.85, 0.9, 0.9, 0.89, 0.89)], ["no longer rises"], []),
    (
        "4b",
        noisy(1, 1, 0.1),
        [
            f"{rough(1)} with λ = 0, for weights of step 5000, and {rough(0.1)} with λ = 1",
            "for weights of step 978. So the weights with λ = 1 are less noisy",
            "equal steps",
        ],
        [],
    ),
    ("4b", noisy(1, 1, 9), ["λ = 1 are not less noisy"], ["equal steps"]),
    (
        "4d",
        best_of((0.3, 0.9), (0.31, 0.8), (0.4, 0.7)),
        [
            "0.9000 (λ = 0), 0.8000 (λ = 0.1), 0.7000 (λ = 1). So the accuracy falls with every",
            "loss rises with every λ: 0.3000 (λ = 0), 0.3100 (λ = 0.1), 0.4000 (λ = 1)",
        ],
        ["chance", "underfits"],
    ),
    ("4d", best_of((0.3, 0.9), (0.3, 0.8), (0.4, 0.7)), ["falls with every"], ["loss rises"]),
    ("4d", best_of((0.1, 0.9), (0.1, 0.95), (0.1, 0.7)), ["does not fall with λ = 0.1."], []),
    ("4d", best_of((0.1, 0.9), (0.1, 0.9), (0.1, 0.91)), ["with λ = 0.1 and λ = 1."], []),
    ("4d", best_of((0.1, 0.9), (0.1, 0.897), (0.1, 0.8)), ["(With λ = 0.1 by less than"], []),
    (
        "4d",
        [*best_of((0.1, 0.9), (0.1, 0.8)), *best_of((0.1, 0.7), train=0.6)],
        ["the training accuracy is only 0.9000", "to 0.6000 with λ = 1"],
        [],
    ),
    (
        "4e",
        lengths(8, 4, 2),
        ["8 (λ = 0), 4 (λ = 0.1), 2 (λ = 1)", "a factor of 4 in"],
        ["Not all"],
    ),
    ("4e", lengths(8, 9, 2), ["does not fall from λ = 0 to λ = 0.1."], []),
    ("4e", lengths(8, 9, 9), ["from λ = 0 to λ = 0.1 nor from λ = 0.1 to λ = 1."], []),
    ("4e", lengths(8, 4, 2, longest=True), ["those of step 5000 and of step 978"], []),
]


@pytest.mark.parametrize(("task", "trainings", "stated", "absent"), ANSWERS)
def test_an_answer_follows_from_the_results(
    task: str,
    trainings: list[Training],
    stated: list[str],
    absent: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report.results, "LAMBDAS", (0, 0.1, 1))
    names = (IN_ORDER, SHUFFLED) if task[0] == "2" else ("lambda 0", "lambda 0.1", "lambda 1")
    by_name = dict(zip(names, trainings, strict=False))
    part = Part("tiny digits", "ab" * 32, 0, 500, False, {}, by_name)
    text = answers.ANSWERS[task](part)
    for words in stated:
        assert words in text
    for words in absent:
        assert words not in text


def test_2e_contradicts_the_assignment_only_where_it_was_measured() -> None:
    part = Part("MNIST", "ab" * 32, 0, 500, False, {}, {IN_ORDER: SPIKY, SHUFFLED: STILL})
    assert "is not the cause" in answers.spikes(part)


# The pages.


class Recording(pages.Report):
    """A report that keeps what is printed: each text, its page, and where on it the text ends."""

    def __init__(self, date: datetime | None = None) -> None:
        super().__init__(date)
        self.printed: list[tuple[str, int, float]] = []

    def paragraph(self, text: str, *args: Any, **kwargs: Any) -> None:
        super().paragraph(text, *args, **kwargs)
        self.printed.append((text, self.page, self.y))

    def image(self, name: Any, *args: Any, **kwargs: Any) -> Any:
        shown = super().image(name, *args, **kwargs)
        text = name.name if isinstance(name, Path) else "equation"
        self.printed.append((text, self.page, self.y))
        return shown

    def table(self, rows: Any = (), *args: Any, **kwargs: Any) -> Any:
        self.printed += [(" ".join(cells), self.page, self.y) for cells in rows]
        return super().table(rows, *args, **kwargs)


@pytest.fixture(scope="module")
def recording(published: Path) -> Recording:
    """The report on the tiny digits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "Report", Recording)
        made = pages.make_report(read(published), published)
    assert isinstance(made, Recording)
    return made


def test_every_task_has_its_derivation_or_figure_and_its_answer_in_order(
    recording: Recording, published: Path
) -> None:
    parts, numbers = read(published), iter(range(1, 11))

    def figure(file: str, task: str) -> list[str]:
        return [file, f"Figure {next(numbers)}. {pages.texts()[task][0]} Data: tiny digits."]

    expected = []
    for task in TASKS:
        expected.append(f"Task {task.name}: {task.title}")
        derivation = pages.texts().get(task.name, [])
        expected += (
            figure(task.figure, task.name)
            if task.figure
            else ["equation" if block[0] == "$" else block for block in derivation]
        )
        if task.name in answers.ANSWERS:
            expected.append(answers.ANSWERS[task.name](parts[f"task{2 if task.name < '3' else 3}"]))
    expected += [pages.ERRORS, *figure(CONFUSION, CONFUSION), *figure(MISTAKES, MISTAKES)]
    assert next(numbers, None) is None
    printed = [text for text, *_ in recording.printed]
    first = printed.index(expected[0])
    assert printed[first:] == expected
    assert recording.printed[first][1] == 2
    for name, number in (("1a", "6"), ("1b", "13"), ("4a", "28")):
        assert any(block.endswith(f"$ ({number})") for block in pages.texts()[name])


def test_each_figure_is_on_the_page_of_its_heading_and_a_wide_one_lies_across(
    recording: Recording,
) -> None:
    for (heading, page, _), (file, of_figure, _) in zip(
        recording.printed, recording.printed[1:], strict=False
    ):
        if file.endswith(".png"):
            assert of_figure == page or file == MISTAKES
            across = heading.startswith("Task 4b")
            width, height = recording.pages[of_figure].dimensions()
            assert (width > height) is across
    for _, page, end in recording.printed:
        assert end <= recording.pages[page].dimensions()[1] - pages.MARGIN + 12


def first_page(parts: dict[str, Part], date: datetime | None = None) -> list[str]:
    made = Recording(date)
    made.add_page()
    pages.summary(made, parts, date)
    made.output()  # closes the fonts
    assert made.pages_count == 1
    return [text for text, *_ in made.printed]


def test_the_first_page_says_what_was_run_and_what_came_out(
    published: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = read(published)
    parts["task2"] = replace(parts["task2"], quick=False, max_epochs=500)
    parts["task3"] = replace(parts["task3"], trainings={"lambda 1": run()})
    lines = first_page(parts)
    assert "Data: tiny digits. Seed: 3." in lines
    assert f"SHA-256 of the data: {parts['task2'].data_sha256}" in lines
    epochs = [line.split(",")[0] for line in lines if line.startswith("At most ")]
    assert epochs == ["At most 500 epochs", "At most 3 epochs"]
    for name, training in parts["task2"].trainings.items():
        assert " ".join(row(name, training)) in lines
    assert "lambda 1 early stopping 33 1038 978 0.06600 0.9760 0.9790" in lines
    (quick,) = (line for line in lines if "--quick" in line)
    assert quick.startswith("task3.py was run with --quick")
    assert not any("UTC" in line for line in lines)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    date = report.__main__.source_date()
    monkeypatch.undo()
    time.tzset()
    assert "1970-01-02 00:00 UTC" in first_page(parts, date)
    assert b"/CreationDate (D:19700102000000Z" in pages.Report(date).output()


# The file.


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    """A copy of what the scripts left behind."""
    return shutil.copytree(published, tmp_path / "figures")


@pytest.fixture
def write_report(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Callable[..., None]:
    """A function that runs the report's main on `folder`."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)

    def write(*options: str) -> None:
        monkeypatch.setattr(sys, "argv", ["report", "--figures", str(folder), *options])
        report.__main__.main()

    return write


def test_the_same_inputs_give_the_same_bytes_where_they_are_wanted(
    write_report: Callable[..., None],
    folder: Path,
    recording: Recording,
    capsys: pytest.CaptureFixture[str],
) -> None:
    results = (folder / "results.json").read_bytes()
    with pytest.raises(SystemExit):
        write_report("--out", str(folder / "results.json"))  # no name of a PDF
    assert (folder / "results.json").read_bytes() == results
    write_report("--out", str(folder / "my.pdf"))
    pdf = (folder / "my.pdf").read_bytes()
    assert pdf.startswith(b"%PDF")
    assert pdf == recording.output()
    assert b"/CreationDate (D:19700101000000Z" in pdf
    assert pdf.count(b"/Type /Page\n") == recording.pages_count
    assert f"Wrote {recording.pages_count} pages to {folder}/my.pdf" in capsys.readouterr().out
    assert not (folder / "report.pdf").exists()


@pytest.mark.parametrize("epoch", ["yesterday", "1e9", "9" * 30])
def test_a_source_date_epoch_that_is_no_time_is_refused(
    monkeypatch: pytest.MonkeyPatch, epoch: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with pytest.raises(OSError, match="SOURCE_DATE_EPOCH: expected seconds since 1970"):
        report.__main__.source_date()


def test_without_fpdf2_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(SystemExit, match=r"needs fpdf2\. Run: pip install '\.\[report\]'"):
        importlib.reload(pages)


# What is refused.


@pytest.fixture
def refusal(write_report: Callable[..., None], folder: Path) -> Callable[[], str]:
    """A function that returns why the report is refused; a report from before stays as it was."""

    def refuse() -> str:
        (folder / "report.pdf").write_bytes(b"before")
        with pytest.raises(OSError, match=r".") as error:
            write_report()
        assert (folder / "report.pdf").read_bytes() == b"before"
        assert "\n" not in str(error.value)
        return str(error.value)

    return refuse


def test_results_that_do_not_fit_are_refused_by_name(
    refusal: Callable[[], str], folder: Path
) -> None:
    path = folder / "results.json"
    whole = path.read_text()

    def changed(key: str, value: Any) -> str:
        results = json.loads(whole)
        results["task3"][key] = value
        path.write_text(json.dumps(results))
        return refusal()

    again = f"Run: python task3.py --out {folder}"
    assert f"results.json has no complete results of task3. {again}" in changed("files", None)
    assert re.search(r"differ in data_sha256: .*task3 has cdcd", changed("data_sha256", "cd" * 32))
    assert "differ in data: task2 has tiny digits, task3 has MNIST" in changed("data", "MNIST")
    assert re.search(
        r"differ in seed: task2 has 3, task3 has 1\. Run: python task2.py .* and python task3.py",
        changed("seed", 1),
    )
    for content in ("{}", '{"task2": 1}', '{"task2": {"files": []}}'):
        path.write_text(content)
        assert "no complete results of task2. Run: python task2.py" in refusal()
    for content in ("not json", "[]", "3"):
        path.write_text(content)
        assert "is not a results file" in refusal()


def test_trainings_that_lack_one_are_refused_by_name(
    refusal: Callable[[], str], folder: Path
) -> None:
    path, results = folder / "task3_runs.npz", folder / "results.json"
    trainings = load(path)
    del trainings["lambda 1"]
    save(path, trainings)
    content = json.loads(results.read_text())
    content["task3"]["files"][path.name] = sha256(path)
    results.write_text(json.dumps(content))
    assert "task3 has no run 'lambda 1'. Run: python task3.py" in refusal()


def test_each_file_that_is_missing_or_changed_is_refused_by_name(
    refusal: Callable[[], str], folder: Path
) -> None:
    for name in (*FILES, "task2_runs.npz", "task3_runs.npz"):
        path, script = folder / name, "task2" if name.startswith("task2") else "task3"
        whole = path.read_bytes()
        path.write_bytes(whole + b"x")
        assert refusal().startswith(f"{path} is not of the run in ")
        assert f"Run: python {script}.py" in refusal()
        path.unlink()
        assert refusal().startswith(f"{path} is missing. Run: python {script}.py")
        path.write_bytes(whole)


def test_without_results_it_ends_with_one_clean_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["report"])
    with pytest.raises(SystemExit) as exit:
        run_script(report.__main__.main)
    assert exit.value.code == 1
    message = capsys.readouterr().err
    assert message.startswith("report: figures/results.json has no complete results of task2. ")
    assert message.endswith("Run: python task2.py\n")
    assert list(tmp_path.iterdir()) == []
