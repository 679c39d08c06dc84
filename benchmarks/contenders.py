"""The contenders: ten epochs of Task 3, validated five times an epoch, in several packages.

A contender is a function that prepares what it needs of the data set and returns a function that
trains for a number of steps with a lambda and returns the last validation loss, nan where it
trains nothing or another model.
"""

import platform
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.metadata import distributions
from unittest.mock import patch

import numpy as np
from threadpoolctl import threadpool_limits

import utils
from benchmarks import plain_numpy
from benchmarks.measuring import Times, Turn, race
from task2a import pre_process_images
from task3 import BATCH_SIZE, LEARNING_RATE, SoftmaxTrainer
from task3a import SoftmaxModel, one_hot_encode

EPOCHS = 10
VALIDATIONS_PER_EPOCH = 5
SEED = 0

Train = Callable[[int, float], float]
Contender = Callable[[utils.Split], Train]


def inputs(split: utils.Split) -> utils.Split:
    """Pre-process the images and one-hot encode the labels."""
    X_train, Y_train, X_val, Y_val = split
    return utils.Split(
        pre_process_images(X_train),
        one_hot_encode(Y_train, 10),
        pre_process_images(X_val),
        one_hot_encode(Y_val, 10),
    )


def this_project(
    split: utils.Split, threads: int | None = 1, small_product: int = utils.SMALL_PRODUCT
) -> Train:
    """The training of `task3.py`, without early stopping.

    threads: of BLAS; None for as many as the environment says. small_product: as in `utils`.
    """
    data = inputs(split)

    @threadpool_limits.wrap(limits=threads, user_api="blas")
    def train(num_steps: int, l2_reg_lambda: float) -> float:
        model, rng = SoftmaxModel(l2_reg_lambda), np.random.RandomState(SEED)
        trainer = SoftmaxTrainer(model, LEARNING_RATE, BATCH_SIZE, True, *data, rng=rng)
        trainer.patience = None
        num_epochs = num_steps // (len(data.X_train) // BATCH_SIZE)
        with patch.object(utils, "SMALL_PRODUCT", small_product):
            _, val_history = trainer.train(num_epochs)
        return list(val_history["loss"].values())[-1]

    return train


def plain(split: utils.Split) -> Train:
    """The float64 loop of `plain_numpy`."""
    data = plain_numpy.prepare(split)
    return lambda num_steps, l2: plain_numpy.train(data, num_steps, l2)[-1][0]


def pytorch(split: utils.Split) -> Train:
    """PyTorch, eager, on the CPU: a linear layer, its cross-entropy loss and SGD."""
    import torch
    from torch import nn

    X, X_val = (
        torch.from_numpy(images).float() / 127.5 - 1 for images in (split.X_train, split.X_val)
    )
    Y, Y_val = (torch.from_numpy(Y[:, 0]).long() for Y in (split.Y_train, split.Y_val))
    criterion = nn.CrossEntropyLoss()

    @torch.no_grad()
    def validate(model: nn.Module) -> tuple[float, float, float]:
        logits = model(X_val)
        return (
            float(criterion(logits, Y_val)),
            float((model(X).argmax(dim=1) == Y).float().mean()),
            float((logits.argmax(dim=1) == Y_val).float().mean()),
        )

    def train(num_steps: int, l2_reg_lambda: float) -> float:
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

    return train


def jax_compiled(split: utils.Split) -> Train:
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

    def train(num_steps: int, l2_reg_lambda: float) -> float:
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

    return train


def sgd_classifier(split: utils.Split) -> Train:
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

    def train(num_steps: int, l2_reg_lambda: float) -> float:
        model.set_params(max_iter=num_steps * BATCH_SIZE // len(X) or 1)
        model.fit(X, Y)
        return float("nan")

    return train


def lower_bound(split: utils.Split) -> Train:
    """The matrix products and the gathering of the shuffled batches, and nothing else."""
    X, Y, X_val, _ = inputs(split)
    w = np.full((785, 10), 0.01, dtype=np.float32)
    num_batches = len(X) // BATCH_SIZE
    rows = utils.SMALL_PRODUCT // w.size

    @threadpool_limits.wrap(limits=1, user_api="blas")
    def train(num_steps: int, l2_reg_lambda: float) -> float:
        rng = np.random.RandomState(SEED)
        for step in range(num_steps):
            if step % num_batches == 0:
                order = rng.permutation(len(X))
            start = step % num_batches * BATCH_SIZE
            batch = order[start : start + BATCH_SIZE]
            X_batch, Y_batch = X[batch], Y[batch]
            X_batch @ w
            X_batch.T @ Y_batch
            if step % (num_batches // VALIDATIONS_PER_EPOCH) == 0:
                for array in (X, X_val):
                    for start in range(0, len(array), rows):
                        array[start : start + rows] @ w
        return float("nan")

    return train


US, UNLIMITED, LOWER_BOUND = "this project", "this project, all BLAS threads", "lower bound"
PLAIN, TORCH, JAX = "plain float64 NumPy", "PyTorch, eager", "JAX, compiled"
SKLEARN = "scikit-learn SGDClassifier"

CONTENDERS: dict[str, Contender] = {
    US: this_project,
    # several threads pay only for larger products: blocks of 2,048 examples
    UNLIMITED: partial(this_project, threads=None, small_product=2048 * 7850),
    PLAIN: plain,
    TORCH: pytorch,
    JAX: jax_compiled,
    SKLEARN: sgd_classifier,
    LOWER_BOUND: lower_bound,
}
PACKAGES = {TORCH: "torch", JAX: "jax", SKLEARN: "scikit-learn"}  # that a contender needs


def versions() -> dict[str, str]:
    """Return {name: version} of Python, NumPy and those of `PACKAGES` that are installed."""
    found = {distribution.name: distribution.version for distribution in distributions()}
    here = {name: found[name] for name in ("numpy", *PACKAGES.values()) if name in found}
    return {"Python": platform.python_version()} | here


def ten_epochs(split: utils.Split, names: Iterable[str], rounds: int) -> dict[str, Times]:
    """Let the contenders of these names train for ten epochs without a penalty."""
    num_steps = EPOCHS * (len(split.X_train) // BATCH_SIZE)
    return race(entries(split, names, [(num_steps, 0)]), rounds)


def entries(
    split: utils.Split, names: Iterable[str], trainings: Sequence[tuple[int, float]]
) -> dict[str, Callable[[], Turn]]:
    """Return {name: what `race` takes} of contenders whose package is installed.

    trainings: the steps and the lambda of each training of a turn.
    """
    found = versions()
    return {
        name: partial(_prepare, CONTENDERS[name], split, trainings)
        for name in names
        if PACKAGES.get(name, "numpy") in found
    }


def _prepare(
    contender: Contender, split: utils.Split, trainings: Sequence[tuple[int, float]]
) -> Turn:
    train = contender(split)
    return lambda: [train(*training) for training in trainings][-1]
