"""The benchmarks compare like with like, and the page shows what was measured."""

from functools import partial
from pathlib import Path
from tempfile import mkstemp
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np
import psutil
import pytest
from joblib import cpu_count

import task3
import utils
from benchmarks import __main__ as report
from benchmarks import contenders, measuring, network
from benchmarks.contenders import JAX, LOWER_BOUND, PLAIN, TORCH, UNLIMITED, US
from benchmarks.measuring import Turn, compared
from digits import Digits
from lab import figures
from tests.library.conftest import Patch


@pytest.fixture(scope="module")
def split(tiny_digits: Digits) -> utils.Split:
    """25 batches an epoch; validated on wrong labels, so that what may stop early does."""
    X_train, Y_train, X_val, Y_val = utils.load_full_mnist(tiny_digits)
    return utils.Split(np.tile(X_train, (8, 1)), np.tile(Y_train, (8, 1)), X_val, (Y_val + 1) % 10)


@pytest.mark.parametrize("name", [UNLIMITED, PLAIN, TORCH, JAX])
def test_the_contenders_train_to_the_same_loss(split: utils.Split, name: str) -> None:
    if name not in contenders.entries(split, [name], []):
        pytest.skip(f"{name} is not installed")
    ours, theirs = (contenders.CONTENDERS[one](split)(75, 0.1) for one in (US, name))
    assert theirs == pytest.approx(ours, rel=0.02 if name in contenders.PACKAGES else 1e-4)


def test_a_turn_is_ten_epochs_or_what_is_listed(split: utils.Split, monkeypatch: Patch) -> None:
    trained: list[tuple[int, float]] = []
    monkeypatch.setitem(contenders.CONTENDERS, US, lambda _: lambda *one: trained.append(one))
    monkeypatch.setattr(contenders, "race", lambda entries, rounds: entries[US]()())
    contenders.ten_epochs(split, [US], rounds=1)
    contenders.entries(split, [US], [(3, 0.1), (2, 1)])[US]()()
    assert trained == [(250, 0), (3, 0.1), (2, 1)]


def prepared(folder: Path, name: str) -> Turn:
    """A contender that leaves a file when it prepares and in each turn."""
    (folder / f"{name} is prepared").touch(exist_ok=False)
    return partial(mkstemp, prefix=f"turn of {name}", dir=folder)


def test_a_contender_prepares_once_and_is_timed_in_turn(tmp_path: Path) -> None:
    raced = measuring.race({name: partial(prepared, tmp_path, name) for name in "ab"}, rounds=2)
    for name, (_, _, (_, first)) in raced.items():
        turns = [str(path) for path in tmp_path.glob(f"turn of {name}*")]
        assert (len(turns), first in turns) == (3, True)


def test_the_race_is_judged_round_by_round_and_drawn_by_its_medians() -> None:
    seconds = {
        US: [1.0, 2.0, 4.0],
        UNLIMITED: [1.0, 1.9, 3.0],
        PLAIN: [2.5, 5.0, 9.0],
        JAX: [0.9, 1.8, 4.4],
        LOWER_BOUND: [3.2, 0.8, 1.0],
    }
    losses = zip(seconds, (0.5, 0.5, 0.509, 0.511, float("nan")), strict=True)
    raced = compared(seconds, dict(losses))
    section = report.race_section(raced)
    text = section.text()
    assert "| this project | 2.00 (1.00 to 4.00) | 1.00 (1.00 to 1.00) | 0.5000 |" in text
    assert "| lower bound | 1.00 (0.800 to 3.20) | 0.400 (0.250 to 3.20) |  |" in text
    assert "The validation loss of JAX, compiled differs by more than 2 %." in text
    measured = [goal.measured for goal in section.goals]
    assert measured == pytest.approx([2.5, 0.9, 2 / 1.9, 2.5], rel=1e-3)
    (ax,) = report.plot_race(raced, "MNIST").axes
    names = [tick.get_text() for tick in ax.get_yticklabels()]
    assert names == [PLAIN, US, UNLIMITED, JAX, LOWER_BOUND]
    bars: Any = ax.patches
    assert [bar.get_width() for bar in bars] == [5, 2, 1.9, 1.8, 1]


