"""What the README shows is what the project holds today."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_lines_of_softmax_regression_are_those_of_the_code() -> None:
    code = (ROOT / "task3a.py").read_text("utf-8") + (ROOT / "task3.py").read_text("utf-8")
    lines = {without_comment(line) for line in code.splitlines()}
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    shown = [without_comment(line) for line in block.splitlines() if line and line[0] != "#"]
    assert len(shown) >= 8
    assert set(shown) <= lines


def without_comment(line: str) -> str:
    return line.split("  #")[0].strip()


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert links
    assert all((ROOT / link).exists() for link in links)
