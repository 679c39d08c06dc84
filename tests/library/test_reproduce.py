"""Published results beside ours: the rule of agreement, the training protocols and the page."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import digits
import reproduce.__main__
import task2
import task3
from digits.synthetic import synthetic_digits
from lab import figures
from lab.trainings import Training
from reproduce import claims, course_2019, course_2020, course_2021, measures, protocols
from reproduce.protocols import BinaryProtocolTrainer, Protocol, unit_range_bias_first
from task2a import BinaryModel
from trainer import check_gradient
from utils import Split


@pytest.fixture(scope="module")
def small_data() -> digits.Digits:
    """Draw 4,000 synthetic digits to train on and 1,000 to test on."""
    images, labels = synthetic_digits(5000)
    return digits.Digits("few digits", images[:4000], labels[:4000], images[4000:], labels[4000:])


@pytest.mark.parametrize(
    ("published", "ours", "agrees", "shown"),
    [
        ("0.976", [0.97578], True, "0.9758"),
        ("0.976", [0.9749], False, "0.9749"),
        ("33", [33.0], True, "33"),
        ("16", [20.0, 12.0, 31.0], True, "20 (12 to 31)"),
        ("16", [20.0, 18.0, 31.0], False, "20 (18 to 31)"),
        ("98.77 %", [0.9852], False, "98.520 %"),
        ("88 %", [0.8762], True, "87.6 %"),
    ],
)
def test_a_number_agrees_within_its_last_digit_or_the_range_over_the_seeds(
    published: str, ours: list[float], agrees: bool, shown: str
) -> None:
    claim = claims.number("2d", "what", published, "how", ours)
    assert (claim.published, claim.agrees, claim.ours) == (f"what {published}", agrees, shown)


def test_the_page_counts_agreements_letters_protocols_and_numbers_remarks() -> None:
    yes = claims.Claim("2d", "a | b", "protocol one", "1", True, "criterion")
    no = claims.Claim("2e", "c", "protocol two", "2", False, remark="because")
    page = claims.page({"Document": [yes, no]}, "Provenance.")
    assert "1 of 2 agree" in page
    assert "- **A**: protocol one\n- **B**: protocol two" in page
    assert "| 2d | a \\| b | A | criterion | 1 | yes |" in page
    assert "| 2e | c | B |  | 2 | **no** (1) |" in page
    assert "1. because" in page


def test_training_stops_after_consecutive_increases_and_on_nothing_else() -> None:
    X, Y = np.zeros((4, 785)), np.zeros((4, 1))
    trainer = BinaryProtocolTrainer(BinaryModel(), 0.1, 2, False, X, Y, X, Y)
    trainer.protocol = Protocol(0.1, increases=3)
    assert not trainer.should_stop([5, 6, 7])
    assert trainer.should_stop([9, 5, 6, 7, 8])
    assert not trainer.should_stop([9, 8, 6, 7, 8])
    assert not trainer.should_stop([5, 6, 7, 7])
    assert not trainer.should_stop([5, 6, 7, 6.5, 8])
    trainer.protocol = Protocol(0.1)
    assert not trainer.should_stop([5, 6, 7, 8, 9])


def test_scaling_the_loss_scales_the_learning_rate_and_the_penalty(
    small_data: digits.Digits,
) -> None:
    """One step from zero weights on J = C / 10 is a tenth of the step on J = C."""
    X, Y = small_data.train_images[:20], small_data.train_labels[:20]
    split = Split(X, Y, X, Y)
    one = Protocol(0.5, batch_size=20, epochs=1, shuffle=False)
    tenth = Protocol(0.5, batch_size=20, epochs=1, shuffle=False, loss_scale=0.1, l2=0.3)
    full, scaled = (p.softmax_trainer(split) for p in (one, tenth))
    for trainer in (full, scaled):
        trainer.train(1)
    np.testing.assert_allclose(scaled.model.w, full.model.w / 10, rtol=1e-4, atol=1e-8)
    X_, targets = full.X_train, full.Y_train
    w = np.random.default_rng(0).standard_normal((785, 10)).astype(np.float32)
    for trainer in (full, scaled):
        trainer.model.w = w.copy()
    full.model.backward(X_, full.model.forward(X_), targets)
    expected = w - 0.5 * (0.1 * full.model.grad + 2 * 0.3 * w)
    scaled.train_step(X_, targets)
    np.testing.assert_allclose(scaled.model.w, expected, rtol=1e-4, atol=1e-6)


def test_the_annealed_learning_rate_decreases_with_the_steps(small_data: digits.Digits) -> None:
    X, Y = small_data.train_images[:40], small_data.train_labels[:40] % 2
    split = Split(X, Y, small_data.test_images, small_data.test_labels % 2)
    trainer = Protocol(0.5, batch_size=20, decay=1.0).binary_trainer(split)
    trainer.train(2)
    assert trainer.learning_rate == 0.5 / 4  # at step 3


def test_the_regularised_binary_model_adds_twice_lambda_w() -> None:
    model = protocols.RegularisedBinaryModel(0.25)
    model.w += 1
    X, Y = np.zeros((2, 785), np.float32), np.full((2, 1), 0.5)
    model.backward(X, model.forward(X), Y)
    assert model.grad[:, 0].tolist() == [0.5] * 785
    assert check_gradient(model, X + 0.001, Y) < 1e-7


def test_pixels_are_scaled_to_one_and_the_bias_input_is_first() -> None:
    inputs = unit_range_bias_first(np.array([[0, 51, 255] + [0] * 781], np.uint8))
    assert inputs.shape == (1, 785)
    assert inputs[0, :4].tolist() == pytest.approx([1, 0, 0.2, 1])


def test_measures_of_spikes_and_falls() -> None:
    accuracy = dict(enumerate([0.5, 0.9, 0.88, 0.91, 0.905, 0.89]))
    assert measures.spikes(accuracy) == 2
    assert measures.deepest_fall(accuracy) == pytest.approx(0.02)
    assert measures.deepest_fall({0: 0.1, 1: 0.2}) == 0


def test_noise_is_rough_and_a_gradual_image_is_smooth() -> None:
    noise = np.random.default_rng(0).standard_normal((3, 784))
    gradual = np.tile(np.arange(784.0), (3, 1))
    assert measures.roughness(noise) == pytest.approx(2, abs=0.2)
    assert measures.roughness(gradual) < 0.02


def test_weights_are_matched_to_the_mean_images_of_the_digits() -> None:
    means = np.random.default_rng(0).standard_normal((10, 784))
    weights = means.copy()
    weights[[0, 1]] = weights[[1, 0]]
    assert measures.own_mean_is_most_alike(weights, means) == 8


@pytest.mark.parametrize("document", [course_2019, course_2020, course_2021])
def test_every_document_is_repeated_on_any_data_set(
    document: ModuleType, small_data: digits.Digits, monkeypatch: pytest.MonkeyPatch
) -> None:
    for train in (Protocol.train_binary, Protocol.train_softmax):

        def briefly(self: Protocol, *args: Any, train: Any = train) -> Training:
            return train(replace(self, epochs=min(self.epochs, 4), batch_size=64), *args)

        monkeypatch.setattr(Protocol, train.__name__, briefly)
    monkeypatch.setattr(document, "EPOCHS", 4, raising=False)
    for task in (task2, task3):
        monkeypatch.setattr(task, "BATCH_SIZE", 64)
    results, drawn = document.run(small_data, range(2))
    assert len(results) >= 10
    assert all(claim.published and claim.protocol and claim.ours for claim in results)
    assert all("few digits" in _title(figure) for figure in drawn.values())


def _title(figure: Figure) -> str:
    return figure.get_suptitle() or figure.axes[0].get_title()


def test_the_command_writes_the_page_and_the_figures_and_warns_of_other_data_sets(
    small_data: digits.Digits,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    claim = claims.Claim("2d", "stops in epoch 33", "how", "33", True)
    figure, _ = figures.new("title", "x", "y")
    documents = {"1999": lambda data, seeds: ([claim], {"1999.png": figure})}
    monkeypatch.setattr(reproduce.__main__, "DOCUMENTS", documents)
    monkeypatch.setattr(digits, "load", lambda data, data_dir: small_data)
    monkeypatch.setattr(sys, "argv", ["reproduce", "--out", str(tmp_path)])
    reproduce.__main__.main()
    assert (tmp_path / "figures" / "1999.png").exists()
    page = (tmp_path / "results.md").read_text(encoding="utf-8")
    assert "stops in epoch 33" in page
    assert "on few digits" in page
    assert "On another data set the numbers need not agree" in page
    assert "1999: 1 of 1 agree" in capsys.readouterr().out
