"""The homework's experiments, what is kept and shown of them, and the claims that follow."""

import json
import sys
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock, patch

import numpy as np
import pytest
from matplotlib.figure import Figure

import digits
from convnet.layers import Conv2d, Linear
from convnet.network import Sequential, lenet
from digits import Digits
from digits.synthetic import synthetic_digits
from lab.gradient import check_gradient
from reproduce.claims import Claim
from reproduce.cs_6685 import __main__ as script
from reproduce.cs_6685 import document, experiments, hypotheses, page, robustness, transfer
from reproduce.cs_6685.experiments import BEST, EXPERIMENTS, PartL1, Settings, Trainer, train
from reproduce.cs_6685.finished import Finished, load_or_train
from task3 import calculate_accuracy
from task3a import one_hot_encode
from tests.library.conftest import Patch

FIGURES = Path(__file__).parents[2] / "docs" / "figures"
PUBLISHED = page.read(FIGURES / "results.json")


@pytest.fixture(scope="module")
def few_digits() -> Digits:
    """60 digits to train on, 50 to test on."""
    images, labels = synthetic_digits(110)
    return Digits("few digits", images[:60], labels[:60], images[60:], labels[60:])


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: Patch) -> None:
    """Take three steps an epoch on the few digits."""
    monkeypatch.setattr(experiments, "BATCH_SIZE", 20)


def test_a_training_with_the_same_inputs_is_kept(few_digits: Digits, tmp_path: Path) -> None:
    train = Mock(return_value=Finished(np.arange(3, dtype=np.float32), {"accuracy": [0.1, 1 / 3]}))
    cases: list[Any] = [
        (Settings(), few_digits, None),
        (Settings(seed=1), few_digits, None),
        (Settings(), replace(few_digits, train_images=few_digits.train_images[::-1]), None),
        (Settings(), few_digits, np.zeros(1)),
    ]
    for case in (*cases, *cases):
        w, summary = load_or_train(tmp_path, train, *case)
        np.testing.assert_array_equal(w, train.return_value.w, strict=True)
        assert summary == train.return_value.summary
    assert train.call_count == len(cases)


def test_seed_and_initial_weights_determine_a_training(few_digits: Digits) -> None:
    settings = Settings("cross-entropy", batch_norm=True, epochs=1)
    w, kept = train(settings, few_digits)
    np.testing.assert_array_equal(train(settings, few_digits).w, w)
    assert not np.array_equal(train(replace(settings, seed=1), few_digits).w, w)
    start = Settings().network(np.random.default_rng(7)).w
    still = train(Settings(learning_rate=0, epochs=1), few_digits, start.copy())
    np.testing.assert_array_equal(still.w, start)
    model = settings.network(np.random.default_rng(0))
    model.w = w
    assert kept["steps"] == [1, 2, 3]
    for key, images, labels in (
        ("test_accuracy", few_digits.test_images, few_digits.test_labels),
        ("train_accuracy", few_digits.train_images[:10], few_digits.train_labels[:10]),
    ):
        seen = experiments.predicted(model, experiments.inputs(images))
        assert kept[key][-1] == np.mean(seen == labels[:, 0])


def test_the_penalty_is_a_part_of_what_is_minimised(few_digits: Digits) -> None:
    rng = np.random.default_rng(0)
    model = Sequential([Linear(6, 3, rng)], penalties=[PartL1(-0.3, "0.Linear.weight", 7)])
    assert check_gradient(model, rng.standard_normal((4, 6)), np.eye(3)[[0, 1, 2, 0]]) < 1e-6
    settings = Settings(learning_rate=0, l1_count=100)
    without, with_l1 = (Trainer(replace(settings, l1=l1), few_digits) for l1 in (0, -0.5))
    X, Y = without.X_train[:20], without.Y_train[:20]
    w = with_l1.model.parameters()["11.Linear.weight"].value.ravel()[:100]
    added = with_l1.train_step(X, Y) - without.train_step(X, Y)
    assert added == pytest.approx(-0.5 * np.abs(w).sum(), rel=1e-4)
    linear = Settings(convolutions=False, l2=1e-4).network(rng)  # takes the pixels
    assert linear.forward(np.ones((2, 784), np.float32)).shape == (2, 10)
    assert linear.penalty() > 0


def test_a_one_cycle_rises_in_the_first_quarter_and_ends_at_zero(few_digits: Digits) -> None:
    trainer = Trainer(Settings("cross-entropy", one_cycle=True, epochs=4), few_digits)
    rates = []
    for _ in range(12):
        trainer.train_step(trainer.X_train[:1], trainer.Y_train[:1])
        rates.append(trainer.optimiser.learning_rate)
    assert [rates[i] for i in (0, 2, 5, 11)] == pytest.approx([0.1 / 3, 0.1, 0.2 / 3, 0])


