"""The synthetic digits: the same on every machine, and shaped like MNIST."""

import hashlib

import numpy as np
import numpy.typing as npt
import pytest

from digits.synthetic import synthetic_digits

Images = npt.NDArray[np.uint8]

FIRST_400_OF_SEED_0 = "2084ff90f04ec1e618d52b5e061f09ff1d4d58f4d5729676a14a521c545088d8"


@pytest.fixture(scope="module")
def sample() -> tuple[Images, Images]:
    """Images (N, 784) and labels (N, 1)."""
    return synthetic_digits(1000)


def test_the_bytes_are_the_same_on_every_machine_and_of_the_types_of_mnist(
    sample: tuple[Images, Images],
) -> None:
    images, labels = sample
    digest = hashlib.sha256(images[:400].tobytes() + labels[:400].tobytes()).hexdigest()
    assert digest == FIRST_400_OF_SEED_0
    assert (images.shape, labels.shape) == ((1000, 784), (1000, 1))
    assert images.dtype == labels.dtype == np.uint8


def test_the_seed_decides_the_images_and_numpys_global_generator_is_left_alone() -> None:
    np.random.seed(5)  # noqa: NPY002
    first, again, other = (synthetic_digits(2, seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.random.random() == np.random.RandomState(5).random()  # noqa: NPY002


@pytest.mark.parametrize("count", [0, 1, 128, 129])
def test_the_first_images_do_not_depend_on_the_count(
    sample: tuple[Images, Images], count: int
) -> None:
    for few, many in zip(synthetic_digits(count), sample, strict=True):
        np.testing.assert_array_equal(few, many[:count])
