"""Published results beside ours, and the page that lists them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase

RULE = (
    "A published number agrees if it differs from ours by at most one unit of its last printed "
    "digit, or if it lies within the range of ours over all seeds. A published statement agrees if "
    "our result satisfies the criterion beside it."
)
CHANCE = 0.005  # smaller differences may be chance: an accuracy of 10,000 has standard error 0.003


@dataclass(frozen=True)
class Claim:
    """A published result and ours.

    Attributes:
        task: the task of the assignment that the document answers.
        published: the number or statement.
        protocol: how we repeated it, with our assumptions where the document is silent.
        ours: our result.
        agrees: whether they agree, by `RULE`.
        criterion: for a statement, what is measured and when it agrees.
        remark: an explanation, in particular of a disagreement.
    """

    task: str
    published: str
    protocol: str
    ours: str
    agrees: bool
    criterion: str = ""
    remark: str = ""


def number(
    task: str, what: str, published: str, protocol: str, ours: Sequence[float], remark: str = ""
) -> Claim:
    """Compare a published number with ours.

    Args:
        task: as for `Claim`.
        what: the quantity.
        published: the number with all printed digits, "0.976" or "98.77 %".
        protocol: as for `Claim`.
        ours: our value for each seed; a fraction where the published number is a percentage.
        remark: as for `Claim`.
    """
    text = published.removesuffix("%").strip()
    scale, unit = (100, " %") if published.endswith("%") else (1, "")
    digits = len(text.partition(".")[2])
    values = [scale * value for value in ours]
    tolerance = 10**-digits * (1 + 1e-9)
    agrees = abs(values[0] - float(text)) <= tolerance or (
        min(values) <= float(text) <= max(values)
    )
    spec = ".0f" if digits == 0 and not unit else f".{digits + 1}f"
    shown = with_range(values, spec, unit) if len(values) > 1 else f"{values[0]:{spec}}{unit}"
    return Claim(task, f"{what} {published}", protocol, shown, agrees, remark=remark)


def with_range(values: Sequence[float], spec: str, unit: str = "") -> str:
    """Format the value of the first seed, and the range over all seeds."""
    first, low, high = (f"{x:{spec}}" for x in (values[0], min(values), max(values)))
    return f"{first}{unit} ({low} to {high}{unit})"


def by_setting(values: Mapping[float, float], spec: str) -> str:
    """Format {setting: value} as one line."""
    return ", ".join(f"{setting:g}: {value:{spec}}" for setting, value in values.items())


def tally(claims: Sequence[Claim]) -> str:
    """Count the claims that agree."""
    return f"{sum(claim.agrees for claim in claims)} of {len(claims)} agree"


def page(documents: Mapping[str, Sequence[Claim]], provenance: str) -> str:
    """Write the claims of all documents as one Markdown page.

    Args:
        documents: {title: claims}.
        provenance: a paragraph on the data set and the versions.
    """
    total = tally([claim for claims in documents.values() for claim in claims])
    parts = ["# Published results beside ours", provenance, RULE]
    parts += [f"{total}. The remarks below each table explain the disagreements."]
    for title, claims in documents.items():
        parts += [f"## {title}", *section(claims)]
    return "\n\n".join(parts) + "\n"


def section(claims: Sequence[Claim], heading: str = "published") -> list[str]:
    """Write claims as paragraphs: protocols, table, remarks. heading: what the claims are."""
    protocols = dict.fromkeys(claim.protocol for claim in claims)
    letters = dict(zip(protocols, ascii_uppercase, strict=False))
    remarks = list(dict.fromkeys(claim.remark for claim in claims if claim.remark))
    rows = [
        f"| task | {heading} | protocol | criterion | ours | agrees |",
        "|---|---|---|---|---|---|",
    ]
    for claim in claims:
        mark = "yes" if claim.agrees else "**no**"
        if claim.remark:
            mark += f" ({remarks.index(claim.remark) + 1})"
        letter = letters[claim.protocol]
        cells = (claim.task, claim.published, letter, claim.criterion, claim.ours, mark)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return [
        "\n".join(f"- **{letter}**: {protocol}" for protocol, letter in letters.items()),
        "\n".join(rows),
        "\n".join(f"{i}. {remark}" for i, remark in enumerate(remarks, 1)),
    ]
