"""The document's claims and the page on the logarithm: all of it comes from the results."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digits import Digits
from reproduce import cs_6685
from reproduce.claims import Claim
from reproduce.cs_6685 import document, hypotheses, page
from reproduce.cs_6685.experiments import EXPERIMENTS
from reproduce.cs_6685.robustness import TRANSFORMS
from reproduce.cs_6685.transfer import VARIANTS

ACCURACIES = (0.1135, 0.7, 0.88, 0.97, 0.9912, 1.0)
NEVER: tuple[list[int], ...] = ([], [5], [3, 5], [0, 2, 3, 4, 5, 6, 7, 8, 9])


def results(seed: int) -> dict[str, Any]:
    """Draw results of the form that `python -m reproduce.cs_6685` writes."""
    rng = np.random.default_rng(seed)

    def pick(values: Any, count: int) -> list[Any]:
        return [values[i] for i in rng.integers(len(values), size=count)]

    def training(epochs: int) -> dict[str, Any]:
        objectives = np.full(6 * epochs, rng.uniform(-3, 1)) - 0.001 * np.arange(6 * epochs)
        objectives += rng.integers(2) * rng.standard_normal(len(objectives))
        count = 2 * epochs
        return {
            "settings": {"epochs": epochs},
            "steps": [300 * (i + 1) for i in range(count)],
            "objectives": objectives.tolist(),
            "test_accuracy": pick(ACCURACIES, 1) * count
            if rng.integers(2)
            else pick(ACCURACIES, count),
            "last_100": pick((0.1, 0.87, 0.88, 0.92, 0.97, 0.99, 1.0), count),
            "never_predicted": pick(NEVER, 1) * count if rng.integers(2) else pick(NEVER, count),
        }

    return {
        "data": "MNIST",
        "data_sha256": "0123456789abcdef0123",
        "versions": {"numpy": "2.0"},
        "trainings": {name: training(one.epochs) for name, one in EXPERIMENTS.items()},
        "transforms": dict(zip(TRANSFORMS, rng.random(len(TRANSFORMS)), strict=True)),
        "transfer": {
            variant: {
                str(size): {"test_accuracy": accuracy, "epochs": 12, "val_accuracy": [0.5]}
                for size, accuracy in zip((10, 100, 1000), rng.random(3), strict=True)
            }
            for variant in VARIANTS
        },
    }


def all_claims(seed: int) -> list[Claim]:
    drawn = results(seed)
    return [*cs_6685.claims(drawn), *hypotheses.hypotheses(drawn["trainings"])]


def test_every_claim_holds_or_fails_by_the_results() -> None:
    verdicts: dict[str, set[bool]] = {}
    ours: dict[str, set[str]] = {}
    for seed in range(400):
        for claim in all_claims(seed):
            verdicts.setdefault(claim.published, set()).add(bool(claim.agrees))
            ours.setdefault(claim.published, set()).add(claim.ours)
    assert {text: seen for text, seen in verdicts.items() if seen != {True, False}} == {}
    assert {text: seen for text, seen in ours.items() if len(seen) < 2} == {}


def test_statements_have_criteria_and_numbers_have_digits() -> None:
    for claim in all_claims(0):
        is_number = re.search(r": test accuracy [01]\.\d\d$", claim.published)
        assert bool(claim.criterion) != bool(is_number)


def test_the_accuracy_after_an_epoch_is_the_one_at_its_end() -> None:
    one = {
        "settings": {"epochs": 3},
        "steps": [3, 6, 9, 12, 15, 18],
        "test_accuracy": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        "never_predicted": [[1], [2], [3], [4], [5], [6]],
    }
    assert [document.accuracy(one, epoch) for epoch in (1, 2, 3, None)] == [0.2, 0.4, 0.6, 0.6]
    assert document.never_predicted(one, 2) == [4]


def test_digits_are_listed_in_words() -> None:
    assert [document.in_words(digits) for digits in ([], [5], [3, 5], [1, 2, 3])] == [
        "none",
        "5",
        "3 and 5",
        "1, 2 and 3",
    ]


def test_the_tables_of_the_page_have_the_numbers_of_the_results() -> None:
    drawn = results(3)
    losses, transfer = page.losses(drawn), page.transfer(drawn)
    for name in ("SGD", "SGD, cross-entropy"):
        assert f"| {document.accuracy(drawn['trainings'][name]):.4f} |" in losses
    for values in drawn["transfer"].values():
        assert f"| {values['10']['test_accuracy']:.4f} (12) |" in transfer
    for name, value in drawn["transforms"].items():
        assert f"| {name} | {value:.4f} |" in page.transforms(drawn)
    assert "on MNIST (sha256 0123456789abcdef...), NumPy 2.0" in page.provenance(drawn)


def test_a_term_subtracted_over_n_weights_has_the_slope_that_the_page_solves_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    losses = {step: 1 - 2200 * 0.1 * 0.001**2 * step for step in range(0, 500, 100)}
    monkeypatch.setattr(page, "PRINTED", {"L1": losses})
    assert page.weights_in_sum().endswith("| L1 | 2,200 |")


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
