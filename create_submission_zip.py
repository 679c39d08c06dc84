"""Check the code of the assignment and pack it into the zip to hand in.

Run `python create_submission_zip.py`, from any folder. Name the files of your own that the tasks
need: `python create_submission_zip.py helper.py`. The zip is written only if each of the six files
of the assignment can be imported from it, as it is for grading.
"""

from __future__ import annotations

import argparse
import ast
import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from lab.assignment import FILES, FUNCTIONS, PACKAGES
from lab.files import replacing
from lab.script import run_script

PROJECT = Path(__file__).resolve().parent
IMPORT_SECONDS = 60.0  # for each file
UNFINISHED = "To hand in what there is: python create_submission_zip.py --unfinished"
SCOPES = (ast.ClassDef, ast.FunctionDef)
IMPORTED = 86  # the exit code of Python after an import without a fault


def find_files(names: Iterable[str]) -> tuple[set[str], list[str]]:
    """Return the names relative to the project folder, and the faults of the others."""
    found, faults = set(), []
    for name in names:
        path = Path(os.path.abspath(PROJECT / name))
        inside = path if name in FILES else path.resolve()  # no link out of the project
        if path.is_file() and inside.is_relative_to(PROJECT):
            found.add(path.relative_to(PROJECT).as_posix())
        else:
            faults.append(f"{name}: there is no such file in {PROJECT}")
    return found, faults


def pack(names: Iterable[str], archive: Path) -> None:
    """Write a zip of project files, with the same bytes for the same files."""
    with zipfile.ZipFile(archive, "w") as zip_file:
        for name in sorted(names):
            info = zipfile.ZipInfo(name)  # its date is fixed; ZipFile.write would take the file's
            zip_file.writestr(info, (PROJECT / name).read_bytes(), zipfile.ZIP_DEFLATED)


def check_imports(archive: Path, extra: Sequence[str]) -> list[str]:
    """Unpack the zip beside the course's packages, import the six files, return the faults."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary).resolve()
        for package in PACKAGES:
            shutil.copytree(PROJECT / package, folder / package)
        with zipfile.ZipFile(archive) as zip_file:
            zip_file.extractall(folder)
        faults = [check_import(name, folder, extra) for name in FILES]
    return [fault for fault in dict.fromkeys(faults) if fault]  # one fault may stop several files


def check_import(name: str, folder: Path, extra: Sequence[str]) -> str:
    """Import one file of a folder in a new Python process; return its fault, or ""."""
    code = f"import os, {Path(name).stem}; os._exit({IMPORTED})"
    plain = {"MPLBACKEND": "Agg", "PYTHON_COLORS": "0"}  # no window, no colours in the traceback
    with TemporaryFile("w+", encoding="utf-8", errors="replace") as stderr:
        try:
            run = subprocess.run(
                [sys.executable, "-X", "utf8", "-c", code],
                cwd=folder,
                env={**os.environ, **plain, "PYTHONPATH": str(folder)},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,  # a pipe would wait for processes that the import leaves behind
                timeout=IMPORT_SECONDS,
            )
        except subprocess.TimeoutExpired:
            return f"{name}: not imported after {IMPORT_SECONDS:g} s, so move long work into main()"
        if run.returncode == IMPORTED:
            return ""
        stderr.seek(0)
        printed = stderr.read()
    # of the traceback: the last line that is in the folder, and the first line of the error
    lines = re.findall(rf'^  File "{re.escape(str(folder))}.(.+)", line (\d+)', printed, re.M)
    error = re.search(r"\n(\S.*)", printed.rpartition("\n  File ")[2])
    if not error:
        return f"{name}: its import ends Python with exit code {run.returncode}"
    fault = "{} line {}".format(*lines[-1]) if lines else name
    fault += f": {error[1]}"
    module = re.match(r"ModuleNotFoundError: No module named '([\w.]+)'", error[1])
    helper = module[1].replace(".", "/") + ".py" if module else ""
    if (PROJECT / helper).is_file():
        fault += f"; add it: python create_submission_zip.py {' '.join([*extra, helper])}"
    return fault


def unwritten() -> list[str]:
    """List the functions of the assignment whose bodies end by raising NotImplementedError."""
    found = []
    for function in FUNCTIONS:
        module, *path = function.split(".")
        nodes: list[ast.stmt] = ast.parse((PROJECT / f"{module}.py").read_bytes()).body
        for name in path:
            nodes = next((n.body for n in nodes if isinstance(n, SCOPES) and n.name == name), [])
        if nodes and isinstance(nodes[-1], ast.Raise) and "NotImplemented" in ast.dump(nodes[-1]):
            found.append(function)
    return found


def stop_for(faults: Sequence[str]) -> None:
    """End the script with the faults, if there are any."""
    if faults:
        sys.exit("\n".join([*faults, "No zip was written."]))


def main() -> None:
    """Check the code of the assignment and pack it into the zip to hand in."""
    parser = argparse.ArgumentParser(
        description=main.__doc__, epilog="All paths are relative to the folder of this script."
    )
    parser.add_argument("extra", nargs="*", metavar="FILE", help="a further file to hand in")
    parser.add_argument("--out", default="assignment_code.zip", help="default: %(default)s")
    parser.add_argument(
        "--unfinished", action="store_true", help="hand in although functions are not written"
    )
    options = parser.parse_args()
    out = PROJECT / options.out
    names, faults = find_files([*FILES, *options.extra])
    if out.suffix != ".zip" or out.resolve() in {(PROJECT / name).resolve() for name in names}:
        faults.append(f"--out {options.out}: choose a new name that ends in .zip")
    stop_for(faults)
    with replacing(out) as archive:
        pack(names, archive)
        stop_for(check_imports(archive, options.extra))
        missing = unwritten()
        if missing and not options.unfinished:
            stop_for([*(f"{name} is not written yet" for name in missing), UNFINISHED])
    print(*sorted(names), f"Wrote {out}. Hand it in together with your report as a PDF.", sep="\n")


if __name__ == "__main__":
    run_script(main)