def test_the_busy_race_ends_what_it_started(split: utils.Split, monkeypatch: Patch) -> None:
    children = psutil.Process().children
    before = children()

    def ten_epochs(*_: object) -> Any:
        assert len(children()) == len(before) + 2 * cpu_count()
        return compared({US: [1.0, 2.0], UNLIMITED: [4.0, 10.0]}, {US: 0.5, UNLIMITED: 0.5})

    monkeypatch.setattr(report, "ten_epochs", ten_epochs)
    (goal,) = report.busy_section(split, rounds=2).goals
    assert (children(), goal.measured) == (before, 4.5)


def test_the_script_is_compared_with_its_trainings(split: utils.Split, monkeypatch: Patch) -> None:
    def race(contenders: Any, rounds: int) -> Any:
        *_, turn = contenders[PLAIN].args
        assert turn == [(8185, 0), (8185, 0.001), (4775, 0.01), (2667, 0.1), (621, 1)]
        return compared({"task3.py": [12.0], PLAIN: [42.0]}, {"task3.py": None, PLAIN: 0.5})

    steps = enumerate((8184, 8184, 4774, 2666, 620))
    trainings = {n: SimpleNamespace(step=step, epoch=step // 156) for n, step in steps}
    monkeypatch.setattr(task3, "make_figures", lambda *_: {"one.png": None})
    monkeypatch.setattr(figures, "save", lambda *_: None)
    monkeypatch.setattr(report, "cpu_count", lambda: 2)
    with patch.multiple(report, race=race, load=lambda _: trainings, peak_memory=lambda _: 451):
        section = report.script_section(split, ["--data", "mnist"], rounds=1)
    assert "of 2 processes one has 84 of the 159 epochs to do" in section.note
    assert [goal.measured for goal in section.goals[:2]] == [3.5, 451]


def test_memory_of_a_script_is_that_of_all_its_processes_together(monkeypatch: Patch) -> None:
    samples = [(80e6, 0), (70e6, 50e6), (60e6, 40e6)]  # of the script, of its child

    def memory(i: int) -> Any:
        return SimpleNamespace(memory_full_info=lambda: SimpleNamespace(pss=samples[0][i]))

    script = memory(0)
    script.children = lambda recursive: [memory(1)]
    script.poll = lambda: None if samples else 0
    script.returncode = 0
    monkeypatch.setattr(psutil, "Popen", lambda *_, **__: script)
    monkeypatch.setattr(measuring, "time", SimpleNamespace(sleep=lambda _: samples.pop(0)))
    assert measuring.peak_memory(["script"]) == 120


def test_a_step_is_a_twentieth_of_a_turn(tiny_digits: Digits, monkeypatch: Patch) -> None:
    steps: list[tuple[np.ndarray, np.ndarray]] = []

    def race(entries: Any, rounds: int) -> Any:
        loss = entries[US]()()
        return compared({US: [0.6, 1.2], "PyTorch": [0.5, 0.8]}, {US: loss, "PyTorch": 2})

    trainer = SimpleNamespace(train_step=lambda *batch: steps.append(batch))
    monkeypatch.setattr(network, "NetworkTrainer", lambda *_: trainer)
    monkeypatch.setattr(network, "race", race)
    section = network.step_section(tiny_digits, 2)
    X, Y = steps[-1]
    assert len(steps) == 20
    np.testing.assert_allclose(127.5 * (X + 1), tiny_digits.train_images[:100], atol=1e-4)
    np.testing.assert_array_equal(Y.argmax(axis=1), tiny_digits.train_labels[:100, 0])
    assert "| PyTorch | 32.5 (25.0 to 40.0) |" in section.text()
    assert [goal.row()[-1] for goal in section.goals] == ["**not met**"]
