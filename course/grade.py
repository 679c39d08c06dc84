"""Grade submissions: `python -m course.grade PATH... --out DIR`."""

from __future__ import annotations

import argparse
import csv
import io
import json
import math
import os
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from threading import Event

from tqdm import tqdm

from course.desk import PROJECT
from course.grading import (
    Checks,
    ChecksError,
    InterruptedGradingError,
    Report,
    grade,
    make_report,
    prepare,
    task_of,
)
from course.isolation import Limits
from course.roster import Roster, RosterError, find_submissions

GRADES = "grades.csv"


def grade_class(
    roster: Roster,
    out: Path,
    checks: Checks,
    limits: Limits,
    jobs: int = 1,
    again: bool = False,
) -> dict[str, Report]:
    """Grade every submission; write NAME.json for each, and grades.csv for all.

    Args:
        roster: {name: path}.
        out: the folder to write to.
        checks: as `prepare` gives them.
        limits: on what each submission may use.
        jobs: how many are graded at a time.
        again: whether those are graded again whose files and checks are as they were.

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
        except Exception as error:  # a fault of this program's own, or a full disk
            why = f"not graded: {type(error).__name__}: {error}"
            report = make_report([dict(test) for test in checks.tests], [why], "", 0)
        if report is not known:
            write_whole(path, json.dumps(report, indent=2) + "\n")
        return report

    with ThreadPoolExecutor(jobs) as pool:
        futures = {pool.submit(one, name): name for name in roster}
        try:
            # disable=None: a bar on a terminal, silence elsewhere
            done = tqdm(as_completed(futures), total=len(futures), unit="submission", disable=None)
            reports = {futures[future]: future.result() for future in done}
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    reports = {name: reports[name] for name in roster}
    write_whole(out / GRADES, grades_table(reports, checks.tasks))
    return reports


def grades_table(reports: Mapping[str, Report], tasks: Sequence[str]) -> str:
    """Return the grades as CSV: name, a column for each task, total, remark."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["name", *tasks, "total", "remark"])
    for name, report in reports.items():
        points = [
            math.fsum(test["score"] for test in report["tests"] if task_of(test) == task)
            for task in tasks
        ]
        remark = " ".join("; ".join(report["extra_data"]["remarks"]).split())
        row = [*points, report["score"]]
        writer.writerow([name, *(f"{value:g}" for value in row), remark])
    return text.getvalue()


def write_whole(path: Path, text: str) -> None:
    """Write a file that appears whole or not at all."""
    data = text.encode("utf-8", "backslashreplace")
    handle, temporary = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def _read_report(path: Path) -> Report | None:
    try:
        report = json.loads(path.read_text(encoding="utf-8"))
        return report if isinstance(report["extra_data"]["remarks"], list) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m course.grade",
        description="Grade submissions: writes NAME.json, in Gradescope's schema, for each, and "
        "grades.csv for all. What was graded before, by the same checks, is not graded again.",
        epilog="It isolates accidents. It is no sandbox for code that is out to deceive.",
    )
    parser.add_argument(
        "paths",
        nargs="+",
        type=Path,
        metavar="PATH",
        help="a zip, a folder with the code, or a class: a folder of those",
    )
    parser.add_argument("--out", type=Path, required=True, help="the folder for the results")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at a time")
    parser.add_argument(
        "--timeout", type=float, default=60, help="seconds for one submission (%(default)s)"
    )
    parser.add_argument(
        "--memory", type=int, default=2048, help="megabytes for each process (%(default)s)"
    )
    parser.add_argument("--again", action="store_true", help="grade also what is done")
    parser.add_argument(
        "--one", action="store_true", help="each PATH is one submission, however deep its code is"
    )
    options = parser.parse_args(argv)
    if min(options.jobs, options.timeout, options.memory) <= 0:
        parser.error("--jobs, --timeout and --memory must be above 0")
    return options


def main(argv: Sequence[str] | None = None, project: Path = PROJECT) -> int:
    """Grade what the command line names; return the exit code."""
    options = parse(argv)
    limits = Limits(seconds=options.timeout, memory=options.memory << 20)
    try:
        if os.name != "posix":
            raise OSError("grading needs Linux or macOS: its limits are those of POSIX.")
        roster = find_submissions(options.paths, options.one, options.out)
        checks = prepare(project, limits)
        reports = grade_class(roster, options.out, checks, limits, options.jobs, options.again)
    except (RosterError, ChecksError, OSError) as error:
        print(f"grade: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ngrade: interrupted; what is done stays, run it again to go on", file=sys.stderr)
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
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as with Ctrl-C, tidily
    sys.exit(main())
