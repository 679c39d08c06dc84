"""The synthetic digits: the same on every machine, and shaped like MNIST."""

import hashlib

import numpy as np

from digits.synthetic import synthetic_digits


def test_the_bytes_are_the_same_on_every_machine_and_for_every_count() -> None:
    images, labels = synthetic_digits(400)
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    assert digest == "2084ff90f04ec1e618d52b5e061f09ff1d4d58f4d5729676a14a521c545088d8"
    assert (images.shape, labels.shape) == ((400, 784), (400, 1))
    assert images.dtype == labels.dtype == np.uint8
    for count in (0, 1, 128, 129):
        for few, many in zip(synthetic_digits(count), (images, labels), strict=True):
            np.testing.assert_array_equal(few, many[:count])


def test_the_seed_decides_the_images_and_numpys_global_generator_is_left_alone() -> None:
    np.random.seed(5)  # noqa: NPY002
    first, again, other = (synthetic_digits(2, seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.random.random() == np.random.RandomState(5).random()  # noqa: NPY002
