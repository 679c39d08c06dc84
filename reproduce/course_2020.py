"""The notebook of 2020: its own split, pixels in [0, 1], bias input first, C divided by K."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

import digits
import utils
from lab import figures
from lab.jobs import train_all
from lab.protocols import Model
from reproduce.claims import Claim, Method, by_setting, number
from reproduce.measures import decreasing, roughness
from reproduce.protocols import (
    TEST,
    TRAINING,
    VALIDATION,
    Descent,
    Protocol,
    Sets,
    consecutive_rises,
    older_sets,
    two_classes,
    unit_range,
)
from task3a import one_hot_encode

K = 10
LAMBDAS = (0, 0.001, 0.01, 0.1, 1)  # 0 for Task 2, the others are those of its bar charts
LOGISTIC = Protocol(0.2, steps=20 * 28, batch_size=128, every=5)  # 20 epochs of 28 batches
SOFTMAX = Protocol(0.3, steps=20 * 140, batch_size=128, cost_scale=1 / K, every=28)
TWO_DIGITS, TEN_DIGITS, TEN_DIGITS_L2 = map(Method, "ABC")
FILTERED = Method("D", assumed=True)
PRINTED = {  # {set: its loss and accuracy}
    TRAINING: ("0.03429192881141587", "0.871222"),
    VALIDATION: ("0.037827305981061383", "0.8615"),
    TEST: ("0.037827305981061383", "0.917"),
}
BARS = {1: "0.356", 0.1: "0.893", 0.01: "4.03", 0.001: "9.36"}  # heights of its bar chart


def run(data: digits.Digits, seeds: Sequence[int] = ()) -> tuple[list[Claim], figures.Figures]:
    """Repeat the experiments of the notebook, which has one seed, 0; draw its figures."""
    images = older_sets(data)
    pairs = split(two_classes(2, 3, images))
    two = {name: (unit_range(X), targets) for name, (X, targets) in pairs.items()}
    ten = softmax_sets(images)
    full_batch = replace(LOGISTIC, batch_size=None)
    trainings = train_all(
        {
            "softmax": partial(SOFTMAX.train, ten),
            "softmax, lambda 0.1": partial(replace(SOFTMAX, l2=0.1).train, ten),
            **{value: partial(replace(LOGISTIC, l2=value).train, two) for value in LAMBDAS},
            **{
                ("full batch", value): partial(replace(full_batch, l2=value).train, two)
                for value in LAMBDAS[1:]
            },
        }
    )
    plain, regularised = trainings["softmax"], trainings["softmax, lambda 0.1"]
    binary = {value: trainings[value] for value in LAMBDAS}
    full = {value: trainings["full batch", value] for value in LAMBDAS[1:]}
    claims = [
        *_stopping(binary[0]),
        *_complexity(binary, full, two),
        *_table(plain, ten),
        _noise("4e", TEN_DIGITS_L2, {0: plain, 0.1: regularised}, "lambda = 0.1 than with 0", 5),
    ]
    return claims, _figures(binary, plain, regularised, data.name)


def split(sets: Sets) -> Sets:
    """Shuffle the examples once, with seed 0; the last tenth becomes the validation set."""
    X, Y = sets[TRAINING]
    order = np.arange(len(X))
    np.random.RandomState(0).shuffle(order)
    train, val = np.split(order, [int(0.9 * len(X))])
    return {TRAINING: (X[train], Y[train]), VALIDATION: (X[val], Y[val]), TEST: sets[TEST]}


def softmax_sets(images: Sets) -> Sets:
    """Split the images of all digits; return inputs (N, 785) and one-hot targets (N, K)."""
    return {
        name: (unit_range(X), one_hot_encode(labels, K))
        for name, (X, labels) in split(images).items()
    }


def exact_rows(targets: np.ndarray, outputs: np.ndarray) -> float:
    """Compute the notebook's accuracy: the fraction of rows whose rounded outputs are one-hot.

    targets: one-hot labels (N, K). outputs: yhat (N, K).
    """
    return float(np.mean(np.all(np.round(outputs) == targets, axis=1)))


def _stopping(training: Descent) -> list[Claim]:
    losses = training.loss[VALIDATION]
    fifth_rise = consecutive_rises(losses, 5)
    start, at_400 = losses[0], min(value for t, value in losses.items() if t <= 400)
    after = min((value for t, value in losses.items() if t > 400), default=at_400)
    claim = partial(Claim, "2d", TWO_DIGITS)
    means = np.convolve(list(losses.values()), np.ones(5) / 5, "valid")  # of an epoch
    stop = consecutive_rises(dict(zip(list(losses)[4:], means, strict=True)), 5)
    return [
        claim(
            "five consecutive rises of the validation loss never happened",
            "no five in a row" if fifth_rise is None else f"five in a row by step {fifth_rise}",
            fifth_rise is None,
            "five consecutive rises, at five validations an epoch: none",
            note=1,
        ),
        Claim(
            "2d",
            FILTERED,
            "better results if the data ran through a filter",
            f"five in a row by step {stop}" if stop else "no five in a row either",
            stop is not None,
            "five consecutive rises of the mean of five validations: some, so that training stops",
            note=2,
            measured=f"the mean is least at step {list(losses)[4 + int(np.argmin(means))]}",
        ),
        claim(
            "there is no longer an improvement in the validation loss after about 400 steps",
            f"{start:.4f} at step 0, {at_400:.4f} at best by step 400, {after:.4f} at best later, "
            f"{1 - after / at_400:.1%} lower",
            at_400 - after < 0.01 * (start - min(at_400, after)),
            "fall of the best loss after step 400: below 1 % of the whole fall",
        ),
    ]


def _complexity(
    trainings: Mapping[float, Descent], full: Mapping[float, Descent], sets: Sets
) -> list[Claim]:
    chart = {value: one for value, one in trainings.items() if value}
    accuracy = {value: one.last("accuracy", VALIDATION) for value, one in chart.items()}
    norms = {value: float(np.sum(one.model.w**2)) for value, one in chart.items()}
    guess = max(float(np.mean(sets[VALIDATION][1] == target)) for target in (0, 1))
    simple = [chart[1].last("accuracy", name) for name in sets]
    others = [value for one, value in accuracy.items() if one != 0.001]
    largest = {value: float(np.abs(one.model.w[1:]).max()) for value, one in chart.items()}
    near_far = {value: variations(one.model, sets) for value, one in chart.items()}
    claim, length = (partial(one, "3c", TWO_DIGITS) for one in (Claim, number))
    return [
        claim(
            "with lambda = 1 the model is no better than guessing",
            "{:.3f}, {:.3f} and {:.3f} on the three sets".format(*simple)
            + f"; always the more frequent digit: {guess:.3f} on the validation set",
            accuracy[1] <= guess,
            "validation accuracy: at most that of always guessing the more frequent digit",
            note=3,
        ),
        claim(
            "the highest accuracy with the most complex model",
            by_setting(accuracy, ".4f"),
            accuracy[0.001] > max(others),
            "validation accuracy for each lambda of its bar chart: strictly highest for 0.001",
            note=4,
            measured="without a penalty the accuracy is "
            f"{trainings[0].last('accuracy', VALIDATION):.4f}",
        ),
        *(
            length(f"squared length with lambda = {value:g}, its bar chart:", bar, norms[value])
            for value, bar in BARS.items()
        ),
        claim(
            "the L2 norm increases with the complexity of the model",
            by_setting(norms, ".3g"),
            decreasing(norms),
            "sum of the squared weights: strictly decreasing in lambda",
        ),
        replace(
            _noise("3d", TWO_DIGITS, chart, "higher lambda", 6),
            measured=f"with full batches the roughness is {by_setting(_roughness(full), '.4f')}",
        ),
        Claim(
            "3d",
            TWO_DIGITS,
            "with higher lambda, difficulty in recognising variations of the same number",
            "; ".join(f"{value:g}: {a:.3f} and {b:.3f}" for value, (a, b) in near_far.items()),
            decreasing({value: far - near for value, (near, far) in near_far.items()}),
            "accuracy on the quarters of the validation and test images that are nearest to and "
            "farthest from the mean image of their digit, for each lambda: the second falls behind "
            "more and more",
        ),
        Claim(
            "3d",
            TWO_DIGITS,
            "the range of the weights is lower when lambda is higher",
            by_setting(largest, ".3g"),
            decreasing(largest),
            "largest absolute weight of a pixel: strictly decreasing in lambda",
        ),
    ]


def variations(model: Model, sets: Sets) -> tuple[float, float]:
    """Compute the accuracy on the new images nearest to and farthest from their digit's mean."""
    X, Y = (np.concatenate([sets[VALIDATION][i], sets[TEST][i]]) for i in (0, 1))
    inputs, targets = sets[TRAINING]
    means = np.stack([inputs[targets[:, 0] == target].mean(axis=0) for target in (0, 1)])
    order = np.argsort(np.linalg.norm(X - means[Y[:, 0]], axis=1))
    right = ((utils.predict(model, X) >= 0.5) == Y)[order, 0]
    near, *_, far = (float(np.mean(quarter)) for quarter in np.array_split(right, 4))
    return near, far


