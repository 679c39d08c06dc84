"""Tasks 2 to 4 of the assignment of 2021 and of a group's report on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

import digits
import task2
import task3
import utils
from lab import figures
from lab.jobs import train_all
from lab.script import EPOCHS
from lab.trainings import Training
from reproduce.claims import CHANCE, Claim, Method, by_setting, listed, number, with_range
from reproduce.measures import SPIKE, decreasing, deepest_fall, roughness, significant, spikes
from reproduce.protocols import SEEDS, TRAINING, Descent, Protocol, Sets, unit_range
from task2a import BinaryModel, pre_process_images
from task3a import SoftmaxModel, one_hot_encode

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PAIRS = 3  # seeds for which softmax regression is trained with and without a small penalty
SIZES = (task2.BATCH_SIZE, 64, 32, 16)  # of batches: the assignment's, and smaller ones
RATES = (0.05, 0.2, 1.0)
FOLLOWED = 34, 50  # epochs in which every batch, and in which the weights are looked at
EPOCH = 9  # which every training with shuffling reaches
IN_ORDER = Method("A")
SHUFFLED = Method("B", assumed=True)
BATCHES = Method("C")
CENTRED = Method("D")
SOFTMAX = Method("E", assumed=True)
EQUAL_STEPS = Method("F", assumed=True)


@dataclass(frozen=True)
class Batches:
    """What happens at each batch of each epoch, arrays (epochs, batches), and the share of twos.

    loss, wrong, gradient: of the batch before its step; wrong counts the images, gradient is a
    norm. accuracy: on the validation set after the step. twos: (batches,).
    """

    loss: np.ndarray
    wrong: np.ndarray
    gradient: np.ndarray
    accuracy: np.ndarray
    twos: np.ndarray


def run(data: digits.Digits, seeds: Sequence[int] = SEEDS) -> tuple[list[Claim], figures.Figures]:
    """Repeat the experiments of both documents; return the claims and the figures."""
    two_digits, ten_digits = utils.load_binary_dataset(2, 3, data), utils.load_full_mnist(data)
    pairs = seeds[:PAIRS]
    penalised = {
        (value, seed): partial(task3.train, ten_digits, value, EPOCHS, seed)
        for value in task3.LAMBDAS
        for seed in (pairs if value <= 0.001 else pairs[:1])
    }
    softmax = train_all(penalised, label="lambda and seed {}")
    by_lambda = {value: softmax[value, pairs[0]] for value in task3.LAMBDAS}
    paired = {value: [softmax[value, seed] for seed in pairs] for value in (0, 0.001)}
    sizes = {n: partial(task2.train, two_digits, False, EPOCHS, 0, batch_size=n) for n in SIZES}
    by_size = train_all(sizes, label="batch size {}")
    in_order = by_size[task2.BATCH_SIZE]
    by_seed = {seed: partial(task2.train, two_digits, True, EPOCHS, seed) for seed in seeds}
    shuffled = list(train_all(by_seed, label="seed {}").values())
    courses = train_all({v: partial(follow_weights, ten_digits, v, FOLLOWED[1]) for v in (0, 1)})
    batches = follow_batches(two_digits, FOLLOWED[0])
    plain, centred = (
        train_all({rate: partial(_ten_epochs(rate, inputs).train, inputs) for rate in RATES})
        for inputs in plain_and_centred(two_digits)
    )
    claims = [
        *_numbers(in_order, shuffled),
        *_spikes(by_size, shuffled),
        *_causes(in_order, batches),
        *_convergence(in_order, shuffled, plain, centred),
        *_overfitting(paired[0], ten_digits),
        *_noise(by_lambda, courses),
        *_regularisation(by_lambda, paired, courses),
    ]
    return claims, {
        **task2.make_figures(in_order, shuffled[0], data.name),
        **task3.make_figures(by_lambda, ten_digits, data.name),
        "2021_batches.png": plot_batches(batches, data.name),
        "2021_roughness.png": figures.plot_curves(
            {f"λ = {value}": {t: one[0] for t, one in c.items()} for value, c in courses.items()},
            f"2021, Task 4b: noise of the weights at equal steps ({data.name})",
            "Roughness of the weights",
            (0.22, 0.34),
        ),
    }


def follow_batches(images: utils.Split, epochs: int) -> Batches:
    """Train on 2 and 3 without shuffling, and look at every batch."""
    X_train, Y_train = pre_process_images(images.X_train), images.Y_train
    X_val, Y_val = pre_process_images(images.X_val), images.Y_val
    model, size = BinaryModel(), task2.BATCH_SIZE
    trainer = task2.LogisticTrainer(
        model, task2.LEARNING_RATE, size, False, X_train, Y_train, X_val, Y_val
    )
    seen: list[tuple[float, ...]] = []
    for _ in range(epochs):
        for X, Y in utils.batch_loader(X_train, Y_train, size):
            missed = len(X) * (1 - task2.accuracy(Y, model.forward(X)))
            cost = trainer.train_step(X, Y)
            right = task2.calculate_accuracy(X_val, Y_val, model)
            seen.append((cost, missed, float(np.linalg.norm(model.grad)), right))
    loss, wrong, gradient, accuracy = np.array(seen).reshape(epochs, -1, 4).transpose(2, 0, 1)
    batches = utils.batch_loader(X_train, Y_train, size)
    return Batches(loss, wrong, gradient, accuracy, np.array([Y.mean() for _, Y in batches]))


def follow_weights(
    images: utils.Split, l2_reg_lambda: float, epochs: int
) -> dict[int, tuple[float, float]]:
    """Train softmax regression without early stopping; return {step: roughness, ||w||^2}.

    The steps are those at which the assignment validates.
    """
    X, Y = pre_process_images(images.X_train), one_hot_encode(images.Y_train, 10)
    model, size, rng = SoftmaxModel(l2_reg_lambda), task3.BATCH_SIZE, np.random.RandomState(0)
    trainer = task3.SoftmaxTrainer(model, task3.LEARNING_RATE, size, True, X, Y, X, Y)
    every = max(1, len(X) // size // trainer.validations_per_epoch)
    seen: dict[int, tuple[float, float]] = {}
    batches = (
        batch for _ in range(epochs) for batch in utils.batch_loader(X, Y, size, True, rng=rng)
    )
    for step, batch in enumerate(batches):
        trainer.train_step(*batch)
        if step % every == 0:
            seen[step] = roughness(model.w[:-1].T), float(np.sum(model.w**2))
    return seen


def plain_and_centred(images: utils.Split) -> tuple[Sets, Sets]:
    """Return the training inputs in [0, 1], and the same less their means, with targets."""
    X = unit_range(images.X_train)
    means = X.mean(axis=0)
    means[0] = 0  # the bias input
    return {TRAINING: (X, images.Y_train)}, {TRAINING: (X - means, images.Y_train)}


def plot_batches(batches: Batches, data_name: str) -> Figure:
    """Draw the loss of each batch over the epochs, and the accuracy after each batch."""
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.figure import Figure

    fig = Figure(figsize=(12, 5), layout="constrained")
    fig.suptitle(f"2021, Task 2e: every batch of every epoch, without shuffling ({data_name})")
    left, right = fig.subplots(1, 2)
    panels = (
        (left, batches.loss, "loss of the batch before its step", LogNorm, (0, 0.99)),
        (right, batches.accuracy, "validation accuracy after the step", Normalize, (0.05, 1)),
    )
    for ax, values, label, scale, range_shown in panels:
        image = ax.imshow(
            values, aspect="auto", cmap="cividis", norm=scale(*np.quantile(values, range_shown))
        )
        ax.set(xlabel="batch", ylabel="epoch")
        fig.colorbar(image, ax=ax, label=label, extend="min" if ax is right else "max")
    epochs, count = batches.loss.shape
    steps = np.arange(0, epochs * count, max(1, count // 5))
    right.plot(steps % count, steps // count, "r.", ms=4, ls="")
    right.set_title("red: the validations of Task 2c", fontsize=11)
    return fig


def _ten_epochs(rate: float, inputs: Sets) -> Protocol:
    steps = 10 * (len(inputs[TRAINING][0]) // task2.BATCH_SIZE)
    return Protocol(rate, steps, task2.BATCH_SIZE, every=steps)


def _numbers(in_order: Training, shuffled: Sequence[Training]) -> list[Claim]:
    train, val = in_order.train_history["accuracy"], in_order.val_history["accuracy"]
    last = max(val)  # step
    epochs = [training.epoch for training in shuffled]
    stops = number("2d", SHUFFLED, "with shuffling, stops in epoch", "16", epochs[0])
    not_found = partial(Claim, "2c", IN_ORDER, agrees=None, note=1)
    return [
        number("2c", IN_ORDER, "final training accuracy", "0.976", train[last]),
        not_found("final validation accuracy 0.9575", f"{val[last]:.5f}"),
        not_found("final test accuracy 0.967", "there is no third set"),
        number("2d", IN_ORDER, "stops in epoch", "33", in_order.epoch),
        replace(stops, ours=with_range(epochs, "d")),
    ]


def after_first_epoch(training: Training) -> dict[int, float]:
    """Return {step: validation accuracy} without the first epoch."""
    accuracy = training.val_history["accuracy"]
    return {step: a for step, a in accuracy.items() if step >= training.batches_per_epoch}


def spikes_per_100(training: Training) -> float:
    """Count the spikes per 100 validations after the first epoch."""
    accuracy = after_first_epoch(training)
    return 100 * len(spikes(accuracy)) / len(accuracy)


def quarters(series: Mapping[int, float]) -> np.ndarray:
    """Compute the mean of {step: value} over each quarter of the steps."""
    return np.array([np.mean(part) for part in np.array_split(list(series.values()), 4)])


def _spikes(by_size: Mapping[int, Training], shuffled: Sequence[Training]) -> list[Claim]:
    trainings = by_size[task2.BATCH_SIZE], *shuffled
    rate, *rates = map(spikes_per_100, trainings)
    fall, *falls = (deepest_fall(after_first_epoch(training)) for training in trainings)
    fewer, gone = sum(r < rate for r in rates), sum(f <= SPIKE for f in falls)
    worse = {size: spikes_per_100(training) for size, training in by_size.items()}
    claim = partial(Claim, "2e", SHUFFLED)
    return [
        claim(
            "fewer spikes in the validation accuracy with shuffling",
            f"{rate:.1f} without, {with_range(rates, '.1f')} with: fewer for {fewer} of "
            f"{len(rates)} seeds",
            significant(fewer, len(rates)),
            f"falls of more than {SPIKE} from one validation to the next, per 100 validations: "
            f"fewer by a sign test over the seeds at 5 %",
        ),
        claim(
            "due to shuffling the spikes are now gone (report)",
            f"{fall:.3f} without, {with_range(falls, '.3f')} with: gone for {gone} of "
            f"{len(falls)} seeds",
            gone == len(falls),
            f"deepest fall from one validation to the next: at most {SPIKE} for every seed",
            note=2,
        ),
        Claim(
            "2e",
            IN_ORDER,
            "a smaller batch should worsen the problem without shuffling",
            by_setting(worse, ".1f"),
            all(a < b for a, b in pairwise(worse.values())),
            "falls of more than 0.01 per 100 validations, for each batch size: more with each "
            "halving",
            note=3,
        ),
    ]


def _causes(in_order: Training, batches: Batches) -> list[Claim]:
    count = in_order.batches_per_epoch
    fallen = spikes(after_first_epoch(in_order))
    places = sorted({step % count for step in fallen})
    every = max(1, count // in_order.validations_per_epoch)
    period = int(np.lcm(every, count))
    late = slice(len(batches.loss) // 3, None)
    wrong, gradient, accuracy = (
        np.median(one[late], axis=0) for one in (batches.wrong, batches.gradient, batches.accuracy)
    )
    worst = int(np.argmin(accuracy))
    unequal = int(np.argmax(np.abs(batches.twos - 0.5)))
    others = float(np.median(np.delete(accuracy, worst)))
    after = (worst + 1) % count
    percent = 100 * batches.twos
    times = gradient[worst] / np.median(gradient)
    cause = (
        f"batch {worst} of {count}, counted from 0, has {percent[worst]:.0f} % twos; in the median "
        f"epoch {wrong[worst]:.0f} of its {task2.BATCH_SIZE} images are wrong, its gradient is "
        f"{times:.1f} times the usual, and the accuracy is {accuracy[worst]:.3f} after its step "
        f"and {accuracy[after]:.3f} after that of batch {after}; the most unequal batch, "
        f"{unequal}, has {percent[unequal]:.0f} %; validations every {every} steps meet a batch "
        f"every lcm({every}, {count}) = {period} steps, {period // count} epochs"
    )
    claim = partial(Claim, "2e", BATCHES)
    return [
        claim(
            "the spikes were caused by a bad recurrent batch (report)",
            f"after batch {', '.join(map(str, places)) or '-'} of {count}, at steps "
            f"{', '.join(map(str, fallen)) or '-'}",
            len(fallen) > 1 and len(places) == 1,
            f"batches after which a validation sees a fall of more than {SPIKE}: one, more than "
            "once",
            note=4,
            measured=cause,
        ),
        claim(
            "without shuffling there are batches of mostly one class, and shuffling avoids them "
            "(solution)",
            f"lowest after batch {worst}, {accuracy[worst]:.4f} (after the others "
            f"{others:.4f}); most unequal batch: {unequal}",
            worst == unequal,
            "batch after which the median accuracy is lowest: the one with the most unequal "
            "classes",
            note=4,
            measured=cause,
        ),
    ]


def _convergence(
    in_order: Training,
    shuffled: Sequence[Training],
    plain: Mapping[float, Descent],
    centred: Mapping[float, Descent],
) -> list[Claim]:
    count = in_order.batches_per_epoch
    epoch = min(EPOCH, *(one.epoch for one in (in_order, *shuffled)))
    steps = range(epoch * count, (epoch + 1) * count)
    losses = [
        float(np.mean([loss for step, loss in one.train_history["loss"].items() if step in steps]))
        for one in (in_order, *shuffled)
    ]
    lower = sum(loss < losses[0] for loss in losses[1:])
    pairs = {
        rate: (plain[rate].last("loss", TRAINING), centred[rate].last("loss", TRAINING))
        for rate in plain
    }
    return [
        Claim(
            "2e",
            SHUFFLED,
            "shuffling improves convergence",
            f"{losses[0]:.4f} without, {with_range(losses[1:], '.4f')} with: lower for {lower} of "
            f"{len(shuffled)} seeds",
            significant(lower, len(shuffled)),
            f"mean training loss of epoch {epoch}, counted from 0: lower by a sign test at 5 %",
        ),
        Claim(
            "2a",
            CENTRED,
            "normalising the input to be zero-centred improves convergence",
            "; ".join(f"{rate:g}: {a:.4f} and {b:.4f}" for rate, (a, b) in pairs.items()),
            all(b < a for a, b in pairs.values()),
            "training loss after ten epochs for each learning rate, without and with centring: "
            "lower with centring",
            note=5,
        ),
    ]


def _overfitting(trainings: Sequence[Training], images: utils.Split) -> list[Claim]:
    train = [quarters(one.train_history["accuracy"]) for one in trainings]
    val = [quarters(one.val_history["accuracy"]) for one in trainings]
    losses = [quarters(one.val_history["loss"]) for one in trainings]
    pairs = list(zip(train, val, strict=True))
    gaps = [float(a[-1] - b[-1]) for a, b in pairs]
    ratios = [float((1 - b[-1]) / (1 - a[-1])) for a, b in pairs]
    risen = [(float(a[-1] - a[-2]), float(b[-1] - b[-2])) for a, b in pairs]
    fallen = [float(means[-2] - means[-1]) for means in losses]
    sizes = len(images.X_train), len(images.X_val)
    final = train[0][-1], val[0][-1]
    error = float(np.sqrt(sum(p * (1 - p) / N for p, N in zip(final, sizes, strict=True))))
    claim = partial(Claim, "3d", SOFTMAX)
    return [
        claim(
            "clear evidence of overfitting: the accuracies split apart",
            f"{listed(gaps, '+.4f')}; standard error {error:.4f}",
            min(gaps) > 2 * error,
            "training accuracy minus validation accuracy, means of the last quarter of the "
            "validations: above two standard errors of a difference for every seed",
            note=6,
        ),
        claim(
            "the model performs much better on the training set (solution)",
            listed(ratios, ".3f"),
            min(ratios) > 1.5,
            "validation errors divided by training errors, same means: above 1.5 for every seed",
            note=6,
        ),
        claim(
            "the validation loss does not increase (solution)",
            f"falls by {listed(fallen, '.4f')}",
            min(fallen) > 0,
            "mean of the last quarter of the validations: below that of the third for every seed",
        ),
        claim(
            "the validation accuracy has reached a plateau while the training accuracy is still "
            "increasing (report)",
            "; ".join(f"{train:+.4f} and {val:+.4f}" for train, val in risen),
            all(val <= 0 < train for train, val in risen),
            "mean of the last quarter of the validations minus that of the third quarter, training "
            "and validation accuracy: above 0 and not above 0 for every seed",
            note=7,
        ),
    ]


def _noise(
    trainings: Mapping[float, Training], courses: Mapping[int, dict[int, tuple[float, float]]]
) -> list[Claim]:
    best = {value: trainings[value].best.step for value in (0, 1)}
    kept = {value: roughness(trainings[value].w[:-1].T) for value in (0, 1)}
    same, end = _nearest(courses[0], best[1]), max(courses[0])
    plain, penalised = ([courses[value][step][0] for step in (same, end)] for value in (0, 1))
    zeros, count = int(np.sum(trainings[1].w == 0)), trainings[1].w.size
    return [
        Claim(
            "4b",
            EQUAL_STEPS,
            "the weights with lambda = 1 are less noisy",
            f"step {same}: {plain[0]:.3f} with lambda 0, {penalised[0]:.3f} with 1; step {end}: "
            f"{plain[1]:.3f} and {penalised[1]:.3f}",
            all(b < a for a, b in zip(plain, penalised, strict=True)),
            "mean squared difference of neighbouring pixels, divided by the variance: smaller with "
            "lambda 1 at both steps",
            note=8,
            measured=f"{kept[0]:.3f} with lambda 0 at step {best[0]}, {kept[1]:.3f} with 1 at step "
            f"{best[1]}",
        ),
        Claim(
            "4b",
            SOFTMAX,
            "with lambda = 1 only the most determinative weights are not zero (report)",
            f"{zeros} of {count}",
            zeros > count // 2,
            "weights that are exactly zero: more than half",
            note=9,
        ),
    ]


def _nearest(course: Mapping[int, Any], step: int) -> int:
    return min(course, key=lambda one: abs(one - step))


def _regularisation(
    trainings: Mapping[float, Training],
    paired: Mapping[float, Sequence[Training]],
    courses: Mapping[int, dict[int, tuple[float, float]]],
) -> list[Claim]:
    accuracy = {value: t.best.val_accuracy for value, t in trainings.items()}
    losses = {value: t.best.val_loss for value, t in trainings.items()}
    norms = {value: float(np.sum(t.w**2)) for value, t in trainings.items()}
    pairs = list(zip(paired[0], paired[0.001], strict=True))
    fallen = [a.best.val_accuracy - b.best.val_accuracy for a, b in pairs]
    risen = [b.best.val_loss - a.best.val_loss for a, b in pairs]
    same = _nearest(courses[0], trainings[1].best.step)
    plain, penalised = (courses[value][same][1] for value in (0, 1))
    larger = [value for value in trainings if value > 0.001]
    claim = partial(Claim, "4d", SOFTMAX)
    return [
        claim(
            "the validation accuracy degrades with any amount of regularisation",
            f"{by_setting(accuracy, '.4f')}; from 0 to 0.001 by {listed(fallen, '.4f')}",
            min(fallen) > 0 and all(accuracy[value] < accuracy[0] - CHANCE for value in larger),
            "validation accuracy of the best weights: lower with 0.001 than with 0 for every seed, "
            f"and lower by more than {CHANCE} with the larger lambdas",
            note=10,
        ),
        claim(
            "the same, judged by the validation loss",
            f"{by_setting(losses, '.4f')}; from 0 to 0.001 by {listed(risen, '.4f')}",
            min(risen) > 0 and all(losses[value] > losses[0] for value in larger),
            "least validation loss: higher with 0.001 than with 0 for every seed, and higher with "
            "the larger lambdas",
        ),
        Claim(
            "4e",
            SOFTMAX,
            "higher lambda, shorter weights",
            by_setting(norms, ".3g"),
            decreasing(norms),
            "sum of the squared weights for each lambda: decreasing",
            note=11,
            measured=f"from lambda 0 to 1 by a factor of {norms[0] / norms[1]:.3g}, at step {same} "
            f"of both by a factor of {plain / penalised:.2g}",
        ),
    ]
