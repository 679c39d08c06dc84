"""Tasks 2 to 4 of the assignment of 2021 and of a group's report on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise, repeat
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
from reproduce.claims import CHANCE, Claim, Method, by_setting, listed, number, with_range, within
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
LATE = 21  # the epoch in which the step of one batch is taken apart
SMALL, FULL = f"batches of {task3.BATCH_SIZE}", "full batches"
COARSE = 10  # principal directions of the images
IN_ORDER, SHUFFLED, CENTRED, SOFTMAX = map(Method, "ABDE")
BATCHES, EQUAL_STEPS, FULL_BATCH, STOPPED_EARLY = (Method(one, assumed=True) for one in "CFGH")

Courses = Mapping[Any, Mapping[int, tuple[float, float, float]]]  # {setting: `follow_weights`}


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
    courses = train_all(
        {
            (value, which): partial(follow_weights, ten_digits, value, FOLLOWED[1], which == FULL)
            for which in (SMALL, FULL)
            for value in (0, 1)
        }
    )
    batches = follow_batches(two_digits, FOLLOWED[0])
    whole = {TRAINING: (pre_process_images(two_digits.X_train), two_digits.Y_train)}
    fifty = _epochs(50, task2.LEARNING_RATE, whole).train(whole).last("accuracy", TRAINING)
    plain, centred = (
        train_all({f"{rate:g}": partial(_epochs(10, rate, inputs).train, inputs) for rate in RATES})
        for inputs in plain_and_centred(two_digits)
    )
    claims = [
        *_numbers(in_order, shuffled, fifty),
        *_spikes(by_size, shuffled),
        *_causes(in_order, batches, two_digits),
        *_convergence(in_order, shuffled, plain, centred),
        *_overfitting(paired[0], ten_digits),
        *_noise(by_lambda, courses, principal_directions(pre_process_images(ten_digits.X_train))),
        *_regularisation(by_lambda, paired, courses),
    ]
    return claims, {
        **task2.make_figures(in_order, shuffled[0], data.name),
        **task3.make_figures(by_lambda, ten_digits, data.name),
        "2021_batches.png": plot_batches(batches, data.name),
        "2021_roughness.png": figures.plot_curves(
            {
                f"λ = {value}, {which}": {t: one[0] for t, one in course.items()}
                for (value, which), course in courses.items()
            },
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
    images: utils.Split, l2_reg_lambda: float, epochs: int, full: bool = False
) -> dict[int, tuple[float, float, float]]:
    """Train softmax regression without early stopping; return {step: what the weights are like}.

    That is their roughness, ||w||^2, and the part of ||w||^2 outside the `COARSE` principal
    directions of the images, those in which they vary most. The steps are those at which the
    assignment validates. full: every step is that of the whole training set.
    """
    X, Y = pre_process_images(images.X_train), one_hot_encode(images.Y_train, 10)
    model, size, rng = SoftmaxModel(l2_reg_lambda), task3.BATCH_SIZE, np.random.RandomState(0)
    trainer = task3.SoftmaxTrainer(model, task3.LEARNING_RATE, size, True, X, Y, X, Y)
    every = max(1, len(X) // size // trainer.validations_per_epoch)
    coarse = principal_directions(X)[:COARSE]
    seen: dict[int, tuple[float, float, float]] = {}
    batches = (
        batch for _ in range(epochs) for batch in utils.batch_loader(X, Y, size, True, rng=rng)
    )
    whole = repeat((X, Y), epochs * (len(X) // size))
    for step, batch in enumerate(whole if full else batches):
        trainer.train_step(*batch)
        if step % every == 0:
            squares = float(np.sum(model.w**2))
            fine = squares - float(np.sum((coarse @ model.w[:-1]) ** 2))
            seen[step] = roughness(model.w[:-1].T), squares, fine / squares
    return seen


def principal_directions(X: np.ndarray) -> np.ndarray:
    """Return the directions (784, 784) in which inputs vary, those of most variance first."""
    return np.linalg.eigh(np.cov(X[:, :-1].T))[1].T[::-1]


def take_apart(images: utils.Split, epoch: int, batch: int) -> str:
    """Take one step of Task 2c again, and variants of it; say what each does to the predictions."""
    X, Y, size = pre_process_images(images.X_train), images.Y_train, task2.BATCH_SIZE
    step = epoch * (len(X) // size) + batch
    model = Protocol(task2.LEARNING_RATE, step, size, every=step).train({TRAINING: (X, Y)}).model
    X_val, w, mean = pre_process_images(images.X_val), model.w, X.mean(axis=0)[:, None]
    X, Y, mean = X[batch * size :][:size], Y[batch * size :][:size], mean / np.linalg.norm(mean)
    errors, wrong = model.forward(X) - Y, (model.forward(X) >= 0.5) != Y
    gradient, share = X.T @ errors / size, np.where(Y, Y.mean(), 1 - Y.mean())
    cosine = np.sum(mean * gradient) / np.linalg.norm(gradient)
    changes = (
        0 * gradient,
        gradient,
        X.T @ (errors * ~wrong) / np.sum(~wrong),
        X.T @ (errors / share) / (2 * size),
        np.sum(mean * gradient) * mean,
    )
    predicted = [X_val @ (w - task2.LEARNING_RATE * change) >= 0 for change in changes]
    accuracy = [f"{np.mean(one == images.Y_val):.4f}" for one in predicted]
    twos = [f"{np.mean(one):.1%}" for one in predicted]
    return (
        f"in epoch {epoch} {np.sum(wrong & (Y == 0))} of its {np.sum(wrong)} wrong images are "
        f"threes, the cosine of its gradient and the mean image is {cosine:.2f}, and its step "
        f"changes the predicted twos from {twos[0]} to {twos[1]} and the accuracy from "
        "{} to {}, without the wrong images to {}, if both digits weigh the same to {}, by the "
        "part along the mean image alone to {}".format(*accuracy)
    )


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


def _epochs(count: int, rate: float, sets: Sets) -> Protocol:
    """Return the protocol of so many epochs in order, evaluated at the end."""
    steps = count * (len(sets[TRAINING][0]) // task2.BATCH_SIZE)
    return Protocol(rate, steps, task2.BATCH_SIZE, every=steps)


def _numbers(in_order: Training, shuffled: Sequence[Training], fifty: float) -> list[Claim]:
    train, val = in_order.train_history["accuracy"], in_order.val_history["accuracy"]
    last = max(val)  # step
    stops = [training.epoch for training in shuffled]
    stop = number("2d", SHUFFLED, "with shuffling, stops in epoch", "16", stops[0], note=2)
    measured = f"the accuracy is {fifty:.4f} after 50 epochs without early stopping"
    what = "final training accuracy"
    return [
        number("2c", STOPPED_EARLY, what, "0.976", train[last], note=1, measured=measured),
        Claim(
            "2c",
            IN_ORDER,
            "final validation accuracy 0.9575, test accuracy 0.967",
            f"{val[last]:.5f}, and there is no third set",
            any(within(printed, val[last]) for printed in ("0.9575", "0.967")),
            "accuracy on the other set: one of both",
        ),
        number("2d", IN_ORDER, "stops in epoch", "33", in_order.epoch),
        replace(
            stop,
            ours=with_range(stops, "d"),
            measured=f"training stops in epoch 16 for {stops.count(16)} of {len(stops)} seeds",
        ),
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
            note=3,
        ),
        Claim(
            "2e",
            IN_ORDER,
            "a smaller batch should worsen the problem without shuffling",
            by_setting(worse, ".1f"),
            all(a < b for a, b in pairwise(worse.values())),
            "falls of more than 0.01 per 100 validations, for each batch size: more with each "
            "halving",
        ),
    ]


def _causes(in_order: Training, batches: Batches, images: utils.Split) -> list[Claim]:
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
    inequality = np.abs(batches.twos - 0.5)
    unequal, place = int(np.argmax(inequality)), int(np.sum(inequality >= inequality[worst]))
    minority = float(0.5 - inequality[unequal])
    after = (worst + 1) % count
    percent = 100 * batches.twos
    times = gradient[worst] / np.median(gradient)
    cause = (
        f"batch {worst} of {count}, counted from 0, has {percent[worst]:.0f} % twos (number "
        f"{place} of {count} by inequality); in the median epoch {wrong[worst]:.0f} of its "
        f"{task2.BATCH_SIZE} images are wrong, its gradient is {times:.1f} times the usual, and "
        f"the accuracy is {accuracy[worst]:.3f} after its step and {accuracy[after]:.3f} after "
        f"that of batch {after}; {take_apart(images, min(LATE, len(batches.loss) - 1), worst)}; "
        f"the most unequal batch, {unequal}, has {percent[unequal]:.0f} %, and after it the "
        f"accuracy is {accuracy[unequal]:.3f}; validations every {every} steps meet a batch every "
        f"lcm({every}, {count}) = {period} steps, {period // count} epochs"
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
            f"{100 * minority:.1f} %, in batch {unequal}",
            minority < 0.25,
            "least share of the smaller class in a batch: below 1/4",
            note=4,
            measured=cause,
        ),
    ]


def _convergence(
    in_order: Training,
    shuffled: Sequence[Training],
    plain: Mapping[str, Descent],
    centred: Mapping[str, Descent],
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
            "; ".join(f"{rate}: {a:.4f} and {b:.4f}" for rate, (a, b) in pairs.items()),
            all(b < a for a, b in pairs.values()),
            "training loss after ten epochs for each learning rate, without and with centring: "
            "lower with centring",
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
            note=5,
        ),
        claim(
            "the model performs much better on the training set (solution)",
            listed(ratios, ".3f"),
            min(ratios) > 1.5,
            "validation errors divided by training errors, same means: above 1.5 for every seed",
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
        ),
    ]


def _noise(
    trainings: Mapping[float, Training], courses: Courses, directions: np.ndarray
) -> list[Claim]:
    best = {value: trainings[value].best.step for value in (0, 1)}
    kept = {value: roughness(trainings[value].w[:-1].T) for value in (0, 1)}
    same, end = steps = _nearest(courses[0, SMALL], best[1]), max(courses[0, SMALL])
    fine = "; ".join(
        f"{listed((courses[value, SMALL][step][2] for step in steps), '.3f')} with lambda {value}"
        for value in (0, 1)
    )
    coarse, others = roughness(directions[:COARSE]), roughness(directions[COARSE:])
    measured = (
        f"the roughness of the weights kept is {kept[0]:.3f} with lambda 0 at step {best[0]}, "
        f"{kept[1]:.3f} with 1 at step {best[1]}; that of the {COARSE} directions in which the "
        f"images vary most is {coarse:.2f}, that of the other directions {others:.2f}; the part of "
        f"the weights' squared length that lies outside of these {COARSE} is, at steps {same} and "
        f"{end}, {fine}"
    )
    zeros, count = int(np.sum(trainings[1].w == 0)), trainings[1].w.size
    rows = []
    for what, method, which in (
        ("the weights with lambda = 1 are less noisy", EQUAL_STEPS, SMALL),
        ("the same with full batches, which have no noise of their own (ours)", FULL_BATCH, FULL),
    ):
        plain, penalised = ([courses[value, which][t][0] for t in steps] for value in (0, 1))
        rows.append(
            Claim(
                "4b",
                method,
                what,
                f"step {same}: {plain[0]:.4f} with lambda 0, {penalised[0]:.4f} with 1; step "
                f"{end}: {plain[1]:.4f} and {penalised[1]:.4f}",
                all(b < a for a, b in zip(plain, penalised, strict=True)),
                "mean squared difference of neighbouring pixels, divided by the variance: smaller "
                "with lambda 1 at both steps",
                note=6,
                measured=measured,
            )
        )
    return [
        *rows,
        Claim(
            "4b",
            SOFTMAX,
            "with lambda = 1 only the most determinative weights are not zero (report)",
            f"{zeros} of {count}",
            zeros > count // 2,
            "weights that are exactly zero: more than half",
            note=7,
        ),
    ]


def _nearest(course: Mapping[int, Any], step: int) -> int:
    return min(course, key=lambda one: abs(one - step))


def _regularisation(
    trainings: Mapping[float, Training],
    paired: Mapping[float, Sequence[Training]],
    courses: Courses,
) -> list[Claim]:
    accuracy = {value: t.best.val_accuracy for value, t in trainings.items()}
    losses = {value: t.best.val_loss for value, t in trainings.items()}
    norms = {value: float(np.sum(t.w**2)) for value, t in trainings.items()}
    pairs = list(zip(paired[0], paired[0.001], strict=True))
    fallen = [a.best.val_accuracy - b.best.val_accuracy for a, b in pairs]
    risen = [b.best.val_loss - a.best.val_loss for a, b in pairs]
    same = _nearest(courses[0, SMALL], trainings[1].best.step)
    plain, penalised = (courses[value, SMALL][same][1] for value in (0, 1))
    larger = [value for value in trainings if value > 0.001]
    claim = partial(Claim, "4d", SOFTMAX)
    return [
        claim(
            "the validation accuracy degrades with any amount of regularisation",
            f"{by_setting(accuracy, '.4f')}; from 0 to 0.001 by {listed(fallen, '.4f')}",
            min(fallen) > 0 and all(accuracy[value] < accuracy[0] - CHANCE for value in larger),
            "validation accuracy of the best weights: lower with 0.001 than with 0 for every seed, "
            f"and lower by more than {CHANCE} with the larger lambdas",
            note=8,
            measured=f"the least validation loss by lambda is {by_setting(losses, '.4f')}; from 0 "
            f"to 0.001 it rises by {listed(risen, '.4f')}",
        ),
        Claim(
            "4e",
            SOFTMAX,
            "higher lambda, shorter weights",
            by_setting(norms, ".3g"),
            decreasing(norms),
            "sum of the squared weights for each lambda: decreasing",
            note=9,
            measured="the squared length falls from lambda 0 to 1 by a factor of "
            f"{norms[0] / norms[1]:.3g}, at step {same} of both by a factor of "
            f"{plain / penalised:.2g}",
        ),
    ]
