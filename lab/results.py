"""What a script leaves behind: its figures, its part of `results.json`, its runs, and one table."""

import argparse
import hashlib
import json
import platform
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from html import escape
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from digits import Digits
from digits.files import replacing
from lab import figures
from lab.progress import in_notebook
from lab.trainings import Training, save

FILE = "results.json"
RUNS = "{}_runs.npz"  # of a task: all that its trainings leave
HEADER = ("run", "stopped by", "epoch", "step", "best", "val loss", "train", "val")
NOTE = (
    "best: the step with the lowest validation loss; its weights are kept, and the\n"
    "loss and the accuracies are theirs. Epochs and steps count from 0."
)


def expect_writable(task: str, data: Digits, options: argparse.Namespace) -> None:
    """Make the folder options.out; raise OSError, before any training, if no results can go there.

    So it does if matplotlib cannot be imported. A quick run or one on other digits does not replace
    the results of a full run on MNIST.
    """
    out = options.out
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=out), figures.default_settings():
        pass
    part = read(out / FILE).get(task, {})
    is_full = part.get("data") == "MNIST" and not part.get("quick")
    if is_full and (options.quick or data.name != "MNIST"):
        this = "this quick run" if options.quick else f"this run on {data.name}"
        raise FileExistsError(
            f"{this} would replace the results of a full run of {task}.py on MNIST in {out}. "
            f"Likely fix: --out {out / 'trial'}"
        )


def title(data: Digits, options: argparse.Namespace) -> str:
    """Name what the titles of the figures name: the data set, and a quick run."""
    return f"{data.name}, {options.epochs} epochs" if options.quick else data.name


def publish(
    task: str,
    data: Digits,
    options: argparse.Namespace,
    trainings: Mapping[str, Training],
    draw: Callable[[], figures.Figures],
) -> None:
    """Save the runs, the results and the figures of a task; print the results as a table.

    The figures come last, so that what goes wrong with them does not cost the trainings.

    task: the name of its part of `results.json`; the parts of other tasks stay as they are.
    trainings: {name: training}. draw: returns {file name: figure}.
    """
    out, arrays = options.out, RUNS.format(task)
    part: dict[str, Any] = {
        "data": data.name,
        "data_sha256": data.sha256(),
        "seed": options.seed,
        "max_epochs": options.epochs,
        "quick": options.quick,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "matplotlib")},
        },
        "files": {},
        "runs": {name: summary(training) for name, training in trainings.items()},
    }

    def write(*files: str) -> None:
        part["files"] = {name: sha256(out / name) for name in files}
        with replacing(out / FILE) as temporary:
            results = read(out / FILE) | {task: part}
            temporary.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")

    save(out / arrays, trainings)
    write(arrays)
    print(f"Data: {data.name}\n{NOTE}\n")
    print_table(HEADER, [row(name, training) for name, training in trainings.items()])
    with figures.default_settings():
        drawn = draw()
    for name, figure in drawn.items():
        figures.save(figure, out / name)
    write(*drawn, arrays)
    print(f"\nWrote {len(drawn)} figures, {arrays} and {FILE} to {out}/")
    if in_notebook():
        for name, figure in drawn.items():
            show_in_notebook(out / name, figures.describe(figure))
    elif options.show:
        figures.show(drawn)


def show_in_notebook(path: Path, text: str) -> None:
    """Show a PNG file below a cell, with a text for those who do not see it."""
    from IPython.display import display

    image = b64encode(path.read_bytes()).decode()
    # as HTML, because neither JupyterLab nor what it exports keeps the text of an `Image`
    html = f'<img src="data:image/png;base64,{image}" alt="{escape(text)}">'
    display({"text/html": html, "image/png": image}, raw=True)


def sha256(path: Path) -> str:
    """Compute the SHA-256 of a file's bytes, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(path: Path) -> dict[str, Any]:
    """Read `results.json`, {task: its part}; it may be missing."""
    try:
        results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if not (isinstance(results, dict) and {dict}.issuperset(map(type, results.values()))):
            raise ValueError("expected a JSON object of objects")
    except ValueError as error:
        raise OSError(
            f"{path} is not a results file ({error}). "
            "Likely fix: move it away and run task2.py and task3.py again."
        ) from None
    return results


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a header, the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    line = "  ".join(f"{{:{'>' if i else '<'}{width}}}" for i, width in enumerate(widths))
    for cells in (header, ["-" * width for width in widths], *rows):
        print(line.format(*cells).rstrip())


def summary(training: Training) -> dict[str, Any]:
    """Return what `results.json` holds of a training."""
    return {
        "stopped_by": training.stopped_by,
        "epoch": training.epoch,
        "step": training.step,
        "best": training.best._asdict(),
        "validations_per_epoch": training.validations_per_epoch,
    }


def row(name: str, training: Training) -> tuple[str, ...]:
    """Format a training for the columns of `HEADER`."""
    end, best = (training.stopped_by, str(training.epoch), str(training.step)), training.best
    accuracies = f"{best.train_accuracy:.4f}", f"{best.val_accuracy:.4f}"
    return (name, *end, str(best.step), f"{best.val_loss:.5f}", *accuracies)
