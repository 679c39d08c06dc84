"""Where images come from: MNIST, or synthetic digits where it is not available."""

from digits.dataset import CHOICES, DataError, Digits, load
from digits.files import Attempt

__all__ = ["CHOICES", "Attempt", "DataError", "Digits", "load"]
