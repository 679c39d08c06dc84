"""The figures of docs/derivations.md: the vanishing gradient of a sigmoid unit, and momentum."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from digits.files import user_path
from lab import figures
from lab.script import run_script

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOMENTA = (-0.5, 0, 0.5, 0.9, 1.05)
ETA_H = 0.4  # learning rate times curvature in the figure of the paths


def input_range_width(w: np.ndarray | float) -> np.ndarray:
    """Compute the width of the range of inputs a on which |w sigma'(w a + b)| >= 1.

    It is 4 u / |w| with 4 cosh(u)^2 = |w|, and 0 for |w| <= 4. It does not depend on the bias b.
    w: weights of any shape and sign. Returns an array of the shape of w.
    """
    size = np.maximum(np.abs(w), 4)
    return 4 * np.arccosh(np.sqrt(size) / 2) / size


def maximum_width() -> tuple[float, float]:
    """Return (|w|, width) where u / cosh(u)^2 is largest, 2 u tanh(u) = 1, by Newton's method."""
    u = 1.0
    for _ in range(10):  # convex, and positive at the start: u decreases to the root
        u -= (2 * u * np.tanh(u) - 1) / (2 * np.tanh(u) + 2 * u / np.cosh(u) ** 2)
    return float(4 * np.cosh(u) ** 2), float(u / np.cosh(u) ** 2)


def spectral_radius(mu: np.ndarray | float, eta_h: np.ndarray | float) -> np.ndarray:
    """Compute the asymptotic factor of the error per step of gradient descent on h w^2 / 2.

    It is the larger |root| of r^2 - (1 + mu - eta h) r + mu; the descent converges if it is below
    1. mu: momentum. eta_h: learning rate times curvature h. Their shapes must broadcast.
    """
    trace = np.asarray(1 + mu - eta_h, dtype=complex)
    half_difference = np.sqrt(trace**2 - 4 * mu) / 2  # of the roots
    return np.maximum(np.abs(trace / 2 + half_difference), np.abs(trace / 2 - half_difference))


def momentum_path(mu: float, eta_h: float, steps: int) -> np.ndarray:
    """Iterate v <- mu v - eta h w, w <- w + v from w = 1 and v = 0; return all w (steps + 1,)."""
    path = np.ones(steps + 1)
    v = 0.0
    for t in range(steps):
        v = mu * v - eta_h * path[t]
        path[t + 1] = path[t] + v
    return path


def plot_input_range_width() -> Figure:
    """Plot the width of the range of inputs against |w|, with its maximum marked."""
    fig, ax = figures.new(
        "Range of inputs on which the gradient of a sigmoid unit does not vanish",
        "|w|",
        "width of the range of inputs a with |w σ′(wa + b)| ≥ 1",
    )
    sizes = np.concatenate([[0], np.geomspace(4, 30, 400)])
    w, width = maximum_width()
    ax.plot(sizes, input_range_width(sizes), lw=2.5)
    ax.plot([w, w, 0], [0, width, width], color="0.4", lw=1, ls=":")
    ax.plot(w, width, "o", color=figures.COLOURS[1], ms=9)
    ax.annotate(
        f"maximum: {width:.4f} at |w| = {w:.3f}",
        (w, width),
        xytext=(14, 4),
        textcoords="offset points",
    )
    ax.annotate("0 for |w| ≤ 4", (2, 0.01), ha="center")
    ax.set(xlim=(0, 30), ylim=(0, 0.5))
    return fig


def plot_momentum() -> Figure:
    """Plot the spectral radius against momentum and learning rate, and the optimal momentum."""
    fig, ax = figures.new(
        "Momentum on a quadratic: region and rate of convergence",
        "momentum μ",
        "learning rate × curvature, ηh",
    )
    mu, eta_h = np.meshgrid(np.linspace(-1.2, 1.2, 481), np.linspace(0, 4.4, 441))
    radius = spectral_radius(mu, eta_h)
    filled = ax.contourf(mu, eta_h, radius, np.linspace(0, 1, 11), cmap="YlGnBu_r")
    fig.colorbar(filled, label="spectral radius: asymptotic factor of the error per step")
    label = "boundary: ηh = 2(1 + μ), μ = 1, ηh = 0"
    ax.plot([-1, 1, 1, -1], [0, 4, 0, 0], color="black", lw=2, ls="-", label=label)
    root = np.linspace(-1, 1, 201)  # of the optimal momentum
    label = "optimal μ for each ηh: (1 − √(ηh))²"
    ax.plot(root**2, (1 - root) ** 2, lw=2.5, color=figures.COLOURS[1], ls="-", label=label)
    label = "paths shown in the next figure"
    ax.plot(MOMENTA, [ETA_H] * len(MOMENTA), "o", color="white", mec="black", ms=8, label=label)
    ax.annotate("diverges", (-0.6, 2.2), ha="center", fontsize=14)
    ax.set(xlim=(-1.2, 1.2), ylim=(0, 4.4))
    ax.legend(loc="upper left")
    return fig


def plot_momentum_paths() -> Figure:
    """Plot the descent on h w^2 / 2 from w = 1 with each momentum of `MOMENTA`."""
    fig, ax = figures.new(f"Momentum on a quadratic: paths from w = 1, ηh = {ETA_H}", "step", "w")
    for mu in MOMENTA:
        ax.plot(momentum_path(mu, ETA_H, steps=30), lw=2, label=f"μ = {mu:g}".replace("-", "−"))
    ax.axhline(0, color="0.4", lw=1, ls="-", zorder=0)
    ax.set(xlim=(0, 30), ylim=(-2.4, 2.4))
    ax.legend(loc="upper left")
    return fig


@figures.default_settings()
def main() -> None:
    """Draw the figures of docs/derivations.md."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--out", type=user_path, default=Path("docs/figures"), help="default: %(default)s"
    )
    out = parser.parse_args().out
    for name, figure in {
        "sigmoid_width.png": plot_input_range_width(),
        "momentum.png": plot_momentum(),
        "momentum_paths.png": plot_momentum_paths(),
    }.items():
        figures.save(figure, out / name)
        print(f"Wrote {out / name}")


if __name__ == "__main__":
    run_script(main)
