"""What is kept of trainings: results, runs and a table, whole and not replaced by less."""

import hashlib
import json
import sys
import types
from argparse import Namespace
from base64 import b64decode
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure

from digits import Digits
from lab.figures import Figures, confusion
from lab.results import expect_writable, publish
from lab.trainings import Training, Validation, load, save
from tests.library.conftest import Capture, Patch

Publish = Callable[..., Path]


def a_training(steps: int) -> Training:
    """At most two epochs of three steps; the least validation loss is that of steps 1 and 3."""
    losses = dict(enumerate([0.9, 0.8, 0.7, 0.6, 0.5, 0.4][:steps]))
    val_losses = dict(zip(losses, [0.6, 0.3, 0.5, 0.3, 0.7, 0.8], strict=False))
    accuracies = dict(zip(losses, [0.1, 0.4, 0.2, 0.3, 0.6, 0.5], strict=False))
    return Training(
        np.arange(steps, dtype=np.float32).reshape(steps, 1),
        {"loss": losses, "accuracy": {step: value + 0.25 for step, value in accuracies.items()}},
        {"loss": val_losses, "accuracy": accuracies},
        epochs=2,
        batches_per_epoch=3,
        validations_per_epoch=5,
    )


DRAWN = {name: Figure(figsize=(1, 1)) for name in ("a.png", "b.png")}
for name, figure in DRAWN.items():
    figure.subplots().set_title(f"what {name} shows")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def publish_run(tiny_digits: Digits, tmp_path: Path) -> Publish:
    """A function that does what a script does before and after its trainings, here two."""

    def run(task: str, data: str = "MNIST", draw: Any = lambda: DRAWN, **flags: bool) -> Path:
        options = Namespace(out=tmp_path / "out", epochs=9, seed=3, quick=False, show=False)
        vars(options).update(flags)
        digits = replace(tiny_digits, name=data)
        expect_writable(task, digits, options)
        trainings = {"short": a_training(5), "whole": a_training(6)}
        publish(task, digits, options, trainings, draw)
        return options.out

    return run


def test_trainings_read_from_a_file_are_those_that_were_saved(tmp_path: Path) -> None:
    trainings = {"a, first": a_training(6), "b": a_training(4)}
    save(tmp_path / "runs.npz", trainings)
    read = load(tmp_path / "runs.npz")
    assert list(read) == list(trainings)
    assert str(read["b"]) == "early stop at epoch 1, step 3"
    for name, training in trainings.items():
        np.testing.assert_array_equal(read[name].w, training.w, strict=True)
        assert replace(read[name], w=training.w) == training


def test_what_a_script_leaves(publish_run: Publish, tiny_digits: Digits, capsys: Capture) -> None:
    files = contents(publish_run("task2", "tiny digits"))
    results = json.loads(files.pop("results.json"))
    assert set(files) == {"a.png", "b.png", "task2_runs.npz"}
    assert set(results["task2"].pop("versions")) == {"python", "numpy", "matplotlib"}
    best = Validation(1, train_loss=0.8, val_loss=0.3, train_accuracy=0.65, val_accuracy=0.4)
    measured = {"best": best._asdict(), "validations_per_epoch": 5}
    assert results["task2"] == {
        "data": "tiny digits",
        "data_sha256": tiny_digits.sha256(),
        "seed": 3,
        "max_epochs": 9,
        "quick": False,
        "files": {name: hashlib.sha256(content).hexdigest() for name, content in files.items()},
        "runs": {
            "short": {"stopped_by": "early stopping", "epoch": 1, "step": 4} | measured,
            "whole": {"stopped_by": "all epochs", "epoch": 1, "step": 5} | measured,
        },
    }
    table = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "run stopped by epoch step best val loss train val" in table
    assert "short early stopping 1 4 1 0.30000 0.6500 0.4000" in table


def test_a_signal_or_a_full_disk_costs_no_file(publish_run: Publish, monkeypatch: Patch) -> None:
    def write_half(*arguments: Any, **options: Any) -> None:
        next(one for one in arguments if isinstance(one, Path)).write_bytes(b"half")
        raise fault

    out = publish_run("task2")
    before = contents(out)
    for owner, name, fault in ((Path, "write_text", OSError), (np, "savez", SystemExit)):
        monkeypatch.setattr(owner, name, write_half)
        with pytest.raises(fault):
            publish_run("task2")
        assert contents(out) == before


