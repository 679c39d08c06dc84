"""What is not written earns nothing, and neither does what returns a constant."""

from __future__ import annotations

import pytest

from lab.assignment import CODE_TASKS, POINTS
from tests.library.proof import Results, run_all
from tests.library.variants.variant import Variant

TASK_OF = {function: task.name for task in CODE_TASKS for function in task.functions}
UNWRITTEN = "raise NotImplementedError"
INLINE = {  # written without `accuracy`, which validation_step calls
    "task2": "return float(np.mean((model.forward(X) >= 0.5) == targets))",
    "task3": "return float(np.mean(model.forward(X).argmax(axis=1) == targets.argmax(axis=1)))",
}
SHAPED = {  # by the last part of a name: a constant of the right shape and type
    "pre_process_images": "return np.ones((len(X), 785))",
    "cross_entropy_loss": "return 0.6931",
    "forward": "return np.full((len(X), self.w.shape[1]), 1 / 2)",
    "backward": "self.grad = np.zeros_like(self.w)",
    "train_step": "return 0.6931",
    "accuracy": "return 0.5",
    "calculate_accuracy": "return 0.5",
    "should_stop": "return False",
    "shuffled_order": "return np.arange(num_examples)",
    "one_hot_encode": "return np.zeros((len(Y), num_classes))",
    "penalty_gradient": "return np.zeros_like(self.w)",
}


def stubs(name: str, bodies: dict[str, str], task: str = "") -> Variant:
    return Variant(name, bodies=tuple(bodies.items()), task=task)


SOLUTION = stubs("as it is", {})
EACH = {function: stubs(function, {function: UNWRITTEN}, TASK_OF[function]) for function in TASK_OF}
EACH |= {
    f"{module}.accuracy": stubs(
        f"{module}.accuracy",
        {f"{module}.accuracy": UNWRITTEN, f"{module}.calculate_accuracy": body},
        TASK_OF[f"{module}.accuracy"],
    )
    for module, body in INLINE.items()
}
CONSTANTS = [
    stubs(body, dict.fromkeys(TASK_OF, body))
    for body in ("return 0", "return None", "return 0.5", "return False", "return True")
]
CONSTANTS += [
    stubs("of the right shape", {name: SHAPED[name.split(".")[-1]] for name in TASK_OF}),
    stubs("of zeros", {name: f"return np.zeros({len(name)})" for name in TASK_OF}),
]


@pytest.fixture(scope="module")
def results() -> dict[Variant, Results]:
    return run_all([SOLUTION, *EACH.values(), *CONSTANTS])


@pytest.mark.parametrize("function", EACH)
def test_a_function_that_is_not_written_costs_points(
    function: str, results: dict[Variant, Results]
) -> None:
    task, found = TASK_OF[function], results[EACH[function]]["extra_data"]["tasks"]
    share = 4 / 5 if task in ("2a", "3a") else 0  # these have four functions
    assert found[task]["score"] <= share * POINTS[task]
    assert f"not written yet: {function.split('.', 1)[1]}" in found[task]["notes"]


def test_the_solution_earns_everything_and_draws_no_advice(results: dict[Variant, Results]) -> None:
    found = results[SOLUTION]
    assert found["score"] == 62
    assert [test["name"] for test in found["tests"] if test["status"] != "passed"] == []


@pytest.mark.parametrize("variant", CONSTANTS, ids=str)
def test_constants_earn_nothing(variant: Variant, results: dict[Variant, Results]) -> None:
    tasks = results[variant]["extra_data"]["tasks"]
    assert {task: found["score"] for task, found in tasks.items() if found["score"]} == {}
