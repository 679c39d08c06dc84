"""The contenders and their race: ten epochs of Task 3, validated five times an epoch.

A contender is a function that prepares what it needs of the data set and returns the work to be
timed: a function that trains for a number of steps with a lambda and returns the last validation
loss, nan where it trains nothing or another model.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib.metadata import distributions
from types import SimpleNamespace
from typing import Any, NamedTuple, cast
from unittest.mock import patch

import numpy as np

import task3
import utils
from benchmarks import plain_numpy
from lab.blas import one_blas_thread
from lab.protocols import Model
from task2a import pre_process_images
from task3 import BATCH_SIZE, LEARNING_RATE
from trainer import BaseTrainer

EPOCHS = 10
VALIDATIONS_PER_EPOCH = 5
SEED = 0

Work = Callable[[int, float], float]
Contender = Callable[[utils.Split], Work]


def this_project(split: utils.Split, train: Callable[..., Any] = BaseTrainer.train) -> Work:
    """The training of `task3.py`, without early stopping."""
    data = task3.prepare(split)

    def work(num_steps: int, l2_reg_lambda: float) -> float:
        trainer = task3.make_trainer(data, l2_reg_lambda, SEED)
        trainer.patience = None
        _, val_history = train(trainer, num_steps // (len(data.X_train) // BATCH_SIZE))
        return list(val_history["loss"].values())[-1]

    return work


def all_blas_threads(split: utils.Split) -> Work:
    """The same with as many BLAS threads as the environment says, and blocks that suit them."""

    def predict(model: Model, X: np.ndarray) -> np.ndarray:
        return np.concatenate([model.forward(X[i : i + 2048]) for i in range(0, len(X), 2048)])

    def work(num_steps: int, l2_reg_lambda: float) -> float:
        with patch.object(utils, "predict", predict):
            return train(num_steps, l2_reg_lambda)

    train = this_project(split, train=vars(BaseTrainer.train)["__wrapped__"])
    return work


def plain(split: utils.Split) -> Work:
    """The float64 loop of `plain_numpy`."""
    data = plain_numpy.prepare(split)
    return lambda num_steps, l2: plain_numpy.train(data, num_steps, l2)[-1][0]


def pytorch(split: utils.Split) -> Work:
    """PyTorch, eager, on the CPU: a linear layer, its cross-entropy loss and SGD."""
    import torch
    from torch import nn

    def images(X: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(X).float() / 127.5 - 1

    def labels(Y: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(Y[:, 0]).long()

    X, Y, X_val, Y_val = (f(array) for f, array in zip((images, labels) * 2, split, strict=True))
    criterion = nn.CrossEntropyLoss()

    @torch.no_grad()
    def validate(model: nn.Module) -> tuple[float, float, float]:
        logits = model(X_val)
        return (
            float(criterion(logits, Y_val)),
            float((model(X).argmax(dim=1) == Y).float().mean()),
            float((logits.argmax(dim=1) == Y_val).float().mean()),
        )

    def work(num_steps: int, l2_reg_lambda: float) -> float:
        rng = np.random.RandomState(SEED)
        model = nn.Linear(784, 10)
        nn.init.zeros_(model.weight)
        nn.init.zeros_(model.bias)
        optimiser = torch.optim.SGD(
            model.parameters(), lr=LEARNING_RATE, weight_decay=2 * l2_reg_lambda
        )
        num_batches = len(X) // BATCH_SIZE
        history = []
        for step in range(num_steps):
            if step % num_batches == 0:
                order = torch.from_numpy(rng.permutation(len(X)))
                X_epoch, Y_epoch = X[order], Y[order]
            start = step % num_batches * BATCH_SIZE
            batch = slice(start, start + BATCH_SIZE)
            optimiser.zero_grad()
            loss = criterion(model(X_epoch[batch]), Y_epoch[batch])
            loss.backward()
            optimiser.step()
            loss.item()
            if step % (num_batches // VALIDATIONS_PER_EPOCH) == 0:
                history.append(validate(model))
        return history[-1][0]

    return work


def jax_compiled(split: utils.Split) -> Work:
    """JAX: a fifth of an epoch and the validation after it are one compiled scan."""
    import jax
    import jax.numpy as jnp

    X, X_val = (jnp.asarray(pre_process_images(images)) for images in (split.X_train, split.X_val))
    Y, Y_val = (jnp.asarray(Y[:, 0].astype(np.int32)) for Y in (split.Y_train, split.Y_val))
    num_batches = len(X) // BATCH_SIZE
    fifth = num_batches // VALIDATIONS_PER_EPOCH

    def loss(w: jax.Array, X: jax.Array, Y: jax.Array) -> jax.Array:
        log_outputs = jax.nn.log_softmax(X @ w)
        return -jnp.take_along_axis(log_outputs, Y[:, None], axis=1).mean()

    @jax.jit
    def train_and_validate(w: jax.Array, batches: jax.Array, l2: float) -> tuple[jax.Array, ...]:
        def step(w: jax.Array, batch: jax.Array) -> tuple[jax.Array, jax.Array]:
            value, grad = jax.value_and_grad(loss)(w, X[batch], Y[batch])
            return w - LEARNING_RATE * (grad + 2 * l2 * w), value

        w, losses = jax.lax.scan(step, w, batches)
        accuracies = (((A @ w).argmax(axis=1) == b).mean() for A, b in ((X, Y), (X_val, Y_val)))
        return w, losses, loss(w, X_val, Y_val), *accuracies

    def work(num_steps: int, l2_reg_lambda: float) -> float:
        rng = np.random.RandomState(SEED)
        w, val_loss = jnp.zeros((785, 10)), jnp.nan
        orders = [
            rng.permutation(len(X))[: num_batches * BATCH_SIZE]
            for _ in range(0, num_steps, num_batches)
        ]
        batches = np.concatenate(orders).reshape(-1, BATCH_SIZE)
        for start in range(0, num_steps - num_steps % fifth, fifth):  # one shape: one compilation
            scanned = batches[start : start + fifth]
            w, losses, val_loss, *_ = train_and_validate(w, scanned, l2_reg_lambda)
            np.asarray(losses)
        return float(val_loss)

    return work


def sgd_classifier(split: utils.Split) -> Work:
    """scikit-learn: ten logistic regressions, one example at a time, without any validation."""
    from sklearn.linear_model import SGDClassifier

    X, Y = pre_process_images(split.X_train)[:, :-1], split.Y_train[:, 0]
    model = SGDClassifier(
        loss="log_loss",
        alpha=0,
        learning_rate="constant",
        eta0=LEARNING_RATE / BATCH_SIZE,
        tol=None,
        random_state=SEED,
    )

    def work(num_steps: int, l2_reg_lambda: float) -> float:
        model.set_params(max_iter=num_steps * BATCH_SIZE // len(X) or 1)
        model.fit(X, Y)
        return float("nan")

    return work


def lower_bound(split: utils.Split, in_blocks: bool = False) -> Work:
    """The matrix products and the gather of the shuffled batches, and nothing else.

    in_blocks: gather a few batches at a time, as this project does, not the whole data set.
    """
    X, Y, X_val, _ = task3.prepare(split)
    w = np.full((785, 10), 0.01, dtype=np.float32)
    steps_per_validation = len(X) // BATCH_SIZE // VALIDATIONS_PER_EPOCH

    def batches(rng: np.random.RandomState) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        if in_blocks:
            yield from utils.batch_loader(X, Y, BATCH_SIZE, shuffle=True, rng=rng)
            return
        order = rng.permutation(len(X))
        X_epoch, Y_epoch = X.take(order, axis=0), Y.take(order, axis=0)
        for end in range(BATCH_SIZE, len(X) + 1, BATCH_SIZE):
            yield X_epoch[end - BATCH_SIZE : end], Y_epoch[end - BATCH_SIZE : end]

    @one_blas_thread
    def work(num_steps: int, l2_reg_lambda: float) -> float:
        rng = np.random.RandomState(SEED)
        step = 0
        while step < num_steps:
            for X_batch, Y_batch in batches(rng):
                X_batch @ w
                X_batch.T @ Y_batch
                if step % steps_per_validation == 0:
                    products(X, w)
                    products(X_val, w)
                step += 1
        return float("nan")

    return work


def products(X: np.ndarray, w: np.ndarray) -> None:
    """Multiply a whole data set by the weights, in the blocks of `utils.predict`."""
    utils.predict(cast(Model, SimpleNamespace(w=w, forward=lambda block: block @ w)), X)


CONTENDERS: dict[str, Contender] = {
    "this project": this_project,
    "this project, all BLAS threads": all_blas_threads,
    "plain float64 NumPy": plain,
    "PyTorch, eager": pytorch,
    "JAX, compiled": jax_compiled,
    "scikit-learn SGDClassifier": sgd_classifier,
    "lower bound": lower_bound,
    "lower bound, in blocks": partial(lower_bound, in_blocks=True),
}
PACKAGES = {  # that a contender needs
    "PyTorch, eager": "torch",
    "JAX, compiled": "jax",
    "scikit-learn SGDClassifier": "scikit-learn",
}


def versions() -> dict[str, str]:
    """Return {package: version} of NumPy and of the contenders' packages that are installed."""
    found = {distribution.name: distribution.version for distribution in distributions()}
    return {name: found[name] for name in ("numpy", *PACKAGES.values()) if name in found}


