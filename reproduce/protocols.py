"""Gradient descent by the settings of a document, and what its figures and tables show."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice, pairwise

import numpy as np

import task2
import task2a
import task3
import task3a
from digits import Digits
from lab.protocols import Model
from utils import batch_loader, binary_prune_dataset, load_full_mnist, predict

SEEDS = range(10)  # over which the range of a number is taken, by default

Sets = Mapping[str, tuple[np.ndarray, np.ndarray]]  # {name: (X, Y)}
Series = dict[int, float]  # {number of steps taken: value}
TRAINING, VALIDATION, TEST = "Training", "Validation", "Test"


@dataclass(frozen=True)
class Descent:
    """What gradient descent passes through; `loss` and `accuracy` have the sets as keys."""

    model: Model
    loss: dict[str, Series] = field(default_factory=dict)
    accuracy: dict[str, Series] = field(default_factory=dict)
    norm: Series = field(default_factory=dict)  # ||w||^2

    def last(self, quantity: str, name: str, step: float = np.inf) -> float:
        """Return the last "loss" or "accuracy" on a set, of those up to a step."""
        series: Series = getattr(self, quantity)[name]
        return series[max(t for t in series if t <= step)]


@dataclass(frozen=True)
class Protocol:
    """The settings of gradient descent on J(w) = cost_scale C(w) + l2 ||w||^2, from zero weights.

    Attributes:
        learning_rate: eta, of the first step.
        steps: how many; the last weights are kept.
        batch_size: examples per step, always in the same order; None for all of them.
        l2: the factor of ||w||^2; half of lambda where a document's R is half of it.
        cost_scale: the factor of C, 1 / K in the notebook of 2020.
        decay: k of the annealed learning rate eta / (1 + k t) of step t.
        every: steps from one evaluation to the next.
    """

    learning_rate: float
    steps: int
    batch_size: int | None = None
    l2: float = 0.0
    cost_scale: float = 1.0
    decay: float = 0.0
    every: int = 20

    def train(self, sets: Sets) -> Descent:
        """Train on the set `TRAINING`, inputs (N, I) and targets (N, K), in the inputs' dtype.

        One output makes it logistic regression, several softmax regression. The evaluations, of
        all sets, start with the zero weights.
        """
        sets = {name: (np.array(X), Y) for name, (X, Y) in sets.items()}  # no memory map: faster
        X, Y = sets[TRAINING]
        model: Model = task2a.BinaryModel() if Y.shape[1] == 1 else task3a.SoftmaxModel(0)
        model.w = np.zeros((X.shape[1], Y.shape[1]), X.dtype)
        descent = Descent(model)
        evaluate(descent, sets, 0)
        for t, (X_batch, Y_batch) in enumerate(islice(self._batches(X, Y), self.steps)):
            model.backward(X_batch, model.forward(X_batch), Y_batch)
            rate = self.learning_rate / (1 + self.decay * t)
            model.w -= rate * (self.cost_scale * model.grad + 2 * self.l2 * model.w)
            if (t + 1) % self.every == 0 or t + 1 == self.steps:
                evaluate(descent, sets, t + 1)
        return descent

    def _batches(self, X: np.ndarray, Y: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        while True:
            yield from batch_loader(X, Y, self.batch_size) if self.batch_size else [(X, Y)]


def evaluate(descent: Descent, sets: Sets, step: int) -> None:
    """Add the losses and accuracies on all sets, and ||w||^2, to a descent."""
    for name, (X, Y) in sets.items():
        task, pieces = (task2, task2a) if Y.shape[1] == 1 else (task3, task3a)
        outputs = predict(descent.model, X)
        descent.loss.setdefault(name, {})[step] = pieces.cross_entropy_loss(Y, outputs)
        descent.accuracy.setdefault(name, {})[step] = task.accuracy(Y, outputs)
    descent.norm[step] = float(np.sum(descent.model.w**2))


def consecutive_rises(losses: Mapping[int, float], count: int) -> int | None:
    """Find the step of the last of the first `count` consecutive rises of {step: loss}, if any."""
    rises = 0
    for (_, before), (step, after) in pairwise(losses.items()):
        rises = rises + 1 if after > before else 0
        if rises == count:
            return step
    return None


def unit_range(images: np.ndarray, bias: bool = True) -> np.ndarray:
    """Scale pixels (N, 784) from [0, 255] to [0, 1]; with the bias input 1 in front (N, 785)."""
    return np.pad(images / 255, ((0, 0), (int(bias), 0)), constant_values=1)


def older_sets(data: Digits) -> Sets:
    """Take the first 20,000 training images and the last fifth of the test images, with labels.

    The documents of 2019 and 2020 divide the first into a training and a validation set.
    """
    X, Y, X_test, Y_test = load_full_mnist(data)
    fifth = len(X_test) // 5
    return {TRAINING: (X, Y), TEST: (X_test[-fifth:], Y_test[-fifth:])}


def two_classes(class1: int, class2: int, sets: Sets) -> Sets:
    """Keep the images of two classes in each set, with targets 1 and 0."""
    return {name: binary_prune_dataset(class1, class2, *one) for name, one in sets.items()}
