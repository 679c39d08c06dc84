"""Networks: weights in one vector and in a file, losses, penalties, optimisers, training."""

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import joblib
import numpy as np
import pytest
from scipy import special

from convnet import layers, weights
from convnet.losses import L1, L2, CrossEntropy, Loss, MeanProbability
from convnet.network import Sequential, lenet
from convnet.optimisers import SGD, Adagrad, Adam, Momentum, Optimiser
from convnet.trainer import NetworkTrainer
from lab.gradient import check_gradient, numerical_gradient
from tests.library.conftest import Patch

X = np.random.default_rng(1).standard_normal((6, 36)).astype(np.float32)
Y = np.eye(3, dtype=np.float32)[[0, 2, 1, 1, 0, 2]]


def small(p: float = 0.0, **options: Any) -> Sequential:
    """A network of every layer, for images of 6 x 6 and three classes."""
    rng = np.random.default_rng(0)
    ours = [
        layers.Images(6, 6, 1),
        layers.Conv2d(1, 2, 3, rng),
        layers.BatchNorm2d(2),
        layers.ReLU(),
        layers.MaxPool2d(2),
        layers.Conv2d(2, 4, 3, rng, "valid"),
        layers.Flatten(),
        layers.Linear(4, 5, rng),
        layers.BatchNorm1d(5),
        layers.Dropout(p, rng),
        layers.ReLU(),
        layers.Linear(5, 3, rng),
    ]
    return Sequential(ours, **options)


def trainer_of(model: Sequential, optimiser: Optimiser) -> NetworkTrainer:
    rng = np.random.default_rng(0)
    return NetworkTrainer(model, optimiser, 3, True, X, Y, X, Y, rng=rng)


@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_a_network_passes_the_gradient_check_of_the_assignment(training: bool) -> None:
    model = small(loss=MeanProbability(), penalties=[L1(-0.1, "*.[wb]*"), L2(0.2, "*.bias")])
    model.w += np.float32(0.05)  # no bias is 0, where |w| has a kink
    model.training = training
    assert check_gradient(model, X, Y) < 1e-8
    assert model.w.dtype == model.forward(X).dtype == np.float32


def test_a_copy_learns_what_the_network_would(tmp_path: Path) -> None:
    """Copied as joblib does for another process: arrays are mapped there, read-only."""
    model = small(p=0.3)
    learnt: Any = joblib.load(*joblib.dump(model, tmp_path / "model"), mmap_mode="r")
    histories = trainer_of(learnt, Adam(0.01)).train(2)
    np.testing.assert_array_equal(model.w, small().w)  # the copy has weights of its own
    assert trainer_of(model, Adam(0.01)).train(2) == histories
    np.testing.assert_array_equal(learnt.grad, model.grad)
    values = [p.value.ravel() for p in learnt.parameters().values()]
    np.testing.assert_array_equal(np.concatenate(values), model.w)


@pytest.mark.parametrize("array", ["value", "grad"])
def test_layers_with_other_weights_are_refused(array: str) -> None:
    model, shared = small(), small()
    setattr(model.matching("*.weight")[0], array, np.ones((2, 3, 3, 1)))
    Sequential(shared.layers[-3:])
    for unlinked in (model, shared):
        with pytest.raises(ValueError, match=r"view of .* in place.*copy.deepcopy\(layer"):
            trainer_of(unlinked, SGD(0.1)).train_step(X, Y)
        with pytest.raises(ValueError, match=r"view of .* in place"):
            check_gradient(unlinked, X, Y)


@pytest.mark.parametrize("loss", [CrossEntropy(), MeanProbability()])
def test_a_loss_is_that_of_scipy_with_its_gradient_and_finite_at_any_logit(loss: Loss) -> None:
    logits = 3 * np.random.default_rng(0).standard_normal((6, 3))
    log_p = special.log_softmax(logits, axis=1)[Y.astype(bool)]
    right = log_p if isinstance(loss, CrossEntropy) else np.exp(log_p)
    assert loss.value(logits, Y) == pytest.approx(-right.mean())
    numerical = numerical_gradient(lambda: loss.value(logits, Y), logits)
    np.testing.assert_allclose(loss.gradient(logits, Y), numerical, atol=1e-9)
    for large in (1e4 * logits, -1e4 * logits):
        assert np.isfinite(loss.value(large, Y))
        assert np.isfinite(loss.gradient(large, Y)).all()


def test_a_penalty_is_of_the_weights_that_its_pattern_names() -> None:
    w = np.concatenate([p.value.ravel() for p in small().matching("*.weight")])
    assert w.size == 18 + 72 + 20 + 15
    for penalty, value in ((L1(0.5), np.abs(w).sum()), (L2(0.5), np.sum(w**2))):
        assert small(penalties=[penalty]).penalty() == pytest.approx(0.5 * value)


