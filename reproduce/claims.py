"""Published results beside ours: which of them agree, and their table in Markdown."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

CHANCE = 0.005  # smaller differences may be chance: an accuracy of 10,000 has standard error 0.003
YES, ASSUMED, FITTED = "yes", "with an assumed setting", "with a fitted setting"
NO, UNEXPLAINED = "**no**", "**no, unexplained**"
COUNTED = {  # {verdict: how `tally` counts it}
    YES: "agree by the authors' protocol",
    ASSUMED: "agree with an assumed setting",
    FITTED: "agree with a fitted setting",
    NO: "disagree and are explained",
    UNEXPLAINED: "disagree and are not explained",
}


class Method(NamedTuple):
    """How an experiment is repeated, as the page describes it under this letter.

    assumed: whether it has a setting that neither the document nor a named source states.
    fitted: whether it has a setting that is chosen so that the published result comes out.
    """

    letter: str
    assumed: bool = False
    fitted: bool = False


@dataclass(frozen=True)
class Claim:
    """A published result and ours.

    Attributes:
        task: the task that the document answers, as it numbers it.
        method: how we repeat it.
        published: the number or statement.
        ours: our result.
        agrees: whether they agree, by the rule of docs/results.md.
        criterion: for a statement, what is measured and when it agrees.
        note: the number of the page's note; that of a disagreement explains it.
        measured: the results that the note refers to.
    """

    task: str
    method: Method
    published: str
    ours: str
    agrees: bool
    criterion: str = ""
    note: int | None = None
    measured: str = ""

    @property
    def verdict(self) -> str:
        """The words of the column "agrees"."""
        if self.agrees:
            return FITTED if self.method.fitted else ASSUMED if self.method.assumed else YES
        return NO if self.note else UNEXPLAINED


def number(
    task: str,
    method: Method,
    what: str,
    published: str,
    ours: float,
    note: int | None = None,
    measured: str = "",
) -> Claim:
    """Compare a published number, with all printed digits ("0.976", "98.77 %"), with ours.

    ours: a fraction where the published number is a percentage.
    """
    percent, digits = published.endswith("%"), _decimals(published)
    value = 100 * ours if percent else ours
    shown = f"{value:.0f}" if digits == 0 and not percent else f"{value:.{digits + 1}f}"
    shown = repr(value) if digits > 15 else shown + (" %" if percent else "")
    agrees = within(published, ours)
    return Claim(task, method, f"{what} {published}", shown, agrees, note=note, measured=measured)


def within(printed: str, ours: float) -> bool:
    """Return whether ours, a fraction for "98.77 %", is within the last printed digit."""
    value = 100 * ours if printed.endswith("%") else ours
    tolerance = max(10 ** -_decimals(printed) * (1 + 1e-9), 1e-12 * abs(value))
    return abs(value - float(printed.strip(" %"))) <= tolerance


def _decimals(printed: str) -> int:
    return len(printed.strip(" %").partition(".")[2])


def with_range(values: Sequence[float], spec: str) -> str:
    """Format the value of the first seed, and the range over all seeds."""
    first, low, high = (f"{x:{spec}}" for x in (values[0], min(values), max(values)))
    return f"{first} ({low} to {high})"


def listed(values: Iterable[float], spec: str) -> str:
    """Format values as one line."""
    return ", ".join(f"{value:{spec}}" for value in values)


def by_setting(values: Mapping[Any, float], spec: str) -> str:
    """Format {setting or name: value} as one line."""
    return ", ".join(f"{setting}: {value:{spec}}" for setting, value in values.items())


def tally(claims: Sequence[Claim]) -> str:
    """Count the verdicts."""
    count = Counter(claim.verdict for claim in claims)
    counts = []
    for verdict, words in COUNTED.items():
        if count[verdict] == 1:
            words = words.replace("agree", "agrees").replace("are", "is")
        if count[verdict]:
            counts.append(f"{count[verdict]} {words}")
    return f"Of {len(claims)} results, {', '.join(counts)}."


def comparison(claims: Sequence[Claim], heading: str = "published") -> str:
    """Write claims as a table, and below it what was measured for the notes.

    heading: what the claims are.
    """
    rows = []
    for claim in claims:
        verdict = claim.verdict + (f" ({claim.note})" if claim.note else "")
        letter = claim.method.letter
        rows.append((claim.task, claim.published, letter, claim.criterion, claim.ours, verdict))
    text = table(("task", heading, "protocol", "criterion", "ours", "agrees"), rows)
    notes = dict.fromkeys((claim.note, claim.measured) for claim in claims if claim.measured)
    lines = [f"- Measured for note {note}: {measured}." for note, measured in notes]
    return "\n".join([text, "", *lines] if lines else [text])


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table in Markdown."""
    lines = (header, ["---"] * len(header), *rows)
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)
