"""The page of `explore`, in a browser: it computes what NumPy computes, and people can use it."""

from __future__ import annotations

import json
import re
import shutil
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import digits
import explore.__main__
import task3
import utils
from digits import Digits
from digits.glyphs import load_glyphs
from digits.synthetic import synthetic_digits
from explore import template
from explore.checkpoints import Checkpoints, train_again
from explore.page import make_page
from lab.trainings import Training
from task2a import pre_process_images
from task3a import SoftmaxModel, one_hot_encode
from tests.library.conftest import FirstRun

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
EPOCHS, LAMBDAS = 12, (0.0, 1.0)


class Lesson(NamedTuple):
    """A page, and what it was made of."""

    file: Path
    images: utils.Split
    trainings: dict[float, Training]
    checkpoints: dict[float, Checkpoints]


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Lesson:
    """The page of two trainings on 3,000 synthetic digits, with few checkpoints."""
    X, Y = synthetic_digits(3600)
    images = utils.load_full_mnist(Digits("synthetic", X[:3000], Y[:3000], X[3000:], Y[3000:]))
    trainings = {value: task3.train(images, value, EPOCHS, seed=1) for value in LAMBDAS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("explore.checkpoints.COUNT", 6)
        checkpoints = train_again(images, trainings, EPOCHS, seed=1, jobs=1)
    file = tmp_path_factory.mktemp("page") / "explore.html"
    page = make_page("12 epochs </script>", images, trainings, checkpoints)
    file.write_text(page, encoding="utf-8")
    return Lesson(file, images, trainings, checkpoints)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Headless Chromium."""
    api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    if not CHROMIUM:
        pytest.skip("there is no Chromium on the path")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Any, lesson: Lesson) -> Iterator[Any]:
    """The page, opened as a file; it writes nothing to the console and asks for nothing."""
    page = browser.new_page(viewport={"width": 1600, "height": 900})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("request", lambda sent: said.append(sent.url))
    page.goto(lesson.file.as_uri())
    page.wait_for_selector("html[data-ready]")
    frame(page)
    yield page
    assert said == [lesson.file.as_uri(), *[one for one in said if one.startswith("data:")]]
    page.close()


def frame(page: Any) -> None:
    """Wait until the page shows its state."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def inputs_and_targets(lesson: Lesson) -> tuple[np.ndarray, np.ndarray]:
    """Those of the images on the page: the first ten of each digit that validate."""
    images, labels = lesson.images.X_val, lesson.images.Y_val
    first = [np.flatnonzero(labels[:, 0] == digit)[:10] for digit in range(10)]
    at = np.sort(np.concatenate(first))
    return pre_process_images(images[at]), one_hot_encode(labels[at], 10)


def number(text: str) -> float:
    return float(text.replace("−", "-"))


COMPUTED = """
data.runs.map(run => run.weights.map(w => {
  const outputs = validation.map(one => forward(w, one.x)), grad = new Float64Array(I * K);
  validation.forEach((one, n) => backward(w, one.x, outputs[n], one.label, run.lambda)
    .forEach((value, j) => { grad[j] += value / validation.length; }));
  const loss = validation.map(one => objective(w, one.x, one.label, run.lambda));
  return {outputs: outputs.map(one => [...one]), grad: [...grad], loss};
}))
"""


def test_it_computes_what_numpy_computes(page: Any, lesson: Lesson) -> None:
    """For each image on it with the weights of each checkpoint."""
    X, targets = inputs_and_targets(lesson)
    assert page.evaluate("data.labels") == targets.argmax(axis=1).tolist()
    for run, (value, checkpoints) in zip(
        page.evaluate(COMPUTED), lesson.checkpoints.items(), strict=True
    ):
        training = lesson.trainings[value]
        model = SoftmaxModel(value)
        assert len(run) == len(checkpoints.steps)
        for number, computed in enumerate(run):
            kept = checkpoints.steps[number] == training.best.step + 1
            model.w = np.float64(training.w) if kept else checkpoints.weights(number)
            outputs = model.forward(X)
            model.backward(X, outputs, targets)
            np.testing.assert_allclose(computed["outputs"], outputs, rtol=0, atol=1e-6)
            grad = np.reshape(computed["grad"], model.w.shape)
            np.testing.assert_allclose(grad, model.grad, rtol=0, atol=1e-6)
            assert np.mean(computed["loss"]) == pytest.approx(model.objective(X, targets), abs=1e-6)


def test_digits_that_are_drawn_are_read(page: Any) -> None:
    """One glyph of each digit, drawn with the mouse: of any size, anywhere on the paper."""
    glyphs = load_glyphs(12)
    box = page.locator("#paper").bounding_box()
    read = []
    for digit, number in enumerate(np.unique(glyphs.digit, return_index=True)[1]):
        page.click("#clear")
        path = (glyphs.sharp[number] @ glyphs.controls[number]) * (0.5 + 0.04 * digit) + 0.5
        for at, (x, y) in enumerate(path.tolist()):
            page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"])
            if at == 0 or not glyphs.ink[number][at - 1]:
                page.mouse.up()
                page.mouse.down()
        page.mouse.up()
        frame(page)
        read.append(page.inner_text("#shown").startswith(f"Your drawing: read as {digit},"))
    assert np.mean(read) >= 0.8


def test_what_is_printed_beside_the_two_largest_scores_adds_up_to_them(page: Any) -> None:
    for _ in range(5):
        page.click("#next")
        frame(page)
        scores = [number(one) for one in page.locator("#bars td:nth-of-type(1)").all_inner_texts()]
        beside = page.locator("#scores .sum").all_inner_texts()
        for score, text in zip(sorted(scores)[:-3:-1], beside, strict=True):
            *parts, total = map(number, text.splitlines()[1::2])
            assert sum(parts) == pytest.approx(total, abs=1e-9)
            assert total == score


def losses(page: Any) -> dict[str, tuple[float, float]]:
    """{loss: (before, after the step)}, as shown."""
    rows = (row.split("\t") for row in page.locator("#losses tbody tr").all_inner_texts())
    return {name: (number(before), number(after.rstrip(" ▲▼"))) for name, before, after in rows}


def test_a_step_is_that_of_numpy_and_one_at_too_large_a_rate_raises_the_loss(
    page: Any, lesson: Lesson
) -> None:
    page.get_by_label("1", exact=True).check()
    page.click("#wrong")
    frame(page)
    n = page.evaluate("validation.indexOf(state.shown)")
    x, target = (array[n : n + 1] for array in inputs_and_targets(lesson))
    model = SoftmaxModel(1)
    model.w = np.float64(lesson.trainings[1].w)
    for slider, rises in (("-2", False), ("0.3", True)):
        page.fill("#rate", slider)
        frame(page)
        before = model.objective(x, target)
        model.backward(x, model.forward(x), target)
        w, model.w = model.w, model.w - 10 ** float(slider) * model.grad
        after = model.objective(x, target)
        assert losses(page)["J = C + λR"] == pytest.approx((before, after), abs=6e-4)
        assert (after > before) == rises
        assert page.inner_text("#verdict").startswith("The loss J of this image rises") == rises
        model.w = w
    page.click("#take")
    frame(page)
    assert losses(page)["J = C + λR"][0] == pytest.approx(after, abs=6e-4)
    page.click("#back")
    frame(page)
    assert losses(page)["J = C + λR"][0] == pytest.approx(before, abs=6e-4)
    page.fill("#rate", "1")
    for _ in range(10):  # until the loss is no longer shown
        if page.is_enabled("#take"):
            page.click("#take")
            frame(page)
    assert "too far to be shown" in page.inner_text("#verdict")
    assert "NaN" not in page.inner_text("body")


def test_an_entry_of_the_gradient_agrees_with_central_differences(page: Any) -> None:
    page.click("#wrong")
    page.locator("#gradient canvas").nth(3).click(position={"x": 40, "y": 30})
    frame(page)
    assert page.input_value("#entry-k") == "3"
    page.fill("#entry-column", "99")
    page.press("#entry-column", "Tab")
    frame(page)
    assert page.input_value("#entry-column") == "27"
    for row in ("14", "5"):
        page.fill("#entry-row", row)
        frame(page)
        entry = map(number, page.locator("#entry td").all_inner_texts())
        before, after, _, backward, central = entry
        assert after - before == pytest.approx(-0.01 * backward, abs=1e-8)
        assert backward == pytest.approx(central, abs=1e-8)
        assert backward != 0


def test_it_can_be_used_with_the_keyboard_alone(page: Any) -> None:
    reached = set()
    for _ in range(30):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.name"))
    wanted = "lambda play checkpoint paper undo clear next wrong label rate take back"
    assert reached >= {*wanted.split(), "entry-k", "entry-row", "entry-column"}
    page.focus("#paper")
    page.keyboard.press("Space")
    for _ in range(8):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Space")
    page.keyboard.press("ArrowRight")
    frame(page)
    (stroke,) = page.evaluate("state.strokes")
    assert (len(stroke), stroke[-1][1] - stroke[0][1]) == (9, pytest.approx(0.32))
    assert page.inner_text("#shown").startswith("Your drawing: read as 1,")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # undo
    frame(page)
    assert page.evaluate("state.strokes") == []
    page.focus("#checkpoint")
    page.keyboard.press("Home")
    frame(page)
    assert page.inner_text("#step").startswith("0 of ")
    assert "10.0 %" in page.inner_text("#shown")  # as likely as any other


def test_playing_goes_through_the_training_to_its_end(page: Any, lesson: Lesson) -> None:
    page.fill("#checkpoint", "0")
    page.click("#play")
    page.wait_for_function("document.getElementById('play').textContent === 'Pause'")
    page.wait_for_function("document.getElementById('play').textContent === 'Play'")
    steps = lesson.checkpoints[0].steps
    assert page.evaluate("state.checkpoint") == len(steps) - 1
    assert page.inner_text("#step").startswith(f"{steps[-1]} of {steps[-1]}")
    counts = page.locator("#confusion td").all_inner_texts()
    assert sum(int(count) for count in counts if count.strip()) == 100


def test_nothing_is_cut_off_at_any_width(page: Any) -> None:
    for width in (360, 700, 940, 1024, 1600):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_a_drawing_becomes_what_mnist_is(page: Any) -> None:
    """An L, small and in a corner: 20 pixels high, its centre of mass in the middle."""
    corner = [[0.7, 0.1], [0.7, 0.3], [0.78, 0.3]]
    image = np.reshape(page.evaluate("strokes => [...asMnist(strokes)]", [corner]), (28, 28))
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    assert (len(rows), len(columns)) in {(20, 9), (20, 10), (21, 9), (21, 10)}
    middle = np.arange(28) + 0.5
    dot = np.array(page.evaluate("[...asMnist([[[0.5, 0.5], [0.501, 0.5]]])]"))
    assert 0 < np.count_nonzero(dot) < 20
    for axis in (0, 1):
        assert image.sum(axis=axis) @ middle / image.sum() == pytest.approx(14, abs=0.1)


def test_the_page_opens_with_the_weights_that_the_training_kept(lesson: Lesson) -> None:
    text = lesson.file.read_text(encoding="utf-8")
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    for run, training in zip(data["runs"], lesson.trainings.values(), strict=True):
        checkpoints = lesson.checkpoints[run["lambda"]]
        assert run["steps"][run["kept"]] == training.best.step + 1
        kept = checkpoints.weights(run["kept"])
        np.testing.assert_allclose(kept, training.w, rtol=0, atol=checkpoints.unit)
        exact = np.frombuffer(b64decode(run["weights_kept"]), "<f4")
        np.testing.assert_array_equal(exact, training.w.ravel())
        assert not checkpoints.weights(0).any()
        assert run["curves"]["val_loss"][-1] == round(training.validations[-1].val_loss, 5)


def test_it_is_one_file_without_addresses(lesson: Lesson) -> None:
    text = lesson.file.read_text(encoding="utf-8")
    assert "{{" not in text
    assert not re.findall(r"""(?:src|href)=["'](?!data:)|url\(|https?://(?!www\.w3\.org)""", text)
    assert text.count("</script>") == 2


# The command


@pytest.fixture
def results(first_run: FirstRun, tmp_path: Path) -> Path:
    """A copy of what the scripts left."""
    return Path(shutil.copytree(first_run.folder, tmp_path / "out"))


@pytest.fixture
def at_hand(monkeypatch: pytest.MonkeyPatch, tiny_digits: Digits) -> None:
    monkeypatch.setattr(digits, "load", lambda data, data_dir: tiny_digits)


@pytest.mark.usefixtures("at_hand")
def test_the_page_is_made_from_what_task3_left(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    explore.__main__.main(["--out", str(results), "--jobs", "1", "--data-dir", "."])
    printed = capsys.readouterr().out
    assert printed.endswith(f"\nWrote {results / 'explore.html'}: open it in a browser.\n")
    text = (results / "explore.html").read_text(encoding="utf-8")
    assert "400 images of tiny digits, in a quick run of 3 epochs by task3.py (seed 3)." in text


def changed(results: Path, what: str) -> None:
    """Spoil the results in one way."""
    part = json.loads((results / "results.json").read_text())
    if what == "no results":
        del part["task3"]
    elif what == "no runs":
        (results / "task3_runs.npz").unlink()
    elif what == "another version":
        del part["task3"]["quick"]
    elif what == "no seed":
        part["task3"]["seed"] = "x"
    elif what == "other runs":
        shutil.copy(results / "task2_runs.npz", results / "task3_runs.npz")
    elif what == "other images":
        part["task3"]["data_sha256"] = "0"
    else:
        part["task3"]["seed"] = 4
    (results / "results.json").write_text(json.dumps(part))


@pytest.mark.usefixtures("at_hand")
@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("no results", "has no results of task3.py"),
        ("no runs", "has no results of task3.py"),
        ("another version", "has results of another version of task3.py"),
        ("no seed", "has results of another version of task3.py"),
        ("other runs", "has results of another version of task3.py"),
        ("other images", "are of other images than tiny digits"),
        ("another seed", "with lambda 0 does not repeat itself: the code has changed"),
    ],
)
def test_what_it_cannot_use_is_named_with_what_to_run(results: Path, what: str, line: str) -> None:
    changed(results, what)
    with pytest.raises(OSError, match=rf"{line}.* Likely fix: .*task3\.py"):
        explore.__main__.main(["--out", str(results), "--jobs", "1", "--data-dir", "."])
    assert not (results / "explore.html").exists()


def test_in_a_handout_the_page_is_packed(tmp_path: Path) -> None:
    template.hand_out(template.HERE, tmp_path / "explore")
    assert template.read(tmp_path / "explore") == template.read()
    assert "backward(" in template.read()
    for path in (tmp_path / "explore").iterdir():
        assert b"(outputs[k] - " not in path.read_bytes()
