"""For an instructor: the handout, computed from the solution, and grading."""


class GradingError(Exception):
    """Grading cannot start; the message says why and what to do."""
