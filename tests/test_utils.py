"""Task 2e: shuffling the data set (5 points)."""

import random
from inspect import signature
from typing import Any

import numpy as np
import pytest

from tests.checks.mistake import Mistake, at_fault, expect, expect_shape, untouched
from tests.checks.points import advice, check
from tests.checks.standins import batches, stand_in
from tests.checks.student import StudentFiles
from tests.checks.textbook import I
from tests.checks.training import Run, expect_orders

LOADER = "utils.batch_loader"
ORDER = "utils.shuffled_order"


def data(num_examples: int, K: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Make numbered examples: X (N, 785) is (n, -n, 0, ...), Y (N, K) is n."""
    n = np.arange(num_examples, dtype=np.float64).reshape(-1, 1)
    return n * np.eye(1, I) - n * np.eye(1, I, 1), n * np.ones(K)


def load(utils: Any, X: np.ndarray, Y: np.ndarray, batch_size: int, **options: Any) -> Any:
    """Make the student's loader of an epoch."""
    return utils.batch_loader(X, Y, batch_size, **options)


def served(utils: Any, num_examples: int, batch_size: int, **options: Any) -> list[np.ndarray]:
    """List the numbers of the examples in each batch of an epoch."""
    loader = load(utils, *data(num_examples), batch_size, **options)
    return [np.asarray(X_batch)[:, 0].copy() for X_batch, *_ in loader]


def order(utils: Any, num_examples: int, batch_size: int, **options: Any) -> list[int]:
    """List the numbers of the examples of an epoch in the order in which they are served."""
    batches = served(utils, num_examples, batch_size, **options)
    return [int(n) for batch in batches for n in batch]


def own_order(files: StudentFiles, num_examples: int) -> np.ndarray | None:
    """Call `shuffled_order`; return None for another year's files, which do not have it.

    Raises:
        Mistake: unless it returns whole numbers, in one axis, that are indices of the examples.
    """
    shuffled_order = getattr(files.load("utils"), "shuffled_order", None)
    if shuffled_order is None or "rng" not in signature(shuffled_order).parameters:
        return None
    drawn = shuffled_order(num_examples, np.random.RandomState(0))
    name, right = f"shuffled_order({num_examples}, rng)", f"({num_examples},)"
    likely = "a `return` is missing; rng.shuffle changes its argument and returns None."
    expect(drawn is not None, f"{name} should be an array", f"shape {right}", "None", likely)
    if np.ndim(drawn) != 1 or not len(drawn):
        expect_shape(name, drawn, (num_examples,), "one axis: an index for each example.")
    got = np.asarray(drawn)
    expect(got.dtype.kind in "iu", f"{name} should hold indices", "integers", got.dtype)
    largest, what = max(got, default=0), f"{name} holds numbers that are no index of an example"
    likely = "the indices of N examples run from 0 to N - 1; draw them for the N of each call."
    expect(largest < num_examples, what, f"0 to {num_examples - 1}", f"up to {largest}", likely)
    return got


@pytest.fixture
def mended(files: StudentFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mend an order that was drawn but is of no use, as from 1 to N: that is another check's."""

    def drawn_so_far() -> object:
        return repr(np.random.get_state()), random.getstate()  # noqa: NPY002

    def mend(num_examples: int, rng: Any) -> Any:
        before, drawn = drawn_so_far(), own(num_examples, rng)
        if np.size(drawn) == num_examples and np.asarray(drawn).dtype.kind in "iuf":
            return np.argsort(np.argsort(np.ravel(drawn)))
        return drawn if drawn_so_far() == before else np.random.permutation(num_examples)  # noqa: NPY002

    own: Any = getattr(files.load("utils"), "shuffled_order", None)
    stand_in(files, monkeypatch, ORDER, mend)


def expect_shuffled(utils: Any) -> None:
    """Raise Mistake if nothing is shuffled, and so nothing can go wrong."""
    got = order(utils, 60, 6, shuffle=True)
    what, likely = "shuffle=True leaves the examples in order", "draw a permutation of them all."
    expect(got != sorted(got), what, "a random order", got, likely)


@check("2e", 1, ORDER)
def test_shuffling_changes_the_order(utils: Any, files: StudentFiles) -> None:
    own_order(files, 60)
    expect_shuffled(utils)


@check("2e", 1, ORDER, needs=[test_shuffling_changes_the_order])
def test_shuffling_mixes_the_examples_of_all_batches(utils: Any, mended: None) -> None:
    got = order(utils, 60, 6, shuffle=True)
    neighbours = int(np.sum(np.abs(np.diff(got)) == 1))
    likely = "draw a permutation of all examples."
    expect(neighbours < 30, "most examples keep their neighbours", "a random order", got, likely)
    batches = served(utils, 60, 6, shuffle=True)
    whole = all(len(batch) > 1 and np.ptp(batch // 6) == 0 for batch in batches)
    likely = "shuffle the examples of the data set before they are cut into batches."
    what = "the batches are the same, only in another order or mixed within themselves"
    expect(not whole, what, "a batch with examples of all the data set", batches[0], likely)


@check("2e", 1.5, LOADER, needs=[test_shuffling_changes_the_order])
def test_targets_stay_with_their_images(utils: Any, mended: None) -> None:
    expect_shuffled(utils)
    for shuffle in (True, False):
        for X_batch, Y_batch in load(utils, *data(60), 4, shuffle=shuffle):
            expect_shape("Y_batch", Y_batch, (len(X_batch), 1))
            if (X_batch[:, :1] != Y_batch).any() or (X_batch.sum(axis=1) != 0).any():
                raise Mistake(
                    f"targets come with the wrong images (shuffle={shuffle})",
                    f"the targets of images {X_batch[:, 0].astype(int).tolist()}",
                    f"those of images {Y_batch[:, 0].astype(int).tolist()}",
                    likely="draw one order, and take both X and Y in that order.",
                )


def expect_each_once(got: np.ndarray | None, num_examples: int) -> None:
    """Raise Mistake unless an order, if there is one, holds every index once."""
    if got is None or sorted(got) == list(range(num_examples)):
        return
    different = set(got.tolist())
    never = sorted(set(range(num_examples)) - different)
    likely = "the order has to hold each index from 0 to N - 1, once"
    likely += f"; number {never[0]} is missing." if never else "."
    if np.iinfo(got.dtype).max < num_examples - 1:
        likely = f"an index of type {got.dtype} is too small: it ends at {np.iinfo(got.dtype).max}."
    elif len(different) < len(got) == num_examples:
        likely = "a permutation, not a draw with replacement (np.random.randint, choice)."
    numbers = f"{len(different)} different ones in {len(got)} places"
    expect(False, f"the order of {num_examples} examples", "each of them once", numbers, likely)


@check("2e", 0.5, LOADER, needs=[test_shuffling_changes_the_order])
def test_every_example_is_served_once_an_epoch_in_full_batches(
    utils: Any, files: StudentFiles
) -> None:
    expect_shuffled(utils)
    with at_fault(ORDER):
        for num_examples in (40, 43, 20_000):
            expect_each_once(own_order(files, num_examples), num_examples)
    for num_examples, drop_last, right in (
        (40, True, [5] * 8),
        (43, True, [5] * 8),
        (43, False, [5] * 8 + [3]),
        (40, False, [5] * 8),
    ):
        for shuffle in (True, False):
            options = {"shuffle": shuffle, "drop_last": drop_last}
            got = served(utils, num_examples, 5, **options)
            case = f"{num_examples} examples, batch_size=5, shuffle={shuffle}"
            sizes = [len(batch) for batch in got]
            likely = "N // batch_size batches are full; drop_last says whether one more is served."
            what = f"the sizes of the batches ({case}, drop_last={drop_last})"
            numbers = np.concatenate(got).tolist()
            in_order = served(utils, num_examples, 5, drop_last=drop_last)
            once = "each batch begins where the one before it ends."
            if shuffle and [len(batch) for batch in in_order] == right:
                once = "a permutation, not a draw with replacement (np.random.randint, choice)."
                likely = "the order has to hold each index from 0 to N - 1, once."
            with at_fault(ORDER if shuffle else LOADER):
                expect(sizes == right, what, right, sizes, likely)
                expect(
                    len(set(numbers)) == sum(right),
                    f"an epoch of {case}",
                    "each of them once",
                    f"{len(set(numbers))} different ones in {len(numbers)} places",
                    once,
                )
    for _, Y_batch in load(utils, *data(20, K=10), 5, shuffle=True):
        expect_shape("Y_batch", Y_batch, (5, 10), "Task 3 has ten targets for an image, one-hot.")
    by_default = len(served(utils, 23, 5))
    what = "drop_last should be True by default: 23 examples, batch_size=5"
    expect(by_default == 4, what, "4 batches", f"{by_default} batches")


@check("2e", 0.5, ORDER, needs=[test_shuffling_changes_the_order])
def test_every_epoch_has_an_order_of_its_own(utils: Any, mended: None) -> None:
    first, second = (order(utils, 60, 6, shuffle=True) for _ in range(2))
    likely = (
        "draw anew in each call; a generator that is seeded here draws the same order each time."
    )
    expect(first != second, "two epochs", "two orders", "the same order twice", likely)


@check("2e", 0.5, LOADER, needs=[test_shuffling_changes_the_order])
def test_without_shuffling_the_order_stays(utils: Any, mended: None) -> None:
    expect_shuffled(utils)
    for options in ({}, {"shuffle": False}):
        got = order(utils, 12, 4, **options)
        right = list(range(12))
        likely = (
            "shuffle only `if shuffle:`; it is False by default." if sorted(got) == right else ""
        )
        expect(got == right, "the order without shuffling", right, got, likely)


@advice("2e", ORDER, needs=[test_shuffling_changes_the_order])
def test_the_order_is_drawn_from_rng(files: StudentFiles) -> None:
    shuffled_order = getattr(files.load("utils"), "shuffled_order", None)
    if shuffled_order is None or "rng" not in signature(shuffled_order).parameters:
        return  # another year's
    first, second = (list(shuffled_order(60, np.random.RandomState(1))) for _ in range(2))
    what = "the orders of two generators with the same seed: --seed of the scripts has no effect"
    likely = "draw it from rng, not from np.random or random."
    expect(first == second, what, "the same order", "two orders", likely)


@advice(
    "2e",
    ORDER,
    needs=[
        test_every_epoch_has_an_order_of_its_own,
        test_every_example_is_served_once_an_epoch_in_full_batches,
    ],
)
def test_other_examples_are_left_over_each_time(utils: Any) -> None:
    seen = {n for _ in range(60) for n in order(utils, 23, 5, shuffle=True)}
    likely = "shuffle before the last batch is dropped."
    what = "the same examples are left out of every epoch (drop_last=True)"
    expect(len(seen) == 23, what, "others each time", sorted(set(range(23)) - seen), likely)


@advice("2e", LOADER, needs=[test_shuffling_changes_the_order])
def test_the_data_set_stays_as_it_was(utils: Any) -> None:
    for shuffle in (True, False):
        X, Y = data(60)
        with untouched(X=X, Y=Y):
            list(load(utils, X, Y, 4, shuffle=shuffle))


@advice("2e", "trainer.BaseTrainer.train", needs=[test_every_epoch_has_an_order_of_its_own])
def test_training_takes_a_new_order_each_epoch(
    files: StudentFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    BaseTrainer = files.require("trainer.BaseTrainer")
    stand_in(files, monkeypatch, LOADER, batches)
    for shuffle in (True, False):
        run = Run(BaseTrainer, np.linspace(0.69, 0.2, 40).tolist(), 20, shuffle)
        run.train(num_epochs=2)
        expect_orders(run.examples, shuffle)
