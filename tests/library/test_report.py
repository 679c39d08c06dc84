"""The report: answers from the results, every task on its pages, the same bytes, refusals."""

from __future__ import annotations

import importlib
import json
import re
import shutil
import sys
from collections.abc import Callable, Mapping
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

FIGURES = [*(task.figure for task in TASKS if task.figure), CONFUSION, MISTAKES]
FILES = [*FIGURES, "task2_runs.npz", "task3_runs.npz"]


def a_training(*validations: Validation, **changes: Any) -> Training:
    """A training with these validations and batches, and 500 epochs at most."""
    validations = validations or (
        Validation(978, 0.1, 0.066, 0.976, 0.979),
        Validation(1038, 0.1, 0.07, 0.98, 0.97),
    )
    train = {
        "loss": {one.step: one.train_loss for one in validations},
        "accuracy": {one.step: one.train_accuracy for one in validations},
    }
    val = {
        "loss": {one.step: one.val_loss for one in validations},
        "accuracy": {one.step: one.val_accuracy for one in validations},
    }
    return replace(Training(np.ones((785, 1)), train, val, 500, 31, 5), **changes)


def part_of(trainings: Mapping[str, Training]) -> Part:
    return Part("tiny digits", "ab" * 32, 0, 500, False, {}, trainings)


def at_lambdas(*trainings: Training) -> Part:
    """Results of task3.py at the lambdas of `three_lambdas`."""
    return part_of(dict(zip(("lambda 0", "lambda 0.1", "lambda 1"), trainings, strict=True)))


@pytest.fixture
def three_lambdas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report.results, "LAMBDAS", (0, 0.1, 1))


def falling(falls: int, validations: int) -> Training:
    """A training whose validation accuracy falls from 0.9 to 0.8 a number of times."""
    accuracies = [0.1, 0.9, 0.1, 0.9, 0.1, 0.9]  # the first epoch, which does not count
    accuracies += [0.9, 0.8] * falls + [0.9] * (validations - 2 * falls)
    return a_training(*(Validation(i, 0.1, 0.1, 0.9, value) for i, value in enumerate(accuracies)))


# The answers.


@pytest.mark.parametrize(("task", "size"), [("2a", 785), ("3a", 7850)])
def test_2a_and_3a_say_what_was_written_and_how_its_gradient_is_checked(
    task: str, size: int
) -> None:
    text = answers.ANSWERS[task](part_of({"a run": a_training(w=np.ones(size))}))
    assert f"task{task}.py contains " in text
    assert f"each of the {size:,} weights" in text


def test_2c_gives_the_accuracies_of_the_weights_kept() -> None:
    text = answers.final_accuracy(part_of({IN_ORDER: a_training()}))
    assert "97.60% of the training set and 97.90% of the validation set" in text


def test_2d_says_where_early_stopping_ends_training_or_that_it_does_not() -> None:
    whole = a_training(Validation(92, 0.1, 0.1, 0.9, 0.9), epochs=3)
    runs = {IN_ORDER: a_training(), SHUFFLED: whole}
    text = answers.early_stopping(part_of(runs))
    assert "Without shuffling, early stopping ends training in epoch 33, at step 1038" in text
    assert "the least validation loss is 0.0660, at step 978" in text
    assert "With shuffling, training ends without early stopping in epoch 2" in text


@pytest.mark.parametrize(
    ("falls", "validations", "verdict"),
    [
        (2, 101, "2 of 100 cases (2.0%), at most by 0.100. So shuffling leads to fewer spikes"),
        (
            7,
            101,
            "7 of 100 cases (7.0%), at most by 0.100. By this measure, shuffling makes no",
        ),
        (
            9,
            101,
            "9 of 100 cases (9.0%), at most by 0.100. In this run, shuffling leads to more",
        ),
        (
            6,
            51,
            "6 of 50 cases (12.0%), at most by 0.100. In this run, shuffling leads to more",
        ),  # fewer, but oftener
    ],
)
def test_2e_compares_how_often_the_accuracy_falls(
    falls: int, validations: int, verdict: str
) -> None:
    runs = {IN_ORDER: falling(7, 101), SHUFFLED: falling(falls, validations)}
    text = answers.spikes(part_of(runs))
    assert "Without shuffling" in text
    assert "in 7 of 100 cases (7.0%), at most by 0.100; with shuffling" in text
    assert verdict in text


