"""The one trainer: mini-batch gradient descent with validation and early stopping."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from tqdm import tqdm

from lab.expect import expect_at_least, expect_batch_size, expect_count, expect_same_length
from lab.gradient import GradientCheck, check_gradient
from utils import batch_loader

History = dict[str, dict[int, float]]  # {"loss": {step: value}, "accuracy": {step: value}}


class DivergedError(FloatingPointError):
    """The loss is no longer a finite number."""


@dataclass
class Stop:
    """Why and where training stopped.

    Attributes:
        reason: "all epochs", "early stopping", "diverged", "interrupted" (Ctrl-C), "failed" (any
            other exception), or "not started".
        epoch: the epoch of the last step, from 0.
        step: the last gradient step, from 0.
        best_step: the step of the check with the least validation loss, whose weights are kept.
        best_loss: that validation loss.
    """

    reason: str = "not started"
    epoch: int | None = None
    step: int | None = None
    best_step: int | None = None
    best_loss: float = float("inf")


class BaseTrainer:
    """Trains a model by mini-batch gradient descent; each task fills in the two steps.

    Args:
        model: anything with weights `w`, their gradient `grad`, `forward` and `backward`.
        learning_rate: the factor of the gradient in each update, at least 0.
        batch_size: examples a step, from 1 to N.
        shuffle_dataset: whether every epoch takes the examples in a new order.
        X_train: inputs (N, I).
        Y_train: targets (N, K).
        X_val: inputs of the validation set.
        Y_val: targets of the validation set.
        patience: checks without a better validation loss before training stops; None for never.
        rng: draws the order of every epoch; anything with `permutation`.
        schedule: gives the learning rate of each step, in place of `learning_rate`.
        stopping_rule: tells from the validation losses so far whether to stop, in place of
            `should_stop`.
        checks_per_epoch: a check comes at step 0, and then every
            max(1, batches per epoch // checks_per_epoch) steps.

    Attributes:
        train_history: the loss of every step's batch, before the update of that step, and the
            training accuracy of every check.
        val_history: the validation loss and accuracy of every check, after the update of its step.
        stop: why and where training stopped.

    Raises:
        ValueError: if an argument is out of range, inputs and targets differ in number, or there is
            nothing to validate on.
    """

    def __init__(
        self,
        model: Any,
        learning_rate: float,
        batch_size: int,
        shuffle_dataset: bool,
        X_train: np.ndarray,
        Y_train: np.ndarray,
        X_val: np.ndarray,
        Y_val: np.ndarray,
        *,
        patience: int | None = 10,
        rng: Any = None,
        schedule: Callable[[int], float] | None = None,
        stopping_rule: Callable[[Sequence[float]], bool] | None = None,
        checks_per_epoch: int = 5,
    ) -> None:
        expect_same_length(X_train=X_train, Y_train=Y_train)
        expect_same_length(X_val=X_val, Y_val=Y_val)
        expect_batch_size(batch_size, len(X_train))
        expect_at_least("len(X_val)", len(X_val), 1, "keep some examples for validation")
        expect_at_least("learning_rate", learning_rate, 0, "a small positive number, say 0.05")
        if patience is not None:
            expect_count("patience", patience, 1, "None switches early stopping off")
        expect_count("checks_per_epoch", checks_per_epoch, 1, "5, as the assignment has it")
        self.model = model
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.shuffle_dataset = shuffle_dataset
        self.X_train, self.Y_train = X_train, Y_train
        self.X_val, self.Y_val = X_val, Y_val
        self.patience = patience
        self.rng = np.random.default_rng() if rng is None else rng
        self.schedule = schedule
        self.stopping_rule = stopping_rule or self.should_stop
        self.checks_per_epoch = checks_per_epoch
        self._forget()

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        """Do one step of gradient descent on a batch, and return the loss before the step."""
        raise NotImplementedError

    def validation_step(self) -> tuple[float, float, float]:
        """Return the validation loss, the training accuracy and the validation accuracy."""
        raise NotImplementedError

    def should_stop(self, val_losses: Sequence[float]) -> bool:
        """Tell whether the last `patience` checks all failed to improve on the best before them.

        Args:
            val_losses: the validation loss of every check so far, in order.
        """
        if self.patience is None or len(val_losses) <= self.patience:
            return False
        return min(val_losses[-self.patience :]) >= min(val_losses[: -self.patience])

    def train(self, num_epochs: int) -> tuple[History, History]:
        """Train for `num_epochs` epochs, or until early stopping.

        The weights of the check with the least validation loss are what training leaves behind,
        however it ends; `stop` says how it did.

        Returns:
            `train_history` and `val_history`, each {"loss": {step: value}, "accuracy": ...}.

        Raises:
            ValueError: if `num_epochs` is negative or no whole number.
            DivergedError: if a loss is not finite. The histories up to there are kept.
        """
        expect_count("num_epochs", num_epochs, 0, "say 50; early stopping ends them")
        self._forget()
        self.stop.reason = "failed"
        try:
            # _expect_finite reports divergence once, with its cause, instead of NumPy's warnings
            with np.errstate(over="ignore", invalid="ignore"):
                self.stop.reason = self._run_epochs(num_epochs)
        except KeyboardInterrupt:
            self.stop.reason = "interrupted"
            raise
        except DivergedError:
            self.stop.reason = "diverged"
            raise
        finally:
            if self._best_w is not None:
                self.model.w[...] = self._best_w
        return self.train_history, self.val_history

    def check_gradient(self, num_examples: int = 4) -> GradientCheck:
        """Compare the model's backward pass with central differences on the first examples.

        Raises:
            GradientError: if they disagree.
        """
        X, Y = self.X_train[:num_examples], self.Y_train[:num_examples]
        return check_gradient(self.model, X, Y)

    def _forget(self) -> None:
        self.train_history: History = {"loss": {}, "accuracy": {}}
        self.val_history: History = {"loss": {}, "accuracy": {}}
        self.stop = Stop()
        self._best_w: np.ndarray | None = None

    def _run_epochs(self, num_epochs: int) -> str:
        batches_per_epoch = len(self.X_train) // self.batch_size
        steps_per_check = max(1, batches_per_epoch // self.checks_per_epoch)
        step = 0
        # disable=None: a bar on a terminal, silence elsewhere
        for epoch in tqdm(range(num_epochs), unit="epoch", leave=False, disable=None):
            for X_batch, Y_batch in batch_loader(
                self.X_train, self.Y_train, self.batch_size, self.shuffle_dataset, rng=self.rng
            ):
                self.stop.epoch, self.stop.step = epoch, step
                if self.schedule:
                    self.learning_rate = self.schedule(step)
                loss = self.train_step(X_batch, Y_batch)
                self.train_history["loss"][step] = loss
                self._expect_finite("training", loss)
                if step % steps_per_check == 0:
                    self._check_validation(step)
                    if self.stopping_rule(list(self.val_history["loss"].values())):
                        return "early stopping"
                step += 1
        return "all epochs"

    def _check_validation(self, step: int) -> None:
        val_loss, train_accuracy, val_accuracy = self.validation_step()
        self.val_history["loss"][step] = val_loss
        self.train_history["accuracy"][step] = train_accuracy
        self.val_history["accuracy"][step] = val_accuracy
        self._expect_finite("validation", val_loss)
        if val_loss < self.stop.best_loss:
            self.stop.best_step, self.stop.best_loss = step, val_loss
            self._best_w = self.model.w.copy()

    def _expect_finite(self, which: str, loss: float) -> None:
        if not np.isfinite(loss):
            raise DivergedError(
                f"the {which} loss is {loss} at step {self.stop.step} (epoch {self.stop.epoch}), "
                f"with learning rate {self.learning_rate:g} and largest |w| "
                f"{np.abs(self.model.w).max():.3g}. "
                "Likely fix: a smaller learning rate, or a loss that takes no logarithm of 0."
            )
