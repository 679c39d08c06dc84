"""What the README shows is what the project holds today."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def lines(code: str) -> set[str]:
    """The lines without comments."""
    return {line.split("  #")[0].strip() for line in code.splitlines() if line[:1] != "#"}


def test_its_links_lead_somewhere_and_its_code_is_that_of_softmax_regression() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!http)([^)#]+)", text)
    assert len(links) > 9
    assert all((ROOT / link).exists() for link in links)
    (shown,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    code = "".join((ROOT / name).read_text("utf-8") for name in ("task3a.py", "task3.py"))
    assert len(lines(shown)) >= 8
    assert lines(shown) <= lines(code)