@pytest.mark.parametrize(
    ("early", "last", "overfits"),
    [
        ((0.85, 0.86), (0.92, 0.91), True),
        ((0.87, 0.86), (0.92, 0.91), False),
        ((0.85, 0.87), (0.91, 0.92), False),
        ((0.856, 0.85), (0.92, 0.91), False),
    ],
)
def test_3d_sees_overfitting_in_a_gap_that_grows_and_is_positive(
    early: tuple[float, float], last: tuple[float, float], overfits: bool
) -> None:
    start = (Validation(step, 0.7, 0.7, 0.1, 0.2) for step in range(0, 25, 5))
    one_epoch_in = Validation(25, 0.5, 0.5, *early)
    run = a_training(*start, one_epoch_in, Validation(90, 0.3, 0.3, *last))
    text = answers.overfitting(part_of({"lambda 0": run}))
    verdict = "Yes, there are mild signs" if overfits else "There are no clear signs"
    assert text.startswith(f"{verdict} of overfitting. At step 25 the training accuracy is")
    side = "above" if last[0] > last[1] else "below"
    assert f"at step 90, it is {last[0]:.4f}, 0.0100 {side} the validation accuracy" in text


def test_2e_finds_falls_that_come_at_equal_distances() -> None:
    still, recurring = falling(0, 101), falling(7, 101)
    runs = {IN_ORDER: recurring, SHUFFLED: still}
    assert "the falls come every 2 steps" in answers.spikes(part_of(runs))
    *early, one, two, three = (v for v in recurring.validations if v.val_accuracy != 0.8)
    uneven = [*early, one._replace(val_accuracy=0.8), two, three]
    runs[IN_ORDER] = a_training(*recurring.validations[:20], *uneven[-20:])
    assert "the falls come every" not in answers.spikes(part_of(runs))


def test_2e_contradicts_the_assignment_only_where_it_was_measured() -> None:
    part = part_of({IN_ORDER: falling(7, 101), SHUFFLED: falling(0, 101)})
    assert "that is not the cause" not in answers.spikes(part)
    assert "that is not the cause" in answers.spikes(replace(part, data="MNIST"))


@pytest.mark.parametrize(
    ("train", "val", "verdict"),
    [(0.92, 0.91, "mild signs"), (0.98, 0.96, "clear signs")],
)
def test_3d_calls_overfitting_mild_by_the_errors_on_new_images(
    train: float, val: float, verdict: str
) -> None:
    start = [Validation(i, 0.3, 0.3, 0.9, 0.9) for i in range(6)]
    run = a_training(*start, Validation(7, 0.3, 0.3, train, val))
    text = answers.overfitting(part_of({"lambda 0": run}))
    assert f"Yes, there are {verdict} of overfitting" in text
    assert f"{(1 - val) / (1 - train):.2f} times as many errors" in text


@pytest.mark.parametrize(("late", "trend"), [(0.905, "still rises"), (0.89, "no longer rises")])
def test_3d_compares_the_last_two_quarters_of_the_validation_accuracy(
    late: float, trend: str
) -> None:
    accuracies = [0.8, 0.8, 0.85, 0.85, 0.9, 0.9, late, late]
    run = a_training(*(Validation(i, 0.3, 0.3, v + i / 100, v) for i, v in enumerate(accuracies)))
    text = answers.overfitting(part_of({"lambda 0": run}))
    assert f"{trend}: its mean over the last quarter of the validations is {late:.4f}" in text


def test_3d_looks_at_the_last_validation_where_there_is_no_whole_epoch() -> None:
    run = a_training(Validation(978, 0.3, 0.3, 0.9, 0.8))
    assert "no clear signs" in answers.overfitting(part_of({"lambda 0": run}))


@pytest.mark.parametrize(
    ("loss", "verdict"),
    [
        (0.066, "0.0660, is its minimum."),
        (0.0665, "only 0.0005 above its minimum."),
        (0.076, "shows it too: it ends at 0.0760, 0.0100 above"),
    ],
)
def test_3d_says_whether_the_validation_loss_shows_it(loss: float, verdict: str) -> None:
    start = [Validation(978 + i, 0.1, 0.066, 0.95, 0.96) for i in range(6)]
    run = a_training(*start, Validation(1038, 0.1, loss, 0.98, 0.97))
    assert verdict in answers.overfitting(part_of({"lambda 0": run}))


