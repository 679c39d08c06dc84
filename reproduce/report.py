"""The report of all tasks as one PDF: the results, then every task in the assignment's order."""

from __future__ import annotations

import argparse
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from functools import cache
from io import BytesIO
from pathlib import Path

import matplotlib
from matplotlib import rc_context
from matplotlib.font_manager import FontProperties
from matplotlib.mathtext import math_to_image
from PIL import Image

from lab.assignment import TASKS, Task
from lab.files import replacing
from lab.results import HEADER, NOTE, row
from lab.script import run_script
from reproduce.answers import ANSWERS
from reproduce.derivations import DERIVATIONS, Equation
from reproduce.results import Part, read

try:
    from fpdf import FPDF
except ModuleNotFoundError:
    raise SystemExit("The report needs fpdf2. Run: pip install '.[report]'") from None

TITLE = "Logistic and softmax regression by hand"
MARGIN = 56  # points, as all lengths here
NO_DATE = datetime.fromtimestamp(0, timezone.utc)
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
    """Numbered pages of A4 in the font that comes with matplotlib.

    Args:
        date: of the document; without one it is dated 1970, the same on every day.
    """

    def __init__(self, date: datetime | None = None) -> None:
        super().__init__(unit="pt")
        fonts = Path(matplotlib.get_data_path(), "fonts", "ttf")
        self.add_font("DejaVu", "", fonts / "DejaVuSans.ttf")
        self.add_font("DejaVu", "B", fonts / "DejaVuSans-Bold.ttf")
        self.set_margin(MARGIN)
        self.set_title(TITLE)
        self.set_creation_date(date or NO_DATE)
        self.figures = 0

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

    def heading(self, text: str) -> None:
        """Print the heading of a section."""
        self.paragraph(text, 13, "B")

    def rows(self, rows: Sequence[Sequence[str]], header: bool) -> None:
        """Print a table, each column as wide as its widest cell; numbers go to the right."""
        self.set_font("DejaVu", "B", 9)
        columns = zip(*rows, strict=True)
        widths = [max(map(self.get_string_width, column)) + 12 for column in columns]
        self.set_font(style="")
        with self.table(
            rows,
            align="LEFT",
            borders_layout="SINGLE_TOP_LINE" if header else "NONE",
            col_widths=widths,
            first_row_as_headings=header,
            line_height=14,
            text_align=["LEFT", *(["RIGHT" if header else "LEFT"] * (len(widths) - 1))],
            width=min(sum(widths), self.epw),
        ):
            self.ln(0)
        self.ln(12)

    def equation(self, equation: Equation) -> None:
        """Print an equation, its number at the right margin."""
        top = self.y + 4
        info = self.image(BytesIO(_svg(equation.tex)), x=MARGIN + 20, y=top)
        height = info.rendered_height
        if equation.number:
            self.set_xy(MARGIN, top)
            self.cell(0, height, f"({equation.number})", align="R")
        self.set_xy(MARGIN, top + height + 6)

    def figure(self, path: Path, caption: str) -> None:
        """Print a figure as wide as the text, and its caption with the next number."""
        self.figures += 1
        self.image(path, w=self.epw, alt_text=caption)
        self.ln(4)
        self.paragraph(f"Figure {self.figures}. {caption}", 9)

    def section(self, task: Task, part: Part, folder: Path) -> None:
        """Print what the assignment asks of a task."""
        self.heading(f"Task {task.name}: {task.title}")
        for block in DERIVATIONS.get(task.name, ()):
            if isinstance(block, Equation):
                self.equation(block)
            else:
                self.paragraph(block, after=0)
        if task.figure:
            self.figure(folder / task.figure, f"{CAPTIONS[task.name]} Data: {part.data}.")
        if task.name in ANSWERS:
            self.paragraph(ANSWERS[task.name](part))
        self.ln(12)


@cache
def _svg(tex: str) -> bytes:
    logging.getLogger("fpdf.svg").setLevel(logging.ERROR)  # it has no use for the <metadata>
    picture = BytesIO()
    with rc_context({"mathtext.fontset": "cm"}):
        math_to_image(f"${tex}$", picture, prop=FontProperties(size=12), format="svg")
    return picture.getvalue()


def make_report(parts: Mapping[str, Part], folder: Path, date: datetime | None = None) -> Report:
    """Lay out the report.

    Args:
        parts: the results, as `read` gives them.
        folder: where the figures are.
        date: to print on the first page; none by default.
    """
    report = Report(date)
    report.add_page()
    summary(report, parts, date)
    for task in TASKS:
        if task.figure or task.name in DERIVATIONS:  # the other tasks are a paragraph each
            wide = bool(task.figure) and _is_wide(folder / task.figure)
            report.add_page("landscape" if wide else "portrait")
        report.section(task, parts[Path(task.script).stem], folder)
    return report


def _is_wide(picture: Path) -> bool:
    with Image.open(picture) as image:
        return image.width > 2 * image.height


def summary(report: Report, parts: Mapping[str, Part], date: datetime | None) -> None:
    """Print the first page: what was run, on which data, and what came out."""
    report.paragraph(TITLE, 18, "B")
    for name, part in parts.items():
        if part.quick:
            report.paragraph(
                f"The results of {name}.py are from a run with --quick, of at most "
                f"{part.max_epochs} epochs: good for trying out, not for conclusions.",
                style="B",
            )
    report.heading("Origin of the results")
    report.rows(provenance(parts, date), header=False)
    for name, part in parts.items():
        report.heading(f"Results of {name}.py")
        report.rows([HEADER, *(row(run, record) for run, record in part.runs.items())], header=True)
    report.paragraph(" ".join(NOTE.split()))


def provenance(parts: Mapping[str, Part], date: datetime | None) -> list[tuple[str, str]]:
    """List what the results come from, as rows of name and value."""
    rows = [
        *_rows("Data set", parts, lambda part: part.data),
        *_rows("Data set, SHA-256", parts, lambda part: part.data_sha256),
        *_rows("Seed", parts, lambda part: str(part.seed)),
        *_rows("Epochs at most", parts, lambda part: str(part.max_epochs)),
        *_rows("Versions", parts, lambda part: ", ".join(map(" ".join, part.versions.items()))),
    ]
    return rows if date is None else [*rows, ("Date", f"{date:%Y-%m-%d %H:%M} UTC")]


def _rows(
    label: str, parts: Mapping[str, Part], value: Callable[[Part], str]
) -> list[tuple[str, str]]:
    """Give one row if the parts agree, else one for each part."""
    values = {name: value(part) for name, part in parts.items()}
    if len(set(values.values())) == 1:
        return [(label, next(iter(values.values())))]
    return [(f"{label}, {name}", text) for name, text in values.items()]


def source_date() -> datetime | None:
    """Return the date that SOURCE_DATE_EPOCH gives, in seconds since 1970, or None without it.

    Raises:
        OSError: if it is no such number.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    try:
        return datetime.fromtimestamp(int(text), timezone.utc)
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
