"""What the scripts share: the assignment, argument checks, options, figures, results."""
