"""The benchmarks compare like with like, and say what they skip."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
from matplotlib.container import BarContainer

import utils
from benchmarks import __main__ as report
from benchmarks import contenders, costs, goals, plain_numpy, race
from benchmarks.race import Entry
from digits import Digits


@pytest.fixture(scope="module")
def split(tiny_digits: Digits) -> utils.Split:
    """Tiny digits eight times over: 25 batches an epoch, so that five are between two checks."""
    X_train, Y_train, X_val, Y_val = utils.load_full_mnist(tiny_digits)
    return utils.Split(np.tile(X_train, (8, 1)), np.tile(Y_train, (8, 1)), X_val, Y_val)


def test_this_project_and_the_plain_loop_train_to_the_same_loss(split: utils.Split) -> None:
    ours, plain = contenders.ours(split)(), contenders.plain(split)()
    assert ours == pytest.approx(plain, rel=1e-4)


@pytest.mark.parametrize("name", ["PyTorch, eager", "JAX, compiled"])
def test_the_frameworks_do_the_same_work(split: utils.Split, name: str) -> None:
    if not all(map(importlib.util.find_spec, contenders.REQUIRES[name])):
        pytest.skip(f"{name} is not installed")
    assert contenders.CONTENDERS[name](split)() == pytest.approx(contenders.ours(split)(), rel=0.02)


def test_the_plain_loop_has_a_penalty_too(split: utils.Split) -> None:
    data = plain_numpy.prepare(*split)
    free, held = (plain_numpy.train(*data, num_steps=30, l2_reg_lambda=x) for x in (0, 1))
    assert held[-1][0] > free[-1][0]
    assert len(free) == 6


def test_the_floors_do_the_products_and_train_nothing(split: utils.Split) -> None:
    assert np.isnan(contenders.floor(split)())
    assert np.isnan(contenders.floor_in_blocks(split)())


def test_the_contenders_take_turns(split: utils.Split) -> None:
    entries = race.race(split, rounds=2, names=["bare floor", "plain float64 NumPy"])
    assert list(entries) == ["bare floor", "plain float64 NumPy"]
    assert [len(entry.seconds) for entry in entries.values()] == [2, 2]
    assert np.isnan(entries["bare floor"].val_loss)
    assert 0 < entries["plain float64 NumPy"].val_loss < 2.3


def test_what_is_not_installed_is_skipped_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert race.installed() == [
        "this project",
        "plain float64 NumPy",
        "bare floor",
        "bare floor, in blocks",
    ]
    provenance = report._provenance("MNIST")[1]
    assert "Not installed, so skipped: PyTorch, eager, JAX, compiled, scikit-learn" in provenance


def test_another_loss_is_named() -> None:
    entries = {
        name: Entry(name, [1.0], loss)
        for name, loss in {"us": 0.5, "near": 0.509, "far": 0.511, "none": float("nan")}.items()
    }
    assert race.same_loss(entries, "us") == ["far"]


def test_ratios_are_taken_round_by_round() -> None:
    us, other = Entry("us", [1.0, 2.0, 4.0]), Entry("other", [3.0, 4.0, 4.0])
    assert other.ratios(us) == [3, 2, 1]
    assert race.spread(other.ratios(us)) == "2.00 (1.00 to 3.00)"


def test_the_table_and_the_chart_show_every_contender() -> None:
    entries = {
        "this project": Entry("this project", [1.0, 1.1, 0.9], 0.36),
        "bare floor": Entry("bare floor", [0.8, 0.7, 0.9]),
    }
    table = report._race(entries)[1]
    assert "| this project | 1.00 (0.90 to 1.10) | 1.00 (1.00 to 1.00) | 0.3600 |" in table
    assert "| bare floor | 0.80 (0.70 to 0.90) | 0.80 (0.64 to 1.00) |  |" in table
    (ax,) = report.plot_race(entries, "MNIST").axes
    (bars,) = (group for group in ax.containers if isinstance(group, BarContainer))
    assert np.asarray(bars.datavalues).tolist() == [1.0, 0.8]
    assert "MNIST" in ax.get_title()


def test_a_goal_is_met_within_its_bound_and_named_where_it_is_not() -> None:
    entries = {
        name: Entry(name, seconds)
        for name, seconds in {
            "this project": [1.0, 2.0, 4.0],
            "plain float64 NumPy": [2.5, 5.0, 9.0],
            "JAX, compiled": [0.9, 1.8, 4.4],
            "bare floor": [0.8, 1.0, 3.2],
        }.items()
    }
    race_goals = goals.of_the_race(entries, "this project")
    assert [goal.measured for goal in race_goals] == [2.5, 0.9, 1.25]
    assert [goal.is_met for goal in race_goals] == [True, False, True]
    script_goals = goals.of_the_script([10, 10, 20], [30, 29, 61], [255, 451, 260])
    assert [goal.is_met for goal in script_goals] == [True, False]
    wait_goals = goals.of_the_waits([0.5, 9, 0.6], [0.1, 0.5], [1.1, 0.9, 1.2])
    assert [goal.is_met for goal in wait_goals] == [True, False, False]
    rows = goals.table(race_goals[1:])
    assert "| times as fast as compiled JAX | at least 1 | 0.9 | **not met** |" in rows
    assert "| times as long as the bare floor | at most 1.35 | 1.25 | met |" in rows


def test_costs_are_measured_in_seconds(split: utils.Split) -> None:
    assert all(0 < seconds < 10 for seconds in costs.epoch_seconds(500, 3))
    assert all(0 < seconds < 10 for seconds in costs.check_products_seconds(split, 2))
    parts = costs.epoch_parts(split)
    assert list(parts) == ["5 checks", "25 steps", "the loader's gather, and the loop"]
    assert all(whole > 0 <= products for whole, products in parts.values())


def test_the_page_of_the_last_run_is_linked_from_the_readme() -> None:
    root = Path(report.__file__).parents[1]
    assert (root / "docs" / "benchmarks.md").exists()
    assert "docs/benchmarks.md" in (root / "README.md").read_text(encoding="utf-8")
