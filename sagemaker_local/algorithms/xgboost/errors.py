"""The error of a user's mistake."""


class UserError(Exception):
    """A request or its data that the algorithm rejects; the message becomes the job's failure reason."""
