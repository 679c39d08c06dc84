"""Time this project beside what a user would pick instead, and write docs/benchmarks.md.

A section of the page is a function that measures something and returns a table, with a goal for
each value that has one; its prose is in the page.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from joblib import cpu_count

import task3
import utils
from benchmarks import network, page
from benchmarks.contenders import (
    CONTENDERS,
    JAX,
    LOWER_BOUND,
    PLAIN,
    TORCH,
    UNLIMITED,
    US,
    entries,
    ten_epochs,
    versions,
)
from benchmarks.measuring import Times, Turn, peak_memory, race, rows, running, seconds_of
from benchmarks.page import Goal, Section, Spread
from digits.files import replacing, user_path
from lab import figures
from lab.results import RUNS
from lab.script import add_data_options, load_data, positive, run_script
from lab.trainings import load

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAGE = Path("docs/benchmarks.md")
BUSY_PER_CORE = 2  # processes that keep the machine busy


def main() -> None:
    """Time this project beside what a user would pick instead, and write docs/benchmarks.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    add_data_options(parser)
    parser.add_argument("--rounds", type=positive, default=5, help="default: %(default)s")
    parser.add_argument("--out", type=user_path, default=PAGE.parent, help="default: %(default)s")
    options = parser.parse_args()
    missing = [package for package in ("psutil", "cogapp") if not find_spec(package)]
    if missing:
        needed = " and ".join(missing)
        raise SystemExit(f"The benchmarks need {needed}. Run: pip install '.[bench]'")
    data = load_data(options)
    split = utils.load_full_mnist(data)
    found = "mnist" if data.name == "MNIST" else "synthetic"
    same_data = ["--any-data"] if options.data == "any" else ["--data", found]
    if options.data_dir:
        same_data += ["--data-dir", str(options.data_dir)]

    few_rounds = min(options.rounds, 3)
    times = ten_epochs(split, CONTENDERS, options.rounds)
    left_out = "; ".join(name for name in CONTENDERS if name not in times)
    installed = ", ".join(f"{name} {number}" for name, number in versions().items())
    setting = (
        f"Measured on {data.name}; {cpu_count()} cores, {installed}; {options.rounds} rounds, "
        f"{few_rounds} on the busy machine and of task3.py."
        + (f" Not installed, so left out: {left_out}." if left_out else "")
    )
    sections = {
        "setting": Section(note=setting),
        "race": race_section(times),
        "busy": busy_section(split, few_rounds),
        "script": script_section(split, same_data, few_rounds),
        "step": network.step_section(data, options.rounds),
    }
    write(sections, plot_race(times, data.name), options.out)


def write(sections: Mapping[str, Section], chart: Figure, out: Path) -> None:
    """Write the page, with its chart and its numbers, to a folder; print the goals."""
    figures.save(chart, out / "figures" / "benchmarks.png")
    with replacing(out / page.NUMBERS) as temporary:
        page.save(sections, temporary)
    with replacing(out / PAGE.name) as temporary:
        temporary.write_bytes(PAGE.read_bytes())
    subprocess.run([sys.executable, "-m", "cogapp", "-r", str(out / PAGE.name)], check=True)
    print(page.goals(page.load(out / PAGE.name)))


def race_section(times: Mapping[str, Times]) -> Section:
    """Compare the contenders with this project."""
    losses = {name: one.result for name, one in times.items()}
    shown = ("" if np.isnan(loss) else f"{loss:.4f}" for loss in losses.values())
    others = [name for name, loss in losses.items() if abs(loss / losses[US] - 1) > 0.02]
    verdict = (
        f"The validation loss of {', '.join(others)} differs by more than 2 %."
        if others
        else "All that train the same model reach the same validation loss within 2 %."
    )
    slower = {name: 1 / times[name].relative.median for name in (UNLIMITED, LOWER_BOUND)}
    return Section(
        [
            ("contender", "seconds", f"relative to {US}", "validation loss"),
            *((*row, loss) for row, loss in zip(rows(times), shown, strict=True)),
        ],
        verdict,
        [
            *speed_ups("speed-up over", times, {PLAIN: 2.5, TORCH: 1.4, JAX: 1}),
            Goal("time relative to all BLAS threads", slower[UNLIMITED], "at most", 1.15),
            Goal("time relative to the lower bound", slower[LOWER_BOUND], "at most", 1.35),
        ],
    )


