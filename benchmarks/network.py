"""A training step of the convolutional network beside PyTorch's."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

import utils
from benchmarks.contenders import US, inputs, versions
from benchmarks.measuring import Turn, race, rows
from benchmarks.page import Goal, Section
from convnet.network import lenet
from convnet.optimisers import SGD
from convnet.trainer import NetworkTrainer
from digits import Digits

BATCH_SIZE = 100
LEARNING_RATE = 0.1
STEPS = 20  # in a turn of the race


def prepare(data: Digits) -> utils.Split:
    """Pre-process all images as Task 3 does, without the bias input."""
    X_train, Y_train, X_val, Y_val = inputs(
        utils.Split(data.train_images, data.train_labels, data.test_images, data.test_labels)
    )
    return utils.Split(X_train[:, :-1], Y_train, X_val[:, :-1], Y_val)


def make_trainer(split: utils.Split) -> NetworkTrainer:
    """Create a trainer of the network with the document's settings."""
    rng = np.random.default_rng(0)
    return NetworkTrainer(lenet(rng), SGD(LEARNING_RATE), BATCH_SIZE, True, *split, rng=rng)


def this_project(split: utils.Split) -> Turn:
    """Steps of `NetworkTrainer` on the same batch."""
    trainer = make_trainer(split)

    def steps() -> float:
        with threadpool_limits(1, "blas"):
            losses = [trainer.train_step(split.X_train, split.Y_train) for _ in range(STEPS)]
        return losses[-1]

    return steps


def pytorch(split: utils.Split, channels_last: bool = False) -> Turn:
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

    def steps() -> float:
        for _ in range(STEPS):
            optimiser.zero_grad()
            loss = criterion(model(X), Y)
            loss.backward()
            optimiser.step()
            value = loss.item()
        return float(value)

    return steps


def entries(batch: utils.Split) -> dict[str, Callable[[], Turn]]:
    """Return {name: what `race` takes}; PyTorch is left out where it is not installed."""
    contenders: dict[str, Callable[[], Turn]] = {US: partial(this_project, batch)}
    if "torch" in versions():
        contenders["PyTorch"] = partial(pytorch, batch)
        contenders["PyTorch, channels last"] = partial(pytorch, batch, channels_last=True)
    return contenders


def step_section(data: Digits, rounds: int) -> Section:
    """Compare a training step with PyTorch's."""
    batch = utils.Split(*(array[:BATCH_SIZE] for array in prepare(data)))
    times = race(entries(batch), rounds)
    return Section(
        [("contender", "milliseconds", f"relative to {US}"), *rows(times, 1000 / STEPS)],
        goals=[
            Goal(f"step time relative to {name}", 1 / one.relative.median, "at most", 1.3)
            for name, one in times.items()
            if name != US
        ],
    )
