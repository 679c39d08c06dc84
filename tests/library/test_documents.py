"""The documents on this exercise: their trainings, and how their claims follow from the results."""

import re
from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
import pytest
from matplotlib.figure import Figure

import task2
import task3
import utils
from digits import Digits
from digits.synthetic import synthetic_digits
from lab.jobs import train_all
from lab.trainings import Training
from reproduce import course_2019, course_2020, course_2021, homework, protocols
from reproduce.claims import Claim, number
from reproduce.protocols import TEST, TRAINING, VALIDATION, Descent, Protocol, Sets
from task2a import pre_process_images
from tests.library.conftest import Patch


class Repeated(NamedTuple):
    """What `run` of a document gives, and the trainings behind it, by name."""

    claims: list[Claim]
    figures: dict[str, Figure]
    calls: dict[Any, Any]
    results: dict[Any, Any]

    def ours(self, published: str) -> str:
        (claim,) = (claim for claim in self.claims if claim.published.startswith(published))
        return claim.ours

    def curves(self, file: str) -> dict[str, list[float]]:
        """{label: last values} of the curves of a figure, whose steep beginnings are cut."""
        lines = self.figures[file].axes[0].get_lines()
        return {str(line.get_label()): list(np.asarray(line.get_ydata())[-4:]) for line in lines}


@cache
def few_digits() -> Digits:
    """2,000 synthetic digits to train on and 500 to test on."""
    images, labels = synthetic_digits(2500)
    return Digits("few digits", images[:2000], labels[:2000], images[2000:], labels[2000:])


@cache
def repeated(document: ModuleType) -> Repeated:
    """Repeat a document with two seeds and few steps."""
    calls: dict[Any, Any] = {}
    results: dict[Any, Any] = {}
    train = Protocol.train

    def briefly(self: Protocol, sets: Sets) -> Descent:
        steps, size, every = min(self.steps, 60), self.batch_size and 64, min(self.every, 5)
        return train(replace(self, steps=steps, batch_size=size, every=every), sets)

    def recorded(trainings: Mapping[Any, Any], **options: Any) -> dict[Any, Any]:
        trained = train_all(trainings, **options)
        for name, result in trained.items():
            calls.setdefault(name, trainings[name])
            results.setdefault(name, result)
            if isinstance(result, Training):  # whose last validation is not its best
                last = max(result.val_history["loss"])
                result.val_history["loss"][last] = 9.0
                result.val_history["accuracy"][last] = 0.25
        return trained

    with Patch.context() as patch:
        patch.setattr(Protocol, "train", briefly)
        patch.setattr(document, "train_all", recorded)
        patch.setattr(document, "EPOCHS", 3, raising=False)
        patch.setattr(document, "FOLLOWED", (3, 3), raising=False)
        claims, figures = document.run(few_digits(), range(2))
    return Repeated(claims, figures, calls, results)


def ends(series: Mapping[str, protocols.Series]) -> dict[str, list[float]]:
    return {label: list(one.values())[-4:] for label, one in series.items()}


def test_the_numbers_and_figures_of_2019_are_those_of_its_trainings() -> None:
    one = repeated(course_2019)
    constant, softmax = one.results["learning rate 0.01"], one.results["softmax"]
    accuracies = {
        "test accuracy 98.77": f"{100 * constant.last('accuracy', TEST):.3f} %",
        "validation accuracy about": f"{100 * softmax.last('accuracy', VALIDATION):.1f} %",
        "test accuracy about": f"{100 * softmax.last('accuracy', TEST):.1f} %",
    }
    assert {published: one.ours(published) for published in accuracies} == accuracies
    for value in course_2019.NORMS:
        assert one.calls[f"l2 {value}"].func.__self__.l2 == value / 2
        length = np.sum(one.results[f"l2 {value}"].model.w ** 2)
        assert float(one.ours(f"figure 2.4, lambda = {value:g}")) == pytest.approx(length, abs=1e-3)
    rates = {name: r for name, r in one.results.items() if str(name).startswith("learning")}
    losses = {name: training.loss[VALIDATION] for name, training in rates.items()}
    assert one.curves("2019_rates.png") == ends(losses)
    assert one.curves("2019_loss.png") == ends(constant.loss)
    sets, images = one.calls["softmax"].args[0], few_digits().train_images
    np.testing.assert_allclose(255 * sets[VALIDATION][0], images[:200], atol=1e-3)
    np.testing.assert_allclose(255 * sets[TRAINING][0], images[200:], atol=1e-3)


