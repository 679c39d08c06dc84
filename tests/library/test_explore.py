"""The page of `explore`, in a browser: it computes what NumPy computes, and people can use it."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import digits
import explore.__main__
import task3
from digits import Digits
from digits.glyphs import load_glyphs
from digits.synthetic import synthetic_digits
from explore import template
from explore.checkpoints import Checkpoints, train_again
from lab.trainings import Training, load
from task2a import pre_process_images
from task3a import SoftmaxModel, one_hot_encode
from tests.library.conftest import Patch
from utils import load_full_mnist

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or ""
COMMAND = ["--jobs", "1", "--data-dir", ".", "--out"]


class Lesson(NamedTuple):
    """The folder of task3.py with its page; what each lambda gave; the inputs on the page."""

    folder: Path
    trainings: dict[float, Training]
    checkpoints: dict[float, Checkpoints]
    X: np.ndarray
    targets: np.ndarray


@pytest.fixture(scope="module")
def lesson(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lesson]:
    """A run on 3,000 synthetic digits, for two lambdas; few checkpoints, and no figures."""
    images, labels = synthetic_digits(3600)
    data = Digits("</script>", images[:3000], labels[:3000], images[3000:], labels[3000:])
    folder = tmp_path_factory.mktemp("page")
    with Patch.context() as patch:
        patch.setattr(digits, "load", lambda *_: data)
        patch.setattr(task3, "LAMBDAS", (0, 1))
        patch.setattr(task3, "make_figures", lambda *_: {})
        patch.setattr("lab.script.QUICK_EPOCHS", 12)
        patch.setattr("explore.checkpoints.COUNT", 6)
        task3.main([*COMMAND, str(folder), "--quick", "--seed", "1"])
        explore.__main__.main([*COMMAND, str(folder)])
        trained = load(folder / "task3_runs.npz").values()
        trainings: dict[float, Training] = dict(zip((0, 1), trained, strict=True))
        checkpoints = train_again(load_full_mnist(data), trainings, epochs=12, seed=1, jobs=1)
        at = [np.flatnonzero(data.test_labels == digit)[:10] for digit in range(10)]
        first = np.sort(at, axis=None)
        X = pre_process_images(data.test_images[first])
        yield Lesson(folder, trainings, checkpoints, X, one_hot_encode(data.test_labels[first], 10))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
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
    address, said = (lesson.folder / "explore.html").as_uri(), []
    with browser.new_page(viewport={"width": 1600, "height": 900}) as page:
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda sent: said.append(sent.url))
        page.goto(address)
        page.wait_for_selector("html[data-ready]")
        yield page
    assert [one for one in said if not one.startswith("data:")] == [address]


def shown(page: Any, selector: str) -> Any:
    """The texts that the page shows, once it shows its state; one alone as a string."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    texts = page.locator(selector).all_inner_texts()
    return texts if len(texts) > 1 else texts[0]


def number(text: str) -> float:
    return float(text.replace("−", "-").rstrip(" ▲▼"))


COMPUTED = """
JSON.stringify(data.runs.map(({lambda, weights, kept}) => ({
  kept,
  outputs: weights.map(w => validation.map(({x}) => [...softmax(logits(w, x))])),
  losses: weights.map(w => validation.map(({x, label}) => objective(w, x, label, lambda))),
  grad: validation.slice(0, 1).map(({x, label}) =>
    [...backward(weights[kept], x, softmax(logits(weights[kept], x)), label, lambda)])[0],
})))
"""


def test_it_computes_what_numpy_computes(page: Any, lesson: Lesson) -> None:
    """Each image at each checkpoint, and a gradient of each training."""
    X, targets = lesson.X, lesson.targets
    assert page.evaluate("data.labels") == targets.argmax(axis=1).tolist()
    for value, computed in enumerate(json.loads(page.evaluate(COMPUTED))):
        checkpoints, training = lesson.checkpoints[value], lesson.trainings[value]
        model = SoftmaxModel(value)
        for at, outputs in enumerate(computed["outputs"]):
            model.w = checkpoints.weights(at)
            if at == computed["kept"]:
                model.w = np.float64(training.w)
                model.backward(X[:1], model.forward(X[:1]), targets[:1])
            np.testing.assert_allclose(outputs, model.forward(X), rtol=0, atol=1e-6)
            loss = np.mean(computed["losses"][at])
            assert loss == pytest.approx(model.objective(X, targets), abs=1e-6)
        grad = np.reshape(computed["grad"], model.w.shape)
        np.testing.assert_allclose(grad, model.grad, rtol=0, atol=1e-6)


