"""The answers to the assignment's questions, written from the results of the scripts.

They state what the results show, also where the assignment expects something else.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise

import numpy as np

from lab.assignment import TASKS
from lab.gradient import TOLERANCE
from lab.trainings import Training, Validation
from report.results import IN_ORDER, SHUFFLED, Part
from reproduce import measures
from reproduce.claims import CHANCE
from reproduce.measures import SPIKE
from task3 import LABEL

MILD = 1.5  # times as many errors on new images as on the training images: mild overfitting below


def gradient_check(task: str, part: Part) -> str:
    """Answer Tasks 2a and 3a: what was written, and how its gradient is checked."""
    (functions,) = (one.functions for one in TASKS if one.name == task)
    *names, last = (function.partition(".")[2] for function in functions)
    size = next(iter(part.trainings.values())).w.size
    return (
        f"task{task}.py contains {', '.join(names)} and {last}. Before task{task[0]}.py trains, it "
        "compares the gradient that backward computes with central differences (equation 29), for "
        f"each of the {size:,} weights, in float64. It ends with an error unless the relative "
        f"difference is at most {TOLERANCE:.0e}, so the models of this report have passed the "
        "check."
    )


def final_accuracy(part: Part) -> str:
    """Answer Task 2c: the final accuracies."""
    best = part.trainings[IN_ORDER].best
    return (
        f"The weights kept, those of the least validation loss, classify {best.train_accuracy:.2%} "
        f"of the training set and {best.val_accuracy:.2%} of the validation set correctly."
    )


def early_stopping(part: Part) -> str:
    """Answer Task 2d: after how many epochs early stopping ends training."""
    return (
        f"Without shuffling, {_stop(part.trainings[IN_ORDER])}. With shuffling, "
        f"{_stop(part.trainings[SHUFFLED])}. Epochs and steps count from 0."
    )


def spikes(part: Part) -> str:
    """Answer Task 2e: whether shuffling leaves fewer spikes, and why."""
    curves = {
        name: {one.step: one.val_accuracy for one in t.validations[t.validations_per_epoch + 1 :]}
        for name, t in part.trainings.items()
    }
    in_order, shuffled = (_falls(curves[name]) for name in (IN_ORDER, SHUFFLED))
    counts = (
        f"Without shuffling, and after the first epoch, the validation accuracy falls by more than "
        f"{SPIKE:g} from one validation to the next in {in_order}; with shuffling, in {shuffled}. "
    )
    steps, more = (measures.spikes(curves[name]) for name in (IN_ORDER, SHUFFLED))
    trials, others = (max(len(curves[name]) - 1, 0) for name in (IN_ORDER, SHUFFLED))
    if not measures.rates_differ(len(steps), trials, len(more), others):
        text = counts + (
            "By Fisher's exact test at 5 %, this run alone does not show a difference. On MNIST, "
            "docs/results.md compares ten seeds: with shuffling, each has a lower rate."
        )
    elif len(more) * trials > len(steps) * others:
        text = counts + "So in this run there are more spikes with shuffling, not fewer."
    else:
        text = counts + "So in this run there are fewer spikes with shuffling."
    places = {step % part.trainings[IN_ORDER].batches_per_epoch for step in steps}
    if len(places) == 1 and len(steps) > 2:
        text += " " + _recurring(part.trainings[IN_ORDER], places.pop())
    return text


def overfitting(part: Part) -> str:
    """Answer Task 3d: whether there are signs of overfitting."""
    training = part.trainings[LABEL.format(0)]
    validations = training.validations
    early = validations[: training.validations_per_epoch + 1][-1]  # one epoch in
    last = validations[-1]
    numbers = (
        f"At step {early.step} the training accuracy is {_accuracies(early)}; at the last "
        f"validation, at step {last.step}, it is {_accuracies(last)}. "
    )
    if _gap(last) - max(_gap(early), 0) <= CHANCE:
        return (
            f"There are no clear signs of overfitting. {numbers}For a sign, the advantage on the "
            f"training set would have to be above {CHANCE:g} at the end, and to have grown by more "
            "than that; less may be chance."
        )
    loss, rise = last.val_loss, last.val_loss - training.best.val_loss
    if rise > 0.01 * loss:
        also = f"shows it too: it ends at {loss:.4f}, {rise:.4f} above its minimum."
    else:
        where = f"only {rise:.4f} above its minimum" if rise else "its minimum"
        also = f"does not show it: its last value, {loss:.4f}, is {where}."
    errors = (1 - last.val_accuracy) / max(1 - last.train_accuracy, 1e-9)
    quarter = len(validations) // 4
    text = (
        f"Yes, there are {'mild' if errors < MILD else 'clear'} signs of overfitting. {numbers}It "
        f"makes {errors:.2f} times as many errors on new images as on the training images: what it "
        "learns late in training improves its predictions on the training images more than on new "
        f"ones, and that is overfitting. The validation loss {also}"
    )
    if quarter:
        third, fourth = (
            float(np.mean([one.val_accuracy for one in validations[part]]))
            for part in (slice(-2 * quarter, -quarter), slice(-quarter, None))
        )
        trend = "still rises" if fourth > third else "no longer rises"
        text += (
            f" The validation accuracy {trend}: its mean over the last quarter of the validations "
            f"is {fourth:.4f}, over the quarter before {third:.4f}."
        )
    return text


def noise(part: Part) -> str:
    """Answer Task 4b: why the weights with lambda 1 are less noisy."""
    trainings = [part.trainings[LABEL.format(value)] for value in (0, 1)]
    without, penalised = (measures.roughness(one.w[:-1].T.astype(np.float64)) for one in trainings)
    steps = [one.best.step for one in trainings]
    numbers = (
        "Roughness, the mean squared difference of neighbouring pixels over the variance within "
        "the image, is 2 for pure noise and near 0 for a smooth image. Here it is "
        f"{without:.3f} with λ = 0, for weights of step {steps[0]}, and {penalised:.3f} with λ = "
        f"1, for weights of step {steps[1]}. "
    )
    if penalised >= without:
        return numbers + "So in this run the weights with λ = 1 are not less noisy."
    return numbers + (
        f"So the weights with λ = 1 are less noisy, by {1 - penalised / without:.0%}. On MNIST, "
        "docs/results.md measures why, at equal steps: the images vary most in coarse, smooth "
        "shapes, and in fine detail they vary little, so the curvature h of the cost is small "
        "beside 2λ there. The penalty holds the weights at about h / (h + 2λ) of where the cost "
        "alone would take them, near zero; without it, fine detail grows for as long as training "
        "goes on. The noise of the batches is not the reason: full batches, which have none, give "
        "almost the same."
    )


def regularisation(part: Part) -> str:
    """Answer Task 4d: with which penalty the validation accuracy falls, and why."""
    best = {value: training.best for value, training in part.by_lambda().items()}
    zero, *others = best
    accuracy = {value: one.val_accuracy for value, one in best.items()}
    numbers = f"The validation accuracies are {_list(accuracy, '.4f')}. "
    fall = {value: accuracy[zero] - accuracy[value] for value in others}
    if rises := [value for value in others if fall[value] <= -CHANCE]:
        return numbers + f"In this run it rises with {_symbol(*rises)}."
    falls = [value for value in others if fall[value] >= CHANCE]
    if not falls:
        return numbers + f"In this run no λ changes it by {CHANCE:g} or more; less may be chance."
    text = numbers + f"So it falls with {_symbol(*falls)}. "
    if close := [value for value in others if value not in falls]:
        text += f"With {_symbol(*close)} it changes by less than {CHANCE:g}, which may be chance. "
    loss = {value: one.val_loss for value, one in best.items()}
    if all(loss[value] > loss[zero] for value in others):
        text += f"The validation loss rises with every λ: {_list(loss, '.4f')}. "
    text += (
        "A penalty helps a model that is flexible enough to overfit, and this one is hardly so: it "
        "is linear, with a single weight for each pixel and digit. "
    )
    start, end = best[zero].train_accuracy, best[others[-1]].train_accuracy
    if end < start:
        text += (
            f"It underfits more than it overfits: the training accuracy is only {start:.4f} "
            f"without a penalty, and it falls too, to {end:.4f} with {_symbol(others[-1])}. The "
            "penalty takes away what the model needs to distinguish the digits."
        )
    return text


def norms(part: Part) -> str:
    """Answer Task 4e: what happens to the squared length of the weights."""
    trainings = part.by_lambda()
    norm = {value: float(np.sum(t.w.astype(np.float64) ** 2)) for value, t in trainings.items()}
    numbers = f"‖w‖² is {_list(norm, '.3g')}. "
    rises = [
        f"from {_symbol(one)} to {_symbol(two)}"
        for one, two in pairwise(norm)
        if norm[two] >= norm[one]
    ]
    if rises:
        return numbers + f"In this run it does not fall {' nor '.join(rises)}."
    smallest, *_, largest = norm
    text = numbers + (
        f"So it falls with every larger λ, by a factor of {norm[smallest] / norm[largest]:.3g} "
        "in all. Each step of gradient descent subtracts the fraction 2ηλ of every weight, where "
        "η is the learning rate, and the larger λ is, the sooner this outweighs what the gradient "
        "of the loss adds."
    )
    first, last = (trainings[value].best.step for value in (smallest, largest))
    if first > last:
        text += (
            f" Not all of this factor is due to λ: the weights are those of step {first} and of "
            f"step {last}, and weights that start from zero grow with every step. At equal steps "
            "the factor is smaller (docs/results.md gives both)."
        )
    return text


ANSWERS: Mapping[str, Callable[[Part], str]] = {  # {task: function of the results of its script}
    "2a": partial(gradient_check, "2a"),
    "2c": final_accuracy,
    "2d": early_stopping,
    "2e": spikes,
    "3a": partial(gradient_check, "3a"),
    "3d": overfitting,
    "4b": noise,
    "4d": regularisation,
    "4e": norms,
}


def _stop(training: Training) -> str:
    early = training.stopped_by == "early stopping"
    end = "early stopping ends training" if early else "training ends without early stopping"
    return (
        f"{end} in epoch {training.epoch}, at step {training.step}; the least validation loss is "
        f"{training.best.val_loss:.4f}, at step {training.best.step}"
    )


def _recurring(training: Training, batch: int) -> str:
    """Describe a batch after which every fall comes, by the losses of all batches."""
    count, losses = training.batches_per_epoch, list(training.train_history["loss"].values())
    whole = np.reshape(losses[: len(losses) // count * count], (-1, count))
    median = np.median(whole[1:], axis=0)  # without the first epoch
    usual, own, after = np.median(median), median[batch], median[(batch + 1) % count]
    text = (
        f"All of these falls follow batch {batch} of {count}, counted from 0. In the median epoch "
        f"the loss of this batch before its step is {own:.3f}, that of the next batch, which sees "
        f"what the step has done, {after:.3f}, and that of the median batch {usual:.3f}. "
    )
    if min(own, after) > usual:
        text += (
            "So this batch fits the model worse than most, and the step that it asks for makes the "
            "model worse for other images. "
        )
    return text + (
        "Without shuffling, every epoch consists of the same batches in the same order. With it, "
        "the images of this batch are spread over all batches, anew in every epoch. On MNIST, "
        "docs/results.md takes its step apart."
    )


def _falls(curve: Mapping[int, float]) -> str:
    count, changes = len(measures.spikes(curve)), max(len(curve) - 1, 0)
    return (
        f"{count} of {changes} cases ({count / max(changes, 1):.1%}), at most by "
        f"{measures.deepest_fall(curve):.3f}"
    )


def _gap(validation: Validation) -> float:
    return validation.train_accuracy - validation.val_accuracy


def _accuracies(validation: Validation) -> str:
    side = "above" if _gap(validation) >= 0 else "below"
    return (
        f"{validation.train_accuracy:.4f}, {abs(_gap(validation)):.4f} {side} the validation "
        f"accuracy of {validation.val_accuracy:.4f}"
    )


def _symbol(*lambdas: float) -> str:
    return f"λ = {', '.join(f'{value:g}' for value in lambdas)}"


def _list(by_lambda: Mapping[float, float], form: str) -> str:
    return ", ".join(f"{number:{form}} ({_symbol(value)})" for value, number in by_lambda.items())
