"""Faults that a person could make, as patches, and the command that tries the tests on them."""
