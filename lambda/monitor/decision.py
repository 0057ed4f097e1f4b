"""Decides, from a window's outcome and those before it, whether to train again. Needs no AWS."""

from dataclasses import dataclass
from datetime import datetime, timedelta

DRIFT = "drift"
TOO_LITTLE = "too_little_data"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """The keys of the section that say when to train again."""

    retrain: bool
    consecutive: int
    """The number of windows in a row with drift."""
    cooldown: timedelta
    """The least time between two retrainings."""


@dataclass(frozen=True, kw_only=True)
class Past:
    """What the ledger knows of earlier windows."""

    drifted: int = 0
    """Windows in a row with drift, of the version in service."""
    retrained: datetime | None = None
    """When a retraining was last started."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether to train again, and why."""

    retrain: bool
    reason: str
    drifted: int
    """Windows in a row with drift, with this one."""


def decide(outcome: str, policy: Policy, past: Past, *, now: datetime) -> Decision:
    """Returns what follows from a window's outcome.

    Args:
        outcome: ``healthy`` or ``drift``.
        policy: when to train again.
        past: the earlier windows.
        now: aware.
    """
    if outcome != DRIFT:
        return Decision(retrain=False, reason="no drift", drifted=0)
    drifted = past.drifted + 1
    seen = f"drift in {drifted} {'window' if drifted == 1 else 'windows'} in a row"

    def without(why: str) -> Decision:
        return Decision(retrain=False, reason=f"{seen}; {why}", drifted=drifted)

    if not policy.retrain:
        return without("monitoring.retrain is not true")
    if drifted < policy.consecutive:
        return without(f"monitoring.consecutive is {policy.consecutive}")
    if past.retrained is not None and now < past.retrained + policy.cooldown:
        hours = policy.cooldown / timedelta(hours=1)
        when = past.retrained.isoformat(timespec="seconds")
        return without(f"a retraining was started at {when}, and monitoring.cooldown_hours is {hours:g}")
    return Decision(retrain=True, reason=seen, drifted=drifted)
