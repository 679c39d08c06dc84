"""Run every benchmark, and write docs/benchmarks.md and docs/figures/benchmarks.png."""

from __future__ import annotations

import argparse
import os
import platform
import statistics
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import digits
import utils
from benchmarks import costs, goals
from benchmarks.contenders import CONTENDERS, EPOCHS, REQUIRES
from benchmarks.race import Entry, installed, race, ratios, same_loss, spread
from lab import figures
from lab.files import replacing
from lab.script import load_data, positive, run_script

if TYPE_CHECKING:
    from matplotlib.figure import Figure

US = "this project"
SIZES = (5_000, 10_000, 20_000, 60_000)
CLASSES = (2, 10, 100)
PACKAGES = {"torch": "torch", "jax": "jax", "sklearn": "scikit-learn"}  # of each module


def main() -> None:
    """Time this project beside what a user would pick instead."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    parser.add_argument("--data", choices=digits.CHOICES, default="auto")
    parser.add_argument("--data-dir", type=Path, help="folder with the four MNIST files")
    parser.add_argument("--rounds", type=positive, default=5, help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="default: %(default)s")
    options = parser.parse_args()
    data = load_data(options)
    split = utils.load_full_mnist(data)
    place = ["--data", "mnist" if data.name == "MNIST" else "synthetic"]
    place += ["--data-dir", str(options.data_dir.resolve())] if options.data_dir else []

    entries = race(split, options.rounds)
    script = costs.whole_script(place, split, min(options.rounds, 3))
    waits = (
        costs.start_up_seconds(place),
        costs.figure_seconds(split),
        costs.gradient_check_seconds(split),
    )
    sections = [
        *_provenance(data.name),
        *_race(entries),
        *_parts(split),
        *_whole(*script),
        *_growth(),
        *_waits(*waits),
        "## Against the goals",
        goals.table(
            goals.of_the_race(entries, US)
            + goals.of_the_script(*script)
            + goals.of_the_waits(*waits)
        ),
    ]
    text = "\n\n".join(sections) + "\n"
    figures.save(plot_race(entries, data.name), options.out / "figures" / "benchmarks.png")
    with replacing(options.out / "benchmarks.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(text)


def plot_race(entries: Mapping[str, Entry], data_name: str) -> Figure:
    """Draw the median seconds of each contender as bars, with the range of all rounds."""
    title = f"{EPOCHS} epochs of Task 3 with five checks an epoch ({data_name})"
    fig, ax = figures.new(title, "Seconds (median, and the range of all rounds)", "")
    ranked = sorted(entries.values(), key=lambda entry: -statistics.median(entry.seconds))
    medians = [statistics.median(entry.seconds) for entry in ranked]
    low = [m - min(entry.seconds) for m, entry in zip(medians, ranked, strict=True)]
    high = [max(entry.seconds) - m for m, entry in zip(medians, ranked, strict=True)]
    colours = [figures.COLOURS[1 if entry.name == US else 0] for entry in ranked]
    names = [entry.name for entry in ranked]
    bars = ax.barh(names, medians, xerr=[low, high], color=colours, capsize=4, zorder=2)
    ax.bar_label(bars, fmt="%.2f s", padding=10)
    ax.margins(x=0.15)
    return fig


def _provenance(data_name: str) -> list[str]:
    packages = ["numpy", *(PACKAGES[module] for name in installed() for module in REQUIRES[name])]
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    skipped = [name for name in CONTENDERS if name not in installed()]
    return [
        "# Speed, side by side",
        f"Written by `python -m benchmarks` on {data_name}; {os.cpu_count()} cores, "
        f"Python {platform.python_version()}, {versions}. Thread counts are left as each package "
        "sets them. Times are medians, with the range in brackets."
        + (f" Not installed, so skipped: {', '.join(skipped)}." if skipped else ""),
    ]


def _race(entries: Mapping[str, Entry]) -> list[str]:
    rounds = len(entries[US].seconds)
    rows = [
        f"| who | seconds | takes, of the time of {US} | validation loss |",
        "|---|---|---|---|",
    ]
    for entry in entries.values():
        loss = f"{entry.val_loss:.4f}" if entry.val_loss == entry.val_loss else ""
        takes = spread(entry.ratios(entries[US]))
        rows.append(f"| {entry.name} | {spread(entry.seconds)} | {takes} | {loss} |")
    others = same_loss(entries, US)
    verdict = (
        f"Not the same validation loss within 2 %: {', '.join(others)}."
        if others
        else "All that train the same model reach the same validation loss within 2 %."
    )
    return [
        f"## {EPOCHS} epochs of Task 3, a check five times an epoch",
        "\n".join(rows),
        f"{rounds} rounds in which all take turns. {verdict} The plain loop computes each loss and "
        "each accuracy by a function of its own, as the assignment has them, and so passes the "
        "validation set through the model twice at a check; all others do so once. SGDClassifier "
        "trains ten separate logistic regressions and evaluates nothing. The bare floor is the "
        "matrix products and one gather an epoch, and trains nothing; in blocks, it gathers a few "
        "batches at a time, as this project does.",
        "![Seconds of each](figures/benchmarks.png)",
    ]


def _parts(split: utils.Split) -> list[str]:
    rows = ["| part of an epoch | milliseconds | of these, matrix products |", "|---|---|---|"]
    parts = costs.epoch_parts(split)
    parts["together"] = (sum(p[0] for p in parts.values()), sum(p[1] for p in parts.values()))
    for part, (whole, products) in parts.items():
        rows.append(f"| {part} | {1e3 * whole:.1f} | {1e3 * products:.1f} |")
    ten, two = (statistics.median(costs.check_products_seconds(split, K)) for K in (10, 2))
    share = f"{100 * two / ten:.0f} %"
    return [
        "## Where an epoch goes",
        "\n".join(rows),
        "The products are NumPy's, and so the library's behind it: plain NumPy code cannot "
        f"leave them out, nor the gather. {EPOCHS} epochs of the products alone take "
        f"{EPOCHS * parts['together'][1]:.2f} s. Most of that is no arithmetic: with weights for 2 "
        f"classes in place of 10, the products of a check still take {share} of the time.",
    ]


def _whole(ours: list[float], plain: list[float], peaks: list[float]) -> list[str]:
    return [
        "## The whole of task3.py",
        f"Imports, loading, five trainings, five figures, {len(ours)} times: "
        f"{spread(ours, '{:.1f}')} s, at most "
        f"{max(peaks):.0f} MB of memory. The same trainings in the plain float64 loop, without "
        f"imports and figures: {spread(plain, '{:.1f}')} s, {spread(ratios(plain, ours))} times as "
        "long.",
    ]


def _growth() -> list[str]:
    rows = ["| N | K | seconds an epoch | microseconds an example |", "|---|---|---|---|"]
    shapes = [(size, 10) for size in SIZES] + [(20_000, K) for K in CLASSES if K != 10]
    for N, K in shapes:
        seconds = statistics.median(costs.epoch_seconds(N, K))
        rows.append(f"| {N:,} | {K} | {seconds:.3f} | {1e6 * seconds / N:.2f} |")
    return [
        "## Growth with the examples and the classes",
        "\n".join(rows),
        "One epoch of N examples with six checks, each of all N and of 2,000 others.",
    ]


def _waits(start_up: list[float], figure: list[float], gradient_check: list[float]) -> list[str]:
    rows = [
        "| what | seconds |",
        "|---|---|",
        f"| start-up: imports, loading and verifying | {spread(start_up)} |",
        f"| saving a figure of Task 3 | {spread(figure)} |",
        f"| gradient check, 7,850 weights on 100 images | {spread(gradient_check)} |",
    ]
    return ["## What else one waits for", "\n".join(rows)]


if __name__ == "__main__":
    run_script(main)
