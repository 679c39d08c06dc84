"""Where images come from: MNIST when it can be had, synthetic digits when it cannot."""

from digits.dataset import CHOICES, DataError, Digits, load
from digits.files import Attempt

__all__ = ["CHOICES", "Attempt", "DataError", "Digits", "load"]