def test_each_image_is_moved_by_its_own_pixels_and_leaves_background(few_digits: Digits) -> None:
    trainer = Trainer(replace(BEST, epochs=1), few_digits)
    X: np.ndarray = np.full((40, 28, 28), experiments.BACKGROUND, np.float32)
    X[:, 9, 9] = 1
    with patch.object(trainer.model, "forward", wraps=trainer.model.forward) as forward:
        trainer.train_step(X.reshape(40, 784), trainer.Y_train[:40])
    moved = forward.call_args_list[0].args[0].reshape(40, 28, 28)
    _, rows, columns = np.nonzero(moved > 0.9)
    assert set(rows) == set(columns) == {7, 8, 9, 10, 11}
    assert len({*zip(rows, columns, strict=True)}) > 9
    np.testing.assert_allclose(moved[moved < 0.9], experiments.BACKGROUND, atol=1e-6)


def test_a_summary_counts_by_digit_and_names_what_is_never_predicted() -> None:
    labels = np.repeat(np.arange(10), 20)[:, None]
    seen = np.where(labels[:, 0] == 3, 5, labels[:, 0])
    one = experiments.summary(Settings(), range(250), {1: (0.5, seen * 0), 2: (0.6, seen)}, labels)
    assert one["test_accuracy"] == [0.1, 0.9]
    assert one["last_100"] == [0.0, 1.0]
    assert one["by_digit"] == [1, 1, 1, 0, 1, 1, 1, 1, 1, 1]
    assert one["never_predicted"] == [[1, 2, 3, 4, 5, 6, 7, 8, 9], [3]]
    assert one["objectives"] == [99, 199]


@pytest.mark.parametrize("variant", transfer.VARIANTS.values())
def test_transfer_keeps_convolutions_and_draws_linear_layers(variant: transfer.Variant) -> None:
    pretrained = lenet(np.random.default_rng(7))
    model = transfer.initial(variant, pretrained.w, np.random.default_rng(0))
    for name, old in pretrained.parameters().items():
        same = np.array_equal(model.parameters()[name].value, old.value)
        assert same == ("Conv2d" in name and variant.pretrained)
    frozen = [layer.frozen for layer in model.layers if isinstance(layer, Conv2d)]
    assert frozen == [variant.frozen] * 2


def test_a_transfer_counts_how_often_it_becomes_worse_up_to_its_best_epoch() -> None:
    loss, accuracy = np.array([9, 5, 6, 1, 2, 2.5]), np.array([0.1, 0.5, 0.4, 0.3, 0.2, 0.1])
    kept = transfer.summary(0.12345, loss, accuracy)
    assert kept.pop("val_accuracy") == accuracy.tolist()
    assert list(kept.values()) == [0.1235, 6, 1, 2, 0.5]
    together = transfer.together([kept | {"val_accuracy": [0]}, kept | {"val_accuracy": [1]}])
    assert (together["epochs"], together["val_accuracy"]) == ([6, 6], [0])


def test_transfer_learns_tests_and_validates_apart(tiny_digits: Digits, monkeypatch: Patch) -> None:
    monkeypatch.setattr(transfer, "VALIDATION", 50)
    new = transfer.only(tiny_digits, 5, 9)
    few, every = (transfer.split(new, size, np.random.default_rng(0)) for size in (30, 10_000))
    assert few.Y_train.sum(axis=0).tolist() == [0] * 5 + [6] * 5
    assert len(every.X_train) + 50 == len(new.train_images) == np.sum(tiny_digits.train_labels >= 5)
    assert not {row.tobytes() for row in every.X_val} & {row.tobytes() for row in every.X_train}
    model = lenet(np.random.default_rng(7))
    variant = transfer.Variant(0.0, patience=2, size=10)  # rate 0: nothing improves
    moved, _ = transfer.train(replace(variant, draw=1), tiny_digits, model.w)
    model.w, kept = transfer.train(variant, tiny_digits, model.w)
    assert not np.array_equal(model.w, moved)
    Y = one_hot_encode(new.test_labels, 10)
    expected = calculate_accuracy(experiments.inputs(new.test_images), Y, model)
    assert kept["test_accuracy"] == round(expected, 4)
    assert kept["epochs"] == len(kept["val_accuracy"]) == 3


