"""The benchmarks compare like with like, and say what they leave out and which goals are met."""

from __future__ import annotations

import importlib
import itertools
import json
import subprocess
import sys
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from joblib import cpu_count
from matplotlib.container import BarContainer
from threadpoolctl import threadpool_info, threadpool_limits

import utils
from benchmarks import __main__ as report
from benchmarks import contenders
from benchmarks.__main__ import US, Goal, Section
from benchmarks.contenders import Times
from digits import Digits
from lab.results import Run, Validation
from task3a import SoftmaxModel


@pytest.fixture(scope="module")
def split(tiny_digits: Digits) -> utils.Split:
    """Tiny digits eight times over: 25 batches an epoch, so five between two validations."""
    X_train, Y_train, X_val, Y_val = utils.load_full_mnist(tiny_digits)
    return utils.Split(np.tile(X_train, (8, 1)), np.tile(Y_train, (8, 1)), X_val, Y_val)


@pytest.fixture
def few_epochs(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (contenders, report):
        monkeypatch.setattr(module, "EPOCHS", 2)


@pytest.mark.parametrize("l2_reg_lambda", [0, 1])
@pytest.mark.parametrize("name", [report.UNLIMITED, report.PLAIN, report.TORCH, report.JAX])
def test_the_contenders_train_to_the_same_loss(
    split: utils.Split, name: str, l2_reg_lambda: float
) -> None:
    if name not in contenders.installed():
        pytest.skip(f"{name} is not installed")
    ours, theirs = (contenders.CONTENDERS[who](split)(250, l2_reg_lambda) for who in (US, name))
    assert theirs == pytest.approx(ours, rel=0.02 if name in contenders.PACKAGES else 1e-4)


def test_all_blas_threads_are_as_many_as_the_environment_says(split: utils.Split) -> None:
    seen: dict[str, set[int]] = {US: set(), report.UNLIMITED: set()}
    for name, threads in seen.items():
        work = contenders.CONTENDERS[name](split)
        with threadpool_limits(2), pytest.MonkeyPatch.context() as patch:
            forward = SoftmaxModel.forward

            def watched(self: SoftmaxModel, X: np.ndarray, threads: Any = threads) -> np.ndarray:
                threads.update(
                    one["num_threads"] for one in threadpool_info() if "numpy" in one["filepath"]
                )
                return forward(self, X)  # noqa: B023

            patch.setattr(SoftmaxModel, "forward", watched)
            work(25, 0)
    assert seen in ({US: {1}, report.UNLIMITED: {2}}, {US: set(), report.UNLIMITED: set()})


@pytest.mark.parametrize("in_blocks", [False, True])
def test_the_lower_bound_is_as_many_validations_and_trains_nothing(
    split: utils.Split, in_blocks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    multiplied: list[int] = []
    monkeypatch.setattr(contenders, "products", lambda X, w: multiplied.append(len(X)))
    assert np.isnan(contenders.lower_bound(split, in_blocks)(50, 0))
    assert multiplied == [3200, 200] * 10


def test_each_contender_works_in_its_own_process(split: utils.Split) -> None:
    few = utils.Split(*(array[:640] for array in split))
    names = "lower bound", "plain float64 NumPy"
    results = contenders.race(few, 2, {name: contenders.CONTENDERS[name] for name in names})
    assert [len(times.seconds) for times in results.values()] == [2, 2]
    assert np.isnan(results["lower bound"].val_loss)
    assert 0 < results["plain float64 NumPy"].val_loss < 2.3


def test_what_is_not_installed_is_left_out_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contenders, "PACKAGES", dict.fromkeys(contenders.PACKAGES, "no-such"))
    names = [US, report.UNLIMITED, report.PLAIN, "lower bound", "lower bound, in blocks"]
    assert list(contenders.installed()) == names
    left_out = "Not installed, so left out: PyTorch, eager; JAX, compiled; scikit-learn SGD"
    assert left_out in report.page("MNIST", [])


@pytest.fixture
def results() -> dict[str, Times]:
    return {
        "this project": Times([1.0, 2.0, 4.0], 0.5),
        report.UNLIMITED: Times([1.0, 1.9, 3.0], 0.5),
        "plain float64 NumPy": Times([2.5, 5.0, 9.0], 0.509),
        "JAX, compiled": Times([0.9, 1.8, 4.4], 0.511),
        "lower bound": Times([0.8, 1.0, 3.2]),
    }


def test_the_race_is_judged_round_by_round(results: dict[str, Times]) -> None:
    section = report.race_section(results)
    assert "| this project | 2.00 (1.00 to 4.00) | 1.00 (1.00 to 1.00) | 0.5000 |" in section.text
    assert "| JAX, compiled | 1.80 (0.90 to 4.40) | 0.90 (0.90 to 1.10) | 0.5110 |" in section.text
    assert "| lower bound | 1.00 (0.80 to 3.20) | 0.80 (0.50 to 0.80) |  |" in section.text
    assert "The validation loss of JAX, compiled differs by more than 2 %." in section.text
    assert [goal[:2] for goal in section.goals] == [
        ("speed-up over plain float64 NumPy", 2.5),
        ("speed-up over JAX, compiled", 0.9),
        ("time relative to all BLAS threads", pytest.approx(2 / 1.9)),
        ("time relative to the lower bound", 1.25),
    ]


def test_the_chart_shows_every_contender(results: dict[str, Times]) -> None:
    (ax,) = report.plot_race(results, "MNIST").axes
    (bars,) = (group for group in ax.containers if isinstance(group, BarContainer))
    assert np.asarray(bars.datavalues).tolist() == [5, 2, 1.9, 1.8, 1]
    assert "MNIST" in ax.get_title()


def test_the_page_ends_with_the_goals_of_every_section() -> None:
    met = Section("One", "Text.", [Goal("speed-up", 2.5, "at least", 2.5)])
    goals = [Goal("memory", 451, "at most", 450), Goal("accuracy", 0.1, "at least", 1)]
    missed = Section("Two", "More.", goals)
    page = report.page("tiny digits", [met, missed])
    assert "on tiny digits" in page
    assert "## One\n\nText.\n\n## Two\n\nMore.\n\n## Goals\n\n" in page
    assert page.endswith(
        "| what | goal | measured |  |\n|---|---|---|---|\n"
        "| speed-up | at least 2.5 | 2.5 | met |\n"
        "| memory | at most 450 | 451 | **not met** |\n"
        "| accuracy | at least 1 | 0.1 | **not met** |\n"
    )


@pytest.mark.usefixtures("few_epochs")
def test_the_parts_of_an_epoch_are_told_apart(
    split: utils.Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = itertools.count()  # every look at the clock takes a second
    clock = types.SimpleNamespace(perf_counter=lambda: next(seconds))
    monkeypatch.setattr(contenders, "time", clock)
    assert report.epoch_section(split).text.splitlines()[2:6] == [
        "| 5 validations | 5000.0 | 5000.0 |",
        "| 25 steps | 25000.0 | 1000.0 |",
        "| batches and the loop | 30500.0 | 0.0 |",
        "| total | 60500.0 | 6000.0 |",
    ]


def test_the_script_is_compared_with_the_same_trainings(
    split: utils.Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[tuple[int, float]] = []

    def run_task3(arguments: Sequence[str]) -> None:
        best = Validation(0, 0.5, 0.5, 0.9, 0.9)
        runs = [
            Run("all epochs", epoch, 10 * i, best, 5, [best]).summary()
            for i, epoch in enumerate((52, 52, 30, 17, 3))
        ]
        content = {"task3": {"runs": dict(enumerate(runs))}}
        Path(arguments[-1], "results.json").write_text(json.dumps(content))

    def prepare(split: utils.Split) -> contenders.Work:
        return lambda num_steps, l2: trained.append((num_steps, l2)) or 0.5  # type: ignore[func-returns-value]

    monkeypatch.setattr(report, "run_task3", run_task3)
    monkeypatch.setattr(report, "peak_memory", lambda arguments: 451.0)
    monkeypatch.setattr(report, "cpu_count", lambda: 2)
    monkeypatch.setattr(report, "installed", lambda: [report.PLAIN])
    monkeypatch.setitem(contenders.CONTENDERS, report.PLAIN, prepare)
    section = report.script_section(split, ["--data", "mnist"], rounds=1)
    assert trained[1:] == [(1, 0), (11, 0.001), (21, 0.01), (31, 0.1), (41, 1)]
    assert section.goals[-1] == ("task3.py: peak memory, MB", 451, "at most", 500)
    assert "of 2 processes one has 84 of the 159 epochs to do" in section.text


def test_the_busy_race_ends_the_processes_that_it_started(
    split: utils.Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = psutil.Process().children
    before = children()

    def race(split: utils.Split, rounds: int, contenders: object) -> dict[str, Times]:
        assert len(children()) == len(before) + 2 * cpu_count()
        return {US: Times([1.0, 2.0]), report.UNLIMITED: Times([4.0, 10.0])}

    monkeypatch.setattr(report, "race", race)
    section = report.busy_section(split, rounds=2)
    assert children() == before
    assert f"Beside {2 * cpu_count()} processes" in section.text
    assert [goal.row()[1:] for goal in section.goals] == [("at least 4", "4.5", "met")]


def test_the_memory_of_a_script_is_that_of_all_its_processes(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "import subprocess, sys, time\n"
        "data = bytes(range(256)) * 400_000\n"
        "if sys.argv[1:]: subprocess.run([sys.executable, __file__])\n"
        "else: time.sleep(0.3)\n"
    )
    monkeypatch.setattr(report, "SCRIPT", script)
    assert 200 < report.peak_memory(["parent"]) < 300


def test_an_epoch_of_any_size_and_number_of_classes_is_timed() -> None:
    assert all(0 < seconds < 10 for seconds in report.epoch_seconds(500, 3))


def test_what_a_user_waits_for_is_timed(
    split: utils.Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *arguments, **settings: None)
    monkeypatch.setattr(report, "gradient_approximation_test", lambda model, X, Y: None)
    monkeypatch.setattr(report, "figure_seconds", lambda split: [0.1, 0.5])
    section = report.waiting_section(split, [])
    assert "| saving a figure of Task 3 | 0.30 (0.10 to 0.50) |" in section.text
    assert [goal.row()[-1] for goal in section.goals] == ["met", "**not met**", "met"]


def test_the_page_of_the_last_run_is_linked_from_the_readme() -> None:
    root = Path(report.__file__).parents[1]
    assert (root / "docs" / "benchmarks.md").exists()
    assert "docs/benchmarks.md" in (root / "README.md").read_text(encoding="utf-8")


def test_without_psutil_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    with pytest.raises(SystemExit, match=r"need psutil\. Run: pip install '\.\[bench\]'"):
        importlib.reload(report)
