"""What an event asks for."""

from dataclasses import dataclass
from typing import Any

from gate.errors import ApprovalInvalidError, MetricMissingError
from gate.lookup import Number, is_number
from gate.text import listed, shown

DEFAULT_TIMEOUT = 604_800
"""Seconds that a request waits for a person by default: a week, as in ``pipeline.stages.approval``."""
MAX_TIMEOUT = 31_536_000
"""Seconds; a year, as in ``pipeline.stages.approval``, which is not in the function's archive."""

_KEYS = ("name", "minimum", "maximum")


@dataclass(frozen=True, kw_only=True)
class Request:
    """The model to judge."""

    execution: str
    """The execution's name."""
    report: str | None
    """The S3 URI of the model's evaluation report."""
    model_package: str | None
    """The ARN of the model's package."""
    champion: dict[str, str] | None
    """``ModelPackageArn`` and ``report`` of the newest approved version, where it has a report."""


@dataclass(frozen=True, kw_only=True)
class Threshold:
    """What is asked of one metric; both limits are inclusive."""

    name: str
    """The dotted path in the report."""
    minimum: Number | None = None
    maximum: Number | None = None


@dataclass(frozen=True, kw_only=True)
class Approval:
    """The user's section ``approval``."""

    thresholds: tuple[Threshold, ...]
    """Those of the metrics that the user lists, and of ``by`` if it is not there."""
    manual: bool
    timeout_seconds: int
    must_beat_champion: bool
    by: str | None
    """The metric by which the model is compared with the champion."""

    @property
    def names(self) -> list[str]:
        """The metrics' names, each once."""
        return list(dict.fromkeys(threshold.name for threshold in self.thresholds))

    @property
    def lower_is_better(self) -> bool:
        """Whether the smaller ``by`` wins: the user gives it a maximum and no minimum."""
        limits = [threshold for threshold in self.thresholds if threshold.name == self.by]
        return any(limit.maximum is not None for limit in limits) and all(limit.minimum is None for limit in limits)


def read_request(event: dict[str, Any]) -> Request:
    """The model that the state machine's event is about.

    A champion without a report counts as none, and so does the model itself: it would always be as good as itself.
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
    """The user's section, held against what is allowed, since an execution can be started without the start Lambda.

    Raises:
        ApprovalInvalidError: something in it is not allowed; the message says the key, the value and what is.
        MetricMissingError: the champion must be beaten, and no metric is named to compare by.
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
    """Whether it may name a metric; halves of characters, which the answer could not repeat, are not printable."""
    return bool(text) and text.isprintable()


def _timeout(section: dict[str, Any]) -> int:
    expected = f"a whole number of seconds from 1 to {MAX_TIMEOUT:,}"
    seconds: int = _optional(section, "timeout_seconds", int, expected, DEFAULT_TIMEOUT)
    if isinstance(seconds, bool) or not 1 <= seconds <= MAX_TIMEOUT:
        raise ApprovalInvalidError(f"approval.timeout_seconds: is {shown(seconds)}; must be {expected}")
    return seconds


def _threshold(metric: Any, path: str) -> Threshold:
    if not isinstance(metric, dict):
        raise ApprovalInvalidError(f"{path}: is {shown(metric)}; must be a mapping with the keys {listed(_KEYS)}")
    # A misspelt limit would be a metric without one, which every model passes.
    for key in metric.keys() - set(_KEYS):
        raise ApprovalInvalidError(f"{path}: has the key {shown(key)}; the keys allowed are {listed(_KEYS)}")
    name, minimum, maximum = (metric.get(key) for key in _KEYS)
    if not (isinstance(name, str) and _is_path(name)):
        raise ApprovalInvalidError(f"{path}.name: is {shown(name)}; must be a metric's path in the report")
    for key, limit in (("minimum", minimum), ("maximum", maximum)):
        if limit is not None and not is_number(limit):
            raise ApprovalInvalidError(f"{path}.{key}: is {shown(limit)}; must be a number")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise ApprovalInvalidError(f"{path}: its minimum {minimum!r} is above its maximum {maximum!r}; no value holds")
    return Threshold(name=name, minimum=minimum, maximum=maximum)
