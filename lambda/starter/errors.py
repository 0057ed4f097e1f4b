"""The starter's errors: an ``InputError`` is the user's to fix and is returned; a ``ServiceError`` is raised."""

from pipeline.input.errors import InputError


class EventError(InputError):
    """The event does not name the location of ``input.yaml``, or its overrides are not a mapping."""


class UnreadableFileError(InputError):
    """The bucket or key does not exist, or the function may not read it."""


class RefusedInputError(InputError):
    """The file is invalid."""


class ServiceError(Exception):
    """An AWS call failed; retrying the same event may succeed."""
