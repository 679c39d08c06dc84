"""The trainer: steps, validations, early stopping, and how it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, repeat
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import task2
import task3
from lab.trainings import fit
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
        self.batches: list[list[int]] = []
        self.step_losses: Iterable[float] = repeat(1.0)

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        np.testing.assert_array_equal(X_batch, Y_batch)
        self.batches.append(X_batch[:, 0].tolist())
        self.model.w += 1
        return next(iter(self.step_losses))

    def validation_step(self) -> tuple[float, float, float]:
        return next(self.losses), 0.25, 0.75


@pytest.mark.parametrize(
    ("losses", "patience", "best", "last"),
    [
        ([5, 4, 3], 10, 2, 12),
        ([3, 5, 4, 3, 5, 4, 3, 5, 4, 3, 4], 10, 0, 10),
        ([5, *repeat(6, 9), 4.9], 10, 10, 20),
        ([5], 2, 0, 2),
    ],
    ids=["the tenth", "an equal loss is none", "counts again after one", "a choice"],
)
def test_training_stops_at_the_tenth_validation_without_improvement_on_the_best(
    losses: list[float], patience: int, best: int, last: int
) -> None:
    training = fit(Scripted(losses, patience=patience), 100)  # five batches, all validated
    assert (training.stopped_by, training.step) == ("early stopping", last)
    assert (training.best.step, training.best.val_loss) == (best, min(losses))
    assert training.w == best + 1  # one step adds 1


def test_without_patience_all_epochs_are_trained_and_the_best_weights_kept() -> None:
    training = fit(Scripted([3, 5, 4, 2, 6], patience=None), 20)
    assert (training.stopped_by, training.step) == ("all epochs", 99)
    assert training.w == 4


def test_the_histories_hold_every_step_and_every_validation() -> None:
    trainer = Scripted([5, 4, 3, 2], examples=46, patience=None)  # 23 batches: a validation every 4
    train_history, val_history = trainer.train(2)
    assert list(train_history["loss"]) == list(range(46))
    for history in (train_history["accuracy"], val_history["accuracy"], val_history["loss"]):
        assert list(history) == list(range(0, 46, 4))  # counted on from epoch to epoch
    assert val_history["loss"][4] == 4
    assert (train_history["accuracy"][0], val_history["accuracy"][0]) == (0.25, 0.75)


def test_training_again_starts_new_histories() -> None:
    trainer = Scripted([5, 4, 3])
    trainer.train(1)
    training = fit(trainer, 1)
    assert len(training.train_history["loss"]) == 5
    assert training.best.val_loss == 9


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


@pytest.mark.parametrize(
    ("script", "kind", "model", "targets"),
    [
        (task2, LogisticTrainer, BinaryModel(), np.eye(9)[:, 3:4]),
        (task3, SoftmaxTrainer, SoftmaxModel(0.5), np.eye(9, 10)),
    ],
)
def test_a_step_and_a_validation_measure_the_loss_without_the_penalty(
    script: Any, kind: type[BaseTrainer], model: Any, targets: np.ndarray
) -> None:
    rng = np.random.default_rng(0)
    X, w = rng.uniform(-1, 1, (9, 785)), rng.standard_normal(model.w.shape)
    model.w = w.copy()
    outputs = model.forward(X)
    model.backward(X, outputs, targets)
    gradient = model.grad
    trainer = kind(model, 0.1, 5, False, X[:5], targets[:5], X[5:], targets[5:])
    assert trainer.train_step(X, targets) == script.cross_entropy_loss(targets, outputs)
    np.testing.assert_allclose(model.w, w - 0.1 * gradient)
    train, val = model.forward(X[:5]), model.forward(X[5:])
    accuracies = script.accuracy(targets[:5], train), script.accuracy(targets[5:], val)
    assert accuracies[0] != accuracies[1]
    expected = script.cross_entropy_loss(targets[5:], val), *accuracies
    assert trainer.validation_step() == pytest.approx(expected)


def test_a_loss_that_is_not_finite_stops_training_with_its_place_and_the_best_weights() -> None:
    trainer = Scripted([5, 4], learning_rate=7)
    trainer.step_losses = iter([1.0, 1.0, 1.0, float("inf")])
    with pytest.raises(
        DivergedError, match=r"training loss is inf at step 3 .*rate 7 .*largest \|w\| 4\."
    ):
        trainer.train(10)
    assert list(trainer.train_history["loss"]) == [0, 1, 2]
    assert trainer.model.w == 2


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


X4 = np.zeros((4, 1))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Scripted([5], batch_size=0), "batch_size: expected a whole .* least 1, got 0"),
        (lambda: Scripted([5], batch_size=2.5), "batch_size: .* at least 1, got 2.5"),
        (lambda: Scripted([5], batch_size=11), "batch_size: expected at most 10, .* got 11"),
        (lambda: Scripted([5], learning_rate=-0.1), "learning_rate: .* at least 0, got -0.1"),
        (lambda: Scripted([5], learning_rate=np.nan), "learning_rate: .* at least 0, got nan"),
        (lambda: Scripted([5], patience=0), "patience: expected a whole .* least 1, got 0"),
        (lambda: Scripted([5], validations_per_epoch=0), "validations_per_epoch: .* got 0"),
        (lambda: Scripted([5]).train(-1), "num_epochs: expected a whole .* least 0, got -1"),
        (
            lambda: BaseTrainer(BinaryModel(), 0.1, 1, False, X4, X4[:3], X4, X4),
            "equally many examples, got 4 in X_train, 3 in Y_train",
        ),
        (
            lambda: BaseTrainer(BinaryModel(), 0.1, 1, False, X4, X4, X4[:0], X4[:0]),
            r"len\(X_val\): expected .* at least 1, got 0",
        ),
    ],
)
def test_a_wrong_argument_is_named(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
