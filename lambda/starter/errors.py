"""What can go wrong at a start: an ``InputError``, for the user to mend, is answered; a ``ServiceError`` is raised."""

from pipeline.input.errors import InputError


class EventError(InputError):
    """The event does not say where ``input.yaml`` lies, or its overrides are no mapping."""


class UnreadableFileError(InputError):
    """There is no such bucket or key, or the function may not read it."""


class RefusedInputError(InputError):
    """The file says something that is not allowed."""


class ServiceError(Exception):
    """AWS did not do its part; the same event, tried again later, may start the execution."""