def test_an_example_is_the_first_image_that_a_transform_spoils(monkeypatch: Patch) -> None:
    def predict(model: object, X: np.ndarray) -> np.ndarray:
        """See in an image the digit that its first pixel is, in tens."""
        first = X[:, 0] * experiments.DEVIATION + experiments.MEAN
        return 5 * np.eye(10)[np.rint(25.5 * first).astype(int)]

    monkeypatch.setattr("utils.predict", predict)
    monkeypatch.setattr(robustness, "TRANSFORMS", {"none": lambda X: X, "no ink": np.zeros_like})
    labels, seen = np.array([[3, 0, 5, 4, 0], [4, 0, 5, 4, 0]], np.uint8)  # the first is misread
    images = np.repeat(10 * seen[:, None], 784, axis=1)
    data = Digits("read", images, labels[:, None], images, labels[:, None])
    found = robustness.robustness(lenet(np.random.default_rng(0)), data)
    assert [accuracy for accuracy, _ in found.values()] == [0.8, 0.4]
    image, answer, blank, answer_then = found["no ink"][1]
    np.testing.assert_array_equal(image.ravel(), experiments.scaled(images)[2])
    assert (answer[0], answer_then[0], blank.max()) == ("5", "0", 0)


# the trainings that started, with their data, first and last weights; figures by file; results
Written = tuple[list[tuple[Any, Digits, Any, np.ndarray]], dict[str, Figure], Mapping[str, Any]]


@pytest.fixture(scope="module")
def written(few_digits: Digits, tmp_path_factory: pytest.TempPathFactory) -> Written:
    """What `python -m reproduce.cs_6685 --quick` leaves, of trainings that are drawn at random."""
    folder = tmp_path_factory.mktemp("cs_6685")
    started: list[Any] = []
    drawn: dict[str, Figure] = {}

    def draw(settings: Settings, data: Digits, start: np.ndarray | None = None) -> Finished:
        rng = np.random.default_rng(len(started))
        w, labels = settings.network(rng).w, data.test_labels
        started.append((settings, data, start, w))
        steps = range(1500, 3000 * settings.epochs + 1, 1500)
        measured = {step: (rng.random(), rng.integers(10, size=len(labels))) for step in steps}
        objectives = rng.random(6000).tolist()
        return Finished(w, experiments.summary(settings, objectives, measured, labels))

    def draw_transfer(settings: transfer.Variant, data: Digits, start: np.ndarray) -> Finished:
        started.append((settings, data, start, start))
        loss, accuracy = np.random.default_rng(len(started)).random((2, 8))
        return Finished(start, transfer.summary(accuracy[0], loss, accuracy))

    with Patch.context() as patch:
        patch.setattr(script, "train", draw)
        patch.setattr(transfer, "train", draw_transfer)
        patch.setattr(script, "save", lambda figure, path: drawn.update({path.name: figure}))
        patch.setattr(digits, "load", lambda data, data_dir: few_digits)
        patch.setattr(sys, "argv", ["", "--quick", "--jobs", "1", "--out", str(folder)])
        script.main()
    return started, drawn, page.read(folder / "results.json")


def test_experiments_and_transfer_start_from_their_weights(written: Written) -> None:
    started, _, _ = written
    ((first, old, _, pretrained),) = (one for one in started if one[1].train_labels.max() < 5)
    assert first == experiments.PRETRAINING.at_most(2)
    weights = {settings: w for settings, data, _, w in started if data is not old}
    variants = [one for one in weights if isinstance(one, transfer.Variant)]
    assert weights.keys() == {*(one.at_most(2) for one in EXPERIMENTS.values()), *variants}
    assert {(one.size, one.epochs) for one in variants} == {(10, 10), (30, 10), (100, 10)}
    for settings, _, start, _ in started:
        assert start is (pretrained if settings in variants else weights.get(settings.start))


def test_what_is_drawn_and_measured(written: Written, few_digits: Digits) -> None:
    started, drawn, results = written
    assert (results["data"], results["quick"]) == ("few digits, 6,000 images", True)
    assert set(drawn) == {path.name for path in FIGURES.glob("hw4_*.png")}
    lines = drawn["hw4_subtracted.png"].axes[0].get_lines()
    curves = {line.get_label(): dict(np.asarray(line.get_xydata())) for line in lines}
    for name in document.SUBTRACTED:
        objectives = results["trainings"][name]["objectives"]
        assert curves[f"{name}: ours"] == dict(zip(range(100, 6001, 100), objectives, strict=True))
        assert curves[f"{name}: printed"] == document.PRINTED[name]
    best = EXPERIMENTS["best"].at_most(2)
    model = best.network(np.random.default_rng(0))
    (model.w,) = (w for settings, _, _, w in started if settings == best)
    for name, (accuracy, _) in robustness.robustness(model, few_digits).items():
        assert results["transforms"][name]["accuracy"] == accuracy


