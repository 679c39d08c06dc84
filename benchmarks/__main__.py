"""Time this project beside what a user would pick instead, and write docs/benchmarks.md.

A section of the page is a function that measures something and returns its text, with a goal for
each value that has one. A new section takes its place in `main`.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from joblib import cpu_count

import task3
import utils
from benchmarks.contenders import (
    CONTENDERS,
    EPOCHS,
    Times,
    installed,
    products,
    race,
    seconds_of,
    versions,
)
from lab import figures, results
from lab.files import replacing
from lab.script import add_data_options, load_data, positive, run_script
from lab.trainings import fit
from task3a import SoftmaxModel, gradient_approximation_test, one_hot_encode

try:
    import psutil
except ModuleNotFoundError:
    raise SystemExit("The benchmarks need psutil. Run: pip install '.[bench]'") from None

if TYPE_CHECKING:
    from matplotlib.figure import Figure

US, UNLIMITED = "this project", "this project, all BLAS threads"
PLAIN, TORCH, JAX = "plain float64 NumPy", "PyTorch, eager", "JAX, compiled"
BUSY_PER_CORE = 2  # processes that keep the machine busy
SCRIPT = Path(task3.__file__)
START_UP = (
    "import task3, utils; from lab.script import load_data, parse_options; "
    "utils.load_full_mnist(load_data(parse_options('')))"
)


class Goal(NamedTuple):
    """A measured value and the bound, "at least" or "at most", that it is to keep."""

    what: str
    measured: float
    side: str
    bound: float

    def row(self) -> tuple[str, ...]:
        """Return the goal as a row of a table, with the verdict."""
        margin = self.measured - self.bound
        is_met = margin >= 0 if self.side == "at least" else margin <= 0
        verdict = "met" if is_met else "**not met**"
        return self.what, f"{self.side} {self.bound:g}", f"{self.measured:.3g}", verdict


class Section(NamedTuple):
    """A section of the page: its title, its text in Markdown, and its goals."""

    title: str
    text: str
    goals: Sequence[Goal] = ()


def main() -> None:
    """Time this project beside what a user would pick instead, and write docs/benchmarks.md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=main.__doc__)
    add_data_options(parser)
    parser.add_argument("--rounds", type=positive, default=5, help="default: %(default)s")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="default: %(default)s")
    parser.add_argument(
        "--convnet", action="store_true", help="of the convolutional network: benchmarks_convnet.md"
    )
    options = parser.parse_args()
    if options.convnet:
        from benchmarks import convnet  # not at the top: it imports this module

        convnet.write(options)
        return
    data = load_data(options)
    split = utils.load_full_mnist(data)
    same_data = ["--data", "mnist" if data.name == "MNIST" else "synthetic"]
    if options.data_dir:
        same_data += ["--data-dir", str(options.data_dir.resolve())]

    times = race(split, options.rounds)
    figures.save(plot_race(times, data.name), options.out / "figures" / "benchmarks.png")
    sections = [
        race_section(times),
        busy_section(split, min(options.rounds, 3)),
        epoch_section(split),
        script_section(split, same_data, min(options.rounds, 3)),
        reproduce_section(same_data),
        growth_section(),
        waiting_section(split, same_data),
    ]
    text = page(data.name, sections)
    with replacing(options.out / "benchmarks.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(text)


def page(data_name: str, sections: Iterable[Section]) -> str:
    """Lay out the page: how it was measured, the sections, the goals of all of them."""
    found = ", ".join(f"{package} {number}" for package, number in versions().items())
    here = installed()
    left_out = "; ".join(name for name in CONTENDERS if name not in here)
    goals = [goal.row() for section in sections for goal in section.goals]
    return "\n\n".join(
        [
            "# Speed, side by side",
            f"Written by `python -m benchmarks` on {data_name}; {os.cpu_count()} cores, "
            f"Python {platform.python_version()}, {found}. Each package sets its own number of "
            "threads. Times are medians, with the range in brackets."
            + (f" Not installed, so left out: {left_out}." if left_out else ""),
            *(f"## {section.title}\n\n{section.text}" for section in sections),
            "## Goals",
            table(("what", "goal", "measured", ""), *goals) + "\n",
        ]
    )


def table(*rows: Sequence[object]) -> str:
    """Write rows as a Markdown table; the first is its head."""
    head, *lines = ("| " + " | ".join(map(str, row)) + " |" for row in rows)
    return "\n".join([head, "|---" * len(rows[0]) + "|", *lines])


def spread(values: Sequence[float], form: str = "{:.2f}") -> str:
    """Write a median and the range around it."""
    middle, low, high = map(form.format, (median(values), min(values), max(values)))
    return f"{middle} ({low} to {high})"


def ratios(seconds: Sequence[float], others: Sequence[float]) -> list[float]:
    """Divide times by others, round by round."""
    return [a / b for a, b in zip(seconds, others, strict=True)]


def timed(work: Callable[[], object], repeat: int = 5) -> list[float]:
    """Time a function several times, after once unmeasured; return the seconds of each."""
    work()
    return [seconds_of(work)[0] for _ in range(repeat)]


def plot_race(times: Mapping[str, Times], data_name: str) -> Figure:
    """Draw the median seconds of each contender as bars, with the range of all rounds."""
    title = f"{EPOCHS} epochs of Task 3, validated five times an epoch ({data_name})"
    fig, ax = figures.new(title, "Seconds (median, and the range of all rounds)", "")
    names = sorted(times, key=lambda name: -median(times[name].seconds))
    low, middle, high = np.transpose(
        [[f(times[name].seconds) for f in (min, median, max)] for name in names]
    )
    colours = [figures.COLOURS[name == US] for name in names]
    errors = middle - low, high - middle
    bars = ax.barh(names, middle, xerr=errors, color=colours, capsize=4, zorder=2)
    ax.bar_label(bars, fmt="%.2f s", padding=10)
    ax.margins(x=0.15)
    return fig


def race_section(times: Mapping[str, Times]) -> Section:
    """Compare the contenders with this project."""
    us = times[US]
    rows = [("contender", "seconds", f"relative to {US}", "validation loss")]
    for name, entry in times.items():
        loss = "" if np.isnan(entry.val_loss) else f"{entry.val_loss:.4f}"
        relative = spread(ratios(entry.seconds, us.seconds))
        rows.append((name, spread(entry.seconds), relative, loss))
    others = [name for name, entry in times.items() if abs(entry.val_loss / us.val_loss - 1) > 0.02]
    verdict = (
        f"The validation loss of {', '.join(others)} differs by more than 2 %."
        if others
        else "All that train the same model reach the same validation loss within 2 %."
    )
    goals = []
    bounds = {PLAIN: 2.5, TORCH: 1.4, JAX: 1}
    for name, bound in bounds.items():
        if name in times:
            speed_up = median(ratios(times[name].seconds, us.seconds))
            goals.append(Goal(f"speed-up over {name}", speed_up, "at least", bound))
    slower = {
        name: median(ratios(us.seconds, times[name].seconds)) for name in (UNLIMITED, "lower bound")
    }
    return Section(
        f"{EPOCHS} epochs of Task 3, validated five times an epoch",
        f"{table(*rows)}\n\n"
        f"The contenders take turns, in {len(us.seconds)} rounds. {verdict} The plain loop "
        "computes each loss and each accuracy by a function of its own, as the assignment has "
        "them, so it passes the validation set through the model twice in a validation; the others "
        "do so once. SGDClassifier trains ten separate logistic regressions and evaluates nothing. "
        "The lower bound is the matrix products and the gathering of shuffled batches, and trains "
        "nothing; it gathers once an epoch or, in blocks, a few batches at a time, as this project "
        "does.\n\n![Seconds of each contender](figures/benchmarks.png)",
        [
            *goals,
            Goal("time relative to all BLAS threads", slower[UNLIMITED], "at most", 1.15),
            Goal("time relative to the lower bound", slower["lower bound"], "at most", 1.35),
        ],
    )


def epoch_section(split: utils.Split) -> Section:
    """Time the parts of an epoch in training, and their matrix products alone.

    Trainings and products take turns, so that a slow minute slows both.
    """
    data = task3.prepare(split)
    steps = len(data.X_train) // task3.BATCH_SIZE
    used = slice(steps * task3.BATCH_SIZE)
    batches = [np.split(array[used], steps) for array in (data.X_train, data.Y_train)]

    def step_products() -> None:
        w = np.full((785, 10), 0.01, np.float32)
        for X_batch, Y_batch in zip(*batches, strict=True):
            X_batch @ w
            X_batch.T @ Y_batch

    def validation_products(num_classes: int = 10) -> None:
        w = np.full((785, num_classes), 0.01, np.float32)
        products(data.X_train, w)
        products(data.X_val, w)

    rounds = []
    for _ in range(3):
        trainer = task3.make_trainer(data, 0, seed=0)
        trainer.patience = None
        validations, in_steps = watch(trainer, "validation_step"), watch(trainer, "train_step")
        total, _ = seconds_of(trainer.train, EPOCHS)
        rounds.append(
            [
                (sum(validations), len(validations) * median(timed(validation_products, 20))),
                (sum(in_steps), EPOCHS * median(timed(step_products, 20))),
                (total - sum(validations) - sum(in_steps), 0.0),
            ]
        )
    parts = np.median(rounds, axis=0)
    parts = np.vstack([parts, parts.sum(axis=0)])
    names = f"{len(validations) / EPOCHS:g} validations", f"{steps} steps", "batches and the loop"
    rows = [
        (name, *(f"{1e3 * seconds / EPOCHS:.1f}" for seconds in part))
        for name, part in zip((*names, "total"), parts, strict=True)
    ]
    two, ten = (median(timed(partial(validation_products, K), 20)) for K in (2, 10))
    return Section(
        "Where the time of an epoch goes",
        table(("part of an epoch", "milliseconds", "of which matrix products"), *rows) + "\n\n"
        "The matrix products are computed by the library behind NumPy; plain NumPy code cannot do "
        f"without them, nor without gathering the batches. In {EPOCHS} epochs the products alone "
        f"take {parts[-1, 1]:.2f} s, most of it not for arithmetic: with weights for 2 "
        f"classes instead of 10, those of a validation still take {100 * two / ten:.0f} % of the "
        "time.",
    )


def watch(owner: object, method: str) -> list[float]:
    """Return a list that the seconds of each call of a method of `owner` are appended to."""
    seconds: list[float] = []
    original = getattr(owner, method)

    def watched(*arguments: Any) -> Any:
        duration, result = seconds_of(original, *arguments)
        seconds.append(duration)
        return result

    setattr(owner, method, watched)
    return seconds


def busy_section(split: utils.Split, rounds: int) -> Section:
    """Repeat the race beside processes that keep all cores busy."""
    count = BUSY_PER_CORE * cpu_count()
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        fastest = {US, UNLIMITED, TORCH, JAX}
        times = race(split, rounds, {n: c for n, c in installed().items() if n in fastest})
    finally:
        for process in others:
            process.kill()
            process.wait()
    us = times[US].seconds
    rows = [
        (name, spread(entry.seconds), spread(ratios(entry.seconds, us)))
        for name, entry in times.items()
    ]
    return Section(
        "The same on a busy machine",
        table(("contender", "seconds", f"relative to {US}"), *rows) + "\n\n"
        f"Beside {count} processes that do nothing but keep the cores busy. Several BLAS threads "
        "wait for each other at every small product, and on a busy machine one of them is often "
        "not running; so this project trains with one, and uses the cores for trainings side by "
        "side.",
        [
            Goal(
                "busy machine: speed-up over all BLAS threads",
                median(ratios(times[UNLIMITED].seconds, us)),
                "at least",
                4,
            )
        ],
    )


def script_section(split: utils.Split, same_data: Sequence[str], rounds: int) -> Section:
    """Time task3.py beside the same trainings, step by step, in the plain loop and in JAX."""
    others = {name: CONTENDERS[name](split) for name in (PLAIN, JAX) if name in installed()}
    for work in others.values():
        work(len(split.X_train) // task3.BATCH_SIZE, 0)  # to compile and to warm up
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in others}
    with TemporaryDirectory() as folder:
        for _ in range(rounds):
            ours.append(seconds_of(run_task3, [*same_data, "--out", folder])[0])
            runs = results.read(Path(folder, results.FILE))["task3"]["runs"].values()
            trainings = [(run["step"] + 1, v) for run, v in zip(runs, task3.LAMBDAS, strict=True)]
            for name, work in others.items():
                theirs[name].append(sum(seconds_of(work, *training)[0] for training in trainings))
        peak = peak_memory([*same_data, "--out", folder])
    epochs = [run["epoch"] + 1 for run in runs]
    processes = [0] * cpu_count()  # the epochs of each: an idle one gets the next training
    for training in epochs:
        processes[processes.index(min(processes))] += training
    rows = [("all of task3.py", spread(ours, "{:.1f}"), "")]
    goals = []
    for name, bound in ((PLAIN, 3.5), (JAX, 1)):
        if name in theirs:
            speed_up = ratios(theirs[name], ours)
            rows.append(
                (f"its trainings, {name}", spread(theirs[name], "{:.1f}"), spread(speed_up))
            )
            goals.append(
                Goal(f"task3.py: speed-up over {name}", median(speed_up), "at least", bound)
            )
    return Section(
        "All of task3.py",
        table(("what", "seconds", "relative to task3.py"), *rows) + "\n\n"
        f"Imports, loading, five trainings side by side and seven figures, in {rounds} runs, "
        "beside the same trainings alone, one after the other, without imports, compilation and "
        f"figures. The trainings take {', '.join(map(str, epochs))} epochs, so of {cpu_count()} "
        f"processes one has {max(processes)} of the {sum(epochs)} epochs to do. All processes of "
        f"task3.py together take at most {peak:.0f} MB of memory (PSS), in a run of its own.",
        [*goals, Goal("task3.py: peak memory, MB", peak, "at most", 500)],
    )


def run_task3(arguments: Sequence[str]) -> None:
    """Run task3.py."""
    subprocess.run([sys.executable, str(SCRIPT), *arguments], stdout=subprocess.DEVNULL, check=True)


def peak_memory(arguments: Sequence[str]) -> float:
    """Run task3.py; return the peak memory of all its processes together, in MB.

    It is the sum of their proportional set sizes, which count a shared page once; nan where the
    system does not tell. To look that often slows the processes down, so this is no run to time.
    """
    command = [sys.executable, str(SCRIPT), *arguments]
    process, peak = psutil.Popen(command, stdout=subprocess.DEVNULL), float("nan")
    while process.poll() is None:
        with suppress(psutil.Error, AttributeError):  # ended, or no pss
            processes = (process, *process.children(recursive=True))
            now = sum(one.memory_full_info().pss for one in processes) / 1e6
            peak = now if np.isnan(peak) else max(peak, now)
        time.sleep(0.05)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return peak


def reproduce_section(same_data: Sequence[str]) -> Section:
    """Time python -m reproduce in one process and on all cores."""
    command = [sys.executable, "-m", "reproduce", *same_data]
    seconds = {}
    with TemporaryDirectory() as folder:
        for jobs in (1, cpu_count()):
            work = partial(subprocess.run, stdout=subprocess.DEVNULL, check=True)
            arguments = [*command, "--jobs", str(jobs), "--out", folder]
            seconds[jobs], _ = seconds_of(work, arguments)
    rows = [(jobs, f"{duration:.1f}") for jobs, duration in seconds.items()]
    speed_up = seconds[1] / seconds[cpu_count()]
    return Section(
        "All of python -m reproduce",
        table(("--jobs", "seconds"), *rows),
        [Goal("reproduce: speed-up by all cores", speed_up, "at least", 1.5)],
    )


def growth_section() -> Section:
    """Time an epoch on random inputs, for several numbers of examples and of classes."""
    rows = []
    for N, K in ((5_000, 10), (10_000, 10), (20_000, 10), (60_000, 10), (20_000, 2), (20_000, 100)):
        seconds = median(epoch_seconds(N, K))
        rows.append((f"{N:,}", K, f"{seconds:.3f}", f"{1e6 * seconds / N:.2f}"))
    return Section(
        "Growth with the examples and the classes",
        table(("N", "K", "seconds per epoch", "microseconds per example"), *rows) + "\n\n"
        "One epoch of N examples with six validations (the first step has one, too), each of which "
        "evaluates all N and 2,000 others.",
    )


def epoch_seconds(num_examples: int, num_classes: int) -> list[float]:
    """Time one epoch on random inputs, validated on 2,000 others."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-1, 1, (num_examples + 2000, 785)).astype(np.float32)
    Y = one_hot_encode(rng.integers(0, num_classes, (len(X), 1)), num_classes)
    split = utils.Split(X[:-2000], Y[:-2000], X[-2000:], Y[-2000:])
    trainer = task3.make_trainer(split, 0, seed=0)
    trainer.model.w = np.zeros((785, num_classes), np.float32)
    return timed(lambda: trainer.train(1))


def waiting_section(split: utils.Split, same_data: Sequence[str]) -> Section:
    """Time what else a user waits for: start-up, figures, the gradient check."""
    command = [sys.executable, "-c", START_UP, *same_data]
    start_up = timed(lambda: subprocess.run(command, cwd=SCRIPT.parent, check=True))
    figure = figure_seconds(split)
    few = task3.prepare(utils.Split(*(array[:100] for array in split)))
    check = timed(lambda: gradient_approximation_test(SoftmaxModel(0), few.X_train, few.Y_train), 3)
    return Section(
        "What else a user waits for",
        table(
            ("what", "seconds"),
            ("start-up: imports, loading and verifying", spread(start_up)),
            ("saving a figure of Task 3", spread(figure)),
            ("gradient check, 7,850 weights on 100 images", spread(check)),
        ),
        [
            Goal("start-up, s", median(start_up), "at most", 1.2),
            Goal("saving the slowest figure, s", max(figure), "at most", 0.4),
            Goal("gradient check, s", median(check), "at most", 1),
        ],
    )


def figure_seconds(split: utils.Split) -> list[float]:
    """Time saving each figure of Task 3, drawn from a training as long as 50 epochs."""
    few = utils.Split(*(array[:1280] for array in split))
    trainer = task3.make_trainer(task3.prepare(few), 0, seed=0)
    trainer.batch_size, trainer.patience = 8, None
    training = fit(trainer, 50)
    drawn = task3.make_figures(dict.fromkeys(task3.LAMBDAS, training), few, "benchmark")
    with TemporaryDirectory() as folder:
        return [
            seconds_of(figures.save, figure, Path(folder, name))[0]
            for name, figure in drawn.items()
        ]


if __name__ == "__main__":
    run_script(main)
