"""A variant of a solution: its files with some text, or the body of a function, replaced."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.checks.student import NAMES

ROOT = Path(__file__).resolve().parents[3]


def classic() -> dict[str, str]:
    """Read the classic solution: {module: text}. It is frozen, so its text may be quoted."""
    folder = ROOT / "tests" / "library" / "classic"
    return {name: (folder / f"{name}.py").read_text("utf-8") for name in NAMES}


@dataclass(frozen=True)
class Variant:
    """A solution with some of its text replaced.

    Attributes:
        name: what is written another way.
        edits: (module, old text, new text), of the classic solution.
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
        """Write the six files.

        Raises:
            ValueError: if a text to replace is not there exactly once, or replaced by itself, or
                a function is not there.
        """
        if self.bodies is None:
            files = classic()
        else:
            files = {name: (ROOT / f"{name}.py").read_text("utf-8") for name in NAMES}
        for module, old, new in self.edits:
            count = files[module].count(old)
            if count != 1 or old == new:
                raise ValueError(f"{self}: {old!r} is {count} times in {module}; becomes {new!r}")
            files[module] = files[module].replace(old, new)
        for function, body in self.bodies or ():
            module, path = function.split(".", 1)
            files[module] = with_body(files[module], path, body)
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")


def with_body(source: str, function: str, body: str) -> str:
    """Replace the body of a function or a method, as "BinaryModel.forward".

    Raises:
        ValueError: if it is not there.
    """
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
    """A solution with a mistake.

    Attributes:
        task: whose points it costs.
        function: that the mistake is in, as "task2a.BinaryModel.forward".
        costs: points of the task; 0 if it is shown as advice.
        says: what the checks say about it, where it is more than one thing, all of them.
        also: other tasks that it costs points of.
    """

    task: str
    function: str
    costs: float
    says: tuple[str, ...]
    also: tuple[str, ...] = ()


def wrong(
    task: str,
    function: str,
    costs: float,
    says: str | tuple[str, ...],
    *texts: str,
    also: tuple[str, ...] = (),
    whole_sets: bool = False,
) -> Wrong:
    """Plant a mistake.

    Args:
        task, function, costs, says, also, whole_sets: as of Wrong.
        texts: pairs of a right and a wrong text, in the module of the classic solution; or one,
            the new body of the function in the solution at the root.
    """
    says = (says,) if isinstance(says, str) else says
    module, *_, last = function.split(".")
    pairs = zip(texts[::2], texts[1::2], strict=True) if len(texts) > 1 else ()
    return Wrong(
        f"{task} {last}: {says[0]}",
        tuple((module, old, new) for old, new in pairs),
        None if len(texts) > 1 else ((function, texts[0]),),
        whole_sets,
        task=task,
        function=function,
        costs=costs,
        says=says,
        also=also,
    )
