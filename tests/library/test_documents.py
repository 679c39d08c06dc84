"""The documents on this exercise: their trainings, and how their claims follow from the results."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
from matplotlib.figure import Figure

import digits
import task2
import task3
import utils
from digits.synthetic import synthetic_digits
from lab.jobs import train_all
from lab.trainings import Training
from reproduce import course_2019, course_2020, course_2021, homework, protocols
from reproduce.claims import Claim
from reproduce.protocols import TEST, TRAINING, VALIDATION, Descent, Protocol, Sets
from task2a import BinaryModel, pre_process_images


class Repeated(NamedTuple):
    """What `run` of a document gives, and the trainings behind it: {name: call} and {name: result}.

    The trainings of several calls of `train_all` have different names, or the first is kept.
    """

    claims: dict[str, Claim]
    figures: dict[str, Figure]
    calls: dict[Any, Any]
    results: dict[Any, Any]


@pytest.fixture(scope="module")
def small_data() -> digits.Digits:
    """Draw 2,000 synthetic digits to train on and 500 to test on."""
    images, labels = synthetic_digits(2500)
    return digits.Digits("few digits", images[:2000], labels[:2000], images[2000:], labels[2000:])


@pytest.fixture(scope="module")
def repeated(small_data: digits.Digits) -> Callable[[ModuleType], Repeated]:
    """A function that repeats a document with two seeds and few steps, each document once."""
    seen: dict[ModuleType, Repeated] = {}
    train = Protocol.train

    def briefly(self: Protocol, sets: Sets) -> Descent:
        size = self.batch_size and 64
        steps, every = min(self.steps, 60), min(self.every, 5)
        return train(replace(self, steps=steps, batch_size=size, every=every), sets)

    def repeat(document: ModuleType) -> Repeated:
        if document not in seen:
            calls: dict[Any, Any] = {}
            results: dict[Any, Any] = {}

            def recorded(trainings: Mapping[Any, Any], **options: Any) -> dict[Any, Any]:
                trained = train_all(trainings, **options)
                for name, result in trained.items():
                    calls.setdefault(name, trainings[name])
                    results.setdefault(name, result)
                return trained

            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(Protocol, "train", briefly)
                patch.setattr(document, "train_all", recorded)
                patch.setattr(document, "EPOCHS", 3, raising=False)
                patch.setattr(document, "FOLLOWED", (3, 3), raising=False)
                claims, figures = document.run(small_data, range(2))
            by_text = {claim.published: claim for claim in claims}
            seen[document] = Repeated(by_text, figures, calls, results)
        return seen[document]

    return repeat


def ours(repeated: Repeated, published: str) -> str:
    (claim,) = (one for text, one in repeated.claims.items() if text.startswith(published))
    return claim.ours


def curves(figure: Figure) -> dict[str, list[float]]:
    """Return {label: last values} of the curves of a figure, whose steep beginnings are cut."""
    lines = figure.axes[0].get_lines()
    return {str(line.get_label()): list(np.asarray(line.get_ydata())[-4:]) for line in lines}


def ends(series: Mapping[str, protocols.Series]) -> dict[str, list[float]]:
    return {label: list(one.values())[-4:] for label, one in series.items()}


@pytest.mark.parametrize("document", [course_2019, course_2020, course_2021, homework])
def test_every_document_is_repeated_on_any_data_set(
    document: ModuleType, repeated: Callable[[ModuleType], Repeated]
) -> None:
    claims, drawn, *_ = repeated(document)
    assert len(claims) >= 10
    for claim in claims.values():
        assert claim.ours
        assert json.dumps(asdict(claim))
    for figure in drawn.values():
        assert "few digits" in (figure.get_suptitle() or figure.axes[0].get_title())


def test_the_numbers_and_figures_of_2019_are_those_of_its_trainings(
    repeated: Callable[[ModuleType], Repeated], small_data: digits.Digits
) -> None:
    one = repeated(course_2019)
    constant = one.results["learning rate 0.01"]
    test, val = (constant.last("accuracy", name) for name in (TEST, VALIDATION))
    assert ours(one, "test accuracy 98.77") == f"{100 * test:.3f} %"
    assert ours(one, "a higher score").startswith(f"{test:.4f} on the test set, {val:.4f} on")
    for value, published in course_2019.NORMS.items():
        training, call = one.results[f"l2 {value}"], one.calls[f"l2 {value}"]
        assert call.func.__self__.l2 == value / 2
        length = ours(one, f"figure 2.4, lambda = {value:g}: squared length {published}")
        assert float(length) == pytest.approx(np.sum(training.model.w**2), abs=1e-3)
        shown = curves(one.figures["2019_l2_norms.png"])[f"λ = {value:g}"]
        assert shown == list(training.norm.values())[-4:]
    at_end = [100 * one.results["softmax"].last("accuracy", name) for name in (VALIDATION, TEST)]
    assert ours(one, "validation accuracy about") == f"{at_end[0]:.1f} %"
    assert ours(one, "test accuracy about") == f"{at_end[1]:.1f} %"
    rates = {name: r for name, r in one.results.items() if str(name).startswith("learning")}
    losses = {name: training.loss[VALIDATION] for name, training in rates.items()}
    assert curves(one.figures["2019_rates.png"]) == ends(losses)
    assert curves(one.figures["2019_loss.png"]) == ends(constant.loss)
    assert curves(one.figures["2019_softmax_accuracy.png"]) == ends(one.results["softmax"].accuracy)
    X_train = one.calls["softmax"].args[0][TRAINING][0]
    X_val = one.calls["softmax"].args[0][VALIDATION][0]
    np.testing.assert_allclose(255 * X_val, small_data.train_images[:200], atol=1e-3)
    np.testing.assert_allclose(255 * X_train, small_data.train_images[200:], atol=1e-3)


def test_the_numbers_and_figures_of_2020_are_those_of_its_trainings(
    repeated: Callable[[ModuleType], Repeated],
) -> None:
    one = repeated(course_2020)
    softmax, sets = one.results["softmax"], one.calls["softmax"].args[0]
    for name, (X, Y) in sets.items():
        loss = ours(one, f"final {name.lower()} loss")
        assert float(loss) == softmax.last("loss", name) / 10
        right = course_2020.exact_rows(Y, utils.predict(softmax.model, X))
        accuracy = ours(one, f"final {name.lower()} accuracy")
        assert float(accuracy) == pytest.approx(right, abs=1e-4)
    for value, height in course_2020.BARS.items():
        assert one.calls[value].func.__self__.l2 == value
        bar = ours(one, f"squared length with lambda = {value:g}, its bar chart: {height}")
        assert float(bar) == pytest.approx(np.sum(one.results[value].model.w ** 2), abs=1e-3)
    assert curves(one.figures["2020_loss.png"]) == ends(one.results[0].loss)
    by_lambda = {f"λ = {value:g}": one.results[value] for value in course_2020.LAMBDAS}
    accuracies = {name: training.accuracy[VALIDATION] for name, training in by_lambda.items()}
    assert curves(one.figures["2020_l2_accuracy.png"]) == ends(accuracies)
    rows = zip(
        (axes for axes in one.figures["2020_weights.png"].axes if axes.get_ylabel()[:1] == "λ"),
        {"λ = 0": "softmax", "λ = 0.1": "softmax, lambda 0.1"}.items(),
        strict=True,
    )
    for axes, (label, name) in rows:
        assert axes.get_ylabel() == label
        first = np.asarray(axes.get_images()[0].get_array())[:, :28]
        np.testing.assert_array_equal(first.ravel(), one.results[name].model.w[1:, 0])


def test_the_numbers_and_figures_of_2021_are_those_of_its_trainings(
    repeated: Callable[[ModuleType], Repeated],
) -> None:
    one = repeated(course_2021)
    in_order, shuffled = one.results[task2.BATCH_SIZE], [one.results[seed] for seed in (0, 1)]
    for size in course_2021.SIZES:
        assert one.calls[size].args[1:] == (False, 3, 0)
        assert one.calls[size].keywords == {"batch_size": size}
    accuracy = in_order.train_history["accuracy"]
    assert ours(one, "final training accuracy") == f"{accuracy[max(accuracy)]:.4f}"
    assert ours(one, "stops in epoch 33") == str(in_order.epoch)
    stops = [training.epoch for training in shuffled]
    expected = f"{stops[0]} ({min(stops)} to {max(stops)})"
    assert ours(one, "with shuffling, stops in epoch 16") == expected
    by_lambda = {value: one.results[value, 0] for value in task3.LAMBDAS}
    for value, training in by_lambda.items():
        assert one.calls[value, 0].args[1:] == (value, 3, 0)
        assert f"{value}: {np.sum(training.w**2):.3g}" in ours(one, "higher lambda, shorter")
    falls = [np.subtract(one.results[0.001, s].best, one.results[0, s].best) for s in (0, 1)]
    assert falls[0][2] != falls[1][2]  # of two seeds
    assert ours(one, "the same, judged by the validation loss").endswith(
        f"from 0 to 0.001 by {falls[0][2]:.4f}, {falls[1][2]:.4f}"
    )
    series = [one.results[0, seed].val_history["loss"] for seed in (0, 1)]
    fallen = [quarters[-2] - quarters[-1] for quarters in map(course_2021.quarters, series)]
    assert ours(one, "the validation loss does not") == f"falls by {fallen[0]:.4f}, {fallen[1]:.4f}"
    left, right, *_ = one.figures["2021_batches.png"].axes
    (losses,), (accuracies,) = left.get_images(), right.get_images()
    assert np.asarray(losses.get_array())[0, 0] == pytest.approx(np.log(2))
    assert np.asarray(accuracies.get_array()).max() <= 1


def test_the_homework_validates_on_other_images_and_shows_each_setting(
    repeated: Callable[[ModuleType], Repeated], small_data: digits.Digits
) -> None:
    one = repeated(homework)
    for symbol, file in (("λ", "homework_lambdas.png"), ("η", "homework_rates.png")):
        trainings = {f"{s} = {v:g}": r for (s, v), r in one.results.items() if s == symbol}
        losses = {label: training.loss[TRAINING] for label, training in trainings.items()}
        assert curves(one.figures[file]) == ends(losses)
    sets = one.calls["λ", 0].args[0]
    X_val = pre_process_images(small_data.test_images)
    np.testing.assert_array_equal(sets[VALIDATION][0], X_val)
    assert one.calls["λ", 1].func.__self__.l2 == 1
    assert one.calls["η", 1].func.__self__.learning_rate == 1


# Verdicts


class Drawn:
    """Draws results of every kind: flat and noisy, rising and falling, alike and different."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.is_flat, self.is_alike, self.trend = self.rng.integers(2, size=3).tolist()
        self.size, self.factor = 1.0, self.one_of(0.8, 1, 1.25)
        self.scale, self.level = self.one_of(0.03, 0.001), self.one_of(0.1, 0.5, 0.9)

    def one_of(self, *values: float) -> float:
        return values[self.rng.integers(len(values))]

    def series(self, steps: range, least: float = 0.05) -> dict[int, float]:
        level = self.one_of(0.88, 0.92, *self.rng.uniform(least, 0.95, 2))
        level = max(least, self.level) if self.is_alike else level
        noise = 0 if self.is_flat else self.rng.normal(scale=self.scale, size=len(steps))
        slope = self.one_of(-0.4, -0.002, 0.002, 0.4) if self.trend else 0
        values = level + slope * np.minimum(np.arange(len(steps)) / len(steps), 0.3) + noise
        return dict(zip(steps, values.clip(0.001, 0.999).tolist(), strict=True))

    def weights(self, inputs: int, outputs: int) -> np.ndarray:
        self.size *= self.factor
        size = self.size * self.one_of(1, 1, 3)
        if self.is_alike:
            base = np.random.default_rng(0).standard_normal((inputs, outputs))
            return size * (base + 0.01 * self.rng.standard_normal(base.shape))
        noisy = self.rng.standard_normal((inputs, outputs))
        noisy = np.cumsum(noisy, axis=0) if self.rng.integers(2) else noisy
        return size * noisy * (self.rng.random(noisy.shape) > self.one_of(0, 0.8))

    def descent(self, outputs: int = 1, steps: range = range(0, 10001, 500)) -> Descent:
        model = BinaryModel()
        model.w = self.weights(785 if outputs == 1 else 784, outputs)
        names = (TRAINING, VALIDATION, TEST)
        loss = {name: self.series(steps) for name in names}
        loss = dict.fromkeys(names, loss[TEST]) if self.is_alike else loss
        norm = dict.fromkeys(steps, float(np.sum(model.w**2)))
        return Descent(model, loss, {name: self.series(steps) for name in names}, norm)

    def training(self, outputs: int = 1) -> Training:
        batches, every, steps = 10, 2, 8 * 10
        at = range(0, steps, every)
        train = {"loss": self.series(range(steps)), "accuracy": self.series(at, 0.9)}
        val = {"loss": self.series(at), "accuracy": self.series(at, 0.9)}
        return Training(self.weights(785, outputs), train, val, 99, batches, batches // every)

    def sets(self) -> Sets:
        X, labels = self.weights(784, 40).T, np.arange(40)[:, None] % 10
        return dict.fromkeys((TRAINING, VALIDATION, TEST), (X, labels))

    def claims(self) -> Iterator[Claim]:
        yield from self.of_2019()
        yield from self.of_2020()
        yield from self.of_2021()
        yield from self.of_the_homework()

    def of_2019(self) -> Iterator[Claim]:
        sets, count = self.sets(), self.rng.integers(3, size=3).tolist()
        counts = dict(zip(course_2019.LARGER_RATES, count, strict=True))
        yield course_2019._largest_rate(counts, 1, sets)
        constant, annealed, raw = (self.descent() for _ in range(3))
        yield from course_2019._logistic(constant, annealed, raw, sets)
        penalised = {value: self.descent() for value in course_2019.NORMS}
        yield from course_2019._regularised(penalised)
        softmax, annealed = self.descent(10), self.descent(10)
        if self.is_alike:
            softmax.model.w = course_2019.mean_images(sets).T
        yield from course_2019._softmax(softmax, annealed, sets)
        yield course_2019._stopping(self.descent(10, range(11)), sets)

    def of_2020(self) -> Iterator[Claim]:
        yield from course_2020._stopping(self.descent(steps=range(0, 561, 20)))
        by_lambda = {value: self.descent() for value in course_2020.LAMBDAS}
        X, _ = self.sets()[VALIDATION]
        sets = dict.fromkeys((TRAINING, VALIDATION, TEST), (X, np.arange(40)[:, None] % 2))
        yield from course_2020._complexity(by_lambda, sets)

    def of_2021(self) -> Iterator[Claim]:
        seeds = range(10)
        shuffled = [self.training() for _ in seeds]
        if self.is_alike:
            shuffled = [replace(shuffled[0]) for _ in seeds]
        by_size = {}
        for size, scale in zip(course_2021.SIZES, sorted(self.rng.random(4) / 30), strict=True):
            self.scale = scale
            by_size[size] = self.training()
        yield from course_2021._spikes(by_size, shuffled)
        in_order = by_size[task2.BATCH_SIZE]
        loss, wrong, gradient, accuracies = self.rng.random((4, 6, 10))
        twos = loss[0].copy()
        if self.is_alike:
            twos[np.median(accuracies[2:], axis=0).argmin()] = 1
        if self.is_flat:  # one fall at the same batch of several epochs
            accuracy = in_order.val_history["accuracy"]
            accuracy.update((t, 0.7) for t in accuracy if t % 10 == 8)
        yield from course_2021._causes(
            in_order, course_2021.Batches(loss, wrong, gradient, accuracies, twos)
        )
        plain, centred = ({r: self.descent() for r in course_2021.RATES} for _ in range(2))
        yield from course_2021._convergence(in_order, shuffled, plain, centred)
        images = utils.Split(*(np.zeros((1000, 1)) for _ in range(4)))
        yield from course_2021._overfitting([self.training(10)], images)
        by_lambda = {value: self.training(10) for value in task3.LAMBDAS}
        paired = {value: [self.training(10) for _ in range(2)] for value in (0, 0.001)}
        courses = {v: {t: tuple(self.rng.random(2)) for t in range(0, 80, 2)} for v in (0, 1)}
        yield from course_2021._noise(by_lambda, courses)
        yield from course_2021._regularisation(by_lambda, paired, courses)

    def of_the_homework(self) -> Iterator[Claim]:
        yield from homework._penalty({value: self.descent() for value in homework.LAMBDAS})
        yield from homework._learning_rate({value: self.descent() for value in homework.RATES})
        factors = self.rng.choice([0.5, 1, 2], 4)
        layers = range(1, homework.DEPTH + 1)
        yield from homework._depth(
            {
                name: {layer: float(factor**-layer) for layer in layers}
                for name, factor in zip(homework.ACTIVATIONS, factors, strict=True)
            }
        )


def test_2021_judges_a_penalty_by_the_best_validation_and_spikes_after_the_first_epoch() -> None:
    drawn = Drawn(0)
    drawn.is_flat, drawn.scale = False, 0.03
    by_lambda = {value: drawn.training(10) for value in task3.LAMBDAS}
    paired = {value: [by_lambda[value]] for value in (0, 0.001)}
    courses = {value: {0: (1.0, 1.0)} for value in (0, 1)}
    accuracy, loss, _ = course_2021._regularisation(by_lambda, paired, courses)
    for value, training in by_lambda.items():
        assert training.best.val_accuracy != training.validations[-1].val_accuracy
        assert f"{value}: {training.best.val_accuracy:.4f}" in accuracy.ours
        assert f"{value}: {training.best.val_loss:.4f}" in loss.ours
        assert list(course_2021.after_first_epoch(training)) == list(range(10, 80, 2))


def test_every_statement_holds_or_fails_by_the_results() -> None:
    verdicts: dict[str, set[bool]] = {}
    for seed in range(1000):  # some 60 suffice
        for claim in Drawn(seed).claims():
            if claim.criterion:
                verdicts.setdefault(claim.published, set()).add(bool(claim.agrees))
        if all(len(seen) == 2 for seen in verdicts.values()):
            break
    assert {text: seen for text, seen in verdicts.items() if len(seen) < 2} == {}
