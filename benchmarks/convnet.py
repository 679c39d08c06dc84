"""The convolutional network: a training step beside PyTorch's, and the memory of a training."""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import re
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np

import task3
import utils
from benchmarks.__main__ import US, Goal, Section, ratios, spread, table
from benchmarks.contenders import Contender, Work, race, seconds_of, versions
from convnet.network import lenet
from convnet.optimisers import SGD
from convnet.trainer import NetworkTrainer
from digits import Digits
from lab.blas import one_blas_thread
from lab.files import replacing
from lab.script import load_data

BATCH_SIZE = 100
LEARNING_RATE = 0.1
STEPS = 20  # in a turn of the race


def write(options: argparse.Namespace) -> None:
    """Measure, and write docs/benchmarks_convnet.md."""
    data = load_data(options)
    sections = [step_section(prepare(data), options.rounds), training_section(options)]
    text = page(data.name, sections)
    with replacing(options.out / "benchmarks_convnet.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(text)


def page(data_name: str, sections: list[Section]) -> str:
    """Lay out the page: how it was measured, the sections, the goals of all of them."""
    found = ", ".join(f"{name} {versions().get(name, 'is missing')}" for name in ("numpy", "torch"))
    goals = [goal.row() for section in sections for goal in section.goals]
    return "\n\n".join(
        [
            "# The convolutional network, side by side",
            f"Written by `python -m benchmarks --convnet` on {data_name}; Python "
            f"{platform.python_version()}, {found}, one thread each. Times are medians, with the "
            "range in brackets.",
            *(f"## {section.title}\n\n{section.text}" for section in sections),
            "## Goals",
            table(("what", "goal", "measured", ""), *goals) + "\n",
        ]
    )


def prepare(data: Digits) -> utils.Split:
    """Pre-process all images as Task 3 does, without the bias input."""
    X_train, Y_train, X_val, Y_val = task3.prepare(
        utils.Split(data.train_images, data.train_labels, data.test_images, data.test_labels)
    )
    return utils.Split(X_train[:, :-1], Y_train, X_val[:, :-1], Y_val)


def make_trainer(split: utils.Split) -> NetworkTrainer:
    """Create a trainer of the network with the document's settings."""
    rng = np.random.default_rng(0)
    return NetworkTrainer(lenet(rng), SGD(LEARNING_RATE), BATCH_SIZE, True, *split, rng=rng)


def this_project(split: utils.Split) -> Work:
    """Steps of `NetworkTrainer` on the same batch."""
    trainer = make_trainer(split)

    @one_blas_thread
    def work(num_steps: int, l2_reg_lambda: float) -> float:
        losses = [trainer.train_step(split.X_train, split.Y_train) for _ in range(num_steps)]
        return losses[-1]

    return work


def pytorch(split: utils.Split, channels_last: bool = False) -> Work:
    """The same steps in PyTorch; channels_last: in its faster memory format."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(7 * 7 * 32, 128),
        nn.ReLU(),
        nn.Dropout(0.4),
        nn.Linear(128, 64),
        nn.ReLU(),
        nn.Linear(64, 10),
    )
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    model = model.to(memory_format=memory_format)
    X = torch.tensor(split.X_train).reshape(-1, 1, 28, 28).contiguous(memory_format=memory_format)
    Y = torch.tensor(split.Y_train.argmax(axis=1))
    criterion = nn.CrossEntropyLoss()
    optimiser = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)

    def work(num_steps: int, l2_reg_lambda: float) -> float:
        for _ in range(num_steps):
            optimiser.zero_grad()
            loss = criterion(model(X), Y)
            loss.backward()
            optimiser.step()
            value = loss.item()
        return float(value)

    return work


CONTENDERS: dict[str, Contender] = {
    US: this_project,
    "PyTorch": pytorch,
    "PyTorch, channels last": partial(pytorch, channels_last=True),
}


def step_section(split: utils.Split, rounds: int) -> Section:
    """Compare a step with PyTorch's."""
    batch = utils.Split(*(array[:BATCH_SIZE] for array in split))
    present = CONTENDERS if "torch" in versions() else {US: this_project}
    times = race(batch, rounds, present, STEPS)
    rows, goals = [], []
    for name, (seconds, _) in times.items():
        relative = ratios(times[US].seconds, seconds)
        milliseconds = [1e3 * value / STEPS for value in seconds]
        rows.append((name, spread(milliseconds, "{:.1f}"), spread(relative)))
        if name != US:
            goals.append(Goal(f"step time relative to {name}", median(relative), "at most", 1.3))
    return Section(
        "A training step",
        table(("contender", "milliseconds", f"time of {US} relative to it"), *rows) + "\n\n"
        "Forward, backward and a step of SGD on 100 images in float32: two 5 x 5 convolutions of "
        "16 and 32 filters, each with ReLU and 2 x 2 max-pooling, then linear layers of 128, 64 "
        "and 10 with ReLU between them, and dropout after the first. The contenders take turns of "
        f"{STEPS} steps, in {rounds} rounds.",
        goals,
    )


def training_section(options: argparse.Namespace) -> Section:
    """Measure an epoch on all training images in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        seconds, megabytes, accuracy = pool.submit(train_an_epoch, options).result()
    return Section(
        "An epoch",
        f"One epoch on all training images with six validations takes {seconds:.0f} s and reaches "
        f"an accuracy of {accuracy:.4f} on the test images. The process needs at most "
        f"{megabytes:.0f} MB, all images and the imports included.",
        [Goal("peak memory of a training, MB", megabytes, "at most", 600)],
    )


def train_an_epoch(options: argparse.Namespace) -> tuple[float, float, float]:
    """Train for one epoch; return its seconds, this process's peak MB and the best accuracy.

    The peak is nan where there is no /proc.
    """
    trainer = make_trainer(prepare(load_data(options)))
    seconds, (_, val_history) = seconds_of(trainer.train, 1)
    status = Path("/proc/self/status")
    peak = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    megabytes = int(peak[1]) / 1024 if peak else float("nan")
    return seconds, megabytes, max(val_history["accuracy"].values())
