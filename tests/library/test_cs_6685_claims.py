"""The homework's claims: all of them come from the results."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from digits import Digits
from reproduce import cs_6685
from reproduce.claims import Claim
from reproduce.cs_6685 import document, hypotheses, page
from reproduce.cs_6685.transfer import VARIANTS

DOCS = Path(__file__).parents[2] / "docs"
PUBLISHED = page.read(DOCS / "figures" / "results.json")


def claims(results: Mapping[str, Any]) -> dict[str, Claim]:
    both = [*cs_6685.claims(results), *hypotheses.hypotheses(results["trainings"])]
    return {claim.published: claim for claim in both}


def alike(accuracy: float, never_predicted: list[int], slope: float) -> Mapping[str, Any]:
    """Let all trainings have the same results."""
    results = deepcopy(PUBLISHED)
    for one in results["trainings"].values():
        for key in ("test_accuracy", "train_accuracy", "last_100"):
            one[key] = [accuracy] * len(one["steps"])
        one["never_predicted"] = [never_predicted] * len(one["steps"])
        one["objectives"] = [slope * step for step in range(len(one["objectives"]))]
    for by_size in results["transfer"].values():
        for one in by_size.values():
            one["test_accuracy"] = [accuracy] * 3
            one["late"], one["loss_rises"], one["accuracy_falls"] = [[accuracy] * 3] * 3
    for example in results["transforms"].values():
        example["accuracy"] = accuracy
    return results


def changed(patient: int = 4, l1: float = 0.8, from_l2: float = 0.9) -> Mapping[str, Any]:
    """Let some trainings have these accuracies, and the losses that the document prints."""
    results = deepcopy(PUBLISHED)
    frozen, unfrozen, with_patience = (results["transfer"][name] for name in list(VARIANTS)[:3])
    for i, size in enumerate(frozen):
        frozen[size]["test_accuracy"], unfrozen[size]["test_accuracy"] = [0.5] * 3, [0.6] * 3
        with_patience[size]["test_accuracy"] = [0.6, 0.6, 0.6 + 0.1 * (i < patient)]
    trainings = results["trainings"]
    for name, value in {"L2": 0.99, "L1": l1, "L1 from L2": from_l2, "SGD": 0.89}.items():
        trainings[name]["test_accuracy"][-1] = value
    trainings["SGD"]["train_accuracy"][-1] = 0.89
    for name, losses in document.PRINTED.items():
        steps = range(100, 6100, 100)  # ours are the printed ones at these steps, and 9 elsewhere
        trainings[name]["objectives"] = [losses.get(step, 9.0) for step in steps]
    return results


def test_the_claims_hold_or_fail_by_the_results() -> None:
    verdicts: dict[str, set[bool]] = {}
    for results in (
        PUBLISHED,
        alike(1, [], -0.01),
        alike(0.11, list(range(9)), 0.01),
        *(alike(accuracy, [3], 0) for accuracy in (0.88, 0.92, 0.97)),
        changed(),
        changed(patient=5, l1=0.995, from_l2=0.996),
    ):
        for text, claim in claims(results).items():
            verdicts.setdefault(text, set()).add(bool(claim.agrees))
    assert {text for text, seen in verdicts.items() if len(seen) < 2} == set()


def test_the_claims_compare_what_they_say() -> None:
    seen = claims(changed())
    for text, agrees, shown in (
        ("unfreezing the convolutions improves", True, "10: 0.6000 against 0.5000, "),
        ("unfreezing the convolutions improves", True, "higher in 15 trainings, lower in 0; with"),
        ("patience 15 gives a bit better accuracy than 10", False, ""),
        ("L1 does not help much, especially from random weights", True, ""),
        ("from the weights of L2, L1 also improves over L2", False, ""),
        ("from the weights of L2, quite a bit of improvement over L1", True, ""),
        ("the printed losses are those of a", True, "L1: +0.000, L1 from L2: +0.000"),
    ):
        (claim,) = (claim for published, claim in seen.items() if published.startswith(text))
        assert claim.agrees is agrees
        assert shown in claim.ours
    (by_training,) = (one for text, one in seen.items() if "training accuracy of SGD" in text)
    assert by_training.ours == "0.8900 without, 0.9950 with"
    assert all(one.agrees for text, one in seen.items() if "mean of the printed losses" in text)


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
