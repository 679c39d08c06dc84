"""Runs the experiments side by side; writes their figures and results."""

from __future__ import annotations

import argparse
import json
import platform
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from digits import Digits
from digits.files import replacing, user_path
from lab.figures import save
from lab.jobs import train_all
from lab.results import FILE, expect_writable, print_table, read
from lab.script import add_data_options, add_jobs_option, load_data, run_script
from reproduce.cs_6685 import transfer
from reproduce.cs_6685.document import PART, PUBLISHED
from reproduce.cs_6685.experiments import EXPERIMENTS, OLD_DIGITS, PRETRAINING, Settings, train
from reproduce.cs_6685.figures import draw
from reproduce.cs_6685.finished import load_or_train
from reproduce.cs_6685.robustness import robustness

HEADER = ("training", "published", "last 100", "test", "never predicted")


def main() -> None:
    """Repeat the experiments of CS 6685, in about 45 minutes on two cores."""
    parser = argparse.ArgumentParser(prog="python -m reproduce.cs_6685", description=main.__doc__)
    add_data_options(parser)
    parser.add_argument(
        "--out", type=user_path, default=Path("figures"), help="default: %(default)s"
    )
    add_jobs_option(parser)
    parser.add_argument(
        "--quick", action="store_true", help="6,000 images and 2 epochs, for a quick trial"
    )
    options = parser.parse_args()
    data = load_data(options)
    expect_writable(PART, data, options)
    run(few(data) if options.quick else data, options.out, options.jobs, options.quick)


def few(data: Digits) -> Digits:
    """Keep the first 6,000 training images and the last 1,000 test images."""
    return Digits(
        f"{data.name}, 6,000 images",
        data.train_images[:6000],
        data.train_labels[:6000],
        data.test_images[-1000:],
        data.test_labels[-1000:],
    )


def run(data: Digits, out: Path, jobs: int, quick: bool) -> None:
    """Train what is not finished yet; write the figures and the results."""
    epochs, variant_epochs = (2, 10) if quick else (Settings.epochs, transfer.Variant.epochs)
    sizes = transfer.SIZES[:3] if quick else transfer.SIZES
    experiments = {name: one.at_most(epochs) for name, one in EXPERIMENTS.items()}
    call = partial(load_or_train, out / "trainings")
    first = {
        name: partial(call, train, one, data) for name, one in experiments.items() if not one.start
    }
    old_digits = transfer.only(data, 0, 4)
    first[OLD_DIGITS] = partial(call, train, PRETRAINING.at_most(epochs), old_digits)
    finished = train_all(first, jobs)
    weights = {experiments[name]: finished[name].w for name in first if name != OLD_DIGITS}
    then = {
        name: partial(call, train, one, data, weights[one.start])
        for name, one in experiments.items()
        if one.start
    }
    for name, variant in transfer.VARIANTS.items():
        for size in sizes:
            settings = replace(variant, size=size, epochs=variant_epochs)
            start = finished[OLD_DIGITS].w
            then[f"{name}, {size} images"] = partial(call, transfer.train, settings, data, start)
    finished |= train_all(then, jobs)
    best = experiments["best"].network(np.random.default_rng(0))
    best.w = finished["best"].w
    accuracies, examples = robustness(best, data)
    results: dict[str, Any] = {
        "data": data.name,
        "data_sha256": data.sha256(),
        "versions": {"python": platform.python_version(), "numpy": version("numpy")},
        "quick": quick,
        "trainings": {name: finished[name].summary for name in experiments},
        "transforms": accuracies,
        "transfer": {
            name: {str(size): finished[f"{name}, {size} images"].summary for size in sizes}
            for name in transfer.VARIANTS
        },
    }
    with replacing(out / FILE) as temporary:
        parts = read(out / FILE) | {PART: results}
        temporary.write_text(json.dumps(parts, indent=2) + "\n", encoding="utf-8")
    drawn = draw(results, data, examples)
    for name, figure in drawn.items():
        save(figure, out / name)
    print(f"Data: {data.name}\n")
    print_table(HEADER, [row(name, one) for name, one in results["trainings"].items()])
    print(f"\nWrote {len(drawn)} figures and {FILE} to {out}/")


def row(name: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    """Format a training for the columns of `HEADER`: its accuracies after the last step."""
    never = ", ".join(map(str, one["never_predicted"][-1])) or "-"
    accuracies = f"{one['last_100'][-1]:.2f}", f"{one['test_accuracy'][-1]:.4f}"
    _, published = PUBLISHED.get(name, ("", "-"))
    return name, published, *accuracies, never


if __name__ == "__main__":
    run_script(main)
