"""The gate's errors: a ``GateError`` is the user's to fix and becomes an answer; a ``ServiceError`` can be retried."""


class GateError(Exception):
    """No verdict is possible, and a retry would not help. The base of all errors that the user can fix."""

    @property
    def name(self) -> str:
        """The answer's ``error``: ``"ReportMissing"`` for a ``ReportMissingError``."""
        return type(self).__name__.removesuffix("Error")


class ApprovalInvalidError(GateError):
    """The section ``approval`` is invalid."""


class ReportMissingError(GateError):
    """There is no report, or the function may not read it."""


class ReportInvalidError(GateError):
    """The report is not a JSON object, or it is too large."""


class MetricMissingError(GateError):
    """A required metric is missing from the report or not a number, or none is configured."""


class ModelMissingError(GateError):
    """The artefact to register does not exist."""


class ModelChangedError(GateError):
    """The artefact has changed since it was evaluated."""


class ServiceError(Exception):
    """An AWS call failed; retrying the same event may succeed. Step Functions retries it."""
