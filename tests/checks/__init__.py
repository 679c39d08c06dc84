"""The parts of the checks: points, messages, stand-ins, compatibility, the table at the end."""
