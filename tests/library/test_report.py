"""The report: answers from the numbers, pages, the same bytes, and what it refuses."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from lab.measures import roughness
from matplotlib.image import imsave
from reproduce.page import Page, width_of, wrap
from reproduce.provenance import read_results

import digits
import task2
import task3
from lab import digest
from lab.results import of_run
from lab.script import run_script
from reproduce import answers, report
from trainer import Stop

Results = dict[str, Any]


def check(step: int, val_loss: float, train: float, val: float) -> dict[str, float]:
    return {"step": step, "val_loss": val_loss, "train_accuracy": train, "val_accuracy": val}


def a_run(**changes: Any) -> dict[str, Any]:
    """The numbers of a run, as `of_run` collects them."""
    return {
        "stop_reason": "early stopping",
        "stop_epoch": 33,
        "stop_step": 1038,
        "checks": 101,
        "drops": 7,
        "early_check": check(30, 0.1, 0.95, 0.96),
        "last_check": check(1038, 0.0665, 0.98, 0.97),
        "best_check": check(978, 0.066, 0.976, 0.979),
        "weight_norm": 8.0,
        "weight_roughness": 0.4,
        **changes,
    }


def two_runs(in_order: dict[str, Any], shuffled: dict[str, Any]) -> dict[str, Any]:
    return {answers.IN_ORDER: a_run(**in_order), answers.SHUFFLED: a_run(**shuffled)}


def lambda_runs(key: str, *values: Any) -> dict[str, Any]:
    names = ("lambda 0", "lambda 0.1", "lambda 1")
    return {name: a_run(**{key: value}) for name, value in zip(names, values, strict=True)}


@pytest.fixture
def results(tmp_path: Path) -> Results:
    """Results with tiny figures that belong to them, in `tmp_path`."""
    for i, plate in enumerate(report.PLATES):
        wide = 10 if plate.figure == "task4b_softmax_weight.png" else 6
        imsave(tmp_path / plate.figure, np.full((4, wide, 3), i / 10))
    part = {
        "data": "tiny digits",
        "data_sha256": "ab" * 32,
        "seed": 0,
        "max_epochs": 500,
        "quick": False,
        "versions": {"python": "3", "numpy": "2", "matplotlib": "3"},
        "code_sha256": digest.of_code(),
    }
    figures = {
        name: {
            plate.figure: digest.of_file(tmp_path / plate.figure)
            for plate in report.PLATES
            if plate.part == name
        }
        for name in report.RUNS
    }
    return {
        "task2": {**part, "figures": figures["task2"], "runs": two_runs({}, {"drops": 2})},
        "task3": {
            **part,
            "figures": figures["task3"],
            "runs": lambda_runs("weight_norm", 8, 4, 2),
        },
    }


@pytest.fixture
def write_report(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, results: Results
) -> Callable[..., bytes]:
    """A function that runs the report's main on `tmp_path` and returns the PDF."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)

    def write(changed: Results = results, *options: str) -> bytes:
        (tmp_path / "results.json").write_text(json.dumps(changed))
        monkeypatch.setattr(sys, "argv", ["report.py", "--figures", str(tmp_path), *options])
        report.main()
        return (tmp_path / "report.pdf").read_bytes()

    return write


@pytest.fixture
def refusal(
    write_report: Callable[..., bytes], results: Results, tmp_path: Path
) -> Callable[..., str]:
    """A function that returns why the report is refused; a report from before stays as it was."""

    def refuse(changed: Results = results) -> str:
        (tmp_path / "report.pdf").write_bytes(b"before")
        with pytest.raises(OSError, match=r".") as error:
            write_report(changed)
        assert (tmp_path / "report.pdf").read_bytes() == b"before"
        assert "\n" not in str(error.value)
        return str(error.value)

    return refuse


def words(page: Page) -> str:
    return " ".join(text.get_text() for text in page.figure.texts)


# The answers.