def test_two_steps_of_each_optimiser_by_hand() -> None:
    adam = 0.1 * (0.9 * 0.2 + 0.1) / 0.19 / ((0.99 * 0.04 + 0.01) / 0.0199) ** 0.5
    for optimiser, moved in (
        (SGD(0.1), 0.1 * 2 + 0.1 * 1),
        (Momentum(0.1, 0.5), 0.1 * 2 + 0.1 * (0.5 * 2 + 1)),
        (Adagrad(0.1), 0.1 + 0.1 / 5**0.5),
        (Adam(0.1, 0.9, 0.99), 0.1 + adam),
    ):
        model: Any = SimpleNamespace(w=np.array([1, 7], np.float32), frozen=[False, False])
        for gradient in (2, 1):
            model.grad = np.array([gradient, 0], np.float32)
            optimiser.step(model)
        np.testing.assert_allclose(model.w, [1 - moved, 7], rtol=1e-6)  # no gradient, no step
        assert model.w.dtype == np.float32


def test_an_optimiser_starts_each_training_anew_at_the_rate_of_the_trainer() -> None:
    used = Adam(0.01)
    trainer_of(Sequential([layers.Linear(36, 3, np.random.default_rng(0))]), used).train(2)
    again = trainer_of(small(), used)
    again.learning_rate = 0.02
    assert again.train(2) == trainer_of(small(), Adam(0.02)).train(2)


@pytest.mark.parametrize("optimiser", [Momentum(0.1), Adam(0.1)])
def test_a_layer_frozen_after_some_steps_stays_as_it_is(optimiser: Optimiser) -> None:
    model = small(penalties=[L2(0.1, "*")])
    trainer = trainer_of(model, optimiser)
    trainer.train_step(X, Y)
    for layer in model.layers[:5]:
        layer.frozen = True
    before = {name: p.value.copy() for name, p in model.parameters().items()}
    for _ in range(3):
        trainer.train_step(X, Y)
    for name, parameter in model.parameters().items():
        is_frozen = int(name.split(".")[0]) < 5
        assert np.array_equal(parameter.value, before[name]) == is_frozen, name
        assert not (is_frozen and parameter.grad.any()), name


def test_dropout_and_batch_norm_train_in_a_step_only_even_if_it_fails() -> None:
    model = small(p=0.5)
    trainer = trainer_of(model, SGD(0.1))
    mean = model.matching("*.mean")[0].value
    trainer.train_step(X, Y)
    assert mean.all()
    with pytest.raises(ValueError, match="expected the same shape"):
        trainer.train_step(X, Y[:3])
    w = model.w.copy()
    assert trainer.validation_step() == trainer.validation_step()
    np.testing.assert_array_equal(model.w, w)


def test_the_histories_have_the_loss_without_penalty_of_a_step_before_it() -> None:
    model = small(penalties=[L2(1.0)])
    trainer = trainer_of(model, SGD(0.1))
    assert trainer.validation_step()[0] == pytest.approx(CrossEntropy().value(model.forward(X), Y))
    model.training = True
    expected = CrossEntropy().value(model.forward(X), Y)
    assert trainer.train_step(X, Y) == pytest.approx(expected)


def test_the_accuracies_are_of_as_many_training_examples_as_there_are_to_validate_on() -> None:
    model = small()
    model.w[:] = 0
    model.matching("11.Linear.bias")[0].value[:] = (0, 0, 1)  # always predicts class 2
    few = slice(1, 4)  # of classes 2, 1, 1
    trainer = NetworkTrainer(model, SGD(0.1), 3, False, X[:5], Y[[1, 1, 0, 0, 0]], X[few], Y[few])
    assert trainer.validation_step()[1:] == pytest.approx((2 / 3, 1 / 3))


