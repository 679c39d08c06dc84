"""Repeat the experiments of every document; write their numbers and figures to docs/figures/."""

import argparse
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from joblib import parallel_config

import digits
from digits.files import replacing, user_path
from lab import figures, results
from lab.script import add_data_options, add_jobs_option, load_data, positive, run_script
from reproduce import course_2019, course_2020, course_2021, cs_6685, homework, pages
from reproduce.claims import Claim, tally
from reproduce.protocols import SEEDS

Experiments = Callable[[digits.Digits, range], tuple[list[Claim], figures.Figures]]
DOCUMENTS: Mapping[str, Experiments] = {
    "course_2021": course_2021.run,
    "course_2020": course_2020.run,
    "course_2019": course_2019.run,
    "homework": homework.run,
}


def main() -> None:
    """Repeat the experiments of the documents on this exercise, and compare the results.

    Those of the convolutional network take long: they are read from what `python -m
    reproduce.cs_6685` wrote. `python -m cogapp -r README.md course/MARKING.md docs/*.md` then
    updates the pages.
    """
    parser = argparse.ArgumentParser(prog="python -m reproduce", description=main.__doc__)
    add_data_options(parser)
    parser.add_argument("--out", type=user_path, default=Path("docs"), help="default: %(default)s")
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
    folder = options.out / "figures"
    path = folder / results.FILE
    results.read(path)  # a file that is none of results ends it here
    documents: dict[str, list[Claim]] = {}
    with engine(options), figures.default_settings():
        for name, run in DOCUMENTS.items():
            start = time.perf_counter()
            documents[name], drawn = run(data, range(options.seeds))
            for file, figure in drawn.items():
                figures.save(figure, folder / file)
            seconds = time.perf_counter() - start
            print(f"{name} ({seconds:.0f} s). {tally(documents[name])}")
    try:
        documents["cs_6685"] = cs_6685.claims(cs_6685.read(path, data))
    except OSError as error:
        print(f"{cs_6685.TITLE}: left out. {error}")
    part = {
        "data": data.name,
        "data_sha256": data.sha256(),
        "numpy": np.__version__,
        "seeds": options.seeds,
        "documents": {
            name: [asdict(claim) for claim in claims] for name, claims in documents.items()
        },
    }
    with replacing(path) as temporary:
        content = results.read(path) | {pages.PART: part}
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    print(f"Wrote {path}. {pages.provenance(path)}")
    for name in documents:
        print(f"\n## {name}\n\n{pages.document(name, path)}")


@contextmanager
def engine(options: argparse.Namespace) -> Iterator[None]:
    """Let `train_all` run trainings on the engine of the options."""
    if options.engine == "processes":
        with parallel_config("loky", n_jobs=options.jobs, inner_max_num_threads=1):
            yield
        return
    try:
        from distributed import Client
    except ImportError:
        raise OSError("--engine dask needs dask: pip install 'dask[distributed]'") from None
    with Client(options.scheduler) as client, parallel_config("dask"):
        # dask would wait for ever for a training that its scheduler or a worker cannot import
        workers = client.run(find_spec, "reproduce")
        if not all([client.run_on_scheduler(find_spec, "reproduce"), *workers.values()]):
            raise OSError(
                f"the dask cluster at {options.scheduler} does not find the project. Likely fix: "
                "start its scheduler and its workers in the project's folder with PYTHONPATH=."
            )
        warnings.filterwarnings("ignore", "Sending large graph")  # each training has its data
        yield


if __name__ == "__main__":
    run_script(main)
