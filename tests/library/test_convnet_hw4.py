"""The experiments of CS 6685: what determines a training, what is kept of it, what is told."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import digits
from convnet import experiments, finished, hw4, transfer
from convnet.experiments import BEST, EXPERIMENTS, PartL1, Settings, Trainer, inputs, scaled, train
from convnet.layers import Conv2d, Linear
from convnet.network import Sequential, lenet
from digits import Digits
from lab.jobs import train_all
from lab.trainings import Stop
from trainer import BaseTrainer, check_gradient


@dataclass(frozen=True)
class Record:
    a: np.ndarray
    b: np.ndarray


RECORD = Record(np.arange(3.0), np.array([[1, 2]], np.uint8))


@pytest.fixture(scope="module")
def few_digits(tiny_digits: Digits) -> Digits:
    """200 digits to train on, 100 to test on: two steps an epoch."""
    arrays = {
        name: array[:200] if "train" in name else array[:100]
        for name, array in vars(tiny_digits).items()
        if name != "name"
    }
    return Digits("few digits", **arrays)


@pytest.fixture
def no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where a training begins."""
    monkeypatch.setattr(BaseTrainer, "train", lambda self, epochs: pytest.fail("it trained"))


def test_a_finished_training_is_read_and_not_trained_again(tmp_path: Path) -> None:
    path = tmp_path / "new" / "one.npz"
    first = finished.once(path, Record, lambda: RECORD)
    second = finished.once(path, Record, lambda: pytest.fail("it trained"))
    for one in (first, second):
        for name, array in vars(RECORD).items():
            np.testing.assert_array_equal(getattr(one, name), array, strict=True)


def test_an_interrupted_training_leaves_nothing_and_is_trained_again(tmp_path: Path) -> None:
    path = tmp_path / "one.npz"

    def interrupted() -> Record:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        finished.once(path, Record, interrupted)
    assert list(tmp_path.iterdir()) == []
    assert finished.once(path, Record, lambda: RECORD) is RECORD


def test_a_run_takes_up_where_it_was_interrupted(
    few_digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    whole = Trainer.train

    def interrupted_once(trainer: Trainer, epochs: int) -> Any:
        begun.append(trainer.settings.seed)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return whole(trainer, epochs)

    monkeypatch.setattr(Trainer, "train", interrupted_once)
    trainings = {
        seed: partial(train, Settings(epochs=1, seed=seed), few_digits, tmp_path)
        for seed in range(4)
    }
    with pytest.raises(KeyboardInterrupt):
        train_all(trainings, jobs=1)
    train_all(trainings, jobs=1)
    assert begun == [0, 1, 2, 2, 3]


@pytest.mark.parametrize("fault", ["empty", "text", "truncated", "flipped", "foreign"])
def test_a_corrupt_or_foreign_file_is_said_and_left_alone(tmp_path: Path, fault: str) -> None:
    path = tmp_path / "one.npz"
    finished.once(path, Record, lambda: RECORD)
    whole = path.read_bytes()
    middle = whole.index(b"a.npy") + 40
    content = {
        "empty": b"",
        "text": b"not an archive",
        "truncated": whole[: len(whole) // 2],
        "flipped": whole[:middle] + bytes([whole[middle] ^ 255]) + whole[middle + 1 :],
    }
    if fault == "foreign":
        np.savez(path, w=np.zeros(3))
    else:
        path.write_bytes(content[fault])
    before = path.read_bytes()
    with pytest.raises(OSError, match=r"one.npz is not a finished training .* delete it"):
        finished.once(path, Record, lambda: pytest.fail("it trained"))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"loss": "cross-entropy"},
        {"optimiser": "Adam"},
        {"learning_rate": 0.2},
        {"batch_norm": True},
        {"l1": 0.1},
        {"l1_count": 1},
        {"l2": 0.1},
        {"start": Settings()},
        {"shifts": 1},
        {"one_cycle": True},
        {"epochs": 1},
        {"seed": 1},
    ],
)
def test_every_setting_and_the_data_name_the_file(
    change: dict[str, Any], tiny_digits: Digits, tmp_path: Path
) -> None:
    one = experiments.path_of(Settings(), tiny_digits, tmp_path)
    assert experiments.path_of(Settings(), tiny_digits, tmp_path) == one
    assert experiments.path_of(replace(Settings(), **change), tiny_digits, tmp_path) != one
    fewer = replace(tiny_digits, train_images=tiny_digits.train_images[1:])
    assert experiments.path_of(Settings(), fewer, tmp_path) != one