def speed_ups(what: str, times: Mapping[str, Times], bounds: Mapping[str, float]) -> list[Goal]:
    """Return the goals {contender: least time relative to this project} of those that ran."""
    return [
        Goal(f"{what} {name}", times[name].relative.median, "at least", bound)
        for name, bound in bounds.items()
        if name in times
    ]


@figures.default_settings()
def plot_race(times: Mapping[str, Times], data_name: str) -> Figure:
    """Draw the median seconds of each contender as bars, with the range of all rounds."""
    title = f"Ten epochs of Task 3, validated five times an epoch ({data_name})"
    fig, ax = figures.new(title, "Seconds (median, and the range of all rounds)", "")
    names = sorted(times, key=lambda name: -times[name].seconds.median)
    middle, low, high = np.transpose([times[name].seconds for name in names])
    colours = [figures.COLOURS[name == US] for name in names]
    errors = middle - low, high - middle
    bars = ax.barh(names, middle, xerr=errors, color=colours, capsize=4, zorder=2)
    ax.bar_label(bars, fmt="%.2f s", padding=10)
    ax.margins(x=0.15)
    return fig


def busy_section(split: utils.Split, rounds: int) -> Section:
    """Repeat the race beside processes that keep all cores busy."""
    count = BUSY_PER_CORE * cpu_count()
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        times = ten_epochs(split, (US, UNLIMITED, TORCH, JAX), rounds)
    finally:
        for process in others:
            process.kill()
            process.wait()
    speed_up = times[UNLIMITED].relative.median
    return Section(
        [("contender", "seconds", f"relative to {US}"), *rows(times)],
        f"Measured beside {count} processes that do nothing but keep the cores busy.",
        [Goal("busy machine: speed-up over all BLAS threads", speed_up, "at least", 4)],
    )


def script_section(split: utils.Split, same_data: Sequence[str], rounds: int) -> Section:
    """Time task3.py beside the same trainings, one after the other, in the plain loop and JAX."""
    with TemporaryDirectory() as folder:
        command = [sys.executable, "task3.py", *same_data, "--out", folder]
        peak = peak_memory(command)
        trainings = load(Path(folder, RUNS.format("task3"))).values()
        by_lambda = dict(zip(task3.LAMBDAS, trainings, strict=True))
        turn = [(training.step + 1, value) for value, training in by_lambda.items()]
        contenders: dict[str, Callable[[], Turn]] = {"task3.py": partial(running, command)}
        times = race(contenders | entries(split, (PLAIN, JAX), turn), rounds)
        with figures.default_settings():
            drawn = task3.make_figures(by_lambda, split, "benchmark")
        saves = [partial(figures.save, one, Path(folder, name)) for name, one in drawn.items()]
        saves[0]()  # to warm up
        figure = Spread.of([seconds_of(save)[0] for save in saves])
    epochs = [training.epoch + 1 for training in trainings]
    processes = [0] * cpu_count()  # the epochs of each: an idle one gets the next training
    for epoch in epochs:
        processes[processes.index(min(processes))] += epoch
    return Section(
        [
            ("what", "seconds", "relative to task3.py"),
            *rows(times),
            ("saving one of its figures", figure, ""),
        ],
        f"The trainings take {', '.join(map(str, epochs))} epochs, so of {len(processes)} "
        f"processes one has {max(processes)} of the {sum(epochs)} epochs to do. All processes of "
        f"task3.py together take at most {peak:.0f} MB of memory.",
        [
            *speed_ups("task3.py: speed-up over", times, {PLAIN: 3.5, JAX: 1}),
            Goal("task3.py: peak memory, MB", peak, "at most", 500),
            Goal("saving the slowest figure, s", figure.high, "at most", 0.4),
        ],
    )


if __name__ == "__main__":
    run_script(main)