def test_lenet_has_the_options_that_it_is_given() -> None:
    loss, penalty, rng = MeanProbability(), L2(0.1), np.random.default_rng(0)
    model = lenet(rng, dropout=0.3, loss=loss, penalties=[penalty])
    assert (model.loss, model.penalties) == (loss, (penalty,))
    assert [layer.p for layer in model.layers if isinstance(layer, layers.Dropout)] == [0.3]
    assert [len(lenet(rng, batch_norm=on).parameters()) for on in (False, True)] == [10, 26]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: small().forward(np.zeros((2, 36), np.uint8)), "X: .* got uint8.*normalise"),
        (lambda: small().backward(X, Y, Y), "what the last forward returned.*right before"),
        (lambda: CrossEntropy().value(Y, Y[:, :1]), r"the same shape, got \(6, 1\) and \(6, 3\)"),
        (lambda: setattr(small(), "w", np.zeros(7)), r"expected 167 .*, got float64 of .*\(7,\)"),
        (lambda: small(penalties=[L1(1, "*.b")]), r"names 1.Conv2d.weight, .*; got '\*.b'"),
        (lambda: Sequential([layers.ReLU()] * 2), "got one twice.*create a layer for each place"),
        (lambda: list(map(SGD(1).step, (small(), small()))), "network of the steps before.*reset"),
        (lambda: layers.convolution(X[..., None, None], np.ones((1, 7, 7, 1))), "at least 7 x 7"),
        (lambda: layers.BatchNorm2d(0), "channels: .* at least 1, got 0"),
        (lambda: SGD(np.inf), r"learning_rate: .* in \[0, inf\), got inf"),
        (lambda: Momentum(0.1, np.nan), r"momentum: .* in \[0, 1\), got nan"),
        (lambda: Adam(b1=1), r"b1: .* in \[0, 1\), got 1"),
        (lambda: L1(np.nan), r"strength: .* in \(-inf, inf\), got nan"),
    ],
)
def test_a_wrong_argument_is_named_with_a_remedy(call: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()


def twin(nn: Any) -> Any:
    """The layers of `small` in PyTorch, with weights of its own."""
    return nn.Sequential(
        nn.Unflatten(1, (1, 6, 6)),
        nn.Conv2d(1, 2, 3, padding=1),
        nn.BatchNorm2d(2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(2, 4, 3),
        nn.Flatten(),
        nn.Linear(4, 5),
        nn.BatchNorm1d(5),
        nn.Dropout(0),
        nn.ReLU(),
        nn.Linear(5, 3),
    ).double()


AXES = {1: (0,), 2: (1, 0), 4: (0, 2, 3, 1)}  # of PyTorch's arrays, in our order


@pytest.mark.peer
@pytest.mark.parametrize(
    ("optimiser", "name", "options"),
    [
        (SGD(0.1), "SGD", {"lr": 0.1}),
        (Momentum(0.1, 0.6), "SGD", {"lr": 0.1, "momentum": 0.6}),
        (Adagrad(0.01), "Adagrad", {"lr": 0.01}),
        (Adam(0.01, 0.8, 0.9), "Adam", {"lr": 0.01, "betas": (0.8, 0.9)}),
    ],
)
def test_a_network_learns_what_it_would_in_pytorch(
    optimiser: Optimiser, name: str, options: Any
) -> None:
    """In float64: an adaptive step follows the sign of a gradient even where it is rounding."""
    torch = pytest.importorskip("torch")
    model, theirs = small(), twin(torch.nn)
    model.w = model.w.astype(np.float64)
    arrays = [tensor.numpy() for tensor in theirs.state_dict().values() if tensor.ndim]
    views = [array.transpose(AXES[array.ndim]) for array in arrays]  # which follow the training
    for parameter, view in zip(model.parameters().values(), views, strict=True):
        parameter.value[...] = view.reshape(parameter.value.shape)
    trainer = NetworkTrainer(model, optimiser, len(X), False, X, Y, X, Y)
    their_optimiser = getattr(torch.optim, name)(theirs.parameters(), **options)
    inputs, targets = torch.tensor(X).double(), torch.tensor(Y).double()
    for _ in range(20):
        their_optimiser.zero_grad()
        value = torch.nn.functional.cross_entropy(theirs(inputs), targets)
        value.backward()
        their_optimiser.step()
        assert trainer.train_step(X, Y) == pytest.approx(value.item(), abs=1e-5)
    outputs = theirs.eval()(inputs).detach().numpy()
    np.testing.assert_allclose(model.forward(X), outputs, rtol=1e-5, atol=1e-5)
    learnt = np.concatenate([view.ravel() for view in views])
    np.testing.assert_allclose(model.w, learnt, atol=1e-5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with the weights 1, 2, ... of a network, in a folder that is made."""
    model, path = small(), tmp_path / "some folder" / "weights.npz"
    model.w[:] = 1 + np.arange(model.w.size)
    weights.save(path, model)
    return path


def test_weights_come_back_even_if_a_later_save_fails(path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(np, "savez", lambda file, **arrays: file.write(b"half") / 0)
    with pytest.raises(ZeroDivisionError):
        weights.save(path, small())
    assert list(path.parent.iterdir()) == [path]
    model = small()
    model.w[:3] = np.nan  # training has diverged
    weights.load(path, model)
    np.testing.assert_array_equal(model.w, 1 + np.arange(model.w.size))


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("11.Linear.bias", np.array([{}]), "is not a weights file .*pickle"),
        ("11.Linear.bias", np.full(3, 1e300), "11.Linear.bias to be .* not all finite"),
        ("11.Linear.bias", np.ones((3, 1)), r"11.Linear.bias to be .* \(3,\), .* \(3, 1\)"),
        ("more", np.zeros(3), "more to be absent, got numbers"),
        ("a web page", None, "zip archive, got b'<!DOCTYPE html>'"),
        ("cut off", None, "is not a weights file"),
    ],
)
def test_a_bad_file_is_refused(path: Path, name: str, array: Any, message: str) -> None:
    np.savez(path, **dict(np.load(path)) | {name: array})
    if array is None:
        path.write_bytes(b"<!DOCTYPE html>" if name == "a web page" else path.read_bytes()[:200])
    model = small()
    with pytest.raises(OSError, match=rf"weights.*{message}.*Likely fix"):
        weights.load(path, model)
    np.testing.assert_array_equal(model.w, small().w)
