"""What every task script does: read options, load the data set, end cleanly on a failure."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

import digits
from lab.protocols import GradientError

EPOCHS, QUICK_EPOCHS = 500, 3  # at most; early stopping ends most trainings sooner


def parse_options(description: str | None, training: bool = False) -> argparse.Namespace:
    """Read the command line.

    Args:
        description: what the script does, for --help.
        training: whether the script trains and writes figures, and takes the options for that.

    Returns:
        data, data_dir; with `training` also out, epochs, seed, quick and show.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--data",
        choices=digits.CHOICES,
        default="auto",
        help="mnist: MNIST or an error; synthetic: synthetic digits; auto (default): MNIST, or "
        "synthetic digits where MNIST is not available",
    )
    parser.add_argument(
        "--data-dir",
        type=Path,
        help="folder with the four MNIST files (default: the one MNIST_DATA_DIR names)",
    )
    if training:
        folder = Path("figures")
        parser.add_argument("--out", type=Path, default=folder, help="default: %(default)s")
        parser.add_argument(
            "--epochs", type=positive, default=EPOCHS, help="maximum number (default: %(default)s)"
        )
        parser.add_argument(
            "--seed", type=_seed, default=0, help="of the shuffling (default: %(default)s)"
        )
        parser.add_argument(
            "--quick", action="store_true", help=f"at most {QUICK_EPOCHS} epochs, for a quick trial"
        )
        parser.add_argument("--show", action="store_true", help="open the figures at the end")
    options = parser.parse_args()
    if training and options.quick:
        options.epochs = min(options.epochs, QUICK_EPOCHS)
    return options


def load_data(options: argparse.Namespace) -> digits.Digits:
    """Load the data set that the options select."""
    return digits.load(options.data, options.data_dir)


def run_script(main: Callable[[], None]) -> None:
    """Run a script's `main`; an expected failure ends it with a clean message and exit code 1.

    A traceback is left for errors in the code itself.
    """
    logging.basicConfig(format="%(message)s")
    if os.environ.get("MPLBACKEND", "").startswith("module://"):
        del os.environ["MPLBACKEND"]  # a notebook's, which matplotlib refuses outside of it
    try:
        main()
    except KeyboardInterrupt:
        print("\ninterrupted", file=sys.stderr)
        sys.exit(130)
    except (
        digits.DataError,
        GradientError,
        NotImplementedError,
        FloatingPointError,  # a training that diverged
        OSError,
    ) as error:
        print(f"{Path(sys.argv[0]).name}: {error}", file=sys.stderr)
        sys.exit(1)


def positive(text: str) -> int:
    """Read a whole number of at least 1 from the command line."""
    return _whole(text, 1)


def _seed(text: str) -> int:
    return _whole(text, 0)


def _whole(text: str, low: int) -> int:
    if not text.isdecimal() or not low <= int(text) < 2**32:
        raise argparse.ArgumentTypeError(f"expected a number from {low} to 2**32 - 1, got {text}")
    return int(text)
