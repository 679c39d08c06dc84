"""What the grader remarks with the assignment's own checks, where these alone do not say enough."""

from __future__ import annotations

from typing import Any

import pytest

from course.grade import grade_class
from course.grading import prepare
from course.isolation import Limits
from lab.assignment import FILES
from tests.library.fake_course import write_files
from tests.library.variants.variant import ROOT

CHANGED = "no points: the checks were changed while they ran; look at the code yourself"

# {name: (what the right task2a.py ends with, points, a part of the only remark)}
SUBMISSIONS: dict[str, tuple[str, float, str]] = {
    "right": ("", 62, ""),
    "returns_none": (
        "pre_process_images = lambda X: None\n"
        "cross_entropy_loss = lambda targets, outputs: None\n"
        "BinaryModel.forward = lambda self, X: None\n"
        "BinaryModel.backward = lambda self, X, outputs, targets: None\n",
        50,
        "failed checks got None",
    ),
    "returns_nan": (
        "pre_process_images = lambda X: np.full((len(X), 785), np.nan)\n"
        "cross_entropy_loss = lambda *_: np.nan\n"
        "BinaryModel.forward = lambda self, X: np.full((len(X), 1), np.nan)\n",
        55,
        "failed checks got nan",
    ),
    "exits": ("import sys; sys.exit('bye')", 9, "SystemExit: bye"),
    "loops": ("while True: pass", 9, "Failed: Timeout (>4.0s)"),
    "raises": ("raise BaseException('odd')", 9, "BaseException: odd"),
    "dies": ("import os; os.abort()", 5, "Python was ended by SIGABRT"),
    "accepts_all": (
        "import sys\n"
        "sys.modules['tests.checks.mistake'].close = lambda got, right: np.ones(np.shape(got))\n",
        0,
        CHANGED,
    ),
    "makes_no_mistakes": (
        "import sys\n"
        "sys.modules['tests.checks.mistake'].Mistake.__init__ = lambda *_, **__: None\n",
        0,
        CHANGED,
    ),
    "changes_numpy": ("np.abs = lambda array: np.zeros(1)", 0, CHANGED),
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    top, limits = tmp_path_factory.mktemp("remarks"), Limits(seconds=48)
    files = {name: (ROOT / name).read_text(encoding="utf-8") for name in FILES}
    roster = {
        name: write_files(top / name, {**files, "task2a.py": f"{files['task2a.py']}\n{end}"})
        for name, (end, _, _) in SUBMISSIONS.items()
    }
    return grade_class(roster, top / "out", prepare(ROOT, limits), limits, jobs=2)


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_what_no_check_can_tell_has_a_remark(reports: dict[str, Any], name: str) -> None:
    _, points, remark = SUBMISSIONS[name]
    remarks = reports[name]["extra_data"]["remarks"]
    assert (reports[name]["score"], bool(remarks)) == (points, bool(remark))
    assert all(remark in said for said in remarks)
