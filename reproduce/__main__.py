"""Repeat the experiments of every document, draw their figures, and write docs/results.md."""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from joblib import parallel_config

import digits
from lab import figures
from lab.files import replacing
from lab.results import FILE
from lab.script import add_data_options, add_jobs_option, load_data, positive, run_script
from reproduce import claims, course_2019, course_2020, course_2021, cs_6685, homework, why_log
from reproduce.protocols import SEEDS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Experiments = Callable[[digits.Digits, range], tuple[list[claims.Claim], figures.Figures]]
DOCUMENTS: Mapping[str, Experiments] = {
    course_2021.TITLE: course_2021.run,
    course_2020.TITLE: course_2020.run,
    course_2019.TITLE: course_2019.run,
    homework.TITLE: homework.run,
}


def main() -> None:
    """Repeat the experiments of the documents on this exercise, and compare the results.

    Those of the convolutional network take long: they are read from what `python -m convnet.hw4`
    wrote.
    """
    parser = argparse.ArgumentParser(prog="python -m reproduce", description=main.__doc__)
    add_data_options(parser)
    parser.add_argument("--out", type=Path, default=Path("docs"), help="default: %(default)s")
    add_jobs_option(parser)
    parser.add_argument(
        "--seeds",
        type=positive,
        default=len(SEEDS),
        help="number of seeds over which ranges are taken (default: %(default)s)",
    )
    parser.add_argument(
        "--engine",
        choices=("processes", "dask"),
        default="processes",
        help="where trainings run: in processes of this machine (default), or on a dask cluster",
    )
    parser.add_argument("--scheduler", help="address of the dask cluster, tcp://HOST:8786")
    options = parser.parse_args()
    if (options.engine == "dask") != bool(options.scheduler):
        parser.error("--engine dask and --scheduler ADDRESS go together")
    data = load_data(options)
    results: dict[str, list[claims.Claim]] = {}
    shown: dict[str, dict[str, str]] = {}
    with engine(options):
        for title, run in DOCUMENTS.items():
            start = time.perf_counter()
            results[title], drawn = run(data, range(options.seeds))
            for name, figure in drawn.items():
                figures.save(figure, options.out / "figures" / name)
            shown[title] = {name: _title(figure) for name, figure in drawn.items()}
            seconds = time.perf_counter() - start
            print(f"{title} ({seconds:.0f} s). {claims.tally(results[title])}.")
    provenance = (
        f"Written by `python -m reproduce` on {data.name} (sha256 {data.sha256()[:16]}...), "
        f"NumPy {np.__version__}, seeds 0 to {options.seeds - 1}."
    )
    if data.name != "MNIST":
        provenance += (
            " **The documents use MNIST. On another data set the numbers need not agree, and the "
            "remarks need not apply.**"
        )
    pages = {}
    try:
        trained = cs_6685.read(options.out / "figures" / FILE, data)
    except OSError as error:
        print(f"{cs_6685.TITLE}: left out. {error}")
    else:
        results[cs_6685.TITLE] = cs_6685.claims(trained)
        pages["convnet.md"] = why_log.page(trained)
        print(f"{cs_6685.TITLE}. {claims.tally(results[cs_6685.TITLE])}.")
    pages["results.md"] = claims.page(results, provenance, shown)
    for name, page in pages.items():
        with replacing(options.out / name) as temporary:
            temporary.write_text(page, encoding="utf-8")
        print(f"Wrote {options.out / name}")


def _title(figure: Figure) -> str:
    return figure.get_suptitle() or figure.axes[0].get_title()


@contextmanager
def engine(options: argparse.Namespace) -> Iterator[None]:
    """Let `train_all` run trainings on the engine of the options."""
    if options.engine == "processes":
        with parallel_config(n_jobs=options.jobs):
            yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise OSError("--engine dask needs dask: pip install 'dask[distributed]'") from None
    with Client(options.scheduler) as client, parallel_config("dask"):
        # dask would wait for ever for a training that its scheduler or a worker cannot import
        found = client.run_on_scheduler(has_project), *client.run(has_project).values()
        if not all(found):
            raise OSError(
                f"the dask cluster at {options.scheduler} does not find the project. Likely fix: "
                "start its scheduler and its workers in the project's folder with PYTHONPATH=."
            )
        warnings.filterwarnings("ignore", "Sending large graph")  # each training has its data
        yield


def has_project() -> bool:
    """Tell whether this process can import the project."""
    return all(find_spec(name) for name in ("task3", "reproduce"))


if __name__ == "__main__":
    run_script(main)
