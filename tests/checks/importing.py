"""Imports a student's files where NumPy is newer than theirs, or an import of theirs fails."""

from __future__ import annotations
import __future__

import ast
import importlib.util
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lab.assignment import FILES

# Names that NumPy no longer has: today's spelling, and what it is.
MODERN: dict[str, tuple[str, Any]] = {
    **dict.fromkeys(("Inf", "Infinity", "infty", "PINF"), ("np.inf", np.inf)),
    "NINF": ("-np.inf", -np.inf),
    **dict.fromkeys(("NaN", "NAN"), ("np.nan", np.nan)),
    **{kind.__name__: (kind.__name__, kind) for kind in (float, int, bool, complex, object, str)},
    "float_": ("np.float64", np.float64),
    "product": ("np.prod", np.prod),
    "cumproduct": ("np.cumprod", np.cumprod),
    "alltrue": ("np.all", np.all),
    "sometrue": ("np.any", np.any),
    "round_": ("np.round", np.round),
    "row_stack": ("np.vstack", np.vstack),
    "in1d": ("np.isin", np.isin),
    "trapz": ("np.trapezoid", getattr(np, "trapezoid", None)),
    "asfarray": ("np.asarray", lambda a, dtype=float: np.asarray(a, dtype)),
    "asscalar": (".item()", lambda a: np.asarray(a).item()),
    "mat": ("np.asmatrix", np.asmatrix),
    "math": ("import math", math),
}
# Functions that take one number each.
OF_NUMBERS = {"int", "float", *dir(math)}
DEFINITIONS = ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom
FUTURE = __future__.annotations.compiler_flag
Tell = Callable[[str], None]


class MissingPackageError(ImportError):
    """Something whose import failed is used."""


class Missing:
    """Stands for something that cannot be imported, or a part of it: only its use is an error.

    While a file is being imported, calls do nothing: `sns.set_theme()` only changes how plots look.
    """

    importing = 0

    def __init__(self, name: str, why: str) -> None:
        self._name, self._why = name, why

    def __getattr__(self, attribute: str) -> Missing:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return Missing(f"{self._name}.{attribute}", self._why)

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        if Missing.importing:
            decorated = len(arguments) == 1 and callable(arguments[0])
            return arguments[0] if decorated else self
        raise MissingPackageError(f"{self._name}: {self._why}")

    def __mro_entries__(self, _: object) -> tuple[type, ...]:
        return ()


class Finder:
    """Finds the modules in a folder, and adapts their source when it imports them.

    Args:
        folder: of the student's files.
        tell: called with a remark for each thing that was adapted.
    """

    def __init__(self, folder: Path, tell: Tell) -> None:
        self.folder, self.tell = folder, tell
        self._ask_numpy: Callable[[str], Any] = vars(np)["__getattr__"]

    def open(self) -> None:
        """Find modules, and answer for NumPy, from now on."""
        sys.meta_path.insert(0, self)
        self._ask_numpy = vars(np)["__getattr__"]
        vars(np)["__getattr__"] = self._removed

    def close(self) -> None:
        """Stop doing so."""
        if self in sys.meta_path:
            sys.meta_path.remove(self)
            vars(np)["__getattr__"] = self._ask_numpy

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find NAME.py in the folder."""
        file = self.folder / f"{name}.py"
        if path is not None or not file.is_file():
            return None
        return importlib.util.spec_from_file_location(name, file, loader=Loader(name, file, self))

    def _removed(self, name: str) -> Any:
        """Answer to `np.NAME` in one of the folder's files where NumPy no longer has the name."""
        caller = sys._getframe(1)
        file = Path(caller.f_code.co_filename)
        if name not in MODERN or file.parent != self.folder:
            return self._ask_numpy(name)
        spelling, value = MODERN[name]
        said = f"NumPy no longer has np.{name}; write {spelling}."
        self.tell(f"{file.name}, line {caller.f_lineno}: {said}")
        return value


