"""Calls a student's function, and lets a student's code call a stand-in, by what it names."""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.checks.mistake import Mistake

__tracebackhide__ = True

# The arguments of a trainer, in order.
TRAINER = (
    *("model", "learning_rate", "batch_size", "shuffle_dataset"),
    *("X_train", "Y_train", "X_val", "Y_val"),
)
OFFERS = {  # what a constructor may ask for besides, for it was so in another year
    "l2_reg_lambda": 0.0,
    "num_epochs": 1,
    "I": 785,
    "num_inputs": 785,
    "epoch": 0,
    "global_step": 0,
}


def call(function: Callable[..., Any], /, **known: Any) -> Any:
    """Call a student's function with arguments by keyword, wherever they stand in its signature.

    Arguments under another name get what is left, in order; options, what sounds like them. Other
    options of the student's own keep their defaults, except that early stopping is switched on.

    Raises:
        Mistake: if it asks for more than the assignment gives it.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return function(*known.values())
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
        return function(*known.values())
    names = [parameter.name for parameter in parameters]
    given = {name: value for name, value in known.items() if name in names}
    left = {name: value for name, value in known.items() if name not in names}
    for parameter in parameters:
        name, required = parameter.name, parameter.default is parameter.empty
        default = None if required else parameter.default
        if name in given:
            continue
        if parameter.kind is parameter.VAR_KEYWORD:
            given |= left
        elif (value := switched_on(name, default)) is not default:
            given[name] = value
        elif not required:
            for other in [known for known in left if _sounds_like(name, known)][:1]:
                given[name] = left.pop(other)
        elif name in OFFERS:
            given[name] = OFFERS[name]
        elif left:
            given[name] = left.pop(next(iter(left)))
        else:
            raise Mistake(
                f"{_name(function)} asks for an argument `{name}` of its own",
                f"({', '.join(known)})",
                f"({', '.join(names)})",
                likely=f"give {name} a default value: the assignment calls it without.",
            )
    return function(**given)


def switched_on(name: str, value: Any) -> Any:
    """Return what an option of early stopping has to be, where it is off: True, or ten."""
    asked_for = "stop" in name.lower() or "patience" in name.lower()
    if not asked_for or not (value is None or value is False):
        return value
    return True if value is False else 10  # which is true, too


def make_trainer(
    Trainer: Any,
    model: Any,
    sets: Sequence[np.ndarray],
    batch_size: int,
    learning_rate: float = 0.1,
    shuffle_dataset: bool = False,
) -> Any:
    """Make a student's trainer.

    Args:
        Trainer: its class.
        model: to be trained.
        sets: X_train, Y_train, X_val, Y_val.
        batch_size: of an epoch's batches.
        learning_rate: of the steps.
        shuffle_dataset: whether each epoch has an order of its own.
    """
    options = (model, learning_rate, batch_size, shuffle_dataset)
    return call(Trainer, **dict(zip(TRAINER, (*options, *sets), strict=True)))


def source_of(cls: type) -> ast.Module:
    """Parse the file that a student's class is in."""
    return ast.parse(Path(inspect.getfile(cls)).read_bytes())


def _sounds_like(name: str, known: str) -> bool:
    """Tell whether l2_reg, reg or lam may be short for l2_reg_lambda, or lr for learning_rate."""
    name, words = name.lower(), known.lower().split("_")
    alike = any(name in word or word in name for word in words if min(len(name), len(word)) > 1)
    return alike or name == "".join(word[0] for word in words)


def as_called(
    stand_in: Callable[..., Any], original: Callable[..., Any], names: Sequence[str]
) -> Callable[..., Any]:
    """Give a stand-in the signature of the student's function that it replaces.

    Args:
        stand_in: takes the arguments in the order of `names`.
        original: the student's function, whose arguments may have another order or other names.
        names: of the arguments, in the assignment's order.
    """
    signature = inspect.signature(original)

    @functools.wraps(original)
    def called(*args: Any, **kwargs: Any) -> Any:
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        given = bound.arguments
        values = list(given.values())[: len(names)]
        return stand_in(*([given[name] for name in names] if set(names) <= set(given) else values))

    return called


def _name(function: Callable[..., Any]) -> str:
    name = getattr(function, "__qualname__", str(function)).split(".<locals>.")[-1]
    return f"{name}()"
