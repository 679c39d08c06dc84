"""Grade submissions: `python -m course.grade PATH... [--out DIR]`."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event

from tqdm import tqdm

from course.desk import PROJECT
from course.feedback import feedback
from course.grading import (
    Checks,
    ChecksError,
    InterruptedGradingError,
    Report,
    grade,
    make_report,
    prepare,
)
from course.isolation import Limits
from course.overview import overview
from course.roster import Roster, RosterError, find_submissions
from lab.files import replacing

GRADES, OVERVIEW = "grades.csv", "overview.html"


def grade_class(
    roster: Roster,
    out: Path,
    checks: Checks,
    limits: Limits,
    jobs: int = 1,
    again: bool = False,
) -> dict[str, Report]:
    """Grade every submission; write a report and a page for each, a table and a page for all.

    Args:
        roster: {name: path}.
        out: the folder to write to.
        checks: as `prepare` returns them.
        limits: on what each submission may use.
        jobs: how many submissions are graded at the same time.
        again: whether to grade submissions again that have not changed since their report.

    Returns:
        {name: its report}.
    """
    out.mkdir(parents=True, exist_ok=True)
    stop = Event()

    def one(name: str) -> Report:
        path = out / f"{name}.json"
        known = None if again else _read_report(path)
        try:
            report = grade(roster[name], checks, limits, known, stop)
        except InterruptedGradingError:
            raise
        except Exception as error:  # a fault of this program, or a full disk
            why = f"not graded: {type(error).__name__}: {error}"
            report = make_report([{**test, "output": why} for test in checks.tests], [why])
        if report is not known:
            _write(path, json.dumps(report, indent=2) + "\n")
        _write(out / f"{name}.md", feedback(name, report))
        return report

    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(one, name): name for name in roster}
        try:
            # disable=None: a progress bar on a terminal only
            done = tqdm(as_completed(futures), total=len(futures), unit="submission", disable=None)
            reports = {futures[future]: future.result() for future in done}
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    reports = {name: reports[name] for name in roster}
    _write(out / GRADES, grades_table(reports, checks.tasks))
    _write(out / OVERVIEW, overview(reports))
    return reports


def grades_table(reports: Mapping[str, Report], tasks: Sequence[str]) -> str:
    """Return the grades as CSV: name, a column for each task, total, remark."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", *tasks, "total", "remark"])
    for name, report in reports.items():
        about = report["extra_data"]
        points = [*(about["tasks"][task]["score"] for task in tasks), report["score"]]
        remark = " ".join("; ".join(about["remarks"]).split())
        writer.writerow([name, *(f"{value:g}" for value in points), remark])
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def _read_report(path: Path) -> Report | None:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return report if report["extra_data"].keys() >= {"digest", "remarks", "tasks"} else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m course.grade",
        description="Grade submissions: write NAME.md for each student, NAME.json in Gradescope's "
        "schema, and grades.csv and overview.html for all. A submission that has not changed is "
        "not graded again. A single one without --out is graded to the terminal.",
        epilog="This isolates accidents. It is no sandbox for code that is out to deceive.",
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="a zip, a folder with the code, or a class: a folder of these",
    )
    parser.add_argument("--out", type=Path, help="the folder for the results of a class")
    parser.add_argument(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        help="submissions graded at the same time (%(default)s)",
    )
    parser.add_argument(
        "--timeout", type=float, default=60, help="seconds for one submission (%(default)s)"
    )
    parser.add_argument(
        "--memory", type=int, default=2048, help="megabytes for each process (%(default)s)"
    )
    parser.add_argument("--again", action="store_true", help="grade unchanged submissions too")
    parser.add_argument(
        "--one", action="store_true", help="each PATH is one submission, however deep its code lies"
    )
    options = parser.parse_args(argv)
    if min(options.jobs, options.timeout, options.memory) <= 0:
        parser.error("--jobs, --timeout and --memory must be above 0")
    return options


def main(argv: Sequence[str] | None = None, project: Path = PROJECT) -> int:
    """Grade the submissions that the command line names; return the exit code."""
    options = parse(argv)
    limits = Limits(seconds=options.timeout, memory=options.memory << 20)
    try:
        if os.name != "posix":
            raise OSError("grading needs Linux or macOS, for POSIX limits on processes.")
        roster = find_submissions(options.paths, options.one, options.out)
        if options.out is None and len(roster) > 1:
            raise RosterError(f"{len(roster)} submissions: --out names the folder for the results.")
        checks = prepare(project, limits)
        if options.out is None:
            ((name, path),) = roster.items()
            print(feedback(name, grade(path, checks, limits)), end="")
            return 0
        reports = grade_class(roster, options.out, checks, limits, options.jobs, options.again)
    except (RosterError, ChecksError, OSError) as error:
        print(f"grade: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ngrade: interrupted; run it again to go on where it stopped", file=sys.stderr)
        return 130
    remarked = sum(bool(report["extra_data"]["remarks"]) for report in reports.values())
    mean = math.fsum(report["score"] for report in reports.values()) / len(reports)
    possible = math.fsum(test["max_score"] for test in checks.tests)
    print(
        f"Wrote {options.out / GRADES}: {len(reports)} graded, {mean:.1f} of {possible:g} points "
        f"on average, {remarked} with a remark."
    )
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as with Ctrl-C
    sys.exit(main())