def test_digits_that_are_drawn_are_read(page: Any) -> None:
    """One glyph of each digit, of any size, anywhere on the paper."""
    glyphs, read = load_glyphs(12), []
    for digit, n in enumerate(np.unique(glyphs.digit, return_index=True)[1]):
        path = (glyphs.sharp[n] @ glyphs.controls[n]) * (0.5 + 0.04 * digit) + 0.5
        lifted = np.flatnonzero(~glyphs.ink[n].astype(bool)) + 1
        strokes = [stroke.tolist() for stroke in np.split(path, lifted) if len(stroke)]
        page.evaluate("draw", strokes)
        read.append(shown(page, "#shown").startswith(f"Your drawing: read as {digit},"))
    assert np.mean(read) >= 0.8


def test_a_drawing_becomes_what_mnist_is(page: Any) -> None:
    """An L, small and in a corner: 20 pixels high, 2.5 wide, its centre of mass in the middle."""
    corner = [[0.7, 0.1], [0.7, 0.3], [0.78, 0.3]]
    image = np.reshape(page.evaluate("strokes => [...asMnist(strokes)]", [corner]), (28, 28))
    rows, columns = (np.flatnonzero(image.any(axis=axis)) for axis in (1, 0))
    assert (len(rows), len(columns)) in {(20, 9), (20, 10), (21, 9), (21, 10)}
    for axis in (0, 1):
        middle = image.sum(axis=axis) @ (np.arange(28) + 0.5) / image.sum()
        assert middle == pytest.approx(14, abs=0.1)
    assert image[10].sum() == pytest.approx(2.5 * 255, rel=0.05)
    dot = page.evaluate("[...asMnist([[[0.5, 0.5], [0.501, 0.5]]])]")
    assert 0 < np.count_nonzero(dot) < 20


def test_a_drawing_has_the_label_that_one_chooses_and_comes_back_after_an_image(page: Any) -> None:
    box = page.locator("#paper").bounding_box()
    for stroke in ((0.3, 0.2), (0.3, 0.8)), ((0.6, 0.5), (1.2, 0.5)):
        for point, press in zip(stroke, (page.mouse.down, page.mouse.up), strict=True):
            page.mouse.move(*(box[axis] + box["width"] * point[i] for i, axis in enumerate("xy")))
            press()
    expected = np.array([[[0.3, 0.2], [0.3, 0.8]], [[0.6, 0.5], [1, 0.5]]])
    np.testing.assert_allclose(page.evaluate("state.strokes"), expected, atol=0.01)
    for selector, what, whose, strokes in (
        ("#undo", "Your drawing", "Label that you choose", 1),
        ("#next", "Validation image 1, label", "Label of the image", 1),
        ("#undo", "Your drawing", "Label that you choose", 1),
        ("#next", "Validation image 1, label", "Label of the image", 1),
        ("#paper", "Your drawing", "Label that you choose", 1),  # a new one
        ("#clear", "Nothing drawn yet", "Label that you choose", 0),
    ):
        page.click(selector)
        assert shown(page, "#shown").startswith(what)
        assert shown(page, "#whose") == whose
        assert len(page.evaluate("state.strokes")) == strokes


def test_what_is_printed_beside_the_two_largest_scores_adds_up_to_them(page: Any) -> None:
    for _ in range(3):
        page.click("#next")
        scores = map(number, shown(page, "#bars td:nth-of-type(1)"))
        for score, text in zip(sorted(scores)[:-3:-1], shown(page, "#scores .sum"), strict=True):
            *parts, total = map(number, text.splitlines()[1::2])
            assert sum(parts) == pytest.approx(total, abs=1e-9)
            assert total == score


def test_a_step_is_numpys_and_at_a_large_rate_raises_the_loss(page: Any, lesson: Lesson) -> None:
    page.get_by_label("1", exact=True).check()
    page.click("#wrong")
    shown(page, "#shown")
    n = page.evaluate("validation.indexOf(state.shown)")
    x, target = lesson.X[n : n + 1], lesson.targets[n : n + 1]
    plain, model = SoftmaxModel(0), SoftmaxModel(1)

    def expect(row: int, w: np.ndarray) -> None:
        """Compare C, penalty and J of the image, and the mean C of all, before or after a step."""
        plain.w = model.w = w
        C, J = plain.objective(x, target), model.objective(x, target)
        losses = [C, J - C, J, plain.objective(lesson.X, lesson.targets)]
        texts = shown(page, f"#losses td:nth-of-type({row})")
        assert list(map(number, texts)) == pytest.approx(losses, abs=6e-4)

    w = model.w = np.float64(lesson.trainings[1].w)
    model.backward(x, model.forward(x), target)
    for slider, rises in (("-2", False), ("-1", True)):
        page.fill("#rate", slider)
        after = w - 10 ** float(slider) * model.grad
        expect(1, w)
        expect(2, after)
        assert shown(page, "#verdict").startswith("The loss J of this image rises") == rises
    page.click("#take")
    expect(1, after)
    page.click("#back")
    expect(1, w)
    page.fill("#rate", "1")
    while shown(page, "#verdict") and page.is_enabled("#take"):  # until it is no longer shown
        page.click("#take")
    assert "too far to be shown" in shown(page, "#verdict")
    assert "NaN" not in shown(page, "body")


