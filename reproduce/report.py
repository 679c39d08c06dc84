"""The report of all tasks as one PDF: the results, then every task in the assignment's order."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from io import BytesIO
from pathlib import Path

from lab.assignment import TASKS, Task
from lab.files import replacing
from lab.results import HEADER, NOTE, Run, row
from lab.script import run_script
from reproduce.answers import ANSWERS
from reproduce.derivations import DERIVATIONS
from reproduce.results import Part, read

try:
    from fpdf import FPDF
except ModuleNotFoundError:
    raise SystemExit("The report needs fpdf2. Run: pip install '.[report]'") from None

TITLE = "Logistic and softmax regression by hand"
HEADING = (13, "B")  # size in points, as all lengths here, and style
MARGIN = 56
CAPTIONS = {  # {task: what its figure shows}
    "2b": "Training and validation loss over the gradient steps, digit 2 against digit 3, without "
    "shuffling. The loss of a single batch is noisy, so its mean over ten steps is drawn. The "
    "axis is zoomed in: the first, steep part lies above it.",
    "2c": "Accuracy on the whole training set and on the validation set, at every validation of "
    "the same training as in Task 2b.",
    "2e": "Validation accuracy of two trainings that differ only in whether the examples are "
    "shuffled before every epoch.",
    "3b": "Training and validation loss over the gradient steps, all ten digits, with shuffling. "
    "The training loss is a mean over ten steps, and the axis is zoomed in as in Task 2b.",
    "3c": "Accuracy on the whole training set and on the validation set, at every validation of "
    "the same training as in Task 3b.",
    "4b": "The weights of each digit as an image, for λ = 0 (top) and λ = 1 (bottom). Ink on a red "
    "pixel raises the probability of the digit, ink on a blue one lowers it.",
    "4c": "Validation accuracy for each λ. Each training starts from zero weights and ends by "
    "early stopping or after its last epoch.",
    "4e": "Squared length ‖w‖² of the weights that each training leaves behind, on a logarithmic "
    "axis.",
}


class Report(FPDF):
    """Numbered pages of A4 in matplotlib's own font, dated 1970 if there is no date."""

    def __init__(self, date: datetime | None = None) -> None:
        from matplotlib import get_data_path  # not at the top: `run_script` clears the way for it

        super().__init__(unit="pt")
        fonts = Path(get_data_path(), "fonts", "ttf")
        self.add_font("DejaVu", "", fonts / "DejaVuSans.ttf")
        self.add_font("DejaVu", "B", fonts / "DejaVuSans-Bold.ttf")
        self.set_margin(MARGIN)
        self.set_title(TITLE)
        self.set_creation_date(date or datetime.fromtimestamp(0, timezone.utc))

    def footer(self) -> None:
        """Number the page."""
        self.set_y(-MARGIN / 2)
        self.set_font("DejaVu", size=9)
        self.cell(0, text=str(self.page_no()), align="C")

    def paragraph(self, text: str, size: float = 10.5, style: str = "", after: float = 6) -> None:
        """Print a text, then `after` points of space."""
        self.set_font("DejaVu", style, size)
        self.multi_cell(w=0, h=1.4 * size, text=text, align="L", new_x="LMARGIN", new_y="NEXT")
        self.ln(after)

    def equation(self, equation: str) -> None:
        """Print $mathtext$ as a picture, and its number at the right margin."""
        _, tex, number = equation.split("$")
        top = self.y + 4
        height = self.image(BytesIO(_svg(tex)), MARGIN + 20, top).rendered_height
        self.set_xy(MARGIN, top)
        self.cell(0, height, number, align="R")
        self.set_xy(MARGIN, top + height + 6)

    def runs(self, runs: Mapping[str, Run]) -> None:
        """Print a table of runs, each column as wide as its widest cell."""
        rows = [HEADER, *(row(name, run) for name, run in runs.items())]
        self.set_font("DejaVu", "B", 9)
        columns = zip(*rows, strict=True)
        widths = [max(map(self.get_string_width, column)) + 12 for column in columns]
        self.set_font(style="")
        with self.table(
            rows,
            align="LEFT",
            borders_layout="SINGLE_TOP_LINE",
            col_widths=widths,
            line_height=14,
            text_align=["LEFT", *["RIGHT"] * (len(widths) - 1)],
            width=sum(widths),
        ):
            self.ln(0)
        self.ln(12)

    def section(self, task: Task, part: Part, folder: Path) -> None:
        """Print what the assignment asks of a task."""
        self.paragraph(f"Task {task.name}: {task.title}", *HEADING)
        for block in DERIVATIONS.get(task.name, ()):
            if block.startswith("$"):
                self.equation(block)
            else:
                self.paragraph(block, after=0)
        if task.figure:
            number, caption = list(CAPTIONS).index(task.name) + 1, CAPTIONS[task.name]
            self.image(folder / task.figure, w=self.epw, alt_text=caption)
            self.ln(4)
            self.paragraph(f"Figure {number}. {caption} Data: {part.data}.", 9)
        if task.name in ANSWERS:
            self.paragraph(ANSWERS[task.name](part))
        self.ln(12)


