"""The Lambda's entry point: opens a window before monitoring's job, and closes it afterwards."""

import logging
import os
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
from botocore.config import Config

from monitor.decision import TOO_LITTLE, Decision, Policy, decide
from monitor.errors import service_errors
from monitor.ledger import Ledger
from monitor.serving import serving
from monitor.window import inputs, open_window

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)
_config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3})
s3 = boto3.client("s3", config=_config)
sagemaker = boto3.client("sagemaker", config=_config)
dynamodb = boto3.client("dynamodb", config=_config)

_CONSECUTIVE = 1
_COOLDOWN_HOURS = 24.0
"""The defaults of the section's keys."""

_SETTLED = timedelta(seconds=2)
"""S3 gives times in whole seconds: a window ends where no more files can be written."""


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes two arguments
    """Opens or closes a window of what the version in service has scored.

    Args:
        event: from the state machine: ``execution``, ``endpoint``. To open: ``group``. To close: ``window`` as it was
            opened, ``outcome``, ``waiting`` with ``records`` or ``labels`` if there were too few of them, and
            ``policy`` with the section's ``retrain``, ``consecutive`` and ``cooldown_hours``.
        context: Lambda's context, not used.

    Returns:
        Opened: ``files``, how many there are, ``inputs`` with ``S3Uri`` and ``S3DataType`` of the job's inputs, and the
        ``window``. Closed: ``retrain``, its ``reason`` and ``drifted``.

    Raises:
        MonitorError: there is nothing to monitor: see ``monitor.errors``.
        ServiceError: an AWS call failed; a retry may succeed.
    """
    now = datetime.now(UTC)
    endpoint = str(event["endpoint"])
    with service_errors(f"the windows of endpoint {endpoint}"):
        ledger = Ledger(dynamodb, table=os.environ["TABLE"], endpoint=endpoint)
        found = _closed(event, ledger, now) if "window" in event else _opened(event, endpoint, ledger, now)
    logger.info("%s: %s", event["execution"], {name: value for name, value in found.items() if name != "inputs"})
    return found


def _opened(event: dict[str, Any], endpoint: str, ledger: Ledger, now: datetime) -> dict[str, Any]:
    bucket, prefix = os.environ["BUCKET"], os.environ["MODEL_PREFIX"]
    served = serving(sagemaker, endpoint=endpoint, group=str(event["group"]), bucket=bucket)
    until = now.replace(microsecond=0) - _SETTLED
    window, files = open_window(s3, sagemaker, ledger, served, bucket=bucket, prefix=prefix, now=now, until=until)
    folder = f"{prefix}executions/{event['execution']}/window/"
    made = inputs(s3, files, bucket=bucket, folder=folder, baseline=served.baseline) if files.count else {}
    return {"files": files.count, "inputs": made, "window": asdict(window)}


def _closed(event: dict[str, Any], ledger: Ledger, now: datetime) -> dict[str, Any]:
    window, execution, outcome = event["window"], str(event["execution"]), str(event["outcome"])
    if ledger.execution == execution:  # the same request again
        return asdict(ledger.decision)
    past = ledger.past(window["version"])
    if outcome == TOO_LITTLE:
        reason = "too little data: the next window has these records, too"
        return asdict(Decision(retrain=False, reason=reason, drifted=past.drifted))
    if ledger.execution != window["counted"]:
        reason = f"execution {ledger.execution} has counted these records meanwhile"
        return asdict(Decision(retrain=False, reason=reason, drifted=past.drifted))
    decision = decide(outcome, _policy(event.get("policy") or {}), past, now=now)
    ledger.count(window, execution, decision, waiting=event.get("waiting") or (), now=now)
    return asdict(decision)


def _policy(section: dict[str, Any]) -> Policy:
    hours = section.get("cooldown_hours")
    return Policy(
        retrain=section.get("retrain") is True,
        consecutive=int(section.get("consecutive") or _CONSECUTIVE),
        cooldown=timedelta(hours=_COOLDOWN_HOURS if hours is None else float(hours)),
    )
