"""Specification of the synthetic digits: reproducible, shaped like MNIST, and varied."""

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


@pytest.fixture
def images(sample: tuple[Images, Images]) -> Images:
    return sample[0].reshape(-1, 28, 28)


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


def test_every_digit_is_about_as_likely(sample: tuple[Images, Images]) -> None:
    counts = np.bincount(sample[1][:, 0], minlength=10)
    assert len(counts) == 10
    assert (np.abs(counts - 100) <= 30).all()  # the deviation is 9.5


def test_the_centre_of_mass_is_the_middle_of_the_image(images: Images) -> None:
    mass = images.sum(axis=(1, 2))
    for axis in (1, 2):
        centre = images.sum(axis=axis) @ np.arange(28) / mass
        assert np.abs(centre - 13.5).max() <= 0.5 + 1e-9  # the box moves by whole pixels


def test_the_ink_fills_a_box_of_20_pixels_and_stays_inside_it(images: Images) -> None:
    sizes = [np.ptp(np.nonzero(image), axis=1).max() + 1 for image in images]
    assert max(sizes) <= 20
    assert min(sizes) >= 17


def test_there_is_as_much_ink_black_and_grey_as_in_mnist(images: Images) -> None:
    black = (images == 0).mean(axis=(1, 2))
    assert black.min() > 0.5
    assert 0.7 < black.mean() < 0.9  # MNIST: 0.81
    assert (images.max(axis=(1, 2)) >= 200).all()  # no faint digits
    grey = (images > 0) & (images < 250)
    assert 0.4 < grey.sum() / (images > 0).sum() < 0.8  # MNIST: 0.62
    ink = images.sum(axis=(1, 2)) / 255  # in white pixels
    assert 85 < ink.mean() < 115  # MNIST: 102


def test_a_digit_is_written_in_many_ways(sample: tuple[Images, Images]) -> None:
    images, labels = sample
    assert len(np.unique(images, axis=0)) == len(images)
    for digit in range(10):
        own = images[labels[:, 0] == digit] / 255
        spread = np.sqrt(((own - own.mean(axis=0)) ** 2).sum(axis=1).mean())
        assert spread > 3.5  # the distance from the mean image in white pixels; MNIST: 4.7 to 7.2


def test_the_digits_can_be_told_apart_but_not_too_easily(sample: tuple[Images, Images]) -> None:
    pixels, digits = sample[0] / 255, sample[1][:, 0]
    means = np.stack([pixels[:500][digits[:500] == digit].mean(axis=0) for digit in range(10)])
    distance = ((pixels[500:, None] - means) ** 2).sum(axis=2)
    accuracy = (distance.argmin(axis=1) == digits[500:]).mean()
    assert 0.65 < accuracy < 0.85  # of the nearest mean; MNIST: 0.73 to 0.76
