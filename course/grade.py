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
from importlib.util import find_spec
from pathlib import Path
from threading import Event

from tqdm import tqdm

from course.container import ContainerError
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
from course.packages import interpreter
from course.roster import Roster, RosterError, find_submissions
from lab.files import replacing

GRADES, OVERVIEW = "grades.csv", "overview.html"
EXPOSED = (
    "grade: the paths of this environment lead submissions to the solution, and it cannot be "
    "copied: use a virtual environment outside of the project, or --container."
)
FORMULA = ("=", "+", "-", "@")  # a cell that begins so would be computed by a spreadsheet


def grade_class(
    roster: Roster,
    out: Path,
    checks: Checks,
    limits: Limits,
    jobs: int = 1,
    again: bool = False,
) -> dict[str, Report]:
    """Grade every submission; write a report and a page for each, a table and a page for all.

    Earlier reports are read before any submission runs, and everything is written when none runs
    any more: no submission can change what another one gets.

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
    before = {name: _read(out / f"{name}.json") for name in roster}
    stop = Event()

    def one(name: str) -> Report:
        known = None if again else _report(before[name])
        try:
            return grade(roster[name], checks, limits, known, stop)
        except InterruptedGradingError:
            raise
        except Exception as error:  # a fault of this program, or a full disk
            why = f"not graded: {type(error).__name__}: {error}"
            return make_report([{**test, "output": why} for test in checks.tests], [why])

    reports: dict[str, Report] = {}
    try:
        with ThreadPoolExecutor(jobs) as pool:
            futures = {pool.submit(one, name): name for name in roster}
            try:
                # disable=None: a progress bar on a terminal only
                done = as_completed(futures)
                for future in tqdm(done, total=len(futures), unit="submission", disable=None):
                    reports[futures[future]] = future.result()
            except BaseException:
                stop.set()
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        reports = {name: reports[name] for name in roster if name in reports}
        _write_reports(out, reports, before)
    _write(out / GRADES, grades_table(reports, checks.tasks))
    _write(out / OVERVIEW, overview(reports))
    return reports


def _write_reports(out: Path, reports: Mapping[str, Report], before: Mapping[str, str]) -> None:
    changed = [name for name in reports if _read(out / f"{name}.json") != before[name]]
    for name, report in reports.items():
        text = json.dumps(report, indent=2) + "\n"
        if text != before[name] or name in changed:
            _write(out / f"{name}.json", text)
        _write(out / f"{name}.md", feedback(name, report))
    for name in changed:
        print(
            f"grade: {out / name}.json was changed while submissions ran, and has been written "
            "again: look for the one that did it.",
            file=sys.stderr,
        )


def grades_table(reports: Mapping[str, Report], tasks: Sequence[str]) -> str:
    """Return the grades as CSV: name, a column for each task, total, remark."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", *tasks, "total", "remark"])
    for name, report in reports.items():
        about = report["extra_data"]
        points = [*(about["tasks"][task]["score"] for task in tasks), report["score"]]
        row = [name, *(f"{value:g}" for value in points), "; ".join(about["remarks"])]
        writer.writerow(f"'{cell}" if cell.startswith(FORMULA) else cell for cell in row)
    return text.getvalue()


def _write(path: Path, text: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")


def _read(path: Path) -> str:
    """Return the text of a report, or "" if there is none."""
    try:
        return path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    except OSError:
        return ""


def _report(text: str) -> Report | None:
    try:
        report = json.loads(text)
        return report if report["extra_data"].keys() >= {"digest", "remarks", "tasks"} else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m course.grade",
        description="Grade submissions: write NAME.md for each student, NAME.json in Gradescope's "
        "schema, and grades.csv and overview.html for all. A submission that has not changed is "
        "not graded again. A single one without --out is graded to the terminal.",
        epilog="Points are counted outside of the process in which a submission runs, but code "
        "that is out to deceive runs in one with the checks: look at remarks yourself.",
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
    parser.add_argument(
        "--container",
        metavar="IMAGE",
        default="",
        help="run each submission in a container of this image, with podman or docker",
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
    limits = Limits(options.timeout, options.memory << 20, image=options.container)
    try:
        if os.name != "posix":
            raise OSError("grading needs Linux or macOS, for POSIX limits on processes.")
        roster = find_submissions(options.paths, options.one, options.out)
        if options.out is None and len(roster) > 1:
            raise RosterError(f"{len(roster)} submissions: --out names the folder for the results.")
        if not options.container:
            if find_spec("pytest_timeout") is None:
                raise ChecksError("grading needs pytest-timeout. Run: pip install '.[course]'")
            if interpreter(project.resolve()).leads_to_solution:
                print(EXPOSED, file=sys.stderr)
        checks = prepare(project, limits)
        if options.out is None:
            ((name, path),) = roster.items()
            print(feedback(name, grade(path, checks, limits)), end="")
            return 0
        reports = grade_class(roster, options.out, checks, limits, options.jobs, options.again)
    except (RosterError, ChecksError, ContainerError, OSError) as error:
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
