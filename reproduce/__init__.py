"""Comparison with published results, the figures of the theory, and the report."""
