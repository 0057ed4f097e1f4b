"""The function's errors: a ``MonitorError`` is the user's to fix, a ``ServiceError`` can be retried."""

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import BotoCoreError, ClientError


class MonitorError(Exception):
    """There is nothing to monitor, and a retry would not help. The base of all errors that the user can fix."""


class NotServingError(MonitorError):
    """The endpoint does not exist."""


class NotCapturedError(MonitorError):
    """The endpoint captures no requests, or not to the pipeline's bucket, and no batch transform can be judged."""


class NotRegisteredError(MonitorError):
    """The registry has no version with the model in service."""


class BaselineMissingError(MonitorError):
    """The version in service has no baseline."""


class TooManyCapturesError(MonitorError):
    """Two hours have more captured files than a window can take."""


class ServiceError(Exception):
    """An AWS call failed; retrying the same event may succeed. Step Functions retries it."""


@contextmanager
def service_errors(what: str) -> Iterator[None]:
    """Raises ServiceError for the errors of AWS calls.

    Args:
        what: what the calls are for, for the message.
    """
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise ServiceError(f"{what}: {error}") from error
