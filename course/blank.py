"""Replace the bodies of functions by a NotImplementedError that names the task."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef


def blank(source: str, module: str, tasks: Mapping[str, str]) -> str:
    """Replace the bodies of some functions in the source of a module.

    Signatures, decorators, docstrings and all other code stay exactly as they are.

    Args:
        source: of the module.
        module: its name.
        tasks: {function, as module.function or module.Class.method: name of its task}.

    Raises:
        ValueError: if one of the functions is not in this module.
    """
    found = dict(_functions(ast.parse(source).body, module))
    if missing := sorted(set(tasks) - set(found)):
        raise ValueError(
            f"{module}.py has no function {', '.join(missing)}: see lab/assignment.py."
        )
    lines = source.encode().splitlines(keepends=True)  # ast counts columns in bytes
    for name in sorted(tasks, key=lambda name: -found[name].lineno):  # from the end
        stub = f'raise NotImplementedError("Task {tasks[name]}: write {name}")'
        _replace_body(lines, found[name], stub.encode())
    return b"".join(lines).decode()


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, Function):
            yield f"{prefix}.{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}.{node.name}")


def _replace_body(lines: list[bytes], function: Function, stub: bytes) -> None:
    first, last = function.body[0], function.body[-1]
    if ast.get_docstring(function) is None:
        row, column = first.lineno, first.col_offset
    else:
        row, column = first.end_lineno or 0, first.end_col_offset or 0
    head = b"".join([*lines[: row - 1], lines[row - 1][:column]]).rstrip()
    end = last.end_lineno or 0
    while end < len(lines) and _is_comment_within(lines[end], function.col_offset):
        end += 1
    indent = b" " * (function.col_offset + 4)
    lines[:end] = [*head.splitlines(keepends=True), b"\n" + indent + stub + b"\n"]


def _is_comment_within(line: bytes, column: int) -> bool:
    stripped = line.lstrip()
    return stripped.startswith(b"#") and len(line) - len(stripped) > column
