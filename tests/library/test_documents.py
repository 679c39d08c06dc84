"""The documents on this exercise: their trainings, and how their claims follow from the results."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from copy import copy
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
from reproduce.claims import Claim, number
from reproduce.protocols import TEST, TRAINING, VALIDATION, Descent, Protocol, Sets
from task2a import pre_process_images


class Repeated(NamedTuple):
    """What `run` of a document gives, and the trainings behind it, by name."""

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
        steps, size, every = min(self.steps, 60), self.batch_size and 64, min(self.every, 5)
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
                    if isinstance(result, Training):  # whose last validation is not its best
                        last = max(result.val_history["loss"])
                        result.val_history["loss"][last] = 9.0
                        result.val_history["accuracy"][last] = 0.25
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


def test_the_numbers_and_figures_of_2019_are_those_of_its_trainings(
    repeated: Callable[[ModuleType], Repeated], small_data: digits.Digits
) -> None:
    one = repeated(course_2019)
    constant = one.results["learning rate 0.01"]
    test = constant.last("accuracy", TEST)
    assert ours(one, "test accuracy 98.77") == f"{100 * test:.3f} %"
    for value, published in course_2019.NORMS.items():
        training, call = one.results[f"l2 {value}"], one.calls[f"l2 {value}"]
        assert call.func.__self__.l2 == value / 2
        length = ours(one, f"figure 2.4, lambda = {value:g}: squared length {published}")
        assert float(length) == pytest.approx(np.sum(training.model.w**2), abs=1e-3)
    at_end = [100 * one.results["softmax"].last("accuracy", name) for name in (VALIDATION, TEST)]
    assert ours(one, "validation accuracy about") == f"{at_end[0]:.1f} %"
    assert ours(one, "test accuracy about") == f"{at_end[1]:.1f} %"
    rates = {name: r for name, r in one.results.items() if str(name).startswith("learning")}
    losses = {name: training.loss[VALIDATION] for name, training in rates.items()}
    assert curves(one.figures["2019_rates.png"]) == ends(losses)
    assert curves(one.figures["2019_loss.png"]) == ends(constant.loss)
    sets = one.calls["softmax"].args[0]
    np.testing.assert_allclose(255 * sets[VALIDATION][0], small_data.train_images[:200], atol=1e-3)
    np.testing.assert_allclose(255 * sets[TRAINING][0], small_data.train_images[200:], atol=1e-3)


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
        assert one.calls[size].args[1:] == (False, 3, 0)  # not shuffled
    stops = [training.epoch for training in shuffled]
    expected = f"{stops[0]} ({min(stops)} to {max(stops)})"
    assert ours(one, "with shuffling, stops in epoch 16") == expected
    assert ours(one, "stops in epoch 33") == str(in_order.epoch)
    by_lambda = {value: one.results[value, 0] for value in task3.LAMBDAS}
    for value, training in by_lambda.items():
        assert one.calls[value, 0].args[1:] == (value, 3, 0)
        best = f"{value}: {training.best.val_accuracy:.4f}"
        assert best in ours(one, "the validation accuracy degrades")
        assert f"{value}: {np.sum(training.w**2):.3g}" in ours(one, "higher lambda, shorter")
    series = [one.results[0, seed].val_history["loss"] for seed in (0, 1)]
    fallen = [quarters[-2] - quarters[-1] for quarters in map(course_2021.quarters, series)]
    assert ours(one, "the validation loss does not") == f"falls by {fallen[0]:.4f}, {fallen[1]:.4f}"
    assert min(course_2021.after_first_epoch(in_order)) >= in_order.batches_per_epoch
    left, right, *_ = one.figures["2021_batches.png"].axes
    (losses,), (accuracies,) = left.get_images(), right.get_images()
    assert np.asarray(losses.get_array())[0, 0] == pytest.approx(np.log(2))  # of zero weights
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


NUMBER = re.compile(r"[-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?")

# {document: {claim: whether the numbers shown beside it agree}}
VERDICTS: dict[ModuleType, dict[str, Callable[[list[float]], bool]]] = {
    course_2019: {
        "little to no improvement by annealing": lambda shown: shown[0] < 0.005,
        "a higher score on the test set": lambda shown: shown[0] > shown[1],
        "lambda = 0.01 has the shorter": lambda shown: min(shown[1::2]) == shown[1],
        "about 88 % and about 92": lambda shown: abs(shown[0] - 88) <= 1 >= abs(shown[1] - 92),
        "the weights are shaped like": lambda shown: shown[0] >= 9,
    },
    course_2020: {
        "with lambda = 1 the model is no better": lambda shown: shown[1] <= shown[3],
        "the weights are less noisy with higher": lambda shown: decreases(shown[1::2]),
        "the range of the weights is lower": lambda shown: decreases(shown[1::2]),
    },
    course_2021: {
        "without shuffling there are batches of mostly": lambda shown: shown[0] < 25,
        "normalising the input": lambda shown: bool(np.all(np.less(shown[2::3], shown[1::3]))),
        "clear evidence of overfitting": lambda shown: min(shown[:-1]) > 2 * shown[-1],
        "the model performs much better": lambda shown: min(shown) > 1.5,
        "the validation loss does not increase": lambda shown: min(shown) > 0,
        "with lambda = 1 only the most": lambda shown: shown[0] > shown[1] // 2,
        "higher lambda, shorter weights": lambda shown: decreases(shown[1::2]),
    },
    homework: {
        "a large lambda helps": lambda shown: decreases(shown[1::2]),
        "with a small lambda the original cost": lambda shown: decreases(shown[-1::-2]),
        "a large learning rate speeds up": lambda shown: shown[5] < shown[3],
        "an activation with a derivative near 1": lambda shown: 0.8 < shown[0] < 1.25,
    },
}


def decreases(values: list[float]) -> bool:
    return values == sorted(values, reverse=True)


@pytest.mark.parametrize("document", VERDICTS)
def test_on_any_data_set_a_verdict_follows_from_the_numbers_beside_it(
    document: ModuleType, repeated: Callable[[ModuleType], Repeated]
) -> None:
    claims, drawn, *_ = repeated(document)
    assert all(claim.ours and json.dumps(asdict(claim)) for claim in claims.values())
    for figure in drawn.values():
        assert "few digits" in (figure.get_suptitle() or figure.axes[0].get_title())
    for start, agree in VERDICTS[document].items():
        (claim,) = (claim for published, claim in claims.items() if published.startswith(start))
        shown = [float(number) for number in NUMBER.findall(claim.ours)]
        assert claim.agrees == agree(shown), (start, claim.ours)


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


@pytest.mark.parametrize("document", VERDICTS)
def test_every_verdict_turns_with_the_results(
    document: ModuleType,
    repeated: Callable[[ModuleType], Repeated],
    small_data: digits.Digits,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Draws results until each claim has agreed and disagreed; `number` then always agrees."""
    claims, _, _, results = repeated(document)
    seen = {text: {claim.agrees} for text, claim in claims.items()}
    rng = np.random.default_rng(0)
    kinds = np.arange(4)
    batches = getattr(document, "follow_batches", None)
    followed = batches and batches(utils.load_binary_dataset(2, 3, small_data), 3)

    def one(key: Any) -> Any:
        first = (key[0], 0) if isinstance(key, tuple) else 0  # of the seeds
        return results[key if key in results else first]

    for name, stand_in in {
        "train_all": lambda keys, **_: {key: turned(one(key), rng, kinds) for key in keys},
        "follow_batches": lambda images, epochs: turned(followed, rng, kinds),
        "layer_errors": lambda *_: [np.full(1, f) for f in rng.uniform(0.3, 3) ** np.arange(11)],
        "_figures": lambda *_: {},
        "plot_batches": lambda *_: None,
        "number": lambda *args, **named: replace(number(*args, **named), agrees=True),
    }.items():
        monkeypatch.setattr(document, name, stand_in, raising=False)
    for target in ("task2.make_figures", "task3.make_figures", "lab.figures.plot_curves"):
        monkeypatch.setattr(target, lambda *_: {})
    for _ in range(300):
        kinds = rng.integers(4, size=2)
        for claim in document.run(small_data, range(5))[0]:
            seen[claim.published].add(claim.agrees)
        if all(len(verdicts) == 2 for verdicts in seen.values()):
            break
    assert {text for text, verdicts in seen.items() if len(verdicts) < 2} == set()
