"""Submissions in the style of real ones, and the points that a fair grader gives each."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from lab.assignment import POINTS

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Submission:
    """A submission.

    Attributes:
        name: of its file here: what is special about it.
        files: {name: text}.
        fair: {task: points}.
        says: what the student or the instructor reads.
    """

    name: str
    files: dict[str, str] = field(hash=False)
    fair: dict[str, float] = field(hash=False)
    says: tuple[str, ...] = ()
    whole_sets = False  # as of a Variant

    def __str__(self) -> str:
        return self.name

    def write(self, folder: Path) -> None:
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8")


def read(name: str) -> Submission:
    """Read NAME.txt: a sentence, `base:` (whose files it shares), `fair:`, `says:`, the files.

    A file with "edited" behind its name is the base's: a text of it, --->, and what replaces it.
    """
    head, *parts = re.split(r"^=== ", (FOLDER / f"{name}.txt").read_text("utf-8"), flags=re.M)
    fields = dict(line.split(": ", 1) for line in head.strip().splitlines()[1:])
    files = dict(read(fields["base"]).files) if "base" in fields else {}
    for part in parts:
        file, _, text = part.partition("\n")
        if file.endswith(" edited"):
            file = file.removesuffix(" edited")
            old, new = text.rstrip("\n").split("\n--->\n")
            before, after = files[file].split(old)
            text = before + new + after
        files[file] = text
    for file in fields.get("without", "").split():
        del files[file]
    fair: dict[str, float] = {**POINTS}
    if fields["fair"] != "all":
        fair |= {task: float(n) for task, n in map(str.split, fields["fair"].split(", "))}
    says = fields["says"].split(" | ") if "says" in fields else ()
    return Submission(name, files, fair, tuple(says))


SUBMISSIONS = tuple(read(path.stem) for path in sorted(FOLDER.glob("*.txt")))
