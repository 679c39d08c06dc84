"""The homework's questions on the penalty, the learning rate and the gradients of deep networks."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np

import digits
import task3
import utils
from lab import figures
from lab.jobs import train_all
from reproduce.claims import CHANCE, Claim, Method, by_setting
from reproduce.measures import decreasing
from reproduce.protocols import TRAINING, VALIDATION, Descent, Protocol, Series
from task2a import pre_process_images
from task3a import one_hot_encode

LAMBDAS = (0, 0.001, 0.1, 1)
RATES = (0.0001, 0.01, 0.03, 1)  # too small, the assignment's, larger, too large
EPOCHS = 5
DEPTH, WIDTH, IMAGES = 10, 30, 1000
SHALLOW, DEEP = Method("A", assumed=True), Method("B", assumed=True)


class Activation(NamedTuple):
    """An activation function, its derivative, and the variance of the weights times n."""

    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]
    gain: float = 1.0


def sigmoid(z: np.ndarray) -> np.ndarray:
    """Compute 1 / (1 + exp(-z)), through tanh, which cannot overflow."""
    return (1 + np.tanh(z / 2)) / 2


SIGMOID = "sigmoid, derivative at most 1/4"
LARGE_WEIGHTS = "sigmoid, weights 30 times as large"
STEEP = "tanh(4z), derivative at most 4"
RELU = "ReLU, derivative 0 or 1"
ACTIVATIONS: Mapping[str, Activation] = {
    SIGMOID: Activation(sigmoid, lambda z: sigmoid(z) * sigmoid(-z)),
    LARGE_WEIGHTS: Activation(sigmoid, lambda z: sigmoid(z) * sigmoid(-z), gain=900),
    STEEP: Activation(lambda z: np.tanh(4 * z), lambda z: 4 - 4 * np.tanh(4 * z) ** 2),
    RELU: Activation(lambda z: np.maximum(z, 0), lambda z: (z > 0).astype(z.dtype), gain=2),
}


def run(data: digits.Digits, seeds: Sequence[int] = ()) -> tuple[list[Claim], figures.Figures]:
    """Try too large and too small a lambda and learning rate; follow gradients through layers."""
    images = utils.load_full_mnist(data)
    X, Y = pre_process_images(images.X_train), one_hot_encode(images.Y_train, 10)
    X_val, Y_val = pre_process_images(images.X_val), one_hot_encode(images.Y_val, 10)
    sets = {TRAINING: (X, Y), VALIDATION: (X_val, Y_val)}
    per_epoch = len(X) // task3.BATCH_SIZE
    base = {"steps": EPOCHS * per_epoch, "batch_size": task3.BATCH_SIZE, "every": per_epoch // 5}
    settings = {("λ", value): Protocol(0.01, l2=value, **base) for value in LAMBDAS}
    settings |= {("η", value): Protocol(value, **base) for value in RATES}
    trainings = train_all({name: partial(one.train, sets) for name, one in settings.items()})
    by_lambda = {value: trainings["λ", value] for value in LAMBDAS}
    by_rate = {value: trainings["η", value] for value in RATES}
    examples = X[:IMAGES, :-1].astype(np.float64), Y[:IMAGES]
    errors = {
        name: layer_errors(random_weights(one, np.random.default_rng(0)), one, *examples)
        for name, one in ACTIVATIONS.items()
    }
    norms = {
        name: {layer: float(np.linalg.norm(one)) for layer, one in enumerate(deltas, 1)}
        for name, deltas in errors.items()
    }
    claims = [*_penalty(by_lambda), *_learning_rate(by_rate), *_depth(norms)]
    return claims, _figures(by_lambda, by_rate, norms, data.name)


def random_weights(activation: Activation, rng: np.random.Generator) -> list[np.ndarray]:
    """Draw the weights of each layer, (784, WIDTH), then (WIDTH, WIDTH), and (WIDTH, 10) last."""
    sizes = [784, *[WIDTH] * DEPTH, 10]
    return [rng.normal(scale=np.sqrt(activation.gain / n), size=(n, m)) for n, m in pairwise(sizes)]


def layer_errors(
    weights: Sequence[np.ndarray], activation: Activation, X: np.ndarray, Y: np.ndarray
) -> list[np.ndarray]:
    """Compute delta = dC/dz of each layer, for the mean cross-entropy C of a softmax output.

    From a layer to the one below, delta is multiplied by w f'(z). X: inputs (N, I). Y: one-hot
    targets (N, K).
    """
    logits = [X @ weights[0]]
    for w in weights[1:]:
        logits.append(activation.function(logits[-1]) @ w)
    e = np.exp(logits[-1] - logits[-1].max(axis=1, keepdims=True))
    deltas = [(e / e.sum(axis=1, keepdims=True) - Y) / len(X)]
    for w, z in zip(weights[:0:-1], logits[-2::-1], strict=True):
        deltas.append(deltas[-1] @ w.T * activation.derivative(z))
    return deltas[::-1]


def settled(losses: Series) -> int:
    """Find the first step from which a loss is within 5 % of its whole change of its last value."""
    values = list(losses.values())
    near = 0.05 * abs(values[0] - values[-1])
    return next(
        step
        for i, step in enumerate(losses)
        if all(abs(value - values[-1]) <= near for value in values[i:])
    )


def _penalty(trainings: Mapping[float, Descent]) -> list[Claim]:
    norms = {value: one.norm[max(one.norm)] for value, one in trainings.items()}
    losses = {value: one.last("loss", TRAINING) for value, one in trainings.items()}
    accuracy = {value: one.last("accuracy", VALIDATION) for value, one in trainings.items()}
    steps = {value: settled(one.loss[TRAINING]) for value, one in trainings.items()}
    smallest = min(trainings)
    claim = partial(Claim, "2.1", SHALLOW)
    return [
        claim(
            "a large lambda helps to have small weights",
            by_setting(norms, ".3g"),
            decreasing(norms),
            "squared length for each lambda: decreasing",
        ),
        claim(
            "a large lambda may slow down learning too much",
            by_setting(steps, "d"),
            steps[max(steps)] > steps[smallest],
            "steps until the training loss stays within 5 % of its fall: more for the largest "
            "lambda than for 0",
            note=1,
        ),
        claim(
            "with a small lambda the original cost function is minimised more",
            by_setting(losses, ".4f"),
            all(losses[a] < losses[b] for a, b in pairwise(sorted(losses))),
            "final training loss for each lambda: increasing",
        ),
        claim(
            "with a small lambda accuracy might suffer, and more overfitting could occur",
            by_setting(accuracy, ".4f"),
            max(accuracy.values()) > accuracy[smallest] + CHANCE,
            f"validation accuracy: for some lambda above that for 0 by more than {CHANCE}",
            note=2,
        ),
    ]


def _learning_rate(trainings: Mapping[float, Descent]) -> list[Claim]:
    curves = {value: list(one.loss[TRAINING].values()) for value, one in trainings.items()}
    first = {value: curve[5] for value, curve in curves.items()}
    rises = {value: sum(b > a for a, b in pairwise(curve)) for value, curve in curves.items()}
    small, middle, larger, largest = RATES
    claim = partial(Claim, "2.1", SHALLOW)
    return [
        claim(
            "too small a learning rate slows down learning",
            by_setting(first, ".4f"),
            first[small] > first[middle],
            "training loss after one epoch for each learning rate: higher for the smallest than "
            "for 0.01",
        ),
        claim(
            "a large learning rate speeds up gradient descent",
            by_setting(first, ".4f"),
            first[larger] < first[middle],
            f"training loss after one epoch: lower for {larger:g} than for {middle:g}",
        ),
        claim(
            "with too large a learning rate the cost function bounces around",
            f"{by_setting(rises, 'd')} of {len(curves[largest]) - 1}",
            rises[largest] > rises[middle],
            "rises of the training loss from one evaluation to the next: more for the largest than "
            "for 0.01",
        ),
    ]


def _depth(norms: Mapping[str, Series]) -> list[Claim]:
    factor = {
        name: (series[1] / series[DEPTH]) ** (1 / (DEPTH - 1)) for name, series in norms.items()
    }
    shown = {name: f"{factor[name]:.3g} a layer" for name in norms}
    criterion = "factor of the norm of dC/dz from a hidden layer to the one below, on average: "
    claim = partial(Claim, "2.2", DEEP)
    return [
        claim(
            "with sigmoid layers, of derivative at most 1/4, the gradient vanishes",
            f"{shown[SIGMOID]}; with weights 30 times as large {shown[LARGE_WEIGHTS]}",
            factor[SIGMOID] < 0.8,
            criterion + "below 4/5",
            note=3,
        ),
        claim(
            "with an activation of a much larger derivative the gradient explodes",
            shown[STEEP],
            factor[STEEP] > 1.25,
            criterion + "above 5/4",
        ),
        claim(
            "an activation with a derivative near 1 may help",
            shown[RELU],
            0.8 < factor[RELU] < 1.25,
            criterion + "between 4/5 and 5/4",
        ),
    ]


def _figures(
    by_lambda: Mapping[float, Descent],
    by_rate: Mapping[float, Descent],
    norms: Mapping[str, Series],
    data_name: str,
) -> figures.Figures:
    drawn = {
        f"homework_{file}.png": figures.plot_curves(
            {f"{symbol} = {value:g}": one.loss[TRAINING] for value, one in trainings.items()},
            f"CS 6685, question 2.1: {what} ({data_name})",
            "Training loss",
            (0.2, 2.4),
        )
        for file, what, symbol, trainings in (
            ("lambdas", "the penalty", "λ", by_lambda),
            ("rates", "the learning rate", "η", by_rate),
        )
    }
    fig, ax = figures.new(
        f"CS 6685, question 2.2: gradients in a network of {DEPTH} hidden layers ({data_name})",
        "layer, from the input (1) to the output",
        "norm of dC/dz",
    )
    for name, series in norms.items():
        ax.plot(list(series), list(series.values()), marker="o", label=name)
    ax.set(yscale="log", xticks=list(series))
    ax.legend()
    return drawn | {"homework_gradients.png": fig}
