"""The numbers and statements of the homework beside what its experiments found."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from digits import Digits
from lab import results
from reproduce.claims import CHANCE, Claim, Method, by_setting, listed, number
from reproduce.cs_6685.experiments import SEEDS
from reproduce.cs_6685.transfer import VARIANTS
from reproduce.measures import significant

TITLE = "CS 6685: a report on a convolutional network"
PART = "hw4"  # of results.json
PUBLISHED: Mapping[str, tuple[str, str, tuple[float, ...]]] = {
    # {training: (task, test accuracy, last losses, of every hundredth step) that are printed}
    "L2": ("3.1", "0.99", (-0.9405, -0.9486, -0.9766, -0.9756, -0.9536, -0.9356, -0.9830)),
    "L1": ("3.2", "0.87", (-2.2675, -2.3384, -2.3046, -2.3611, -2.3442, -2.3783)),
    "L1 from L2": (
        *("3.2", "0.97"),
        (-2.3912, -2.4291, -2.4471, -2.4638, -2.4835, -2.5216, -2.5383, -2.5567),
    ),
    "SGD": ("3.3a", "0.88", (-0.8212, -0.8603)),
    "momentum": ("3.3a", "0.97", (-0.9522, -0.9564, -0.9639, -0.9533)),
    "Adagrad": ("3.3a", "0.92", (-0.9141, -0.9310, -0.8961)),
    "Adam": ("3.3a", "0.99", (-0.9674, -0.9898, -0.9900)),
    "SGD, batch norm": ("3.3b", "0.99", (-0.9835, -0.9929)),
    "Adam, batch norm": ("3.3b", "1.00", (-0.9876, -0.9896)),
}
PRINTED: Mapping[str, Mapping[int, float]] = {  # {training: {step: printed loss}}
    name: dict(zip(range(6100 - 100 * len(losses), 6100, 100), losses, strict=True))
    for name, (_, _, losses) in PUBLISHED.items()
}
SUBTRACTED = ("L1", "L1 from L2")  # their penalty is a fitted one
LAST_100, ALL, FOUR_SEEDS, TRANSFER, TRANSFORMED = (Method(one, assumed=True) for one in "ABCDF")
FITTED = Method("E", assumed=True, fitted=True)
Trainings = Mapping[str, Mapping[str, Any]]


def read(path: Path, data: Digits) -> dict[str, Any]:
    """Read what `python -m reproduce.cs_6685` wrote on this data set, from results.json.

    Raises OSError if there are none, or if they are of other data or of a quick run.
    """
    part = results.read(path).get(PART)
    if not part:
        cause = "there are none"
    elif part["data_sha256"] != data.sha256():
        cause = f"they are of {part['data']}"
    elif part["quick"]:
        cause = "they are of a quick run"
    else:
        return part
    raise OSError(
        f"{path}: expected results of CS 6685 on {data.name}, but {cause}. "
        f"Likely fix: python -m reproduce.cs_6685 --out {path.parent}"
    )


def claims(part: Mapping[str, Any]) -> list[Claim]:
    """Compare what the document says with the results that `python -m reproduce.cs_6685` wrote."""
    trainings = part["trainings"]
    return [
        *(_printed(name, trainings) for name in PUBLISHED),
        *(_printed_losses(name, trainings) for name in PRINTED if name not in SUBTRACTED),
        *_network(trainings),
        *_regularisation(trainings),
        *_optimisers(trainings),
        *_batch_norm(trainings),
        _transformed(part["transforms"]),
        *_transfer(part["transfer"]),
    ]


def seeds(name: str) -> list[str]:
    """Return the names of the trainings with the same settings and seeds 0 to 3."""
    return [name, *(f"{name}, seed {seed}" for seed in SEEDS)]


def accuracy(one: Mapping[str, Any], epoch: int | None = None, images: str = "test") -> float:
    """Return the "test" or "train" accuracy after an epoch, counted from 1; None: the last."""
    return one[f"{images}_accuracy"][_index(one, epoch)]


def losses(trainings: Trainings, name: str) -> tuple[float, float]:
    """Return the means of the printed losses of a training, and of ours at the same steps.

    Ours are those of every hundredth step; after the last step, it counts.
    """
    ours = trainings[name]["objectives"]
    at = [ours[min(step // 100, len(ours)) - 1] for step in PRINTED[name]]
    return float(np.mean(list(PRINTED[name].values()))), float(np.mean(at))


def never_predicted(one: Mapping[str, Any], epoch: int | None = None) -> list[int]:
    """Return the digits that the network sees in no test image after an epoch."""
    return one["never_predicted"][_index(one, epoch)]


def _index(one: Mapping[str, Any], epoch: int | None) -> int:
    epochs = one["settings"]["epochs"]
    return len(one["steps"]) * (epoch or epochs) // epochs - 1


def in_words(digits: Sequence[int]) -> str:
    """Write digits as text, "3 and 5"."""
    *others, last = [str(digit) for digit in digits] or ["none"]
    return f"{', '.join(others)} and {last}" if others else last


def _printed(name: str, trainings: Trainings) -> Claim:
    task, published, _ = PUBLISHED[name]
    method = FITTED if name in SUBTRACTED else LAST_100
    return number(
        task, method, f"{name}: test accuracy", published, trainings[name]["last_100"][-1]
    )


def _printed_losses(name: str, trainings: Trainings) -> Claim:
    printed, ours = losses(trainings, name)
    return Claim(
        PUBLISHED[name][0],
        LAST_100,
        f"{name}: mean of the printed losses {printed:.3f}",
        f"{ours:.3f}",
        abs(printed - ours) <= 0.05,
        "mean of our losses at the same steps: at most 0.05 from it, half of what a digit is worth",
    )


def _higher(
    claim: Callable[..., Claim], text: str, values: Mapping[str, float], note: int | None = None
) -> Claim:
    first, second = values.values()
    return claim(
        text,
        by_setting(values, ".4f"),
        first > second + CHANCE,
        f"higher by more than {CHANCE}",
        note=note,
    )


def _network(trainings: Trainings) -> list[Claim]:
    early, early_with_log = (
        (accuracy(trainings[name], 2) - 0.1) / (accuracy(trainings[name]) - 0.1)
        for name in ("L2", "L2, cross-entropy")
    )
    same = [accuracy(trainings[name], 3) for name in seeds("SGD")]
    least = min(trainings["L2, cross-entropy"]["objectives"])
    whole, linear, whole_with_log, linear_with_log = (
        accuracy(trainings[f"L2{part}{loss}"])
        for loss in ("", ", cross-entropy")
        for part in ("", ", linear layers alone")
    )
    claim, with_seeds = (partial(Claim, "3.1", method) for method in (ALL, FOUR_SEEDS))
    return [
        claim(
            "most of the success likely came from the network's set-up",
            f"{whole:.4f}, linear layers alone {linear:.4f}; with cross-entropy "
            f"{whole_with_log:.4f} and {linear_with_log:.4f}",
            whole > linear + CHANCE and whole_with_log > linear_with_log + CHANCE,
            "accuracy with L2 minus that of the linear layers alone, with either loss: above "
            f"{CHANCE}",
        ),
        claim(
            "most of the learning occurs in the earlier epochs",
            f"{early:.1%}",
            early > 0.9,
            "of the accuracy above 0.1 that L2 has in the end, the part it has after 2 of 10 "
            "epochs: above 90 %",
            note=1,
            measured=f"with cross-entropy the part is {early_with_log:.1%}",
        ),
        claim(
            "the loss is negative just because of the network",
            f"{least:.4f}",
            least < 0,
            "least loss of the same network with cross-entropy: negative",
            note=2,
        ),
        with_seeds(
            "the test accuracy depends a bit on the initialisation",
            listed(same, ".4f"),
            bool(np.ptp(same) > CHANCE),
            f"range over four seeds of SGD after epoch 3: above {CHANCE}",
        ),
        with_seeds(
            "the same settings (no weight decay, no momentum) give 0.99 and, in 3.3a, 0.88",
            f"{np.ptp(same):.4f}",
            bool(np.ptp(same) >= 0.99 - 0.88),
            "range over four seeds of SGD after epoch 3: at least 0.11",
            note=3,
        ),
    ]


def _regularisation(trainings: Trainings) -> list[Claim]:
    l2, l1, l1_from_l2 = (accuracy(trainings[name]) for name in ("L2", "L1", "L1 from L2"))
    claim = partial(Claim, "3.2", FITTED)
    return [
        claim(
            "L1 does not help much, especially from random weights",
            f"{l1:.4f} with L1, {l2:.4f} with L2",
            l1 < l2 + CHANCE,
            f"L1 above L2 by less than {CHANCE}",
        ),
        _higher(
            claim,
            "from the weights of L2, quite a bit of improvement over L1 from random weights",
            {"20 epochs, 10 of them L2": l1_from_l2, "10 epochs": l1},
        ),
        _higher(
            claim,
            "from the weights of L2, L1 also improves over L2",
            {"20 epochs, 10 of them L2": l1_from_l2, "10 epochs of L2": l2},
            note=4,
        ),
    ]


def _optimisers(trainings: Trainings) -> list[Claim]:
    names = ("SGD", "momentum", "Adagrad", "Adam")
    first = {name: accuracy(trainings[name], 1) for name in names}
    last = {name: accuracy(trainings[name]) for name in names}
    ranges = {
        name: float(np.ptp([accuracy(trainings[each], 1) for each in seeds(name)]))
        for name in ("SGD", "Adam")
    }
    claim = partial(Claim, "3.3a", ALL)
    return [
        claim(
            "Adam learns very quickly",
            by_setting(first, ".4f"),
            max(first, key=first.__getitem__) == "Adam",
            "test accuracy after the first epoch: highest for Adam",
        ),
        Claim(
            "3.3a",
            FOUR_SEEDS,
            "Adam is robust to the initialisation",
            by_setting(ranges, ".4f"),
            ranges["Adam"] < ranges["SGD"] / 2,
            "range over four seeds after the first epoch: less than half that of SGD",
        ),
        _higher(
            claim,
            "Adagrad is worse than Adam",
            {name: last[name] for name in ("Adam", "Adagrad")},
        ),
        _higher(
            claim,
            "SGD with momentum outperforms simple SGD",
            {name: last[name] for name in ("momentum", "SGD")},
            note=5,
        ),
    ]


def _batch_norm(trainings: Trainings) -> list[Claim]:
    names = ("SGD", "SGD, batch norm")
    plain, normed = (accuracy(trainings[name], None, "train") for name in names)
    changes = {name: float(np.std(np.diff(trainings[name]["objectives"])[-30:])) for name in names}
    deviations = {
        name: float(np.std(trainings[name]["test_accuracy"][-10:]))
        for name in ("Adam", "Adam, batch norm")
    }
    perfect = trainings["Adam, batch norm"]
    claim = partial(Claim, "3.3b", ALL)
    return [
        claim(
            "batch normalisation improves the training accuracy of SGD dramatically, from about "
            "88 % to about 99 %",
            f"{plain:.4f} without, {normed:.4f} with",
            normed > plain + 0.05 and normed > 0.985,
            "training accuracy: higher by more than 0.05, and above 0.985",
            note=6,
            measured="after epoch 3 the training accuracy is "
            f"{accuracy(trainings['SGD'], 3, 'train'):.4f} without and "
            f"{accuracy(trainings['SGD, batch norm'], 3, 'train'):.4f} with",
        ),
        claim(
            "batch normalisation makes the cost of SGD trend more consistently",
            by_setting(changes, ".4f"),
            changes["SGD, batch norm"] < changes["SGD"],
            "standard deviation of the change of the loss over a hundred steps, in the last five "
            "epochs: smaller with it",
        ),
        claim(
            "batch normalisation improves the consistency of Adam",
            by_setting(deviations, ".4f"),
            deviations["Adam, batch norm"] < deviations["Adam"],
            "standard deviation of the test accuracy in the last five epochs: smaller with it",
        ),
        claim(
            "the test accuracy of 1.0 is likely due to rounding",
            f"{accuracy(perfect):.4f}; {perfect['last_100'][-1]:.2f} of the last 100",
            accuracy(perfect) >= 0.99995,
            "accuracy of all test images: rounds to 1.0000",
            note=7,
        ),
    ]


def _transformed(transforms: Mapping[str, Mapping[str, Any]]) -> Claim:
    blurred = transforms["blurred, σ = 3"]
    return Claim(
        "5.2",
        TRANSFORMED,
        "corn, transformed and blurred, is taken for a hot pot",
        f"{blurred['example']}; accuracy {blurred['accuracy']:.4f}",
        blurred["accuracy"] < 0.5,
        "the first image that is right before the blur and wrong after; accuracy after it: below "
        "0.5",
    )


def _transfer(transfer: Mapping[str, Mapping[str, Any]]) -> list[Claim]:
    frozen, unfrozen, patient, frozen_fast, unfrozen_fast = list(VARIANTS)[:5]

    def runs(name: str, key: str = "test_accuracy") -> list[float]:
        return [value for one in transfer[name].values() for value in one[key]]

    def higher(first: Sequence[float], second: Sequence[float]) -> tuple[str, bool]:
        signs = np.sign(np.subtract(first, second))
        more, less = int(np.sum(signs > 0)), int(np.sum(signs < 0))
        return f"higher in {more} trainings, lower in {less}", significant(more, more + less)

    def better(
        text: str, first: str, second: str, more: str = "", note: int | None = None
    ) -> Claim:
        means = (
            f"{size}: {np.mean(one['test_accuracy']):.4f} against "
            f"{np.mean(transfer[second][size]['test_accuracy']):.4f}"
            for size, one in transfer[first].items()
        )
        counts, agrees = higher(runs(first), runs(second))
        criterion = "accuracy, paired by number of images and draw: higher by a sign test at 5 %"
        return claim(text, f"{', '.join(means)}; {counts}{more}", agrees, criterion, note)

    claim = partial(Claim, "5.4", TRANSFER)
    rises, falls = runs(frozen, "loss_rises"), runs(frozen, "accuracy_falls")
    late = float(np.median(runs(frozen, "late")))
    with_fast, _ = higher(runs(unfrozen_fast), runs(frozen_fast))
    return [
        Claim(
            "5.3",
            TRANSFER,
            "the validation cost improves more smoothly than the accuracy",
            f"the loss rises {sum(rises)} times, the accuracy falls {sum(falls)} times",
            higher(falls, rises)[1],
            "epochs up to the best in which a frozen network becomes worse: fewer by the loss than "
            "by the accuracy, by a sign test over its trainings at 5 %",
        ),
        Claim(
            "5.3",
            TRANSFER,
            "the validation cost stalls",
            f"{late:.1%}",
            late < 0.1,
            "part of the fall of a frozen network's validation loss that the second half of the "
            "epochs brings, median of its trainings: below a tenth",
        ),
        better(
            "unfreezing the convolutions improves the accuracy",
            unfrozen,
            frozen,
            f"; with rate 1e-3 {with_fast}",
        ),
        better("patience 15 gives a bit better accuracy than 10", patient, unfrozen, note=8),
    ]