def test_quick_results_are_not_taken_for_full_ones(few_digits: Digits, tmp_path: Path) -> None:
    mnist, path = replace(few_digits, name="MNIST"), tmp_path / "results.json"
    full = {"data": "MNIST", "data_sha256": mnist.sha256(), "quick": False}
    path.write_text(json.dumps({"hw4": full}))
    with Patch.context() as patch:
        patch.setattr(digits, "load", lambda data, data_dir: mnist)
        patch.setattr(sys, "argv", ["", "--quick", "--jobs", "1", "--out", str(tmp_path)])
        with pytest.raises(FileExistsError, match="this quick run would replace the results"):
            script.main()
    assert document.read(path, mnist) == full
    for cause, parts in {
        "there are none": {},
        "they are of other": {"hw4": full | {"data": "other", "data_sha256": "0"}},
        "they are of a quick run": {"hw4": full | {"quick": True}},
    }.items():
        path.write_text(json.dumps(parts))
        with pytest.raises(OSError, match=rf"on MNIST, but {cause}.*reproduce.cs_6685 --out"):
            document.read(path, mnist)


def claims(results: Mapping[str, Any]) -> dict[str, Claim]:
    both = [*document.claims(results), *hypotheses.hypotheses(results["trainings"])]
    return {claim.published: claim for claim in both}


def alike(accuracy: float, never_predicted: list[int], slope: float) -> Mapping[str, Any]:
    """Let all trainings have the same results."""
    results = deepcopy(PUBLISHED)
    for one in results["trainings"].values():
        for key in ("test_accuracy", "train_accuracy", "last_100"):
            one[key] = [accuracy] * len(one["steps"])
        one["never_predicted"] = [never_predicted] * len(one["steps"])
        one["objectives"] = [slope * step for step in range(len(one["objectives"]))]
    for by_size in results["transfer"].values():
        for one in by_size.values():
            one["test_accuracy"] = [accuracy] * 3
            one["late"], one["loss_rises"], one["accuracy_falls"] = [[accuracy] * 3] * 3
    for example in results["transforms"].values():
        example["accuracy"] = accuracy
    return results


def changed(patient: int = 4, l1: float = 0.8, from_l2: float = 0.9) -> Mapping[str, Any]:
    """Let some trainings have these accuracies, and the losses that the document prints."""
    results = deepcopy(PUBLISHED)
    frozen, unfrozen, with_patience, *_ = results["transfer"].values()
    for i, size in enumerate(frozen):
        frozen[size]["test_accuracy"], unfrozen[size]["test_accuracy"] = [0.5] * 3, [0.6] * 3
        with_patience[size]["test_accuracy"] = [0.6, 0.6, 0.6 + 0.1 * (i < patient)]
    trainings = results["trainings"]
    for name, value in {"L2": 0.99, "L1": l1, "L1 from L2": from_l2, "SGD": 0.89}.items():
        trainings[name]["test_accuracy"][-1] = value
    trainings["SGD"]["train_accuracy"][-1] = 0.89
    for name, losses in document.PRINTED.items():
        steps = range(100, 6100, 100)  # ours are the printed ones at these steps, and 9 elsewhere
        trainings[name]["objectives"] = [losses.get(step, 9.0) for step in steps]
    return results


def test_the_claims_hold_or_fail_by_the_results() -> None:
    results = (
        PUBLISHED,
        alike(1, [], -0.01),
        alike(0.11, list(range(9)), 0.01),
        *(alike(accuracy, [3], 0) for accuracy in (0.88, 0.92, 0.97)),
        changed(),
        changed(patient=5, l1=0.995, from_l2=0.996),
    )
    seen = {(text, bool(one.agrees)) for part in results for text, one in claims(part).items()}
    assert seen == {(text, agrees) for text in claims(PUBLISHED) for agrees in (False, True)}


def test_the_claims_compare_what_they_say() -> None:
    seen = claims(changed())
    for text, agrees, shown in (
        (
            "unfreezing the convolutions improves",
            True,
            "1000: 0.6000 against 0.5000; higher in 15 trainings, ",
        ),
        ("patience 15 gives a bit better accuracy than 10", False, ""),
        ("L1 does not help much, especially from random weights", True, ""),
        ("from the weights of L2, L1 also improves over L2", False, ""),
        ("from the weights of L2, quite a bit of improvement over L1", True, ""),
        ("the printed losses are those of a", True, "L1: +0.000, L1 from L2: +0.000"),
        ("batch normalisation improves the training acc", True, "0.8900 without, 0.9950 with"),
    ):
        (claim,) = (claim for published, claim in seen.items() if published.startswith(text))
        assert claim.agrees is agrees
        assert shown in claim.ours
    assert all(one.agrees for text, one in seen.items() if "mean of the printed losses" in text)


def test_the_accuracy_after_an_epoch_is_the_one_at_its_end() -> None:
    one = {"settings": {"epochs": 3}, "steps": range(6), "test_accuracy": range(6)}
    assert [document.accuracy(one, epoch) for epoch in (1, 2, 3, None)] == [1, 3, 5, 5]
