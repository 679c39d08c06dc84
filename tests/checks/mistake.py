"""Failures written for a student: what was expected, what came, where, and why perhaps."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

__tracebackhide__ = True  # pytest's traceback ends in the check, not in here

Relation = tuple[Any, str]  # a wrong result, and the mistake that leads to it

RELATIVE, ABSOLUTE = 1e-4, 1e-5  # single precision and a small epsilon in a logarithm are right


class Mistake(AssertionError):
    """What a check found wrong.

    Attributes:
        function: the function at fault, where it is not the one that the check names.
        equation: the equation that was broken, where it is not the one that the check names.
    """

    def __init__(
        self,
        what: str,
        expected: object = None,
        came: object = None,
        at: str = "",
        likely: str = "",
        function: str | None = None,
        equation: str | None = None,
    ) -> None:
        rows = {"Expected": expected, "Got": came, "At": at or None, "Likely": likely or None}
        lines = [f"  {key + ':':<10}{value}" for key, value in rows.items() if value is not None]
        super().__init__("\n".join([f"  {what}", *lines]))
        self.function, self.equation = function, equation


class ImportMistake(Mistake):
    """A student's module is missing or cannot be imported."""

    def __init__(self, module: str, what: str, likely: str = "") -> None:
        super().__init__(what, likely=likely)
        self.module = module


def in_words(error: BaseException) -> str:
    """Say in a line what an exception says."""
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return ": ".join([type(error).__name__, *said.splitlines()[:1]])


def expect(true: object, what: str, expected: object, came: object, likely: str = "") -> None:
    """Raise Mistake unless `true`."""
    if not true:
        raise Mistake(what, _short(expected), _short(came), likely=likely)


def expect_shape(name: str, came: Any, shape: tuple[int, ...], likely: str = "") -> None:
    """Raise Mistake unless `came` is an array of numbers of the given shape."""
    if came is None:
        raise Mistake(
            f"{name} should be an array", f"shape {shape}", "None", likely="is a `return` missing?"
        )
    array = np.asarray(came)
    if array.dtype.kind not in "fiub":
        raise Mistake(f"{name} should hold numbers", "an array of numbers", _short(came))
    if array.shape != shape:
        if array.shape == shape[::-1]:
            likely = f"it is transposed. {likely}".strip()
        raise Mistake(f"{name} has the wrong shape", shape, array.shape, likely=likely)


def expect_number(name: str, came: Any, likely: str = "") -> None:
    """Raise Mistake unless `came` is one number, Python's or NumPy's."""
    if came is None:
        raise Mistake(
            f"{name} should be one number", "a float", "None", likely="is a `return` missing?"
        )
    array = np.asarray(came)
    if array.dtype.kind not in "fiu":
        raise Mistake(f"{name} should be one number", "a float", _short(came), likely=likely)
    if array.ndim:
        raise Mistake(
            f"{name} should be one number", "a float", f"shape {array.shape}", likely=likely
        )


def expect_zeros(name: str, came: Any) -> None:
    """Raise Mistake unless an array of floats is zero everywhere."""
    array = np.asarray(came)
    expect(not array.any(), f"{name} is not zero", "zeros", array, "np.zeros, nothing random.")
    kind = "the integers of np.zeros(..., dtype=int) cannot be moved by a small step."
    expect(array.dtype.kind == "f", f"{name} is to hold floats", "float", array.dtype, kind)


def expect_close(
    name: str,
    came: Any,
    expected: Any,
    relations: Sequence[Relation] = (),
    likely: str = "",
    what: str = "",
    function: str | None = None,
) -> None:
    """Raise Mistake, with its likely cause, unless an array or a number is as expected.

    Args:
        name: what to call it.
        came: what the student's function gave.
        expected: what the textbook gives.
        relations: wrong results and the mistakes that lead to them; the first that fits is named.
        likely: the mistake to name when none fits.
        what: the first line of the failure.
        function: the function at fault, where it is not the one that the check names.
    """
    expected = np.asarray(expected, dtype=np.float64)
    expect_shape(name, came, expected.shape)
    array = np.asarray(came, dtype=np.float64)
    wrong = ~close(array, expected)
    if not wrong.any():
        return
    worst = np.unravel_index(int(np.argmax(_distance(array, expected))), expected.shape)
    index = f"{name}[{', '.join(map(str, worst))}]" if expected.ndim else ""
    if expected.size > 1:
        index += f"; {int(wrong.sum())} of {expected.size} values are wrong"
    raise Mistake(
        what or f"{name} is not what it should be",
        f"{expected[worst]:.7g}",
        f"{array[worst]:.7g}",
        index,
        cause(array, relations) or likely,
        function,
    )


def cause(came: np.ndarray, relations: Sequence[Relation]) -> str:
    """Name the mistake whose wrong result is the one that came, or ""."""
    for result, mistake in relations:
        if np.shape(result) == came.shape and close(came, np.asarray(result)).all():
            return mistake
    return ""


def close(came: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Tell of each entry whether it is near enough; nan is near nothing."""
    return np.asarray(np.abs(came - expected) <= ABSOLUTE + RELATIVE * np.abs(expected))


class untouched:
    """A block that raises Mistake if it changes one of the named arrays in place."""

    def __init__(self, **arrays: np.ndarray) -> None:
        self._arrays = arrays
        self._before = {name: array.copy() for name, array in arrays.items()}

    def __enter__(self) -> None:
        pass

    def __exit__(self, error: object, *_: object) -> None:
        if error is not None:
            return
        for name, array in self._arrays.items():
            before = self._before[name]
            if array.shape != before.shape:
                what = f"{name}, which the caller still needs, has another shape now"
                raise Mistake(what, before.shape, array.shape, likely="make a copy, or a view.")
            changed = np.argwhere(array != before)
            if len(changed):
                index = tuple(map(int, changed[0]))
                raise Mistake(
                    f"{name}, which the caller still needs, was changed",
                    f"{before[index]:g}, as before the call",
                    f"{array[index]:g}",
                    f"{name}[{', '.join(map(str, index))}]",
                    f"an operation in place (+=, -=, *=, out=, shuffle) on {name}.",
                )


class no_overflow:
    """A block that raises Mistake if NumPy warns in it of an overflow or an invalid value."""

    def __init__(self, likely: str) -> None:
        self._likely = likely
        self._warnings = warnings.catch_warnings()

    def __enter__(self) -> None:
        self._warnings.__enter__()
        warnings.simplefilter("error", RuntimeWarning)

    def __exit__(self, kind: object, error: BaseException | None, *_: object) -> None:
        self._warnings.__exit__(None, None, None)
        if isinstance(error, RuntimeWarning):
            raise Mistake(
                "NumPy warned on large weights", "no warning", error, likely=self._likely
            ) from error


def _distance(came: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return np.nan_to_num(np.abs(came - expected), nan=np.inf)


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
