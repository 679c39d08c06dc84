"""Submissions in the style of several years and people get the points of a fair grader."""

import pytest

from tests.library.proof import Results, run
from tests.library.submissions import SUBMISSIONS, Submission
from tests.library.variants.variant import Variant

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def results() -> dict[Submission, Results]:
    return run(dict.fromkeys(SUBMISSIONS, ()))


@pytest.mark.parametrize("submission", SUBMISSIONS, ids=str)
def test_a_submission_is_graded_fairly(
    submission: Submission, results: dict[Submission, Results]
) -> None:
    found = results[submission]
    tasks = found["extra_data"]["tasks"]
    assert {task: one["score"] for task, one in tasks.items()} == submission.fair
    text = "\n".join([found["output"], *(test["output"] for test in found["tests"])])
    assert [words for words in submission.says if words not in text] == []


def test_what_a_submission_draws_without_a_seed_is_the_same_each_time() -> None:
    draws = "np.random.default_rng().random(), np.random.random(), __import__('random').random()"
    body = f"raise ValueError(str([{draws}]))"
    twice = [Variant(name, bodies=(("utils.shuffled_order", body),)) for name in ("once", "again")]
    once, again = (found["tests"] for found in run(dict.fromkeys(twice, ("2e",))).values())
    assert "ValueError: [" in once[0]["output"]
    assert once == again
