"""Homework 4 of CS 6685: its experiments with a convolutional network, and its claims."""

from reproduce.cs_6685.document import TITLE, claims, read

__all__ = ["TITLE", "claims", "read"]
