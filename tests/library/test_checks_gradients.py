"""The textbook's gradient is right, and each known mistake leads to a gradient of its own."""

import importlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import test_task2, test_task3
from tests.checks import models, textbook
from tests.checks.accuracy import Examples
from tests.checks.gradients import (
    data_relations,
    expect_gradient,
    expect_penalty_gradient,
    penalty_relations,
)
from tests.checks.mistake import (
    Mistake,
    cause,
    close,
    entries,
    expect_close,
    expect_multiple,
    expect_number,
    expect_shape,
    total_of,
)
from tests.library.conftest import Patch
from tests.library.proof import CHECKS, run
from tests.library.variants.variant import Variant
from tests.test_trainer import FIRST, NOISY, OVERFITS, PATIENCE

POSIX = pytest.mark.skipif(not hasattr(signal, "SIGPROF"), reason="the timer is of POSIX")
N, LAMBDA = 7, 0.3
X = textbook.inputs(N)
W = textbook.weights(10) * 8
TARGETS = {1: textbook.binary_targets(N), 10: textbook.class_targets(N)}
OUTPUTS = {K: textbook.forward(X, W[:, :K]) for K in TARGETS}


def mistake_of(expect: Callable[..., object], *arguments: object) -> str:
    try:
        expect(*arguments)
    except Mistake as mistake:
        return str(mistake)
    return ""


def test_each_mistake_in_a_gradient_is_named() -> None:
    for K in (1, 10):
        for result, mistake in data_relations(X, OUTPUTS[K], TARGETS[K]):
            found = mistake_of(expect_gradient, result, X, W[:, :K], OUTPUTS[K], TARGETS[K])
            assert mistake in found
    for result, mistake in penalty_relations(W, LAMBDA, N):
        assert mistake in mistake_of(expect_penalty_gradient, result, W, LAMBDA, N)


@pytest.mark.parametrize("examples", [test_task2.EXAMPLES, test_task3.EXAMPLES])
def test_each_mistake_in_the_accuracy_is_named(examples: Examples) -> None:
    known = [(np.array(wrong), mistake) for wrong, mistake in examples.known(1 / 128)]
    for wrong, mistake in known:
        assert {other for result, other in known if close(wrong, result).all()} == {mistake}


def test_training_should_stop_where_the_checks_say() -> None:
    for losses, best in [(OVERFITS, 6), (FIRST, 0), *NOISY]:
        stops = [n for n in range(10, 60) if min(losses[n - 9 : n + 1]) >= min(losses[: n - 9])]
        assert stops[0] == best + PATIENCE


def test_of_two_causes_with_the_same_result_none_is_named_nor_one_for_nan() -> None:
    right, half = np.array([1.0, 2.0]), np.array([0.5, 1.0])
    known = [(half, "half"), (2 * right, "twice"), (right / 2, "over N"), (2 * right, "twice")]
    assert cause(half, known) == ""
    assert cause(2 * right, known) == "twice"
    infinite = [(np.float64(np.inf), "targets first"), (np.float64(1), "one")]
    assert cause(np.asarray(np.inf), infinite) == "targets first"
    assert cause(np.asarray(np.nan), infinite) == cause(np.asarray(-np.inf), infinite) == ""


def test_the_data_of_the_checks_tell_their_causes_apart(monkeypatch: Patch) -> None:
    named: list[str] = []

    def each_is_named(expect: Callable[..., None]) -> Callable[..., None]:
        def called(name: str, got: Any, right: Any, known: Any = (), *_: Any, **__: Any) -> None:
            for wrong, mistake in known:
                said = mistake_of(expect, name, np.asarray(wrong, dtype=np.float64), right, known)
                if said or expect.__name__ == "expect_close":  # else it passes, as a multiple
                    assert mistake in said
                    named.append(mistake)
            expect(name, got, right)

        return called

    for file in CHECKS:
        importlib.import_module(f"tests.{Path(file).stem}")
    modules = [module for name, module in sys.modules.items() if name.startswith("tests.")]
    for expect in (expect_close, expect_multiple):
        for module in modules:
            if getattr(module, expect.__name__, None) is expect:
                monkeypatch.setattr(module, expect.__name__, each_is_named(expect))
    (results,) = run({Variant("as it is", bodies=()): ()}).values()
    assert [test["output"] for test in results["tests"] if test["output"]] == []
    assert len(named) > 100


@pytest.mark.parametrize("got", [None, "text", [[1], [2, 3]], object(), 1j])
def test_what_holds_no_numbers_is_a_mistake_in_words(got: object) -> None:
    for expect in (expect_shape, entries):
        assert "grad should" in mistake_of(expect, "grad", got, (785, 1))
    for number in (expect_number, total_of):
        assert "the loss should be one number" in mistake_of(number, "the loss", got)


def test_a_wrong_row_class_factor_or_shape_is_named_and_a_transposed_gradient_is_right() -> None:
    right = textbook.gradient(X, OUTPUTS[10], TARGETS[10])
    bias, one_class = right.copy(), right.copy()
    bias[784] += 1
    one_class[:, 4] *= 3
    for got, named in (
        (right.T, ""),  # its shape is judged elsewhere
        (bias, "only row 784, that of the bias"),
        (one_class, "only column 4, that of one class"),
        (1.7 * right, "it is 1.7 times what it should be"),
        (np.full_like(right, np.nan), "the formula"),
        (right[:-1], "wrong shape"),
    ):
        mistake = mistake_of(expect_gradient, got, X, W, OUTPUTS[10], TARGETS[10])
        assert named in mistake
        assert bool(named) == bool(mistake)
    assert "it is transposed" in mistake_of(expect_shape, "grad", right.T, (785, 10))


def loops(X: np.ndarray) -> np.ndarray:
    while len(X) > 5:
        pass
    return X


@pytest.mark.parametrize(
    ("function", "cause"),
    [
        (lambda X: X + np.zeros((len(X), len(X)))[:, :1], "N x N numbers in use at once"),
        pytest.param(loops, r"takes more than 0\.002 seconds for 2,000 images", marks=POSIX),
        (lambda X: np.sum(X > 0, dtype=np.uint8) / len(X), "wrong for 320: 8 bits end at 255"),
    ],
)
def test_what_goes_wrong_on_a_whole_set_alone_is_named(
    function: Callable[[np.ndarray], Any], cause: str, monkeypatch: Patch
) -> None:
    monkeypatch.setattr(models, "SECONDS", 0.02 if function is loops else 60)
    with pytest.raises(Mistake, match=cause) as caught:
        models.on_a_whole_set("task2a.loss", function, np.ones((5, 1)))
    assert vars(caught.value)["at_fault"] == "task2a.loss"
