"""Applies each fault to a copy of the project and reports which the tests catch.

Usage: python -m tests.library.mutants [NAME ...], the names of folders or of faults; all without

A fault is a file <folder>/<name>.patch: a sentence, a line `Tests: <files>`, and a diff. The files
that it names run first, and where they pass, every test without the proof of the checks.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from joblib import cpu_count

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
PYTEST = (sys.executable, "-m", "pytest", "-x", "-q", "--tb=no", "-p", "no:cacheprovider")
SECONDS = 900  # ends what a fault makes endless


def main(names: list[str]) -> int:
    patches = sorted(HERE.glob("*/*.patch"))
    if unknown := {*names} - {name for one in patches for name in (one.parent.name, one.stem)}:
        raise SystemExit(f"No fault in {HERE} has such a name: {', '.join(sorted(unknown))}.")
    if names:
        patches = [one for one in patches if {one.parent.name, one.stem} & {*names}]
    if failure := first_failure(None):
        raise SystemExit(f"Without a fault, {failure} fails.")
    caught = 0
    with ThreadPoolExecutor(cpu_count()) as pool:
        for patch, failure in zip(patches, pool.map(first_failure, patches), strict=True):
            caught += bool(failure)
            verdict = f"caught by {failure}" if failure else "SURVIVED"
            print(f"{patch.parent.name}/{patch.stem}: {verdict}", flush=True)
    print(f"{caught} of {len(patches)} faults caught")
    return int(caught < len(patches))


def first_failure(patch: Path | None) -> str:
    """Name the first test that fails with a fault, or as it is for None; "" if none does."""
    runs = [["tests", "-m", "not proof"]]
    with tempfile.TemporaryDirectory() as folder:
        listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard")  # new ones too
        for name in subprocess.check_output(listed, cwd=ROOT, text=True).splitlines():
            if (ROOT / name).is_file():
                Path(folder, name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, Path(folder, name))
        if patch:
            if subprocess.run(["git", "apply", patch], cwd=folder).returncode:
                raise SystemExit(f"{patch.name} does not apply.")
            named = re.findall(r"^Tests: (.+)", patch.read_text(encoding="utf-8"), re.MULTILINE)
            runs.insert(0, named[0].split())
        for arguments in runs:
            command = [*PYTEST, *arguments]
            try:
                run = subprocess.run(
                    command, cwd=folder, capture_output=True, text=True, timeout=SECONDS
                )
            except subprocess.TimeoutExpired:
                return f"the limit of {SECONDS} s"
            if run.returncode:
                found = re.search(r"^(?:FAILED|ERROR) (\S+)", run.stdout, re.MULTILINE)
                if not found:
                    raise SystemExit(f"pytest failed.\n{run.stdout}{run.stderr}")
                return found[1]
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