def _table(training: Descent, sets: Sets) -> list[Claim]:
    outputs = {name: utils.predict(training.model, X) for name, (X, _) in sets.items()}
    by_argmax = [f"{training.last('accuracy', name):.4f} ({name.lower()})" for name in sets]
    measured = f"by the largest output the accuracy is {', '.join(by_argmax)}"
    compare, claims = partial(number, "4c", TEN_DIGITS), []
    for name, (loss, accuracy) in PRINTED.items():
        ours, rows = training.last("loss", name) / K, exact_rows(sets[name][1], outputs[name])
        final = f"final {name.lower()}"
        claims += [
            compare(f"{final} loss", loss, ours, note=8 if name == TEST else None),
            compare(f"{final} accuracy", accuracy, rows, note=7, measured=measured),
        ]
    return claims


def _noise(task: str, method: Method, runs: Mapping[float, Descent], what: str, note: int) -> Claim:
    return Claim(
        task,
        method,
        f"the weights are less noisy with {what}",
        by_setting(_roughness(runs), ".4f"),
        decreasing(_roughness(runs)),
        "mean squared difference of neighbouring pixels, divided by the variance: strictly "
        "decreasing in lambda",
        note=note,
    )


def _roughness(trainings: Mapping[float, Descent]) -> dict[float, float]:
    return {value: roughness(one.model.w[1:].T) for value, one in trainings.items()}


