"""What stands beside the desk: the assignment, argument checks, script options, figures."""
