"""What the README shows is what the project holds today."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reproduce import readme

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")


def test_the_table_of_results_is_that_of_the_page() -> None:
    assert readme.paste(README, PAGE) == README  # else: python -m reproduce.readme


def test_a_stale_table_is_replaced_and_the_rest_stays() -> None:
    stale = README.replace("| 2021 | stops in epoch 33 | 33 |", "| 2021 | stops in epoch 33 | 34 |")
    assert stale != README
    assert readme.paste(stale, PAGE) == README


def test_the_command_pastes_the_results_into_the_readme(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "results.md").write_text(PAGE, encoding="utf-8")
    stale = readme.paste(README, PAGE).replace("| 33 |", "| 34 |")
    (tmp_path / "README.md").write_text(stale, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    readme.main()
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == README
    assert capsys.readouterr().out.endswith("results.md into README.md\n")


def test_a_page_without_a_headline_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"lacks stops in epoch 33\."):
        readme.results_block(PAGE.replace("stops in epoch 33", "stops"))


def test_the_lines_of_softmax_regression_are_those_of_the_code() -> None:
    code = (ROOT / "task3a.py").read_text("utf-8") + (ROOT / "task3.py").read_text("utf-8")
    lines = {_without_comment(line) for line in code.splitlines()}
    (block,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    shown = [_without_comment(line) for line in block.splitlines() if line and line[0] != "#"]
    assert len(shown) >= 8
    assert set(shown) <= lines


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!http)([^)#]+)", README)
    assert links
    assert all((ROOT / link).exists() for link in links)


def _without_comment(line: str) -> str:
    return line.split("  #")[0].strip()