def test_an_entry_of_the_gradient_agrees_with_central_differences(page: Any) -> None:
    page.click("#wrong")
    page.locator("#gradient canvas").nth(3).click(position={"x": 40, "y": 30})
    shown(page, "#entry")
    assert page.input_value("#entry-k") == "3"
    for row in ("14", "5"):
        page.fill("#entry-row", row)
        before, after, _, backward, central = map(number, shown(page, "#entry td"))
        assert after - before == pytest.approx(-0.01 * backward, abs=1e-8)
        assert backward == pytest.approx(central, abs=1e-8) != 0


def test_it_can_be_used_with_the_keyboard_alone(page: Any) -> None:
    reached = set()
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.name"))
    wanted = "lambda play checkpoint paper undo clear next wrong label rate take back"
    assert reached >= {*wanted.split(), "entry-k", "entry-row", "entry-column"}
    page.focus("#paper")
    for key in ("Space", *["ArrowDown"] * 8, "Space", "ArrowRight"):
        page.keyboard.press(key)
    assert shown(page, "#shown").startswith("Your drawing: read as 1,")
    (stroke,) = page.evaluate("state.strokes")
    assert (len(stroke), stroke[-1][1] - stroke[0][1]) == (9, pytest.approx(0.32))
    page.focus("#checkpoint")
    page.keyboard.press("Home")
    assert shown(page, "#step").startswith("0 of ")
    assert "10.0 %" in shown(page, "#shown")  # as likely as any other


def test_playing_goes_through_the_training_to_its_end(page: Any, lesson: Lesson) -> None:
    steps = lesson.checkpoints[0].steps
    page.fill("#checkpoint", str(len(steps) - 3))
    page.click("#play")
    page.wait_for_function("document.getElementById('play').textContent === 'Pause'")
    page.wait_for_function("document.getElementById('play').textContent === 'Play'")
    assert shown(page, "#step").startswith(f"{steps[-1]} of {steps[-1]}")
    counts = shown(page, "#confusion td")
    assert sum(int(count) for count in counts if count.strip()) == 100


def test_nothing_is_cut_off_at_any_width(page: Any) -> None:
    for width in (360, 700, 940, 1024, 1600):
        page.set_viewport_size({"width": width, "height": 740})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_page_has_what_task3_left(lesson: Lesson) -> None:
    text = (lesson.folder / "explore.html").read_text(encoding="utf-8")
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    about = "3,000 images of </script>, in a quick run of 12 epochs by task3.py (seed 1)."
    assert data["about"].endswith(about)
    for value, run in zip(lesson.trainings, data["runs"], strict=True):
        training, checkpoints = lesson.trainings[value], lesson.checkpoints[value]
        assert run["steps"][run["kept"]] == training.best.step + 1
        kept = checkpoints.weights(run["kept"])
        np.testing.assert_allclose(kept, training.w, rtol=0, atol=checkpoints.unit)
        step, _, *rest = (values[-1] for values in run["curves"].values())
        last = training.validations[-1]
        assert (step, *rest) == pytest.approx((last.step + 1, *last[2:]), abs=1e-5)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"seed": "x"}, r"has no results of this task3\.py"),
        ({"data_sha256": "0"}, "are of other images than </script>"),
        ({"seed": 4}, "with lambda 0 does not repeat itself"),
    ],
)
def test_what_it_cannot_use_is_named_with_what_to_run(
    lesson: Lesson, tmp_path: Path, changes: dict[str, Any], line: str
) -> None:
    with pytest.raises(OSError, match=r"has no results of this task3\.py"):
        explore.__main__.main([*COMMAND, str(tmp_path)])
    shutil.copy(lesson.folder / "task3_runs.npz", tmp_path)
    part = json.loads((lesson.folder / "results.json").read_text())["task3"] | changes
    (tmp_path / "results.json").write_text(json.dumps({"task3": part}))
    with pytest.raises(OSError, match=rf"{line}.* Likely fix: .*task3\.py"):
        explore.__main__.main([*COMMAND, str(tmp_path)])
    assert not (tmp_path / "explore.html").exists()


def test_in_a_handout_the_page_is_packed(tmp_path: Path) -> None:
    template.hand_out(template.HERE, tmp_path / "explore")
    assert template.read(tmp_path / "explore") == template.read()
    assert "backward(" in template.read()
    for path in (tmp_path / "explore").iterdir():
        assert b"(outputs[k] - " not in path.read_bytes()
