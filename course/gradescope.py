"""Build the autograder for Gradescope: `python -m course.gradescope OUT.zip`."""

import argparse
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

from course.checks import PROJECT, copy_checks
from digits.files import replacing, user_path

HERE = Path(__file__).resolve().parent
SCRIPTS = ("setup.sh", "run_autograder")  # at the top, where Gradescope looks for them


def build(out: Path, project: Path = PROJECT) -> None:
    """Write the autograder, whole or not at all: the same bytes for the same files.

    Args:
        out: the zip, of the checks, the packages, `course/` and the two scripts.
        project: the root of the project. Its six files with the solution are left out.
    """
    with replacing(out) as archive, tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary)
        copy_checks(project, source)
        skip = shutil.ignore_patterns("__pycache__", ".*", "MARKING.md")
        shutil.copytree(HERE, source / "course", ignore=skip)
        for name in SCRIPTS:
            shutil.copyfile(HERE / "services" / name, source / name)
        files = [path for path in source.rglob("*") if path.is_file()]
        names = sorted(path.relative_to(source).as_posix() for path in files)
        with zipfile.ZipFile(archive, "w") as target:
            for name in names:
                info = zipfile.ZipInfo(name)  # of 1980, whenever it is built
                info.create_system = 3  # Unix: the two scripts must be executable
                info.external_attr = (0o100755 if name in SCRIPTS else 0o100644) << 16
                target.writestr(info, (source / name).read_bytes(), zipfile.ZIP_DEFLATED)


def main(argv: Sequence[str] | None = None) -> int:
    """Build the zip; return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m course.gradescope",
        description="Build the zip to upload to Gradescope as the autograder. It holds the "
        "checks and what runs them, not the solution.",
    )
    parser.add_argument("out", type=user_path, metavar="OUT.zip")
    out: Path = parser.parse_args(argv).out
    try:
        build(out)
    except OSError as error:
        print(f"gradescope: {error}. Nothing was written.", file=sys.stderr)
        return 1
    print(f"Wrote {out}. Upload it to Gradescope under Configure Autograder.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