class Loader(SourceFileLoader):
    """Imports one file, its source adapted."""

    def __init__(self, name: str, file: Path, finder: Finder) -> None:
        super().__init__(name, str(file))
        self._file, self._finder = file, finder

    def _tell(self, line: int, what: str) -> None:
        self._finder.tell(f"{self._file.name}, line {line}: {what}")

    def exec_module(self, module: ModuleType) -> None:
        """Run the adapted file statement by statement, with the helper that it calls.

        An import that fails leaves stubs. What else runs outside of functions, and fails because
        this is an import and no script, costs a remark; the functions below it are still there.
        """
        tree = ast.parse(self.get_data(self.path), self.path)
        body = ast.fix_missing_locations(_Adapted().visit(tree)).body
        vars(module).update(__with_elements__=self._with_elements)
        future, scripted = 0, True
        Missing.importing += 1
        try:
            for node in _one_name_each(body):
                code = compile(ast.Module([node], []), self.path, "exec", future, True)
                future |= code.co_flags & FUTURE
                try:
                    exec(code, vars(module))
                except Exception as error:
                    if isinstance(node, ast.Import | ast.ImportFrom) and self._is_foreign(node):
                        self._stub(node, error, module)
                    elif isinstance(node, DEFINITIONS):
                        raise
                    elif isinstance(error, ImportError | OSError):  # a backend or style of plots
                        self._tell(node.lineno, f"{type(error).__name__} when imported; left out.")
                    elif scripted:
                        said = f"{type(error).__name__} when imported; move what runs into main()."
                        self._tell(node.lineno, said)
                        scripted = False
        finally:
            Missing.importing -= 1

    def _is_foreign(self, node: ast.Import | ast.ImportFrom) -> bool:
        """Tell whether what is imported is neither one of the six files nor in their folder."""
        name = getattr(node, "module", None) or node.names[0].name
        own = self._file.parent / name.split(".")[0]
        known = f"{own.name}.py" in FILES or own.exists() or own.with_suffix(".py").exists()
        return not (getattr(node, "level", 0) or known)

    def _stub(
        self, node: ast.Import | ast.ImportFrom, error: Exception, module: ModuleType
    ) -> None:
        """Bind the name that an import should have bound: to NumPy's own, or to a stub."""
        (alias,) = node.names
        origin, name = getattr(node, "module", None), alias.name
        full = f"{origin}.{name}" if origin else name
        package = full.split(".")[0]
        spelling, found = MODERN.get(name, (f"np.{name}", getattr(np, name, None)))
        if origin and package in ("numpy", "scipy") and found is not None:
            remark = f"{full} is no more; write {spelling}."
        else:
            gone = isinstance(error, ModuleNotFoundError) and error.name == package
            why = f"{package} is not installed here" if gone else f"{full} cannot be imported here"
            found, remark = Missing(full, why), f"{why}; only its use fails."
        bound = alias.asname or (name if origin else package)
        if bound != "*":
            vars(module).setdefault(bound, found)
        self._tell(node.lineno, remark)

    def _with_elements(self, thing: Any, line: int) -> Any:
        """Let a function of numbers, or the entries of an array, take arrays of one element."""

        def called(function: Callable[..., Any], *arguments: Any) -> Any:
            try:
                return function(*arguments)
            except (TypeError, ValueError):
                result = function(*map(_element, arguments))
            self._tell(line, "NumPy 2.4 makes no number of an array of one element; use .item().")
            return result

        if isinstance(thing, np.ndarray):
            return _Entries(thing, partial(called, thing.__setitem__))
        number = thing is int or thing is float or getattr(thing, "__module__", "") == "math"
        text = isinstance(getattr(thing, "__self__", None), str)
        return partial(called, thing) if number or text else thing


class _Entries:
    """An array, as the target of an assignment."""

    def __init__(self, array: np.ndarray, put: Callable[[Any, Any], None]) -> None:
        self._array, self._put = array, put

    def __getitem__(self, index: Any) -> Any:
        return self._array[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._put(index, value)


class _Adapted(ast.NodeTransformer):
    """Wraps what wants one number: int(z), math.exp(z), "%f" % z, y[n] = z."""

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name in OF_NUMBERS and not node.keywords:
            node.func = _wrap(node.func)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.expr:
        self.generic_visit(node)
        text = isinstance(node.left, ast.Constant) and isinstance(node.left.value, str)
        if not (text and isinstance(node.op, ast.Mod)):
            return node
        form = ast.copy_location(ast.Attribute(node.left, "__mod__", ast.Load()), node)
        return ast.copy_location(ast.Call(_wrap(form), [node.right], []), node)

    def visit_Subscript(self, node: ast.Subscript) -> ast.Subscript:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Store):
            node.value = _wrap(node.value)
        return node


def _wrap(thing: ast.expr) -> ast.expr:
    name = ast.Name("__with_elements__", ast.Load())
    return ast.copy_location(ast.Call(name, [thing, ast.Constant(thing.lineno)], []), thing)


def _element(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_element, value))
    return value.item() if isinstance(value, np.ndarray) and value.size == 1 else value


def _one_name_each(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Split imports, so that each name is imported, or fails, by itself."""
    for node in body:
        names = node.names if isinstance(node, ast.Import | ast.ImportFrom) else [None]
        yield from (type(node)(**vars(node) | {"names": [n]}) if n else node for n in names)
