"""Submissions in the style of several years and people get the points of a fair grader."""

from __future__ import annotations

import pytest

from tests.library.proof import Results, run, run_all
from tests.library.submissions import SUBMISSIONS, Submission
from tests.library.variants.variant import Variant

pytestmark = pytest.mark.proof

NAMED = {  # by submission: what the student or the instructor reads
    "arguments_of_their_own": (
        "BinaryModel does not take what the scripts give it",
        "early stopping is written, but switched off in line 60",
    ),
    "broken_lines": (
        "note: utils.py, line 27: SyntaxError: invalid syntax; batch_loader is left out.",
        "note: imports from `assignment1` mean the six files here; import from these.",
        "At:       utils.py, line 27: np.random.shuffle(indices)t",
    ),
    "script_variables": (
        "note: task2.py, line 4: seaborn is not installed here; only its use fails.",
        "train_step reads a variable of the script: name 'model' is not defined",
    ),
    "shape_1_losses": (
        "note: trainer.py, line 34: NumPy no longer has np.Inf; write np.inf.",
        "advice: task2a.cross_entropy_loss: the loss is an array of shape (1,); take the mean",
    ),
    "one_validation_late": ("one validation too late", "an option, and nowhere else"),
    "imports_of_an_editor": (
        "note: utils.py, line 4: numpy.lib.function_base.append cannot be imported here;",
        "note: task2.py, line 1: asyncio.windows_events.NULL cannot be imported here;",
    ),
    "stops_with_the_epoch": (
        "stop at the tenth",
        "train_step reads a variable of the script: name 'net' is not defined",
        "Task 3 has ten targets for an image, one-hot.",
        "the bias is left out: equation 27 sums over every weight",
    ),
    "watches_the_accuracy": (
        "np.where computes both of its branches: exp of a large number overflows",
        "count val_loss, which does not improve here; training loss and accuracies do.",
        "training ends after its last epoch with other weights than those of its best",
        "train_step returns more than the loss",
        "the values of the pixels are not what they should be",
        "do not standardise",
    ),
    "year_2020": ("this is another year's assignment",),
}


@pytest.fixture(scope="module")
def results() -> dict[str, Results]:
    return {str(submission): found for submission, found in run_all(SUBMISSIONS).items()}


@pytest.mark.parametrize("submission", SUBMISSIONS, ids=str)
def test_a_submission_gets_the_points_of_a_fair_grader(
    submission: Submission, results: dict[str, Results]
) -> None:
    tasks = results[submission.name]["extra_data"]["tasks"]
    assert {task: found["score"] for task, found in tasks.items()} == submission.fair


@pytest.mark.parametrize("name", NAMED)
def test_the_cause_is_named(name: str, results: dict[str, Results]) -> None:
    found = results[name]
    text = "\n".join([found["output"], *(test["output"] for test in found["tests"])])
    for cause in NAMED[name]:
        assert cause in text


@pytest.mark.parametrize(
    "draw",
    ["np.random.default_rng().random()", "np.random.random()", "__import__('random').random()"],
)
def test_a_submission_that_draws_without_a_seed_gets_the_same_points_each_time(draw: str) -> None:
    body = f"n = num_examples\nreturn np.random.permutation(n) if {draw} < 0.5 else np.arange(n)"
    names = [f"shuffles at times, run {n}" for n in range(8)]
    at_times = [Variant(name, bodies=(("utils.shuffled_order", body),)) for name in names]
    runs = run(dict.fromkeys(at_times, ("2e",)))
    outcomes = [[test["status"] for test in found["tests"]] for found in runs.values()]
    assert outcomes == [outcomes[0]] * 8
