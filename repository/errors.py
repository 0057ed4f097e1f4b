"""The error of this package."""


class RepositoryError(Exception):
    """The repository cannot be made or moved; the message says why, and what to do."""
