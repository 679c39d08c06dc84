"""The trainer: histories, orders and losses, and how it diverges."""

import re
from collections.abc import Iterable
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import task2
import task3
from lab.trainings import HistoryError, Training, fit
from task2 import LogisticTrainer
from task2a import BinaryModel
from task3 import SoftmaxTrainer
from task3a import SoftmaxModel
from trainer import BaseTrainer, DivergedError


class Scripted(BaseTrainer):
    """Counts its steps in `model.w`, and validates by a script of losses."""

    def __init__(self, losses: Iterable[float], examples: int = 10, **options: Any) -> None:
        X = np.arange(examples).reshape(-1, 1)
        model = SimpleNamespace(w=np.zeros((1, 1)))
        arguments = {"learning_rate": 0.1, "batch_size": 2, "shuffle_dataset": False, **options}
        super().__init__(model, **arguments, X_train=X, Y_train=X, X_val=X, Y_val=X)
        self.losses = chain(losses, repeat(9.0))
        self.order: list[int] = []
        self.step_losses: Iterable[float] = repeat(1.0)

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        self.order += X_batch[:, 0].tolist()
        self.model.w += 1
        return next(iter(self.step_losses))

    def validation_step(self) -> tuple[float, float, float]:
        return next(self.losses), 0.25, 0.75


# tests/library/test_early_stopping.py has where a training ends, with any histories and batches


def test_training_again_starts_new_histories_from_the_best_weights() -> None:
    trainer = Scripted([5, 4, 3], examples=46, patience=None)  # 23 batches: a validation every 4
    trainer.train(1)  # the best weights are 9
    training = fit(trainer, 2)
    assert training.train_history["loss"] == dict.fromkeys(range(46), 1)
    assert training.val_history["loss"] == dict.fromkeys(range(0, 46, 4), 9)
    assert training.w == 10


def test_every_epoch_has_an_order_of_its_own_if_shuffled() -> None:
    shuffled, in_order = Scripted([5], shuffle_dataset=True), Scripted([5])
    for trainer in (shuffled, in_order):
        trainer.train(2)
    assert sorted(shuffled.order[:10]) == sorted(shuffled.order[10:]) == list(range(10))
    assert shuffled.order[:10] != shuffled.order[10:]
    assert in_order.order == [*range(10), *range(10)]


@pytest.mark.parametrize(
    ("script", "kind", "model", "targets"),
    [
        (task2, LogisticTrainer, BinaryModel(), np.eye(9)[:, 3:4]),
        (task3, SoftmaxTrainer, SoftmaxModel(0.5), np.eye(9, 10)),
    ],
)
def test_a_step_and_a_validation_give_their_losses_without_the_penalty(
    script: Any, kind: type[BaseTrainer], model: Any, targets: np.ndarray
) -> None:
    rng = np.random.default_rng(0)
    X, model.w = rng.uniform(-1, 1, (9, 785)), rng.standard_normal(model.w.shape)
    outputs = model.forward(X)
    trainer = kind(model, 0.1, 5, False, X[:5], targets[:5], X[5:], targets[5:])
    accuracies = [script.accuracy(targets[s], outputs[s]) for s in (slice(5), slice(5, 9))]
    assert accuracies[0] != accuracies[1]
    val_loss = script.cross_entropy_loss(targets[5:], outputs[5:])
    assert trainer.validation_step() == pytest.approx((val_loss, *accuracies))
    assert trainer.train_step(X, targets) == script.cross_entropy_loss(targets, outputs)


def test_a_loss_that_is_not_finite_stops_training_with_its_place_and_the_best_weights() -> None:
    trainer = Scripted([5, 4], learning_rate=7)
    trainer.step_losses = iter([1.0, 1.0, 1.0, float("inf")])
    where = r"loss is inf at step 3 \(epoch 0\), .*rate 7 .*largest \|w\| 4\."
    with pytest.raises(DivergedError, match=where):
        trainer.train(10)
    assert list(trainer.train_history["loss"]) == [0, 1, 2]
    assert trainer.model.w == 2


@pytest.mark.filterwarnings("error")
def test_a_rate_too_large_for_the_dtype_diverges_without_a_warning() -> None:
    X, Y = np.full((4, 785), 1e30, np.float32), np.array([[0], [1], [1], [0]], np.float32)
    trainer = LogisticTrainer(BinaryModel(), 1e9, 1, False, X, Y, X, Y)
    with pytest.raises(DivergedError, match="smaller learning rate"):
        trainer.train(5)


def test_the_gradient_is_checked_on_the_first_training_examples_alone() -> None:
    X, Y = np.full((5, 785), np.nan), np.array([[0], [1], [1], [0], [1]])
    X[:4] = np.linspace(-1, 1, 4 * 785).reshape(4, 785)
    trainer = LogisticTrainer(BinaryModel(), 0.1, 1, False, X, Y, X[4:], Y[4:])
    assert trainer.check_gradient() < 1e-7


# What a training keeps of the histories that a trainer returns

TRAIN = {"loss": {0: 0.5, 1: 0.25}, "accuracy": {0: 0.75}}
VAL = {"loss": {0: 0.5}, "accuracy": {0: 0.25}}


def fitted(returned: object) -> Training:
    """What is kept of a training whose `train` returns this."""
    trainer = Scripted([])
    vars(trainer)["train"] = lambda num_epochs: returned
    return fit(trainer, 1)


def test_numbers_of_any_type_become_plain_ones() -> None:
    train = TRAIN | {"loss": {0.0: np.float32(0.5), np.int64(1): np.array([[0.25]])}}
    training = fitted([train, VAL | {"loss": {0: np.array(-0.0)}}, "a third value"])
    histories = training.train_history, training.val_history
    assert str(histories) == str((TRAIN, VAL | {"loss": {0: 0.0}}))


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (None, "train: expected train_history and val_history, got None. Likely fix: end it"),
        ((TRAIN,), "train: expected train_history and val_history, got ({'loss': {0: 0.5, 1: 0.25"),
        ((TRAIN, [0.5]), 'val_history["loss"]: expected a dictionary {step: value}, got [0.5].'),
        ((TRAIN | {"loss": {1: 1}}, VAL), 'train_history["loss"]: expected a value at step 0'),
        ((TRAIN, VAL | {"loss": {}}), "expected a value for each validation, got none."),
        ((TRAIN, VAL | {"loss": {0: None}}), 'val_history["loss"] at step 0: expected one number'),
        ((TRAIN, VAL | {"loss": {0.2: 0.5}}), "expected steps that count from 0, got 0.2."),
        ((TRAIN, VAL | {"loss": {"0": 0.5}}), "expected steps that count from 0, got '0'."),
    ],
)
def test_a_history_without_what_the_scripts_show_is_named(returned: object, message: str) -> None:
    with pytest.raises(HistoryError, match=re.escape(message)):
        fitted(returned)


def test_a_loss_that_is_no_number_is_named_at_once() -> None:
    losses: Any = ["a text"]
    validated, trained = Scripted(losses), Scripted([])
    trained.step_losses = iter(losses)
    for trainer, name in ((validated, "validation"), (trained, "training")):
        with pytest.raises(HistoryError, match=f"the {name} loss: expected one number, got 'a t"):
            trainer.train(1)
