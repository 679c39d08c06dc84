"""A variant of a solution: its files with a few words changed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.checks.desk import NAMES

ROOT = Path(__file__).resolve().parents[3]
CLASSIC = ROOT / "tests" / "library" / "classic"

Mistake = tuple[str, str, str]  # its name, the right text, the wrong one


@dataclass(frozen=True)
class Variant:
    """A solution with some of its text replaced.

    Attributes:
        name: the mistake, or what is written another way.
        edits: (module, old text, new text).
        task: the task that the mistake is in; "" for a right variant.
        function: the function that the mistake is in; "" for a right variant.
        also: other tasks that the mistake costs points too.
        base: the folder of the solution that is changed.
    """

    name: str
    edits: tuple[tuple[str, str, str], ...]
    task: str = ""
    function: str = ""
    also: tuple[str, ...] = ()
    base: Path = ROOT

    def __str__(self) -> str:
        return " ".join(filter(None, (self.task, self.function.split(".")[-1], self.name)))

    def write(self, folder: Path) -> None:
        """Write the six files.

        Raises:
            ValueError: if a text to replace is not there exactly once, or replaced by itself.
        """
        files = {name: (self.base / f"{name}.py").read_text(encoding="utf-8") for name in NAMES}
        for module, old, new in self.edits:
            if old == new:
                raise ValueError(f"{self}: replaces a text by itself: {old!r}")
            if files[module].count(old) != 1:
                count = files[module].count(old)
                raise ValueError(f"{self}: expected once in {module}, found {count} times: {old!r}")
            files[module] = files[module].replace(old, new)
        for name, text in files.items():
            (folder / f"{name}.py").write_text(text, encoding="utf-8")


def wrong(
    task: str,
    function: str,
    *mistakes: Mistake,
    also: tuple[str, ...] = (),
    base: Path = ROOT,
) -> list[Variant]:
    """Make a variant of each mistake in a function.

    Args:
        task: the task of the function.
        function: as "task2a.BinaryModel.forward".
        mistakes: (name, right text, wrong text).
        also: other tasks that the mistakes cost points too.
        base: the folder of the solution.
    """
    module = function.split(".")[0]
    return [
        Variant(name, ((module, old, new),), task, function, also, base)
        for name, old, new in mistakes
    ]
