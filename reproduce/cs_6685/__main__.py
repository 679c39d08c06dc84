"""Runs the experiments side by side; writes their figures and results."""

import argparse
import json
import platform
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from digits import Digits
from digits.files import replacing, user_path
from lab.figures import save
from lab.jobs import train_all
from lab.results import FILE, expect_writable, read
from lab.script import add_data_options, add_jobs_option, load_data, run_script
from reproduce.cs_6685 import figures, page, transfer
from reproduce.cs_6685.document import PART
from reproduce.cs_6685.experiments import EXPERIMENTS, OLD_DIGITS, PRETRAINING, Settings, train
from reproduce.cs_6685.finished import load_or_train
from reproduce.cs_6685.robustness import robustness


def main() -> None:
    """Repeat the experiments of CS 6685, in about 50 minutes on two cores."""
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
    sizes, draws = (transfer.SIZES[:3], [0]) if quick else (transfer.SIZES, transfer.DRAWS)
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
    old = finished[OLD_DIGITS].w
    for name, size, draw in product(transfer.VARIANTS, sizes, draws):
        variant = replace(transfer.VARIANTS[name], size=size, draw=draw, epochs=variant_epochs)
        then[f"{name}, {size}, {draw}"] = partial(call, transfer.train, variant, data, old)
    finished |= train_all(then, jobs)
    best = experiments["best"].network(np.random.default_rng(0))
    best.w = finished["best"].w
    transformed = robustness(best, data)
    results: dict[str, Any] = {
        "data": data.name,
        "data_sha256": data.sha256(),
        "versions": {"python": platform.python_version(), "numpy": version("numpy")},
        "quick": quick,
        "trainings": {name: finished[name].summary for name in experiments},
        "transforms": {
            name: {"accuracy": accuracy, "example": f"{one.answer} becomes {one.answer_then}"}
            for name, (accuracy, one) in transformed.items()
        },
        "transfer": {
            name: {
                str(size): transfer.together(
                    [finished[f"{name}, {size}, {draw}"].summary for draw in draws]
                )
                for size in sizes
            }
            for name in transfer.VARIANTS
        },
    }
    with replacing(out / FILE) as temporary:
        parts = read(out / FILE) | {PART: results}
        temporary.write_text(json.dumps(parts, indent=2) + "\n", encoding="utf-8")
    drawn = figures.draw(results, data, {name: one for name, (_, one) in transformed.items()})
    for name, figure in drawn.items():
        save(figure, out / name)
    print(f"Data: {data.name}\n\n{page.losses(results)}")
    print(f"\nWrote {len(drawn)} figures and {FILE} to {out}/")


if __name__ == "__main__":
    run_script(main)
