"""What the figures of the tasks show: which curve has which label, and its data."""

from collections import Counter

import numpy as np
import pytest

import task2
import task3
import utils
from lab import figures
from lab.assignment import CONFUSION, FIGURES, MISTAKES
from lab.trainings import Training

# Of six validation images, each has one pixel lit, which alone decides what it is taken for, and
# which of the softmax regressions takes it for that with more or less certainty.
LABELS = [3, 3, 3, 9, 9, 0]
TAKEN_FOR = [3, 5, 5, 4, 9, 8]
BRIGHTNESS = [255, 250, 245, 255, 255, 240]


def a_training(pace: float, outputs: int) -> Training:
    """Nine steps whose histories are formulas, four an epoch; output k has weight at pixel k."""
    steps, validated = range(9), range(0, 9, 2)
    loss = {step: 0.15 - pace * step / 100 + 0.01 * (step % 3) for step in steps}
    accuracy = {step: 0.93 + pace * step / 1000 for step in validated}
    w = np.zeros((785, outputs))
    w[:outputs] = 3 * pace * np.eye(outputs)
    return Training(
        w,
        {"loss": loss, "accuracy": {step: value + 0.01 for step, value in accuracy.items()}},
        {"loss": {step: loss[step] + 0.02 for step in validated}, "accuracy": accuracy},
        epochs=3,
        batches_per_epoch=4,
        validations_per_epoch=2,
    )


IN_ORDER, SHUFFLED = a_training(0.5, 1), a_training(1, 1)
BY_LAMBDA = {value: a_training(1 + value, 10) for value in task3.LAMBDAS}


@pytest.fixture(scope="module")
def drawn() -> figures.Figures:
    X, Y = np.zeros((6, 784), dtype=np.uint8), np.array(LABELS)[:, None]
    X[range(6), TAKEN_FOR] = BRIGHTNESS
    images = utils.Split(X[:1], Y[:1], X, Y)
    of_task2 = task2.make_figures(IN_ORDER, SHUFFLED, "data")
    return of_task2 | task3.make_figures(BY_LAMBDA, images, "data")


def curves(drawn: figures.Figures, task: str) -> dict[object, dict[float, float]]:
    """The data of each curve by the label in the legend."""
    ax, *_ = drawn[FIGURES[task]].axes
    assert ax.get_legend()
    return {one.get_label(): dict(np.asarray(one.get_xydata()).tolist()) for one in ax.get_lines()}


@pytest.mark.parametrize(("task", "training"), [("2", IN_ORDER), ("3", BY_LAMBDA[0])])
def test_loss_and_accuracy_are_shown(drawn: figures.Figures, task: str, training: Training) -> None:
    losses = list(training.train_history["loss"].values())
    shown = curves(drawn, f"{task}b")
    assert list(shown) == ["Training loss, mean of each epoch (4 steps)", "Validation loss"]
    means, validations = shown.values()
    assert means == pytest.approx({1.5: np.mean(losses[:4]), 5.5: np.mean(losses[4:8])})
    assert validations == training.val_history["loss"]
    (ax,) = drawn[FIGURES[f"{task}b"]].axes
    band = np.asarray(ax.collections[0].get_paths()[0].vertices)
    quartiles = np.quantile(losses[:4], (0.25, 0.75))
    assert sorted(set(band[band[:, 0] == 1.5, 1])) == pytest.approx(quartiles)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Gradient step", "Cross-entropy loss")
    assert curves(drawn, f"{task}c") == {
        "Training accuracy": training.train_history["accuracy"],
        "Validation accuracy": training.val_history["accuracy"],
    }
    in_words = figures.describe(drawn[FIGURES["2c"]])
    assert in_words.endswith("Training accuracy ends at 0.944, Validation accuracy ends at 0.934")


def test_the_vertical_axis_shows_how_curves_differ(drawn: figures.Figures) -> None:
    limits = {"2b": (0, 0.2), "2c": (0.93, 0.99), "2e": (0.93, 0.99)}
    limits |= {"3b": (0.0807, 0.6), "3c": (0.89, 0.951), "4c": (0.7, 0.95)}
    for task, expected in limits.items():
        assert drawn[FIGURES[task]].axes[0].get_ylim() == pytest.approx(expected, abs=1e-3)