def test_the_numbers_and_figures_of_2020_are_those_of_its_trainings() -> None:
    one = repeated(course_2020)
    softmax = one.results["softmax"]
    for name, (X, Y) in one.calls["softmax"].args[0].items():
        final = f"final {name.lower()}"
        assert float(one.ours(f"{final} loss")) == softmax.last("loss", name) / 10
        right = course_2020.exact_rows(Y, utils.predict(softmax.model, X))
        assert float(one.ours(f"{final} accuracy")) == pytest.approx(right, abs=1e-4)
    for value in course_2020.BARS:
        assert one.calls[value].func.__self__.l2 == value
        length = np.sum(one.results[value].model.w ** 2)
        bar = one.ours(f"squared length with lambda = {value:g},")
        assert float(bar) == pytest.approx(length, abs=1e-3)
    rows = [axes for axes in one.figures["2020_weights.png"].axes if axes.get_ylabel()[:1] == "λ"]
    for axes, name in zip(rows, ("softmax", "softmax, lambda 0.1"), strict=True):
        assert axes.get_ylabel() == ("λ = 0.1" if "lambda" in name else "λ = 0")
        first = np.asarray(axes.get_images()[0].get_array())[:, :28]
        np.testing.assert_array_equal(first.ravel(), one.results[name].model.w[1:, 0])


def test_the_numbers_and_figures_of_2021_are_those_of_its_trainings() -> None:
    one = repeated(course_2021)
    in_order, shuffled = one.results[task2.BATCH_SIZE], [one.results[seed] for seed in (0, 1)]
    for size in course_2021.SIZES:
        assert one.calls[size].args[1:] == (False, 3, 0)  # not shuffled
    stops = [training.epoch for training in shuffled]
    expected = f"{stops[0]} ({min(stops)} to {max(stops)})"
    assert one.ours("with shuffling, stops in epoch 16") == expected
    assert one.ours("stops in epoch 33") == str(in_order.epoch)
    for value in task3.LAMBDAS:
        training = one.results[value, 0]
        assert one.calls[value, 0].args[1:] == (value, 3, 0)
        accuracy = one.ours("the validation accuracy degrades")
        assert f"{value}: {training.best.val_accuracy:.4f}" in accuracy
        assert f"{value}: {np.sum(training.w**2):.3g}" in one.ours("higher lambda, shorter")
    series = [one.results[0, seed].val_history["loss"] for seed in (0, 1)]
    fallen = [quarters[-2] - quarters[-1] for quarters in map(course_2021.quarters, series)]
    assert one.ours("the validation loss does not") == f"falls by {fallen[0]:.4f}, {fallen[1]:.4f}"


def test_the_homework_validates_on_other_images_and_shows_each_setting() -> None:
    one = repeated(homework)
    for symbol, file in (("λ", "homework_lambdas.png"), ("η", "homework_rates.png")):
        trainings = {f"{s} = {v:g}": r for (s, v), r in one.results.items() if s == symbol}
        losses = {label: training.loss[TRAINING] for label, training in trainings.items()}
        assert one.curves(file) == ends(losses)
    X_val = pre_process_images(few_digits().test_images)
    np.testing.assert_array_equal(one.calls["λ", 0].args[0][VALIDATION][0], X_val)
    assert one.calls["λ", 1].func.__self__.l2 == 1
    assert one.calls["η", 1].func.__self__.learning_rate == 1


def decreases(values: list[float]) -> bool:
    return values == sorted(values, reverse=True)


DOCUMENTS = (course_2019, course_2020, course_2021, homework)
NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")

# {claim of a document: whether the numbers shown beside it agree}
VERDICTS: dict[str, Callable[[list[float]], bool]] = {
    "little to no improvement by annealing": lambda shown: shown[0] < 0.005,
    "a higher score on the test set": lambda shown: shown[0] > shown[1],
    "lambda = 0.01 has the shorter": lambda shown: shown[1] < min(shown[3::2]),
    "about 88 % and about 92": lambda shown: abs(shown[0] - 88) <= 1 >= abs(shown[1] - 92),
    "the weights are shaped like": lambda shown: shown[0] >= 9,
    "with lambda = 1 the model is no better": lambda shown: shown[1] <= shown[3],
    "the weights are less noisy with higher": lambda shown: decreases(shown[1::2]),
    "the range of the weights is lower": lambda shown: decreases(shown[1::2]),
    "without shuffling there are batches of mostly": lambda shown: shown[0] < 25,
    "normalising the input": lambda shown: bool(np.all(np.less(shown[2::3], shown[1::3]))),
    "clear evidence of overfitting": lambda shown: min(shown[:-1]) > 2 * shown[-1],
    "the model performs much better": lambda shown: min(shown) > 1.5,
    "the validation loss does not increase": lambda shown: min(shown) > 0,
    "with lambda = 1 only the most": lambda shown: shown[0] > shown[1] // 2,
    "higher lambda, shorter weights": lambda shown: decreases(shown[1::2]),
    "a large lambda helps": lambda shown: decreases(shown[1::2]),
    "with a small lambda the original cost": lambda shown: decreases(shown[-1::-2]),
    "a large learning rate speeds up": lambda shown: shown[5] < shown[3],
    "an activation with a derivative near 1": lambda shown: 0.8 < shown[0] < 1.25,
}


