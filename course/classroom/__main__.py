"""Show a report in a GitHub workflow: `python -m course.classroom NAME.json`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def summary(report: dict[str, Any]) -> str:
    """Return the points by task and the output of each failed check, in Markdown."""
    lines = ["| Task | Points |", "|---|---|"]
    for task, points in report["extra_data"]["tasks"].items():
        lines.append(f"| {task} | {points['score']:g} of {points['max_score']:g} |")
    total = f"{report['score']:g} of {report['max_score']:g}"
    lines += [f"| **total** | **{total}** |", "", report["output"], ""]
    for test in report["tests"]:
        if test["status"] != "passed":
            text = test["output"].replace("```", "'''")
            lines += [f"**{test['number']} {test['name']}**", "```text", text, "```"]
    return "\n".join(lines) + "\n"


def main(argv: Sequence[str] | None = None) -> int:
    """Tell GitHub Classroom the points and write the summary; return 1 unless all were earned."""
    parser = argparse.ArgumentParser(
        prog="python -m course.classroom",
        description="Show a report of `python -m course.grade` in a GitHub workflow.",
    )
    parser.add_argument("report", type=Path, help="NAME.json")
    path: Path = parser.parse_args(argv).report
    report = json.loads(path.read_text(encoding="utf-8"))
    earned, possible = report["score"], report["max_score"]
    points = json.dumps({"totalPoints": earned, "maxPoints": possible})
    print(f"::notice title=Autograding complete::Points {earned:g}/{possible:g}")
    print(f"::notice title=Autograding report::{points}")
    if target := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(target, "a", encoding="utf-8") as file:
            file.write(summary(report))
    return 0 if earned == possible else 1


if __name__ == "__main__":
    sys.exit(main())
