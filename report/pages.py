"""The pages of the report: the results, then every task in the assignment's order."""

import logging
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from functools import cache
from io import BytesIO
from pathlib import Path

from lab.assignment import CONFUSION, MISTAKES, TASKS, Task
from lab.figures import default_settings
from lab.results import HEADER, NOTE, row
from lab.trainings import Training
from report.answers import ANSWERS
from report.results import Part
from reproduce import pages as published
from reproduce.claims import table

try:
    from fpdf import FPDF, Align
except ModuleNotFoundError:
    raise SystemExit("The report needs fpdf2. Run: pip install '.[report]'") from None

TITLE = "Logistic and softmax regression by hand"
ERRORS = "Beyond the assignment: the errors of softmax regression"
HEADING = (13, "B")  # size in points, as all lengths here, and style
MARGIN = 50


class Report(FPDF):
    """Numbered pages of A4 in matplotlib's own font, dated 1970 if there is no date."""

    def __init__(self, date: datetime | None = None) -> None:
        from matplotlib import get_data_path  # not at the top: `run_script` sets its backend right

        super().__init__(unit="pt")
        self.figures = 0  # printed so far
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

    def results(self, trainings: Mapping[str, Training]) -> None:
        """Print a table of trainings, each column as wide as its widest cell."""
        rows = [HEADER, *(row(name, training) for name, training in trainings.items())]
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
        if task.figure:
            self.figure(folder / task.figure, task.name, part)
        else:
            for block in texts().get(task.name, []):
                if block.startswith("$"):
                    self.equation(block)
                else:
                    self.paragraph(block, after=0)
        if task.name in ANSWERS:
            self.paragraph(ANSWERS[task.name](part))
        self.ln(12)

    def figure(self, path: Path, name: str, part: Part) -> None:
        """Print a figure and its caption."""
        self.figures += 1
        (caption,) = texts()[name]
        width = min(0.9 * self.epw, 1.25 * self.eph)  # which leaves room for the answer
        self.image(path, Align.C, w=width, alt_text=caption)
        self.ln(4)
        self.paragraph(f"Figure {self.figures}. {caption} Data: {part.data}.", 9)


@cache
def texts() -> dict[str, list[str]]:
    """Read {task or figure: paragraphs, and equations as "$mathtext$ (number)"} from text.md."""
    text = Path(__file__).with_name("text.md").read_text(encoding="utf-8")
    sections = (section.split("\n\n") for section in text.split("\n## ")[1:])
    return {name: [" ".join(block.split()) for block in blocks] for name, *blocks in sections}


def marking(name: str) -> str:
    """Write the head of a task in course/MARKING.md: its points, its equation, today's numbers."""
    (task,) = (one for one in TASKS if one.name == name)
    numbered = [block for block in texts().get(name, []) if re.fullmatch(r"\$.*\$ \(.*\)", block)]
    head = f"### {name}: {task.title}, {task.points} points"
    return "\n\n".join(filter(None, [head, *numbered[-1:], numbers(name)]))


def numbers(*names: str) -> str:
    """Write a table of what is published on some tasks, beside docs/figures/results.json."""
    said = "**no**", "yes"
    rows = [
        (claim.task, claim.published, said[claim.agrees], claim.criterion.split(":")[0], claim.ours)
        for claim in published.read()["course_2021"]
        if claim.task in names
    ]
    return table(("task", "published", "here", "measured", "ours"), rows) if rows else ""


@cache
def _svg(tex: str) -> bytes:
    from matplotlib import rc_context
    from matplotlib.font_manager import FontProperties
    from matplotlib.mathtext import math_to_image

    logging.getLogger("fpdf.svg").setLevel(logging.ERROR)  # it has no use for the <metadata>
    picture = BytesIO()
    with default_settings(), rc_context({"mathtext.fontset": "cm"}):
        math_to_image(f"${tex}$", picture, prop=FontProperties(size=12), format="svg")
    return picture.getvalue()


def make_report(parts: Mapping[str, Part], folder: Path, date: datetime | None = None) -> Report:
    """Lay out the report on the results and figures of a folder."""
    report = Report(date)
    report.add_page()
    summary(report, parts, date)
    report.add_page()
    for task in TASKS:
        if task.name in ("4b", "4c"):
            report.add_page("landscape" if task.name == "4b" else "portrait")  # 4b: forty images
        with report.unbreakable() as page:  # its figure, caption and answer together
            page.section(task, parts[Path(task.script).stem], folder)
    for name in (CONFUSION, MISTAKES):
        report.add_page()
        if name == CONFUSION:
            report.paragraph(ERRORS, *HEADING)
        report.figure(folder / name, name, parts["task3"])
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
        report.results(part.trainings)
    report.paragraph(" ".join(NOTE.split()))
