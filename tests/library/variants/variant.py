"""A variant of a solution: its files with some text, or the body of a function, replaced."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.assignment import FILES
from tests.library.submissions import read

ROOT = Path(__file__).resolve().parents[3]


def solution() -> dict[str, str]:
    """Read the solution at the root: {file: text}."""
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in FILES}


@dataclass(frozen=True)
class Variant:
    """A solution with some of its text replaced.

    Attributes:
        name: what is written another way.
        edits: (module, old text, new text), of the submission "classic", which is frozen.
        bodies: (function, its new body), of the solution at the root, whose text may change.
        whole_sets: whether it gets the two checks on 20,000 images, too.
    """

    name: str
    edits: tuple[tuple[str, str, str], ...] = ()
    bodies: tuple[tuple[str, str], ...] | None = None
    whole_sets: bool = False

    def __str__(self) -> str:
        return self.name

    def write(self, folder: Path) -> None:
        """Write the six files; raise ValueError unless each text to replace is there once."""
        files = dict(read("classic").files) if self.bodies is None else solution()
        for module, old, new in self.edits:
            count = files[f"{module}.py"].count(old)
            if count != 1 or old == new:
                raise ValueError(f"{self}: {old!r} is {count} times in {module}; becomes {new!r}")
            files[f"{module}.py"] = files[f"{module}.py"].replace(old, new)
        for function, body in self.bodies or ():
            module, path = function.split(".", 1)
            files[f"{module}.py"] = with_body(files[f"{module}.py"], path, body)
        for name, text in files.items():
            (folder / name).write_text(text, encoding="utf-8")


def with_body(source: str, function: str, body: str) -> str:
    """Replace the body of a function or a method, as "BinaryModel.forward"."""
    tree = ast.parse(source)
    node: Any = tree
    for name in function.split("."):
        named = [child for child in node.body if getattr(child, "name", "") == name]
        if not named:
            raise ValueError(f"{function}: there is no {name}")
        node = named[0]
    node.body = ast.parse(body).body
    return ast.unparse(tree)


@dataclass(frozen=True, kw_only=True)
class Wrong(Variant):
    """A variant with a mistake.

    Attributes:
        task: that it is in.
        function: that it is in, as "task2a.BinaryModel.forward".
        costs: points of the task; if none, it is shown as advice.
        says: of what the failed checks say, a part of each; with a line's end if no cause follows.
        also: other tasks that it costs points of.
    """

    task: str
    function: str
    costs: float
    says: tuple[str, ...]
    also: tuple[str, ...] = ()


def wrong(
    task: str, function: str, costs: float, says: str | tuple[str, ...], *texts: str, **options: Any
) -> Wrong:
    """Plant a mistake: in place of right texts wrong ones, or another body (of the root's)."""
    says = (says,) if isinstance(says, str) else says
    module, last = function.split(".")[0], function.split(".")[-1]
    edits = tuple((module, *pair) for pair in zip(texts[::2], texts[1::2], strict=len(texts) > 1))
    return Wrong(
        f"{task} {last}: {says[0].strip()}",
        edits,
        None if edits else ((function, texts[0]),),
        task=task,
        function=function,
        costs=costs,
        says=says,
        **options,
    )