def test_2d_says_where_early_stopping_kicks_in_or_that_it_does_not() -> None:
    text = answers.early_stopping(two_runs({}, {"stop_reason": "all epochs", "stop_epoch": 2}))
    assert "Without shuffling, early stopping kicks in in epoch 33" in text
    assert "at step 1038; the least validation loss is 0.0660, at step 978" in text
    assert "With shuffling, early stopping does not kick in: training ends with epoch 2" in text


@pytest.mark.parametrize(
    ("drops", "verdict"),
    [(2, "So shuffling leaves fewer spikes"), (7, "no difference"), (9, "more spikes, not fewer")],
)
def test_2e_counts_the_spikes_of_both_runs(drops: int, verdict: str) -> None:
    text = answers.spikes(two_runs({}, {"drops": drops}))
    assert "7 of 100 checks (7.0%) without shuffling" in text
    assert f"{drops} of 100 checks ({drops}.0%) with shuffling" in text
    assert verdict in text


def test_2e_compares_how_often_not_how_many() -> None:
    text = answers.spikes(two_runs({}, {"drops": 6, "checks": 11}))
    assert "more spikes, not fewer" in text


@pytest.mark.parametrize(
    ("early", "last", "verdict"),
    [
        ((0.85, 0.86), (0.92, 0.91), "Yes."),
        ((0.87, 0.86), (0.92, 0.91), "No."),
        ((0.85, 0.87), (0.91, 0.92), "No."),
        ((0.856, 0.85), (0.92, 0.91), "No."),
    ],
)
def test_3d_sees_overfitting_in_a_gap_that_grows_and_is_positive(
    early: tuple[float, float], last: tuple[float, float], verdict: str
) -> None:
    run = a_run(early_check=check(30, 0.5, *early), last_check=check(90, 0.3, *last))
    text = answers.overfitting({"lambda 0": run})
    assert text.startswith(verdict)
    side = "above" if last[0] > last[1] else "below"
    assert f"at step 90, it is {last[0]:.4f}, 0.0100 {side} the validation accuracy" in text


@pytest.mark.parametrize(
    ("loss", "verdict"),
    [
        (0.066, "0.0660, is its least."),
        (0.0665, "only 0.0005 above its least."),
        (0.076, "shows it too: it ends at 0.0760, 0.0100 above"),
    ],
)
def test_3d_says_whether_the_validation_loss_shows_it(loss: float, verdict: str) -> None:
    run = a_run(last_check=check(1038, loss, 0.98, 0.97))
    assert verdict in answers.overfitting({"lambda 0": run})


@pytest.mark.parametrize(
    ("held", "verdict"),
    [(0.1, "λ = 1 are less noisy, by 75%"), (0.5, "λ = 1 are not less noisy")],
)
def test_4b_compares_the_roughness_of_the_weights(held: float, verdict: str) -> None:
    text = answers.noise(lambda_runs("weight_roughness", 0.4, 0.3, held))
    assert f"It is 0.400 with λ = 0 and {held:.3f} with λ = 1." in text
    assert verdict in text


@pytest.mark.parametrize(
    ("accuracies", "verdict"),
    [
        ((0.9, 0.8, 0.7), "So it falls with every λ"),
        ((0.9, 0.95, 0.7), "does not fall with λ = 0.1."),
        ((0.9, 0.9, 0.91), "does not fall with λ = 0.1 and λ = 1."),
    ],
)
def test_4d_lists_the_accuracy_of_each_lambda(accuracies: tuple[float, ...], verdict: str) -> None:
    checks = [check(1, 0.1, value, value) for value in accuracies]
    text = answers.regularization(lambda_runs("best_check", *checks))
    assert "{:.4f} (λ = 0), {:.4f} (λ = 0.1), {:.4f} (λ = 1)".format(*accuracies) in text
    assert verdict in text


def test_4d_calls_a_small_difference_what_may_be_chance() -> None:
    checks = [check(1, 0.1, value, value) for value in (0.9, 0.897, 0.8)]
    text = answers.regularization(lambda_runs("best_check", *checks))
    assert "So it falls with every λ. (With λ = 0.1 by less than 0.005: that may be" in text


