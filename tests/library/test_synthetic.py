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
    return synthetic_digits(400)


@pytest.fixture
def images(sample: tuple[Images, Images]) -> Images:
    return sample[0].reshape(-1, 28, 28)


def test_images_and_labels_have_the_shapes_and_types_of_mnist(
    sample: tuple[Images, Images],
) -> None:
    images, labels = sample
    assert images.shape == (400, 784)
    assert labels.shape == (400, 1)
    assert images.dtype == labels.dtype == np.uint8


def test_the_bytes_are_the_same_on_every_machine(sample: tuple[Images, Images]) -> None:
    images, labels = sample
    digest = hashlib.sha256(images.tobytes() + labels.tobytes()).hexdigest()
    assert digest == FIRST_400_OF_SEED_0


def test_the_seed_decides_the_images() -> None:
    first, again, other = (synthetic_digits(50, seed)[0] for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("count", [1, 127, 128, 129, 300])
def test_the_first_images_do_not_depend_on_the_count(
    sample: tuple[Images, Images], count: int
) -> None:
    images, labels = synthetic_digits(count)
    assert np.array_equal(images, sample[0][:count])
    assert np.array_equal(labels, sample[1][:count])


def test_numpys_global_generator_is_left_alone() -> None:
    np.random.seed(5)  # noqa: NPY002
    synthetic_digits(1)
    assert np.random.random() == np.random.RandomState(5).random()  # noqa: NPY002


def test_no_images_can_be_asked_for() -> None:
    images, labels = synthetic_digits(0)
    assert images.shape == (0, 784)
    assert labels.shape == (0, 1)


def test_every_digit_is_about_as_likely(sample: tuple[Images, Images]) -> None:
    counts = np.bincount(sample[1][:, 0], minlength=10)
    assert len(counts) == 10
    assert counts.min() >= 20  # 40 expected, with a deviation of 6
    assert counts.max() <= 60


def test_the_centre_of_mass_is_the_middle_of_the_image(images: Images) -> None:
    mass = images.sum(axis=(1, 2))
    for axis in (1, 2):
        centre = images.sum(axis=axis) @ np.arange(28) / mass
        assert np.abs(centre - 13.5).max() <= 0.5 + 1e-9  # the box moves by whole pixels


def test_the_ink_fills_a_box_of_20_pixels_and_stays_inside_it(images: Images) -> None:
    sizes = []
    for image in images:
        rows, columns = np.nonzero(image)
        sizes.append(max(np.ptp(rows), np.ptp(columns)) + 1)
    assert max(sizes) <= 20
    assert min(sizes) >= 17


def test_ink_is_white_on_a_black_background(images: Images) -> None:
    black = (images == 0).mean(axis=(1, 2))
    assert black.min() > 0.5
    assert (images.max(axis=(1, 2)) >= 200).all()  # no faint digits
    assert 0.7 < black.mean() < 0.9  # MNIST: 0.81


def test_strokes_have_grey_edges(images: Images) -> None:
    grey = (images > 0) & (images < 250)
    assert 0.4 < grey.sum() / (images > 0).sum() < 0.8  # MNIST: 0.62


def test_the_amount_of_ink_is_that_of_mnist(images: Images) -> None:
    ink = images.sum(axis=(1, 2)) / 255  # in white pixels
    assert 85 < ink.mean() < 115  # MNIST: 102
    assert ink.min() > 10  # MNIST: 20
    assert ink.max() < 250  # MNIST: 312


def test_a_one_takes_the_least_ink(sample: tuple[Images, Images]) -> None:
    images, labels = sample
    ink = [images[labels[:, 0] == digit].mean() for digit in range(10)]
    assert np.argmin(ink) == 1


def test_no_two_images_are_the_same(sample: tuple[Images, Images]) -> None:
    assert len(np.unique(sample[0], axis=0)) == len(sample[0])


def test_a_digit_is_written_in_many_ways(sample: tuple[Images, Images]) -> None:
    images, labels = sample
    for digit in range(10):
        own = images[labels[:, 0] == digit] / 255
        spread = np.sqrt(((own - own.mean(axis=0)) ** 2).sum(axis=1).mean())
        assert spread > 3.5  # the distance from the mean image in white pixels; MNIST: 4.7 to 7.2


def test_the_digits_can_be_told_apart_but_not_too_easily() -> None:
    images, labels = synthetic_digits(1000)
    pixels, digits = images / 255, labels[:, 0]
    means = np.stack([pixels[:500][digits[:500] == digit].mean(axis=0) for digit in range(10)])
    distance = ((pixels[500:, None] - means) ** 2).sum(axis=2)
    accuracy = (distance.argmin(axis=1) == digits[500:]).mean()
    assert 0.65 < accuracy < 0.85  # of the nearest mean; MNIST: 0.73 to 0.76
