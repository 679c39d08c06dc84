"""Replace the bodies of functions by a NotImplementedError that names the task."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef


def blank(source: str, module: str, tasks: Mapping[str, str]) -> str:
    """Replace the bodies of some functions in the source of a module.

    Signatures, decorators, docstrings and all other code stay exactly as they are, except that
    names which only those bodies used are no longer imported.

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
    text = source.encode()  # ast counts columns in bytes
    for name in sorted(tasks, key=lambda name: -found[name].lineno):  # from the end
        stub = f'raise NotImplementedError("Task {tasks[name]}: write {name}")'
        text = _replace_body(text, found[name], stub.encode())
    return drop_unused_imports(text.decode(), keep=_unused(source))


def drop_unused_imports(source: str, keep: frozenset[str] = frozenset()) -> str:
    """Remove the names that a module imports by `from ... import` and never uses.

    Args:
        source: of the module.
        keep: names that stay in any case.
    """
    unused = _unused(source) - keep
    lines = source.splitlines(keepends=True)
    for node in reversed(ast.parse(source).body):
        if not isinstance(node, ast.ImportFrom) or not unused & set(map(_bound, node.names)):
            continue
        names = [ast.unparse(alias) for alias in node.names if _bound(alias) not in unused]
        statement = f"from {node.module} import {', '.join(names)}\n"
        if len(statement) > 101:
            inner = "".join(f"    {name},\n" for name in names)
            statement = f"from {node.module} import (\n{inner})\n"
        lines[node.lineno - 1 : _end(node)[0]] = [statement] if names else []
    return "".join(lines)


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, Function):
            yield f"{prefix}.{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}.{node.name}")


def _replace_body(text: bytes, function: Function, stub: bytes) -> bytes:
    lines = text.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    first = function.body[0]
    if ast.get_docstring(function) is None:
        head = text[: starts[first.lineno - 1] + first.col_offset].rstrip()
    else:
        row, column = _end(first)
        head = text[: starts[row - 1] + column]
    last, _ = _end(function)
    while last < len(lines) and _is_comment_within(lines[last], function.col_offset):
        last += 1
    indent = b"\n" + b" " * (function.col_offset + 4)
    return head + indent + stub + b"\n" + text[starts[last] :]


def _end(node: ast.stmt) -> tuple[int, int]:
    return node.end_lineno or node.lineno, node.end_col_offset or 0


def _is_comment_within(line: bytes, column: int) -> bool:
    stripped = line.lstrip()
    return stripped.startswith(b"#") and len(line) - len(stripped) > column


def _unused(source: str) -> frozenset[str]:
    tree = ast.parse(source)
    imported = {
        _bound(alias)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
        if alias.asname != alias.name  # `import x as x` re-exports x
    }
    return frozenset(imported - {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)})


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name
