"""The theory of docs/derivations.md in numbers: how wide a sigmoid unit is awake, and momentum."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from lab import figures
from lab.script import run_script

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES = Path(__file__).resolve().parent.parent / "docs" / "figures"
MOMENTA = (-0.5, 0, 0.5, 0.9, 1.05)
ETA_H = 0.4  # learning rate times curvature, of the paths that are drawn


class Widest(NamedTuple):
    """The weight of the sigmoid unit that is awake on the widest range of inputs.

    Attributes:
        w: |w|.
        width: the length of that range.
    """

    w: float
    width: float


def sigmoid_width(w: np.ndarray | float) -> np.ndarray:
    """Compute the width of the range of inputs a where |w sigma'(w a + b)| >= 1.

    Args:
        w: weights of any shape and sign; the bias b does not matter.

    Returns:
        4 u / |w| with cosh(u)^2 = |w| / 4, of the shape of w; 0 where |w| <= 4.
    """
    size = np.maximum(np.abs(w), 4)
    return 4 * np.arccosh(np.sqrt(size) / 2) / size


def widest() -> Widest:
    """Solve 2 u tanh(u) = 1, where the width u / cosh(u)^2 is greatest, by Newton's method."""
    u = 1.0
    for _ in range(10):  # convex and positive here, so the steps only go down, to the root
        u -= (2 * u * np.tanh(u) - 1) / (2 * np.tanh(u) + 2 * u / np.cosh(u) ** 2)
    return Widest(float(4 * np.cosh(u) ** 2), float(u / np.cosh(u) ** 2))


def spectral_radius(mu: np.ndarray | float, eta_h: np.ndarray | float) -> np.ndarray:
    """Compute by how much a step of momentum on h w^2 / 2 scales the error in the long run.

    Args:
        mu: momentum, of any shape.
        eta_h: learning rate times curvature h, of a shape that broadcasts with mu.

    Returns:
        The larger |root| of r^2 - (1 + mu - eta h) r + mu = 0: below 1 the descent converges.
    """
    trace = np.asarray(1 + mu - eta_h, dtype=complex)
    half_gap = np.sqrt(trace**2 - 4 * mu) / 2
    return np.maximum(np.abs(trace / 2 + half_gap), np.abs(trace / 2 - half_gap))


def descend(mu: float, eta_h: float, steps: int) -> np.ndarray:
    """Run v <- mu v - eta h w, w <- w + v from w = 1 at rest.

    Args:
        mu: momentum.
        eta_h: learning rate times curvature h of the quadratic h w^2 / 2.
        steps: how many.

    Returns:
        w at the start and after every step (steps + 1,).
    """
    path = np.ones(steps + 1)
    v = 0.0
    for t in range(steps):
        v = mu * v - eta_h * path[t]
        path[t + 1] = path[t] + v
    return path


def plot_sigmoid_width() -> Figure:
    """Draw the width against |w|, with its maximum marked."""
    fig, ax = figures.new(
        "Where a sigmoid unit escapes the vanishing gradient",
        "|w|",
        "width of the range of inputs a with |w σ′(wa + b)| ≥ 1",
    )
    sizes = np.concatenate([[0], np.geomspace(4, 30, 400)])
    best = widest()
    ax.plot(sizes, sigmoid_width(sizes), lw=2.5)
    ax.plot([best.w, best.w, 0], [0, best.width, best.width], color="0.4", lw=1, ls=":")
    ax.plot(best.w, best.width, "o", color=figures.COLOURS[1], ms=9)
    ax.annotate(
        f"widest at |w| = {best.w:.3f}: {best.width:.4f}",
        (best.w, best.width),
        xytext=(14, 4),
        textcoords="offset points",
    )
    ax.annotate("below |w| = 4:\nno input at all", (2, 0.015), ha="center")
    ax.set(xlim=(0, 30), ylim=(0, 0.5))
    return fig


def plot_momentum() -> Figure:
    """Draw which momentum and learning rate converge, how fast, and the best momentum for each."""
    fig, ax = figures.new(
        "Momentum on a quadratic: which choices converge, and how fast",
        "momentum μ",
        "learning rate × curvature, ηh",
    )
    mu, eta_h = np.meshgrid(np.linspace(-1.2, 1.2, 481), np.linspace(0, 4.4, 441))
    radius = spectral_radius(mu, eta_h)
    filled = ax.contourf(mu, eta_h, radius, np.linspace(0, 1, 11), cmap="YlGnBu_r")
    fig.colorbar(filled, label="factor of the error per step, in the long run")
    ax.plot([-1, 1, 1, -1], [0, 4, 0, 0], color="black", lw=2, ls="-", label="edge: ηh = 2(1 + μ)")
    root = np.linspace(-1, 1, 201)  # of the best momentum
    label = "the best μ for each ηh: (1 − √(ηh))²"
    ax.plot(root**2, (1 - root) ** 2, lw=2.5, color=figures.COLOURS[1], ls="-", label=label)
    label = "the paths of the figure below"
    ax.plot(MOMENTA, [ETA_H] * len(MOMENTA), "o", color="white", mec="black", ms=8, label=label)
    ax.annotate("diverges", (-0.6, 2.2), ha="center", fontsize=14)
    ax.set(xlim=(-1.2, 1.2), ylim=(0, 4.4))
    ax.legend(loc="upper left")
    return fig


def plot_momentum_paths() -> Figure:
    """Draw the descent of h w^2 / 2 from w = 1 with each momentum of `MOMENTA`."""
    fig, ax = figures.new(
        f"Momentum on a quadratic: the way down from w = 1, ηh = {ETA_H}", "step", "w"
    )
    for mu in MOMENTA:
        ax.plot(descend(mu, ETA_H, steps=30), lw=2, label=f"μ = {mu:g}".replace("-", "−"))
    ax.axhline(0, color="0.4", lw=1, ls="-", zorder=0)
    ax.set(xlim=(0, 30), ylim=(-2.4, 2.4))
    ax.legend(loc="upper left")
    return fig


def main() -> None:
    """Draw the figures of docs/derivations.md."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=FIGURES, help="default: docs/figures")
    out = parser.parse_args().out
    for name, figure in {
        "sigmoid_width.png": plot_sigmoid_width(),
        "momentum.png": plot_momentum(),
        "momentum_paths.png": plot_momentum_paths(),
    }.items():
        figures.save(figure, out / name)
        print(f"Wrote {out / name}")


if __name__ == "__main__":
    run_script(main)