@pytest.mark.parametrize(
    ("rough", "verdict"), [(0.1, "λ = 1 are less noisy, by"), (9.0, "λ = 1 are not less noisy")]
)
def test_4b_compares_the_roughness_of_the_weights(rough: float, verdict: str) -> None:
    smooth = np.add.outer(np.arange(28.0), np.arange(28.0)).reshape(784, 1)
    noise = np.random.default_rng(0).normal(size=(784, 1))
    weights = [np.vstack([smooth + size * noise, [[1e9]]]) for size in (1, 1, rough)]
    short, long = a_training(), a_training(Validation(5000, 0.1, 0.06, 0.9, 0.9))
    trainings = zip((long, long, short), weights, strict=True)
    text = answers.noise(at_lambdas(*(replace(one, w=w) for one, w in trainings)))
    without, penalised = (f"{roughness(w[:-1].T):.3f}" for w in (weights[0], weights[2]))
    assert f"Here it is {without} with λ = 0, for weights of step 5000" in text
    assert f"{penalised} with λ = 1, for weights of step 978" in text
    assert verdict in text
    assert ("both at equal steps" in text) is (rough < 1)


@pytest.mark.parametrize(
    ("accuracies", "verdict"),
    [
        ((0.9, 0.8, 0.7), "So the accuracy falls with every λ. A penalty"),
        ((0.9, 0.95, 0.7), "does not fall with λ = 0.1."),
        ((0.9, 0.9, 0.91), "does not fall with λ = 0.1 and λ = 1."),
        ((0.9, 0.897, 0.8), "(With λ = 0.1 by less than 0.005, which may be chance.)"),
    ],
)
@pytest.mark.usefixtures("three_lambdas")
def test_4d_lists_the_accuracy_of_each_lambda(accuracies: tuple[float, ...], verdict: str) -> None:
    runs = [a_training(Validation(978, 0.1, 0.1, value, value)) for value in accuracies]
    text = answers.regularisation(at_lambdas(*runs))
    assert "{:.4f} (λ = 0), {:.4f} (λ = 0.1), {:.4f} (λ = 1)".format(*accuracies) in text
    assert verdict in text


@pytest.mark.parametrize(("end", "shown"), [(0.7, True), (0.95, False)])
@pytest.mark.usefixtures("three_lambdas")
def test_4d_speaks_of_underfitting_only_if_the_training_accuracy_falls_too(
    end: float, shown: bool
) -> None:
    pairs = ((0.9, 0.9), (0.9, 0.8), (end, 0.7))
    runs = [a_training(Validation(978, 0.1, 0.1, *pair)) for pair in pairs]
    text = answers.regularisation(at_lambdas(*runs))
    assert ("training accuracy is only 0.9000" in text) is shown


@pytest.mark.parametrize(
    ("norms", "verdict"),
    [
        ((8, 4, 2), "So it falls with every larger λ, by a factor of 4 in all"),
        ((8, 9, 2), "does not fall from λ = 0 to λ = 0.1."),
        ((8, 9, 9), "does not fall from λ = 0 to λ = 0.1 nor from λ = 0.1 to λ = 1."),
    ],
)
@pytest.mark.usefixtures("three_lambdas")
def test_4e_says_whether_the_weights_get_shorter(norms: tuple[int, ...], verdict: str) -> None:
    text = answers.norms(at_lambdas(*(a_training(w=np.ones(norm)) for norm in norms)))
    assert "Not all of this factor" not in text  # the trainings are equally long
    assert "{} (λ = 0), {} (λ = 0.1), {} (λ = 1)".format(*norms) in text
    assert verdict in text


@pytest.mark.usefixtures("three_lambdas")
def test_4e_says_that_a_shorter_training_has_a_part_in_the_factor() -> None:
    long = a_training(Validation(5000, 0.1, 0.06, 0.9, 0.9))
    trainings = zip((long, long, a_training()), (8, 4, 2), strict=True)
    text = answers.norms(at_lambdas(*(replace(one, w=np.ones(norm)) for one, norm in trainings)))
    assert "the weights are those of step 5000 and of step 978" in text


@pytest.mark.usefixtures("three_lambdas")
def test_4d_adds_the_validation_loss_where_it_rises_with_every_lambda() -> None:
    pairs = ((0.30, 0.9), (0.31, 0.8), (0.4, 0.7))
    runs = [a_training(Validation(978, 0.1, loss, value, value)) for loss, value in pairs]
    text = answers.regularisation(at_lambdas(*runs))
    assert "rises with every λ: 0.3000 (λ = 0), 0.3100 (λ = 0.1), 0.4000 (λ = 1)" in text
    tie = a_training(Validation(978, 0.1, 0.30, 0.8, 0.8))
    text = answers.regularisation(at_lambdas(runs[0], tie, runs[2]))
    assert "the accuracy falls with every λ" in text
    assert "validation loss rises" not in text


