"""The homework's experiments: what determines a training, and what is kept and shown of it."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import digits
from convnet.layers import Conv2d, Linear
from convnet.network import Sequential, lenet
from convnet.trainer import NetworkTrainer
from digits import Digits
from lab.gradient import check_gradient
from lab.jobs import train_all
from reproduce.cs_6685 import __main__ as script
from reproduce.cs_6685 import experiments, figures, robustness, transfer
from reproduce.cs_6685.document import PRINTED
from reproduce.cs_6685.experiments import BEST, EXPERIMENTS, PartL1, Settings, Trainer, train
from reproduce.cs_6685.finished import Finished, load_or_train
from task3 import calculate_accuracy
from task3a import one_hot_encode

FINISHED = Finished(np.arange(3, dtype=np.float32), {"accuracy": [0.1, 1 / 3], "steps": 2})


def first(data: Digits, train: int, test: int) -> Digits:
    """Keep the first images of a data set."""
    return Digits(
        "few digits",
        *(data.train_images[:train], data.train_labels[:train]),
        *(data.test_images[:test], data.test_labels[:test]),
    )


@pytest.fixture(scope="module")
def few_digits(tiny_digits: Digits) -> Digits:
    """60 digits to train on, 50 to test on."""
    return first(tiny_digits, 60, 50)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take three steps an epoch on the few digits."""
    monkeypatch.setattr(experiments, "BATCH_SIZE", 20)


# Finished trainings


def refuse(*arguments: Any) -> Finished:
    return pytest.fail("it trained")


def test_a_finished_training_is_read_and_not_trained_again(
    few_digits: Digits, tmp_path: Path
) -> None:
    folder = tmp_path / "new"
    load_or_train(folder, lambda *_: FINISHED, Settings(), few_digits)
    w, kept = load_or_train(folder, refuse, Settings(), few_digits)
    np.testing.assert_array_equal(w, FINISHED.w, strict=True)
    assert kept == FINISHED.summary


def test_an_interrupted_run_does_not_train_again_what_is_finished(
    few_digits: Digits, tmp_path: Path
) -> None:
    started: list[int] = []

    def interrupted(settings: Settings, *_: Any) -> Finished:
        started.append(settings.seed)
        if len(started) == 3:
            raise KeyboardInterrupt
        return FINISHED

    trainings = {
        seed: partial(load_or_train, tmp_path, interrupted, Settings(seed=seed), few_digits)
        for seed in range(4)
    }
    with pytest.raises(KeyboardInterrupt):
        train_all(trainings, jobs=1)
    assert len(list(tmp_path.iterdir())) == 2  # nothing half-written
    train_all(trainings, jobs=1)
    assert started == [0, 1, 2, 2, 3]


