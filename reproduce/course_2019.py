"""The report of 2019: full batches, learning rates and their annealing, R half the squared norm."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

import digits
from lab import figures
from lab.jobs import train_all
from reproduce.claims import Claim, Method, by_setting, number, within
from reproduce.measures import own_mean_is_most_alike
from reproduce.protocols import (
    TEST,
    TRAINING,
    VALIDATION,
    Descent,
    Protocol,
    Series,
    Sets,
    consecutive_rises,
    older_sets,
    two_classes,
    unit_range,
)
from task3a import one_hot_encode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

K = 10
RATES = (0.01, 0.001, 0.0001)  # of its figure 2.1
LARGER_RATES = (0.05, 0.1, 1)
NORMS = {0.01: "3.43", 0.001: "3.96", 0.0001: "4.02"}  # {lambda: squared length in its figure 2.4}
DECAY, SOFTMAX_DECAY = 1e-4, 1e-3
CONSTANT, ANNEALED = "learning rate 0.01", f"learning rate 0.01 / (1 + {DECAY:g} t)"
BINARY = Protocol(0.01, 10_000, every=100)
REGULARISED = Protocol(0.01, 2000)
SOFTMAX = Protocol(0.01, 2000, l2=1e-7 / 2, every=50)
SOFTMAX_L2 = Protocol(0.01, 10, l2=0.01 / 2, every=1)

TWO_DIGITS = Method("A")
TWO_DIGITS_ANNEALED = Method("B", assumed=True)
TWO_DIGITS_L2 = Method("C", assumed=True)
TEN_DIGITS = Method("D", assumed=True)
TEN_DIGITS_TEXT = Method("E")
TEN_DIGITS_ANNEALED = Method("F", assumed=True)
TEN_DIGITS_L2 = Method("G")


def run(data: digits.Digits, seeds: Sequence[int] = ()) -> tuple[list[Claim], figures.Figures]:
    """Repeat the experiments of the report, which shuffles nothing, and draw its figures."""
    ten = divide(older_sets(data))
    pairs = two_classes(2, 3, ten)
    two, raw = _inputs(pairs, unit_range), _inputs(pairs, raw_pixels)
    all_ten = softmax_sets(ten)
    by_rate = {f"learning rate {rate:g}": replace(BINARY, learning_rate=rate) for rate in RATES}
    by_rate[ANNEALED] = replace(BINARY, decay=DECAY)
    protocols = {
        "softmax": (SOFTMAX, all_ten),
        "softmax annealed": (replace(SOFTMAX, steps=1000, decay=SOFTMAX_DECAY), all_ten),
        "softmax penalised": (SOFTMAX_L2, all_ten),
        **{name: (one, two) for name, one in by_rate.items()},
        **{f"l2 {value}": (replace(REGULARISED, l2=value / 2), two) for value in NORMS},
        **{f"rate {rate}": (Protocol(rate, 4000, every=4000), two) for rate in LARGER_RATES},
        "raw": (Protocol(1e-6, 2000, every=10), raw),
        "raw, one step": (Protocol(0.01, 1), raw),
    }
    trainings = train_all({name: partial(one.train, X) for name, (one, X) in protocols.items()})
    rates = {name: trainings[name] for name in by_rate}
    softmax = trainings["softmax"]
    saturated = {rate: saturated_outputs(trainings[f"rate {rate}"], two) for rate in LARGER_RATES}
    penalised = {value: trainings[f"l2 {value}"] for value in NORMS}
    claims = [
        _largest_rate(saturated, saturated_outputs(trainings["raw, one step"], raw), two),
        *_logistic(rates[CONSTANT], rates[ANNEALED], trainings["raw"], pairs),
        *_regularised(penalised),
        *_softmax(softmax, trainings["softmax annealed"], ten),
        _stopping(trainings["softmax penalised"], ten),
    ]
    return claims, _figures(rates, penalised, softmax, ten, data.name)


def divide(sets: Sets) -> Sets:
    """Let the first tenth of the training images validate and the others train."""
    X, Y = sets[TRAINING]
    tenth = len(X) // 10
    return {TRAINING: (X[tenth:], Y[tenth:]), VALIDATION: (X[:tenth], Y[:tenth]), TEST: sets[TEST]}


def softmax_sets(sets: Sets) -> Sets:
    """Return inputs (N, 784), without a bias, and one-hot targets (N, K)."""
    one_hot = {name: (X, one_hot_encode(labels, K)) for name, (X, labels) in sets.items()}
    return _inputs(one_hot, partial(unit_range, bias=False))


def raw_pixels(images: np.ndarray) -> np.ndarray:
    """Put the bias input 1 in front of pixels in [0, 255]."""
    return np.pad(images.astype(np.float32), ((0, 0), (1, 0)), constant_values=1)


def saturated_outputs(training: Descent, sets: Sets) -> int:
    """Count the training outputs 1 / (1 + exp(-z)) that are exactly 0 or 1 in float64."""
    logits = (sets[TRAINING][0] @ training.model.w).astype(np.float64)
    with np.errstate(over="ignore"):
        outputs = 1 / (1 + np.exp(-logits))
    return int(np.sum((outputs == 0) | (outputs == 1)))


def printed_cost(training: Descent, num_examples: int, l2: float) -> Series:
    """Compute the cost by which the report stops: C / (N K) + l2 ||w||^2, after each iteration."""
    losses = training.loss[VALIDATION]
    return {t: loss / (num_examples * K) + l2 * training.norm[t] for t, loss in losses.items() if t}


def _inputs(sets: Sets, inputs: Callable[..., np.ndarray]) -> Sets:
    return {name: (inputs(X).astype(np.float32), Y) for name, (X, Y) in sets.items()}


def _largest_rate(saturated: Mapping[float, int], raw: int, sets: Sets) -> Claim:
    return Claim(
        "2.1",
        TWO_DIGITS,
        "0.01 is the largest learning rate without overflows in the logarithms",
        by_setting(saturated, "d"),
        all(saturated.values()),
        "training outputs that are exactly 0 or 1 in float64 after 4,000 iterations, for three "
        "larger learning rates: some for each",
        note=1,
        measured=f"on raw pixels {raw:,} of {len(sets[TRAINING][0]):,} outputs are exactly 0 or 1 "
        "after one step with rate 0.01",
    )


def _logistic(binary: Descent, annealed: Descent, raw: Descent, pairs: Sets) -> list[Claim]:
    gain = min(binary.loss[VALIDATION].values()) - min(annealed.loss[VALIDATION].values())
    fifth, end = (
        binary.last("accuracy", VALIDATION, step) for step in (BINARY.steps // 5, BINARY.steps)
    )
    images = len(pairs[TEST][0])
    printed = round(0.9877 * images)
    on_raw = (t for t, value in raw.accuracy[TEST].items() if round(images * value) == printed)
    first = next((f"first at iteration {t:,}" for t in on_raw), "never")
    right = [round(images * value) for value in binary.accuracy[TEST].values()]
    counts = (
        f"{right[-1]} of {images} images are right at the end, {max(right)} at most before; "
        f"{printed} on raw pixels with learning rate 1e-6 {first}"
    )
    losses = {name: binary.last("loss", name) for name in binary.loss}
    spread = max(losses.values()) - min(losses.values())
    fall = max(np.log(2) - loss for loss in losses.values())
    test, val = (binary.last("accuracy", name) for name in (TEST, VALIDATION))
    error = (
        sum(
            accuracy * (1 - accuracy) / len(pairs[name][0])
            for name, accuracy in ((TEST, test), (VALIDATION, val))
        )
        ** 0.5
    )
    costs = binary.loss[VALIDATION]
    stop, lowest = consecutive_rises(costs, 3), min(costs, key=costs.__getitem__)
    claim = partial(Claim, "2.1", TWO_DIGITS)
    return [
        Claim(
            "2.1",
            TWO_DIGITS_ANNEALED,
            "little to no improvement by annealing alpha / (1 + k t)",
            f"{gain:+.4f}, of {min(binary.loss[VALIDATION].values()):.4f}",
            gain < 0.005,
            "decrease of the least validation loss by annealing: below 0.005",
        ),
        claim(
            "the cost is approximately the same for all sets (figure 2.2)",
            ", ".join(f"{loss:.4f} ({name.lower()})" for name, loss in losses.items()),
            bool(spread < 0.1 * fall),
            "largest difference of the final costs: below a tenth of the fall from ln 2",
        ),
        claim(
            "the percentage classified correctly flattens out quickly on the validation set",
            f"{fifth:.4f} and {end:.4f}",
            abs(fifth - end) < 0.01,
            "validation accuracy after a fifth of the iterations and at the end: less than 0.01 "
            "apart",
        ),
        number("2.1", TWO_DIGITS, "test accuracy", "98.77 %", test, note=2, measured=counts),
        claim(
            "a higher score on the test set than on the validation set",
            f"{test:.4f} on the test set, {val:.4f} on the validation set",
            test > val,
            "accuracy on both sets: higher on the test set",
        ),
        claim(
            "sampling bias may explain it",
            f"{test - val:.4f}, standard error {error:.4f}",
            abs(test - val) < 2 * error,
            "difference of the two accuracies: below two standard errors; the document says that "
            "it does explain it, which no such test shows",
        ),
        claim(
            "early stopping on three rises of the validation cost does not end figure 2.2 earlier",
            f"iteration {stop:,}" if stop else f"never; the cost is lowest at iteration {lowest:,}",
            stop is None,
            "three consecutive rises from every hundredth iteration to the next: none",
        ),
    ]


def _regularised(trainings: Mapping[float, Descent]) -> list[Claim]:
    curves = [one.accuracy[VALIDATION] for one in trainings.values()]
    apart = max(
        np.ptp(values) for values in zip(*(curve.values() for curve in curves), strict=True)
    )
    final = {value: one.last("accuracy", VALIDATION) for value, one in trainings.items()}
    norms = {value: float(np.sum(one.model.w**2)) for value, one in trainings.items()}
    a, b = (trainings[value].model.w[1:, 0] for value in (0.01, 0.0001))
    cosine = float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
    claim, length = (partial(one, "2.2c", TWO_DIGITS_L2) for one in (Claim, number))
    return [
        Claim(
            "2.2b",
            TWO_DIGITS_L2,
            "there is a slight difference of the validation accuracy (figure 2.3)",
            f"{apart:.4f}; at the end {by_setting(final, '.4f')}",
            bool(0 < apart < 0.01),
            "largest difference between the curves: above 0 and below 0.01",
        ),
        *(
            length(f"figure 2.4, lambda = {value:g}: squared length", printed, norms[value])
            for value, printed in NORMS.items()
        ),
        claim(
            "lambda = 0.01 has the shorter weight vector",
            by_setting(norms, ".4g"),
            norms[0.01] < min(norms[0.001], norms[0.0001]),
            "squared length for each lambda: smallest for 0.01",
        ),
        Claim(
            "2.2d",
            TWO_DIGITS_L2,
            "no difference is seen between the weights for different lambda (figure 2.5)",
            f"{cosine:.4f}",
            cosine > 0.99,
            "cosine of the angle between the weights for 0.01 and 0.0001: above 0.99",
        ),
    ]


def _softmax(softmax: Descent, annealed: Descent, sets: Sets) -> list[Claim]:
    at_1000 = {name: softmax.last("accuracy", name, 1000) for name in (VALIDATION, TEST)}
    slower = annealed.last("accuracy", VALIDATION)
    alike = own_mean_is_most_alike(softmax.model.w.T, mean_images(sets))
    val, test = (softmax.last("accuracy", name) for name in (VALIDATION, TEST))
    return [
        number("3.2", TEN_DIGITS, "validation accuracy about", "88 %", val),
        number("3.2", TEN_DIGITS, "test accuracy about", "92 %", test),
        Claim(
            "3.2",
            TEN_DIGITS_TEXT,
            "about 88 % and about 92 % after 1,000 iterations",
            f"{100 * at_1000[VALIDATION]:.1f} % and {100 * at_1000[TEST]:.1f} %",
            within("88 %", at_1000[VALIDATION]) and within("92 %", at_1000[TEST]),
            "both within one percentage point",
            note=3,
        ),
        Claim(
            "3.2",
            TEN_DIGITS_ANNEALED,
            "an annealing learning rate could probably have achieved a higher accuracy",
            f"{slower:.4f}, with a constant rate {at_1000[VALIDATION]:.4f}",
            slower > at_1000[VALIDATION],
            "validation accuracy: higher with annealing",
            note=4,
        ),
        Claim(
            "3.2",
            TEN_DIGITS,
            "the weights are shaped like the digits",
            f"{alike} of {K}",
            alike >= 9,
            "digits whose weights correlate most with the mean image of the same digit: at least 9",
        ),
    ]


def _stopping(training: Descent, sets: Sets) -> Claim:
    cost = printed_cost(training, len(sets[VALIDATION][0]), SOFTMAX_L2.l2)
    stop = consecutive_rises(cost, 3)
    shown = f"iteration {stop}" if stop else f"not in {max(cost)} iterations"
    at = stop or max(cost)
    val, test = (training.accuracy[name][at] for name in (VALIDATION, TEST))
    return Claim(
        "3.1",
        TEN_DIGITS_L2,
        "for lambda about 0.01 only a couple of iterations, and a fairly low accuracy",
        f"{shown}, accuracy {val:.4f} on the validation set, {test:.4f} on the test set",
        stop is not None,
        "three consecutive rises within ten iterations",
        note=5,
    )


def mean_images(sets: Sets) -> np.ndarray:
    """Compute the mean training image of each digit (10, 784)."""
    X, labels = sets[TRAINING]
    return np.stack([X[labels[:, 0] == digit].mean(axis=0) for digit in range(K)])


def _figures(
    by_rate: Mapping[str, Descent],
    penalised: Mapping[float, Descent],
    softmax: Descent,
    sets: Sets,
    data_name: str,
) -> figures.Figures:
    def draw(curves: Mapping[str, Series], what: str, *axis: Any) -> Figure:
        return figures.plot_curves(curves, f"2019, figure {what} ({data_name})", *axis)

    binary = by_rate[CONSTANT]
    rates = {name: one.loss[VALIDATION] for name, one in by_rate.items()}
    by_lambda = {f"λ = {value:g}": one for value, one in penalised.items()}
    accuracies = {name: one.accuracy[VALIDATION] for name, one in by_lambda.items()}
    norms = {name: one.norm for name, one in by_lambda.items()}
    means = mean_images(sets)
    rows = {"mean images": means - means.mean(axis=0), "weights": softmax.model.w.T}
    pair, cost, accuracy = "2 against 3", "Cross-entropy", "Accuracy"
    return {
        "2019_rates.png": draw(
            rates, f"2.1: learning rates, {pair}", "Validation cross-entropy", (0, 0.7)
        ),
        "2019_loss.png": draw(binary.loss, f"2.2: cost of all sets, {pair}", cost, (0, 0.4)),
        "2019_accuracy.png": draw(
            binary.accuracy, f"2.2: accuracy of all sets, {pair}", accuracy, (0.9, 1)
        ),
        "2019_l2_accuracy.png": draw(
            accuracies, f"2.3: accuracy for each λ, {pair}", "Validation accuracy", (0.9, 1)
        ),
        "2019_l2_norms.png": draw(
            norms, f"2.4: squared length for each λ, {pair}", "‖w‖²", (0, 4.2)
        ),
        "2019_l2_weights.png": _weights(
            {name: one.model.w[1:] for name, one in by_lambda.items()},
            f"2019, figure 2.5: weights for each λ, {pair} ({data_name})",
        ),
        "2019_softmax_loss.png": draw(
            softmax.loss, "3.1: cost of softmax regression", cost, (0.2, 1.2)
        ),
        "2019_softmax_accuracy.png": draw(
            softmax.accuracy, "3.1: accuracy of softmax regression", accuracy, (0.7, 1)
        ),
        "2019_means_and_weights.png": figures.images(
            {name: row / np.abs(row).max() for name, row in rows.items()},
            f"2019, figure 3.2: mean images, less the mean of all, and weights ({data_name})",
            "relative size",
        ),
    }


def _weights(weights: Mapping[str, np.ndarray], title: str) -> Figure:
    from matplotlib.figure import Figure

    fig = Figure(figsize=(8, 3.2), layout="constrained")
    fig.suptitle(title)
    largest = max(float(np.abs(w).max()) for w in weights.values())
    axes = fig.subplots(1, len(weights))
    for ax, (name, w) in zip(axes, weights.items(), strict=True):
        image = ax.imshow(w.reshape(28, 28), cmap="RdBu_r", vmin=-largest, vmax=largest)
        ax.set(title=name, xticks=[], yticks=[])
    fig.colorbar(image, ax=axes, label="weight")
    return fig
