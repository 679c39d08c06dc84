"""Where images come from: MNIST when it can be had, synthetic digits when it cannot."""

from digits.dataset import CHOICES, Digits, load
from digits.errors import Attempt, DataError

__all__ = ["CHOICES", "Attempt", "DataError", "Digits", "load"]
