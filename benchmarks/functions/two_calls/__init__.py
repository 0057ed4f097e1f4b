"""The limit of a warm start: the two calls that it cannot do without."""