def fail(*arguments: Any, **options: Any) -> Any:
    raise KeyboardInterrupt


def test_no_figure_costs_another_or_a_training(publish_run: Publish, monkeypatch: Patch) -> None:
    out = publish_run("task2")
    before = contents(out)
    with pytest.raises(KeyboardInterrupt):
        publish_run("task3", draw=fail)
    monkeypatch.setattr(Figure, "savefig", fail)
    with pytest.raises(KeyboardInterrupt):
        publish_run("task2")
    after = contents(out)
    for task, part in json.loads(after.pop("results.json")).items():
        runs = f"{task}_runs.npz"
        assert part["files"] == {runs: hashlib.sha256(after[runs]).hexdigest()}
        assert list(part["runs"]) == ["short", "whole"]
    assert {name: after[name] for name in DRAWN} == {name: before[name] for name in DRAWN}


def test_the_settings_of_the_user_do_not_reach_the_figures(publish_run: Publish) -> None:
    def draw() -> Figures:
        one = np.eye(10)
        return {"a.png": confusion(one.argmax(axis=1), one, "λ, which is not in cmr10")}

    plain = contents(publish_run("task2", draw=draw))
    settings: Any = {"text.usetex": True, "font.family": ["cmr10"]}
    settings |= {"savefig.bbox": "tight", "figure.facecolor": "black", "text.color": "white"}
    with plt.rc_context(settings):
        again = contents(publish_run("task2", draw=draw))
        assert plt.rcParams | settings == plt.rcParams  # these are the user's as before
    assert again == plain


def test_the_results_of_a_full_run_on_mnist_are_not_replaced_by_less(publish_run: Publish) -> None:
    for data, quick in (("MNIST", True), ("tiny digits", False), ("MNIST", False)):
        publish_run("task3", data, quick=quick)
    out = publish_run("task2", "other digits", quick=True)  # of which there are no results
    before = contents(out)
    for data, quick in (("MNIST", True), ("tiny digits", False)):
        with pytest.raises(FileExistsError, match=r"would replace.*Likely fix: --out .*trial"):
            publish_run("task3", data, quick=quick)
    assert contents(out) == before
    publish_run("task3")


def test_a_file_in_the_way_is_left_alone(publish_run: Publish, tmp_path: Path) -> None:
    path = tmp_path / "out" / "results.json"
    path.parent.mkdir()
    for text in ("not json", "3", '{"task2": 3}'):
        path.write_text(text)
        with pytest.raises(OSError, match=r"is not a results file .* move it away"):
            publish_run("task2")
        assert contents(path.parent) == {path.name: text.encode()}


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="every folder here can be written")
def test_a_folder_that_cannot_be_written_is_reported(tiny_digits: Digits) -> None:
    with pytest.raises(OSError, match="/proc/self"):
        expect_writable("task2", tiny_digits, Namespace(out=Path("/proc/self"), quick=False))


def test_show_opens_windows(publish_run: Publish, monkeypatch: Patch, capsys: Capture) -> None:
    plt.switch_backend("agg")  # which opens no window, unlike what it is made to say
    plt.close("all")  # the figures of other tests
    shown: list[str] = []
    monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_figlabels()))
    publish_run("task2", show=True)
    assert "No window can be opened here" in capsys.readouterr().out
    monkeypatch.setattr(plt, "get_backend", lambda: "windows")
    publish_run("task2", show=True)
    plt.close("all")
    assert shown == ["a", "b"]


def test_a_notebook_shows_described_figures(publish_run: Publish, monkeypatch: Patch) -> None:
    below: list[dict[str, str]] = []
    display = types.ModuleType("IPython.display")
    vars(display).update(display=lambda formats, raw: below.append(formats))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    out = publish_run("task2")
    for name, formats in zip(DRAWN, below, strict=True):
        assert b64decode(formats["image/png"]) == (out / name).read_bytes()
        html = f'<img src="data:image/png;base64,{formats["image/png"]}" alt="what {name} shows">'
        assert formats["text/html"] == html
