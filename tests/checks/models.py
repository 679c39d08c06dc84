"""What the checks of both models have in common."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.checks import textbook
from tests.checks.mistake import Mistake, expect, expect_close, no_overflow, untouched

__tracebackhide__ = True


def model_with(model: Any, w: np.ndarray) -> Any:
    """Give a student's model the weights, a copy of them."""
    model.w = w.copy()
    return model


def check_keeps_its_weights(model: Any, X: np.ndarray, method: str, *others: np.ndarray) -> None:
    """Raise Mistake if `forward` or `backward` changes its weights or its arguments.

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
        getattr(model, method)(*arguments.values())
    if model.w.shape != before.shape or (model.w != before).any():
        raise Mistake(
            f"{method} changed the weights",
            "w as it was",
            "another w",
            likely="the update of the weights belongs in train_step.",
        )


def check_gradient_is_not_accumulated(
    model: Any, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray
) -> None:
    """Raise Mistake unless a second `backward` replaces the gradient of the first."""
    gradients = []
    for _ in range(2):
        model.backward(X.copy(), outputs.copy(), targets.copy())
        gradients.append(np.array(model.grad))
    first, second = gradients
    relations = [(2 * first, "accumulated over calls: `grad = ...`, not `grad += ...`.")]
    what = "a second call with the same arguments gives another gradient"
    expect_close("grad", second, first, relations, what=what)


def check_forgets_the_gradient(
    model: Any, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray
) -> None:
    """Raise Mistake unless `zero_grad` leaves no gradient, and the weights as they were."""
    model.backward(X.copy(), outputs.copy(), targets.copy())
    before = model.w.copy()
    model.zero_grad()
    gone = model.grad is None or not np.any(model.grad)
    expect(gone, "the gradient is still there", "grad None or zeros", "the last gradient")
    kept = np.shape(model.w) == before.shape and (model.w == before).all()
    expect(kept, "zero_grad changed the weights", "w as it was", "another w")


def check_gradient_test_rejects(
    module: Any, model: Any, arguments: tuple[Any, ...], Y: np.ndarray
) -> None:
    """Raise Mistake unless `gradient_approximation_test` raises on a gradient of wrong sign.

    The model has five inputs: thousands of forward passes, twice a weight, would take their time.
    """

    class Wrong(model):  # type: ignore[misc]
        def backward(self, *args: Any, **kwargs: Any) -> None:
            super().backward(*args, **kwargs)
            self.grad: Any = -self.grad

        def penalty(self) -> float:
            return 0.0  # lambda is 0 here, and Task 4b perhaps not written yet

    wrong = model_with(Wrong(*arguments), textbook.weights(Y.shape[1])[:5])
    try:
        accepted = module.gradient_approximation_test(wrong, np.eye(5)[: len(Y)], Y.copy())
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        if isinstance(error, NotImplementedError) and last.name == "gradient_approximation_test":
            raise
        return  # it rejects, or calls what another task is to write
    if accepted is None or accepted:
        raise Mistake(
            "it accepts a gradient of the wrong sign",
            "an exception",
            "none",
            likely="it compares nothing, or prints where it should raise.",
        )


def check_no_overflow(
    model: Callable[[np.ndarray], Any], z: np.ndarray, right: np.ndarray, likely: str
) -> None:
    """Raise Mistake unless `forward` is right, and without a warning, where |z| is large.

    Single precision is held to the values alone: a clip made for double precision is right.

    Args:
        model: makes a model with the given weights.
        z: scores (N, K).
        right: outputs (N, K).
        likely: the mistake to name.
    """
    X = np.zeros((len(z), textbook.I))
    X[:, : len(z)] = np.eye(len(z))
    w = np.zeros((textbook.I, z.shape[1]))
    w[: len(z)] = z
    single = np.asarray(model(w.astype(np.float32)).forward(X.astype(np.float32)))
    expect_close("outputs at |z| up to 1e4, float32", single, right, likely=likely)
    with no_overflow(likely):
        came = model(w).forward(X)
    expect_close("outputs at |z| up to 1e4", came, right, likely=likely)
