"""The report of Tasks 2 to 4 as a PDF: where the results come from, then a page for each figure."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib import rc_context
from matplotlib.backends.backend_pdf import PdfPages

from lab.files import replacing
from lab.results import HEADER, row
from lab.script import run_script
from reproduce import answers
from reproduce.page import Page, read_picture
from reproduce.provenance import read_results

TITLE = "Logistic and softmax regression by hand"
SUBJECT = "Report of Tasks 2 to 4"
RUNS = {"task2": (answers.IN_ORDER, answers.SHUFFLED), "task3": (answers.FREE, answers.HELD)}


class Plate(NamedTuple):
    """A figure of the report and what is said about it.

    Attributes:
        part: the task that drew it, as in `results.json`.
        figure: its file name.
        task: the heading of its page.
        caption: what it shows.
        answers: {question: function of the runs that answers it}.
    """

    part: str
    figure: str
    task: str
    caption: str
    answers: Mapping[str, Callable[[answers.Runs], str]]


PLATES = (
    Plate(
        "task2",
        "task2b_binary_train_loss.png",
        "Task 2b: the loss of logistic regression",
        "Training and validation loss over the gradient steps, digit 2 against digit 3, without "
        "shuffling. The loss of a single batch is noisy, so its mean over ten steps is drawn. The "
        "axis is zoomed: the first, steep part lies above it.",
        {},
    ),
    Plate(
        "task2",
        "task2b_binary_train_accuracy.png",
        "Tasks 2c and 2d: accuracy and early stopping",
        "Accuracy on the whole training set and on the validation set, at every check of the "
        "same training as in Task 2b.",
        {
            "Task 2c: how accurate is the model in the end?": answers.final_accuracy,
            "Task 2d: after how many epochs does early stopping kick in?": answers.early_stopping,
        },
    ),
    Plate(
        "task2",
        "task2e_train_accuracy_shuffle_difference.png",
        "Task 2e: the order of the examples",
        "Validation accuracy of two trainings that differ only in whether each epoch takes the "
        "examples in a new order.",
        {"Task 2e: why are there fewer spikes with shuffling?": answers.spikes},
    ),
    Plate(
        "task3",
        "task3b_softmax_train_loss.png",
        "Task 3b: the loss of softmax regression",
        "Training and validation loss over the gradient steps, all ten digits, with shuffling. "
        "The training loss is a mean over ten steps, and the axis is zoomed as in Task 2b.",
        {},
    ),
    Plate(
        "task3",
        "task3b_softmax_train_accuracy.png",
        "Tasks 3c and 3d: accuracy and overfitting",
        "Accuracy on the whole training set and on the validation set, at every check of the "
        "same training as in Task 3b.",
        {"Task 3d: are there signs of overfitting?": answers.overfitting},
    ),
    Plate(
        "task3",
        "task4b_softmax_weight.png",
        "Task 4b: the weights",
        "The weights of each digit as an image, for λ = 0 (top) and λ = 1 (bottom): red pixels "
        "speak for the digit where there is ink, blue ones against it.",
        {"Task 4b: why are the weights with λ = 1 less noisy?": answers.noise},
    ),
    Plate(
        "task3",
        "task4c_l2_reg_accuracy.png",
        "Tasks 4c and 4d: the strength of the penalty",
        "Validation accuracy for each λ, each a new training from zero weights to its own early "
        "stop or its last epoch.",
        {"Task 4d: why does the accuracy fall with any penalty?": answers.regularization},
    ),
    Plate(
        "task3",
        "task4d_l2_reg_norms.png",
        "Task 4e: the length of the weights",
        "Squared length ‖w‖² of the weights that each training leaves behind, on a logarithmic "
        "axis.",
        {"Task 4e: what do you observe?": answers.norms},
    ),
)


def make_pages(
    results: Mapping[str, Mapping[str, Any]], folder: Path, date: datetime | None = None
) -> list[Page]:
    """Lay out the report.

    Args:
        results: {part: its results}.
        folder: where the figures are.
        date: to print on the first page; none by default.

    Returns:
        The first page, then one for each of `PLATES`.
    """
    plates = (plate_page(number, plate, results, folder) for number, plate in enumerate(PLATES, 2))
    return [first_page(results, date), *plates]


def first_page(results: Mapping[str, Mapping[str, Any]], date: datetime | None) -> Page:
    """Say what was run, on which data, with which code, and what came out."""
    page = Page(1)
    page.text(TITLE, 18, "bold", after=0)
    page.text(f"{SUBJECT}; the derivations of Tasks 1 and 4a are a text of their own", after=0.25)
    for name, part in results.items():
        if part["quick"]:
            page.text(
                f"The results of {name}.py are from a run with --quick, epochs at most: "
                f"{part['max_epochs']}. They are good for trying out, not for conclusions.",
                weight="bold",
                after=0.2,
            )
    page.text("Where the results come from", 13, "bold")
    page.table(provenance(results, date), header=False)
    page.y += 0.2
    for name, part in results.items():
        page.text(f"Results of {name}.py", 13, "bold")
        page.table([HEADER, *(row(run, numbers) for run, numbers in part["runs"].items())])
        page.y += 0.2
    page.text(
        "Epochs and steps count from 0. The accuracies are those of the weights that training "
        "leaves behind, at the least validation loss."
    )
    return page


def provenance(
    results: Mapping[str, Mapping[str, Any]], date: datetime | None
) -> list[tuple[str, str]]:
    """List what the results come from, as rows of name and value."""
    rows = [
        *_rows("Data set", results, lambda part: part["data"]),
        *_rows("its SHA-256", results, lambda part: part["data_sha256"]),
        *_rows("Code, SHA-256", results, lambda part: part["code_sha256"]),
        *_rows("Seed", results, lambda part: str(part["seed"])),
        *_rows("Epochs at most", results, lambda part: str(part["max_epochs"])),
        *_rows("Versions", results, lambda part: _listed(part["versions"])),
    ]
    return rows if date is None else [*rows, ("Date", f"{date:%Y-%m-%d %H:%M} UTC")]


def _rows(
    label: str,
    results: Mapping[str, Mapping[str, Any]],
    value: Callable[[Mapping[str, Any]], str],
) -> list[tuple[str, str]]:
    """Give one row if the parts agree, else one for each part."""
    values = {name: value(part) for name, part in results.items()}
    if len(set(values.values())) == 1:
        return [(label, next(iter(values.values())))]
    return [(f"{label}, {name}", text) for name, text in values.items()]


def _listed(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {version}" for name, version in versions.items())


def plate_page(
    number: int, plate: Plate, results: Mapping[str, Mapping[str, Any]], folder: Path
) -> Page:
    """Show a figure under its task, with its caption and the answers to the questions about it."""
    pixels = read_picture(folder / plate.figure)
    page = Page(number, landscape=pixels.shape[1] > 2 * pixels.shape[0])
    page.text(plate.task, 16, "bold")
    page.picture(pixels)
    part = results[plate.part]
    page.text(f"Figure {number - 1}. {plate.caption} Data: {part['data']}.", 10, after=0.25)
    for question, answer in plate.answers.items():
        page.text(question, 12, "bold", after=0.02)
        page.text(answer(part["runs"]), after=0.2)
    return page


def save(pages: Sequence[Page], out: Path, date: datetime | None) -> None:
    """Save pages as one PDF, whole or not at all, the same bytes for the same pages and date."""
    info = {"Title": TITLE, "Subject": SUBJECT, "CreationDate": date, "ModDate": date}
    # Type 42 fonts keep every letter, Greek ones too, as text that can be searched and copied.
    with (
        rc_context({"pdf.fonttype": 42, "pdf.compression": 6}),
        replacing(out) as temporary,
        PdfPages(temporary, metadata=info) as pdf,
    ):
        for page in pages:
            pdf.savefig(page.figure)


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
    """Write the report of Tasks 2 to 4 from the figures and results of task2.py and task3.py."""
    parser = argparse.ArgumentParser(prog="python -m reproduce.report", description=main.__doc__)
    folder = Path("figures")
    parser.add_argument("--figures", type=Path, default=folder, help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="default: report.pdf in the folder of --figures")
    options = parser.parse_args()
    out = options.out or options.figures / "report.pdf"
    if out.suffix != ".pdf":
        parser.error(f"argument --out: expected a name that ends in .pdf, got {out}")
    drawn = {part: [plate.figure for plate in PLATES if plate.part == part] for part in RUNS}
    date = source_date()
    pages = make_pages(read_results(options.figures, drawn, RUNS), options.figures, date)
    save(pages, out, date)
    print(f"Wrote {len(pages)} pages to {out}")


if __name__ == "__main__":
    run_script(main)
