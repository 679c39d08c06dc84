"""The benchmarks compare like with like, and the page shows what was measured."""

from __future__ import annotations

import pickle
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import mkstemp
from types import SimpleNamespace
from typing import Any, ClassVar

import numpy as np
import psutil
import pytest
from joblib import cpu_count
from matplotlib.colors import same_color
from matplotlib.container import BarContainer
from threadpoolctl import threadpool_info, threadpool_limits

import task3
import utils
from benchmarks import __main__ as report
from benchmarks import contenders, measuring, network, page
from benchmarks.contenders import JAX, LOWER_BOUND, PLAIN, TORCH, UNLIMITED, US
from benchmarks.measuring import Times, Turn, compared, peak_memory
from benchmarks.page import Goal, Section, Spread
from convnet.network import lenet
from digits import Digits
from lab import figures
from task3a import SoftmaxModel


@pytest.fixture(scope="module")
def split(tiny_digits: Digits) -> utils.Split:
    """25 batches an epoch, five between two validations; validated on labels that are wrong.

    The validation loss rises, so that a contender that may stop early does.
    """
    X_train, Y_train, X_val, Y_val = utils.load_full_mnist(tiny_digits)
    return utils.Split(np.tile(X_train, (8, 1)), np.tile(Y_train, (8, 1)), X_val, (Y_val + 1) % 10)


@pytest.fixture(scope="module")
def our_loss(split: utils.Split) -> float:
    """The last validation loss of this project after three epochs with lambda 0.1."""
    return contenders.this_project(split)(75, 0.1)


@pytest.mark.parametrize("name", [UNLIMITED, PLAIN, TORCH, JAX])
def test_the_contenders_train_to_the_same_loss(
    split: utils.Split, our_loss: float, name: str
) -> None:
    if name not in contenders.entries(split, [name], []):
        pytest.skip(f"{name} is not installed")
    loss = contenders.CONTENDERS[name](split)(75, 0.1)
    assert loss == pytest.approx(our_loss, rel=0.02 if name in contenders.PACKAGES else 1e-4)


