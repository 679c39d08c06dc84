"""The homework's experiments: what determines a training, and what is kept of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import digits
from convnet.layers import Conv2d, Linear
from convnet.network import Sequential, lenet
from digits import Digits
from lab.gradient import check_gradient
from lab.jobs import train_all
from reproduce.cs_6685 import __main__ as script
from reproduce.cs_6685 import experiments, robustness, transfer
from reproduce.cs_6685.experiments import (
    BEST,
    EXPERIMENTS,
    PartL1,
    Settings,
    Trainer,
    inputs,
    scaled,
    summary,
    train,
)
from reproduce.cs_6685.finished import Finished, load_or_train
from trainer import BaseTrainer

FINISHED = Finished(np.arange(3, dtype=np.float32), {"accuracy": [0.1, 1 / 3], "steps": 2})


@pytest.fixture(scope="module")
def few_digits(tiny_digits: Digits) -> Digits:
    """100 digits to train on, 50 to test on."""
    one = tiny_digits
    train, test = slice(100), slice(50)
    return Digits(
        "few digits",
        one.train_images[train],
        one.train_labels[train],
        one.test_images[test],
        one.test_labels[test],
    )


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take five steps an epoch on the few digits."""
    monkeypatch.setattr(experiments, "BATCH_SIZE", 20)


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a training starts."""
    monkeypatch.setattr(BaseTrainer, "train", lambda self, epochs: pytest.fail("it trained"))


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
    few_digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []
    whole = Trainer.train

    def interrupted(trainer: Trainer, epochs: int) -> Any:
        started.append(trainer.settings.seed)
        if len(started) == 3:
            raise KeyboardInterrupt
        return whole(trainer, epochs)

    monkeypatch.setattr(Trainer, "train", interrupted)
    trainings = {
        seed: partial(load_or_train, tmp_path, train, Settings(epochs=1, seed=seed), few_digits)
        for seed in range(4)
    }
    with pytest.raises(KeyboardInterrupt):
        train_all(trainings, jobs=1)
    assert len(list(tmp_path.iterdir())) == 2  # nothing half-written
    train_all(trainings, jobs=1)
    assert started == [0, 1, 2, 2, 3]


@pytest.mark.parametrize("fault", ["empty", "truncated", "flipped", "foreign"])
def test_a_damaged_file_is_reported_and_left_as_it_is(
    few_digits: Digits, tmp_path: Path, fault: str
) -> None:
    load_or_train(tmp_path, lambda *_: FINISHED, Settings(), few_digits)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    middle = whole.index(b"w.npy") + 40  # in its numbers
    content = {
        "empty": b"",
        "truncated": whole[: len(whole) // 2],
        "flipped": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
    }
    if fault == "foreign":
        np.savez(path, w=np.zeros(3))
    else:
        path.write_bytes(content[fault])
    before = path.read_bytes()
    with pytest.raises(OSError, match=rf"{path.name} is not a finished training .* delete it"):
        load_or_train(tmp_path, refuse, Settings(), few_digits)
    assert path.read_bytes() == before


def test_settings_data_and_initial_weights_tell_trainings_apart(
    few_digits: Digits, tmp_path: Path
) -> None:
    fewer = replace(few_digits, train_images=few_digits.train_images[1:])
    changes = [
        {name: Settings() if name == "start" else f"not {value}"}
        for name, value in asdict(Settings()).items()
    ]
    cases: list[tuple[Settings, Digits, np.ndarray | None]] = [
        (Settings(), few_digits, None),
        (Settings(), fewer, None),
        (Settings(), few_digits, np.zeros(1)),
        *((replace(Settings(), **change), few_digits, None) for change in changes),  # type: ignore
    ]
    for settings, data, start in cases:
        load_or_train(tmp_path, lambda *_: FINISHED, settings, data, start)
    assert len(list(tmp_path.iterdir())) == len(cases)


def test_all_experiments_differ() -> None:
    assert len(set(EXPERIMENTS.values())) == len(EXPERIMENTS)


def test_a_training_is_measured_twice_an_epoch_and_after_its_last_step(
    few_digits: Digits,
) -> None:
    settings = Settings("cross-entropy", epochs=1)
    w, kept = train(settings, few_digits)
    assert kept["steps"] == [2, 4, 5]
    model = settings.network(np.random.default_rng(0))
    model.w = w
    predicted = experiments.predicted(model, inputs(few_digits.test_images))
    accuracy = np.mean(predicted == few_digits.test_labels[:, 0])
    assert kept["test_accuracy"][-1] == accuracy
    assert len(kept["test_accuracy"]) == len(kept["train_accuracy"]) == 3


def test_the_same_settings_train_the_same_weights_and_another_seed_others(
    few_digits: Digits,
) -> None:
    settings = replace(BEST, epochs=1)
    first, second, other = (
        train(one, few_digits).w for one in (settings, settings, replace(settings, seed=1))
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_training_starts_from_the_weights_that_it_is_given(few_digits: Digits) -> None:
    start = train(Settings(epochs=1, seed=3), few_digits).w
    still = Settings(learning_rate=0, epochs=1)
    np.testing.assert_array_equal(train(still, few_digits, start).w, start)


def test_what_is_minimised_has_the_penalty(few_digits: Digits) -> None:
    without, with_l1 = (
        Trainer(replace(Settings(learning_rate=0, epochs=1), l1=l1, l1_count=100), few_digits)
        for l1 in (0, -0.5)
    )
    first, second = (list(trainer.train(1)[0]["loss"].values()) for trainer in (without, with_l1))
    w = dict(with_l1.model.parameters())["11.Linear.weight"].value.ravel()[:100]
    np.testing.assert_allclose(np.subtract(second, first), -0.5 * np.abs(w).sum(), 1e-4)


def test_the_penalty_of_some_weights_agrees_with_central_differences() -> None:
    rng = np.random.default_rng(0)
    X, Y = rng.standard_normal((4, 6)), np.eye(3)[[0, 1, 2, 0]]
    penalty = PartL1(-0.3, "0.Linear.weight", 7)
    model = Sequential([Linear(6, 3, rng)], penalties=[penalty])
    assert check_gradient(model, X, Y) < 1e-6
    w = np.arange(1.0, 19).reshape(6, 3)
    assert penalty.value(w) == pytest.approx(-0.3 * 28)
    assert np.flatnonzero(penalty.gradient(w)).tolist() == list(range(7))


def test_a_one_cycle_rises_in_the_first_quarter_and_ends_at_zero(few_digits: Digits) -> None:
    trainer = Trainer(Settings("cross-entropy", one_cycle=True, epochs=4), few_digits)
    rates, step = [], trainer.optimiser.step

    def recorded(w: np.ndarray, grad: np.ndarray) -> None:
        rates.append(trainer.optimiser.learning_rate)
        step(w, grad)

    trainer.optimiser.step = recorded  # type: ignore[method-assign]
    trainer.train(4)
    assert rates[0] == pytest.approx(0.02)
    assert rates[4] == max(rates) == pytest.approx(0.1)
    assert rates[9] == pytest.approx(0.2 / 3)
    assert rates[-1] == 0


def test_the_images_of_a_batch_are_moved_each_by_its_own_whole_pixels(
    few_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves: list[np.ndarray] = []

    def recorded(X: np.ndarray, *by: np.ndarray) -> np.ndarray:
        moves.extend(by)
        return X

    monkeypatch.setattr(experiments, "shift", recorded)
    Trainer(replace(BEST, epochs=1), few_digits).train(1)
    assert {int(move) for moved in moves for move in moved} == {-2, -1, 0, 1, 2}
    assert moves[0].shape == (20,)


def test_where_an_image_moves_away_from_there_is_background(few_digits: Digits) -> None:
    trainer = Trainer(replace(BEST, epochs=1), few_digits)
    seen: list[np.ndarray] = []
    forward = trainer.model.forward
    trainer.model.forward = lambda X: seen.append(X) or forward(X)  # type: ignore
    X, Y = trainer.X_train[:100], trainer.Y_train[:100]
    trainer.train_step(X, Y)
    assert seen[0].min() == pytest.approx(experiments.BACKGROUND, abs=1e-6)
    assert seen[0].dtype == np.float32


def test_only_the_named_digits_are_kept(tiny_digits: Digits) -> None:
    old = transfer.only(tiny_digits, 0, 4)
    assert set(old.train_labels.ravel()) == set(old.test_labels.ravel()) == set(range(5))
    assert old.train_images.shape == (int(np.sum(tiny_digits.train_labels < 5)), 784)


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


def test_the_labelled_images_are_equally_many_of_each_digit_and_validate_nothing(
    tiny_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "VALIDATION", 50)
    new = transfer.only(tiny_digits, 5, 9)
    split = transfer.split(new, 30)
    assert split.Y_train.sum(axis=0).tolist() == [0] * 5 + [6] * 5
    assert split.X_val.shape == (50, 784)
    held_out = {row.tobytes() for row in split.X_val}
    as_many_as_there_are = transfer.split(new, 10_000).X_train
    assert len(as_many_as_there_are) == len(new.train_images) - 50
    assert not any(row.tobytes() in held_out for row in as_many_as_there_are)


@pytest.fixture(scope="module")
def written(few_digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What `python -m reproduce.cs_6685 --quick` leaves behind on the few digits."""
    folder = tmp_path_factory.mktemp("cs_6685")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "load", lambda data, data_dir: few_digits)
        patch.setattr(experiments, "BATCH_SIZE", 50)
        patch.setattr(transfer, "SIZES", (10,))
        patch.setattr(transfer, "VALIDATION", 20)
        patch.setattr(sys, "argv", ["", "--quick", "--jobs", "1", "--out", str(folder)])
        script.main()
        yield folder


