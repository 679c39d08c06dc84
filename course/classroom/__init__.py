"""Grading on GitHub Classroom."""
