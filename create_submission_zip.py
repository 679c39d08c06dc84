"""Check the code of the assignment and pack it into the zip to hand in.

Run `python create_submission_zip.py`. Name the files of your own that the tasks need:
`python create_submission_zip.py helper.py`.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from digits.files import replacing, user_path
from lab.assignment import FILES, PACKAGES
from lab.script import run_script

PROJECT = Path(__file__).resolve().parent
IMPORT_SECONDS = 120
STUB = re.compile(r"""^[ \t]+raise NotImplementedError\(\s*["'](Task .+?)["']""", re.MULTILINE)


def import_fault(names: Iterable[str]) -> str:
    """Import the six files beside the course's packages alone; return what went wrong, or ""."""
    with (
        TemporaryDirectory(ignore_cleanup_errors=True) as temporary,
        TemporaryFile("w+", encoding="utf-8", errors="replace") as printed,
    ):
        folder = Path(temporary).resolve()
        for package in PACKAGES:
            shutil.copytree(PROJECT / package, folder / package)
        for name in names:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(PROJECT / name, folder / name)
        modules = ", ".join(name.removesuffix(".py") for name in FILES)
        try:
            run = subprocess.run(
                [sys.executable, "-X", "utf8", "-c", f"import {modules}; open('imported', 'x')"],
                cwd=folder,
                env={**os.environ, "PYTHONPATH": str(folder), "MPLBACKEND": "Agg"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=printed,  # a pipe would wait for processes that an import leaves behind
                timeout=IMPORT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"Not imported after {IMPORT_SECONDS:g} s: move what takes long into main()."
        if (folder / "imported").exists():
            return ""
        printed.seek(0)
        text = printed.read().replace(f"{folder}{os.sep}", "")
    return f"{text}The import of the six files ended with exit code {run.returncode}."


def files_of(module: str) -> set[str]:
    """List the files of a module or a package of this project."""
    paths = [PROJECT / f"{module}.py", *(PROJECT / module).rglob("*.py")]
    return {path.relative_to(PROJECT).as_posix() for path in paths if path.is_file()}


def no_zip(out: Path) -> str:
    """Say that no zip was written, and give the date of an older one."""
    if not out.is_file():
        return "No zip was written."
    date = datetime.fromtimestamp(out.stat().st_mtime)
    return f"No zip was written. {out} is an older one, of {date:%Y-%m-%d %H:%M}."


def main() -> None:
    """Check the code of the assignment and pack it into the zip to hand in."""
    parser = argparse.ArgumentParser(
        description=main.__doc__, epilog="All paths are relative to the folder of this script."
    )
    parser.add_argument("extra", nargs="*", metavar="FILE", help="a further file to hand in")
    parser.add_argument("--out", default="assignment_code.zip", help="default: %(default)s")
    parser.add_argument("--unfinished", action="store_true", help="hand in what there is")
    options = parser.parse_args()
    paths = {PROJECT / name for name in FILES}
    paths |= {(PROJECT / user_path(name)).resolve() for name in options.extra}
    out = (PROJECT / user_path(options.out)).resolve()
    if out.suffix != ".zip" or out in paths:
        sys.exit(f"--out {options.out}: choose a new name that ends in .zip. No zip was written.")
    outside = [path for path in paths if not (path.is_file() and path.is_relative_to(PROJECT))]
    if outside:
        sys.exit(f"Not found in {PROJECT}: {', '.join(map(str, sorted(outside)))}. {no_zip(out)}")
    names = sorted(path.relative_to(PROJECT).as_posix() for path in paths)
    if fault := import_fault(names):
        missing = re.search(r"No module named '(\w+)", fault)
        if missing and (added := sorted(files_of(missing[1]) - set(names))):
            arguments = " ".join([*options.extra, *added])
            fault += f"\nLikely fix: python create_submission_zip.py {arguments}"
        sys.exit(f"{fault}\n{no_zip(out)}")
    code = "".join((PROJECT / name).read_text("utf-8", "replace") for name in FILES)
    if (stubs := STUB.findall(code)) and not options.unfinished:
        sys.exit("\n".join([*stubs, "To hand in what there is, add --unfinished.", no_zip(out)]))
    try:
        with replacing(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
            for name in names:
                info = zipfile.ZipInfo(name)  # with a fixed date: the same bytes for the same files
                archive.writestr(info, (PROJECT / name).read_bytes(), zipfile.ZIP_DEFLATED)
    except OSError as error:
        sys.exit(f"{error}\n{no_zip(out)}")
    print(*names, f"Wrote {out}. Hand it in together with your report as a PDF.", sep="\n")


if __name__ == "__main__":
    run_script(main)