@pytest.mark.parametrize(("end", "said"), [(0.7, True), (0.95, False)])
def test_4d_speaks_of_missing_only_if_the_training_accuracy_falls_too(
    end: float, said: bool
) -> None:
    checks = [check(1, 0.1, 0.9, 0.9), check(1, 0.1, 0.9, 0.8), check(1, 0.1, end, 0.7)]
    text = answers.regularization(lambda_runs("best_check", *checks))
    assert ("training accuracy is only 0.9000" in text) is said


@pytest.mark.parametrize(
    ("norms", "verdict"),
    [
        ((8, 4, 2), "So it falls with every larger λ, in all by a factor of 4"),
        ((8, 9, 2), "does not fall from λ = 0 to λ = 0.1."),
        ((8, 9, 9), "does not fall from λ = 0 to λ = 0.1 nor from λ = 0.1 to λ = 1."),
    ],
)
def test_4e_says_whether_the_weights_get_shorter(norms: tuple[float, ...], verdict: str) -> None:
    text = answers.norms(lambda_runs("weight_norm", *norms))
    assert "{} (λ = 0), {} (λ = 0.1), {} (λ = 1)".format(*norms) in text
    assert verdict in text


def test_lambdas_are_taken_in_the_order_of_their_value() -> None:
    names = ["lambda 1", "lambda 0.001", "lambda 0", "lambda 0.1"]
    assert answers.by_lambda({name: {} for name in names}) == [
        *("lambda 0", "lambda 0.001", "lambda 0.1", "lambda 1")
    ]


def test_a_run_counts_its_drops_and_keeps_an_early_check() -> None:
    steps, accuracies = range(0, 80, 10), (0.5, 0.9, 0.88, 0.95, 0.945, 0.96, 0.9, 0.97)
    history = {
        "loss": dict.fromkeys(range(80), 0.5),
        "accuracy": dict(zip(steps, accuracies, strict=True)),
    }
    model = SimpleNamespace(w=np.ones((785, 10), dtype=np.float32))
    trainer = SimpleNamespace(
        model=model,
        stop=Stop(False, 0, 79, 70, 0.5),
        validations_per_epoch=5,
        train_history=history,
        val_history=history,
    )
    run = of_run(trainer)
    assert (run["checks"], run["drops"]) == (8, 2)
    assert [run[f"{which}_check"]["step"] for which in ("early", "last", "best")] == [50, 70, 70]
    assert run["weight_roughness"] == 0
    trainer.validations_per_epoch = 50
    assert of_run(trainer)["early_check"]["step"] == 70


def test_roughness_is_two_for_noise_and_near_zero_for_a_slope() -> None:
    assert roughness(np.random.default_rng(0).normal(size=(40, 784))) == pytest.approx(2, 0.05)
    slope = np.add.outer(np.arange(28.0), np.arange(28.0)).reshape(1, 784)
    assert roughness(slope) == pytest.approx(1 / slope.var())
    assert roughness(7 * slope) == pytest.approx(roughness(slope))
    assert roughness(np.ones((1, 784))) == 0


# The pages.


def test_one_page_for_the_results_and_one_for_each_figure(tmp_path: Path, results: Results) -> None:
    first, *plates = report.make_pages(results, tmp_path)
    assert len(plates) == 8
    for text in ("tiny digits", "ab" * 32, digest.of_code(), "numpy 2", "lambda 0.1", "0.9790"):
        assert text in words(first)
    assert "Date" not in words(first)
    assert "--quick" not in words(first)
    for page, plate in zip(plates, report.PLATES, strict=True):
        assert plate.task in words(page)
        (image,) = page.figure.axes[0].images
        assert image.get_interpolation() == "none"
        assert image.get_size() == (4, 6) or image.get_size() == (4, 10)
    told = " ".join(words(page) for page in plates)
    for question in ("2d", "2e", "3d", "4b", "4d", "4e"):
        assert f"Task {question}: " in told