@pytest.mark.parametrize(("task", "number"), [("1a", "6"), ("1b", "13"), ("4a", "28")])
def test_a_derivation_reaches_the_assignments_equation(task: str, number: str) -> None:
    assert any(block.endswith(f"$ ({number})") for block in pages.texts()[task])


# The pages.


class Recording(pages.Report):
    """A report that keeps what is printed: {text: page, and where on it the text ends}."""

    def __init__(self, date: datetime | None = None) -> None:
        super().__init__(date)
        self.printed: dict[str, tuple[int, float]] = {}

    def paragraph(self, text: str, *args: Any, **kwargs: Any) -> None:
        super().paragraph(text, *args, **kwargs)
        self.printed[text] = self.page, self.y

    def results(self, trainings: Mapping[str, Training]) -> None:
        super().results(trainings)
        rows = (row(name, training) for name, training in trainings.items())
        self.printed |= {" ".join(cells): (self.page, self.y) for cells in rows}


@pytest.fixture(scope="module")
def recording(published: Path) -> Recording:
    """The report on the tiny digits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pages, "Report", Recording)
        made = pages.make_report(read(published), published)
    assert isinstance(made, Recording)
    return made


def first_page(parts: dict[str, Part], date: datetime | None = None) -> list[str]:
    made = Recording(date)
    made.add_page()
    pages.summary(made, parts, date)
    made.output()  # closes the fonts
    assert made.pages_count == 1
    return list(made.printed)


def test_every_task_is_in_the_report_in_the_assignments_order(recording: Recording) -> None:
    places = [recording.printed[f"Task {task.name}: {task.title}"] for task in TASKS]
    assert len(places) == 16
    assert places == sorted(places)
    assert places[0][0] == 2


def test_each_figure_stands_under_its_heading_with_its_caption(recording: Recording) -> None:
    illustrated = [task for task in TASKS if task.figure]
    captions = [text for text in recording.printed if text.endswith("Data: tiny digits.")]
    assert (len(captions), len(illustrated)) == (10, 8)
    for i, (task, caption) in enumerate(zip(illustrated, captions, strict=False), 1):
        assert caption.startswith(f"Figure {i}. {pages.texts()[task.name][0]}")
        heading = recording.printed[f"Task {task.name}: {task.title}"]
        assert recording.printed[caption][0] == heading[0]


def test_the_errors_of_softmax_regression_follow_the_tasks(recording: Recording) -> None:
    places = [
        recording.printed[f"Figure {i}. {pages.texts()[name][0]} Data: tiny digits."][0]
        for i, name in ((9, CONFUSION), (10, MISTAKES))
    ]
    assert places == [recording.pages_count - 1, recording.pages_count]
    assert recording.printed[pages.ERRORS][0] == places[0]


def test_all_that_is_printed_stays_on_its_page(recording: Recording) -> None:
    for page, end in recording.printed.values():
        assert end <= recording.pages[page].dimensions()[1] - pages.MARGIN + 12


def test_a_wide_figure_lies_across(recording: Recording) -> None:
    across = [
        number
        for number, page in recording.pages.items()
        if page.dimensions()[0] > page.dimensions()[1]
    ]
    page, _ = recording.printed["Task 4b: L2 regularisation and the weights"]
    assert across == [page]


def test_the_first_page_says_what_was_run_and_what_came_out(published: Path) -> None:
    parts = read(published)
    parts["task2"] = replace(parts["task2"], quick=False, max_epochs=500)
    parts["task3"] = replace(parts["task3"], trainings={"lambda 1": a_training()})
    lines = first_page(parts)
    assert "Data: tiny digits. Seed: 3." in lines
    assert f"SHA-256 of the data: {parts['task2'].data_sha256}" in lines
    epochs = [line.split(",")[0] for line in lines if line.startswith("At most ")]
    assert epochs == ["At most 500 epochs", "At most 3 epochs"]
    assert "lambda 1 early stopping 33 1038 978 0.06600 0.9760 0.9790" in lines
    (quick,) = (line for line in lines if "--quick" in line)
    assert quick.startswith("task3.py was run with --quick")
    assert not any("UTC" in line for line in lines)


# The file.


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    """A copy of what the scripts left behind."""
    return shutil.copytree(published, tmp_path / "figures")


@pytest.fixture
def write_report(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Callable[..., bytes]:
    """A function that runs the report's main on `folder` and returns the PDF."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)

    def write(*options: str) -> bytes:
        monkeypatch.setattr(sys, "argv", ["report", "--figures", str(folder), *options])
        report.__main__.main()
        return (folder / "report.pdf").read_bytes()

    return write


