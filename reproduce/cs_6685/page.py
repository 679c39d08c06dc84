"""The generated blocks of docs/convnet.md, from docs/figures/results.json alone.

`python -m cogapp -r docs/convnet.md` writes them; with --check in place of -r, it compares.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lab import results
from reproduce.claims import comparison, table
from reproduce.cs_6685 import hypotheses
from reproduce.cs_6685.document import (
    PART,
    PRINTED,
    PUBLISHED,
    SUBTRACTED,
    accuracy,
    in_words,
    never_predicted,
)
from reproduce.cs_6685.transfer import Variant

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
    header = ("", "published", "its loss: last 100", "all test images", "never predicted")
    rows = []
    for name, (_, published, _) in PUBLISHED.items():
        one = part["trainings"][name]
        log = part["trainings"].get(f"{name}, cross-entropy")
        missing = in_words(never_predicted(one))
        rows.append((name, published, *_accuracies(one), missing, *_accuracies(log)))
    return table((*header, "cross-entropy: last 100", "all test images"), rows)


def _accuracies(one: Mapping[str, Any] | None) -> tuple[str, str]:
    return (f"{one['last_100'][-1]:.2f}", f"{accuracy(one):.4f}") if one else ("", "")


def tested(part: Results) -> str:
    """Write the hypotheses with their verdicts."""
    return comparison(hypotheses.hypotheses(part["trainings"]), "hypothesis")


def weights_in_sum() -> str:
    """Write over how many weights the subtracted sum must run for the slope of the losses.

    Each weight lowers the loss by 0.1 lambda^2 = 1e-7 a step; with the standard error of the slope.
    """
    rows = []
    for name in SUBTRACTED:
        x, y = zip(*PRINTED[name].items(), strict=True)
        (slope, _), covariance = np.polyfit(x, y, 1, cov=True)
        rows.append((name, f"{-slope * 1e7:,.0f} ± {covariance[0, 0] ** 0.5 * 1e7:,.0f}"))
    return table(("", "weights in the sum"), rows)


def transforms(part: Results) -> str:
    """Write the accuracy after each transform as a table, and the example of it."""
    rows = (
        (name, f"{one['accuracy']:.4f}", one["example"]) for name, one in part["transforms"].items()
    )
    return table(("transform", "accuracy", "the first image misclassified"), rows)


def transfer(part: Results) -> str:
    """Write the test accuracies by the number of labelled images, and how long trainings took."""
    rows, epochs = [], set()
    for name, by_size in part["transfer"].items():
        rows.append((name, *(_mean_and_range(one["test_accuracy"]) for one in by_size.values())))
        epochs |= {n for one in by_size.values() for n in one["epochs"]}
    length = f"Trainings took {min(epochs)} to {max(epochs)} epochs, of {Variant.epochs:,} at most."
    return f"{table(('', *by_size), rows)}\n\n{length}"


def _mean_and_range(values: Sequence[float]) -> str:
    return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"
