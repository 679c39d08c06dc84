"""Stand-ins for what a check does not judge, so that a mistake costs its own task alone."""

from __future__ import annotations

import ast
import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, TypeGuard

import numpy as np
import pytest

from tests.checks import textbook
from tests.checks.calling import as_called, call, make_trainer, source_of, switched_on
from tests.checks.desk import Desk

LOSS = ("targets", "outputs")
FORWARD, BACKWARD = ("X",), ("X", "outputs", "targets")
LOADER = ("X", "Y", "batch_size", "shuffle", "drop_last")
_epochs = itertools.count(1)


class TextbookModel:
    """A right model for either task; every `backward` computes the gradient anew."""

    l2_reg_lambda = 0.0

    def __init__(self, num_outputs: int) -> None:
        self.w: np.ndarray = textbook.weights(num_outputs).copy()
        self.zero_grad()

    def forward(self, X: np.ndarray) -> np.ndarray:
        return textbook.forward(np.asarray(X), self.w)

    def backward(self, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
        self.grad = textbook.gradient(np.asarray(X), outputs, targets)
        return self.grad

    def zero_grad(self) -> None:
        self.grad = np.zeros_like(self.w)


def textbook_model(desk: Desk, name: str) -> Any:
    """Make a TextbookModel with what else a student's model has, and the signatures it has.

    Args:
        desk: the student's files.
        name: of the student's class, "task2a.BinaryModel" or "task3a.SoftmaxModel".
    """
    module, _, Model_name = name.partition(".")
    Model = getattr(desk.find(module), Model_name, None)
    model: Any = TextbookModel(1 if Model_name == "BinaryModel" else textbook.K)
    if not isinstance(Model, type):
        return model
    methods = {
        name: as_called(getattr(model, name), partial(original, None), names)
        for name, names in (("forward", FORWARD), ("backward", BACKWARD), ("zero_grad", ()))
        if callable(original := getattr(Model, name, None))
    }
    with suppress(Exception):  # a model that cannot be made, or has slots: Task 2a or 3a reports it
        for name, value in vars(call(Model, l2_reg_lambda=0.0)).items():
            if name not in ("w", "grad"):
                setattr(model, name, value)
    own = {
        name: partial(function, model)
        for name, function in inspect.getmembers(Model, inspect.isfunction)
        if not name.startswith("__")
    }
    for name, method in {**own, **methods}.items():
        setattr(model, name, method)
    return model


def inputs_for(model: TextbookModel, outputs: Any) -> np.ndarray:
    """Make inputs (N, 785) and set the model's weights, so that its outputs are these."""
    outputs = np.clip(outputs, 1e-300, 1)
    N, K = outputs.shape
    model.w = np.eye(textbook.I, K)
    X = np.zeros((N, textbook.I))
    X[:, :K] = np.log(outputs / (1 - outputs) if K == 1 else outputs)
    X[:, -1] = 1
    return X


def batches(
    X: np.ndarray, Y: np.ndarray, batch_size: int, shuffle: bool = False, drop_last: bool = True
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Serve the batches of one epoch; instead of shuffling, each begins with another example."""
    order = np.roll(np.arange(len(X)), next(_epochs) if shuffle else 0)
    end = len(X) - len(X) % batch_size if drop_last else len(X)
    for start in range(0, end, batch_size):
        chosen = order[start : min(start + batch_size, end)]
        yield X[chosen], Y[chosen]


def stand_in(
    desk: Desk,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    replacement: Callable[..., Any],
    names: Sequence[str],
) -> None:
    """Replace a student's function in all of their modules that are imported.

    It is found by identity, not by name: a `cross_entropy_loss` of the wrong task stays wrong.

    Args:
        desk: the student's files.
        monkeypatch: undoes it.
        function: as "utils.batch_loader".
        replacement: takes the arguments in the order of `names`.
        names: of the arguments.
    """
    module, name = function.split(".")
    loaded = desk.loaded()
    original = getattr(loaded.get(module), name, None)
    if not callable(original):
        return
    for holder in loaded.values():
        for attribute, value in list(vars(holder).items()):
            if value is original:
                monkeypatch.setattr(holder, attribute, as_called(replacement, original, names))


def stand_in_for_other_tasks(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace what a trainer uses of Tasks 2a, 2e and 3a."""
    losses = {"task2a": textbook.binary_cross_entropy, "task3a": textbook.cross_entropy}
    for module, loss in losses.items():
        stand_in(desk, monkeypatch, f"{module}.cross_entropy_loss", loss, LOSS)
    stand_in(desk, monkeypatch, "utils.batch_loader", batches, LOADER)


class Run:
    """A training run with results of the validations that are given beforehand.

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

    Attributes:
        trainer: of a subclass of BaseTrainer.
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
    ) -> None:
        self.batches: list[list[int]] = []
        self.weights: list[float] = []
        self.validated: dict[int, None] = {}
        self.losses = [np.float64(loss) for loss in losses]
        self.num_batches, self.num_epochs = num_batches, 0
        self.alike, self.exited = alike, False
        self.model = TextbookModel(1)
        self.model.w = np.zeros((textbook.I, 1))
        run, taken = self, _values_taken(BaseTrainer)

        class Scripted(BaseTrainer):  # type: ignore[misc]
            def train_step(self, X_batch: np.ndarray, *_: Any, **__: Any) -> Any:
                run.batches.append(X_batch[:, 0].astype(int).tolist())
                model = run._model(self)
                if in_place:
                    model.w += 1
                else:
                    model.w = model.w + 1
                loss, more = run.train_loss(len(run.batches) - 1), taken.get("train_step", 1) - 1
                return (loss, *[0.0] * more) if more else loss

            def validation_step(self, *_: Any) -> tuple[float, ...]:
                run.weights.append(run._weight(self))
                if run.batches:
                    run.validated[len(run.batches)] = None
                found = run.validation(run.number(len(run.batches)))
                return found + (0.0,) * (taken.get("validation_step", 3) - 3)

        number = np.arange(2 * num_batches + left_over, dtype=np.float64).reshape(-1, 1)
        self.X, self.Y = textbook.inputs(len(number)).copy(), number.copy()
        self.X[:, :1] = number
        sets = (self.X, self.Y, textbook.inputs(4), textbook.binary_targets(4))
        self.trainer = make_trainer(Scripted, self.model, sets, 2, shuffle_dataset=shuffle)
        stored = [node.attr for node in ast.walk(source_of(BaseTrainer)) if _is_stored(node)]
        for name, value in list(vars(self.trainer).items()):
            if stored.count(name) == 1:  # an option, which main sets; what changes is no option
                setattr(self.trainer, name, switched_on(name, value))

    def train(self, num_epochs: int) -> Any:
        """Train, and return what `train` returns."""
        self.num_epochs = num_epochs
        try:
            return call(self.trainer.train, num_epochs=num_epochs)
        except SystemExit:
            self.exited = True

    def number(self, steps: int) -> int:
        """Tell the number of the last validation within so many steps, from 0.

        Five are due in an epoch; a student's `train` may have more.
        """
        period = min([self.num_batches // 5, *np.diff([*self.validated][:2])])
        return max(0, steps - 1) // int(period)

    def train_loss(self, step: int) -> np.float64:
        """Tell the loss of a training step."""
        if self.alike:
            return self.validation(self.number(step + 1))[0]
        return np.float64(0.69 / (1 + step / 10))

    def validation(self, number: int) -> tuple[np.float64, np.float64, np.float64]:
        """Tell the results of a validation: its loss and both accuracies."""
        loss = self.losses[min(number, len(self.losses) - 1)]
        if self.alike:
            return loss, 1 - loss / 2, 1 - loss
        return loss, np.float64(0.5 + number / 1000), np.float64(0.25 + number / 1000)

    @property
    def examples(self) -> list[int]:
        """The numbers of all examples, in the order of training."""
        return [number for batch in self.batches for number in batch]

    @property
    def num_begun(self) -> int:
        """The number of epochs that were begun."""
        return sum(0 in batch for batch in self.batches)

    @property
    def left_at(self) -> int | None:
        """The number of the first validation after which an epoch was left, or training ended."""
        firsts = [step for step, batch in enumerate(self.batches) if 0 in batch]
        for start, end in zip(firsts, [*firsts[1:], len(self.batches)], strict=True):
            if end - start < self.num_batches:
                return self.number(end)
        return self.number(len(self.batches)) if self.num_begun < self.num_epochs else None

    @property
    def final_weight(self) -> float:
        """The weight that training leaves behind."""
        return self._weight(self.trainer)

    def _model(self, trainer: Any) -> Any:
        return getattr(trainer, "model", self.model)

    def _weight(self, trainer: Any) -> float:
        return float(np.mean(self._model(trainer).w))


def _is_stored(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)


def _values_taken(BaseTrainer: Any) -> dict[str, int]:
    """Count the values that a student's `train` takes from each step, where it is more than one."""
    return {
        getattr(node.value.func, "attr", ""): len(node.targets[0].elts)
        for node in ast.walk(source_of(BaseTrainer))
        if isinstance(node, ast.Assign)
        if isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Tuple)
    }