def test_the_figures_and_the_results_are_written(written: Path) -> None:
    published = Path(__file__).parents[2] / "docs" / "figures"
    assert {path.name for path in written.glob("*.png")} == {
        path.name for path in published.glob("hw4_*.png")
    }
    ours, theirs = (
        json.loads((folder / "results.json").read_text(encoding="utf-8"))["hw4"]
        for folder in (written, published)
    )
    assert ours["data"] == "few digits, 6,000 images"
    assert ours["quick"]
    for key in ("trainings", "transforms", "transfer"):
        assert list(ours[key]) == list(theirs[key])
    for name, one in ours["trainings"].items():
        assert list(one) == list(theirs["trainings"][name])
        assert one["settings"]["epochs"] <= 2
        assert 0 <= one["test_accuracy"][-1] <= 1
    for name, by_size in ours["transfer"].items():
        assert list(by_size["10"]) == list(theirs["transfer"][name]["10"])


def test_a_second_run_trains_nothing_and_writes_the_same(
    written: Path, no_training: None, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path.name: path.read_bytes() for path in written.iterdir() if path.is_file()}
    script.main()
    assert before == {path.name: path.read_bytes() for path in written.iterdir() if path.is_file()}
    printed = capsys.readouterr().out
    assert "Data: few digits, 6,000 images" in printed
    for name in EXPERIMENTS:
        assert f"\n{name} " in printed


