"""The lower limit of a warm start: only the two calls that it needs."""