def test_all_experiments_differ() -> None:
    assert len(set(EXPERIMENTS.values())) == len(EXPERIMENTS)


def test_a_training_is_measured_twice_an_epoch_and_after_its_last_step(
    few_digits: Digits, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiments, "BATCH_SIZE", 40)  # five steps an epoch
    settings = Settings("cross-entropy", epochs=1)
    done = train(settings, few_digits, tmp_path)
    assert done.steps.tolist() == [2, 4, 5]
    assert done.predicted.shape == (3, 100)
    assert len(done.objectives) == 5
    model = settings.network(np.random.default_rng(0))
    model.w = done.w
    seen = experiments.predicted(model, inputs(few_digits.test_images))
    np.testing.assert_array_equal(done.predicted[-1], seen)


def test_the_same_settings_train_the_same_weights_and_another_seed_others(
    few_digits: Digits, tmp_path: Path
) -> None:
    settings = replace(BEST, epochs=1)
    first, second, other = (
        train(one, few_digits, tmp_path / folder).w
        for one, folder in ((settings, "a"), (settings, "b"), (replace(settings, seed=1), "a"))
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_training_starts_from_the_weights_of_a_finished_one(
    few_digits: Digits, tmp_path: Path
) -> None:
    start = Settings(epochs=1, seed=3)
    still = Settings(learning_rate=0, epochs=1, start=start)
    w = train(still, few_digits, tmp_path).w
    np.testing.assert_array_equal(w, train(start, few_digits, tmp_path).w)


def test_the_objective_that_is_kept_has_the_penalty(few_digits: Digits) -> None:
    without, with_l1 = (
        Trainer(replace(Settings(learning_rate=0, epochs=1), l1=l1, l1_count=100), few_digits)
        for l1 in (0, -0.5)
    )
    for trainer in (without, with_l1):
        trainer.train(1)
    w = dict(with_l1.model.parameters())["11.Linear.weight"].value.ravel()[:100]
    penalty = -0.5 * np.abs(w).sum()
    np.testing.assert_allclose(np.subtract(with_l1.objectives, without.objectives), penalty, 1e-4)


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
    assert rates[0] == pytest.approx(0.05)
    assert rates[1] == max(rates) == pytest.approx(0.1)
    assert rates[4] == pytest.approx(0.05)
    assert rates[-1] == 0


def test_the_images_of_a_batch_are_moved_each_by_its_own_whole_pixels(
    tiny_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves: list[np.ndarray] = []

    def recorded(X: np.ndarray, *by: np.ndarray) -> np.ndarray:
        moves.extend(by)
        return X

    monkeypatch.setattr(experiments, "shift", recorded)
    Trainer(replace(BEST, epochs=1), tiny_digits).train(1)
    assert {int(move) for moved in moves for move in moved} == {-2, -1, 0, 1, 2}
    assert moves[0].shape == (100,)


def test_where_an_image_moves_away_from_there_is_background(few_digits: Digits) -> None:
    trainer = Trainer(replace(BEST, epochs=1), few_digits)
    seen: list[np.ndarray] = []
    forward = trainer.model.forward
    trainer.model.forward = lambda X: seen.append(X) or forward(X)  # type: ignore
    X, Y = trainer.X_train[:100], trainer.Y_train[:100]
    trainer.stop = Stop(step=0)
    trainer.train_step(X, Y)
    assert seen[0].min() == pytest.approx(experiments.BACKGROUND, abs=1e-6)
    assert seen[0].dtype == np.float32


def test_only_the_named_digits_are_kept(tiny_digits: Digits) -> None:
    old = transfer.only(tiny_digits, 0, 4)
    assert set(old.train_labels.ravel()) == set(old.test_labels.ravel()) == set(range(5))
    assert old.train_images.shape == (int(np.sum(tiny_digits.train_labels < 5)), 784)


def test_transfer_takes_the_convolutions_and_begins_the_linear_layers_anew() -> None:
    pretrained = lenet(np.random.default_rng(7))
    for way in transfer.WAYS.values():
        model = transfer.begin(way, pretrained.w, np.random.default_rng(0))
        old = pretrained.parameters()
        for name, parameter in model.parameters().items():
            same = np.array_equal(parameter.value, old[name].value)
            assert same == ("Conv2d" in name and way.pretrained)
        frozen = [layer.frozen for layer in model.layers if isinstance(layer, Conv2d)]
        assert frozen == [way.frozen] * 2


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
def written(few_digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `python -m convnet.hw4 --quick` leaves behind on the few digits."""
    folder = tmp_path_factory.mktemp("hw4")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(digits, "load", lambda data, data_dir: few_digits)
        patch.setattr(experiments, "BATCH_SIZE", 40)
        patch.setattr(transfer, "SIZES", (10,))
        patch.setattr(transfer, "VALIDATION", 30)
        patch.setattr(sys, "argv", ["", "--quick", "--jobs", "1", "--out", str(folder)])
        hw4.main()
    return folder


def test_the_figures_and_the_results_are_written(written: Path) -> None:
    figures = {path.name for path in written.glob("*.png")}
    assert figures == {
        f"hw4_{name}.png"
        for name in (
            "optimisers",
            "gradients",
            "by_digit",
            "subtracted",
            "transforms",
            "first_images",
            "transfer_sizes",
            "transfer_epochs",
        )
    }
    results = json.loads((written / "results.json").read_text())["hw4"]
    assert results["data"] == "few digits, 6,000 images"
    assert results["quick"]
    assert list(results["trainings"]) == list(EXPERIMENTS)
    for one in results["trainings"].values():
        assert one["settings"]["epochs"] <= 2
        assert 0 <= one["test_accuracy"][-1] <= 1
        assert len(one["by_digit"]) == 10
    assert set(results["transfer"]) == set(transfer.WAYS)
    assert set(results["transforms"]) == set(hw4.TRANSFORMS)


def test_a_second_run_trains_nothing_and_writes_the_same(
    written: Path,
    few_digits: Digits,
    no_training: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = {path.name: path.read_bytes() for path in written.iterdir() if path.is_file()}
    monkeypatch.setattr(digits, "load", lambda data, data_dir: few_digits)
    monkeypatch.setattr(transfer, "SIZES", (10,))
    monkeypatch.setattr(sys, "argv", ["", "--quick", "--jobs", "1", "--out", str(written)])
    hw4.main()
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
        hw4.main()


def test_a_summary_counts_by_digit_and_names_what_is_never_predicted() -> None:
    labels = np.repeat(np.arange(10), 20)[:, None]
    seen = np.where(labels[:, 0] == 3, 5, labels[:, 0])
    zeros = np.zeros(2)
    done = experiments.Finished(zeros, np.arange(250.0), zeros, zeros, np.stack([seen * 0, seen]))
    told = hw4.summary(Settings(), done, labels)
    assert told["test_accuracy"] == [0.1, 0.9]
    assert told["last_100"] == [0.0, 1.0]
    assert told["by_digit"] == [1, 1, 1, 0, 1, 1, 1, 1, 1, 1]
    assert told["never_predicted"] == [[1, 2, 3, 4, 5, 6, 7, 8, 9], [3]]
    assert told["objectives"] == [99, 199]


def test_a_transform_fools_the_network_on_the_first_image_that_it_makes_wrong(
    tiny_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings("cross-entropy", "Adam", 0.003, epochs=3)
    trainer = Trainer(settings, tiny_digits)
    trainer.train(settings.epochs)
    seen = experiments.predicted(trainer.model, trainer.X_test)
    right = seen == tiny_digits.test_labels[:, 0]
    order = np.argsort(right, kind="stable")  # what the network gets wrong comes first
    data = replace(
        tiny_digits,
        test_images=tiny_digits.test_images[order],
        test_labels=tiny_digits.test_labels[order],
    )
    monkeypatch.setattr(hw4, "TRANSFORMS", {"none": lambda X: X, "no ink": np.zeros_like})
    accuracies, fooled = hw4.fool(settings, trainer.model.w, data)
    assert accuracies["none"] == pytest.approx(np.mean(right))
    image, says, changed, says_then = fooled["no ink"]
    labels, blank = data.test_labels[:, 0], int(says_then[0])
    first = int(np.argmax(right[order] & (labels != blank)))
    assert not right.all()
    np.testing.assert_array_equal(image.ravel(), scaled(data.test_images)[first])
    assert says[0] == str(labels[first])
    assert changed.max() == 0
    assert accuracies["no ink"] == pytest.approx(np.mean(labels == blank))