def test_the_same_inputs_give_the_same_bytes(
    write_report: Callable[..., bytes], recording: Recording, capsys: pytest.CaptureFixture[str]
) -> None:
    pdf = write_report()
    assert pdf.startswith(b"%PDF")
    assert pdf == recording.output()
    assert pdf.count(b"/Type /Page\n") == recording.pages_count
    assert capsys.readouterr().out.startswith(f"Wrote {recording.pages_count} pages to ")


def test_source_date_epoch_is_the_date_of_the_report(
    monkeypatch: pytest.MonkeyPatch, published: Path
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    date = report.__main__.source_date()
    assert "1970-01-02 00:00 UTC" in first_page(read(published), date)
    assert b"/CreationDate (D:19700102000000Z" in pages.Report(date).output()


@pytest.mark.parametrize("epoch", ["yesterday", "1e9", "9" * 30])
def test_a_source_date_epoch_that_is_no_time_is_refused(
    monkeypatch: pytest.MonkeyPatch, epoch: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    with pytest.raises(OSError, match="SOURCE_DATE_EPOCH: expected seconds since 1970"):
        report.__main__.source_date()


def test_a_name_that_is_no_pdf_is_refused(
    write_report: Callable[..., bytes], folder: Path, published: Path
) -> None:
    with pytest.raises(SystemExit) as exit:
        write_report("--out", str(folder / "results.json"))
    assert exit.value.code == 2
    assert (folder / "results.json").read_bytes() == (published / "results.json").read_bytes()


def test_without_fpdf2_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fpdf", None)
    with pytest.raises(SystemExit, match=r"needs fpdf2\. Run: pip install '\.\[report\]'"):
        importlib.reload(pages)


# What is refused.


@pytest.fixture
def refusal(write_report: Callable[..., bytes], folder: Path) -> Callable[[], str]:
    """A function that returns why the report is refused; a report from before stays as it was."""

    def refuse() -> str:
        (folder / "report.pdf").write_bytes(b"before")
        with pytest.raises(OSError, match=r".") as error:
            write_report()
        assert (folder / "report.pdf").read_bytes() == b"before"
        assert "\n" not in str(error.value)
        return str(error.value)

    return refuse


def no_part(results: Any) -> None:
    del results["task3"]


def no_digests(results: Any) -> None:
    del results["task3"]["files"]


def other_data(results: Any) -> None:
    results["task3"]["data_sha256"] = "cd" * 32


def other_seed(results: Any) -> None:
    results["task3"]["seed"] = 1


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (no_part, "results.json has no complete results of task3. Run: python task3.py"),
        (no_digests, "results.json has no complete results of task3. Run: python task3.py"),
        (other_data, "differ in data_sha256: task2 has .*, task3 has cdcd.* task2.py.* and"),
        (other_seed, "the parts differ in seed: task2 has 3, task3 has 1"),
    ],
)
def test_results_that_do_not_fit_are_refused_by_name(
    refusal: Callable[[], str], folder: Path, change: Callable[[Any], None], named: str
) -> None:
    results = json.loads((folder / "results.json").read_text())
    change(results)
    (folder / "results.json").write_text(json.dumps(results))
    assert re.search(named, refusal())
    assert f"--out {folder}" in refusal()


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


@pytest.mark.parametrize("name", FILES)
def test_each_file_that_is_missing_or_changed_is_refused_by_name(
    refusal: Callable[[], str], folder: Path, name: str
) -> None:
    path, again = (
        folder / name,
        f"Run: python {'task2' if name.startswith('task2') else 'task3'}.py",
    )
    path.write_bytes(path.read_bytes() + b"x")
    assert refusal().startswith(f"{path} is not of the run in ")
    assert again in refusal()
    path.unlink()
    assert refusal().startswith(f"{path} is missing. {again}")


@pytest.mark.parametrize("content", ["{}", '{"task2": 1}', '{"task2": {"files": []}}'])
def test_a_file_without_results_is_refused(
    refusal: Callable[[], str], folder: Path, content: str
) -> None:
    (folder / "results.json").write_text(content)
    assert "results.json has no complete results of task2. Run: python task2.py" in refusal()


@pytest.mark.parametrize("content", ["not json", "[]", "3"])
def test_a_file_that_is_no_results_file_is_refused(
    refusal: Callable[[], str], folder: Path, content: str
) -> None:
    (folder / "results.json").write_text(content)
    assert re.search(
        r"is not a results file .* move it away and run task2.py and task3.py", refusal()
    )


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
