"""Parses and validates the event."""

from dataclasses import dataclass
from typing import Any

from gate.errors import ApprovalInvalidError, MetricMissingError
from gate.lookup import Number
from gate.text import listed, shown
from pipeline.limits import DEFAULT_APPROVAL_WAIT, LONGEST_APPROVAL_WAIT
from pipeline.numbers import is_number

_KEYS = ("name", "minimum", "maximum")


@dataclass(frozen=True, kw_only=True)
class Request:
    """The model to judge."""

    execution: str
    """The execution's name."""
    report: str | None
    """The S3 URI of the model's evaluation report."""
    model_package: str | None
    """The model package's ARN."""
    champion: dict[str, str] | None
    """``ModelPackageArn`` and ``report`` of the newest approved version, if it has a report."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """The limits of one metric, both inclusive."""

    name: str
    """The dotted path in the report."""
    minimum: Number | None = None
    maximum: Number | None = None


@dataclass(frozen=True, kw_only=True)
class Approval:
    """The user's section ``approval``."""

    thresholds: tuple[Threshold, ...]
    """Those of the metrics that the user lists, plus ``by`` if it is not among them."""
    manual: bool
    timeout_seconds: int
    must_beat_champion: bool
    by: str | None
    """The metric by which the model is compared with the champion."""

    @property
    def names(self) -> list[str]:
        """The metrics' names without duplicates."""
        return list(dict.fromkeys(threshold.name for threshold in self.thresholds))

    @property
    def lower_is_better(self) -> bool:
        """Whether the smaller ``by`` wins, that is, the user set a maximum but no minimum for it."""
        limits = [threshold for threshold in self.thresholds if threshold.name == self.by]
        return any(limit.maximum is not None for limit in limits) and all(limit.minimum is None for limit in limits)


def read_request(event: dict[str, Any]) -> Request:
    """Returns the model that the state machine's event is about.

    A champion without a report is ignored, and so is the model itself, which would always match itself.
    """
    champion = event.get("champion") or {}
    if champion.get("ModelPackageArn") == event.get("model_package"):
        champion = {}
    return Request(
        execution=str(event["execution"]),
        report=event.get("report"),
        model_package=event.get("model_package"),
        champion={key: champion[key] for key in ("ModelPackageArn", "report")} if champion.get("report") else None,
    )


def read_approval(section: Any) -> Approval:
    """Validates the user's section, since an execution can be started without the start Lambda.

    Raises:
        ApprovalInvalidError: the section is invalid; the message names the key, the value and what is allowed.
        MetricMissingError: the champion must be beaten, but no metric is configured to compare by.
    """
    if not isinstance(section, dict):
        raise ApprovalInvalidError(f"approval: is {shown(section)}; must be a mapping")
    metrics = _optional(section, "metrics", list, "a list", [])
    thresholds = tuple(_threshold(metric, f"approval.metrics[{index}]") for index, metric in enumerate(metrics))
    by = _optional(section, "by", str, "a metric's path in the report", None)
    must_beat_champion = _optional(section, "must_beat_champion", bool, "true or false", default=False)
    if by is None and must_beat_champion:
        if not thresholds:
            raise MetricMissingError(
                "approval.by: must name a metric to compare with the champion's, since must_beat_champion is true "
                "and approval.metrics lists none"
            )
        by = thresholds[0].name
    if by is not None and by not in {threshold.name for threshold in thresholds}:
        thresholds = (*thresholds, Threshold(name=by))
    return Approval(
        thresholds=thresholds,
        manual=_optional(section, "manual", bool, "true or false", default=False),
        timeout_seconds=_timeout(section),
        must_beat_champion=must_beat_champion,
        by=by,
    )


def _optional(section: dict[str, Any], key: str, kind: type, expected: str, default: Any) -> Any:
    value = section.get(key)
    if value is None:
        return default
    if not isinstance(value, kind) or (isinstance(value, str) and not _is_path(value)):
        raise ApprovalInvalidError(f"approval.{key}: is {shown(value)}; must be {expected}")
    return value


def _is_path(text: str) -> bool:
    """Whether the text can name a metric. Lone surrogates, which the answer could not encode, are not printable."""
    return bool(text) and text.isprintable()


def _timeout(section: dict[str, Any]) -> int:
    expected = f"a whole number of seconds from 1 to {LONGEST_APPROVAL_WAIT:,}"
    seconds: int = _optional(section, "timeout_seconds", int, expected, DEFAULT_APPROVAL_WAIT)
    if isinstance(seconds, bool) or not 1 <= seconds <= LONGEST_APPROVAL_WAIT:
        raise ApprovalInvalidError(f"approval.timeout_seconds: is {shown(seconds)}; must be {expected}")
    return seconds


def _threshold(metric: Any, path: str) -> Threshold:
    if not isinstance(metric, dict):
        raise ApprovalInvalidError(f"{path}: is {shown(metric)}; must be a mapping with the keys {listed(_KEYS)}")
    # A metric with a misspelt limit would have no limit, and every model would pass.
    for key in metric.keys() - set(_KEYS):
        raise ApprovalInvalidError(f"{path}: has the key {shown(key)}; the keys allowed are {listed(_KEYS)}")
    name, minimum, maximum = (metric.get(key) for key in _KEYS)
    if not (isinstance(name, str) and _is_path(name)):
        raise ApprovalInvalidError(f"{path}.name: is {shown(name)}; must be a metric's path in the report")
    for key, limit in (("minimum", minimum), ("maximum", maximum)):
        if limit is not None and not is_number(limit):
            raise ApprovalInvalidError(f"{path}.{key}: is {shown(limit)}; must be a number")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ApprovalInvalidError(f"{path}: minimum {minimum!r} exceeds maximum {maximum!r}; no value can meet both")
    return Threshold(name=name, minimum=minimum, maximum=maximum)
