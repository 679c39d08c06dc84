"""What the scripts share: command-line options, loading the data set, handling of failures."""

import argparse
import io
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from joblib import cpu_count
from threadpoolctl import threadpool_limits

import digits
from digits.files import user_path
from lab.gradient import GradientError
from lab.progress import in_notebook
from lab.trainings import HistoryError

EPOCHS, QUICK_EPOCHS = 500, 3  # at most; early stopping usually ends training sooner


def add_data_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `load_data`: --data, --data-dir and --any-data."""
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--data",
        choices=digits.CHOICES,
        default="auto",
        help="mnist: MNIST or an error; synthetic: synthetic digits; auto (default): MNIST, or "
        "synthetic digits if MNIST is not available",
    )
    parser.add_argument(
        "--data-dir",
        type=user_path,
        help="folder with the four MNIST files (default: the value of MNIST_DATA_DIR)",
    )
    which.add_argument(
        "--any-data",
        action="store_const",
        dest="data",
        const="any",
        help="take what the files in --data-dir hold, such as Fashion-MNIST, for the digits",
    )


def add_jobs_option(parser: argparse.ArgumentParser) -> None:
    """Add the option --jobs, of `lab.jobs.train_all`."""
    parser.add_argument(
        "--jobs",
        type=positive,
        default=cpu_count(),
        help="processes for the trainings (default: one a core; 1: all in this process)",
    )


def parse_options(
    description: str | None, argv: Sequence[str] | None = None, training: bool = False
) -> argparse.Namespace:
    """Parse the command line into data and data_dir.

    description: for --help. argv: the arguments; None for those of the command line. training: also
    parse the options of a script that trains and writes figures, namely out, epochs, seed, quick,
    jobs and show.
    """
    parser = argparse.ArgumentParser(description=description)
    add_data_options(parser)
    if training:
        folder = Path("figures")
        parser.add_argument("--out", type=user_path, default=folder, help="default: %(default)s")
        parser.add_argument(
            "--epochs", type=positive, default=EPOCHS, help="maximum number (default: %(default)s)"
        )
        parser.add_argument(
            "--seed",
            type=seed,
            default=0,
            help="seed of the shuffling (default: %(default)s)",
        )
        parser.add_argument(
            "--quick", action="store_true", help=f"at most {QUICK_EPOCHS} epochs, for a quick trial"
        )
        add_jobs_option(parser)
        parser.add_argument("--show", action="store_true", help="open the figures at the end")
    options = parser.parse_args(argv)
    if training and options.quick:
        options.epochs = min(options.epochs, QUICK_EPOCHS)
    return options


def load_data(options: argparse.Namespace) -> digits.Digits:
    """Load the data set selected by the options."""
    return digits.load(options.data, options.data_dir)


def run_script(main: Callable[[], None]) -> None:
    """Run `main`; an expected failure ends the script with a one-line message and exit code 1.

    The process has one BLAS thread, as those of `lab.jobs` have. Other exceptions keep their
    traceback, for they are errors in the code. If the reader of the output leaves (`| head -1`), it
    ends in silence. Streams that are closed (`2>&-`) take or give nothing.
    """
    for name, mode in ("stdin", "r"), ("stdout", "w"), ("stderr", "w"):
        if getattr(sys, name) is None:  # tqdm and joblib expect a file
            descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest free one: 0, 1 or 2
            os.set_inheritable(descriptor, True)
            setattr(sys, name, os.fdopen(descriptor, mode, closefd=False))
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # it may not know a letter of a path
    logging.basicConfig(format="%(message)s")
    if os.environ.get("MPLBACKEND", "").startswith("module://") and not in_notebook():
        del os.environ["MPLBACKEND"]  # inherited from a notebook; matplotlib rejects it in a script
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that parallel trainings end too
    try:
        with threadpool_limits(1, "blas"):
            main()
        print(end="", flush=True)  # here, where a failure can be caught
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)
    except (
        digits.DataError,
        GradientError,
        HistoryError,
        NotImplementedError,
        FloatingPointError,  # training diverged
        OSError,
    ) as error:
        try:
            print(end="", flush=True)
        except OSError:  # Python flushes once more at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            sys.exit(141)  # 128 + SIGPIPE
        script = Path(sys.argv[0])
        name = script.parent.name if script.name == "__main__.py" else script.name
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(1)


def positive(text: str) -> int:
    """Parse a positive integer of the command line."""
    return _integer(text, 1)


def seed(text: str) -> int:
    """Parse a seed of NumPy's generators, for argparse."""
    return _integer(text, 0)


def _integer(text: str, low: int) -> int:
    if not text.isdecimal() or not low <= int(text) < 2**32:
        raise argparse.ArgumentTypeError(f"expected an integer from {low} to 2**32 - 1, got {text}")
    return int(text)
