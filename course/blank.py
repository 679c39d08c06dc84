"""Replace the bodies of functions by a NotImplementedError that names the task."""

import ast
from collections.abc import Iterator, Mapping

Function = ast.FunctionDef | ast.AsyncFunctionDef


def blank(source: str, module: str, tasks: Mapping[str, str]) -> str:
    """Replace the bodies of some functions in the source of a module.

    Signatures, decorators, docstrings and all other code stay exactly as they are.

    Args:
        source: of the module.
        module: its name.
        tasks: {function, as module.function or module.Class.method: name of its task}; those of
            other modules are passed over.

    Raises:
        ValueError: if one of the functions is not in this module, or has no docstring.
    """
    found = dict(_functions(ast.parse(source).body, module))
    wanted = {name for name in tasks if name.split(".")[0] == module}
    if missing := sorted(wanted - found.keys()):
        raise ValueError(
            f"{module}.py has no function {', '.join(missing)}: see lab/assignment.py."
        )
    lines = source.splitlines(keepends=True)
    for name in sorted(wanted, key=lambda name: -found[name].lineno):  # from the end
        function = found[name]
        if ast.get_docstring(function) is None:
            raise ValueError(f"{name} has no docstring, which states what a student is to write.")
        end = function.end_lineno or 0
        while end < len(lines) and _is_comment_within(lines[end], function.col_offset):
            end += 1
        indent = " " * (function.col_offset + 4)
        stub = f'{indent}raise NotImplementedError("Task {tasks[name]}: write {name}")\n'
        lines[function.body[0].end_lineno : end] = [stub]
    return "".join(lines)


def _functions(body: list[ast.stmt], prefix: str) -> Iterator[tuple[str, Function]]:
    for node in body:
        if isinstance(node, Function):
            yield f"{prefix}.{node.name}", node
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node.body, f"{prefix}.{node.name}")


def _is_comment_within(line: str, column: int) -> bool:
    stripped = line.lstrip()
    return stripped.startswith("#") and len(line) - len(stripped) > column
