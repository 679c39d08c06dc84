"""The page that shows an instructor how the class did: `overview.html`."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from course.feedback import summary_of

MOST = 12  # rows of a list
BINS = 13  # of the histogram
STYLE = """
body { font: 16px/1.45 system-ui, sans-serif; color: #1b1b1b; background: #fff; margin: 0 auto;
  padding: 1rem; max-width: 60rem; }
h2 { margin: 2rem 0 .6rem; font-size: 1.15rem; }
a { color: #0b57a4; } small { color: #595959; }
.histogram { display: flex; align-items: flex-end; height: 9rem; gap: 2px; }
.histogram div { flex: 1; min-width: 0; text-align: center; font-size: .7rem; }
.histogram i { display: block; background: #3b78b8; }
.row { display: grid; grid-template-columns: 4.5rem 1fr; gap: .2rem .6rem; margin: .35rem 0; }
.row > * { margin: 0; overflow-wrap: anywhere; } .row > span { text-align: right; }
.bar { background: #e6ebf1; height: .55rem; } .bar i { display: block; height: 100%;
  background: #3b78b8; }
.wide { overflow-x: auto; } table { border-collapse: collapse; }
td, th { padding: .2rem .55rem; text-align: right; border-bottom: 1px solid #ddd; }
td:first-child, th:first-child { text-align: left; }
"""
Reports = Mapping[str, Mapping[str, Any]]


def overview(reports: Reports) -> str:
    """Return one HTML page without scripts, images or links to a network.

    Args:
        reports: {name: its report}; NAME.md lies beside the page.
    """
    first = next(iter(reports.values()))
    possible, tasks = first["max_score"], first["extra_data"]["tasks"]
    scores = [report["score"] for report in reports.values()]
    mean, median = statistics.fmean(scores), statistics.median(scores)
    failures, mistakes = _failures(reports)
    remarks = [(n, r) for n, report in reports.items() for r in report["extra_data"]["remarks"]]
    parts = [
        f"<h1>{len(reports)} submissions</h1>",
        f"<p>{mean:.1f} of {possible:g} points on average, median {median:g}.</p>",
        "<h2>Points</h2>",
        _histogram(scores, possible),
        "<h2>Points by task, on average</h2>",
        *(_task(task, found["max_score"], reports) for task, found in tasks.items()),
        "<h2>Checks that failed most</h2>",
        *(
            _row(f"{len(names)}", f"{escape(check)}{_bar(len(names) / len(reports))}")
            for check, names in _most(failures)
        ),
        "<h2>Most frequent mistakes</h2>",
        *(
            _row(f"{len(names)}", f"{escape(mistake)}<br><small>{_links(names)}</small>")
            for mistake, names in _most(mistakes)
        ),
        "<h2>Remarks</h2>" if remarks else "",
        *(_row(_links([name]), escape(remark)) for name, remark in remarks),
        "<h2>Everyone</h2>",
        _table(reports, list(tasks)),
    ]
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    body = "\n".join(parts)
    title = "<title>Grades</title>"
    return f"<!doctype html><html lang=en>{head}{title}<style>{STYLE}</style>\n{body}\n</html>\n"


def _failures(reports: Reports) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Collect who failed each check, and who made each mistake that was named."""
    failures, mistakes = defaultdict(list), defaultdict(list)
    for name, report in reports.items():
        named = set()
        for test in report["tests"]:
            if test["status"] == "passed" or not test["max_score"]:
                continue
            if test["output"].startswith("skipped: "):  # for want of another one
                continue
            words = test["name"].removeprefix("test_").replace("_", " ")
            task = test["number"].split(".")[0]
            failures[f"{task}: {words}"].append(name)
            if summary := summary_of(test):
                named.add(f"{task}: {summary.rsplit('; ', 1)[-1]}")
        for mistake in sorted(named):
            mistakes[mistake].append(name)
    return failures, mistakes


def _most(found: Mapping[str, list[str]]) -> list[tuple[str, list[str]]]:
    return sorted(found.items(), key=lambda item: -len(item[1]))[:MOST]


def _histogram(scores: list[float], possible: float) -> str:
    width = max(1, math.ceil(possible / BINS))
    counts = [0] * (math.floor(possible / width) + 1)
    for score in scores:
        counts[math.floor(score / width)] += 1
    bars = (
        f'<div>{count or ""}<i style="height:{7 * count / max(counts):.2f}rem"></i>'
        f"{number * width}</div>"
        for number, count in enumerate(counts)
    )
    return f'<div class="histogram">{"".join(bars)}</div>'


def _task(task: str, possible: float, reports: Reports) -> str:
    earned = [report["extra_data"]["tasks"][task]["score"] for report in reports.values()]
    mean = statistics.fmean(earned)
    share = mean / possible if possible else 0
    return _row(task, f"{mean:.1f} of {possible:g}{_bar(share)}")


def _row(left: str, right: str) -> str:
    return f'<div class="row"><span>{left}</span><p>{right}</p></div>'


def _bar(share: float) -> str:
    return f'<span class="bar" style="display:block"><i style="width:{share:.0%}"></i></span>'


def _links(names: Iterable[str]) -> str:
    return ", ".join(f'<a href="{quote(name)}.md">{escape(name)}</a>' for name in names)


def _table(reports: Reports, tasks: list[str]) -> str:
    rows = ["".join(f"<th>{cell}</th>" for cell in ("name", *tasks, "total"))]
    for name, report in sorted(reports.items(), key=lambda item: -item[1]["score"]):
        found = report["extra_data"]["tasks"]
        points = [*(found[task]["score"] for task in tasks), report["score"]]
        cells = "".join(f"<td>{value:g}</td>" for value in points)
        rows.append(f"<td>{_links([name])}</td>{cells}")
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<div class="wide"><table>{body}</table></div>'
