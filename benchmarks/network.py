"""A training step of the convolutional network beside PyTorch's."""

from collections.abc import Callable
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks.contenders import US, versions
from benchmarks.measuring import Turn, race, rows
from benchmarks.page import Goal, Section
from convnet.network import lenet
from convnet.optimisers import SGD
from convnet.trainer import NetworkTrainer
from digits import Digits
from task2a import pre_process_images
from task3a import one_hot_encode

BATCH_SIZE = 100
LEARNING_RATE = 0.1
STEPS = 20  # in a turn of the race

Batch = tuple[np.ndarray, np.ndarray]  # images (N, 784), one-hot targets (N, 10)


def first_batch(data: Digits) -> Batch:
    """Pre-process the first images as Task 3 does, without the bias input."""
    X, Y = data.train_images[:BATCH_SIZE], data.train_labels[:BATCH_SIZE]
    return pre_process_images(X)[:, :-1], one_hot_encode(Y, 10)


def this_project(X: np.ndarray, Y: np.ndarray) -> Turn:
    """Steps of `NetworkTrainer` on the same batch, with the document's settings."""
    model = lenet(np.random.default_rng(0))
    trainer = NetworkTrainer(model, SGD(LEARNING_RATE), BATCH_SIZE, False, X, Y, X, Y)

    def steps() -> float:
        with threadpool_limits(1, "blas"):
            return [trainer.train_step(X, Y) for _ in range(STEPS)][-1]

    return steps


def pytorch(images: np.ndarray, targets: np.ndarray, channels_last: bool = False) -> Turn:
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
    X = torch.tensor(images).reshape(-1, 1, 28, 28).contiguous(memory_format=memory_format)
    Y = torch.tensor(targets.argmax(axis=1))
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


def entries(batch: Batch) -> dict[str, Callable[[], Turn]]:
    """Return {name: what `race` takes}; PyTorch is left out where it is not installed."""
    contenders: dict[str, Callable[[], Turn]] = {US: partial(this_project, *batch)}
    if "torch" in versions():
        contenders["PyTorch"] = partial(pytorch, *batch)
        contenders["PyTorch, channels last"] = partial(pytorch, *batch, channels_last=True)
    return contenders


def step_section(data: Digits, rounds: int) -> Section:
    """Compare a training step with PyTorch's."""
    times = race(entries(first_batch(data)), rounds)
    return Section(
        [("contender", "milliseconds", f"relative to {US}"), *rows(times, 1000 / STEPS)],
        goals=[
            Goal(f"step time relative to {name}", 1 / one.relative.median, "at most", 1.3)
            for name, one in times.items()
            if name != US
        ],
    )
