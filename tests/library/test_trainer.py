"""The trainer: steps, validations, early stopping, and how it ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import task2
import task3
import utils
from digits import Digits
from lab.trainings import fit, load, save
from task2 import LogisticTrainer
from task2a import BinaryModel, pre_process_images
from task3 import SoftmaxTrainer
from task3a import SoftmaxModel, one_hot_encode
from trainer import BaseTrainer, DivergedError


class Scripted(BaseTrainer):
    """Counts its steps in `model.w`, and validates by a script of losses."""

    def __init__(self, losses: Iterable[float], examples: int = 10, **options: Any) -> None:
        X = np.arange(examples).reshape(-1, 1)
        model = SimpleNamespace(w=np.zeros((1, 1)))
        arguments = {"learning_rate": 0.1, "batch_size": 2, "shuffle_dataset": False, **options}
        super().__init__(model, **arguments, X_train=X, Y_train=X, X_val=X, Y_val=X)
        self.losses = chain(losses, repeat(9.0))
        self.batches: list[list[int]] = []
        self.step_losses: Iterable[float] = repeat(1.0)

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        np.testing.assert_array_equal(X_batch, Y_batch)
        self.batches.append(X_batch[:, 0].tolist())
        self.model.w += 1
        return next(iter(self.step_losses))

    def validation_step(self) -> tuple[float, float, float]:
        return next(self.losses), 0.25, 0.75


def test_training_stops_at_the_tenth_validation_without_improvement() -> None:
    trainer = Scripted([5, 4, 3])  # a validation at every step: five batches an epoch
    training = fit(trainer, 100)
    assert (training.stopped_by, training.epoch, training.step) == ("early stopping", 2, 12)
    assert (training.best.step, training.best.val_loss) == (2, 3)
    assert str(training) == "early stop at epoch 2, step 12"


def test_what_counts_is_the_best_so_far_and_equal_is_no_improvement() -> None:
    trainer = Scripted([3, 5, 4, 3, 5, 4, 3, 5, 4, 3, 4])  # falls often, but never below 3
    assert fit(trainer, 100).step == 10


def test_an_improvement_starts_the_count_again() -> None:
    trainer = Scripted([5, *repeat(6, 9), 4.9])
    training = fit(trainer, 100)
    assert (training.best.step, training.step) == (10, 20)


def test_the_weights_of_the_best_validation_are_kept() -> None:
    early, late = Scripted([5, 4, 3]), Scripted([3, 5, 4, 2, 6])
    early.train(100)
    training = fit(late, 1)
    assert early.model.w == 3  # step 2 is the third
    assert late.model.w == training.w == 4
    assert (training.stopped_by, str(training)) == ("all epochs", "all 1 epochs")


def test_patience_is_a_choice_and_none_never_stops() -> None:
    short, never = Scripted([5], patience=2), Scripted([5], patience=None)
    assert fit(short, 100).step == 2
    training = fit(never, 20)
    assert (short.should_stop([1.0]), never.should_stop([1.0] * 9)) == (False, False)
    assert (training.stopped_by, training.step) == ("all epochs", 99)


def test_the_histories_hold_every_step_and_every_validation() -> None:
    trainer = Scripted([5, 4, 3, 2], examples=46, patience=None)  # 23 batches: a validation every 4
    train_history, val_history = trainer.train(1)
    assert list(train_history["loss"]) == list(range(23))
    for history in (train_history["accuracy"], val_history["accuracy"], val_history["loss"]):
        assert list(history) == [0, 4, 8, 12, 16, 20]
    assert val_history["loss"][4] == 4
    assert (train_history["accuracy"][0], val_history["accuracy"][0]) == (0.25, 0.75)


def test_fewer_than_five_batches_an_epoch_are_validated_at_every_step() -> None:
    _, val_history = Scripted([3, 2, 1], examples=6).train(1)
    assert list(val_history["loss"]) == [0, 1, 2]


def test_every_epoch_has_an_order_of_its_own_drawn_from_the_generator_given() -> None:
    one, two, other = (
        Scripted([5], shuffle_dataset=True, rng=np.random.RandomState(seed)) for seed in (0, 0, 1)
    )
    for trainer in (one, two, other):
        trainer.train(2)
    first, second = (list(chain(*one.batches[i : i + 5])) for i in (0, 5))
    assert sorted(first) == sorted(second) == list(range(10))
    assert first != second
    assert one.batches == two.batches != other.batches


def test_without_shuffling_the_order_stays() -> None:
    trainer = Scripted([5])
    trainer.train(2)
    assert trainer.batches == [[0, 1], [2, 3], [4, 5], [6, 7], [8, 9]] * 2


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_training_and_says_where(loss: float) -> None:
    trainer = Scripted([5, 4], learning_rate=7)
    trainer.step_losses = iter([1.0, 1.0, 1.0, loss])
    with pytest.raises(
        DivergedError, match=rf"loss is {loss} at step 3 .*learning rate 7 .*largest \|w\| 4\."
    ):
        trainer.train(10)
    assert list(trainer.train_history["loss"]) == [0, 1, 2]
    assert trainer.model.w == 2  # of the best validation


def test_a_validation_loss_that_is_not_finite_stops_training_too() -> None:
    with pytest.raises(DivergedError, match="the validation loss is nan at step 1"):
        Scripted([5, float("nan")]).train(10)


def test_a_rate_too_large_for_the_dtype_diverges_without_a_warning() -> None:
    X, Y = np.full((4, 785), 1e30, np.float32), np.array([[0], [1], [1], [0]], np.float32)
    trainer = LogisticTrainer(BinaryModel(), 1e9, 1, False, X, Y, X, Y)
    with pytest.raises(DivergedError, match="smaller learning rate"):
        trainer.train(5)


def test_ctrl_c_leaves_the_best_weights_and_the_histories() -> None:
    def losses() -> Iterable[float]:
        yield from (5, 4, 6)
        raise KeyboardInterrupt

    trainer = Scripted(losses())
    with pytest.raises(KeyboardInterrupt):
        trainer.train(10)
    assert trainer.model.w == 2
    assert list(trainer.train_history["loss"]) == [0, 1, 2, 3]
    assert len(trainer.val_history["loss"]) == 3


def test_a_subclass_can_stop_by_a_rule_of_its_own() -> None:
    class StopsBelowFour(Scripted):
        def should_stop(self, val_losses: Sequence[float]) -> bool:
            return val_losses[-1] < 4

    trainer = StopsBelowFour([5, 6, 4, 3, 7])
    training = fit(trainer, 100)
    assert (training.stopped_by, training.step) == ("early stopping", 3)


def test_the_number_of_validations_an_epoch_is_a_choice() -> None:
    _, val_history = Scripted([5, 4], examples=46, validations_per_epoch=1).train(2)
    assert list(val_history["loss"]) == [0, 23]


def test_training_again_starts_new_histories() -> None:
    trainer = Scripted([5, 4, 3])
    trainer.train(1)
    training = fit(trainer, 1)
    assert len(training.train_history["loss"]) == 5
    assert training.best.val_loss == 9


def test_zero_epochs_train_nothing() -> None:
    trainer = Scripted([5])
    assert trainer.train(0) == ({"loss": {}, "accuracy": {}}, {"loss": {}, "accuracy": {}})
    assert trainer.model.w == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected a whole number of at least 1, got 0"),
        ({"batch_size": 2.5}, "batch_size: expected a whole number of at least 1, got 2.5"),
        ({"batch_size": 11}, "batch_size: expected at most 10, .* got 11"),
        ({"learning_rate": -0.1}, "learning_rate: expected at least 0, got -0.1"),
        ({"learning_rate": float("nan")}, "learning_rate: expected at least 0, got nan"),
        ({"patience": 0}, "patience: expected a whole number of at least 1, got 0"),
        ({"validations_per_epoch": 0.5}, "validations_per_epoch: expected a whole .* got 0.5"),
    ],
)
def test_a_wrong_option_is_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scripted([5], **options)


def test_negative_epochs_and_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match=r"num_epochs: expected a whole .* at least 0, got -1"):
        Scripted([5]).train(-1)
    X, Y = np.zeros((4, 785)), np.zeros((3, 1))
    with pytest.raises(ValueError, match="equally many examples, got 4 in X_train, 3 in Y_train"):
        BaseTrainer(BinaryModel(), 0.1, 1, False, X, Y, X, Y)
    with pytest.raises(ValueError, match=r"len\(X_val\): expected .* at least 1, got 0"):
        BaseTrainer(BinaryModel(), 0.1, 1, False, Y, Y, Y[:0], Y[:0])


def test_both_trainers_make_their_loss_smaller_and_pass_the_gradient_check() -> None:
    rng = np.random.default_rng(0)
    X, labels = rng.integers(0, 256, (50, 784)), rng.integers(0, 2, (50, 1))
    inputs, one_hot = pre_process_images(X), one_hot_encode(labels, 10)
    for kind, model, Y in (
        (LogisticTrainer, BinaryModel(), labels),
        (SoftmaxTrainer, SoftmaxModel(0.01), one_hot),
    ):
        trainer = kind(model, 0.01, 10, True, inputs, Y, inputs, Y, rng=rng)
        assert trainer.check_gradient() < 1e-7
        before = model.objective(inputs, Y)
        trainer.train(3)
        assert model.objective(inputs, Y) < before


def test_the_settings_are_those_of_the_assignment(
    tiny_digits: Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[BaseTrainer] = []
    for script in (task2, task3):
        monkeypatch.setattr(script, "fit", lambda trainer, epochs: made.append(trainer))
    data = replace(tiny_digits, train_labels=2 + tiny_digits.train_labels % 2)  # 400 of 2 and 3
    for shuffle in (False, True):
        task2.train(utils.load_binary_dataset(2, 3, data), shuffle, epochs=1, seed=0)
    task3.train(utils.load_full_mnist(tiny_digits), 0.1, epochs=1, seed=0)
    assert [trainer.learning_rate for trainer in made] == [0.05, 0.05, 0.01]
    assert [trainer.batch_size for trainer in made] == [128, 128, 128]
    assert [trainer.shuffle_dataset for trainer in made] == [False, True, True]
    assert [trainer.patience for trainer in made] == [10, 10, 10]
    assert task3.LAMBDAS == (0, 0.001, 0.01, 0.1, 1)


def test_a_training_is_read_as_it_was_saved(tmp_path: Path) -> None:
    one, two = fit(Scripted([5, 4, 3]), 100), fit(Scripted([5], validations_per_epoch=1), 2)
    save(tmp_path / "runs.npz", {"one": one, "two, shuffled": two})
    loaded = load(tmp_path / "runs.npz")
    assert list(loaded) == ["one", "two, shuffled"]
    for training, saved in zip(loaded.values(), (one, two), strict=True):
        np.testing.assert_array_equal(training.w, saved.w)
        assert replace(training, w=saved.w) == saved
