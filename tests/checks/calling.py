"""Calls a student's function, and lets a student's code call a stand-in, by what it names."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from tests.checks.mistake import Mistake

__tracebackhide__ = True

OFFERS = {  # what a constructor may ask for besides, for it was so in another year
    "l2_reg_lambda": 0.0,
    "num_epochs": 1,
    "I": 785,
    "num_inputs": 785,
    "patience": 10,
    "epoch": 0,
    "global_step": 0,
}


def call(function: Callable[..., Any], /, **known: Any) -> Any:
    """Call a student's function with arguments by keyword, wherever they stand in its signature.

    Arguments under another name get what is left, in order. Options of the student's own keep
    their defaults, except that early stopping is switched on.

    Raises:
        Mistake: if it asks for more than the assignment gives it.
    """
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return function(*known.values())
    if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters.values()):
        return function(*known.values())
    given = {name: value for name, value in known.items() if name in parameters}
    left = [value for name, value in known.items() if name not in parameters]
    for parameter in parameters.values():
        name, kind = parameter.name, parameter.kind
        if name in given or kind is parameter.VAR_KEYWORD:
            continue
        if parameter.default is not parameter.empty:
            if "stop" in name.lower() and parameter.default in (False, None):
                given[name] = True
        elif name in OFFERS:
            given[name] = OFFERS[name]
        elif left:
            given[name] = left.pop(0)
        else:
            raise Mistake(
                f"{_name(function)} asks for an argument `{name}` of its own",
                f"({', '.join(known)})",
                f"({', '.join(parameters)})",
                likely=f"give {name} a default value: the assignment calls it without.",
            )
    return function(**given)


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
