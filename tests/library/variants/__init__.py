"""Variants of right solutions: the mistakes that students make, and other ways to be right."""
