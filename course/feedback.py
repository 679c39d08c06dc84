"""What a student reads of a report: the points, what went wrong, and advice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def feedback(name: str, report: Mapping[str, Any]) -> str:
    """Return a report in Markdown, in the order and the words of the checks.

    Args:
        name: of the submission.
        report: as `make_report` returns it.
    """
    tasks = {**report["extra_data"]["tasks"], "total": report}
    lines = [f"# {name}: {report['score']:g} of {report['max_score']:g} points", "", "```text"]
    for task, points in tasks.items():
        lines.append(f"{task:<5} {round(points['score'], 2):>4g} / {points['max_score']:>2g}")
    lines.append("```")
    for remark in report["extra_data"]["remarks"]:
        lines.append("- remark: `{}`".format(remark.replace("`", "'")))
    failed = [test for test in report["tests"] if test["status"] != "passed"]
    for test in failed:
        lost = test["max_score"]
        if lost:
            words = f"{lost:g} point{'s' if lost != 1 else ''} lost"
            lines += ["", f"## {test['name']}: {words}", *_fenced(test)]
    advice = [test for test in failed if not test["max_score"] and summary_of(test)]
    if advice:
        lines += ["", "## Advice, which costs no points"]
    for test in advice:
        lines += _fenced(test)
    return "\n".join(lines) + "\n"


def summary_of(test: Mapping[str, Any]) -> str:
    """Return a failure in one line, or "" for a check that passed or did not run."""
    return str(test.get("extra_data", {}).get("summary", ""))


def _fenced(test: Mapping[str, Any]) -> list[str]:
    return ["", "```text", test["output"].replace("```", "'''"), "```"]
