"""Grading on Gradescope: the zip of the autograder, without the solution."""
