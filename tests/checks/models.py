"""What the checks of both models and of their losses have in common."""

import ast
import inspect
import textwrap
import traceback
import tracemalloc
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from inspect import signature
from typing import Any

import numpy as np

from tests.checks import compatibility, textbook
from tests.checks.gradients import expect_gradient
from tests.checks.limits import stopped_after
from tests.checks.mistake import (
    Mistake,
    at_fault,
    close,
    expect,
    expect_close,
    expect_number,
    expect_shape,
    expect_variety,
    untouched,
)

__tracebackhide__ = True

WHOLE_SET = 20_000  # images that the assignment trains on
CLIPPED = "z or the outputs are clipped or rounded too much (np.clip, np.round)."
SECONDS = 2.0  # of CPU time for a function on a whole set, whatever else the machine does


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
    likely = "assign it, `self.grad = ...`: what is only computed, or returned, is lost."
    expect(model.grad is not None, "backward does not set grad", "self.grad", "None", likely)
    return model.grad


def judge_in_type(
    judge: Callable[[np.ndarray], None],
    targets: np.ndarray,
    function: Callable[..., Any],
    dtype: Any,
    source: str,
    name: str = "targets",
) -> None:
    """Run a check with targets of another type; name the type where that alone is the cause.

    Args:
        judge: the check, of targets.
        targets: of floats.
        function: the student's, in which to look for the cause.
        dtype: the other type.
        source: where targets of this type come from.
        name: of the targets in the function.
    """
    typed = targets.astype(dtype)
    try:
        judge(typed)
    except Mistake as mistake:
        judge(targets)  # what is wrong with floats, too, has another cause
        source = f", the type that {source} returns"
        likely = f"it is right for {name}.astype(float), and wrong in {typed.dtype}{source}."
        mistake.rows["Likely"] = wrapped(function, name, typed, source) or likely
        raise


def wrapped(function: Callable[..., Any], name: str, array: np.ndarray, source: str = "") -> str:
    """Find arithmetic on an argument alone, in a function, that its type is too small for."""
    for node in reversed([*ast.walk(parsed(function))]):  # the smallest parts first
        if not isinstance(node, ast.UnaryOp | ast.BinOp):
            continue
        with suppress(Exception):  # what has other names in it
            code = compile(ast.Expression(node), "", "eval")
            got, right = (eval(code, {"np": np, name: x}) for x in (array, array.astype(float)))
            index = tuple(np.argwhere(got != right)[0])
            return (
                f"`{ast.unparse(node)}` wraps in {array.dtype}{source}: "
                f"{array[index]} becomes {got[index]}; take {name}.astype(float)."
            )
    return ""


def parsed(function: Callable[..., Any]) -> ast.Module:
    """Parse a student's function; where that is not possible, nothing is in it."""
    try:
        return ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError):  # as of a lambda
        return ast.Module([], [])


def exchanged(
    cross_entropy_loss: Callable[..., Any], cases: Sequence[tuple[Any, Any]], right: np.ndarray
) -> str:
    """Say so if a loss is right for exchanged outputs and targets; else what it should be."""
    with suppress(Exception):
        losses = [loss_of(cross_entropy_loss, yhat, y) for y, yhat in cases]
        if close(np.array([float(loss) for loss in losses]), right).all():
            return "targets and outputs are exchanged: the logarithm is that of the outputs."
    return "the mean over the examples of the sum in its equation."


