"""What registration, approval and deployment need: of the other stages, and of their own keys together."""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.input.errors import InputIssue
from pipeline.input.stage_section import REMEDY, SOURCE, StageSection
from pipeline.input.tokens import EXECUTION_TOKEN
from pipeline.stages import APPROVAL, CREATE_MODEL, DEPLOYMENT, EVALUATION, REGISTRATION, TRAINING

_PENDING = "PendingManualApproval"
"""The status of a model package that waits for the gate, or for a person."""


def unmet_needs(data: Mapping[str, Any]) -> Iterator[InputIssue]:
    """A problem for each need that the file does not meet.

    Args:
        data: the parsed file, its tokens not filled in; it may be of any shape below its top.
    """
    yield from _registration(data)
    yield from _status(data)
    yield from _approval(data)
    yield from _deployment(data)


def _registration(data: Mapping[str, Any]) -> Iterator[InputIssue]:
    use, model, training = (StageSection.of(data, stage) for stage in (REGISTRATION, CREATE_MODEL, TRAINING))
    if not use.runs or model.runs or use.at("input", "InferenceSpecification").get("Containers"):
        return
    if training.runs or (model.request and (data.get(SOURCE) or EXECUTION_TOKEN not in str(model.request))):
        return
    message = (
        "is true, and neither training.run nor CreateModel.run is: nothing makes what it would register; "
        f"let training run, {REMEDY}"
    )
    yield InputIssue(path=(REGISTRATION.key, "run"), message=message, value=True)


def _status(data: Mapping[str, Any]) -> Iterator[InputIssue]:
    given = StageSection.of(data, REGISTRATION).at("input").get("ModelApprovalStatus")
    if given in (None, _PENDING) or not all(StageSection.of(data, stage).runs for stage in (REGISTRATION, APPROVAL)):
        return
    message = f"is {given!r}, and approval.run is true: approval decides; leave it out, or set approval.run to false"
    path = (REGISTRATION.key, "input", "ModelApprovalStatus")
    yield InputIssue(path=path, message=message, value=given, allowed=_PENDING)


def _approval(data: Mapping[str, Any]) -> Iterator[InputIssue]:
    use, evaluation = StageSection.of(data, APPROVAL), StageSection.of(data, EVALUATION)
    if not use.runs:
        return
    metrics = use.section.get("metrics")
    metrics = metrics if isinstance(metrics, list) else []
    beats = use.section.get("must_beat_champion") is True
    if (metrics or beats) and not (evaluation.runs or (evaluation.request and data.get(SOURCE))):
        message = f"is true, and evaluation.run is not: approval judges the evaluation's report; let it run, {REMEDY}"
        yield InputIssue(path=(APPROVAL.key, "run"), message=message, value=True)
    elif (metrics or beats) and not evaluation.at("input", "ProcessingOutputConfig").get("Outputs"):
        message = "is missing; approval reads evaluation.json from the evaluation's output"
        yield InputIssue(path=(EVALUATION.key, "input", "ProcessingOutputConfig", "Outputs"), message=message)
    if beats and not StageSection.of(data, REGISTRATION).runs:
        message = "is true, and registration.run is not: the champion is the newest approved version in the registry"
        yield InputIssue(path=(APPROVAL.key, "must_beat_champion"), message=message, value=True)
    if beats and not metrics and use.section.get("by") is None:
        message = "is missing, and there are no metrics: must_beat_champion needs one to compare by"
        yield InputIssue(path=(APPROVAL.key, "by"), message=message)
    for number, metric in enumerate(metrics):
        yield from _metric(metric, number)


def _metric(metric: Any, number: int) -> Iterator[InputIssue]:
    if not isinstance(metric, dict):
        return
    path = (APPROVAL.key, "metrics", number)
    least, most = metric.get("minimum"), metric.get("maximum")
    if least is None and most is None and len(metric) > 1:
        yield InputIssue(path=path, message="has neither a minimum nor a maximum; give one, or both")
    elif _exceeds(least, most):
        message = f"is {least!r}, which is more than maximum, {most!r}: no value could pass"
        yield InputIssue(path=(*path, "minimum"), message=message, value=least)


def _deployment(data: Mapping[str, Any]) -> Iterator[InputIssue]:
    use = StageSection.of(data, DEPLOYMENT)
    if not use.runs:
        return
    test = use.section.get("smoke_test")
    if isinstance(test, dict) and (test.get("Body") is None) == (test.get("S3Uri") is None):
        message = "must have one of S3Uri (where the record lies) and Body (the record itself)"
        yield InputIssue(path=(DEPLOYMENT.key, "smoke_test"), message=message)
    scaling = use.at("autoscaling")
    if not scaling:
        return
    least, most = scaling.get("min_capacity"), scaling.get("max_capacity")
    if _exceeds(least, most):
        message = f"is {least!r}, which is more than max_capacity, {most!r}"
        yield InputIssue(path=(DEPLOYMENT.key, "autoscaling", "min_capacity"), message=message, value=least)
    variants = use.at("input", "EndpointConfig").get("ProductionVariants")
    first = variants[0] if isinstance(variants, list) and variants else None
    if not isinstance(first, dict) or first.get("ServerlessConfig") is not None:
        message = (
            "needs a variant with instances; deployment.input.EndpointConfig.ProductionVariants[0] is serverless, "
            "which scales by itself"
        )
        yield InputIssue(path=(DEPLOYMENT.key, "autoscaling"), message=message)


def _exceeds(least: Any, most: Any) -> bool:
    """Whether two numbers are the wrong way round; what is no number is the schema's business."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (least, most))
    return numbers and bool(least > most)
