"""How well a network recognises transformed images, and examples that it misclassifies."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

import utils
from convnet.losses import softmax
from convnet.network import Sequential
from convnet.transforms import blur, crop, normalise, resize, rotate, shift
from digits import Digits
from reproduce.cs_6685.experiments import DEVIATION, MEAN, scaled

TRANSFORMS: Mapping[str, Callable[[np.ndarray], np.ndarray]] = {  # of images (N, 28, 28)
    "shifted right by 6 pixels": lambda X: shift(X, right=6.0),
    "turned by 45°": lambda X: rotate(X, 45),
    "blurred, σ = 3": lambda X: blur(X, 3),
    "the middle 16 x 16 enlarged": lambda X: resize(crop(X, 16, 16), 28, 28),
    "reduced to 7 x 7 and back": lambda X: resize(resize(X, 7, 7), 28, 28),
    "normalised as for ImageNet": lambda X: normalise(X, 0.485, 0.229),
}


class Example(NamedTuple):
    """An image (28, 28) before and after a transform, and the network's answer to each."""

    image: np.ndarray
    answer: str
    transformed: np.ndarray
    answer_then: str


def robustness(model: Sequential, data: Digits) -> dict[str, tuple[float, Example]]:
    """Compute {transform: accuracy on the test images, and an example}.

    The example is the first image that the network gets right before and wrong after.
    """
    labels, X = data.test_labels[:, 0], scaled(data.test_images)

    def probabilities(images: np.ndarray) -> np.ndarray:
        return softmax(utils.predict(model, normalise(images.reshape(X.shape), MEAN, DEVIATION)))

    def answer(p: np.ndarray) -> str:
        return f"{p.argmax()} ({p.max():.2f})"

    images = X.reshape(-1, 28, 28)
    before = probabilities(images)
    found = {}
    for name, transform in TRANSFORMS.items():
        transformed = transform(images)
        after = probabilities(transformed)
        right = after.argmax(axis=1) == labels
        first = int(np.argmax((before.argmax(axis=1) == labels) & ~right))  # 0 if there is none
        example = Example(
            images[first], answer(before[first]), transformed[first], answer(after[first])
        )
        found[name] = float(right.mean()), example
    return found
