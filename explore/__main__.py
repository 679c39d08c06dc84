"""Write the page of Task 3's model, to explore in a browser: `python -m explore`."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryFile

import digits
import task3
import utils
from digits.files import replacing, user_path
from explore.checkpoints import train_again
from explore.page import make_page
from lab.results import FILE, RUNS, read
from lab.script import add_jobs_option, positive, run_script
from lab.script import seed as natural
from lab.trainings import load

PAGE = "explore.html"


def main(argv: Sequence[str] | None = None) -> None:
    """Write explore.html from the trainings that task3.py left, repeated for their weights."""
    parser = argparse.ArgumentParser(prog="python -m explore", description=main.__doc__)
    parser.add_argument(
        "--out", type=user_path, default=Path("figures"), help="that of task3.py (%(default)s)"
    )
    parser.add_argument("--data-dir", type=user_path, help="that of task3.py")
    add_jobs_option(parser)
    options = parser.parse_args(argv)
    part = read(options.out / FILE).get("task3", {})
    again = f"Likely fix: python task3.py --out {options.out}"
    try:
        trained = load(options.out / RUNS.format("task3"))
        trainings = {value: trained[task3.LABEL.format(value)] for value in task3.LAMBDAS}
        name, sha256, quick = part["data"], part["data_sha256"], part["quick"]
        epochs, seed = positive(str(part["max_epochs"])), natural(str(part["seed"]))
    except (FileNotFoundError, KeyError, ValueError, argparse.ArgumentTypeError):
        raise OSError(f"{options.out} has no results of this task3.py. {again}") from None
    kind = {"MNIST": "mnist", "synthetic digits": "synthetic"}.get(name, "any")
    if kind == "any" and not options.data_dir:
        raise OSError(f"the results are of {name}. Likely fix: --data-dir, that of task3.py")
    data = digits.load(kind, options.data_dir)
    if data.sha256() != sha256:
        raise OSError(f"the results in {options.out} are of other images than {data.name}. {again}")
    images = utils.load_full_mnist(data)
    with TemporaryFile(dir=options.out):  # before the trainings, whether it can be written to
        print(f"Training again for the weights along the way, {len(trainings)} runs.", flush=True)
    checkpoints = train_again(images, trainings, epochs, seed, options.jobs)
    about = f"The model of Task 3, trained on {len(images.X_train):,} images of {name}"
    if quick:
        about += f", in a quick run of {epochs} epochs"
    page = make_page(f"{about} by task3.py (seed {seed}).", images, trainings, checkpoints)
    with replacing(options.out / PAGE) as temporary:
        temporary.write_text(page, encoding="utf-8")
    print(f"Wrote {options.out / PAGE}: open it in a browser.")


if __name__ == "__main__":
    run_script(main)
