"""The answers to the assignment's questions, written from the numbers of a run.

Each function takes the runs of a task as `results.json` has them, {name of the run: its numbers},
and says what they show, also when that is the opposite of what the assignment expects.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from lab.measures import SPIKE
from reproduce.claims import CHANCE

Run = Mapping[str, Any]
Runs = Mapping[str, Run]

IN_ORDER, SHUFFLED = "2b-d, no shuffling", "2e, shuffling"  # the runs of task2
FREE, HELD = "lambda 0", "lambda 1"  # the two of task3 whose weights are compared


def final_accuracy(runs: Runs) -> str:
    """Answer Task 2c: the accuracies in the end."""
    best = runs[IN_ORDER]["best_check"]
    return (
        f"The weights kept, those of the least validation loss, are right on "
        f"{best['train_accuracy']:.2%} of the training set and {best['val_accuracy']:.2%} of the "
        f"validation set."
    )


def early_stopping(runs: Runs) -> str:
    """Answer Task 2d: after how many epochs early stopping kicks in."""
    return f"Without shuffling, {_stop(runs[IN_ORDER])} With shuffling, {_stop(runs[SHUFFLED])}"


def spikes(runs: Runs) -> str:
    """Answer Task 2e: whether shuffling leaves fewer spikes, and why."""
    in_order, shuffled = runs[IN_ORDER], runs[SHUFFLED]
    counts = (
        f"The validation accuracy fell by more than {SPIKE:g} from one check to the next at "
        f"{_spikes(in_order)} without shuffling and at {_spikes(shuffled)} with shuffling. "
    )
    if _drop_rate(shuffled) == _drop_rate(in_order):
        return counts + "By this measure shuffling makes no difference to the spikes of this run."
    if _drop_rate(shuffled) > _drop_rate(in_order):
        return counts + "So in this run shuffling leaves more spikes, not fewer."
    return counts + (
        "So shuffling leaves fewer spikes. Without it every epoch shows the same batches in the "
        "same order: a batch that happens to hold many more of one digit pulls the weights its "
        "way, and does so again at the same place of every epoch. In a new order every epoch the "
        "digits are mixed anew: no such batch comes back, what one batch pulls the next undoes, "
        "and each step is on average a step down the gradient of the whole training set."
    )


def overfitting(runs: Runs) -> str:
    """Answer Task 3d: whether there are signs of overfitting."""
    run = runs[FREE]
    early, last = run["early_check"], run["last_check"]
    numbers = (
        f"At step {early['step']} the training accuracy is {_apart(early)}; at the last check, at "
        f"step {last['step']}, it is {_apart(last)}. "
    )
    rise = last["val_loss"] - run["best_check"]["val_loss"]
    loss = (
        f"The validation loss does not show it: its last value, {last['val_loss']:.4f}, is "
        f"{'its least' if rise == 0 else f'only {rise:.4f} above its least'}."
        if rise <= 0.01 * last["val_loss"]
        else f"The validation loss shows it too: it ends at {last['val_loss']:.4f}, {rise:.4f} "
        f"above its least."
    )
    if _gap(last) > max(_gap(early) + CHANCE, 0):
        return (
            f"Yes. {numbers}What the model still learns late in training helps it more on the "
            f"images that it learns from than on new ones, and that is overfitting. {loss}"
        )
    return (
        f"No. {numbers}The model is not better on the images that it learns from, or its lead "
        f"there has not grown by more than {CHANCE:g}, which may be chance."
    )


def noise(runs: Runs) -> str:
    """Answer Task 4b: why the weights with lambda 1 are less noisy."""
    free, held = (runs[name]["weight_roughness"] for name in (FREE, HELD))
    numbers = (
        "Noise in a number: the mean squared difference of neighbouring pixels over the variance "
        "within the image, which is 2 for pure noise and near 0 for a smooth image. It is "
        f"{free:.3f} with λ = 0 and {held:.3f} with λ = 1. "
    )
    if held >= free:
        return numbers + "So in this run the weights with λ = 1 are not less noisy."
    return numbers + (
        f"So the weights with λ = 1 are less noisy, by {1 - held / free:.0%}. The penalty λ‖w‖² "
        "puts a price on every weight, which pays only where the weight helps on many examples. "
        "Without it, the weight of a pixel that is rarely inked may grow to suit the few "
        "examples that ink it, whatever its neighbours do: that is the noise. With it such weights "
        "stay near zero, and what is left is the smooth average shape of the digit against the "
        "others."
    )


def regularization(runs: Runs) -> str:
    """Answer Task 4d: why the validation accuracy degrades with any regularization."""
    free, *held = by_lambda(runs)
    accuracy = {name: runs[name]["best_check"]["val_accuracy"] for name in (free, *held)}
    numbers = f"The validation accuracies are {_list(accuracy, '.4f')}. "
    better = [_symbol(name) for name in held if accuracy[name] >= accuracy[free]]
    if better:
        return numbers + f"In this run it does not fall with {' and '.join(better)}."
    start, end = (runs[name]["best_check"]["train_accuracy"] for name in (free, held[-1]))
    numbers += "So it falls with every λ. "
    reason = (
        "A penalty helps a model that has more freedom than the data can "
        "fill, and this one has little: it is linear, with a single weight for each pixel and "
        "digit. "
    )
    if doubtful := [_symbol(name) for name in held if accuracy[free] - accuracy[name] < CHANCE]:
        numbers += f"(With {' and '.join(doubtful)} by less than {CHANCE:g}: that may be chance.) "
    if end < start:
        reason += (
            f"It misses more than it overfits: the training accuracy is only {start:.4f} without a "
            f"penalty and falls too, to {end:.4f} with {_symbol(held[-1])}. The penalty takes away "
            "what the model needs to tell the digits apart."
        )
    return numbers + reason


def norms(runs: Runs) -> str:
    """Answer Task 4e: what happens to the squared length of the weights."""
    names = by_lambda(runs)
    norm = {name: runs[name]["weight_norm"] for name in names}
    numbers = f"‖w‖² is {_list(norm, '.3g')}. "
    rises = [
        f"from {_symbol(one)} to {_symbol(two)}"
        for one, two in pairwise(names)
        if norm[two] >= norm[one]
    ]
    if rises:
        return numbers + f"In this run it does not fall {' nor '.join(rises)}."
    return numbers + (
        f"So it falls with every larger λ, in all by a factor of "
        f"{norm[names[0]] / norm[names[-1]]:.3g}: each step of the descent takes the fraction 2ηλ "
        "of every weight away, where η is the learning rate, and the larger λ is, the sooner that "
        "outweighs what the gradient of the loss adds."
    )


def by_lambda(runs: Runs) -> list[str]:
    """Sort the names of the runs of task3 by their lambda, 0 first."""
    return sorted(runs, key=lambda name: float(name.removeprefix("lambda ")))


def _stop(run: Run) -> str:
    where = f"epoch {run['stop_epoch']} (counted from 0), at step {run['stop_step']}"
    best = run["best_check"]
    least = f"the least validation loss is {best['val_loss']:.4f}, at step {best['step']}."
    if run["stop_reason"] == "early stopping":
        return f"early stopping kicks in in {where}; {least}"
    return f"early stopping does not kick in: training ends with {where}; {least}"


def _drop_rate(run: Run) -> float:
    return run["drops"] / max(run["checks"] - 1, 1)


def _spikes(run: Run) -> str:
    return f"{run['drops']} of {run['checks'] - 1} checks ({_drop_rate(run):.1%})"


def _gap(check: Mapping[str, float]) -> float:
    return check["train_accuracy"] - check["val_accuracy"]


def _apart(check: Mapping[str, float]) -> str:
    side = "above" if _gap(check) >= 0 else "below"
    return (
        f"{check['train_accuracy']:.4f}, {abs(_gap(check)):.4f} {side} the validation accuracy of "
        f"{check['val_accuracy']:.4f}"
    )


def _symbol(name: str) -> str:
    return name.replace("lambda ", "λ = ")


def _list(values: Mapping[str, float], form: str) -> str:
    return ", ".join(f"{value:{form}} ({_symbol(name)})" for name, value in values.items())
