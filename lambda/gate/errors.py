"""What can go wrong: a ``GateError`` is for the user to mend and becomes an answer, a ``ServiceError`` is for AWS."""


class GateError(Exception):
    """There can be no verdict, and trying again does not help. The root of all that the user can mend."""

    @property
    def name(self) -> str:
        """The answer's ``error``: ``"ReportMissing"`` of a ``ReportMissingError``."""
        return type(self).__name__.removesuffix("Error")


class ApprovalInvalidError(GateError):
    """The section ``approval`` says something that is not allowed."""


class ReportMissingError(GateError):
    """There is no report to judge by, or the function may not read it."""


class ReportInvalidError(GateError):
    """The report is no JSON document with a mapping at its top, or it is too large."""


class MetricMissingError(GateError):
    """The report does not have a metric that is asked for, or has no number there; or no metric is named."""


class ModelMissingError(GateError):
    """The artefact that is to be registered is not there."""


class ModelChangedError(GateError):
    """The artefact is no longer the one that was evaluated."""


class ServiceError(Exception):
    """AWS did not do its part; the same event, tried again later, may get an answer. Step Functions tries it again."""
