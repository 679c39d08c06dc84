"""The numbers and statements of the homework beside what its experiments found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from digits import Digits
from lab import results
from reproduce.claims import CHANCE, Claim, Method, by_setting, listed, number
from reproduce.cs_6685.experiments import SEEDS
from reproduce.cs_6685.transfer import VARIANTS

TITLE = "CS 6685: a report on a convolutional network"
PART = "hw4"  # of results.json
PUBLISHED = {  # {training: (task, test accuracy that the document prints)}
    "L2": ("3.1", "0.99"),
    "L1": ("3.2", "0.87"),
    "L1 from L2": ("3.2", "0.97"),
    "SGD": ("3.3a", "0.88"),
    "momentum": ("3.3a", "0.97"),
    "Adagrad": ("3.3a", "0.92"),
    "Adam": ("3.3a", "0.99"),
    "SGD, batch norm": ("3.3b", "0.99"),
    "Adam, batch norm": ("3.3b", "1.00"),
}
PRINTED: Mapping[str, Mapping[int, float]] = {  # its losses with L1, {step: loss}
    name: dict(zip(range(first, 6100, 100), losses, strict=True))
    for name, first, losses in (
        ("L1", 5500, (-2.2675, -2.3384, -2.3046, -2.3611, -2.3442, -2.3783)),
        (
            "L1 from L2",
            5300,
            (-2.3912, -2.4291, -2.4471, -2.4638, -2.4835, -2.5216, -2.5383, -2.5567),
        ),
    )
}
LAST_100, ALL, FOUR_SEEDS, TRANSFER = (Method(letter, assumed=True) for letter in "ABCD")
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
        *_regularisation(trainings),
        *_optimisers(trainings),
        *_batch_norm(trainings),
        *_transfer(part["transfer"]),
    ]


def seeds(name: str) -> list[str]:
    """Return the names of the trainings with the same settings and seeds 0 to 3."""
    return [name, *(f"{name}, seed {seed}" for seed in SEEDS)]


def accuracy(one: Mapping[str, Any], epoch: int | None = None) -> float:
    """Return the accuracy of all test images after an epoch, counted from 1; None: the last."""
    return one["test_accuracy"][_index(one, epoch)]


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
    task, published = PUBLISHED[name]
    ours = trainings[name]["last_100"][-1]
    return number(task, LAST_100, f"{name}: test accuracy", published, ours, note=1)


def _regularisation(trainings: Trainings) -> list[Claim]:
    l2, l1, l1_from_l2 = (accuracy(trainings[name]) for name in ("L2", "L1", "L1 from L2"))
    early, early_with_log = (
        (accuracy(trainings[name], 2) - 0.1) / (accuracy(trainings[name]) - 0.1)
        for name in ("L2", "L2, cross-entropy")
    )
    same = [accuracy(trainings[name], 3) for name in seeds("SGD")]
    least = min(trainings["L2, cross-entropy"]["objectives"])
    claim, claim_on_l1 = (partial(Claim, task, ALL) for task in ("3.1", "3.2"))
    return [
        claim(
            "most of the learning occurs in the earlier epochs",
            f"{early:.1%}",
            early > 0.9,
            "of the accuracy above 0.1 that L2 has in the end, the part it has after 2 of 10 "
            "epochs: above 90 %",
            note=2,
            measured=f"{early_with_log:.1%} with cross-entropy",
        ),
        claim(
            "the loss is negative just because of the network",
            f"{least:.4f}",
            least < 0,
            "least loss of the same network with cross-entropy: negative",
            note=3,
        ),
        Claim(
            "3.1",
            FOUR_SEEDS,
            "the test accuracy depends a bit on the initialisation",
            listed(same, ".4f"),
            bool(np.ptp(same) > CHANCE),
            f"range over four seeds of SGD after epoch 3: above {CHANCE}",
        ),
        Claim(
            "3.1, 3.3a",
            FOUR_SEEDS,
            "the same settings (no weight decay, no momentum) give 0.99 and 0.88",
            f"{np.ptp(same):.4f}",
            bool(np.ptp(same) >= 0.99 - 0.88),
            "range over four seeds of SGD after epoch 3: at least 0.11",
            note=4,
        ),
        claim_on_l1(
            "L1 does not help much, especially from random weights",
            f"{l1:.4f} with L1, {l2:.4f} with L2",
            l1 < l2 + CHANCE,
            f"L1 above L2 by less than {CHANCE}",
        ),
        claim_on_l1(
            "from the weights of L2, quite a bit of improvement over L1 from random weights",
            f"{l1_from_l2:.4f} from those of L2, {l1:.4f} from random ones",
            l1_from_l2 > l1 + CHANCE,
            f"higher by more than {CHANCE}",
        ),
        claim_on_l1(
            "from the weights of L2, L1 also improves over L2",
            f"{l1_from_l2:.4f} with L1, {l2:.4f} before",
            l1_from_l2 > l2 + CHANCE,
            f"higher by more than {CHANCE}",
            note=5,
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
        claim(
            "Adagrad is worse than Adam",
            by_setting({name: last[name] for name in ("Adagrad", "Adam")}, ".4f"),
            last["Adagrad"] < last["Adam"] - CHANCE,
            f"lower by more than {CHANCE}",
        ),
        claim(
            "SGD with momentum outperforms simple SGD",
            by_setting({name: last[name] for name in ("momentum", "SGD")}, ".4f"),
            last["momentum"] > last["SGD"] + CHANCE,
            f"higher by more than {CHANCE}",
            note=6,
        ),
    ]


def _batch_norm(trainings: Trainings) -> list[Claim]:
    plain, normed = (accuracy(trainings[name]) for name in ("SGD", "SGD, batch norm"))
    deviations = {
        name: float(np.std(trainings[name]["test_accuracy"][-10:]))
        for name in ("Adam", "Adam, batch norm")
    }
    perfect = trainings["Adam, batch norm"]
    claim = partial(Claim, "3.3b", ALL)
    return [
        claim(
            "batch normalisation improves SGD dramatically, from about 88 % to about 99 %",
            f"{plain:.4f} without, {normed:.4f} with",
            normed > plain + 0.05 and normed > 0.985,
            "higher by more than 0.05, and above 0.985",
            note=7,
            measured=f"after epoch 3 {accuracy(trainings['SGD'], 3):.4f} without and "
            f"{accuracy(trainings['SGD, batch norm'], 3):.4f} with",
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
            note=8,
        ),
    ]


def _transfer(transfer: Mapping[str, Mapping[str, Any]]) -> list[Claim]:
    frozen, unfrozen, patient = (
        {size: one["test_accuracy"] for size, one in transfer[name].items()}
        for name in list(VARIANTS)[:3]
    )

    def better(first: Mapping[str, float], second: Mapping[str, float]) -> bool:
        return sum(first[size] > second[size] + CHANCE for size in first) > len(first) / 2

    def beside(first: Mapping[str, float], second: Mapping[str, float]) -> str:
        pairs = (f"{size}: {first[size]:.4f} against {second[size]:.4f}" for size in first)
        return ", ".join(pairs)

    claim = partial(Claim, "5.4", TRANSFER)
    return [
        claim(
            "unfreezing the convolutions improves the accuracy",
            beside(unfrozen, frozen),
            better(unfrozen, frozen),
            f"higher by more than {CHANCE} for most numbers of images",
            note=9,
        ),
        claim(
            "patience 15 gives a bit better accuracy than 10",
            beside(patient, unfrozen),
            better(patient, unfrozen),
            f"higher by more than {CHANCE} for most numbers of images",
            note=10,
        ),
    ]
