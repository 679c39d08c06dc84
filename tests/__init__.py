"""The assignment's checks; `tests.library` tests the rest of the project."""
