"""The lesson in a browser: one page on which the model of Task 3 reads, learns and steps."""
