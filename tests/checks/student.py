"""The student's files: each is imported on its own, so that a fault costs its own tasks alone."""

import importlib
import linecache
import os
import sys
import traceback
import warnings
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

from lab.assignment import FILES
from tests.checks import compatibility, limits
from tests.checks.limits import stopped_after
from tests.checks.mistake import TIMED_OUT, ImportMistake, Mistake, in_words

NAMES = tuple(name.removesuffix(".py") for name in FILES)

ANOTHER_YEAR = (
    "this is another year's assignment: it trains by a function `train`, not by a class of "
    "trainer.py."
)


class StudentFiles:
    """The folder of the student's files.

    Args:
        folder: where task2a.py and the others are.

    Attributes:
        notes: what was adapted to import them, or kept them from being imported.
        parts: {function: the one whose result it hands on, so that it is right or wrong there}.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.notes: dict[str, None] = {}
        self.parts: dict[str, str] = {}
        self._found: dict[str, ModuleType | ImportMistake] = {}
        self._before: dict[str, ModuleType] = {}  # what was imported before

    def open(self) -> None:
        """Put the folder first on the import path; forget modules of these names from elsewhere."""
        self._before = sys.modules.copy()
        sys.path.insert(0, str(self.folder))
        finder = compatibility.finder(self.folder, self.notes.setdefault)
        sys.path_importer_cache[str(self.folder)] = finder
        for name in NAMES:
            if name in sys.modules and not self.owns(getattr(sys.modules[name], "__file__", None)):
                del sys.modules[name]

    def close(self) -> None:
        """Take the folder off the import path; put back what was imported before."""
        if str(self.folder) in sys.path:
            sys.path.remove(str(self.folder))
        sys.path_importer_cache.pop(str(self.folder), None)
        for name in self.loaded():
            del sys.modules[name]
        sys.modules.update(self._before)

    def owns(self, file: str | None) -> bool:
        """Return whether a file lies in the folder itself."""
        pseudo = file is None or file.startswith("<")  # as "<frozen importlib._bootstrap>"
        return not pseudo and os.path.dirname(os.path.realpath(str(file))) == str(self.folder)

    def load(self, name: str) -> ModuleType:
        """Import one of the student's modules.

        Raises:
            ImportMistake: if it is missing or cannot be imported.
        """
        if name not in self._found:
            try:
                self._found[name] = self._import(name)
            except ImportMistake as fault:
                self._found[name] = fault
        found = self._found[name]
        if isinstance(found, ImportMistake):
            raise found
        return found

    def find(self, name: str) -> ModuleType | None:
        """Import one of the student's modules, or return None where that fails."""
        try:
            return self.load(name)
        except ImportMistake:
            return None

    def loaded(self) -> dict[str, ModuleType]:
        """Find those of the student's modules, of any name, that have been imported so far."""
        candidates = {*NAMES, *(path.stem for path in self.folder.glob("*.py"))}
        found = {name: sys.modules.get(name) for name in candidates}
        return {n: m for n, m in found.items() if m and self.owns(getattr(m, "__file__", None))}

    def require(self, function: str) -> Any:
        """Find a function or a class by its full name, as "task2a.BinaryModel.forward".

        It can be called as it was handed out, even if it is another year's.

        Raises:
            Mistake: if its module cannot be imported, or it is not there.
        """
        name, *path = function.split(".")
        found: Any = self.load(name)
        for depth, part in enumerate(path):
            if not hasattr(found, part):
                owner = ".".join([name, *path[:depth]]) if depth else f"{name}.py"
                likely = f"is it there, spelt `{part}`, and indented as it was handed out?"
                if part.endswith("Trainer") and hasattr(found, "train"):
                    likely = ANOTHER_YEAR
                    self.notes.setdefault(f"{owner}: {likely}")
                raise Mistake(f"{owner} has no `{part}`", likely=likely)
            found = getattr(found, part)
        return compatibility.adapted(found, part)

    def name(self, function: str) -> str:
        """Name a function, or the one that has its code here."""
        try:
            self.require(function)
        except Mistake:
            return compatibility.whole_of(function)
        return self.parts.get(function, function)

    def where(self, error: BaseException, source: bool = False) -> str:
        """Locate the innermost line of the student's code in an exception's traceback, or ""."""
        frame, line = self._last_frame(error)
        if frame is None:
            return ""
        file = frame.f_code.co_filename
        text = f": {linecache.getline(file, line).strip()}" if source else ""
        return f"{Path(file).name}, line {line}{text}"

    def function(self, error: BaseException) -> str:
        """Name the innermost function of the student's in an exception's traceback, or ""."""
        frame, _ = self._last_frame(error)
        if frame is None:
            return ""
        code = frame.f_code
        name = getattr(code, "co_qualname", code.co_name)  # the class is known from Python 3.11
        return f"{Path(code.co_filename).stem}.{name}"

    def _import(self, name: str) -> ModuleType:
        file = self.folder / f"{name}.py"
        if not file.is_file():
            missing = f"{name}.py is missing: expected it in {self.folder}"
            raise ImportMistake(name, missing)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with stopped_after(limits.IMPORT):
                    return importlib.import_module(name)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # also sys.exit
            raise self._fault(name, error) from error

    def _fault(self, name: str, error: BaseException) -> ImportMistake:
        if isinstance(error, Mistake):  # which says that a file is no text
            self.notes.setdefault(f"{error.args[0]}; {error.rows['Likely']}")
            what = f"{name}.py cannot be imported: {error.args[0]}"
            return ImportMistake(name, what, str(error.rows["Likely"]))
        where = self.where(error)
        if isinstance(error, SyntaxError) and self.owns(error.filename):
            where = f"{Path(str(error.filename)).name}, line {error.lineno}"
        fault = in_words(error)
        self.notes.setdefault(f"{where or f'{name}.py'}: cannot be imported: {fault}")
        likely = ""
        if isinstance(error, SystemExit) or TIMED_OUT in fault:
            likely = compatibility.GUARD
        return ImportMistake(
            name,
            f"{name}.py cannot be imported: {where + ': ' if where else ''}{fault}",
            likely,
        )

    def _last_frame(self, error: BaseException) -> tuple[FrameType | None, int]:
        frames = reversed(list(traceback.walk_tb(error.__traceback__)))
        own = (pair for pair in frames if self.owns(pair[0].f_code.co_filename))
        return next(own, (None, 0))


class StudentModule:
    """A student's module, imported when it is first used.

    Its faults are failures of the checks that need it, and of no others.
    """

    def __init__(self, files: StudentFiles, name: str) -> None:
        self._files, self._name = files, name

    def __getattr__(self, attribute: str) -> Any:
        return self._files.require(f"{self._name}.{attribute}")
