"""Task 2e: batches and shuffling (5 points)."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np

from tests.checks.desk import Desk
from tests.checks.histories import expect_orders
from tests.checks.mistake import Mistake, at_fault, expect, expect_shape, untouched
from tests.checks.points import check
from tests.checks.standins import Run

LOADER = "utils.batch_loader"
ORDER = "utils.shuffled_order"
AT_FAULT = {False: LOADER, True: ORDER}  # by whether the epoch is shuffled


def data(num_examples: int) -> tuple[np.ndarray, np.ndarray]:
    """Make examples that tell their number: image n is (n, -n), its target is (n, 2 n, 3 n)."""
    n = np.arange(num_examples, dtype=np.float64).reshape(-1, 1)
    return n * [1, -1], n * [1, 2, 3]


def served(utils: Any, num_examples: int, batch_size: int, **options: bool) -> list[np.ndarray]:
    """List the numbers of the examples in each batch of an epoch."""
    X, Y = data(num_examples)
    loader = utils.batch_loader(X, Y, batch_size, **options)
    return [np.asarray(X_batch)[:, 0].copy() for X_batch, _ in loader]


def order(utils: Any, num_examples: int, batch_size: int, **options: bool) -> list[int]:
    """List the numbers of the examples of an epoch in the order in which they are served."""
    batches = served(utils, num_examples, batch_size, **options)
    return [int(n) for batch in batches for n in batch]


# Shapes


@check("2e", 0.5, LOADER)
def test_batches_are_pairs_of_batch_size_examples(utils: Any) -> None:
    for shuffle, function in AT_FAULT.items():
        X, Y = data(12)
        with at_fault(function):
            for batch in utils.batch_loader(X, Y, 4, shuffle=shuffle):
                expect(len(batch) == 2, "each batch", "a pair X_batch, Y_batch", batch)
                expect_shape("X_batch", batch[0], (4, 2))
                expect_shape("Y_batch", batch[1], (4, 3))


@check("2e", 0.5, LOADER, needs=[test_batches_are_pairs_of_batch_size_examples])
def test_drop_last_leaves_out_a_batch_that_is_not_full(utils: Any) -> None:
    for num_examples, drop_last, shuffle, right in (
        (23, True, False, [5, 5, 5, 5]),
        (23, False, False, [5, 5, 5, 5, 3]),
        (20, True, False, [5, 5, 5, 5]),
        (20, False, False, [5, 5, 5, 5]),
        (23, True, True, [5, 5, 5, 5]),
        (23, False, True, [5, 5, 5, 5, 3]),
    ):
        case = f"{num_examples} examples, batch_size=5, shuffle={shuffle}, drop_last={drop_last}"
        likely = "N // batch_size batches are full; drop_last says whether one more is served."
        with at_fault(AT_FAULT[shuffle]):
            batches = served(utils, num_examples, 5, shuffle=shuffle, drop_last=drop_last)
            sizes = [len(batch) for batch in batches]
            expect(sizes == right, f"the sizes of the batches ({case})", right, sizes, likely)
    by_default = len(served(utils, 23, 5))
    what = "drop_last should be True by default: 23 examples, batch_size=5"
    expect(by_default == 4, what, "4 batches", f"{by_default} batches")


# Values by hand


@check("2e", 0.5, LOADER, needs=[test_batches_are_pairs_of_batch_size_examples])
def test_without_shuffling_the_order_stays(utils: Any) -> None:
    for options in ({}, {"shuffle": False}):
        got = order(utils, 12, 4, **options)
        expect(got == list(range(12)), "the order without shuffling", list(range(12)), got)


@check("2e", 0.5, ORDER, needs=[test_batches_are_pairs_of_batch_size_examples])
def test_shuffling_mixes_the_examples_of_all_batches(utils: Any) -> None:
    got = order(utils, 60, 6, shuffle=True)
    what, likely = "shuffle=True leaves the examples in order", "draw a permutation of them all."
    expect(got != sorted(got), what, "a random order", "0, 1, 2, ...", likely)
    neighbours = int(np.sum(np.abs(np.diff(got)) == 1))
    likely = "draw a permutation of all examples."
    expect(neighbours < 30, "most examples keep their neighbours", "a random order", got, likely)
    batches = served(utils, 60, 6, shuffle=True)
    whole = all(np.ptp(batch // 6) == 0 for batch in batches)
    likely = "shuffle the examples of the data set before they are cut into batches."
    what = "the batches are the same, only in another order or mixed within themselves"
    expect(not whole, what, "a batch with examples of all the data set", batches[0], likely)


# Invariants


@check("2e", 1, LOADER, needs=[test_batches_are_pairs_of_batch_size_examples])
def test_targets_stay_with_their_images(utils: Any) -> None:
    for shuffle in (True, False):
        X, Y = data(40)
        for X_batch, Y_batch in utils.batch_loader(X, Y, 4, shuffle=shuffle):
            if (X_batch[:, :1] * [1, 2, 3] != Y_batch).any() or (X_batch.sum(axis=1) != 0).any():
                raise Mistake(
                    f"targets come with the wrong images (shuffle={shuffle})",
                    f"the targets of images {X_batch[:, 0].astype(int).tolist()}",
                    f"those of images {Y_batch[:, 0].astype(int).tolist()}",
                    likely="draw one order, and take both X and Y in that order.",
                )


@check("2e", 0.5, ORDER, needs=[test_shuffling_mixes_the_examples_of_all_batches])
def test_every_example_is_served_once_an_epoch(utils: Any) -> None:
    for num_examples, drop_last in ((40, True), (43, False)):
        got = sorted(order(utils, num_examples, 4, shuffle=True, drop_last=drop_last))
        expect(
            got == list(range(num_examples)),
            f"an epoch of {num_examples} examples, shuffled",
            "each of them once",
            f"{len(set(got))} different ones in {len(got)} places",
            "a permutation, not a draw with replacement (np.random.randint, choice).",
        )
    seen = {n for _ in range(60) for n in order(utils, 23, 5, shuffle=True)}
    likely = "shuffle before the last batch is dropped."
    what = "the same examples are left out of every epoch (drop_last=True)"
    expect(len(seen) == 23, what, "others each time", sorted(set(range(23)) - seen), likely)


@check("2e", 0.5, ORDER, needs=[test_shuffling_mixes_the_examples_of_all_batches])
def test_every_epoch_has_an_order_of_its_own(utils: Any) -> None:
    first, second = (order(utils, 60, 6, shuffle=True) for _ in range(2))
    likely = "the generator is seeded anew in each call; do not call np.random.seed here."
    expect(first != second, "two epochs", "two orders", "the same order twice", likely)


@check("2e", 0.5, LOADER, needs=[test_shuffling_mixes_the_examples_of_all_batches])
def test_the_data_set_stays_as_it_was(utils: Any) -> None:
    for shuffle in (True, False):
        X, Y = data(40)
        with untouched(X=X, Y=Y):
            list(utils.batch_loader(X, Y, 4, shuffle=shuffle))


@check("2e", 0.5, LOADER, needs=[test_every_epoch_has_an_order_of_its_own])
def test_training_takes_a_new_order_each_epoch(desk: Desk) -> None:
    BaseTrainer = getattr(desk.find("trainer"), "BaseTrainer", None)
    for shuffle in (True, False) if BaseTrainer else ():
        run = Run(BaseTrainer, np.linspace(1, 0, 40).tolist(), 20, shuffle)
        with suppress(Exception):  # not written, or broken: Task 2d reports it
            run.train(num_epochs=2)
        if len(run.examples) == 80:
            expect_orders(run.examples, shuffle)
