"""Show a report in a GitHub workflow: `python -m course.classroom NAME.json`."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from course.pages import feedback
from digits.files import user_path


def main(argv: Sequence[str] | None = None) -> int:
    """Print the points for GitHub Classroom, write the summary; return 1 unless all were earned."""
    parser = argparse.ArgumentParser(
        prog="python -m course.classroom",
        description="Show a report of `python -m course.grade` in a GitHub workflow.",
    )
    parser.add_argument("report", type=user_path, help="NAME.json")
    path: Path = parser.parse_args(argv).report
    report = json.loads(path.read_text(encoding="utf-8"))
    earned, possible = report["score"], report["max_score"]
    points = json.dumps({"totalPoints": earned, "maxPoints": possible})
    print(f"::notice title=Autograding complete::Points {earned:g}/{possible:g}")
    print(f"::notice title=Autograding report::{points}")
    if target := os.environ.get("GITHUB_STEP_SUMMARY"):
        with open(target, "a", encoding="utf-8") as file:
            file.write(feedback(path.stem, report))
    return 0 if earned == possible else 1


if __name__ == "__main__":
    sys.exit(main())