def test_a_wide_figure_lies_across(tmp_path: Path, results: Results) -> None:
    across = [page.width > page.height for page in report.make_pages(results, tmp_path)]
    assert across == [False] * 6 + [True] + [False] * 2


def test_all_that_is_printed_stays_on_its_page_and_is_large_enough(
    tmp_path: Path, results: Results
) -> None:
    for page in report.make_pages(results, tmp_path):
        for text in page.figure.texts:
            assert text.get_fontproperties().get_size_in_points() >= 10
            box = text.get_window_extent()
            assert box.x0 >= 0.3 * 100
            assert box.x1 <= (page.width - 0.3) * 100
            assert box.y0 >= 0.3 * 100
        boxes = [text.get_window_extent() for text in page.figure.texts]
        assert not any(one.overlaps(two) for one, two in combinations(boxes, 2))


def test_a_quick_run_says_so_on_the_first_page(tmp_path: Path, results: Results) -> None:
    results["task3"].update(quick=True, max_epochs=3)
    text = words(report.make_pages(results, tmp_path)[0])
    assert "The results of task3.py are from a run with --quick, epochs at most: 3." in text
    assert "Epochs at most, task2 500 Epochs at most, task3 3" in text


def test_text_wraps_to_the_width_and_keeps_every_word() -> None:
    text = "the weights ‖w‖² fall with λ " * 20
    font = Page(1).figure.texts[0].get_fontproperties()
    lines = wrap(text, font, 3)
    assert " ".join(lines).split() == text.split()
    assert all(width_of(line, font) <= 3 for line in lines)
    assert all(width_of(f"{line} the", font) > 2.4 for line in lines[:-1])
    assert wrap("onewordonly", font, 0.1) == ["onewordonly"]


# The file.


def test_the_same_inputs_give_the_same_bytes(write_report: Callable[..., bytes]) -> None:
    first = write_report()
    assert first.startswith(b"%PDF")
    assert first.count(b"/Type /Page\n") + first.count(b"/Type /Page ") == 9
    assert b"/CreationDate" not in first
    assert b"/ModDate" not in first
    assert write_report() == first


