"""Submissions in the style of several years and people get the points of a fair grader."""

import pytest

from tests.library.proof import Results, run
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
    "script_variables": ("a variable of the script: name 'model' is not defined",),
    "shape_1_losses": ("advice: task2a.cross_entropy_loss: the loss is an array of shape (1,)",),
    "stops_with_the_epoch": (
        "stop at the tenth itself",
        "a variable of the script: name 'net' is not defined",
    ),
    "watches_the_accuracy": (
        "training ends after its last epoch with other weights than those of its best",
        "train_step returns more than the loss",
    ),
}


@pytest.fixture(scope="module")
def results() -> dict[str, Results]:
    found = run(dict.fromkeys(SUBMISSIONS, ()))
    return {submission.name: found[submission] for submission in SUBMISSIONS}


@pytest.mark.parametrize("submission", SUBMISSIONS, ids=str)
def test_a_submission_is_graded_fairly(submission: Submission, results: dict[str, Results]) -> None:
    tasks = results[submission.name]["extra_data"]["tasks"]
    assert {task: found["score"] for task, found in tasks.items()} == submission.fair


@pytest.mark.parametrize("name", NAMED)
def test_the_cause_is_named(name: str, results: dict[str, Results]) -> None:
    found = results[name]
    text = "\n".join([found["output"], *(test["output"] for test in found["tests"])])
    assert [cause for cause in NAMED[name] if cause not in text] == []


def test_what_a_submission_draws_without_a_seed_is_the_same_each_time() -> None:
    draws = "np.random.default_rng().random(), np.random.random(), __import__('random').random()"
    body = f"raise ValueError(str([{draws}]))"
    twice = [Variant(name, bodies=(("utils.shuffled_order", body),)) for name in ("once", "again")]
    once, again = (found["tests"] for found in run(dict.fromkeys(twice, ("2e",))).values())
    assert "ValueError: [" in once[0]["output"]
    assert once == again
