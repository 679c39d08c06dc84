"""Write the report of all tasks: `python -m report` after task2.py and task3.py."""

import argparse
import os
from datetime import datetime, timezone
from pathlib import Path

from digits.files import replacing, user_path
from lab.script import run_script
from report.pages import make_report
from report.results import read


def source_date() -> datetime | None:
    """Return the date that SOURCE_DATE_EPOCH gives, in seconds since 1970, or None without it."""
    text = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return datetime.fromtimestamp(int(text), timezone.utc) if text else None
    except (ValueError, OverflowError, OSError):
        raise OSError(f"SOURCE_DATE_EPOCH: expected seconds since 1970, got {text!r}.") from None


def main() -> None:
    """Write the report of all tasks from the figures and results of task2.py and task3.py."""
    parser = argparse.ArgumentParser(prog="python -m report", description=main.__doc__)
    folder = Path("figures")
    parser.add_argument("--figures", type=user_path, default=folder, help="default: %(default)s")
    parser.add_argument(
        "--out", type=user_path, help="default: report.pdf in the folder of --figures"
    )
    options = parser.parse_args()
    out = options.out or options.figures / "report.pdf"
    if out.suffix != ".pdf":
        parser.error(f"argument --out: expected a name that ends in .pdf, got {out}")
    date = source_date()
    report = make_report(read(options.figures), options.figures, date)
    with replacing(out) as temporary:
        report.output(temporary)
    print(f"Wrote {report.pages_count} pages to {out}")


if __name__ == "__main__":
    run_script(main)
