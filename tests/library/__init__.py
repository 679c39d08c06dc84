"""The tests of all that is no check."""
