"""The state transitions of a run, which Step Functions charges for, and their price.

Each state that is entered counts as a transition, as in the execution's history
(https://aws.amazon.com/step-functions/pricing/: "each time a step of your workflow is executed").
"""

from functools import partial
from typing import Any

from benchmarks import reference
from benchmarks.reference import Reference
from benchmarks.rows import LIMIT, MODULE, Experiment, Experiments, Row
from benchmarks.shipped import INPUT, checked
from pipeline.stages import MONITORING, REQUEST_STAGES, STAGES
from tests.pipeline.endpoints import Endpoints
from tests.pipeline.machine import Handler, run

FIVE = [stage for stage in REQUEST_STAGES if stage is not MONITORING]
"""The stages that are a single SageMaker request, which are also the reference's."""

DOLLARS_PER_TRANSITION = 0.025 / 1000
"""Standard workflows in us-east-1; docs/performance.md has the date."""

_MONITORED = '{"outcome": "healthy", "records": 500, "violations": []}'

_HANDLERS: dict[str, Handler] = {
    "createProcessingJob.sync": lambda _request: {},
    "createTrainingJob.sync": lambda _request: {
        "ModelArtifacts": {"S3ModelArtifacts": "s3://mlops-bucket/model.tar.gz"}
    },
    "createTransformJob.sync": lambda _request: {},
    "createModel": lambda _request: {},
    "createModelPackageGroup": lambda _request: {},
    "createModelPackage": lambda _request: {"ModelPackageArn": "arn:aws:sagemaker:us-east-1:1:model-package/demo/1"},
    "listModelPackages": lambda _request: {"ModelPackageSummaryList": []},
    "updateModelPackage": lambda _request: {},
    "invoke": lambda _request: {
        "Payload": {"decision": "Approved", "error": None, "reason": "it is", "cause": "", "metrics": [], "report": ""}
    },
    "getObject": lambda request: {"Body": _MONITORED if request["Key"].endswith("monitoring.json") else "1,2\n"},
    "invokeEndpoint": lambda _request: {"Body": "0.1,0\n", "ContentType": "text/csv"},
}


def transitions(stages: int) -> int:
    """Counts the states that a run of the shipped input enters.

    Args:
        stages: 5 for the stages that are a SageMaker request, like the reference's; 9 for all, with a new endpoint
            that is in service on the second poll.
    """
    data: dict[str, Any] = checked(INPUT.read_bytes()).content
    if stages == len(FIVE):
        for stage in STAGES:
            data[stage.key]["run"] = stage in FIVE
    else:
        data[MONITORING.key]["run"] = True
    ended = run(data, _HANDLERS | Endpoints().handlers())
    if ended.status != "SUCCEEDED":
        raise RuntimeError(f"the run ended as {ended.status}: {ended.error}: {ended.cause}")
    return len(ended.entered)


def experiments(_checkout: Reference | None) -> Experiments:
    """Yields the experiments of this family."""
    for stages in (len(FIVE), len(STAGES)):
        quoted = reference.TRANSITIONS if stages == len(FIVE) else None
        yield Experiment(
            rows=(
                Row(name=f"transitions, {stages} stages", unit="", figure="transitions", quoted=quoted),
                Row(name=f"price of a run, {stages} stages", unit="$", figure="dollars"),
                Row(name=f"price of 1,000 runs, {stages} stages", unit="$", figure="thousand"),
            ),
            subjects={MODULE: partial(_priced, transitions(stages)), LIMIT: partial(_priced, stages)},
            rounds=1,
        )


def _priced(number: int) -> dict[str, float]:
    dollars = number * DOLLARS_PER_TRANSITION
    return {"transitions": number, "dollars": dollars, "thousand": dollars * 1000}
