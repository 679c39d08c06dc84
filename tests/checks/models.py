"""What the checks of both models and of their losses have in common."""

from __future__ import annotations

import traceback
import tracemalloc
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.checks import textbook
from tests.checks.mistake import (
    Mistake,
    expect,
    expect_close,
    expect_number,
    expect_variety,
    untouched,
)

__tracebackhide__ = True

WHOLE_SET = 20_000  # images that the assignment trains on


class peak_memory:
    """A block whose attribute `peak` is the most bytes that it had in use at the same time."""

    peak = 0

    def __enter__(self) -> peak_memory:
        tracemalloc.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()


def model_with(model: Any, w: np.ndarray) -> Any:
    """Give a student's model a copy of these weights."""
    model.w = w.copy()
    return model


def outputs_of(model: Any, X: np.ndarray) -> Any:
    """Run `forward` on a copy of its argument."""
    return model.forward(X.copy())


def loss_of(cross_entropy_loss: Callable[..., Any], y: np.ndarray, yhat: np.ndarray) -> Any:
    """Compute the loss of targets y and outputs yhat, on copies."""
    return cross_entropy_loss(y.copy(), yhat.copy())


def gradient_of(model: Any, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> Any:
    """Run `backward` on copies of its arguments, and return the gradient that it sets."""
    model.backward(X.copy(), outputs.copy(), targets.copy())
    return model.grad


def expect_weights_kept(model: Any, X: np.ndarray, method: str, *others: np.ndarray) -> None:
    """Raise Mistake if `forward` or `backward` changes the weights or its arguments.

    Args:
        model: with weights.
        X: inputs.
        method: "forward" or "backward".
        others: for backward, the outputs and the targets.
    """
    arguments = {"X": X.copy()}
    arguments |= {n: a.copy() for n, a in zip(("outputs", "targets"), others, strict=False)}
    before = model.w.copy()
    with untouched(**arguments):
        if others:
            model.backward(*arguments.values())
        else:
            expect_variety("forward(X)", model.forward(*arguments.values()))
    likely = "the update of the weights belongs in train_step."
    expect(
        _same(model.w, before), f"{method} changed the weights", "w as it was", "another w", likely
    )


def expect_new_gradient(
    model: Any, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray
) -> None:
    """Raise Mistake unless a second `backward` replaces the gradient of the first."""
    first, second = (np.array(gradient_of(model, X, outputs, targets)) for _ in range(2))
    relations = [(2 * first, "accumulated over calls: `grad = ...`, not `grad += ...`.")]
    what = "a second call with the same arguments gives another gradient"
    expect_close("grad", second, first, relations, what=what)


def expect_gradient_reset(
    model: Any, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray
) -> None:
    """Raise Mistake unless `zero_grad` leaves no gradient, and the weights as they were."""
    gradient_of(model, X, outputs, targets)
    before = model.w.copy()
    model.zero_grad()
    gone = model.grad is None or not np.any(model.grad)
    expect(gone, "the gradient is still there", "grad None or zeros", "the last gradient")
    expect(_same(model.w, before), "zero_grad changed the weights", "w as it was", "another w")


def expect_rejection(
    gradient_approximation_test: Callable[..., Any], model: Any, Y: np.ndarray
) -> None:
    """Raise Mistake unless the student's gradient test rejects a gradient of the wrong sign.

    The model has five inputs: with 785, two forward passes a weight would take seconds.
    """
    backward = model.backward

    def wrong(X: np.ndarray, outputs: np.ndarray, targets: np.ndarray) -> None:
        backward(X, outputs, targets)
        model.grad = -model.grad

    model.w = textbook.weights(Y.shape[1])[:5] * 16
    model.backward = wrong
    model.penalty = lambda: 0.0  # lambda is 0 here, and Task 4b may not be written yet
    try:
        accepted = gradient_approximation_test(model, np.eye(5)[: len(Y)], Y.copy())
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        if isinstance(error, NotImplementedError) and last.name == "gradient_approximation_test":
            raise
        return  # it rejects, or calls what belongs to another task
    likely = "it compares nothing, or prints where it should raise."
    what = "it accepts a gradient of the wrong sign"
    expect(accepted is not None and not accepted, what, "an exception", "none", likely)


def expect_whole_set(loss: Any, right: float, peak: int) -> None:
    """Raise Mistake unless the loss of 20,000 examples is right, and took no N x N array.

    Args:
        loss: what the student's functions compute.
        right: what it should be.
        peak: bytes that were in use at the same time.
    """
    likely = "a shape (N,) meets (N, 1), or X @ X.T; keep (N, 1) and (N, K)."
    what = "an array of N x N numbers takes 3.2 GB for the 20,000 images"
    expect(peak < 4 * WHOLE_SET**2, what, "arrays of N rows", f"{peak / 1e9:.1f} GB in use", likely)
    likely = "this is right for few examples: is a number of 8 bits too small for a sum?"
    number = expect_number("the loss", loss)
    expect_close("the loss of 20,000 examples", number, right, likely=likely)


def expect_finite_loss(
    cross_entropy_loss: Callable[..., Any], y: np.ndarray, wrong: np.ndarray
) -> None:
    """Raise Mistake unless the loss of outputs of exactly 0 and 1 is finite, and right.

    Args:
        cross_entropy_loss: the student's function.
        y: targets (N, K), and the right outputs.
        wrong: outputs (N, K), wrong for every example.
    """
    likely = "ln(0) is -inf; keep the argument of the logarithm a little above 0."
    loss = expect_number("the loss", loss_of(cross_entropy_loss, y, y))
    what = "the loss of right outputs, exactly 0 and 1"
    expect(np.abs(loss) < 1e-3, what, "0", loss, likely)
    loss = expect_number("the loss", loss_of(cross_entropy_loss, y, wrong))
    what = "the loss of wrong outputs, exactly 0 and 1"
    expect(np.isfinite(loss) and loss > 1, what, "a large, finite number", loss, likely)


def expect_no_overflow(
    model: Callable[[np.ndarray], Any], z: np.ndarray, right: np.ndarray, likely: str
) -> None:
    """Raise Mistake unless `forward` is right, and without a warning, where |z| is large.

    In float32 the values alone count: a clip made for float64 is no mistake.

    Args:
        model: makes a model with the given weights.
        z: scores (N, K).
        right: outputs (N, K).
        likely: the cause to name.
    """
    X = np.zeros((len(z), textbook.I))
    X[:, : len(z)] = np.eye(len(z))
    w = np.zeros((textbook.I, z.shape[1]))
    w[: len(z)] = z
    single = np.asarray(outputs_of(model(w.astype(np.float32)), X.astype(np.float32)))
    expect_close("outputs at |z| up to 1e4, float32", single, right, likely=likely)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            got = outputs_of(model(w), X)
    except RuntimeWarning as warning:
        what = "NumPy warned on large weights"
        raise Mistake(what, "no warning", warning, likely=likely) from warning
    expect_close("outputs at |z| up to 1e4", got, right, likely=likely)


def _same(w: np.ndarray, before: np.ndarray) -> bool:
    return np.shape(w) == before.shape and bool((w == before).all())