@cache
def _svg(tex: str) -> bytes:
    from matplotlib import rc_context
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import math_to_image

    logging.getLogger("fpdf.svg").setLevel(logging.ERROR)  # it has no use for the <metadata>
    picture = BytesIO()
    with rc_context({"mathtext.fontset": "cm"}):
        math_to_image(f"${tex}$", picture, prop=FontProperties(size=12), format="svg")
    return picture.getvalue()


def make_report(parts: Mapping[str, Part], folder: Path, date: datetime | None = None) -> Report:
    """Lay out the report on the results and figures of a folder."""
    report = Report(date)
    report.add_page()
    summary(report, parts, date)
    for task in TASKS:
        if task.figure or task.name in DERIVATIONS:  # the other tasks are a paragraph each
            report.add_page("landscape" if task.name == "4b" else "portrait")  # 4b: twenty images
        report.section(task, parts[Path(task.script).stem], folder)
    return report


def summary(report: Report, parts: Mapping[str, Part], date: datetime | None) -> None:
    """Print the first page: what was run, on which data, and what came out."""
    report.paragraph(TITLE, 18, "B")
    if date:
        report.paragraph(f"{date:%Y-%m-%d %H:%M} UTC")
    part = parts["task2"]  # task3 has the same data and seed
    report.paragraph(f"Data: {part.data}. Seed: {part.seed}.", after=0)
    report.paragraph(f"SHA-256 of the data: {part.data_sha256}", 9)
    for name, part in parts.items():
        report.paragraph(f"Results of {name}.py", *HEADING)
        versions = ", ".join(map(" ".join, part.versions.items()))
        report.paragraph(f"At most {part.max_epochs} epochs, with {versions}.")
        if part.quick:
            warning = f"{name}.py was run with --quick: good for a trial, not for conclusions."
            report.paragraph(warning, style="B")
        report.runs(part.runs)
    report.paragraph(" ".join(NOTE.split()))


def source_date() -> datetime | None:
    """Return the date that SOURCE_DATE_EPOCH gives, in seconds since 1970, or None without it."""
    text = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return datetime.fromtimestamp(int(text), timezone.utc) if text else None
    except (ValueError, OverflowError, OSError):
        raise OSError(f"SOURCE_DATE_EPOCH: expected seconds since 1970, got {text!r}.") from None


def main() -> None:
    """Write the report of all tasks from the figures and results of task2.py and task3.py."""
    parser = argparse.ArgumentParser(prog="python -m reproduce.report", description=main.__doc__)
    folder = Path("figures")
    parser.add_argument("--figures", type=Path, default=folder, help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="default: report.pdf in the folder of --figures")
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