def test_several_trainings_have_labels_of_their_own(drawn: figures.Figures) -> None:
    assert curves(drawn, "2e") == {
        "Without shuffling": IN_ORDER.val_history["accuracy"],
        "With shuffling": SHUFFLED.val_history["accuracy"],
    }
    assert curves(drawn, "4c") == {
        f"λ = {value:g}": one.val_history["accuracy"] for value, one in BY_LAMBDA.items()
    }
    ax, _ = drawn[FIGURES["4c"]].axes  # the second shows the end of the first curve
    assert len({line.get_color() for line in ax.get_lines()}) == 5


def test_the_end_of_the_first_curve_is_enlarged_with_what_is_near_it() -> None:
    heights = {"first": (0.8, 0.82), "near": (0.8, 0.81), "far": (0.5, 0.51)}
    lines = {name: {step: pair[step % 2] for step in range(8)} for name, pair in heights.items()}
    ax, panel = figures.plot_curves(lines, "title", "accuracy", (0, 1), enlarged=True).axes
    assert panel.get_xlim() == (6, 7)
    assert panel.get_ylim() == pytest.approx((0.796, 0.824))
    for line, again in zip(ax.get_lines(), panel.get_lines(), strict=True):
        np.testing.assert_array_equal(again.get_xydata(), line.get_xydata())


def test_weights_are_images_on_one_scale_and_in_grey_on_their_own(drawn: figures.Figures) -> None:
    axes = drawn[FIGURES["4b"]].axes
    rows = {ax.get_ylabel(): ax.get_images()[0] for ax in axes if ax.get_images()}
    assert list(rows) == ["λ = 0", "λ = 1", "λ = 0, grey", "λ = 1, grey"]
    assert "weight, symmetric-logarithmic scale" in axes[4].get_ylabel()
    for name, image in rows.items():
        largest = 3 if name == "λ = 0, grey" else 6
        assert image.get_clim() == (-largest, largest)
        assert (image.get_cmap().name == "gray") == name.endswith("grey")
        for digit, w in enumerate(BY_LAMBDA[int(name[4])].w[:784].T):
            tile = np.asarray(image.get_array())[:, 30 * digit : 30 * digit + 28]
            np.testing.assert_array_equal(tile, w.reshape(28, 28))


def test_squared_lengths_are_points_on_logarithmic_axes(drawn: figures.Figures) -> None:
    (ax,) = drawn[FIGURES["4e"]].axes
    (points,) = ax.get_lines()
    assert points.get_linestyle() == "None"
    lengths = {value: 90 * (1 + value) ** 2 for value in BY_LAMBDA}
    assert dict(np.asarray(points.get_xydata()).tolist()) == pytest.approx(lengths)
    assert [text.get_text() for text in ax.texts] == [f"{one:.3g}" for one in lengths.values()]
    assert (ax.get_xscale(), ax.get_yscale(), ax.get_ylabel()) == ("symlog", "log", "‖w‖²")


def test_the_errors_are_those_of_lambda_0_true_digits_by_row(drawn: figures.Figures) -> None:
    (ax,) = drawn[CONFUSION].axes
    counts = {text.get_position()[::-1]: int(text.get_text()) for text in ax.texts}
    expected = Counter(zip(LABELS, TAKEN_FOR, strict=True))
    assert counts == {place: expected[place] for place in np.ndindex(10, 10)}
    shades = np.asarray(ax.images[0].get_array())
    assert (shades[3, 5], shades[3, 3]) == (2, 0)  # errors, not right predictions, are dark
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Predicted digit", "True digit")
    surest = np.exp(3) / (np.exp(3) + 9 * np.exp(-3))  # of one pixel lit among the first ten
    shown = [text.get_text().split(": ") for text in drawn[MISTAKES].axes[0].texts]
    assert shown[0] == ["9 taken for 4", f"{surest:.2%}"]
    assert [name for name, _ in shown[1:]] == ["3 taken for 5", "3 taken for 5", "0 taken for 8"]
