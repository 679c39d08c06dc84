"""What a script leaves behind: its figures, its part of `results.json`, and one table."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import numpy as np

from digits import Digits
from lab import digest, figures
from lab.files import replacing
from lab.measures import roughness, spikes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FILE = "results.json"
HEADER = ("run", "stopped by", "epoch", "step", "best val loss", "at step", "train acc", "val acc")


def expect_writable(out: Path) -> None:
    """Make the folder `out`; raise OSError, before any training, if no results can go there."""
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryFile(dir=out):
        pass
    _read(out / FILE)


def publish(
    task: str,
    data: Digits,
    options: argparse.Namespace,
    trainers: Mapping[str, Any],
    drawn: Mapping[str, Figure],
) -> None:
    """Save the figures and the results of a task, and print them as a table.

    Args:
        task: the name of its part of `results.json`.
        data: the data set that was used.
        options: of the script, as `parse_options` gives them.
        trainers: {name of the run: its trainer, finished}.
        drawn: {file name: figure}.
    """
    runs = {name: of_run(trainer) for name, trainer in trainers.items()}
    for name, figure in drawn.items():
        figures.save(figure, options.out / name)
    path = write(options.out, task, data, options, runs, drawn)
    print(f"Data: {data.name}. Accuracies are those of the weights kept, the best on validation.\n")
    print_table(HEADER, [row(name, run) for name, run in runs.items()])
    print(f"\nWrote {len(drawn)} figures and {path.name} to {options.out}/")
    if options.show:
        figures.show([options.out / name for name in drawn])


def of_run(trainer: Any) -> dict[str, Any]:
    """Collect the numbers of a finished training run.

    Args:
        trainer: a BaseTrainer after `train`.

    Returns:
        Why, in which epoch and at which step it stopped; how many checks there were, and how often
        the validation accuracy fell by more than `SPIKE` from one to the next; the losses and
        accuracies of the check one epoch in (of the last one, if there are fewer), of the last
        check and of the best one, whose weights are kept; and of those weights the sum of squares
        and the roughness.
    """
    stop, w = trainer.stop, trainer.model.w.astype(np.float64)
    checks = list(trainer.val_history["accuracy"])
    return {
        "stop_reason": stop.reason,
        "stop_epoch": stop.epoch,
        "stop_step": stop.step,
        "checks": len(checks),
        "drops": spikes(trainer.val_history["accuracy"]),
        "early_check": _check(trainer, checks[: trainer.validations_per_epoch + 1][-1]),
        "last_check": _check(trainer, checks[-1]),
        "best_check": _check(trainer, stop.best_step),
        "weight_norm": float(np.sum(w**2)),
        "weight_roughness": roughness(w[:-1].T),
    }


def write(
    out: Path,
    task: str,
    data: Digits,
    options: argparse.Namespace,
    runs: Mapping[str, Any],
    drawn: Iterable[str],
) -> Path:
    """Write one task's part of `results.json`; the parts of other tasks stay as they are.

    Args:
        out: the folder of the file.
        task: the name of the part.
        data: the data set that was used.
        options: with `seed`, `epochs` and `quick`.
        runs: {name of the run: its numbers}.
        drawn: the file names of the task's figures, which stand in `out` already.

    Returns:
        The path of the file.

    Raises:
        OSError: if the file that stands there is none of ours. It is left alone.
    """
    path = out / FILE
    results = _read(path)
    results[task] = {
        "data": data.name,
        "data_sha256": data.sha256(),
        "seed": options.seed,
        "max_epochs": options.epochs,
        "quick": options.quick,
        "versions": {
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "matplotlib")},
        },
        "code_sha256": digest.of_code(),
        "figures": {name: digest.of_file(out / name) for name in drawn},
        "runs": dict(runs),
    }
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return path


def _read(path: Path) -> dict[str, Any]:
    try:
        results = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        if not isinstance(results, dict):
            raise ValueError(f"it holds a {type(results).__name__}")
    except ValueError as error:
        raise OSError(f"{path} is no results file ({error}). Likely fix: move it away.") from None
    return results


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under a header, the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    for line in (header, ["-" * width for width in widths], *rows):
        first, *others = (
            f"{cell:{'>' if i else '<'}{width}}"
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        print("  ".join([first, *others]).rstrip())


def row(name: str, run: Mapping[str, Any]) -> tuple[str, ...]:
    """Format the numbers of a run, as `of_run` gives them, for the columns of `HEADER`."""
    best = run["best_check"]
    return (
        name,
        run["stop_reason"],
        str(run["stop_epoch"]),
        str(run["stop_step"]),
        f"{best['val_loss']:.5f}",
        str(best["step"]),
        f"{best['train_accuracy']:.4f}",
        f"{best['val_accuracy']:.4f}",
    )


def _check(trainer: Any, step: int) -> dict[str, float]:
    return {
        "step": step,
        "train_loss_of_batch": trainer.train_history["loss"][step],
        "val_loss": trainer.val_history["loss"][step],
        "train_accuracy": trainer.train_history["accuracy"][step],
        "val_accuracy": trainer.val_history["accuracy"][step],
    }
