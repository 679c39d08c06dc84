"""What stands behind the checks: points, messages, stand-ins, and the table at the end."""
