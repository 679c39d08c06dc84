"""The generated blocks of docs/convnet.md, from docs/figures/results.json alone.

`python -m cogapp -r docs/convnet.md` writes them; with --check in place of -r, it compares.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lab import results
from reproduce.claims import comparison, table
from reproduce.cs_6685 import hypotheses
from reproduce.cs_6685.document import PART, PRINTED, PUBLISHED, accuracy, in_words, never_predicted

Results = Mapping[str, Any]  # what `python -m reproduce.cs_6685` wrote


def read(path: Path = Path("docs", "figures", results.FILE)) -> Results:
    """Read the results of the homework."""
    return results.read(path)[PART]


def provenance(part: Results) -> str:
    """Name the data and the version of NumPy."""
    return (
        f"Measured by `python -m reproduce.cs_6685` on {part['data']} (sha256 "
        f"{part['data_sha256'][:16]}...), NumPy {part['versions']['numpy']}, float32."
    )


def losses(part: Results) -> str:
    """Write the accuracies with the document's loss and with cross-entropy as a table."""
    header = ("", "published", "its loss: last 100", "all 10,000", "never predicted")
    rows = []
    for name, (_, published) in PUBLISHED.items():
        one = part["trainings"][name]
        log = part["trainings"].get(f"{name}, cross-entropy")
        missing = in_words(never_predicted(one))
        rows.append((name, published, *_accuracies(one), missing, *_accuracies(log)))
    return table((*header, "cross-entropy: last 100", "all 10,000"), rows)


def _accuracies(one: Mapping[str, Any] | None) -> tuple[str, str]:
    return (f"{one['last_100'][-1]:.2f}", f"{accuracy(one):.4f}") if one else ("", "")


def tested(part: Results) -> str:
    """Write the hypotheses with their verdicts."""
    return comparison(hypotheses.hypotheses(part["trainings"]), "hypothesis")


def weights_in_sum() -> str:
    """Write over how many weights the subtracted sum must run for the slope of the losses.

    Each weight lowers the loss by 0.1 lambda^2 a step, with lambda 0.001.
    """
    rows = []
    for name, losses in PRINTED.items():
        slope, _ = np.polyfit(list(losses), list(losses.values()), 1)
        rows.append((name, f"{-slope / (0.1 * 0.001**2):,.0f}"))
    return table(("", "weights in the sum"), rows)


def transforms(part: Results) -> str:
    """Write the accuracy after each transform as a table."""
    rows = ((name, f"{value:.4f}") for name, value in part["transforms"].items())
    return table(("transform", "accuracy"), rows)


def transfer(part: Results) -> str:
    """Write the test accuracies, and the epochs in brackets, by the number of labelled images."""
    variants = part["transfer"]
    rows = (
        (name, *(f"{one['test_accuracy']:.4f} ({one['epochs']})" for one in by_size.values()))
        for name, by_size in variants.items()
    )
    return table(("", *next(iter(variants.values()))), rows)
