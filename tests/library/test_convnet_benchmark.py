"""The benchmark of the network compares like with like, and measures a whole training."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import __main__ as benchmarks
from benchmarks import convnet
from benchmarks.__main__ import Goal, Section
from benchmarks.contenders import Times
from convnet.network import lenet
from digits import Digits
from utils import Split


@pytest.fixture
def options(tmp_path: Path) -> argparse.Namespace:
    return argparse.Namespace(data="synthetic", data_dir=None, rounds=2, out=tmp_path / "docs")


@pytest.mark.peer
def test_pytorch_trains_a_network_of_the_same_layers(
    tiny_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch = pytest.importorskip("torch")
    sizes: list[list[int]] = []

    class Watched(torch.optim.SGD):  # type: ignore[misc, name-defined]
        def __init__(self, parameters: Iterable[Any], lr: float) -> None:
            parameters = list(parameters)
            sizes.append([parameter.numel() for parameter in parameters])
            super().__init__(parameters, lr=lr)

    monkeypatch.setattr(torch.optim, "SGD", Watched)
    batch = Split(*(array[:100] for array in convnet.prepare(tiny_digits)))
    losses = [prepare(batch)(1, 0) for prepare in convnet.CONTENDERS.values()]
    ours = [p.value.size for p in lenet(np.random.default_rng(0)).parameters().values()]
    assert sizes == [ours, ours]
    assert losses == pytest.approx([np.log(10)] * 3, abs=0.1)  # all outputs are about 1 / 10


def test_without_pytorch_the_step_is_timed_alone(
    tiny_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convnet, "versions", lambda: {"numpy": "2"})
    monkeypatch.setattr(convnet, "race", lambda *arguments: dict.fromkeys(arguments[2], Times([1])))
    assert convnet.step_section(convnet.prepare(tiny_digits), 1).goals == []
    assert "numpy 2, torch is missing" in convnet.page("MNIST", [])


def test_times_are_of_a_step_and_compared_round_by_round(
    tiny_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def race(split: Split, rounds: int, *arguments: object) -> dict[str, Times]:
        assert [array.shape[0] for array in split] == [100] * 4
        times = {
            "this project": [0.6, 1.2],
            "PyTorch": [0.5, 0.8],
            "PyTorch, channels last": [0.4, 1],
        }
        return {name: Times(seconds) for name, seconds in times.items()}

    monkeypatch.setattr(convnet, "race", race)
    section = convnet.step_section(convnet.prepare(tiny_digits), 2)
    assert "| this project | 45.0 (30.0 to 60.0) | 1.00 (1.00 to 1.00) |" in section.text
    assert "| PyTorch | 32.5 (25.0 to 40.0) | 1.35 (1.20 to 1.50) |" in section.text
    assert [goal.row()[-1] for goal in section.goals] == ["**not met**", "**not met**"]


def test_an_epoch_is_trained_and_its_memory_measured(
    tiny_digits: Digits, options: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convnet, "load_data", lambda options: tiny_digits)
    seconds, megabytes, accuracy = convnet.train_an_epoch(options)
    assert 0 < seconds < 60
    assert megabytes > 20 or np.isnan(megabytes)
    assert 0 < accuracy < 1


def test_the_page_ends_with_the_goals(
    options: argparse.Namespace,
    tiny_digits: Digits,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    goals = [Goal("step time", 1.5, "at most", 1.3)]
    monkeypatch.setattr(convnet, "load_data", lambda options: tiny_digits)
    monkeypatch.setattr(convnet, "step_section", lambda *_: Section("A step", "Text.", goals))
    monkeypatch.setattr(convnet, "training_section", lambda _: Section("An epoch", "More."))
    monkeypatch.setattr("sys.argv", ["", "--convnet", "--out", str(options.out)])
    benchmarks.main()
    text = (options.out / "benchmarks_convnet.md").read_text(encoding="utf-8")
    assert text in capsys.readouterr().out
    assert "on tiny digits" in text
    assert "## A step\n\nText.\n\n## An epoch\n\nMore.\n\n## Goals\n\n" in text
    assert text.endswith("| step time | at most 1.3 | 1.5 | **not met** |\n")


def test_the_page_of_the_last_run_is_linked() -> None:
    root = Path(convnet.__file__).parents[1]
    assert (root / "docs" / "benchmarks_convnet.md").exists()
    assert "docs/benchmarks_convnet.md" in (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
