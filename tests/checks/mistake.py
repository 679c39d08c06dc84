"""Failures written for a student: what was expected, what was returned, where, the likely cause."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

__tracebackhide__ = True  # pytest's traceback ends in the check, not in here

Relation = tuple[Any, str]  # a wrong result and its cause
Cause = str | Callable[[], str]  # or a search for it, for when something is known to be wrong

TIMED_OUT = "Timeout (>"  # is in the words of a check that was stopped, by pytest-timeout, too

NUMBERS = "fiub"  # NumPy's kinds of types that hold numbers, or True and False
RELATIVE, ABSOLUTE = 1e-4, 1e-5  # float32, or a small epsilon in a logarithm, is not a mistake


class Mistake(AssertionError):
    """What a check found wrong."""

    def __init__(
        self,
        what: str,
        expected: object = None,
        got: object = None,
        at: str = "",
        likely: str = "",
    ) -> None:
        super().__init__(what)
        self.rows = {"Expected": expected, "Got": got, "At": at or None, "Likely": likely or None}

    def __str__(self) -> str:
        rows = {f"{key}:": value for key, value in self.rows.items() if value is not None}
        lines = [f"{key:<10}{value}" for key, value in rows.items()]
        return "\n  ".join([f"  {self.args[0]}", *lines])


class ImportMistake(Mistake):
    """A student's module is missing or cannot be imported."""

    def __init__(self, module: str, what: str, likely: str = "") -> None:
        super().__init__(what, likely=likely)
        self.module = module


@contextmanager
def at_fault(function: str, handed_out: bool = False) -> Iterator[None]:
    """Let failures in a block name another function than the one that the check judges.

    Args:
        function: by its full name.
        handed_out: whether the course hands it out complete, so that the student has changed it.
    """
    try:
        yield
    except BaseException as error:
        vars(error).update(at_fault=function, handed_out=handed_out)
        raise


def in_words(error: BaseException) -> str:
    """Describe an exception in one line."""
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    lines = re.sub(r" \([^()]*\.py\)", "", message).splitlines()  # an ImportError names the path
    return ": ".join([type(error).__name__, *lines[:1]])


def expect(true: object, what: str, expected: object, got: object, likely: str = "") -> None:
    """Raise Mistake unless `true`."""
    if not true:
        raise Mistake(what, _short(expected), _short(got), likely=likely)


def expect_shape(name: str, got: Any, shape: tuple[int, ...], likely: str = "") -> None:
    """Raise Mistake unless `got` is an array of numbers of the given shape."""
    if got is None:
        missing = "is a `return` missing?"
        raise Mistake(f"{name} should be an array", f"shape {shape}", "None", likely=missing)
    array = as_array(got)
    if array.dtype.kind not in NUMBERS:
        raise Mistake(f"{name} should hold numbers", "an array of numbers", _short(got))
    if array.shape == shape[::-1] != shape:
        likely = f"it is transposed. {likely}".strip()
    expect(array.shape == shape, f"{name} has the wrong shape", shape, array.shape, likely)


def expect_array(name: str, got: Any) -> None:
    """Raise Mistake for a list or a matrix, with which the scripts compute something else."""
    right = got is None or (isinstance(got, np.ndarray) and not isinstance(got, np.matrix))
    likely = "+, * and .shape are those of arrays in the scripts: np.array(...)."
    expect(right, f"{name} is no array", "np.ndarray", type(got).__name__, likely)


def expect_number(name: str, got: Any, likely: str = "") -> float:
    """Return one number, of whatever type, or raise Mistake; an array of one element is one."""
    what = f"{name} should be one number"
    if got is None:
        raise Mistake(what, "a float", "None", likely="is a `return` missing?")
    array = as_array(got)
    expect(array.dtype.kind in NUMBERS, what, "a float", repr(got))
    expect(array.size == 1, what, "a float", f"shape {array.shape}", likely)
    return float(array.item())


def total_of(name: str, got: Any, likely: str = "") -> float:
    """Add up what should be one number: where a mean is missing, another check says so."""
    array = as_array(got)
    return expect_number(name, np.sum(array) if array.dtype.kind in NUMBERS else got, likely)


def expect_scalar(name: str, got: Any) -> None:
    """Raise Mistake if a number comes in an array with an axis."""
    likely = "take the mean over all entries, without axis=, or use .item()."
    shape = np.shape(got)
    expect(shape == (), f"{name} is an array of shape {shape}", "a float", _short(got), likely)


def expect_variety(name: str, got: Any) -> None:
    """Raise Mistake if all entries, of which a few should differ, are the same."""
    array = np.asarray(got)
    what = f"{name} is the same everywhere"
    expect(array.size == 0 or (array != array.flat[0]).any(), what, "different values", array)


def expect_zeros(name: str, got: Any) -> None:
    """Raise Mistake unless an array of floats is zero everywhere."""
    array = np.asarray(got)
    expect(not array.any(), f"{name} is not zero", "zeros", array, "np.zeros, nothing random.")
    kind = "the integers of np.zeros(..., dtype=int) cannot be changed by a small step."
    expect(array.dtype.kind == "f", f"{name} should hold floats", "float", array.dtype, kind)


