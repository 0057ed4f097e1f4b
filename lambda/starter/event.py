"""Parses the event."""

from dataclasses import dataclass, field
from typing import Any

from starter.errors import EventError

_EXPECTED = (
    '{"config": {"bucket": "<name>", "prefix": "<key of input.yaml>"}}, '
    'optionally with "overrides": {...} and "id": "..."'
)

_LOGGED_NAMES = 50


@dataclass(frozen=True, kw_only=True)
class StartEvent:
    """A request to start the pipeline."""

    bucket: str
    key: str
    overrides: dict[str, Any] = field(default_factory=dict)
    identity: str
    """The same for every delivery of an event."""

    @property
    def location(self) -> str:
        """The S3 URI of ``input.yaml``."""
        return f"s3://{self.bucket}/{self.key}"


def read_event(event: Any, *, request_id: str) -> StartEvent:
    """Parses an event.

    Args:
        event: the event that Lambda received.
        request_id: Lambda's request ID, which stays the same across retries.

    Raises:
        EventError: the event is malformed.
    """
    event = event if isinstance(event, dict) else {"config": event}
    config = event.get("config")
    bucket, key = (config.get(name) if isinstance(config, dict) else None for name in ("bucket", "prefix"))
    if not (isinstance(bucket, str) and bucket and isinstance(key, str) and key):
        raise EventError(f"invalid config in the event: {config!r}; expected {_EXPECTED}")
    overrides = event.get("overrides")
    if not isinstance(overrides, dict | None):
        raise EventError(f"invalid overrides in the event: a {type(overrides).__name__}; expected {_EXPECTED}")
    own_id = event.get("id")
    return StartEvent(
        bucket=bucket,
        key=key,
        overrides=overrides or {},
        identity=request_id if own_id is None else str(own_id),
    )


def described(event: Any) -> dict[str, Any]:
    """Summarises an event for the log, without the overrides' values, which may be secret.

    Args:
        event: the event that Lambda received, of any shape.
    """
    event = event if isinstance(event, dict) else {}
    config = event.get("config")
    config = config if isinstance(config, dict) else {}
    overrides = event.get("overrides")
    overrides = overrides if isinstance(overrides, dict) else {}
    names = [
        f"{key}.{name}" if name else str(key)
        for key, value in overrides.items()
        for name in (value if isinstance(value, dict) and value else [None])
    ]
    return {
        "bucket": config.get("bucket"),
        "key": config.get("prefix"),
        "id": event.get("id"),
        "overridden": names[:_LOGGED_NAMES],
    }
