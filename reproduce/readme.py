"""Paste the headline results of docs/results.md into README.md: `python -m reproduce.readme`."""

from __future__ import annotations

import re
from pathlib import Path

from lab.files import replacing
from lab.script import run_script

BEGIN = "<!-- results: pasted by `python -m reproduce.readme` -->"
END = "<!-- end of results -->"
HEADLINES = (
    "final training accuracy 0.976",
    "stops in epoch 33",
    "with shuffling, stops in epoch 16",
    "higher lambda, shorter weights",
    "final training loss 0.03429192881141587",
    "final validation accuracy 0.8615",
    "test accuracy about 92 %",
)


def results_block(page: str) -> str:
    """Select the headline rows of docs/results.md, and its count of verdicts.

    Raises:
        ValueError: if the page lacks one of them.
    """
    rows = {}
    year = ""
    for line in page.splitlines():
        if heading := re.match(r"## (\d{4})", line):
            year = heading.group(1)
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 6:
            _, published, _, _, ours, agrees = cells
            agrees = re.sub(r" \(\d+\)$", "", agrees)
            rows[published] = f"| {year} | {published} | {ours} | {agrees} |"
    agreeing = re.search(r"^Of \d+ results, .*$", page, re.MULTILINE)
    missing = [published for published in HEADLINES if published not in rows]
    if missing or not agreeing:
        raise ValueError(f"docs/results.md lacks {', '.join(missing) or 'the number that agree'}.")
    table = ["| published in | what | ours, on MNIST | agrees |", "|---|---|---|---|"]
    table += [rows[published] for published in HEADLINES]
    return "\n".join([*table, "", agreeing.group()])


def paste(readme: str, page: str) -> str:
    """Replace what stands between the markers in the README by the block of the page."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{results_block(page)}\n{END}{after}"


def main() -> None:
    """Paste the headline results of docs/results.md into README.md."""
    readme, page = Path("README.md"), Path("docs/results.md")
    text = paste(readme.read_text(encoding="utf-8"), page.read_text(encoding="utf-8"))
    with replacing(readme) as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"Pasted {len(HEADLINES)} results of {page} into {readme}")


if __name__ == "__main__":
    run_script(main)
