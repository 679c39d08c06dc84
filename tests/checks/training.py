"""The loop of `train`: runs with results given beforehand, and what its histories hold."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tests.checks import compatibility, textbook
from tests.checks.mistake import Mistake, at_fault, close
from tests.checks.standins import TextbookModel

__tracebackhide__ = True

NUM_BATCHES = 23  # a fifth of them, rounded down, is 4


class Run:
    """A run of training with results of the validations that are given beforehand.

    Its model's weights, all the same, count the steps.

    Args:
        BaseTrainer: the student's class.
        losses: of the validations, in order; the last is repeated when more are needed.
        num_batches: of an epoch, each of two examples; a multiple of five for five validations.
        shuffle: the value of `shuffle_dataset`.
        left_over: examples that fill no batch.
        in_place: whether a step changes the weights in place; else it replaces them.
        alike: whether training loss and accuracies improve and worsen with the validation loss;
            else they improve all the time.
        options: of the student's class.

    Attributes:
        trainer: with steps that these results come from.
        batches: the numbers of the examples in each training step.
        weights: at each validation.
        validated: how many steps came before each validation, itself included, without repetitions.
        exited: whether sys.exit ended it.
    """

    def __init__(
        self,
        BaseTrainer: Any,
        losses: Sequence[float],
        num_batches: int = 10,
        shuffle: bool = False,
        left_over: int = 0,
        in_place: bool = False,
        alike: bool = False,
        **options: Any,
    ) -> None:
        self.batches: list[list[int]] = []
        self.weights: list[float] = []
        self.validated: dict[int, None] = {}
        self.losses = [np.float64(loss) for loss in losses]
        self.num_batches, self.num_epochs = num_batches, 0
        self.alike, self.exited, self.in_place = alike, False, in_place
        self.model = TextbookModel(1)
        self.model.w = np.zeros((textbook.I, 1))
        number = np.arange(2 * num_batches + left_over, dtype=np.float64).reshape(-1, 1)
        self.X, self.Y = textbook.inputs(len(number)).copy(), number.copy()
        self.X[:, :1] = number
        sets = (self.X, self.Y, textbook.inputs(4), textbook.binary_targets(4))
        Trainer = compatibility.with_steps(BaseTrainer)
        self.trainer = Trainer(self.model, 0.1, 2, shuffle, *sets, **options)
        self.trainer.train_step, self.trainer.validation_step = self._step, self._validation

    def train(self, num_epochs: int) -> Any:
        """Train, and return what `train` returns."""
        self.num_epochs = num_epochs
        try:
            return self.trainer.train(num_epochs)
        except SystemExit:
            self.exited = True

    def number(self, steps: int) -> int:
        """Return the number of the last validation within so many steps, from 0."""
        period = compatibility.steps_between_validations(self.num_batches // 5, [*self.validated])
        return max(0, steps - 1) // period

    def train_loss(self, step: int) -> np.float64:
        """Return the loss of a training step."""
        if self.alike:
            return self.validation(self.number(step + 1))[0]
        return np.float64(0.69 / (1 + step / 10))

    def validation(self, number: int) -> tuple[np.float64, np.float64, np.float64]:
        """Return the results of a validation: its loss and both accuracies."""
        loss = self.losses[min(number, len(self.losses) - 1)]
        if self.alike:
            return loss, 1 - loss / 2, 1 - loss
        return loss, np.float64(0.5 + number / 1000), np.float64(0.25 + number / 1000)

    @property
    def examples(self) -> list[int]:
        """The numbers of all examples, in the order of training."""
        return [number for batch in self.batches for number in batch]

    @property
    def num_started(self) -> int:
        """The number of epochs that were started."""
        return sum(0 in batch for batch in self.batches)

    @property
    def left_at(self) -> int | None:
        """The number of the first validation after which an epoch was left, or training ended."""
        firsts = [step for step, batch in enumerate(self.batches) if 0 in batch]
        for start, end in zip(firsts, [*firsts[1:], len(self.batches)], strict=False):
            if end - start < self.num_batches:
                return self.number(end)
        return self.number(len(self.batches)) if self.num_started < self.num_epochs else None

    @property
    def too_rarely(self) -> str:
        """What to say where validations are further apart than a fifth of an epoch."""
        right, got = self.num_batches // 5, np.diff([*self.validated][:2]).sum()
        often = f"validate every fifth of an epoch, here every {right} steps, not every {got}."
        return often if got > right else ""

    @property
    def final_weight(self) -> float:
        """The weight that training leaves behind."""
        return float(np.mean(self.trainer.model.w))

    def _step(self, X_batch: np.ndarray, Y_batch: np.ndarray) -> np.float64:
        """Add 1 to each weight."""
        self.batches.append(X_batch[:, 0].astype(int).tolist())
        model = self.trainer.model
        if self.in_place:
            model.w += 1
        else:
            model.w = model.w + 1
        return self.train_loss(len(self.batches) - 1)

    def _validation(self) -> tuple[np.float64, np.float64, np.float64]:
        self.weights.append(self.final_weight)
        if self.batches:
            self.validated[len(self.batches)] = None
        return self.validation(self.number(len(self.batches)))


def falling_run(BaseTrainer: Any) -> Run:
    """Prepare a run that improves at every validation; one example is left over by the batches."""
    return Run(BaseTrainer, np.linspace(0.69, 0.2, 40).tolist(), NUM_BATCHES, left_over=1)


def expect_histories(run: Run, epochs: int, returned: Any) -> None:
    """Raise Mistake unless `train` returns histories of every step and of every validation.

    Args:
        run: that has ended.
        epochs: how many there were.
        returned: by `train`; what comes after the two histories is not looked at.
    """
    if not isinstance(returned, tuple | list) or len(returned) < 2:
        what = "train returns the wrong things"
        raise Mistake(what, "train_history, val_history", type(returned).__name__)
    losses = {step: run.train_loss(step) for step in range(epochs * NUM_BATCHES)}
    often = f"every fifth of an epoch: {NUM_BATCHES} // 5 = {NUM_BATCHES // 5} steps"
    period = compatibility.steps_between_validations(NUM_BATCHES // 5, [*run.validated])
    period = period if period > 1 else NUM_BATCHES // 5  # every step is no period
    first = min(run.validated, default=1) - 1  # as 3, where each validation ends a period
    steps = range(first % period, epochs * NUM_BATCHES, period)
    validations = [run.validation(number) for number in range(len(steps))]
    val_losses, train_accuracies, val_accuracies = (
        dict(zip(steps, values, strict=True)) for values in zip(*validations, strict=True)
    )
    train_history, val_history = returned[:2]
    _expect_series("train_history", train_history, "loss", losses, "every gradient step")
    _expect_series("val_history", val_history, "loss", val_losses, often)
    _expect_series("train_history", train_history, "accuracy", train_accuracies, often)
    _expect_series("val_history", val_history, "accuracy", val_accuracies, often)


def expect_orders(examples: list[int], shuffle: bool) -> None:
    """Raise Mistake unless two epochs of training are shuffled, or not, as asked for."""
    size = len(examples) // 2
    in_order = examples == list(range(size)) * 2
    repeated = examples[:size] == examples[size:]
    if not repeated if shuffle else in_order:
        return
    got = "another order"
    if repeated:
        got = "the order of the data set" if in_order else "the same order in both epochs"
    expected = "a new order in each epoch" if shuffle else "the order of the data set"
    likely = "batch_loader(..., shuffle=self.shuffle_dataset), called anew in each epoch."
    with at_fault("trainer.BaseTrainer.train", handed_out=True):
        raise Mistake(f"shuffle_dataset={shuffle}", expected, got, likely=likely)


def _expect_series(
    name: str, history: Any, key: str, series: Mapping[int, float], often: str
) -> None:
    name = f"{name}[{key!r}]"
    if not isinstance(history, dict) or not isinstance(history.get(key), dict):
        got = list(history) if isinstance(history, dict) else type(history).__name__
        what = f"{name} should be a dictionary {{step: value}}"
        raise Mistake(what, "the keys loss and accuracy", got)
    values = history[key]
    if list(values) != list(series):
        right, got = list(series), list(values)
        likely = ""
        if len(got) > len(right) and got == list(range(len(got))):
            likely = "validate at every fifth of an epoch, not at every step."
        elif len(got) == len(right) > 1:
            likely = "the key is the gradient step, counted from 0 over all epochs."
            if got[1] > right[1] and [got[1] * n for n in right] == [right[1] * n for n in got]:
                likely = "each gradient step counts once."
        what = f"{name} has the wrong steps"
        raise Mistake(what, f"{_few(right)}, {often}", _few(got), likely=likely)
    for step, value in series.items():
        if not close(np.asarray(values[step], dtype=np.float64), np.asarray(value)).all():
            raise Mistake(
                f"{name} holds a wrong value",
                f"{value:.6g}, what the step returned",
                values[step],
                f"{name}[{step}]",
                "validation_step returns val_loss, train_accuracy, val_accuracy, in this order.",
            )


def _few(steps: Sequence[Any]) -> str:
    shown = list(map(str, steps))
    if len(shown) > 8:
        shown[6:-2] = ["..."]
    return f"{len(steps)} steps ({', '.join(shown)})"