def test_all_blas_threads_are_as_many_as_the_environment_says(
    split: utils.Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = utils.Split(*(array[:640] for array in split))
    seen: dict[str, set[int]] = {US: set(), UNLIMITED: set()}
    forward = SoftmaxModel.forward
    for name, threads in seen.items():

        def watched(self: SoftmaxModel, X: np.ndarray, threads: set[int] = threads) -> np.ndarray:
            threads |= {
                one["num_threads"] for one in threadpool_info() if "numpy" in one["filepath"]
            }
            return forward(self, X)

        monkeypatch.setattr(SoftmaxModel, "forward", watched)
        with threadpool_limits(2):
            contenders.CONTENDERS[name](few)(5, 0)
    assert seen in ({US: {1}, UNLIMITED: {2}}, {US: set(), UNLIMITED: set()})


def test_the_lower_bound_multiplies_as_often_as_the_training_and_trains_nothing(
    split: utils.Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Counted(np.ndarray):
        rows: ClassVar[list[int]] = []

        def __matmul__(self, other: Any) -> Any:
            self.rows.append(len(self))
            return np.asarray(self) @ np.asarray(other)

    data = contenders.inputs(split)
    counted = utils.Split(*(array.view(Counted) for array in data))
    monkeypatch.setattr(contenders, "inputs", lambda split: counted)
    assert np.isnan(contenders.lower_bound(split)(50, 0))
    steps = [rows for rows in Counted.rows if rows in (128, 785)]
    assert steps == [128, 785] * 50
    assert sum(Counted.rows) - sum(steps) == 10 * (len(data.X_train) + len(data.X_val))


def test_a_turn_is_ten_epochs_or_all_trainings_that_are_listed(
    split: utils.Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained: list[tuple[int, float]] = []

    def train(*training: Any) -> float:
        trained.append(training)
        return len(trained)

    few = utils.Split(*(array[:2] for array in split))
    pickle.dumps(contenders.entries(few, contenders.CONTENDERS, []))  # for another process
    monkeypatch.setitem(contenders.CONTENDERS, US, lambda split: train)
    monkeypatch.setattr(contenders, "race", lambda entries, rounds: entries[US]()())
    contenders.ten_epochs(split, [US], rounds=1)
    assert contenders.entries(split, [US], [(3, 0.1), (2, 1)])[US]()() == 3
    assert trained == [(250, 0), (3, 0.1), (2, 1)]


def test_each_contender_takes_a_turn_to_warm_up_and_one_a_round_in_its_own_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A turn leaves a file, so that turns can be counted."""
    timed: dict[str, Sequence[float]] = {}

    def summarised(seconds: Any, results: Any) -> dict[str, Times]:
        timed.update(seconds)
        return compared(seconds, results)

    monkeypatch.setattr(measuring, "compared", summarised)
    turns = {name: partial(partial, mkstemp, prefix=name, dir=tmp_path) for name in ("one", "two")}
    times = measuring.race(turns, rounds=2)
    assert times["one"].relative == (1, 1, 1)
    for name, seconds in timed.items():
        assert len(seconds) == 2
        assert len(list(tmp_path.glob(f"{name}*"))) == 3
        assert Path(times[name].result[1]).name.startswith(name)


def test_a_contender_prepares_its_data_once(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[str] = []

    def contender() -> Turn:
        prepared.append("once")
        return lambda: None

    monkeypatch.setattr(  # in this process
        measuring,
        "ProcessPoolExecutor",
        lambda count, _, *args: ThreadPoolExecutor(count, "", *args),
    )
    measuring.race({US: contender}, rounds=3)
    assert prepared == ["once"]


@pytest.fixture
def raced() -> dict[str, Times]:
    """What `race` returns of three rounds."""
    seconds = {
        US: [1.0, 2.0, 4.0],
        UNLIMITED: [1.0, 1.9, 3.0],
        PLAIN: [2.5, 5.0, 9.0],
        JAX: [0.9, 1.8, 4.4],
        LOWER_BOUND: [3.2, 0.8, 1.0],
    }
    losses = dict(zip(seconds, (0.5, 0.5, 0.509, 0.511, float("nan")), strict=True))
    return compared(seconds, losses)


def test_the_race_is_judged_round_by_round(raced: dict[str, Times]) -> None:
    section = report.race_section(raced)
    text = section.text()
    assert "| this project | 2.00 (1.00 to 4.00) | 1.00 (1.00 to 1.00) | 0.5000 |" in text
    assert "| JAX, compiled | 1.80 (0.900 to 4.40) | 0.900 (0.900 to 1.10) | 0.5110 |" in text
    assert "| lower bound | 1.00 (0.800 to 3.20) | 0.400 (0.250 to 3.20) |  |" in text
    assert "The validation loss of JAX, compiled differs by more than 2 %." in text
    assert [goal[:2] for goal in section.goals] == [
        ("speed-up over plain float64 NumPy", 2.5),
        ("speed-up over JAX, compiled", 0.9),
        ("time relative to all BLAS threads", pytest.approx(2 / 1.9, rel=1e-3)),
        ("time relative to the lower bound", 2.5),
    ]


def test_the_chart_shows_every_contender(raced: dict[str, Times]) -> None:
    (ax,) = report.plot_race(raced, "MNIST").axes
    (bars,) = (group for group in ax.containers if isinstance(group, BarContainer))
    values = dict(zip((tick.get_text() for tick in ax.get_yticklabels()), bars, strict=True))
    assert list(values) == [PLAIN, US, UNLIMITED, JAX, LOWER_BOUND]
    assert [bar.get_width() for bar in bars] == [5, 2, 1.9, 1.8, 1]
    assert bars.errorbar
    (errors,) = bars.errorbar.lines[2]
    ranges = [segment[:, 0] for segment in errors.get_segments()]
    np.testing.assert_allclose(ranges, [[2.5, 9.0], [1.0, 4.0], [1.0, 3.0], [0.9, 4.4], [0.8, 3.2]])
    ours = values[US].get_facecolor()
    assert [name for name, bar in values.items() if same_color(bar.get_facecolor(), ours)] == [US]
    assert "MNIST" in ax.get_title()


def test_the_busy_race_ends_the_processes_that_it_started(
    split: utils.Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    children = psutil.Process().children
    before = children()

    def ten_epochs(split: utils.Split, names: object, rounds: int) -> dict[str, Times]:
        assert len(children()) == len(before) + 2 * cpu_count()
        return compared({US: [1.0, 2.0], UNLIMITED: [4.0, 10.0]}, {US: 0.5, UNLIMITED: 0.5})

    monkeypatch.setattr(report, "ten_epochs", ten_epochs)
    section = report.busy_section(split, rounds=2)
    assert children() == before
    assert f"beside {2 * cpu_count()} processes" in section.note
    assert [goal.row()[1:] for goal in section.goals] == [("at least 4", 4.5, "met")]


def test_the_script_is_compared_with_the_same_trainings(
    split: utils.Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script ends after 52, 52, 30, 17 and 3 epochs of 156 batches."""

    def race(contenders: Mapping[str, Any], rounds: int) -> dict[str, Times]:
        *_, turn = contenders[PLAIN].args
        assert turn == [(8185, 0), (8185, 0.001), (4775, 0.01), (2667, 0.1), (621, 1)]
        return compared({"task3.py": [12.0], PLAIN: [42.0]}, {"task3.py": None, PLAIN: 0.5})

    trainings = [
        SimpleNamespace(step=step, epoch=step // 156) for step in (8184, 8184, 4774, 2666, 620)
    ]
    monkeypatch.setattr(report, "load", lambda path: dict(enumerate(trainings)))
    monkeypatch.setattr(report, "peak_memory", lambda command: 451.0)
    monkeypatch.setattr(report, "race", race)
    monkeypatch.setattr(report, "cpu_count", lambda: 2)
    monkeypatch.setattr(task3, "make_figures", lambda *_: {"one.png": None})
    monkeypatch.setattr(figures, "save", lambda figure, path: None)
    section = report.script_section(split, ["--data", "mnist"], rounds=1)
    assert "53, 53, 31, 18, 4 epochs" in section.note
    assert "of 2 processes one has 84 of the 159 epochs to do" in section.note
    assert section.goals[0] == ("task3.py: speed-up over plain float64 NumPy", 3.5, "at least", 3.5)
    assert section.goals[1] == ("task3.py: peak memory, MB", 451, "at most", 500)


def test_the_memory_of_a_script_is_the_most_of_all_its_processes_together(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script waits until a whole sample was taken of both processes, and then of one."""
    script = tmp_path / "script.py"
    script.write_text(
        "import subprocess, sys, time\n"
        "from pathlib import Path\n"
        "def wait(name):\n"
        "    Path(name + '.ready').touch()\n"
        "    while not Path(name + '.sampled').exists(): time.sleep(0.01)\n"
        "data = bytes(range(256)) * 200_000\n"
        "if sys.argv[1:]:\n"
        "    subprocess.run([sys.executable, __file__])\n"
        "    wait('parent')\n"
        "else:\n"
        "    wait('both')\n"
    )
    real_sleep = time.sleep

    def between_samples(seconds: float) -> None:
        for path in tmp_path.glob("*.ready"):
            once = path.with_suffix(".once")
            (path.with_suffix(".sampled") if once.exists() else once).touch()
        real_sleep(0.01)

    monkeypatch.setattr(time, "sleep", between_samples)
    monkeypatch.chdir(tmp_path)
    assert 100 < peak_memory([sys.executable, str(script), "parent"]) < 150


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
    for make in network.entries(network.first_batch(tiny_digits)).values():
        make()
    ours = [p.value.size for p in lenet(np.random.default_rng(0)).parameters().values()]
    assert sizes == [ours, ours]


def test_a_turn_of_the_network_is_twenty_steps_on_the_first_images(
    tiny_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[np.ndarray] = []

    class Trainer:
        def __init__(self, *_: Any) -> None: ...

        def train_step(self, X: np.ndarray, Y: np.ndarray) -> float:
            steps.append(Y.argmax(axis=1))
            return X.mean()

    monkeypatch.setattr(network, "NetworkTrainer", Trainer)
    X = tiny_digits.train_images[:100]
    assert network.this_project(*network.first_batch(tiny_digits))() == pytest.approx(
        X.mean() / 127.5 - 1, abs=1e-5
    )
    assert len(steps) == network.STEPS
    np.testing.assert_array_equal(steps[0], tiny_digits.train_labels[:100, 0])


def test_the_time_of_a_step_is_compared(
    tiny_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = compared({US: [0.6, 1.2], "PyTorch": [0.5, 0.8]}, {US: 2.3, "PyTorch": 2.3})
    monkeypatch.setattr(network, "race", lambda *_: times)
    section = network.step_section(tiny_digits, 2)
    assert "| this project | 45.0 (30.0 to 60.0) | 1.00 (1.00 to 1.00) |" in section.text()
    assert "| PyTorch | 32.5 (25.0 to 40.0) |" in section.text()
    assert [goal.row()[-1] for goal in section.goals] == ["**not met**"]


def test_the_page_shows_the_sections_and_the_goals_of_all_of_them(tmp_path: Path) -> None:
    pytest.importorskip("cogapp")
    sections = {name: Section(note=f"Of {name}.") for name in page.load("docs/benchmarks.md")}
    goals = [Goal("memory", 451, "at most", 450), Goal("accuracy", 0.1, "at least", 1)]
    goals.append(Goal("not measured", float("nan"), "at most", 1))
    sections["race"] = Section([("a", "b"), ("x", Spread(2, 1.5, 130))], "So it is.", goals)
    sections["busy"] = Section(goals=[Goal("speed-up", 2.5, "at least", 2.5)])
    report.write(sections, figures.new("Title", "x", "y")[0], tmp_path)
    text = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "| a | b |\n|---|---|\n| x | 2.00 (1.50 to 130) |\n\nSo it is.\n" in text
    assert "Of step.\n" in text
    assert (
        "| what | goal | measured |  |\n|---|---|---|---|\n"
        "| memory | at most 450 | 451 | **not met** |\n"
        "| accuracy | at least 1 | 0.100 | **not met** |\n"
        "| speed-up | at least 2.5 | 2.50 | met |\n"
    ) in text
    assert "NaN" not in (tmp_path / page.NUMBERS).read_text()
    assert (tmp_path / "figures" / "benchmarks.png").exists()


def test_everything_is_measured_and_what_is_not_installed_left_out_by_name(
    raced: dict[str, Times], tiny_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[dict[str, Section]] = []
    monkeypatch.setattr(report, "load_data", lambda options: tiny_digits)
    monkeypatch.setattr(report, "ten_epochs", lambda *_: raced)
    monkeypatch.setattr(report, "busy_section", lambda *_: Section())
    monkeypatch.setattr(report, "script_section", lambda *_: Section())
    monkeypatch.setattr(network, "step_section", lambda *_: Section())
    monkeypatch.setattr(report, "write", lambda sections, *_: written.append(sections))
    monkeypatch.setattr("sys.argv", ["", "--rounds", "4"])
    monkeypatch.setattr(report, "find_spec", lambda package: True)
    report.main()
    (sections,) = written
    assert list(sections) == list(page.load("docs/benchmarks.md"))
    assert "Measured on tiny digits;" in sections["setting"].note
    assert "; 4 rounds, 3 on the busy machine" in sections["setting"].note
    left_out = "Not installed, so left out: PyTorch, eager; scikit-learn SGDClassifier."
    assert sections["setting"].note.endswith(left_out)


def test_what_is_missing_can_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "find_spec", lambda package: None)
    monkeypatch.setattr("sys.argv", [""])
    with pytest.raises(SystemExit, match="need psutil and cogapp"):
        report.main()
