"""Independent trainings side by side in several processes, with one BLAS thread each.

On products as small as these a second thread gains little on a quiet machine; on a busy one the
threads wait for each other at every product (docs/benchmarks.md).
"""

import os
from collections.abc import Callable, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import nullcontext
from pickle import PicklingError
from tempfile import gettempdir
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config
from joblib.externals.loky import get_reusable_executor
from threadpoolctl import threadpool_limits

from digits.files import user_path
from lab.progress import ends, write
from lab.trainings import Training

Name = TypeVar("Name")
Result = TypeVar("Result")


def train_all(
    trainings: Mapping[Name, Callable[[], Result]], jobs: int | None = None, label: str = "{}"
) -> dict[Name, Result]:
    """Call each of {name: training} once, side by side; return {name: result} in the same order.

    A training is a call without arguments, such as partial(train, images, seed=0). The processes
    share its large arrays as memory maps, or have copies (`_sharing`). The first exception ends all
    trainings and is raised.

    jobs: processes at a time; with 1, all trainings run in this process, where a debugger works.
    None for those of `joblib.parallel_config`, or else 1. label: format of a name, to print it.
    """
    results: dict[Name, Result] = {}
    jobs = jobs and min(jobs, len(trainings))
    calls = (delayed(_named)(name, training) for name, training in trainings.items())
    with (
        threadpool_limits(1, "blas"),  # for those in this process
        parallel_config("loky", n_jobs=jobs, inner_max_num_threads=1) if jobs else nullcontext(),
    ):
        ended = Parallel(return_as="generator_unordered", **_sharing())(calls)
        try:
            for name, result in ends(ended, len(trainings)):
                results[name] = result
                if isinstance(result, Training):
                    write(f"{label.format(name)}: {result}")
            if jobs and jobs > 1:  # new processes import what is edited from now on
                get_reusable_executor(reuse=True).shutdown()
        except BrokenProcessPool as error:
            raise OSError(
                "a training process was killed, possibly out of memory; try --jobs 1"
            ) from error
        except PicklingError as error:
            if isinstance(error.__cause__, Exception) and "OSError" in str(error.__cause__):
                raise OSError(
                    "the data that the trainings share cannot be written, possibly because no "
                    "space is left; try --jobs 1, or set JOBLIB_TEMP_FOLDER to another folder"
                ) from error
            raise
    return {name: results[name] for name in trainings}


def _named(name: Name, training: Callable[[], Result]) -> tuple[Name, Result]:
    return name, training()


def _sharing() -> dict[str, Any]:
    """Choose memory maps in the temporary folder, or copies where its path is no short ASCII.

    The process that removes joblib's files takes paths of ASCII alone, and of 512 bytes at most.
    """
    folder = os.path.abspath(user_path(os.environ.get("JOBLIB_TEMP_FOLDER", gettempdir())))
    if folder.isascii() and len(folder) < 256:
        return {"mmap_mode": "c"}
    return {"max_nbytes": None, "temp_folder": os.sep}  # where nothing will be written