def test_a_quick_run_does_not_replace_a_full_one_on_mnist(
    few_digits: Digits, tmp_path: Path, no_training: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results.json").write_text('{"hw4": {"data": "MNIST", "quick": false}}')
    monkeypatch.setattr(digits, "load", lambda data, data_dir: replace(few_digits, name="MNIST"))
    monkeypatch.setattr(sys, "argv", ["", "--quick", "--jobs", "1", "--out", str(tmp_path)])
    with pytest.raises(FileExistsError, match="this quick run would replace the results"):
        script.main()


def test_a_summary_counts_by_digit_and_names_what_is_never_predicted() -> None:
    labels = np.repeat(np.arange(10), 20)[:, None]
    seen = np.where(labels[:, 0] == 3, 5, labels[:, 0])
    one = summary(Settings(), range(250), {1: (0.5, seen * 0), 2: (0.6, seen)}, labels)
    assert one["test_accuracy"] == [0.1, 0.9]
    assert one["last_100"] == [0.0, 1.0]
    assert one["by_digit"] == [1, 1, 1, 0, 1, 1, 1, 1, 1, 1]
    assert one["never_predicted"] == [[1, 2, 3, 4, 5, 6, 7, 8, 9], [3]]
    assert one["objectives"] == [99, 199]


def test_an_example_is_the_first_image_that_a_transform_makes_the_network_misclassify(
    few_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings("cross-entropy", "Adam", 0.003, epochs=5)
    model = settings.network(np.random.default_rng(0))
    model.w = train(settings, few_digits).w
    right = (
        experiments.predicted(model, inputs(few_digits.test_images))
        == (few_digits.test_labels[:, 0])
    )
    order = np.argsort(right, kind="stable")  # what the network gets wrong comes first
    data = replace(
        few_digits,
        test_images=few_digits.test_images[order],
        test_labels=few_digits.test_labels[order],
    )
    transforms = {"none": lambda X: X, "no ink": np.zeros_like}
    monkeypatch.setattr(robustness, "TRANSFORMS", transforms)
    accuracies, examples = robustness.robustness(model, data)
    assert accuracies["none"] == pytest.approx(np.mean(right))
    image, answer, blank, answer_then = examples["no ink"]
    labels, digit = data.test_labels[:, 0], int(answer_then[0])
    first = int(np.argmax(right[order] & (labels != digit)))
    assert right.any()
    assert not right.all()
    np.testing.assert_array_equal(image.ravel(), scaled(data.test_images)[first])
    assert answer[0] == str(labels[first])
    assert blank.max() == 0
    assert accuracies["no ink"] == pytest.approx(np.mean(labels == digit))
