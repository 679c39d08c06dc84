"""Training: mini-batch gradient descent, validation and early stopping."""

from collections.abc import Sequence

import numpy as np

from lab.expect import expect_count, expect_training_options, expect_training_sets
from lab.gradient import check_gradient
from lab.progress import progress
from lab.protocols import Generator, Model
from lab.trainings import History, number
from utils import batch_loader


class DivergedError(FloatingPointError):
    """The loss is no longer a finite number."""


class BaseTrainer:
    """Trains a model on inputs X (N, I) and targets Y (N, K); a subclass defines the two steps.

    patience: validations without improvement before training stops; None for no early stopping.
    rng: draws the order of the examples of each epoch; None for NumPy's global generator.
    Validations come every (batches per epoch // validations_per_epoch) steps, from step 0.
    """

    def __init__(
        self,
        model: Model,
        learning_rate: float,
        batch_size: int,
        shuffle_dataset: bool,
        X_train: np.ndarray,
        Y_train: np.ndarray,
        X_val: np.ndarray,
        Y_val: np.ndarray,
        *,
        patience: int | None = 10,
        rng: Generator | None = None,
        validations_per_epoch: int = 5,
    ) -> None:
        expect_training_sets(X_train, Y_train, X_val, Y_val, batch_size)
        expect_training_options(learning_rate, patience, validations_per_epoch, rng)
        self.model = model
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.shuffle_dataset = shuffle_dataset
        self.X_train, self.Y_train = X_train, Y_train
        self.X_val, self.Y_val = X_val, Y_val
        self.patience = patience
        self.rng = rng
        self.validations_per_epoch = validations_per_epoch

    def train_step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> float:
        """Take one step of gradient descent on a batch; return its loss before the step."""
        raise NotImplementedError

    def validation_step(self) -> tuple[float, float, float]:
        """Return the validation loss, the training accuracy and the validation accuracy."""
        raise NotImplementedError

    def should_stop(self, val_losses: Sequence[float]) -> bool:
        """Return True if none of the last `patience` losses is below the best before them."""
        if self.patience is None or len(val_losses) <= self.patience:
            return False
        return min(val_losses[-self.patience :]) >= min(val_losses[: -self.patience])

    @np.errstate(over="ignore", invalid="ignore")  # DivergedError reports it, with its cause
    def train(self, num_epochs: int) -> tuple[History, History]:
        """Train for `num_epochs` epochs or until early stopping, and keep the best weights.

        Training starts from the weights that the model has, with new histories.
        Returns train_history (the loss of every step, the accuracy of every validation) and
        val_history. Raises DivergedError if a loss is not finite.
        """
        expect_count("num_epochs", num_epochs, 0)
        train_history: History = {"loss": {}, "accuracy": {}}
        val_history: History = {"loss": {}, "accuracy": {}}
        self.train_history, self.val_history = train_history, val_history  # also after Ctrl-C
        batches_per_epoch = len(self.X_train) // self.batch_size
        steps_per_validation = max(1, batches_per_epoch // self.validations_per_epoch)
        step, best_w = 0, self.model.w.copy()
        try:
            for _ in progress(range(num_epochs)):
                for X_batch, Y_batch in batch_loader(
                    self.X_train, self.Y_train, self.batch_size, self.shuffle_dataset, rng=self.rng
                ):
                    loss = self.train_step(X_batch, Y_batch)
                    self._expect_finite("training", loss, step)
                    train_history["loss"][step] = loss
                    if step % steps_per_validation == 0:
                        val_loss, train_accuracy, val_accuracy = self.validation_step()
                        self._expect_finite("validation", val_loss, step)
                        if val_loss < min(val_history["loss"].values(), default=np.inf):
                            best_w = self.model.w.copy()
                        val_history["loss"][step] = val_loss
                        train_history["accuracy"][step] = train_accuracy
                        val_history["accuracy"][step] = val_accuracy
                        if self.should_stop(list(val_history["loss"].values())):
                            return train_history, val_history
                    step += 1
            return train_history, val_history
        finally:  # also after Ctrl-C and after divergence
            self.model.w[...] = best_w

    def check_gradient(self) -> float:
        """Run the gradient check on the model and the first four training examples."""
        return check_gradient(self.model, self.X_train[:4], self.Y_train[:4])

    def _expect_finite(self, which: str, loss: float, step: int) -> None:
        if not np.isfinite(number(f"the {which} loss", loss)):
            raise DivergedError(
                f"the {which} loss is {loss} at step {step} "
                f"(epoch {step // (len(self.X_train) // self.batch_size)}), "
                f"with learning rate {self.learning_rate:g} and largest |w| "
                f"{np.abs(self.model.w).max():.3g}. "
                "Likely fix: a smaller learning rate, or no logarithm of 0 in the loss."
            )
