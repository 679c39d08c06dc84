"""What the README shows is what the project holds today."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_lines_of_softmax_regression_are_those_of_the_code() -> None:
    (shown,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    code = "".join((ROOT / name).read_text("utf-8") for name in ("task3a.py", "task3.py"))
    assert len(lines(shown)) >= 8
    assert lines(shown) <= lines(code)


def lines(code: str) -> set[str]:
    """The lines without comments."""
    return {line.split("  #")[0].strip() for line in code.splitlines() if line[:1] != "#"}


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert links
    assert all((ROOT / link).exists() for link in links)
