"""Grading on GitHub Classroom: the workflow of the template repository, and its last step."""
