"""A published claim beside ours, and the page that shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

RULE = (
    "A number agrees if ours lies within one unit of its last printed digit, or if it lies within "
    "the spread of ours over ten seeds. A claim in words agrees if the test named with it holds."
)
CHANCE = 0.005  # a difference of accuracies; on 10,000 images the standard error of one is 0.003


@dataclass(frozen=True)
class Claim:
    """What a document says and what comes out here.

    Attributes:
        task: of the assignment that the document answers.
        published: the number or the claim.
        protocol: how it was repeated, and what was assumed where the document is silent.
        ours: what came out.
        agrees: by `RULE`.
        test: of a claim in words, or of a number that needs explaining: what was measured.
        remark: why it does not agree, or what to know.
    """

    task: str
    published: str
    protocol: str
    ours: str
    agrees: bool
    test: str = ""
    remark: str = ""


def number(
    task: str, what: str, published: str, protocol: str, ours: Sequence[float], remark: str = ""
) -> Claim:
    """Compare a published number with ours.

    Args:
        task: of the assignment.
        what: what the number is.
        published: as printed, with as many digits: "0.976", "98.77 %".
        protocol: how it was repeated.
        ours: one value, or one a seed; a fraction where the published one is a percentage.
        remark: why it does not agree, or what to know.
    """
    text = published.removesuffix("%").strip()
    scale, sign = (100, " %") if published.endswith("%") else (1, "")
    digits = len(text.partition(".")[2])
    values = [scale * value for value in ours]
    tolerance = 10**-digits * (1 + 1e-9)
    agrees = abs(values[0] - float(text)) <= tolerance or (
        min(values) <= float(text) <= max(values)
    )
    form = "{:.0f}" if digits == 0 and not sign else f"{{:.{digits + 1}f}}"
    shown = spread(values, form, sign) if len(values) > 1 else form.format(values[0]) + sign
    return Claim(task, f"{what} {published}", protocol, shown, agrees, remark=remark)


def spread(values: Sequence[float], form: str, sign: str = "") -> str:
    """Write the value of the first seed, and the least and the largest of all seeds."""
    first, least, most = (form.format(x) for x in (values[0], min(values), max(values)))
    return f"{first}{sign} ({least} to {most}{sign})"


def page(documents: Mapping[str, Sequence[Claim]], provenance: str) -> str:
    """Write the claims of all documents as one Markdown page.

    Args:
        documents: {title: claims}.
        provenance: a paragraph on the data set and the versions.
    """
    everything = [claim for claims in documents.values() for claim in claims]
    agreeing = sum(claim.agrees for claim in everything)
    parts = ["# Every published number beside ours", provenance, RULE]
    parts += [f"{agreeing} of {len(everything)} agree. What does not is explained below its table."]
    for title, claims in documents.items():
        parts += [f"## {title}", *_section(claims)]
    return "\n\n".join(parts) + "\n"


def _section(claims: Sequence[Claim]) -> list[str]:
    letters = dict(zip(dict.fromkeys(claim.protocol for claim in claims), "ABCDEFGH", strict=False))
    remarks: list[str] = []
    rows = ["| task | published | how | measured | ours | agrees |", "|---|---|---|---|---|---|"]
    for claim in claims:
        mark = "yes" if claim.agrees else "**no**"
        if claim.remark:
            if claim.remark not in remarks:
                remarks.append(claim.remark)
            mark += f" ({remarks.index(claim.remark) + 1})"
        how = letters[claim.protocol]
        cells = (claim.task, claim.published, how, claim.test, claim.ours, mark)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return [
        "\n".join(f"- **{letter}**: {protocol}" for protocol, letter in letters.items()),
        "\n".join(rows),
        "\n".join(f"{i}. {remark}" for i, remark in enumerate(remarks, 1)),
    ]
