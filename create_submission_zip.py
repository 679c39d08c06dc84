"""Pack the code of the assignment into the zip to hand in, after checking every file of it.

Run `python create_submission_zip.py`, from any folder. Files of your own that the tasks need are
named after it: `python create_submission_zip.py helper.py`. The zip is written only if every
Python file compiles and the tasks import from what is in it alone, as they must for grading.
"""

import argparse
import io
import json
import os
import shutil
import site
import subprocess
import sys
import tempfile
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PROJECT = Path(__file__).resolve().parent
REQUIRED_FILES = ("task2a.py", "task2.py", "task3a.py", "task3.py", "trainer.py", "utils.py")
ROOMS = ("digits", "lab")  # packages that the course provides, so they are not handed in
IMPORT_SECONDS = 60.0

# What the fresh process runs: one line of JSON per file, {} when its import went well.
IMPORT_CHECK = r"""
import importlib, json, os, site, sys, traceback
code, rooms, report, user_site, *names = sys.argv[1:]
del sys.argv[1:]
if user_site:
    site.addsitedir(user_site)
path, folder = [code, rooms, *sys.path], os.getcwd()
with open(report, "w", encoding="ascii") as lines:
    for name in names:
        sys.path[:] = path
        os.chdir(folder)
        result = {}
        try:
            importlib.import_module(name.removesuffix(".py"))
        except BaseException as error:
            result["why"] = " ".join(f"{type(error).__name__}: {error}".rstrip(": ").split())
            result["module"] = error.name if isinstance(error, ImportError) else None
            result["where"] = name
            for frame in traceback.extract_tb(error.__traceback__):
                if frame.filename.startswith(code):
                    file = os.path.relpath(frame.filename, code)
                    result["where"] = f"{file} line {frame.lineno}"
        lines.write(json.dumps(result) + "\n")
        lines.flush()
os._exit(0)  # threads that an import left running are not waited for
"""


def choose_files(folder: Path, extra: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the names that go into the zip, relative to `folder` and in order, and the faults."""
    names: list[str] = []
    faults = []
    for given in extra:
        path = (folder / given).resolve()
        if not path.is_relative_to(folder):
            faults.append(f"{given} lies outside the project folder {folder}: copy it there first")
        elif (name := path.relative_to(folder).as_posix()) in (*REQUIRED_FILES, *names):
            faults.append(f"{given} is a duplicate: {name} goes into the zip already")
        else:
            names.append(name)
    return [*REQUIRED_FILES, *sorted(names)], faults


def read_file(folder: Path, name: str) -> bytes:
    """Return the bytes of a file; ValueError says why it cannot be handed in, and at which line."""
    path = folder / name
    if path.is_dir():
        raise ValueError(f"{name} is a folder: name the files in it one by one")
    if not path.is_file():
        raise ValueError(f"{name} is missing: there is no file {path}")
    try:
        data = path.read_bytes()
        if path.suffix == ".py":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(data, name, "exec")
    except OSError as error:
        raise ValueError(f"{name} cannot be read: {error.strerror}") from error
    except SyntaxError as error:
        raise ValueError(f"{name} line {error.lineno or 1}: {error.msg}") from error
    except ValueError as error:  # Python 3.10 meets a null byte
        raise ValueError(f"{name} line 1: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise ValueError(f"{name} is nested too deeply for Python to read") from error
    return data


def pack(files: Mapping[str, bytes]) -> bytes:
    """Return a zip of `files`, the same bytes whenever and wherever the same files are packed."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # Unix, on Windows too
            info.external_attr = 0o100644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, data)
    return buffer.getvalue()


