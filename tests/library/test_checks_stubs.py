"""What is not written earns nothing, and neither does what returns a constant."""

import pytest

from lab.assignment import CODE_TASKS, POINTS
from tests.library.proof import Results, run
from tests.library.variants.variant import Variant

TASK_OF = {function: task.name for task in CODE_TASKS for function in task.functions}
INLINE = {  # `accuracy` is left, what calls it is written without it
    "task2.accuracy": (
        "task2.calculate_accuracy",
        "return float(np.mean((model.forward(X) >= 0.5) == targets))",
    ),
    "task3.accuracy": (
        "task3.calculate_accuracy",
        "return float(np.mean(model.forward(X).argmax(axis=1) == targets.argmax(axis=1)))",
    ),
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
CONSTANTS = [
    Variant("None", bodies=tuple((name, "return None") for name in TASK_OF)),
    Variant("True", bodies=tuple((name, "return True") for name in TASK_OF)),
    Variant("zeros", bodies=tuple((name, f"return np.zeros({len(name)})") for name in TASK_OF)),
    Variant("shaped", bodies=tuple((name, SHAPED[name.split(".")[-1]]) for name in TASK_OF)),
]


def unwritten(function: str) -> Variant:
    left = (function, "raise NotImplementedError")
    return Variant(function, bodies=(left, *([INLINE[function]] if function in INLINE else [])))


@pytest.fixture(scope="module")
def results() -> dict[str, Results]:
    tasks = {unwritten(function): (task,) for function, task in TASK_OF.items()}
    return {str(stub): found for stub, found in run(tasks | dict.fromkeys(CONSTANTS, ())).items()}


@pytest.mark.parametrize("function", TASK_OF)
def test_an_unwritten_function_costs_points(function: str, results: dict[str, Results]) -> None:
    task, found = TASK_OF[function], results[function]["extra_data"]["tasks"]
    share = 4 / 5 if task in ("2a", "3a") else 0  # these have four functions
    assert found[task]["score"] <= share * POINTS[task]
    assert f"not written yet: {function.split('.', 1)[1]}" in found[task]["notes"]


@pytest.mark.parametrize("variant", CONSTANTS, ids=str)
def test_constants_earn_nothing(variant: Variant, results: dict[str, Results]) -> None:
    tasks = results[variant.name]["extra_data"]["tasks"]
    assert {task: found["score"] for task, found in tasks.items() if found["score"]} == {}