def test_source_date_epoch_is_the_date_of_the_report(
    monkeypatch: pytest.MonkeyPatch, write_report: Callable[..., bytes], results: Results
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert b"/CreationDate (D:19700102000000Z)" in write_report()
    assert "Date 1970-01-02 00:00 UTC" in words(report.first_page(results, report.source_date()))


@pytest.mark.parametrize("epoch", ["yesterday", "1e9", "9" * 30])
def test_a_source_date_epoch_that_is_no_time_is_refused(
    monkeypatch: pytest.MonkeyPatch, refusal: Callable[..., str], epoch: str
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", epoch)
    assert "SOURCE_DATE_EPOCH: expected seconds since 1970" in refusal()


def test_a_name_that_is_no_pdf_is_refused(
    write_report: Callable[..., bytes], results: Results, tmp_path: Path
) -> None:
    with pytest.raises(SystemExit) as exit:
        write_report(results, "--out", str(tmp_path / "results.json"))
    assert exit.value.code == 2
    assert json.loads((tmp_path / "results.json").read_text()) == results


# What is refused.


def other_code(results: Results) -> None:
    results["task2"]["code_sha256"] = "0" * 64


def before_there_were_digests(results: Results) -> None:
    del results["task3"]["code_sha256"], results["task3"]["figures"]


def other_data(results: Results) -> None:
    results["task3"]["data_sha256"] = "cd" * 32


def other_seed(results: Results) -> None:
    results["task3"]["seed"] = 1


def no_part(results: Results) -> None:
    del results["task3"]


def no_lambda_one(results: Results) -> None:
    del results["task3"]["runs"]["lambda 1"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (other_code, "task2b_binary_train_loss.png, .*drawn by other code .* python task2.py"),
        (before_there_were_digests, "task4b_softmax_weight.png, .*drawn by other code"),
        (other_data, "differ in data_sha256: task2 has abab.*, task3 has cdcd.* task2.py.* and"),
        (other_seed, "the parts differ in seed: task2 has 0, task3 has 1"),
        (no_part, "results.json has no results of task3. Run: python task3.py"),
        (no_lambda_one, "task3 has no run 'lambda 1'. Run: python task3.py"),
    ],
)
def test_results_that_do_not_fit_are_refused_by_name(
    refusal: Callable[..., str],
    results: Results,
    tmp_path: Path,
    change: Callable[[Results], None],
    named: str,
) -> None:
    change(results)
    assert re.search(named, refusal(results))
    assert f"--out {tmp_path}" in refusal(results)


@pytest.mark.parametrize("plate", report.PLATES, ids=lambda plate: plate.figure)
def test_each_figure_that_is_missing_or_changed_is_refused_by_name(
    refusal: Callable[..., str], tmp_path: Path, plate: report.Plate
) -> None:
    path, again = tmp_path / plate.figure, f"Run: python {plate.part}.py"
    path.write_bytes(path.read_bytes() + b"x")
    assert refusal().startswith(f"{path} is not the figure of the run in ")
    assert again in refusal()
    path.unlink()
    assert refusal().startswith(f"{path} is missing. {again}")


@pytest.mark.parametrize("content", [[], 3, {"task2": 1}])
def test_a_file_that_holds_no_results_is_refused(refusal: Callable[..., str], content: Any) -> None:
    assert "results.json has no results of task2. Run: python task2.py" in refusal(content)


def test_a_file_that_is_no_json_is_refused(tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text("not json")
    with pytest.raises(OSError, match=r"is no results file .* Run: python task2.py .* and .*task3"):
        read_results(tmp_path, {"task2": [], "task3": []}, report.RUNS)


def test_without_results_it_ends_with_one_clean_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["report.py"])
    with pytest.raises(SystemExit) as exit:
        run_script(report.main)
    assert exit.value.code == 1
    said = capsys.readouterr().err
    assert said.startswith("report.py: figures/results.json has no results of task2. ")
    assert said.endswith("Run: python task2.py\n")
    assert list(tmp_path.iterdir()) == []


def test_the_digest_of_the_code_sees_bytes_and_names(tmp_path: Path) -> None:
    def code(**files: str) -> str:
        root = tmp_path / str(len(list(tmp_path.iterdir())))
        (root / "lab").mkdir(parents=True)
        for name, text in files.items():
            (root / f"{name.replace('_', '/')}.py").write_text(text)
        return digest.of_code(root)

    known = code(task2="a", lab_x="b")
    assert code(task2="a", lab_x="b") == known
    assert code(task2="a", lab_x="b", mine="c") == known
    others = [code(task2="A", lab_x="b"), code(task2="a", lab_y="b"), code(task2="b", lab_x="a")]
    assert known not in others
    assert len(set(others)) == 3


def test_from_the_scripts_to_the_report(
    monkeypatch: pytest.MonkeyPatch, tiny_digits: digits.Digits, tmp_path: Path
) -> None:
    monkeypatch.setattr(digits, "load", lambda data, data_dir: tiny_digits)
    monkeypatch.setattr(task2, "BATCH_SIZE", 16)
    for script in (task2, task3):
        monkeypatch.setattr(sys, "argv", ["script", "--quick", "--out", str(tmp_path)])
        script.main()
    monkeypatch.setattr(sys, "argv", ["report.py", "--figures", str(tmp_path)])
    report.main()
    assert (tmp_path / "report.pdf").stat().st_size > 100_000
    runs = json.loads((tmp_path / "results.json").read_text())["task3"]["runs"]
    assert runs["lambda 0"]["checks"] == 9  # three epochs of three steps, each checked
    assert runs["lambda 0"]["early_check"]["step"] == 5
    assert 0 < runs["lambda 0"]["weight_roughness"] < 2