def expect_close(
    name: str,
    got: Any,
    expected: Any,
    relations: Sequence[Relation] = (),
    likely: Cause = "",
    what: str = "",
) -> None:
    """Raise Mistake, with its likely cause, unless an array or a number is as expected.

    Args:
        name: what to call it.
        got: what the student's function returned.
        expected: what the textbook gives.
        relations: wrong results and their causes; one is named if no other fits, too.
        likely: the cause to name otherwise.
        what: the first line of the failure.
    """
    expected = np.asarray(expected, dtype=np.float64)
    array = entries(name, got, expected.shape)
    wrong = ~close(array, expected)
    if not wrong.any():
        return
    of_all = f"; {int(wrong.sum())} of {expected.size} values are wrong" * (expected.size > 1)
    raise _wrong(name, array, expected, what, of_all, cause(array, relations, likely))


def expect_multiple(
    name: str, got: Any, expected: Any, relations: Sequence[Relation] = (), likely: Cause = ""
) -> None:
    """Raise Mistake, with its likely cause, unless an array is a multiple of what is expected.

    Args: those of `expect_close`.
    """
    expected = np.asarray(expected, dtype=np.float64)
    array = entries(name, got, expected.shape)
    factor = float(np.sum(array * expected) / np.sum(expected * expected))
    scale = np.abs(factor * expected).max()
    if scale > ABSOLUTE and (np.abs(array - factor * expected) <= 1e-3 * scale).all():
        return
    what = f"{_what(name, expected)}, not even up to a factor"
    raise _wrong(name, array, expected, what, "", cause(array, relations, likely))


def entries(name: str, got: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return an array of floats in the shape that it should have, or raise Mistake.

    A wrong shape with the right number of entries passes: the shape is judged by another check.
    """
    array = as_array(got)
    if array.shape == shape[::-1]:
        array = array.T
    if array.size != np.prod(shape) or array.dtype.kind not in NUMBERS:
        expect_shape(name, got, shape)
    return array.astype(np.float64).reshape(shape)


def as_array(got: Any) -> np.ndarray:
    """Make an array of anything; of an object where NumPy makes none, as of uneven rows."""
    try:
        return np.asarray(got)
    except (TypeError, ValueError):
        return np.asarray(object())


def cause(got: np.ndarray, relations: Sequence[Relation], likely: Cause = "") -> str:
    """Name the cause whose wrong result is the one at hand; `likely` if none or several are."""
    named = {
        mistake
        for wrong, mistake in relations
        if np.shape(wrong) == got.shape and close(got, np.asarray(wrong)).all()
    }
    if len(named) == 1:
        return named.pop()
    return likely if isinstance(likely, str) else likely()


def close(got: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Return for each entry whether it is close enough; nan is close to nothing, inf to itself."""
    with np.errstate(invalid="ignore"):
        near = np.abs(got - expected) <= ABSOLUTE + RELATIVE * np.abs(expected)
    return np.asarray(np.where(np.isfinite(expected), near, got == expected))


def furthest(got: np.ndarray, expected: np.ndarray) -> tuple[int, ...]:
    """Find the index of the entry that is furthest from what is expected."""
    distance = np.nan_to_num(np.abs(got - expected), nan=np.inf)
    return tuple(map(int, np.unravel_index(int(np.argmax(distance)), expected.shape)))


@contextmanager
def untouched(**arrays: np.ndarray) -> Iterator[None]:
    """Raise Mistake if a block changes one of the named arrays in place."""
    copies = {name: array.copy() for name, array in arrays.items()}
    yield
    for name, array in arrays.items():
        before = copies[name]
        if array.shape != before.shape:
            what = f"{name}, which the caller still needs, has another shape now"
            raise Mistake(what, before.shape, array.shape, likely="make a copy, or a view.")
        if (array == before).all():
            continue
        changed = np.argwhere(~close(array, before))  # an epsilon added in place harms nobody
        if len(changed):
            index = tuple(map(int, changed[0]))
            raise Mistake(
                f"{name}, which the caller still needs, was changed",
                f"{before[index]:g}, as before the call",
                f"{array[index]:g}",
                f"{name}[{', '.join(map(str, index))}]",
                f"an in-place operation (+=, -=, *=, out=, shuffle) on {name}.",
            )


def _wrong(
    name: str, array: np.ndarray, expected: np.ndarray, what: str, of_all: str, likely: str
) -> Mistake:
    """Make a Mistake about the entry that is furthest from what is expected."""
    worst = furthest(array, expected)
    at = f"{name}[{', '.join(map(str, worst))}]{of_all}" if expected.ndim else ""
    right, got = f"{expected[worst]:.7g}", f"{array[worst]:.7g}"
    return Mistake(what or _what(name, expected), right, got, at, likely)


def _what(name: str, expected: np.ndarray) -> str:
    if expected.ndim:
        return f"the values of {name} are not what they should be"
    return f"{name} is not what it should be"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