def installed() -> dict[str, Contender]:
    """Return the contenders whose package is installed."""
    found = versions()
    return {name: c for name, c in CONTENDERS.items() if PACKAGES.get(name, "numpy") in found}


# The race. Each contender has a process of its own, which finds these two functions by import:
# they cannot stand in __main__.py.

_work: Work


def _prepare(contender: Contender, split: utils.Split) -> None:
    global _work
    _work = contender(split)


def _take_turn(num_steps: int) -> tuple[float, float]:
    return seconds_of(_work, num_steps, 0.0)


class Times(NamedTuple):
    """The seconds of a contender, one a round, and its validation loss (nan: not comparable)."""

    seconds: list[float]
    val_loss: float = float("nan")


def race(
    split: utils.Split,
    rounds: int,
    contenders: Mapping[str, Contender] | None = None,
    num_steps: int | None = None,
) -> dict[str, Times]:
    """Let contenders do the same work in turn, so that a slow minute slows all of them.

    Each does the work once before the first round, so that compiling and warming up do not count.
    contenders: by default all that are installed. num_steps: of a turn, by default ten epochs.
    """
    contenders = contenders or installed()
    num_steps = num_steps or EPOCHS * (len(split.X_train) // BATCH_SIZE)
    context = multiprocessing.get_context("spawn")
    pools = {
        name: ProcessPoolExecutor(1, context, _prepare, (contender, split))
        for name, contender in contenders.items()
    }
    results = {
        name: Times([], pool.submit(_take_turn, num_steps).result()[1])
        for name, pool in pools.items()
    }
    for _ in range(rounds):
        for name, pool in pools.items():
            results[name].seconds.append(pool.submit(_take_turn, num_steps).result()[0])
    for pool in pools.values():
        pool.shutdown()
    return results


def seconds_of(work: Callable[..., Any], *arguments: Any) -> tuple[float, Any]:
    """Call a function; return the seconds it takes, and its result."""
    start = time.perf_counter()
    result = work(*arguments)
    return time.perf_counter() - start, result
