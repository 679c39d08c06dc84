"""Show a report in a GitHub workflow: `python -m course.classroom NAME.json`."""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course.grading import task_of


def summary(report: dict[str, Any]) -> str:
    """Return the points by task, and what each failed check says, in Markdown."""
    tests = report["tests"]
    lines = ["| Task | Points |", "|---|---|"]
    for task in dict.fromkeys(map(task_of, tests)):
        earned, possible = _points([test for test in tests if task_of(test) == task])
        lines.append(f"| {task} | {earned:g} of {possible:g} |")
    earned, possible = _points(tests)
    lines += [f"| **total** | **{earned:g} of {possible:g}** |", "", report["output"], ""]
    for test in tests:
        if test["status"] != "passed":
            text = test["output"].replace("```", "'''")
            lines += [f"**{test['number']} {test['name']}**", "```text", text, "```"]
    return "\n".join(lines) + "\n"


def _points(tests: Sequence[dict[str, Any]]) -> tuple[float, float]:
    earned, possible = (
        round(math.fsum(test[key] for test in tests), 6) for key in ("score", "max_score")
    )
    return earned, possible


def main(argv: Sequence[str] | None = None) -> int:
    """Tell GitHub Classroom the points and write the summary; fail unless all were earned."""
    parser = argparse.ArgumentParser(
        prog="python -m course.classroom",
        description="Show what `python -m course.grade` wrote as a summary of a GitHub workflow.",
    )
    parser.add_argument("report", type=Path, help="a NAME.json")
    path: Path = parser.parse_args(argv).report
    report = json.loads(path.read_text(encoding="utf-8"))
    earned, possible = _points(report["tests"])
    points = json.dumps({"totalPoints": earned, "maxPoints": possible})
    print(f"::notice title=Autograding complete::Points {earned:g}/{possible:g}")
    print(f"::notice title=Autograding report::{points}")
    if target := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(target, "a", encoding="utf-8") as file:
            file.write(summary(report))
    return 0 if earned == possible else 1


if __name__ == "__main__":
    sys.exit(main())
