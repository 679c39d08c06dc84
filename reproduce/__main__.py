"""Run every protocol, draw its figures, and write docs/results.md."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np

import digits
from lab import figures
from lab.files import replacing
from lab.script import run_script
from reproduce import claims, course_2019, course_2020, course_2021

DOCUMENTS = (course_2021, course_2020, course_2019)


def main() -> None:
    """Repeat what four documents on this exercise report, and write ours beside theirs."""
    parser = argparse.ArgumentParser(prog="python -m reproduce", description=main.__doc__)
    parser.add_argument("--data", choices=digits.CHOICES, default="auto")
    parser.add_argument("--data-dir", type=Path, help="folder with the four MNIST files")
    parser.add_argument("--out", type=Path, default=Path("docs"), help="default: %(default)s")
    options = parser.parse_args()
    data = digits.load(options.data, options.data_dir)
    found: dict[str, list[claims.Claim]] = {}
    for document in DOCUMENTS:
        start = time.perf_counter()
        found[document.TITLE], drawn = document.run(data)
        for name, figure in drawn.items():
            figures.save(figure, options.out / "figures" / name)
        agreeing = sum(claim.agrees for claim in found[document.TITLE])
        seconds = time.perf_counter() - start
        print(
            f"{document.TITLE}: {agreeing} of {len(found[document.TITLE])} agree ({seconds:.0f} s)"
        )
    provenance = (
        f"Written by `python -m reproduce` on {data.name} (sha256 {data.sha256()[:16]}...), "
        f"NumPy {np.__version__}, float32."
    )
    if data.name != "MNIST":
        provenance += (
            " **The documents are about MNIST: on other digits no number need agree, and the "
            "remarks, which are about MNIST, need not fit.**"
        )
    path = options.out / "results.md"
    with replacing(path) as temporary:
        temporary.write_text(claims.page(found, provenance), encoding="utf-8")
    print(f"Wrote {path}")


if __name__ == "__main__":
    run_script(main)
