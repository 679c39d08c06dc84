"""Imports a student's files where NumPy is newer than theirs, or a package of theirs is missing."""

from __future__ import annotations
import __future__

import ast
import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from lab.assignment import FILES

# Names that NumPy no longer has, in today's spelling.
MODERN = {
    **dict.fromkeys(("Inf", "Infinity", "infty", "PINF"), "np.inf"),
    "NINF": "-np.inf",
    **dict.fromkeys(("NaN", "NAN"), "np.nan"),
    **{name: name for name in ("float", "int", "bool", "complex", "object", "str")},
    "float_": "np.float64",
    "product": "np.prod",
    "cumproduct": "np.cumprod",
    "alltrue": "np.all",
    "sometrue": "np.any",
    "round_": "np.round",
    "row_stack": "np.vstack",
    "in1d": "np.isin",
    "trapz": "np.trapezoid",
    "asfarray": "np.asarray",
    "mat": "np.asmatrix",
}
DEFINITIONS = ast.FunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom
FUTURE = __future__.annotations.compiler_flag
Tell = Callable[[str], None]


class MissingPackageError(ImportError):
    """Something of a package that is not installed is used."""


class Missing:
    """Stands for a package that is not installed, or a part of it: only its use is an error.

    While a file is being imported, calls do nothing: `sns.set_theme()` only changes how plots look.
    """

    importing = 0

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Missing:
        if attribute.startswith("__"):
            raise AttributeError(attribute)
        return Missing(f"{self._name}.{attribute}")

    def __call__(self, *arguments: Any, **_: Any) -> Any:
        if Missing.importing:
            decorated = len(arguments) == 1 and callable(arguments[0])
            return arguments[0] if decorated else self
        package = self._name.split(".")[0]
        raise MissingPackageError(f"{self._name}: the package {package} is not installed here")

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

    def find_spec(self, name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        """Find NAME.py in the folder."""
        file = self.folder / f"{name}.py"
        if path is not None or not file.is_file():
            return None
        loader = Loader(name, str(file), self.tell)
        return importlib.util.spec_from_file_location(name, file, loader=loader)


class Loader(SourceFileLoader):
    """Imports one file, its source adapted."""

    def __init__(self, name: str, path: str, tell: Tell) -> None:
        super().__init__(name, path)
        self._file, self._tell_desk = f"{name}.py", tell

    def _tell(self, line: int, what: str) -> None:
        self._tell_desk(f"{self._file}, line {line}: {what}")

    def exec_module(self, module: ModuleType) -> None:
        """Run the adapted file statement by statement, with the helpers that it calls.

        What runs outside of functions, and fails because this is an import and no script, costs a
        remark; the functions below it are still there.
        """
        tree = ast.parse(self.get_data(self.path), self.path)
        body = ast.fix_missing_locations(_Adapted(self._tell).visit(tree)).body
        vars(module).update(__missing__=Missing, __element__=self._element)
        future, scripted = 0, True
        Missing.importing += 1
        try:
            for node in body:
                code = compile(ast.Module([node], []), self.path, "exec", future, True)
                future |= code.co_flags & FUTURE
                try:
                    exec(code, vars(module))
                except Exception as error:
                    if isinstance(node, DEFINITIONS):
                        raise
                    if scripted:
                        said = f"{type(error).__name__} when imported; move what runs into main()."
                        self._tell(node.lineno, said)
                    scripted = False
        finally:
            Missing.importing -= 1

    def _element(self, value: Any, line: int) -> Any:
        """Take the element out of an array of one, for int() and float()."""
        if not (isinstance(value, np.ndarray) and value.ndim and value.size == 1):
            return value
        self._tell(line, "NumPy 2.4 makes no number of an array of one element; use .item().")
        return value.item()


class _Adapted(ast.NodeTransformer):
    def __init__(self, tell: Callable[[int, str], None]) -> None:
        self.tell = tell
        self.numpys: set[str] = set()
        self._guarded = 0

    def visit_Try(self, node: ast.Try) -> ast.Try:
        self._guarded += 1  # an import that may fail is left alone
        block = self.generic_visit(ast.Module(node.body, []))
        self._guarded -= 1
        body, node.body = block.body, []  # type: ignore[attr-defined]
        self.generic_visit(node)
        node.body = body
        return node

    def visit_Import(self, node: ast.Import) -> list[ast.stmt]:
        statements: list[ast.stmt] = []
        for alias in node.names:
            if alias.name == "numpy":
                self.numpys.add(alias.asname or "numpy")
            package = alias.name.split(".")[0]
            if self._is_missing(package, node.lineno):
                name = alias.name if alias.asname else package
                statements += _assign(alias.asname or package, name, "", node)
            else:
                statements.append(ast.copy_location(ast.Import([alias]), node))
        return statements

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.stmt | list[ast.stmt]:
        module = node.module or ""
        if module == "numpy":
            for alias in node.names:
                modern = self._modern(alias.name, node.lineno)
                if modern.startswith("np."):
                    alias.asname, alias.name = alias.asname or alias.name, modern[3:]
        if node.level or not self._is_missing(module.split(".")[0], node.lineno):
            return node
        names = [alias for alias in node.names if alias.name != "*"]
        found = [_assign(a.asname or a.name, module, f".{a.name}", node)[0] for a in names]
        return found or ast.copy_location(ast.Pass(), node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        if not isinstance(node.value, ast.Name) or node.value.id not in self.numpys:
            return node
        if not (modern := self._modern(node.attr, node.lineno)):
            return node
        text = modern.replace("np.", f"{node.value.id}.")
        return ast.copy_location(ast.parse(text, mode="eval").body, node)

    def visit_Call(self, node: ast.Call) -> ast.Call:
        self.generic_visit(node)
        number = isinstance(node.func, ast.Name) and node.func.id in ("int", "float")
        if number and len(node.args) == 1 and not isinstance(node.args[0], ast.Starred):
            element = ast.Name("__element__", ast.Load())
            node.args = [ast.Call(element, [node.args[0], ast.Constant(node.lineno)], [])]
            ast.copy_location(node.args[0], node)
        return node

    def _modern(self, name: str, line: int) -> str:
        modern = "" if hasattr(np, name) else MODERN.get(name, "")
        if modern:
            self.tell(line, f"NumPy no longer has np.{name}; write {modern}.")
        return modern

    def _is_missing(self, package: str, line: int) -> bool:
        theirs = f"{package}.py" in FILES  # whose absence is told by the checks that need it
        if not (missing := not (theirs or self._guarded) and _find(package) is None):
            return missing
        self.tell(line, f"{package} is not installed here; only its use fails.")
        return missing


def _assign(name: str, package: str, attribute: str, node: ast.stmt) -> list[ast.stmt]:
    statements = ast.parse(f"{name} = __missing__({package!r}){attribute}").body
    for part in (part for statement in statements for part in ast.walk(statement)):
        ast.copy_location(part, node)
    return statements


def _find(package: str) -> object:
    return sys.modules.get(package) or importlib.util.find_spec(package)