def run_imports(top: Path, names: Sequence[str], seconds: float) -> list[dict[str, str]]:
    """Import `names` in turn in one fresh process that sees only `code` and `rooms` of `top`.

    A result is {}, or says "why" and "where" an import failed and what "module" an ImportError is
    about. The list stops at the file that ended the process or was not done after `seconds`.
    """
    report = top / "report"
    report.write_bytes(b"")
    user_site = site.getusersitepackages() if site.ENABLE_USER_SITE else ""  # -I leaves it out
    python = [sys.executable, "-I", "-B", "-X", "utf8", "-c", IMPORT_CHECK]
    try:
        code = subprocess.run(
            [*python, top / "code", top / "rooms", report, user_site, *names],
            cwd=top / "empty",
            env={**os.environ, "MPLBACKEND": "Agg"},  # no window opens and waits
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
        ).returncode
        ending = f"it ended Python with exit code {code}"
    except subprocess.TimeoutExpired:
        ending = f"not done after {seconds:g} s, so move long work into main()"
    results = [json.loads(line) for line in report.read_text(encoding="ascii").splitlines()]
    if len(results) < len(names):
        results.append({"why": ending, "where": names[len(results)]})
    return results


def try_imports(
    archive: bytes, folder: Path, names: Sequence[str], seconds: float
) -> dict[str, dict[str, str]]:
    """Return the result of `run_imports` for each of `names`, from the zip and `folder`'s rooms."""
    results: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
        top = Path(temporary)
        with zipfile.ZipFile(io.BytesIO(archive)) as unpacked:
            unpacked.extractall(top / "code")
        (top / "rooms").mkdir()
        (top / "empty").mkdir()
        for room in ROOMS:
            if (folder / room).is_dir():
                shutil.copytree(folder / room, top / "rooms" / room)
        while len(results) < len(names):  # a new process goes on after the file that ended one
            results += run_imports(top, names[len(results) :], seconds)
    return dict(zip(names, results, strict=True))


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`, where the old file stays until the new one is whole."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(data)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def build_zip(
    folder: Path, extra: Sequence[str], out: Path, seconds: float = IMPORT_SECONDS
) -> list[str]:
    """Write the required and the `extra` files of `folder` to the zip `out`, if all are well.

    Paths are relative to `folder`; each import process may take `seconds`. Returns every fault
    found, naming its file; with any fault nothing is written and an older zip stays.
    """
    folder = folder.resolve()
    out = folder / out
    names, faults = choose_files(folder, extra)
    files: dict[str, bytes] = {}
    for name in names:
        try:
            files[name] = read_file(folder, name)
        except ValueError as error:
            faults.append(str(error))
    if out.suffix != ".zip" or out.resolve() in [folder / name for name in names]:
        faults.append(f"--out {out} must end in .zip and be none of the files that go in")

    archive = pack(files)
    required = [name for name in REQUIRED_FILES if name in files]
    for name, result in try_imports(archive, folder, required, seconds).items():
        module = (result.get("module") or "").replace(".", "/") + ".py"
        if not result or (module in names and module not in files):
            continue  # all is well, or the fault is that module's, listed above
        note = result["where"]
        if module not in names and (folder / module).is_file():
            note = f"add it: python create_submission_zip.py {' '.join([*extra, module])}"
        faults.append(f"{name} cannot be imported: {result['why']} ({note})")
    if not faults:
        write_atomically(out, archive)
    return faults


def main(argv: Sequence[str] | None = None) -> int:
    """Write the zip and list what is in it, or say what is wrong; return the exit code."""
    parser = argparse.ArgumentParser(
        description="Check the code of the assignment and pack it into the zip to hand in.",
        epilog="All paths are relative to the folder of this script.",
    )
    parser.add_argument("extra", nargs="*", metavar="EXTRA", help="a further file to hand in")
    parser.add_argument("--out", default="assignment_code.zip", help="the zip (%(default)s)")
    arguments = parser.parse_args(argv)
    out = PROJECT / arguments.out
    try:
        faults = build_zip(PROJECT, arguments.extra, out)
    except OSError as error:
        faults = [f"{out} cannot be made: {error}"]
    except KeyboardInterrupt:
        faults = ["Interrupted."]
    if faults:
        print(*faults, "No zip was written.", sep="\n", file=sys.stderr)
        return 1
    with zipfile.ZipFile(out) as archive:
        for info in archive.infolist():
            print(f"{info.file_size:>9,} bytes  {info.filename}")
    print(f"Written: {out}")
    print("Hand it in together with your report, as one PDF besides.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
