"""What stands around the student's desk: argument and gradient checks, figures, options."""
