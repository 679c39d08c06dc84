"""Repeat the experiments of every document, draw their figures, and write docs/results.md."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

import digits
from lab import figures
from lab.files import replacing
from lab.script import add_data_options, load_data, run_script
from reproduce import claims, course_2019, course_2020, course_2021

Experiments = Callable[[digits.Digits], tuple[list[claims.Claim], figures.Figures]]
DOCUMENTS: Mapping[str, Experiments] = {
    course_2021.TITLE: course_2021.run,
    course_2020.TITLE: course_2020.run,
    course_2019.TITLE: course_2019.run,
}


def main() -> None:
    """Repeat the experiments of four documents on this exercise, and compare the results."""
    parser = argparse.ArgumentParser(prog="python -m reproduce", description=main.__doc__)
    add_data_options(parser)
    parser.add_argument("--out", type=Path, default=Path("docs"), help="default: %(default)s")
    options = parser.parse_args()
    data = load_data(options)
    results: dict[str, list[claims.Claim]] = {}
    for title, run in DOCUMENTS.items():
        start = time.perf_counter()
        results[title], drawn = run(data)
        for name, figure in drawn.items():
            figures.save(figure, options.out / "figures" / name)
        print(f"{title}: {claims.tally(results[title])} ({time.perf_counter() - start:.0f} s)")
    provenance = (
        f"Written by `python -m reproduce` on {data.name} (sha256 {data.sha256()[:16]}...), "
        f"NumPy {np.__version__}, float32."
    )
    if data.name != "MNIST":
        provenance += (
            " **The documents use MNIST. On another data set the numbers need not agree, and the "
            "remarks need not apply.**"
        )
    path = options.out / "results.md"
    with replacing(path) as temporary:
        temporary.write_text(claims.page(results, provenance), encoding="utf-8")
    print(f"Wrote {path}")


if __name__ == "__main__":
    run_script(main)
