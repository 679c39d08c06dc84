"""What is written for people: a student's page, the table of grades, an overview of the class."""

import csv
import io
import math
import re
import statistics
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

FORMULA = ("=", "+", "-", "@")  # a spreadsheet would compute a cell that starts so
MOST = 12  # rows of a list
NOTES = 3  # of a student
LIKELY = re.compile(r"^ *Likely: +(.+)$", re.MULTILINE)  # in the output of a check
STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; margin: 0 auto; padding: 1rem; max-width: 60rem; }
h2 { margin: 2rem 0 .6rem; font-size: 1.15rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
td { padding: .2rem .55rem; border-bottom: 1px solid #ddd; overflow-wrap: break-word; }
a { white-space: nowrap; }
meter { width: 16rem; }
"""
Reports = Mapping[str, Mapping[str, Any]]  # {name: report in Gradescope's schema}


def feedback(name: str, report: Mapping[str, Any]) -> str:
    """Return a student's page in Markdown: the points, what went wrong, and advice."""
    tasks = {**report["extra_data"]["tasks"], "total": report}
    lines = [f"# {name}: {report['score']:g} of {report['max_score']:g} points", "", "```text"]
    for task, points in tasks.items():
        lines.append(f"{task:<5} {round(points['score'], 2):>4g} / {points['max_score']:>2g}")
    lines.append("```")
    lines.append(f"- {report['extra_data']['penalty']}")
    for note in report["extra_data"]["notes"]:
        lines.append("- note: `{}`".format(note.replace("`", "'")))
    failed = [test for test in report["tests"] if test["status"] != "passed"]
    for test in failed:
        if lost := test["max_score"]:
            points_lost = f"{lost:g} point{'s' if lost != 1 else ''} lost"
            lines += ["", f"## {test['name']}: {points_lost}", *_fenced(test)]
    advice = [test for test in failed if not test["max_score"] and _summary(test)]
    if advice:
        lines += ["", "## Advice, which costs no points"]
    for test in advice:
        lines += _fenced(test)
    return "\n".join(lines) + "\n"


def grades_table(reports: Reports) -> str:
    """Return the grades as CSV: name, a column for each task, total, notes."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    first = next(iter(reports.values()))
    writer.writerow(["name", *first["extra_data"]["tasks"], "total", "notes"])
    for name, report in reports.items():
        row = [name, *_points(report), "; ".join(report["extra_data"]["notes"])]
        writer.writerow(f"'{cell}" if cell.startswith(FORMULA) else cell for cell in row)
    return text.getvalue()


def overview(reports: Reports) -> str:
    """Return one HTML page without scripts, images or links to a network.

    Args:
        reports: of the class; NAME.md lies beside the page.
    """
    first = next(iter(reports.values()))
    possible, tasks = first["max_score"], first["extra_data"]["tasks"]
    scores = [report["score"] for report in reports.values()]
    failures, mistakes = _failures(reports)

    def task_row(task: str, most: float) -> tuple[str, ...]:
        points = [report["extra_data"]["tasks"][task]["score"] for report in reports.values()]
        mean = statistics.fmean(points)
        return task, f"{mean:.1f} of {most:g}", _bar(mean, most)

    sections: dict[str, list[tuple[str, ...]]] = {
        "Points lost": _histogram([possible - score for score in scores], possible),
        "Points by task, on average": [
            task_row(task, points["max_score"]) for task, points in tasks.items()
        ],
        "Checks that failed most": [
            (f"{len(names)}", escape(check), _bar(len(names), len(reports)))
            for check, names in _most(failures)
        ],
        "Most frequent mistakes": [
            (f"{len(names)}", f"{escape(mistake)}<br><small>{_links(names)}</small>")
            for mistake, names in _most(mistakes)
        ],
        "Notes": [
            (_links([name]), "<br>".join(map(escape, _few(report["extra_data"]["notes"]))))
            for name, report in reports.items()
            if report["extra_data"]["notes"]
        ],
        "Everyone": [("name", *tasks, "total")],
    }
    for name, report in sorted(reports.items(), key=lambda item: -item[1]["score"]):
        sections["Everyone"].append((_links([name]), *_points(report)))
    parts = [
        '<!doctype html><html lang=en><meta charset="utf-8"><title>Grades</title>',
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>',
        f"<h1>{len(reports)} submissions</h1>",
        f"<p>{statistics.fmean(scores):.1f} of {possible:g} points on average, "
        f"median {statistics.median(scores):g}. {first['extra_data']['penalty']}.</p>",
    ]
    for title, rows in sections.items():
        if rows:
            body = "\n".join(f"<tr><td>{'</td><td>'.join(row)}</td></tr>" for row in rows)
            parts.append(f"<h2>{title}</h2>\n<table>\n{body}\n</table>")
    return "\n".join(parts) + "\n</html>\n"


def _summary(test: Mapping[str, Any]) -> str:
    """Return a failure in one line, or "" for a check that passed or did not run."""
    return str(test.get("extra_data", {}).get("summary", ""))


def _fenced(test: Mapping[str, Any]) -> list[str]:
    return ["", "```text", test["output"].replace("```", "'''"), "```"]


def _points(report: Mapping[str, Any]) -> list[str]:
    """Return the points of each task, and the total."""
    return [f"{points['score']:g}" for points in (*report["extra_data"]["tasks"].values(), report)]


def _failures(reports: Reports) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Collect who failed each check, and who made each mistake that was named."""
    failures, mistakes = defaultdict(list), defaultdict(list)
    texts: dict[str, str] = {}  # {task, function and cause: how it showed first}
    for name, report in reports.items():
        named = set()
        for test in report["tests"]:
            skipped = test["output"].startswith("skipped: ")  # it needs one that failed
            if test["status"] == "passed" or not test["max_score"] or skipped:
                continue
            task = test["number"].split(".")[0]
            failures[f"{task}: {test['name'].removeprefix('test_').replace('_', ' ')}"].append(name)
            if summary := _summary(test):
                likely = LIKELY.search(test["output"])
                function = summary.split(": ")[0]
                cause = f"{task}: {function}: {likely[1] if likely else summary}"
                named.add(texts.setdefault(cause, f"{task}: {summary}"))
        for mistake in sorted(named):
            mistakes[mistake].append(name)
    return failures, mistakes


def _few(notes: Sequence[str]) -> list[str]:
    more = len(notes) - NOTES
    return [*notes[:NOTES], *([f"and {more} more"] if more > 0 else [])]


def _most(found: Mapping[str, list[str]]) -> list[tuple[str, list[str]]]:
    return sorted(found.items(), key=lambda item: -len(item[1]))[:MOST]


def _histogram(lost: Sequence[float], possible: float) -> list[tuple[str, ...]]:
    """Count who lost nothing, up to 1 point, up to 2, up to 4 and so on."""
    bounds = [0, *(2**n for n in range(math.ceil(math.log2(max(possible, 1))) + 1))]
    bins = [bisect_left(bounds, round(points, 6)) for points in lost]
    counts = [bins.count(number) for number in range(len(bounds))]
    return [
        (f"up to {bound}" if bound else "none", str(count or ""), _bar(count, max(counts)))
        for bound, count in zip(bounds, counts, strict=True)
    ]


def _bar(value: float, most: float) -> str:
    return f'<meter value="{value:g}" max="{most:g}"></meter>'


def _links(names: Iterable[str]) -> str:
    return ", ".join(f'<a href="{quote(name)}.md">{escape(name)}</a>' for name in names)
