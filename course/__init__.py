"""For an instructor: the handout, computed from the solution, and grading."""
