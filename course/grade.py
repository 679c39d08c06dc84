"""Grade submissions: `python -m course.grade PATH... [--out DIR]`."""

import argparse
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

from joblib import cpu_count
from tqdm import tqdm

from course import GradingError
from course.checks import PROJECT
from course.classes import find_submissions
from course.isolation import NOT_ISOLATED, Limits, bubblewrap_problem
from course.listing import Listing, some
from course.pages import feedback, grades_table, overview
from course.points import PENALTIES, Checks, Report, grade, not_graded, prepare, printable
from digits.files import replacing, user_path
from lab.assignment import L2

GRADES, OVERVIEW = "grades.csv", "overview.html"


def grade_class(
    submissions: Mapping[str, Listing],
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
        submissions: as `find_submissions` returns them.
        out: the folder to write to.
        checks: as `prepare` returns them.
        limits: on what each submission may use.
        jobs: how many submissions are graded at the same time.
        again: whether to grade submissions again that have not changed since their report.

    Returns:
        {name: its report}.
    """
    out.mkdir(parents=True, exist_ok=True)
    before = {name: _read(out / f"{name}.json") for name in submissions}
    stop = Event()

    def one(name: str, limits: Limits) -> Report:
        known = None if again else before[name]
        try:
            return grade(submissions[name], checks, limits, known, stop)
        except Exception as error:  # a fault of this program, or a full disk
            return not_graded(checks, f"not graded: {type(error).__name__}: {error}")

    done: dict[str, Report] = {}
    try:
        with ThreadPoolExecutor(jobs) as pool:
            futures = {pool.submit(one, name, limits): name for name in submissions}
            try:
                # disable=None: a progress bar on a terminal only
                ended = as_completed(futures)
                for future in tqdm(ended, total=len(futures), unit="submission", disable=None):
                    done[futures[future]] = future.result()
            except BaseException:
                stop.set()
                pool.shutdown(cancel_futures=True)
                raise
        slow = [name for name in submissions if "stopped" in done[name]]
        for name in slow:
            del done[name]
        for name in slow:  # each alone
            done[name] = one(name, limits.more)
            done[name].pop("stopped", None)
    finally:
        reports = {name: done[name] for name in submissions if name in done}
        for name, report in reports.items():
            if _read(out / f"{name}.json") != before[name]:
                print(
                    f"grade: {out / name}.json was changed while submissions ran, and is written "
                    "again: look for the submission that did it.",
                    file=sys.stderr,
                )
            _write(out / f"{name}.json", json.dumps(report, indent=2) + "\n")
            _write(out / f"{name}.md", feedback(name, report))
    _write(out / GRADES, grades_table(reports), "utf-8-sig")  # Excel looks for the BOM
    _write(out / OVERVIEW, overview(reports))
    return reports


def _write(path: Path, text: str, encoding: str = "utf-8") -> None:
    with replacing(path) as temporary:
        temporary.write_text(text, encoding=encoding, errors="backslashreplace")


def _read(path: Path) -> Report | None:
    """Return an earlier report, or None if there is none that can be read."""
    try:
        # reading a pipe would block
        report = json.loads(path.read_text(encoding="utf-8") if path.is_file() else "")
        has = report["extra_data"].keys()
        return report if has >= {"digest", "notes", "tasks", "penalty"} else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def check_python(project: Path) -> None:
    """Refuse to run submissions with a Python that cannot do it, or that leads to the solution.

    Raises:
        GradingError: if pytest-timeout is missing, or Python lies in the project.
    """
    project = project.resolve()
    prefixes = [Path(prefix) for prefix in (sys.prefix, sys.base_prefix)]
    prefixes += [prefix.resolve() for prefix in prefixes]  # where links lead
    if any(prefix.is_relative_to(project) for prefix in prefixes):
        raise GradingError(
            f"the environment {sys.prefix} is inside the project and would lead submissions to "
            "the solution. Make one outside: python3 -m venv ~/grading && "
            "~/grading/bin/python -m pip install '.[course]'"
        )
    if find_spec("pytest_timeout") is None:
        raise GradingError("grading needs pytest-timeout. Run: pip install '.[course]'")


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m course.grade",
        description="Grade submissions: write NAME.md for each student, NAME.json in Gradescope's "
        "schema, and grades.csv and overview.html for all. A submission that has not changed is "
        "not graded again. A single one without --out is graded to the terminal.",
    )
    add = parser.add_argument
    what = "a zip, a folder with the code, or a class: a folder or a zip of these"
    add("paths", nargs="+", type=user_path, metavar="PATH", help=what)
    add("--out", type=user_path, help="the folder for the results of a class")
    cores = cpu_count()  # that this process may use
    add("--jobs", type=int, default=cores, help="submissions graded side by side (%(default)s)")
    cpu_time = "seconds of CPU time for one submission (%(default)s)"
    add("--timeout", type=float, default=60, help=cpu_time)
    add("--memory", type=int, default=2048, help="megabytes for each process (%(default)s)")
    container = "run each submission in a container of this image, with podman or docker"
    add("--container", metavar="IMAGE", default="", help=container)
    penalty = "R is the sum of all squared weights, or half of it (%(default)s)"
    add("--penalty", choices=PENALTIES, default=L2, help=penalty)
    add("--again", action="store_true", help="grade unchanged submissions too")
    add("--one", action="store_true", help="each PATH is one submission, wherever its code lies")
    options = parser.parse_args(argv)
    if min(options.jobs, options.timeout, options.memory) <= 0:
        parser.error("--jobs, --timeout and --memory must be above 0")
    return options


def main(argv: Sequence[str] | None = None, project: Path = PROJECT) -> int:
    """Grade the submissions that the command line names; return the exit code."""
    options = parse(argv)
    memory, image = options.memory << 20, options.container
    limits = Limits(options.timeout, memory, image=image, penalty=options.penalty)
    try:
        if os.name != "posix":
            raise GradingError("grading needs Linux or macOS, for POSIX limits on processes.")
        skipped: list[str] = []
        submissions = find_submissions(options.paths, options.one, options.out, skipped)
        for line in skipped:
            print(f"grade: {printable(line)}", file=sys.stderr)
        if options.out is None and len(submissions) > 1:
            raise GradingError(
                f"{len(submissions)} submissions, {some([*submissions])}: --out names the folder "
                "for the results; --one makes each PATH one submission."
            )
        if not options.container:
            check_python(project)
            if problem := bubblewrap_problem():
                print(f"grade: {problem}. {NOT_ISOLATED}", file=sys.stderr)
        checks = prepare(project, limits)
        if options.out is None:
            ((name, path),) = submissions.items()
            report = grade(path, checks, limits)
            if "stopped" in report:
                report = grade(path, checks, limits.more)
            print(feedback(name, report), end="")
            return 0
        reports = grade_class(submissions, options.out, checks, limits, options.jobs, options.again)
    except (GradingError, OSError) as error:
        print(f"grade: {printable(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ngrade: interrupted; run it again to grade the others", file=sys.stderr)
        return 130
    noted = sum(bool(report["extra_data"]["notes"]) for report in reports.values())
    mean = math.fsum(report["score"] for report in reports.values()) / len(reports)
    possible = math.fsum(test["max_score"] for test in checks.tests)
    print(
        f"Wrote {options.out / GRADES}: {len(reports)} graded, {mean:.1f} of {possible:g} points "
        f"on average, {noted} with notes."
    )
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as with Ctrl-C
    sys.exit(main())
