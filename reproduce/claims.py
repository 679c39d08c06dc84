"""Published results beside ours, and the page that lists them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import NamedTuple

RULE = (
    "A published number agrees if it differs from ours by at most one unit of its last printed "
    "digit, or by rounding where it is printed to all the digits of float64 (relative 1e-12). A "
    "published statement agrees if our result satisfies the criterion beside it; a tie does not. "
    "*By a guess*: it agrees, but by a protocol of which the document does not state every "
    "setting; the guess is stated. *Not found*: nothing that we have tried gives this number. No "
    "setting is chosen so that a number comes out."
)
CHANCE = 0.005  # smaller differences may be chance: an accuracy of 10,000 has standard error 0.003
YES, GUESS, NO, NOT_FOUND = "yes", "by a guess", "**no**", "**not found**"


class Method(NamedTuple):
    """How an experiment is repeated: the document's settings, and what we guess in addition."""

    settings: str
    guess: str = ""


@dataclass(frozen=True)
class Claim:
    """A published result and ours.

    Attributes:
        task: the task that the document answers, as it numbers it.
        published: the number or statement.
        method: how we repeat it.
        ours: our result.
        agrees: whether they agree, by `RULE`; None for a number that nothing gives.
        criterion: for a statement, what is measured and when it agrees.
        remark: an explanation; every disagreement has one.
    """

    task: str
    published: str
    method: Method
    ours: str
    agrees: bool | None
    criterion: str = ""
    remark: str = ""

    @property
    def verdict(self) -> str:
        """The word of the column "agrees"."""
        if self.agrees:
            return GUESS if self.method.guess else YES
        return NO if self.agrees is not None else NOT_FOUND


def number(
    task: str, what: str, published: str, method: Method, ours: float, remark: str = ""
) -> Claim:
    """Compare a published number, with all printed digits ("0.976", "98.77 %"), with ours.

    ours: a fraction where the published number is a percentage.
    """
    text = published.removesuffix("%").strip()
    scale, unit = (100, " %") if published.endswith("%") else (1, "")
    digits = len(text.partition(".")[2])
    value = scale * ours
    tolerance = max(10**-digits * (1 + 1e-9), 1e-12 * abs(value))
    shown = f"{value:.0f}" if digits == 0 and not unit else f"{value:.{digits + 1}f}"
    shown = repr(value) if digits > 15 else shown + unit
    agrees = abs(value - float(text)) <= tolerance
    return Claim(task, f"{what} {published}", method, shown, agrees, remark=remark)


def with_range(values: Sequence[float], spec: str) -> str:
    """Format the value of the first seed, and the range over all seeds."""
    first, low, high = (f"{x:{spec}}" for x in (values[0], min(values), max(values)))
    return f"{first} ({low} to {high})"


def by_setting(values: Mapping[float, float], spec: str) -> str:
    """Format {setting: value} as one line."""
    return ", ".join(f"{setting:g}: {value:{spec}}" for setting, value in values.items())


def tally(claims: Sequence[Claim]) -> str:
    """Count the verdicts."""
    count = Counter(claim.verdict for claim in claims)
    return (
        f"Of {len(claims)} results, {count[YES]} agree by the authors' protocol, {count[GUESS]} "
        f"agree by a stated guess, {count[NO]} disagree and are explained, {count[NOT_FOUND]} are "
        "not found"
    )


def page(
    documents: Mapping[str, Sequence[Claim]],
    provenance: str,
    figures: Mapping[str, Mapping[str, str]],
) -> str:
    """Write the claims of all documents as one Markdown page.

    Args:
        documents: {title: claims}.
        provenance: a paragraph on the data set and the versions.
        figures: {title: {file name: title of the figure}}.
    """
    total = tally([claim for claims in documents.values() for claim in claims])
    parts = ["# Published results beside ours", provenance, RULE, f"{total}."]
    for title, claims in documents.items():
        parts += [f"## {title}", f"{tally(claims)}.", *section(claims)]
        parts += [f"![{alt}](figures/{name})" for name, alt in figures.get(title, {}).items()]
    return "\n\n".join(parts) + "\n"


def section(claims: Sequence[Claim], heading: str = "published") -> list[str]:
    """Write claims as paragraphs: methods, table, remarks. heading: what the claims are."""
    methods = dict.fromkeys(claim.method for claim in claims)
    letters = dict(zip(methods, ascii_uppercase, strict=False))
    remarks = list(dict.fromkeys(claim.remark for claim in claims if claim.remark))
    rows = [
        f"| task | {heading} | protocol | criterion | ours | agrees |",
        "|---|---|---|---|---|---|",
    ]
    for claim in claims:
        mark = claim.verdict
        if claim.remark:
            mark += f" ({remarks.index(claim.remark) + 1})"
        letter = letters[claim.method]
        cells = (claim.task, claim.published, letter, claim.criterion, claim.ours, mark)
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return [
        "\n".join(
            f"- **{letter}**: {method.settings}"
            + (f" *Guessed:* {method.guess}" if method.guess else "")
            for method, letter in letters.items()
        ),
        "\n".join(rows),
        "\n".join(f"{i}. {remark}" for i, remark in enumerate(remarks, 1)),
    ]
