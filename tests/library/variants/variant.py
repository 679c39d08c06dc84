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
        name: the mistake, or what is written another way.
        edits: (module, old text, new text), of the classic solution.
        task: the task that the mistake is in; "" for a right variant.
        function: the function that the mistake is in; "" for a right variant.
        also: other tasks that the mistake costs points of.
        advice: whether it costs nothing, and is shown as advice.
        bodies: (function, its new body), of the solution at the root, whose text may change.
        whole_sets: whether it gets the two checks on 20,000 images, too.
    """

    name: str
    edits: tuple[tuple[str, str, str], ...] = ()
    task: str = ""
    function: str = ""
    also: tuple[str, ...] = ()
    advice: bool = False
    bodies: tuple[tuple[str, str], ...] | None = None
    whole_sets: bool = False

    def __str__(self) -> str:
        base = "" if self.bodies is None else "at the root:"
        return " ".join(filter(None, (base, self.task, self.function.split(".")[-1], self.name)))

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


def wrong(
    task: str,
    function: str,
    *mistakes: tuple[str, ...],
    also: tuple[str, ...] = (),
    advice: bool = False,
    whole_sets: bool = False,
) -> list[Variant]:
    """Make a variant of the classic solution of each mistake in a function.

    Args:
        task: the task of the function.
        function: as "task2a.BinaryModel.forward".
        mistakes: (name, right text, wrong text), with more pairs of texts where one is not enough.
        also: other tasks that the mistakes cost points of.
        advice: whether they cost nothing, and are shown as advice.
        whole_sets: whether they show on 20,000 images alone.
    """
    module = function.split(".")[0]
    return [
        Variant(
            name,
            tuple((module, old, new) for old, new in zip(texts[::2], texts[1::2], strict=True)),
            task,
            function,
            also,
            advice,
            whole_sets=whole_sets,
        )
        for name, *texts in mistakes
    ]
