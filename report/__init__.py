"""The assignment's answers, with the figures and results of the scripts, as one PDF."""
