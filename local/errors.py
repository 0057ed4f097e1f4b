"""What can go wrong on this machine, as one line for the user."""


class LocalError(Exception):
    """The local run cannot go on; the message says what, where, and what to do."""