def test_a_damaged_file_is_reported_and_left_as_it_is(few_digits: Digits, tmp_path: Path) -> None:
    load_or_train(tmp_path / "new", lambda *_: FINISHED, Settings(), few_digits)
    (path,) = (tmp_path / "new").iterdir()
    np.savez(tmp_path / "foreign.npz", w=np.zeros(3))
    whole, foreign = path.read_bytes(), (tmp_path / "foreign.npz").read_bytes()
    middle = whole.index(b"w.npy") + 40  # in its numbers
    flipped = whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :]
    for content in (b"", whole[: len(whole) // 2], flipped, foreign):
        path.write_bytes(content)
        with pytest.raises(OSError, match=rf"{path.name} is not a finished training .* delete it"):
            load_or_train(path.parent, refuse, Settings(), few_digits)
        assert path.read_bytes() == content


def test_settings_data_and_initial_weights_tell_trainings_apart(
    few_digits: Digits, tmp_path: Path
) -> None:
    other = replace(few_digits, train_images=few_digits.train_images[::-1])
    changes = [
        {name: Settings() if name == "start" else f"not {value}"}
        for name, value in asdict(Settings()).items()
    ]
    cases: list[tuple[Settings, Digits, np.ndarray | None]] = [
        (Settings(), few_digits, None),
        (Settings(), other, None),
        (Settings(), few_digits, np.zeros(1)),
        *((replace(Settings(), **change), few_digits, None) for change in changes),  # type: ignore
    ]
    for settings, data, start in cases:
        load_or_train(tmp_path, lambda *_: FINISHED, settings, data, start)
    assert len(list(tmp_path.iterdir())) == len(cases)
    assert len(set(EXPERIMENTS.values())) == len(EXPERIMENTS)


# A training


def test_a_training_is_measured_twice_an_epoch_and_its_last_weights_are_kept(
    few_digits: Digits,
) -> None:
    settings = Settings("cross-entropy", batch_norm=True, epochs=2)
    w, kept = train(settings, few_digits)
    assert kept["steps"] == [1, 2, 3, 4, 5, 6]
    model = settings.network(np.random.default_rng(0))
    model.w = w
    for key, images, labels in (
        ("test_accuracy", few_digits.test_images, few_digits.test_labels),
        ("train_accuracy", few_digits.train_images[:10], few_digits.train_labels[:10]),
    ):
        seen = experiments.predicted(model, experiments.inputs(images))
        assert kept[key][-1] == np.mean(seen == labels[:, 0])
        assert len(kept[key]) == 6


def test_seed_and_initial_weights_determine_a_training(tiny_digits: Digits) -> None:
    data, settings = first(tiny_digits, 20, 5), replace(BEST, epochs=1)
    one, same, other = (train(replace(settings, seed=seed), data).w for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)
    still = Settings(learning_rate=0, epochs=1)
    start = still.network(np.random.default_rng(7)).w.copy()
    before = start.copy()
    np.testing.assert_array_equal(train(still, data, start).w, before)
    train(Settings(epochs=1), data, start)
    np.testing.assert_array_equal(start, before)


def test_the_penalty_is_of_some_weights_and_a_part_of_what_is_minimised(
    tiny_digits: Digits,
) -> None:
    rng = np.random.default_rng(0)
    penalty = PartL1(-0.3, "0.Linear.weight", 7)
    model = Sequential([Linear(6, 3, rng)], penalties=[penalty])
    assert check_gradient(model, rng.standard_normal((4, 6)), np.eye(3)[[0, 1, 2, 0]]) < 1e-6
    w = np.arange(1.0, 19).reshape(6, 3)
    assert penalty.value(w) == pytest.approx(-0.3 * 28)
    assert np.flatnonzero(penalty.gradient(w)).tolist() == list(range(7))
    settings = Settings(learning_rate=0, epochs=1)
    without, with_l1 = (
        Trainer(replace(settings, l1=l1, l1_count=100), first(tiny_digits, 20, 5))
        for l1 in (0, -0.5)
    )
    X, Y = without.X_train, without.Y_train
    added = with_l1.train_step(X, Y) - without.train_step(X, Y)
    w = dict(with_l1.model.parameters())["11.Linear.weight"].value.ravel()[:100]
    assert added == pytest.approx(-0.5 * np.abs(w).sum(), rel=1e-4)


def test_a_one_cycle_rises_in_the_first_quarter_and_ends_at_zero(few_digits: Digits) -> None:
    trainer = Trainer(Settings("cross-entropy", one_cycle=True, epochs=4), few_digits)
    rates = []
    for _ in range(12):
        trainer.train_step(trainer.X_train[:1], trainer.Y_train[:1])
        rates.append(trainer.optimiser.learning_rate)
    assert rates[2] == max(rates) == pytest.approx(0.1)
    assert [rates[i] for i in (0, 5)] == pytest.approx([0.1 / 3, 0.2 / 3])
    assert rates[-1] == 0


def test_each_image_of_a_batch_is_moved_by_its_own_pixels_and_leaves_background(
    few_digits: Digits,
) -> None:
    trainer = Trainer(replace(BEST, epochs=1), few_digits)
    seen: list[np.ndarray] = []
    forward = trainer.model.forward
    trainer.model.forward = lambda X: seen.append(X) or forward(X)  # type: ignore
    X: np.ndarray = np.full((40, 28, 28), experiments.BACKGROUND, np.float32)
    X[:, 9, 9] = 1
    trainer.train_step(X.reshape(40, 784), trainer.Y_train[:40])
    assert seen[0].dtype == np.float32
    moved = seen[0].reshape(40, 28, 28)
    images, rows, columns = np.nonzero(moved > 0.9)
    assert images.tolist() == list(range(40))
    assert set(rows) == set(columns) == {7, 8, 9, 10, 11}
    assert len({*zip(rows, columns, strict=True)}) > 9
    np.testing.assert_allclose(moved[moved < 0.9], experiments.BACKGROUND, atol=1e-6)


def test_a_summary_counts_by_digit_and_names_what_is_never_predicted() -> None:
    labels = np.repeat(np.arange(10), 20)[:, None]
    seen = np.where(labels[:, 0] == 3, 5, labels[:, 0])
    one = experiments.summary(Settings(), range(250), {1: (0.5, seen * 0), 2: (0.6, seen)}, labels)
    assert one["test_accuracy"] == [0.1, 0.9]
    assert one["last_100"] == [0.0, 1.0]
    assert one["by_digit"] == [1, 1, 1, 0, 1, 1, 1, 1, 1, 1]
    assert one["never_predicted"] == [[1, 2, 3, 4, 5, 6, 7, 8, 9], [3]]
    assert one["objectives"] == [99, 199]


# Transfer and robustness


def test_transfer_takes_the_convolutions_and_draws_new_linear_layers() -> None:
    pretrained = lenet(np.random.default_rng(7))
    for variant in transfer.VARIANTS.values():
        model = transfer.initial(variant, pretrained.w, np.random.default_rng(0))
        old = pretrained.parameters()
        for name, parameter in model.parameters().items():
            same = np.array_equal(parameter.value, old[name].value)
            assert same == ("Conv2d" in name and variant.pretrained)
        frozen = [layer.frozen for layer in model.layers if isinstance(layer, Conv2d)]
        assert frozen == [variant.frozen] * 2


def test_transfer_learns_and_tests_the_new_digits_and_validates_on_other_images(
    tiny_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "VALIDATION", 50)
    new = transfer.only(tiny_digits, 5, 9)
    assert set(new.train_labels.ravel()) == set(new.test_labels.ravel()) == set(range(5, 10))
    assert len(new.train_images) == int(np.sum(tiny_digits.train_labels >= 5))
    split = transfer.split(new, 30)
    assert split.Y_train.sum(axis=0).tolist() == [0] * 5 + [6] * 5
    assert split.X_val.shape == (50, 784)
    as_many_as_there_are = transfer.split(new, 10_000).X_train
    assert len(as_many_as_there_are) == len(new.train_images) - 50
    validating = {row.tobytes() for row in split.X_val}
    assert not any(row.tobytes() in validating for row in as_many_as_there_are)
    used: list[dict[str, Any]] = []

    class Untrained(NetworkTrainer):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            used.append(options)

        def train(self, num_epochs: int) -> Any:
            return {}, {"accuracy": {0: 0.25, 1: 0.5}}

    monkeypatch.setattr(transfer, "NetworkTrainer", Untrained)
    old = lenet(np.random.default_rng(7)).w
    w, kept = transfer.train(transfer.Variant(1e-4, patience=15, size=10), tiny_digits, old)
    assert used[0]["patience"] == 15
    model = lenet(np.random.default_rng(0))
    model.w = w
    Y = one_hot_encode(new.test_labels, 10)
    expected = calculate_accuracy(experiments.inputs(new.test_images), Y, model)
    assert kept == {"test_accuracy": round(expected, 4), "epochs": 2, "val_accuracy": [0.25, 0.5]}


def test_an_example_is_the_first_image_that_a_transform_makes_the_network_misclassify(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Reader:
        """Sees in an image the digit that its first pixel is, in tens."""

        w = np.zeros(1)

        def forward(self, X: np.ndarray) -> np.ndarray:
            first = X[:, 0] * experiments.DEVIATION + experiments.MEAN
            return 5 * np.eye(10)[np.rint(25.5 * first).astype(int)]

    monkeypatch.setattr(robustness, "TRANSFORMS", {"none": lambda X: X, "no ink": np.zeros_like})
    labels = np.array([[3], [0], [5], [4], [0]], np.uint8)
    seen = np.array([[4], [0], [5], [4], [0]], np.uint8)  # the first one is misread
    images = np.repeat(10 * seen, 784, axis=1)
    data = Digits("read", images, labels, images, labels)
    reader: Any = Reader()
    accuracies, examples = robustness.robustness(reader, data)
    assert accuracies == {"none": 0.8, "no ink": 0.4}
    image, answer, blank, answer_then = examples["no ink"]
    np.testing.assert_array_equal(image.ravel(), experiments.scaled(images)[2])
    assert (answer[0], answer_then[0], blank.max()) == ("5", "0", 0)


# The command


class Written(NamedTuple):
    """What `python -m reproduce.cs_6685 --quick` leaves, of trainings that are drawn at random.

    started: (settings, data, initial weights, last weights) of each. drawn: {file: figure}.
    """

    folder: Path
    started: list[tuple[Any, Digits, np.ndarray | None, np.ndarray]]
    drawn: dict[str, Figure]
    results: dict[str, Any]


@pytest.fixture(scope="module")
def written(few_digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> Written:
    folder = tmp_path_factory.mktemp("cs_6685")
    started: list[Any] = []
    drawn: dict[str, Figure] = {}

    def draw(settings: Settings, data: Digits, start: np.ndarray | None = None) -> Finished:
        rng = np.random.default_rng(len(started))
        w = settings.network(rng).w
        started.append((settings, data, start, w))
        measured = {
            step: (rng.random(), rng.integers(10, size=len(data.test_labels)))
            for step in range(1500, 3000 * settings.epochs + 1, 1500)
        }
        objectives = rng.random(6000).tolist()
        return Finished(w, experiments.summary(settings, objectives, measured, data.test_labels))

    def draw_transfer(settings: transfer.Variant, data: Digits, start: np.ndarray) -> Finished:
        started.append((settings, data, start, start))
        accuracies = np.random.default_rng(len(started)).random(9).tolist()
        return Finished(
            start, {"test_accuracy": accuracies[0], "epochs": 9, "val_accuracy": accuracies}
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "train", draw)
        patch.setattr(transfer, "train", draw_transfer)
        patch.setattr(script, "save", lambda figure, path: drawn.update({path.name: figure}))
        patch.setattr(digits, "load", lambda data, data_dir: few_digits)
        patch.setattr(sys, "argv", ["", "--quick", "--jobs", "1", "--out", str(folder)])
        script.main()
        written = (folder / "results.json").read_bytes()
        count = len(started)
        script.main()  # trains nothing, and writes the same
        assert len(started) == count
        assert (folder / "results.json").read_bytes() == written
    return Written(folder, started, drawn, json.loads(written)["hw4"])


def lines(axes: Axes) -> dict[str, tuple[list[float], list[float]]]:
    """Return {label: (x, y)} of the lines of a diagram."""
    return {
        str(line.get_label()): tuple(np.asarray(values).tolist() for values in line.get_data())
        for line in axes.get_lines()
    }


def test_each_experiment_starts_from_its_weights_and_transfer_from_the_old_digits(
    written: Written,
) -> None:
    old = [one for one in written.started if set(one[1].train_labels.ravel()) == set(range(5))]
    ((pretraining, _, start, pretrained),) = old
    assert (pretraining, start) == (experiments.PRETRAINING.at_most(2), None)
    others = [one for one in written.started if one is not old[0]]
    weights = {settings: w for settings, _, _, w in others}
    quick = [one.at_most(2) for one in EXPERIMENTS.values()]
    variants = [one for one in weights if isinstance(one, transfer.Variant)]
    assert weights.keys() == {*quick, *variants}
    assert {one.size for one in variants} == {10, 30, 100}
    for settings, _, start, _ in others:
        if settings in variants:
            assert settings.epochs == 10
            np.testing.assert_array_equal(start, pretrained)
        elif settings.start:
            np.testing.assert_array_equal(start, weights[settings.start])
        else:
            assert start is None


def test_the_results_have_the_form_of_the_published_ones(written: Written) -> None:
    docs = Path(__file__).parents[2] / "docs" / "figures"
    theirs = json.loads((docs / "results.json").read_text(encoding="utf-8"))["hw4"]
    assert written.results["data"] == "few digits, 6,000 images"
    assert written.results["quick"]
    for key in ("trainings", "transforms", "transfer"):
        assert list(written.results[key]) == list(theirs[key])
    for name, one in written.results["trainings"].items():
        assert list(one) == list(theirs["trainings"][name])
    assert set(written.drawn) == {path.name for path in docs.glob("hw4_*.png")}


def test_the_figures_show_the_results_under_their_names(written: Written) -> None:
    trainings, drawn = written.results["trainings"], written.drawn
    shown = 0
    for axes in drawn["hw4_optimisers.png"].axes:
        for label, (steps, values) in lines(axes).items():
            loss, _, which = label.rpartition(", ")
            name = axes.get_title() + (", cross-entropy" if loss == "cross-entropy" else "")
            assert steps == trainings[name]["steps"]
            assert values == trainings[name][f"{which}_accuracy"]
            shown += 1
    assert shown == 20
    gradients = {label[:5]: xy for label, xy in lines(drawn["hw4_gradients.png"].axes[0]).items()}
    p, cross_entropy = map(np.array, gradients["cross"])
    np.testing.assert_allclose(cross_entropy, 1 - p)
    np.testing.assert_allclose(gradients["the d"][1], p * (1 - p))
    axes = drawn["hw4_by_digit.png"].axes[0]
    (cells,) = axes.get_images()
    for text, row in zip(axes.get_yticklabels(), np.asarray(cells.get_array()), strict=True):
        name, _, epochs = text.get_text().rpartition(" (")
        assert row.tolist() == trainings[name]["by_digit"]
        assert epochs == f"{trainings[name]['settings']['epochs']} epochs)"
    subtracted = lines(drawn["hw4_subtracted.png"].axes[0])
    for name, printed in PRINTED.items():
        objectives = trainings[name]["objectives"]
        assert subtracted[f"{name}: printed"] == (list(printed), list(printed.values()))
        steps = list(range(100, 100 * len(objectives) + 1, 100))
        assert subtracted[f"{name}: ours"] == (steps, objectives)
    by_size = written.results["transfer"]
    for name, (sizes, values) in lines(drawn["hw4_transfer_sizes.png"].axes[0]).items():
        assert values == [by_size[name][str(int(size))]["test_accuracy"] for size in sizes]
    for axes in drawn["hw4_transfer_epochs.png"].axes:
        size = axes.get_title().removesuffix(" images")
        for name, (_, values) in lines(axes).items():
            assert values == by_size[name][size]["val_accuracy"]


def test_the_figures_show_the_images_with_their_labels(
    written: Written, few_digits: Digits
) -> None:
    for axes, image, label in zip(
        written.drawn["hw4_first_images.png"].axes,
        few_digits.train_images,
        few_digits.train_labels,
        strict=False,
    ):
        np.testing.assert_array_equal(axes.get_images()[0].get_array(), image.reshape(28, 28))
        assert axes.get_title() == str(label[0])
    examples = {
        name: robustness.Example(np.zeros((28, 28)), "3 (1.00)", np.ones((28, 28)), "5 (0.50)")
        for name in ("turned", "blurred")
    }
    for i, axes in enumerate(figures.transforms(examples, "title").axes):
        below, name = i // 2, ("turned", "blurred")[i % 2]
        assert np.asarray(axes.get_images()[0].get_array()).max() == below
        assert axes.get_title() == (f"{name}\n5 (0.50)" if below else "3 (1.00)")


def test_robustness_is_that_of_the_best_network(written: Written, few_digits: Digits) -> None:
    quick = EXPERIMENTS["best"].at_most(2)
    model = quick.network(np.random.default_rng(0))
    model.w = load_or_train(written.folder / "trainings", refuse, quick, script.few(few_digits)).w
    accuracies, _ = robustness.robustness(model, few_digits)
    assert written.results["transforms"] == accuracies


def test_a_quick_run_takes_the_first_and_the_last_images_with_their_labels() -> None:
    train, test = np.arange(7000)[:, None], np.arange(2000)[:, None]
    few = script.few(Digits("many", train, -train, test, -test))
    assert few.name == "many, 6,000 images"
    for images, labels, kept in (
        (few.train_images, few.train_labels, range(6000)),
        (few.test_images, few.test_labels, range(1000, 2000)),
    ):
        assert images.ravel().tolist() == (-labels).ravel().tolist() == list(kept)


def test_a_quick_run_does_not_replace_a_full_one_on_mnist(
    few_digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results.json").write_text('{"hw4": {"data": "MNIST", "quick": false}}')
    monkeypatch.setattr(script, "run", refuse)
    monkeypatch.setattr(digits, "load", lambda data, data_dir: replace(few_digits, name="MNIST"))
    monkeypatch.setattr(sys, "argv", ["", "--quick", "--jobs", "1", "--out", str(tmp_path)])
    with pytest.raises(FileExistsError, match="this quick run would replace the results"):
        script.main()
