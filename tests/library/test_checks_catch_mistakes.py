"""The proof of the checks: each mistake is caught where it is made, and no right solution is."""

from collections.abc import Sequence

import pytest

from lab.assignment import CODE_TASKS, POINTS
from tests.library.proof import Results, run
from tests.library.variants import logistic, softmax, training
from tests.library.variants.right import RIGHT
from tests.library.variants.variant import Variant, Wrong

pytestmark = pytest.mark.proof

WRONG = [*logistic.WRONG, *training.WRONG, *softmax.WRONG]


def mistakes_of(task: str) -> Variant:
    """Make a mistake in each function of a task, as far as the submission "classic" has it."""
    first = {w.function: w.edits for w in reversed(WRONG) if w.task == task and w.costs and w.edits}
    return Variant(f"mistakes of {task}", tuple(edit for edits in first.values() for edit in edits))


AT_ONCE = {task.name: mistakes_of(task.name) for task in CODE_TASKS}


def lost(results: Results) -> dict[str, float]:
    """Find the tasks that lost points, of those that were checked."""
    tasks = results["extra_data"]["tasks"]
    points = {task: POINTS[task] - found["score"] for task, found in tasks.items()}
    return {task: less for task, less in points.items() if less}


@pytest.fixture(scope="module")
def results() -> dict[Variant, Results]:
    return run(
        {wrong: (wrong.task, *wrong.also) for wrong in WRONG}
        | dict.fromkeys([*AT_ONCE.values(), *RIGHT], ())
    )


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_a_mistake_has_its_cost_and_cause(wrong: Wrong, results: dict[Variant, Results]) -> None:
    found = results[wrong]
    failed = [
        test
        for test in found["tests"]
        if test["extra_data"]["outcome"] == "failed" and test["tags"] == [wrong.task]
    ]
    said = [test["extra_data"]["summary"] + "\n" for test in failed]
    header = f"{'' if wrong.costs else 'Advice on '}Task {wrong.task}: {wrong.function}"
    assert header in [test["output"].splitlines()[0].split(" (")[0] for test in failed]
    assert [words for words in wrong.says if words not in "\n".join(said)] == []
    assert [one for one in said if not any(words in one for words in wrong.says)] == []
    assert lost(found).pop(wrong.task, 0) == wrong.costs
    assert lost(found).keys() == {*([wrong.task] if wrong.costs else []), *wrong.also}


@pytest.mark.parametrize("task", AT_ONCE)
def test_the_mistakes_of_a_task_cost_no_other(task: str, results: dict[Variant, Results]) -> None:
    assert lost(results[AT_ONCE[task]]).keys() == {task}


@pytest.mark.parametrize("variant", RIGHT, ids=str)
def test_a_right_solution_has_all_points(variant: Variant, results: dict[Variant, Results]) -> None:
    found = results[variant]
    assert [test["output"] for test in found["tests"] if test["status"] == "failed"] == []
    assert found["score"] == found["max_score"] == 62


def test_every_check_fails_for_some_mistake(results: dict[Variant, Results]) -> None:
    def names(outcome: str, variants: Sequence[Variant]) -> set[tuple[str, str]]:
        return {
            (test["tags"][0], test["name"])
            for variant in variants
            for test in results[variant]["tests"]
            if test["extra_data"]["outcome"] == outcome
        }

    assert names("passed", RIGHT) - names("failed", WRONG) == set()
