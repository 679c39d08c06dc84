"""The contenders: each does the same ten epochs of Task 3, one with other means than the next.

A contender is a function that takes the data set, prepares whatever it wants, and returns a
function that does the work and returns the validation loss after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

import utils
from benchmarks import plain_numpy
from task2a import pre_process_images
from task3 import BATCH_SIZE, LEARNING_RATE, SoftmaxTrainer, prepare
from task3a import SoftmaxModel

EPOCHS = 10
CHECKS_PER_EPOCH = 5
SEED = 0

Work = Callable[[], float]
Contender = Callable[[utils.Split], Work]
Batches = Iterator[tuple[np.ndarray, np.ndarray]]


def ours(split: utils.Split) -> Work:
    """This project: `task3.SoftmaxTrainer` as `task3.py` uses it, without early stopping."""
    data = prepare(split)

    def work() -> float:
        model, rng = SoftmaxModel(0), np.random.RandomState(SEED)
        trainer = SoftmaxTrainer(
            model, LEARNING_RATE, BATCH_SIZE, True, *data, patience=None, rng=rng
        )
        _, val_history = trainer.train(EPOCHS)
        return list(val_history["loss"].values())[-1]

    return work


def plain(split: utils.Split) -> Work:
    """A float64 loop as a careful student writes it by the assignment: see `plain_numpy`."""
    data = plain_numpy.prepare(*split)

    def work() -> float:
        num_steps = EPOCHS * (len(split.X_train) // BATCH_SIZE)
        return plain_numpy.train(*data, num_steps=num_steps, seed=SEED)[-1][0]

    return work


def floor(split: utils.Split) -> Work:
    """The bare floor: the matrix products and one gather an epoch, and nothing else."""

    def batches(X: np.ndarray, Y: np.ndarray, rng: np.random.RandomState) -> Batches:
        order = rng.permutation(len(X))
        return utils.batch_loader(X.take(order, axis=0), Y.take(order, axis=0), BATCH_SIZE)

    return _bare(split, batches)


def floor_in_blocks(split: utils.Split) -> Work:
    """The same, but gathered a few batches at a time, as this project does: a lower floor."""
    return _bare(split, lambda X, Y, rng: utils.batch_loader(X, Y, BATCH_SIZE, True, rng=rng))


def _bare(
    split: utils.Split,
    batches: Callable[[np.ndarray, np.ndarray, np.random.RandomState], Batches],
) -> Work:
    X, targets, X_v, _ = prepare(split)
    w = np.full((785, 10), 0.01, dtype=np.float32)

    def work() -> float:
        rng = np.random.RandomState(SEED)
        steps_per_check = len(X) // BATCH_SIZE // CHECKS_PER_EPOCH
        step = 0
        for _ in range(EPOCHS):
            for X_batch, Y_batch in batches(X, targets, rng):
                X_batch @ w
                X_batch.T @ Y_batch
                if step % steps_per_check == 0:
                    products(X, w)
                    products(X_v, w)
                step += 1
        return float("nan")

    return work


def products(X: np.ndarray, w: np.ndarray) -> None:
    """Multiply a whole data set by the weights, in the blocks of `utils.predict`."""
    for start in range(0, len(X), utils.BLOCK):
        X[start : start + utils.BLOCK] @ w


def torch_eager(split: utils.Split) -> Work:
    """PyTorch, eager, on the CPU: a linear layer, its cross-entropy loss and SGD."""
    import torch
    from torch import nn

    def images(X: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(X).float() / 127.5 - 1

    def labels(Y: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(Y[:, 0]).long()

    X, Y, X_v, Y_v = (f(array) for f, array in zip((images, labels) * 2, split, strict=True))
    criterion = nn.CrossEntropyLoss()

    @torch.no_grad()
    def evaluate(model: nn.Module) -> tuple[float, float, float]:
        logits = model(X_v)
        return (
            float(criterion(logits, Y_v)),
            float((model(X).argmax(dim=1) == Y).float().mean()),
            float((logits.argmax(dim=1) == Y_v).float().mean()),
        )

    def work() -> float:
        rng = np.random.RandomState(SEED)
        model = nn.Linear(784, 10)
        nn.init.zeros_(model.weight)
        nn.init.zeros_(model.bias)
        optimiser = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
        num_batches = len(X) // BATCH_SIZE
        step, history = 0, []
        for _ in range(EPOCHS):
            order = torch.from_numpy(rng.permutation(len(X)))
            X_epoch, Y_epoch = X[order], Y[order]
            for start in range(0, num_batches * BATCH_SIZE, BATCH_SIZE):
                optimiser.zero_grad()
                batch = slice(start, start + BATCH_SIZE)
                loss = criterion(model(X_epoch[batch]), Y_epoch[batch])
                loss.backward()
                optimiser.step()
                loss.item()
                if step % (num_batches // CHECKS_PER_EPOCH) == 0:
                    history.append(evaluate(model))
                step += 1
        return history[-1][0]

    return work


def jax_compiled(split: utils.Split) -> Work:
    """JAX: each fifth of an epoch, its steps and the check after them, is one compiled scan."""
    import jax
    import jax.numpy as jnp

    X_train, Y_train, X_val, Y_val = split
    X, X_v = jnp.asarray(pre_process_images(X_train)), jnp.asarray(pre_process_images(X_val))
    Y, Y_v = jnp.asarray(Y_train[:, 0].astype(np.int32)), jnp.asarray(Y_val[:, 0].astype(np.int32))
    num_batches = len(X_train) // BATCH_SIZE
    fifth = num_batches // CHECKS_PER_EPOCH

    def loss(w: jax.Array, X: jax.Array, Y: jax.Array) -> jax.Array:
        log_outputs = jax.nn.log_softmax(X @ w)
        return -jnp.take_along_axis(log_outputs, Y[:, None], axis=1).mean()

    def step(w: jax.Array, batch: jax.Array) -> tuple[jax.Array, jax.Array]:
        value, grad = jax.value_and_grad(loss)(w, X[batch], Y[batch])
        return w - LEARNING_RATE * grad, value

    @jax.jit
    def steps_and_check(w: jax.Array, batches: jax.Array) -> tuple[jax.Array, ...]:
        w, losses = jax.lax.scan(step, w, batches)
        accuracies = ((A @ w).argmax(axis=1) == b for A, b in ((X, Y), (X_v, Y_v)))
        return w, losses, loss(w, X_v, Y_v), *(hits.mean() for hits in accuracies)

    def work() -> float:
        rng = np.random.RandomState(SEED)
        w = jnp.zeros((785, 10))
        val_loss = jnp.nan
        used = num_batches * BATCH_SIZE
        orders = [rng.permutation(len(X_train))[:used] for _ in range(EPOCHS)]
        batches = np.concatenate(orders).reshape(-1, BATCH_SIZE)
        for start in range(0, len(batches), fifth):
            w, losses, val_loss, *_ = steps_and_check(w, batches[start : start + fifth])
            np.asarray(losses)
        return float(val_loss)

    return work


def sgd_classifier(split: utils.Split) -> Work:
    """scikit-learn: SGDClassifier, ten passes one example at a time, without any evaluation.

    It trains ten separate logistic regressions, so its loss is not comparable.
    """
    from sklearn.linear_model import SGDClassifier

    X, Y = pre_process_images(split.X_train)[:, :-1], split.Y_train[:, 0]

    def work() -> float:
        model = SGDClassifier(
            loss="log_loss",
            alpha=0,
            learning_rate="constant",
            eta0=LEARNING_RATE / BATCH_SIZE,
            max_iter=EPOCHS,
            tol=None,
            random_state=SEED,
        )
        model.fit(X, Y)
        return float("nan")

    return work


CONTENDERS: dict[str, Contender] = {
    "this project": ours,
    "plain float64 NumPy": plain,
    "PyTorch, eager": torch_eager,
    "JAX, compiled": jax_compiled,
    "scikit-learn SGDClassifier": sgd_classifier,
    "bare floor": floor,
    "bare floor, in blocks": floor_in_blocks,
}
REQUIRES = dict.fromkeys(CONTENDERS, ()) | {
    "PyTorch, eager": ("torch",),
    "JAX, compiled": ("jax",),
    "scikit-learn SGDClassifier": ("sklearn",),
}
