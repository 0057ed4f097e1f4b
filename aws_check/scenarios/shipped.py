"""The shipped input, with the smallest instances, through every stage."""

from collections.abc import Iterator
from typing import Any

from aws_check.assumptions import CONFIRMED, NOT_SETTLED, REFUTED, Answer
from aws_check.context import Context, Ended
from aws_check.price import INSTANCE
from executions.progress import SUCCEEDED
from pipeline.input import PUBLISH_REPORT

_CLUSTER = {"input": {"ProcessingResources": {"ClusterConfig": {"InstanceType": INSTANCE}}}}
_OVERRIDES: dict[str, Any] = {
    "preprocessing": _CLUSTER,
    "training": {"input": {"ResourceConfig": {"InstanceType": INSTANCE}}},
    "evaluation": _CLUSTER,
    "batchTransform": {"input": {"TransformResources": {"InstanceType": INSTANCE}}},
    PUBLISH_REPORT: True,
}
_REPORT_SECONDS = 90
_LOOK = "deployment: endpoint"
_MISSING = "Could not find"


def shipped(context: Context) -> Iterator[Answer]:
    """Runs it; the endpoint does not exist before."""
    ended = context.run(_OVERRIDES)
    yield _image_and_data(context, ended)
    yield from _missing_endpoint(context, ended)
    ended.require("SUCCEEDED")
    context.shipped = ended.name
    yield _transform(ended)
    yield _report(context, ended)


def _image_and_data(context: Context, ended: Ended) -> Answer:
    if ended.stages["preprocessing"].status == SUCCEEDED:
        evidence = f"preprocessing ran in {context.who.region}"
        return Answer(number=15, verdict=CONFIRMED, evidence=evidence)
    return Answer(number=15, verdict=NOT_SETTLED, evidence=f"preprocessing failed: {ended.cause}")


def _missing_endpoint(context: Context, ended: Ended) -> Iterator[Answer]:
    causes = [failure.cause for failure in context.failures(ended.arn) if failure.state == _LOOK]
    if causes:
        verdict = CONFIRMED if _MISSING in causes[-1] else REFUTED
        yield Answer(number=2, verdict=verdict, evidence=f"DescribeEndpoint failed with: {causes[-1]}")


def _transform(ended: Ended) -> Answer:
    place = ended.data["batchTransform"]["input"]["TransformOutput"]["S3OutputPath"]
    evidence = f"the transform job wrote to {place} with the model's role; no endpoint captured data"
    return Answer(number=11, verdict=NOT_SETTLED, evidence=evidence)


def _report(context: Context, ended: Ended) -> Answer:
    for _ in range(_REPORT_SECONDS):
        page = context.report(ended.name)
        if page:
            return Answer(number=17, verdict=CONFIRMED, evidence=f"the execution's end published {page}")
        context.sleep(1)
    # The event may have been lost, or the function may have failed: EventBridge delivers these events at best effort.
    evidence = f"{_REPORT_SECONDS} seconds after the execution's end, no report was published"
    return Answer(number=17, verdict=NOT_SETTLED, evidence=evidence)
