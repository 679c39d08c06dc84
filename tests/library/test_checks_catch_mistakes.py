"""The proof of the checks: each wrong variant is caught where it is wrong, no right one is."""

from __future__ import annotations

import pytest

from tests.checks.points import POINTS
from tests.library.proof import Results, run_all
from tests.library.variants import logistic, right, softmax, training
from tests.library.variants.variant import Variant

WRONG = [*logistic.WRONG, *training.WRONG, *softmax.WRONG]


@pytest.fixture(scope="module")
def results() -> dict[Variant, Results]:
    """What the checks say of every variant."""
    return run_all([*WRONG, *right.RIGHT])


def lost(results: Results) -> set[str]:
    """Give the tasks that lost points, of those that were checked."""
    tasks = results["extra_data"]["tasks"]
    return {task for task, found in tasks.items() if found["score"] != POINTS[task]}


@pytest.mark.parametrize("variant", WRONG, ids=str)
def test_a_mistake_costs_points_of_its_own_task_and_is_named(
    variant: Variant, results: dict[Variant, Results]
) -> None:
    came = results[variant]
    failed = [
        test["output"].splitlines()[0]
        for test in came["tests"]
        if test["extra_data"]["outcome"] == "failed" and test["tags"] == [variant.task]
    ]
    assert f"Task {variant.task}: {variant.function}" in [line.split(" (")[0] for line in failed]
    assert lost(came) <= {variant.task, *variant.also}


@pytest.mark.parametrize("variant", right.RIGHT, ids=str)
def test_a_right_solution_gets_all_points(
    variant: Variant, results: dict[Variant, Results]
) -> None:
    came = results[variant]
    assert [test["output"] for test in came["tests"] if test["status"] == "failed"] == []
    assert came["score"] == came["max_score"] == 62


def test_there_are_many_variants() -> None:
    assert len({str(variant) for variant in WRONG}) == len(WRONG) >= 60
    assert len(right.RIGHT) >= 10


def test_every_check_fails_for_some_mistake(results: dict[Variant, Results]) -> None:
    def names(outcome: str, variants: list[Variant]) -> set[tuple[str, str]]:
        return {
            (test["number"], test["name"])
            for variant in variants
            for test in results[variant]["tests"]
            if test["extra_data"]["outcome"] == outcome
        }

    assert names("passed", right.RIGHT) - names("failed", WRONG) == set()