def pairs(y: np.ndarray, yhat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Put each of N targets beside each of N outputs."""
    return np.tile(y, (len(y), 1)), np.repeat(yhat, len(y), axis=0)


def expect_size(grad: Any, w: np.ndarray, N: int) -> None:
    """Raise Mistake unless there is a number for each weight, whatever its place."""
    if np.size(grad) != w.size:
        likely = "one number for each weight."
        if np.size(grad) == w.size * N:
            likely += " Here each example has its own: add them up; or (N,) met (N, 1)."
        expect_shape("grad", grad, w.shape, likely)


def expect_loss(
    cross_entropy_loss: Callable[..., Any],
    y: np.ndarray,
    yhat: np.ndarray,
    equation: str,
    what: str,
    *as_given: Any,
) -> None:
    """Raise Mistake unless a loss is the mean over the examples, with targets `as_given`, too.

    `as_given` is another type than float, and where targets of this type come from.
    """
    (N, K), right = y.shape, textbook.loss(y, yhat)
    relations = [
        (-right, "the minus sign in front is missing."),
        (N * right, f"this is the sum; equation {equation} divides by N."),
        (-N * right, "the minus sign and the division by N are missing."),
        (right / N, "divided by N twice."),
        (right / 2, "divided by 2 N, not by N."),
        (right / np.log(2), "this is the logarithm to base 2; np.log is the natural one."),
        (right / np.log(10), "this is the logarithm to base 10; np.log is the natural one."),
    ]
    if K > 1:
        relations += [
            (right / K, "divided by N * K: np.mean over all entries; only N counts."),
            (-right / K, "divided by N * K, and the minus sign is missing."),
            (N * right / K, "divided by the number of classes K, not of examples N."),
        ]

    def judge(y: np.ndarray) -> None:
        likely = (
            f"{'the sum over the classes or ' * (K > 1)}the mean over the N examples is missing."
        )
        loss = expect_number("the loss", loss_of(cross_entropy_loss, y, yhat), likely)
        of_some = partial(repeated, partial(loss_of, cross_entropy_loss), y, yhat)
        expect_close(what, loss, right, relations, partial(fixed_divisor, of_some, right, N))

    judge_in_type(judge, y, cross_entropy_loss, *as_given)


def repeated(function: Callable[..., Any], *arrays: np.ndarray, times: int) -> Any:
    """Call a function with its arguments (N, ...) repeated so many times."""
    return function(*(np.tile(array, (times, 1)) for array in arrays))


def fixed_divisor(result: Callable[..., Any], right: Any, N: int) -> str:
    """Name a number that a sum is divided by in place of N, or return ""."""
    with suppress(Exception):
        once, twice = (np.asarray(result(times=n), dtype=np.float64) for n in (1, 2))
        divisor = N * float(np.sum(right * right) / np.sum(once * right))
        if close(once, N * right / divisor).all() and close(twice, 2 * once).all():
            return f"divided by {divisor:g}, whatever N is; divide by the number of examples."
    return ""


def expect_mean_gradient(
    gradient: Callable[[np.ndarray], Any],
    model: Any,
    *batch: np.ndarray,
    as_given: tuple[Any, str],
) -> None:
    """Raise Mistake unless a gradient is that of the mean loss, with targets `as_given`, too.

    `gradient` is the student's, of the targets alone; `batch` is X, outputs and targets.
    """
    X, outputs, targets = batch
    w, right = model.w.copy(), textbook.gradient(*batch)
    of_some = partial(repeated, partial(gradient_of, model), *batch)

    def judge(y: np.ndarray) -> None:
        likely = partial(fixed_divisor, of_some, right, len(X))
        expect_gradient(gradient(y), X, w, outputs, targets, likely)

    judge_in_type(judge, targets, model.backward, *as_given)


def expect_made_as_handed_out(Model: Any, name: str, *args: Any) -> None:
    """Raise Mistake unless a model, by its name, is made with these arguments."""
    own = [parameter.name for parameter in signature(Model).parameters.values()]
    right = compatibility.is_made_as_handed_out(Model.__wrapped__, *args)
    stated, what = compatibility.ARGUMENTS[name], f"{name} does not take what the scripts give it"
    likely = "take these arguments first; give others, as the sizes, default values."
    expect(right, what, f"({', '.join(stated)})", f"({', '.join(own)})", likely)


def expect_weights_kept(
    model: Any, X: np.ndarray, method: str, *others: np.ndarray, strength: float = 0
) -> None:
    """Raise Mistake if `forward` or `backward` changes the weights or its arguments."""
    arguments = {"X": X.copy()}
    arguments |= {n: a.copy() for n, a in zip(("outputs", "targets"), others, strict=False)}
    before = model.w.copy()
    with untouched(**arguments):
        if others:
            model.backward(*arguments.values())
        else:
            expect_variety("forward(X)", model.forward(*arguments.values()))
    if _same(model.w, before):
        return
    likely = "the update of the weights belongs in train_step."
    with suppress(Exception):
        scaled = any(close(model.w, c * before).all() for c in (strength, 2 * strength))
        if scaled or np.shares_memory(model.w, model.grad):
            likely = "*=, += and -= change self.w itself, also by another name for it."
    raise Mistake(f"{method} changed the weights", "w as it was", "another w", likely=likely)


def expect_new_gradient(
    model: Any, X: np.ndarray, outputs: np.ndarray, targets: np.ndarray
) -> None:
    """Raise Mistake unless a second `backward` replaces the gradient of the first."""
    w, gradients = model.w.copy(), []
    for _ in range(2):
        model.w = w.copy()  # if it changes, another check says so
        gradients.append(np.array(gradient_of(model, X, outputs, targets)))
    first, second = gradients
    relations = [(2 * first, "accumulated over calls: `grad = ...`, not `grad += ...`.")]
    what = "a second call with the same arguments gives another gradient"
    expect_close("grad", second, first, relations, "something of the last call is kept.", what)


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


def on_a_whole_set(function: str, call: Callable[..., Any], *few: Any) -> Any:
    """Call a function on a few examples, and return the result; their repetition has to fit.

    Raises:
        Mistake: if the function takes too long for 20,000 examples, makes an N x N array of them,
            or gives another result than for the few.
    """
    with at_fault(function):
        result = call(*(np.array(a) if np.ndim(a) else a for a in few))
        for N in (WHOLE_SET // 10, WHOLE_SET):
            many, seconds = _repeated_to(N, few), SECONDS * N / WHOLE_SET
            what = f"it takes more than {seconds:g} seconds for {N:,} images"
            loop = "a loop over every pixel or image; use whole arrays."
            with stopped_after(seconds, Mistake(what, likely=loop)):
                got = call(*many)
            if N < WHOLE_SET:
                expect_no_square_of_N(call, *few)
        name, last = "the result for the last of 20,000 examples", partial(_last_of, len(few[0]))
        likely = partial(_ends_at_255, lambda N: last(call(*_repeated_to(N, few))), last(result))
        expect_close(name, last(got), last(result), likely=likely)
    return result


def expect_no_square_of_N(function: Callable[..., Any], *few: Any) -> None:
    """Raise Mistake if a function has N x N numbers in use: four times as many for twice N."""
    peaks = []
    for N in (500, 1000):
        many = _repeated_to(N, few)
        tracemalloc.start()
        try:
            function(*many)
        finally:
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
    what, got = "N x N numbers in use at once", peaks[1] * (WHOLE_SET / 1000) ** 2 / 1e9
    likely = "(N,) meets (N, 1), or a product of all with all, as X @ X.T; keep (N, 1) and (N, K)."
    of_all = f"{got:.1f} GB for the 20,000 images"
    expect(peaks[1] < max(2.5 * peaks[0], 500_000), what, "arrays of N rows", of_all, likely)


def _last_of(n: int, result: Any) -> np.ndarray:
    return np.asarray(result)[-n:] if np.ndim(result) else np.asarray(result)


def _ends_at_255(result: Callable[[int], np.ndarray], right: np.ndarray) -> str:
    """Say so if a result for N examples, of a function, is wrong from N = 256 on."""
    with suppress(Exception):
        if close(result(240), right).all() and not close(result(320), right).all():
            return "right for 240 examples, wrong for 320: 8 bits end at 255."
    return "it is right for few examples."


def _repeated_to(N: int, arrays: Sequence[Any]) -> list[Any]:
    return [np.resize(a, (N, *a.shape[1:])) if np.ndim(a) else a for a in arrays]


def expect_finite_loss(
    cross_entropy_loss: Callable[..., Any], y: np.ndarray, wrong: np.ndarray
) -> None:
    """Raise Mistake unless the loss of outputs of exactly 0 and 1 is finite, and right."""
    likely = "ln(0) is -inf; keep the argument of the logarithm a little above 0."
    loss = expect_number("the loss", loss_of(cross_entropy_loss, y, y))
    what = "the loss of right outputs, exactly 0 and 1"
    expect(np.abs(loss) < 1e-3, what, "0", loss, likely)
    loss = expect_number("the loss", loss_of(cross_entropy_loss, y, wrong))
    what = "the loss of wrong outputs, exactly 0 and 1"
    expect(np.isfinite(loss) and loss > 1, what, "a large, finite number", loss, likely)


def ignored_columns(model: Callable[[np.ndarray], Any], shape: tuple[int, ...]) -> str:
    """Say so if `forward` ignores some columns of X, or return ""."""
    w = np.zeros(shape)
    w[:, 0] = 3
    with suppress(Exception):
        each, none = (outputs_of(model(w), X) for X in (np.eye(len(w)), np.zeros((1, len(w)))))
        ignored = close(each, none).all(axis=1)
        if ignored.any() and not ignored.all():
            return "every column of X counts, the bias too."
    return ""


def expect_no_overflow(
    model: Callable[[np.ndarray], Any],
    z: np.ndarray,
    right: np.ndarray,
    likely: str,
    together: str = "",
) -> None:
    """Raise Mistake unless `forward` is right, and without a warning, where |z| is large.

    In float32 the values alone count: a clip made for float64 is no mistake.
    """
    X = np.zeros((len(z), textbook.I))
    X[:, : len(z)] = np.eye(len(z))
    w = np.zeros((textbook.I, z.shape[1]))
    w[: len(z)] = z
    clipped = CLIPPED
    with suppress(Exception):
        alone = np.concatenate([outputs_of(model(w), x.reshape(1, -1)) for x in X])
        if together and close(alone, right).all():
            likely = clipped = together
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always", RuntimeWarning)
        single = np.asarray(outputs_of(model(w.astype(np.float32)), X.astype(np.float32)))
    cause = likely if raised or not np.isfinite(single).all() else clipped
    expect_close("outputs at |z| up to 1e4, float32", single, right, likely=cause)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            got = outputs_of(model(w), X)
    except RuntimeWarning as warning:
        what = "NumPy warned on large weights"
        raise Mistake(what, "no warning", warning, likely=likely) from warning
    cause = clipped if np.isfinite(got).all() else likely
    expect_close("outputs at |z| up to 1e4", got, right, likely=cause)


def _same(w: np.ndarray, before: np.ndarray) -> bool:
    return np.shape(w) == before.shape and bool((w == before).all())