def test_a_verdict_agrees_with_the_numbers_beside_it() -> None:
    claims = [claim for document in DOCUMENTS for claim in repeated(document).claims]
    for start, agree in VERDICTS.items():
        (claim,) = (claim for claim in claims if claim.published.startswith(start))
        assert claim.agrees == agree([float(x) for x in NUMBER.findall(claim.ours)]), claim


def turned(result: Any, rng: np.random.Generator, kinds: np.ndarray) -> Any:
    """Draw other results: curves of some of four kinds, weights that are large, small or sparse."""

    def series(steps: Iterable[int]) -> dict[int, float]:
        """Rise, fall, stay or jump, to one of three levels, of which two are close."""
        at, level, kind = list(steps), rng.choice([0.5, 0.505, 0.9]), rng.choice(kinds)
        course = np.linspace(1, 0, len(at)) * (kind - 1) if kind < 3 else rng.normal(size=len(at))
        values = np.clip(level + 0.3 * course, 0.01, 0.99)
        return dict(zip(at, values.tolist(), strict=True))

    def weights(w: np.ndarray) -> np.ndarray:
        other = [w, rng.normal(size=w.shape), w * (rng.uniform(size=w.shape) < 0.1)]
        return np.asarray(other[rng.integers(3)] * 10 ** rng.uniform(-1, 3))

    if isinstance(result, Training):
        train, val = (
            {name: series(one) for name, one in history.items()}
            for history in (result.train_history, result.val_history)
        )
        return replace(result, w=weights(result.w), train_history=train, val_history=val)
    if isinstance(result, Descent):
        model, steps = copy(result.model), range(0, 10001, 200)
        model.w = weights(model.w)
        loss, accuracy = ({name: series(steps) for name in result.loss} for _ in range(2))
        return Descent(model, loss, accuracy, series(steps))
    if isinstance(result, dict):  # of the weights that are followed
        return {step: tuple(rng.uniform(size=3)) for step in result}
    return replace(result, **{name: rng.uniform(size=a.shape) for name, a in vars(result).items()})


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_verdict_can_turn(document: ModuleType, monkeypatch: Patch) -> None:
    """Draws results until each claim has agreed and disagreed; `number` then always agrees."""
    one = repeated(document)
    for figure in one.figures.values():
        assert "few digits" in (figure.get_suptitle() or figure.axes[0].get_title())
    rng, kinds = np.random.default_rng(15), np.arange(4)  # by which they turn soon
    batches = course_2021.follow_batches(utils.load_binary_dataset(2, 3, few_digits()), 3)

    def result(key: Any) -> Any:
        first = (key[0], 0) if isinstance(key, tuple) else 0  # of the seeds
        return one.results[key if key in one.results else first]

    for name, stand_in in {
        "train_all": lambda keys, **_: {key: turned(result(key), rng, kinds) for key in keys},
        "follow_batches": lambda images, epochs: turned(batches, rng, kinds),
        "layer_errors": lambda *_: [np.full(1, f) for f in rng.uniform(0.3, 3) ** np.arange(11)],
        "principal_directions": lambda X: rng.uniform(size=(784, 784)),
        "take_apart": lambda *_: "",
        "_figures": lambda *_: {},
        "plot_batches": lambda *_: None,
        "number": lambda *args, **named: replace(number(*args, **named), agrees=True),
        "within": lambda *_: rng.random() < 0.5,
    }.items():
        monkeypatch.setattr(document, name, stand_in, raising=False)
    for target in ("task2.make_figures", "task3.make_figures", "lab.figures.plot_curves"):
        monkeypatch.setattr(target, lambda *_: {})
    seen = {(claim.published, claim.agrees) for claim in one.claims}
    for _ in range(300):
        kinds = rng.integers(4, size=2)
        claims, _ = document.run(few_digits(), range(5))
        seen |= {(claim.published, claim.agrees) for claim in claims}
        if len(seen) == 2 * len(one.claims):
            break
    assert seen == {(claim.published, agrees) for claim in one.claims for agrees in (False, True)}
