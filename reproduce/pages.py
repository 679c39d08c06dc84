"""The generated blocks of docs/results.md and README.md, from docs/figures/results.json alone.

`python -m cogapp -r docs/*.md README.md` writes them; with --check in place of -r, it compares.
"""

from pathlib import Path
from typing import Any

from lab import results
from reproduce.claims import Claim, Method, comparison, table, tally

PATH = Path("docs", "figures", results.FILE)
PART = "published"  # of results.json
HEADLINES = (
    ("course_2021", "stops in epoch 33"),
    ("course_2021", "with shuffling, stops in epoch 16"),
    ("course_2021", "higher lambda, shorter weights"),
    ("course_2020", "final training loss 0.03429192881141587"),
    ("course_2020", "final validation accuracy 0.8615"),
)


def read(path: Path = PATH) -> dict[str, list[Claim]]:
    """Read {name of the module that repeats a document: its claims}."""
    documents = results.read(path)[PART]["documents"]
    return {name: [_claim(**claim) for claim in claims] for name, claims in documents.items()}


def _claim(method: tuple[Any, ...], **fields: Any) -> Claim:
    return Claim(method=Method(*method), **fields)


def provenance(path: Path = PATH) -> str:
    """Name the data and the seeds of the results."""
    part = results.read(path)[PART]
    text = (
        f"Measured by `python -m reproduce` on {part['data']} (sha256 {part['data_sha256'][:16]}"
        f"...), NumPy {part['numpy']}, seeds 0 to {part['seeds'] - 1}."
    )
    if part["data"] != "MNIST":
        text += " **The documents use MNIST. On another data set the numbers need not agree.**"
    return text


def total() -> str:
    """Count the verdicts of all documents."""
    return tally([claim for claims in read().values() for claim in claims])


def document(name: str, path: Path = PATH) -> str:
    """Write the claims of a document: how many agree, and the table."""
    claims = read(path).get(name)
    if not claims:
        return "Left out: there are no results."
    return f"{tally(claims)}\n\n{comparison(claims)}"


def headlines() -> str:
    """Write the headline results, and the count of all verdicts, for the README."""
    documents = read()
    rows = []
    for name, published in HEADLINES:
        (claim,) = (one for one in documents[name] if one.published == published)
        rows.append((name.removeprefix("course_"), published, claim.ours, claim.verdict))
    return table(("published in", "what", "ours, on MNIST", "agrees"), rows) + f"\n\n{total()}"
