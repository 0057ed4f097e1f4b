"""The Lambda's entry point: takes a model's report and returns a decision."""

import logging
import os
from datetime import UTC, datetime
from typing import Any

import boto3
from botocore.config import Config

from gate.answer import answer
from gate.errors import GateError
from gate.keep import Keeper
from gate.report import Reading, read_metrics
from gate.request import Request, read_approval, read_request
from gate.verdict import verdict

logger = logging.getLogger(__name__)
logger.setLevel(logging.INFO)
# Reading both reports stays below the function's timeout, so that failures are reported instead of cut off.
s3 = boto3.client(
    "s3", config=Config(connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2})
)


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:  # noqa: ARG001 - Lambda passes two arguments
    """Decides whether a new model may be used or, before its registration, copies it and its report to safety.

    Args:
        event: from the state machine. To decide: ``execution``, ``report``, ``approval`` (the user's section),
            ``model_package``, ``champion``. To copy: ``execution``, ``report``, and ``keep`` with ``containers``,
            ``evaluated`` and ``outputs`` as in ``gate.keep``.
        context: Lambda's context, not used.

    Returns:
        A decision: ``decision`` (``Approved``, ``Rejected``, ``Waiting``, ``Invalid``), ``error`` and ``cause`` to fail
        the execution with, ``reason`` for the model package, ``metrics`` with values and limits, ``report``,
        ``model_package`` and ``champion`` unchanged, ``report_version`` and ``champion_report_version`` (the VersionIds
        that were read) and, for ``Waiting``, the ``announcement`` to people. A copy: ``containers``, ``report`` and
        ``baseline`` with their new locations, and ``moved`` with the artefacts' old and new ones.

    Raises:
        GateError: the model to copy does not exist, or has changed since its evaluation.
        ServiceError: an AWS call failed; a retry may succeed.
    """
    if "keep" in event:
        return _kept(event)
    request = read_request(event)
    try:
        decided = _decide(request, event.get("approval"))
    except GateError as error:
        decided = answer(request, "Invalid", str(error), metrics=[], error=error.name)
    logger.info("%s: %s: %s", request.execution, decided["decision"], decided["reason"])
    return decided


def _decide(request: Request, section: Any) -> dict[str, Any]:
    approval = read_approval(section)

    def reading(uri: str | None) -> Reading | None:
        return read_metrics(s3, uri, approval.names) if uri else None

    model = reading(request.report)
    judged = model and not model.fault and not model.missing
    champion = reading(request.champion["report"]) if judged and request.champion and approval.names else None
    versions = {
        "report_version": model.version if model else None,
        "champion_report_version": champion.version if champion else None,
    }
    return verdict(request, approval, model, champion, now=datetime.now(UTC)) | versions


def _kept(event: dict[str, Any]) -> dict[str, Any]:
    keeper = Keeper(
        s3, bucket=os.environ["BUCKET"], prefix=os.environ["MODEL_PREFIX"], execution=str(event["execution"])
    )
    keep = event["keep"]
    evaluated = datetime.fromisoformat(keep["evaluated"]) if keep.get("evaluated") else None
    containers = [
        keeper.container(number, container, evaluated=evaluated, outputs=keep["outputs"])
        for number, container in enumerate(keep["containers"], start=1)
    ]
    report = event.get("report")
    return {
        "containers": containers,
        "moved": keeper.moved,
        "report": keeper.report(report),
        "baseline": keeper.baseline(report),
    }
