"""The homework's claims and the page on the logarithm: all of it comes from the results."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digits import Digits
from reproduce import cs_6685
from reproduce.claims import Claim
from reproduce.cs_6685 import document, hypotheses
from reproduce.cs_6685.experiments import EXPERIMENTS
from reproduce.cs_6685.transfer import VARIANTS

ACCURACIES = (0.1135, 0.7, 0.88, 0.97, 0.9912, 1.0)
LAST_100 = (0.1, 0.87, 0.88, 0.92, 0.97, 0.99, 1.0)
NEVER: tuple[list[int], ...] = ([], [5], [3, 5], [0, 2, 3, 4, 5, 6, 7, 8, 9])


def results(seed: int) -> dict[str, Any]:
    """Draw results of the form that `python -m reproduce.cs_6685` writes."""
    rng = np.random.default_rng(seed)

    def pick(values: Sequence[Any], count: int) -> list[Any]:
        """Draw values, or one value for all."""
        drawn = [values[i] for i in rng.integers(len(values), size=count)]
        return drawn if rng.integers(2) else drawn[:1] * count

    def training(epochs: int) -> dict[str, Any]:
        objectives = rng.uniform(-3, 1) - 0.001 * np.arange(6 * epochs)
        objectives += rng.integers(2) * rng.standard_normal(len(objectives))
        return {
            "settings": {"epochs": epochs},
            "steps": [300 * (i + 1) for i in range(2 * epochs)],
            "objectives": objectives.tolist(),
            "test_accuracy": pick(ACCURACIES, 2 * epochs),
            "last_100": pick(LAST_100, 2 * epochs),
            "never_predicted": pick(NEVER, 2 * epochs),
        }

    def transfer() -> dict[str, Any]:
        sizes = zip(("10", "100", "1000"), rng.random(3), strict=True)
        return {size: {"test_accuracy": value, "epochs": 12} for size, value in sizes}

    return {
        "trainings": {name: training(one.epochs) for name, one in EXPERIMENTS.items()},
        "transfer": {variant: transfer() for variant in VARIANTS},
    }


def claims(drawn: dict[str, Any]) -> dict[str, Claim]:
    both = [*cs_6685.claims(drawn), *hypotheses.hypotheses(drawn["trainings"])]
    return {claim.published: claim for claim in both}


def test_every_claim_holds_or_fails_by_the_results() -> None:
    verdicts: dict[str, set[bool]] = {}
    for seed in range(1000):  # some 150 suffice
        for text, claim in claims(results(seed)).items():
            verdicts.setdefault(text, set()).add(bool(claim.agrees))
        if all(len(seen) == 2 for seen in verdicts.values()):
            break
    assert {text: seen for text, seen in verdicts.items() if len(seen) < 2} == {}


def test_the_claims_compare_what_they_say() -> None:
    drawn = results(0)
    frozen, unfrozen, patient = (drawn["transfer"][name] for name in list(VARIANTS)[:3])
    for i, size in enumerate(frozen):
        frozen[size]["test_accuracy"], unfrozen[size]["test_accuracy"] = 0.5, 0.6
        patient[size]["test_accuracy"] = 0.62 if i == 0 else 0.604  # for one size, not for most
    trainings = drawn["trainings"]
    for name, value in {"L2": 0.99, "L1": 0.8, "L1 from L2": 0.9, "SGD": 0.89}.items():
        trainings[name]["test_accuracy"][-1] = value
    for name, losses in document.PRINTED.items():
        steps = range(100, 6100, 100)  # ours are the printed ones at these steps, and 9 elsewhere
        trainings[name]["objectives"] = [losses.get(step, 9.0) for step in steps]
    seen = claims(drawn)
    for text, agrees in {
        "unfreezing the convolutions improves the accuracy": True,
        "patience 15 gives a bit better accuracy than 10": False,
        "L1 does not help much, especially from random weights": True,
        "from the weights of L2, L1 also improves over L2": False,
        "from the weights of L2, quite a bit of improvement over L1 from random weights": True,
    }.items():
        assert seen[text].agrees is agrees
    unfreezing = seen["unfreezing the convolutions improves the accuracy"].ours
    assert unfreezing.startswith("10: 0.6000 against 0.5000, ")
    printed = "the printed losses are those of a term subtracted over some 2,200 weights"
    assert seen[printed].ours == "L1: +0.000, L1 from L2: +0.000"


def test_the_accuracy_after_an_epoch_is_the_one_at_its_end() -> None:
    one = {
        "settings": {"epochs": 3},
        "steps": [3, 6, 9, 12, 15, 18],
        "test_accuracy": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        "never_predicted": [[1], [2], [3], [4], [5], [6]],
    }
    assert [document.accuracy(one, epoch) for epoch in (1, 2, 3, None)] == [0.2, 0.4, 0.6, 0.6]
    assert document.never_predicted(one, 2) == [4]


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        (None, "there are none"),
        ({"data": "other", "data_sha256": "0"}, "they are of other"),
        ({"quick": True}, "they are of a quick run"),
    ],
)
def test_results_of_another_run_are_refused(
    tmp_path: Path, tiny_digits: Digits, change: dict[str, Any] | None, cause: str
) -> None:
    path = tmp_path / "results.json"
    full = {"data": "tiny digits", "data_sha256": tiny_digits.sha256(), "quick": False}
    path.write_text(json.dumps({"hw4": full}))
    assert cs_6685.read(path, tiny_digits) == full
    path.write_text(json.dumps({} if change is None else {"hw4": full | change}))
    with pytest.raises(OSError, match=rf"on tiny digits, but {cause}.*reproduce.cs_6685 --out"):
        cs_6685.read(path, tiny_digits)
