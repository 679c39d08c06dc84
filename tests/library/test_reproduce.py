"""Published results beside ours: the rule of agreement, the training protocols and the pages."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy import special

import reproduce.__main__
import task2
import task3
import utils
from digits import Digits, load
from lab.gradient import numerical_gradient
from reproduce import claims, course_2019, course_2020, course_2021, homework, measures, pages
from reproduce import protocols as descents
from reproduce.claims import Claim, Method
from reproduce.cs_6685 import page
from reproduce.cs_6685.hypotheses import hypotheses
from reproduce.protocols import TEST, TRAINING, VALIDATION, Descent, Protocol, Sets
from task2a import BinaryModel, pre_process_images
from task3a import SoftmaxModel, one_hot_encode
from tests.library.conftest import Patch

DOCS = Path(__file__).parents[2] / "docs"
RESULTS = DOCS / "figures" / "results.json"


def test_a_number_agrees_as_printed() -> None:
    for published, ours, agrees, shown in (
        ("0.976", 0.97578, True, "0.9758"),
        ("0.976", 0.9749, False, "0.9749"),
        ("33", 33.0, True, "33"),
        ("88 %", 0.8762, True, "87.6 %"),
        ("0.037827305981061383", 0.03782730598106139, True, "0.03782730598106139"),
        ("0.037827305981061383", 0.037827305981, False, "0.037827305981"),
    ):
        claim = claims.number("2d", Method("A"), "what", published, ours)
        assert (claim.published, claim.agrees, claim.ours) == (f"what {published}", agrees, shown)


def test_what_agrees_only_by_our_choice_and_what_is_not_explained_are_counted_apart() -> None:
    claim = Claim("2d", Method("A"), "stops in epoch 33", "33", True, note=1)
    document = [
        claim,
        replace(claim, method=Method("B", assumed=True)),
        replace(claim, method=Method("B", fitted=True)),
        *(replace(claim, agrees=False, note=note) for note in (1, None)),
    ]
    assert [one.verdict for one in document] == list(claims.COUNTED)
    assert claims.tally(document[2:]) == (
        "Of 3 results, 1 agrees with a fitted setting, 1 disagrees and is explained, 1 disagrees "
        "and is not explained."
    )


def cross_entropy(Y: np.ndarray, logits: np.ndarray) -> float:
    return -float(np.mean(np.sum(Y * special.log_softmax(logits, axis=1), axis=1)))


def test_a_protocol_is_gradient_descent_on_its_objective() -> None:
    """Two steps on batches in order, with a scaled cost, a penalty and an annealed rate."""
    X, Y = np.random.default_rng(0).uniform(size=(40, 7)), np.eye(3)[np.arange(40) % 3]
    sets: Sets = {TRAINING: (X[:32], Y[:32]), TEST: (X[32:], Y[32:])}
    protocol = Protocol(0.5, 2, batch_size=16, l2=0.3, cost_scale=0.1, decay=1.0, every=1)
    descent, w = protocol.train(sets), np.zeros((7, 3))

    def objective() -> float:
        return 0.1 * cross_entropy(Y[batch], X[batch] @ w) + 0.3 * float(np.sum(w**2))

    for t in range(2):
        batch = slice(16 * t, 16 * t + 16)
        w -= 0.5 / (1 + t) * numerical_gradient(objective, w)
        assert descent.norm[t + 1] == pytest.approx(np.sum(w**2), rel=1e-7)
        for name, (inputs, targets) in sets.items():
            assert descent.loss[name][t + 1] == pytest.approx(cross_entropy(targets, inputs @ w))
    np.testing.assert_allclose(descent.model.w, w, rtol=1e-7, atol=1e-10)
    assert descent.last("loss", TRAINING, step=1) == descent.loss[TRAINING][1]


def test_the_inputs_and_the_sets_of_the_older_documents(tiny_digits: Digits) -> None:
    images = np.array([[0, 51, 255] + [0] * 781], np.uint8)
    assert descents.unit_range(images)[0, :4].tolist() == pytest.approx([1, 0, 0.2, 1])
    assert course_2019.raw_pixels(images)[0, :4].tolist() == [1, 0, 51, 255]
    sets = descents.older_sets(tiny_digits)  # tested on the last fifth
    np.testing.assert_array_equal(sets[TRAINING][0], tiny_digits.train_images)
    np.testing.assert_array_equal(sets[TEST][0], tiny_digits.test_images[160:])
    np.testing.assert_array_equal(sets[TEST][1], tiny_digits.test_labels[160:])
    X = np.arange(10)[:, None]
    divided = course_2020.split({TRAINING: (X, X), TEST: (X, X)})
    assert divided[TRAINING][0].ravel().tolist() == [2, 8, 4, 9, 1, 6, 7, 3, 0]
    assert divided[VALIDATION][1].ravel().tolist() == [5]


def test_variations_of_2020_are_the_images_farthest_from_the_mean_of_their_digit() -> None:
    X, Y = np.array([[1, i] for i in (7, 0, 5, 2, 3, 4, 1, 6)]), np.ones((8, 1), int)
    model = BinaryModel()
    model.w = np.array([[4.0], [-1.0]])  # right up to 4
    means = np.array([[1, 0], [1, 0]]), np.array([[0], [1]])
    sets = {TRAINING: means, VALIDATION: (X[:4], Y[:4]), TEST: (X[4:], Y[4:])}
    assert course_2020.variations(model, sets) == (1, 0)


@pytest.mark.mnist
def test_2020_is_repeated_to_the_last_printed_digit(mnist_folder: Path) -> None:
    images = descents.older_sets(load("mnist", mnist_folder))
    sets, protocol = course_2020.softmax_sets(images), course_2020.SOFTMAX
    descent = replace(protocol, every=protocol.steps).train(sets)
    for name, (loss, accuracy) in course_2020.PRINTED.items():
        rows = course_2020.exact_rows(sets[name][1], utils.predict(descent.model, sets[name][0]))
        assert rows == pytest.approx(float(accuracy), abs=1e-6)
        if name != TEST:  # its loss is printed as a copy
            assert descent.last("loss", name) / 10 == pytest.approx(float(loss), rel=1e-12)


def test_measures() -> None:
    """Roughness is two for noise and near zero for a slope; 2020 counts rows that are one-hot."""
    accuracy = dict(enumerate([0.5, 0.9, 0.88, 0.91, 0.905, 0.89]))
    assert measures.spikes(accuracy) == [2, 5]
    assert measures.deepest_fall(accuracy) == pytest.approx(0.02)
    assert homework.settled({0: 10.0, 5: 1.3, 10: 2.0, 15: 1.2, 20: 1.0}) == 15
    assert claims.with_range([3, 1, 2], "d") == "3 (1 to 3)"
    assert [measures.significant(wins, 10) for wins in (9, 8)] == [True, False]
    for losses, third in {(9, 5, 6, 7, 8): 4, (5, 6, 7, 6, 8): None, (5, 6, 7, 7, 8): None}.items():
        assert descents.consecutive_rises(dict(enumerate(losses)), 3) == third
    loss, norm = {VALIDATION: {0: 9.0, 1: 8.0, 2: 6.0}}, {0: 0.0, 1: 1.0, 2: 3.0}
    cost = course_2019.printed_cost(Descent(BinaryModel(), loss, norm=norm), 4, l2=0.5)
    assert cost == {1: 8 / 40 + 0.5, 2: 6 / 40 + 1.5}
    noise = np.random.default_rng(0).normal(size=(40, 784))
    slope = np.add.outer(np.arange(28.0), np.arange(28.0)).reshape(1, 784)
    assert measures.roughness(noise) == pytest.approx(2, 0.05)
    assert measures.roughness(7 * slope) == pytest.approx(1 / slope.var())
    assert measures.roughness(np.ones((1, 784))) == 0
    means = noise[:10]
    assert measures.own_mean_is_most_alike(means[[1, 0, *range(2, 10)]], means) == 8
    outputs = np.array([[0.6, 0.2, 0.2], [0.45, 0.3, 0.25], [0.3, 0.6, 0.1]])
    assert course_2020.exact_rows(np.array([[1, 0, 0]] * 3), outputs) == pytest.approx(1 / 3)


def test_a_batch_is_seen_before_its_step(tiny_digits: Digits, monkeypatch: Patch) -> None:
    monkeypatch.setattr(task2, "BATCH_SIZE", 16)
    images = utils.load_binary_dataset(2, 3, tiny_digits)
    batches = course_2021.follow_batches(images, epochs=2)
    model, X, Y = BinaryModel(), pre_process_images(images.X_train[:16]), images.Y_train[:16]
    assert batches.twos[0] == pytest.approx(Y.mean())
    assert batches.loss[0, 0] == pytest.approx(np.log(2))
    assert batches.wrong[0, 0] == pytest.approx(np.sum(Y == 0))  # of zero weights: all are 2
    model.backward(X, model.forward(X), Y)
    assert batches.gradient[0, 0] == pytest.approx(np.linalg.norm(model.grad))
    model.w -= task2.LEARNING_RATE * model.grad
    after = task2.calculate_accuracy(pre_process_images(images.X_val), images.Y_val, model)
    assert batches.accuracy[0, 0] == pytest.approx(after)


def test_weights_are_followed_on_the_same_path_as_in_training(tiny_digits: Digits) -> None:
    images = utils.load_full_mnist(tiny_digits)
    course = course_2021.follow_weights(images, 0, epochs=2)
    training = task3.train(images, 0, epochs=2, seed=0)
    roughness, squares, _ = course[training.best.step]
    assert squares == pytest.approx(np.sum(training.w**2), rel=1e-5)
    assert roughness == pytest.approx(measures.roughness(training.w[:-1].T), rel=1e-4)
    X, Y = pre_process_images(images.X_train), one_hot_encode(images.Y_train, 10)
    model = SoftmaxModel(0)
    model.backward(X, model.forward(X), Y)  # the first step with all images
    model.w -= task3.LEARNING_RATE * model.grad
    fine = np.linalg.eigh(np.cov(X[:, :-1].T))[1].T[: -course_2021.COARSE]  # the least first
    _, squares, part = course_2021.follow_weights(images, 0, epochs=1, full=True)[0]
    assert squares == pytest.approx(np.sum(model.w**2))
    outside = np.sum((fine @ model.w[:-1]) ** 2) + np.sum(model.w[-1] ** 2)
    assert part == pytest.approx(outside / squares, rel=1e-4)


@pytest.mark.parametrize("name", homework.ACTIVATIONS)
def test_the_errors_of_a_deep_network_agree_with_central_differences(name: str) -> None:
    activation = homework.ACTIVATIONS[name]
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape) / 2 for shape in ((3, 4), (4, 4), (4, 2))]
    X, Y = rng.standard_normal((5, 3)), np.eye(2)[[0, 1, 0, 1, 1]]

    def cost() -> float:
        outputs = X
        for w in weights[:-1]:
            outputs = activation.function(outputs @ w)
        return cross_entropy(Y, outputs @ weights[-1])

    deltas = homework.layer_errors(weights, activation, X, Y)
    np.testing.assert_allclose(X.T @ deltas[0], numerical_gradient(cost, weights[0]), atol=1e-8)


PAGES = "".join((DOCS / name).read_text(encoding="utf-8") for name in ("results.md", "convnet.md"))
TABLES = {f'pages.document("{name}")': document for name, document in pages.read(RESULTS).items()}
TABLES["page.tested(results)"] = hypotheses(page.read(RESULTS)["trainings"])


@pytest.mark.parametrize("block", TABLES)
def test_the_page_describes_each_protocol_and_has_each_note(block: str) -> None:
    document = TABLES[block]
    (section,) = (one for one in PAGES.split("\n## ") if block in one)
    assert claims.comparison(document).partition("\n")[2] in section
    # what is written by hand
    methods = re.findall(r"^- \*\*(\w)\*\*: (.*(?:\n  .*)*)", section, re.MULTILINE)
    written = {Method(one, "*Assumed:*" in text, "*Fitted:*" in text) for one, text in methods}
    assert written == {claim.method for claim in document}
    notes = re.findall(r"^(\d+)\. ", section, re.MULTILINE)
    assert sorted(map(int, notes)) == sorted({claim.note for claim in document if claim.note})


def test_what_the_command_writes(tiny_digits: Digits, monkeypatch: Patch, tmp_path: Path) -> None:
    claim = Claim("2d", Method("A"), "stops in epoch 33", "34", True, note=1, measured="x")
    document = [replace(claim, ours="35", agrees=False), claim]
    run = Mock(return_value=(document, {"1999.png": Figure()}))
    monkeypatch.setattr(reproduce.__main__, "DOCUMENTS", {"course_1999": run})
    monkeypatch.setattr("digits.load", lambda data, data_dir: tiny_digits)
    monkeypatch.setattr(sys, "argv", ["reproduce", "--out", str(tmp_path), "--seeds", "4"])
    results = tmp_path / "figures" / "results.json"
    results.parent.mkdir()
    results.write_text('{"other": {}}')
    reproduce.__main__.main()
    run.assert_called_once_with(tiny_digits, range(4))
    assert (tmp_path / "figures" / "1999.png").exists()
    assert json.loads(results.read_text())["other"] == {}
    assert pages.read(results) == {"course_1999": document}
    assert pages.document("cs_6685", results).startswith("Left out")
    assert "On another data set the numbers need not agree" in pages.provenance(results)
