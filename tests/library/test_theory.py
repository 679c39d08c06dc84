"""The figures of docs/derivations.md: where they are written and what they show."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from reproduce import theory

DOCS = Path(__file__).resolve().parents[2] / "docs"
FILES = ["momentum.png", "momentum_paths.png", "sigmoid_width.png"]


def test_main_writes_the_figures_of_the_text(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", ["theory.py", "--out", str(tmp_path / "new")])
    theory.main()
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == FILES
    text = (DOCS / "derivations.md").read_text(encoding="utf-8")
    assert all(f"(figures/{name})" in text for name in FILES)
    assert all((DOCS / "figures" / name).exists() for name in FILES)


def test_the_width_has_the_shape_of_the_weights() -> None:
    w = np.array([[-7.0, 0.0], [3.0, 7.0]])
    width = theory.input_range_width(w)
    assert width.shape == w.shape
    assert width[0, 0] == width[1, 1] > 0
    assert width[0, 1] == width[1, 0] == 0


def test_the_figure_marks_the_maximum_width() -> None:
    (ax,) = theory.plot_input_range_width().axes
    np.testing.assert_array_equal(ax.get_lines()[-1].get_xydata(), [theory.maximum_width()])
