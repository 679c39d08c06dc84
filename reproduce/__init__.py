"""Comparison with published results, and the figures of the theory."""
