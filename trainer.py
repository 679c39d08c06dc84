"""Training: mini-batch gradient descent, validation, early stopping, the gradient check."""

from collections.abc import Callable, Sequence

import numpy as np

from lab.blas import one_blas_thread
from lab.expect import expect_count, expect_training_options, expect_training_sets
from lab.progress import early_stop, epochs
from lab.protocols import Generator, GradientError, Model
from lab.trainings import History, Stop
from utils import batch_loader

TOLERANCE = 1e-6  # of the gradient check, a relative error


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
        expect_training_options(learning_rate, patience, validations_per_epoch)
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

    @one_blas_thread
    @np.errstate(over="ignore", invalid="ignore")  # DivergedError reports it, with its cause
    def train(self, num_epochs: int) -> tuple[History, History]:
        """Train for `num_epochs` epochs or until early stopping, and keep the best weights.

        Training starts from the weights that the model has, with new histories.
        Returns train_history (the loss of every step, the accuracy of every validation) and
        val_history. Raises DivergedError if a loss is not finite.
        """
        expect_count("num_epochs", num_epochs, 0)
        self.train_history: History = {"loss": {}, "accuracy": {}}
        self.val_history: History = {"loss": {}, "accuracy": {}}
        self.stop = stop = Stop()
        batches_per_epoch = len(self.X_train) // self.batch_size
        steps_per_validation = max(1, batches_per_epoch // self.validations_per_epoch)
        step, best_w = 0, self.model.w.copy()
        try:
            for epoch in epochs(num_epochs, self.val_history["loss"]):
                for X_batch, Y_batch in batch_loader(
                    self.X_train, self.Y_train, self.batch_size, self.shuffle_dataset, rng=self.rng
                ):
                    stop.epoch, stop.step = epoch, step
                    self.train_history["loss"][step] = self.train_step(X_batch, Y_batch)
                    self._expect_finite("training", self.train_history)
                    if step % steps_per_validation == 0:
                        val_loss, train_accuracy, val_accuracy = self.validation_step()
                        self.val_history["loss"][step] = val_loss
                        self.train_history["accuracy"][step] = train_accuracy
                        self.val_history["accuracy"][step] = val_accuracy
                        self._expect_finite("validation", self.val_history)
                        if val_loss < stop.best_loss:
                            stop.best_step, stop.best_loss = step, val_loss
                            best_w = self.model.w.copy()
                        if self.should_stop(list(self.val_history["loss"].values())):
                            stop.reason = "early stopping"
                            early_stop(epoch, step, val_loss)
                            return self.train_history, self.val_history
                    step += 1
            stop.reason = "all epochs"
        finally:  # also after Ctrl-C and after divergence
            self.model.w[...] = best_w
        return self.train_history, self.val_history

    def check_gradient(self) -> float:
        """Run `check_gradient` on the model and the first four training examples."""
        return check_gradient(self.model, self.X_train[:4], self.Y_train[:4])

    def _expect_finite(self, which: str, history: History) -> None:
        loss = history["loss"][self.stop.step]
        if not np.isfinite(loss):
            raise DivergedError(
                f"the {which} loss is {loss} at step {self.stop.step} (epoch {self.stop.epoch}), "
                f"with learning rate {self.learning_rate:g} and largest |w| "
                f"{np.abs(self.model.w).max():.3g}. "
                "Likely fix: a smaller learning rate, or no logarithm of 0 in the loss."
            )


def numerical_gradient(
    function: Callable[[], float], w: np.ndarray, epsilon: float = 1e-5
) -> np.ndarray:
    """Approximate df/dw by central differences, (f(w + e) - f(w - e)) / 2e (equation 29).

    `function` reads w, a float64 array of any shape; each entry is moved by e and restored. The
    error is O(e^2); below e = 1e-5 rounding dominates.
    """
    gradient = np.empty_like(w)
    for index in np.ndindex(w.shape):
        original = w[index]
        w[index] = original + epsilon
        above = function()
        w[index] = original - epsilon
        below = function()
        w[index] = original
        gradient[index] = (above - below) / (2 * epsilon)
    return gradient


@one_blas_thread
def check_gradient(model: Model, X: np.ndarray, Y: np.ndarray) -> float:
    """Compare `model.backward` with the numerical gradient of `model.objective`, in float64.

    At zero weights many mistakes do not show, so random weights of variance 1 / I take their
    place: the logits are then of order one. The model is left as it was. Returns the relative
    error |grad - numerical| / (|grad| + |numerical|); raises GradientError if it exceeds TOLERANCE.
    """
    w, grad, X = model.w, model.grad, X.astype(np.float64)
    random = np.random.default_rng(0).standard_normal(w.shape) / np.sqrt(len(w))
    model.w = w.astype(np.float64) if w.any() else random
    try:
        numerical = numerical_gradient(lambda: model.objective(X, Y), model.w)
        model.backward(X, model.forward(X), Y)
        analytic = model.grad
    finally:
        model.w, model.grad = w, grad
    if analytic.shape != w.shape:
        raise GradientError(f"backward: expected grad of shape {w.shape}, got {analytic.shape}.")
    difference = np.abs(analytic - numerical)
    size = np.linalg.norm(analytic) + np.linalg.norm(numerical)
    relative = float(np.linalg.norm(difference) / size) if size else 0.0
    if not relative <= TOLERANCE:  # nan too
        worst = tuple(map(int, np.unravel_index(np.argmax(difference), w.shape)))
        raise GradientError(
            f"backward is not the gradient of the objective: relative error {relative:.1e}, "
            f"expected at most {TOLERANCE:.0e}. Largest difference at w{list(worst)}: backward "
            f"gave {analytic[worst]:.6g}, central differences {numerical[worst]:.6g}. "
            "The mistake is in forward, backward, cross_entropy_loss or the penalty."
        )
    return relative