def _figures(
    binary: Mapping[float, Descent], plain: Descent, regularised: Descent, data_name: str
) -> figures.Figures:
    pair = f"2 against 3 ({data_name})"
    accuracies = {f"λ = {value:g}": one.accuracy[VALIDATION] for value, one in binary.items()}
    lengths = {value: float(np.sum(one.model.w**2)) for value, one in binary.items() if value}
    weights = {"λ = 0": plain.model.w[1:].T, "λ = 0.1": regularised.model.w[1:].T}
    return {
        "2020_loss.png": figures.plot_curves(
            binary[0].loss, f"2020, figure 2b: loss, {pair}", "Cross-entropy loss", (0, 0.3)
        ),
        "2020_accuracy.png": figures.plot_curves(
            binary[0].accuracy, f"2020, figure 2c: accuracy, {pair}", "Accuracy", (0.9, 1)
        ),
        "2020_l2_accuracy.png": figures.plot_curves(
            accuracies,
            f"2020, Task 3: accuracy for each λ, {pair}",
            "Validation accuracy",
            (0.8, 1),
        ),
        "2020_norms.png": figures.log_points(
            lengths, f"2020, Task 3c: squared length for each λ, {pair}", "λ", "‖w‖²"
        ),
        "2020_weights.png": figures.images(
            weights, f"2020, Task 4e: the weights of each digit ({data_name})", "weight"
        ),
    }
