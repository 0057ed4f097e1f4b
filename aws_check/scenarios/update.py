"""An endpoint's update with a model that answers what it gets, and the rollback of one that always fails."""

from collections.abc import Iterator

from aws_check.assumptions import CONFIRMED, NOT_SETTLED, REFUTED, Answer
from aws_check.context import Context, Ended, NotPossibleError, NotRedrivableError, ScenarioError
from aws_check.models import RECORD, broken, deploying, echo
from aws_check.names import MODEL_NAME
from executions.progress import FAILED
from pipeline.stages import CREATE_MODEL

_ECHO, _BROKEN, _RECORD = "echo.tar.gz", "broken.tar.gz", "record.csv"
_RECEIVED = "received "


def update(context: Context) -> Iterator[Answer]:
    """Deploys a model whose archive is missing at first, so that SageMaker refuses it, and then there.

    The redrive passes the Choice that failed the execution: with the archive in place, it must lead back to the task.
    """
    if context.shipped is None:
        raise NotPossibleError("the shipped input left no endpoint to update")
    context.put(_RECORD, RECORD.encode())
    overrides = deploying(context.uri(_ECHO), record=context.uri(_RECORD))
    refused = context.run(overrides)
    if refused.stages[CREATE_MODEL.key].status != FAILED:
        raise ScenarioError(f"CreateModel was not refused for want of the archive: {refused.status} {refused.cause}")
    context.put(_ECHO, echo())
    try:
        ended = context.redrive(refused)
        yield _redriven(refused, ended)
    except (NotPossibleError, NotRedrivableError) as error:
        verdict = REFUTED if isinstance(error, NotRedrivableError) else NOT_SETTLED
        yield Answer(number=13, verdict=verdict, evidence=str(error))
        ended = context.run(overrides)
    ended.require("SUCCEEDED")
    context.echoing = ended.name
    yield from _bodies(ended)


def rollback(context: Context) -> Iterator[Answer]:
    """Deploys a model that fails its smoke test; the endpoint must serve the one before."""
    if context.echoing is None:
        raise NotPossibleError("the endpoint was not updated")
    context.put(_BROKEN, broken())
    overrides = deploying(context.uri(_BROKEN), record=context.uri(_RECORD))
    context.run(overrides).require("FAILED", error="DeploymentFailed")
    endpoint = context.client("sagemaker").describe_endpoint(EndpointName=MODEL_NAME)
    found = endpoint["EndpointStatus"], endpoint["EndpointConfigName"]
    if found != ("InService", context.echoing):
        raise ScenarioError(f"the endpoint is {found[0]} with the config {found[1]}, not {context.echoing}")
    answer = context.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=MODEL_NAME, ContentType="text/csv", Accept="text/csv", Body=RECORD
    )
    text = answer["Body"].read().decode().strip()
    if text != _RECEIVED + RECORD:
        raise ScenarioError(f"the endpoint answers {text!r} after the rollback")
    yield from ()


def _redriven(refused: Ended, ended: Ended) -> Answer:
    if ended.stages[CREATE_MODEL.key].status == FAILED:
        evidence = f"after {refused.cause}, the redrive failed again: {ended.error}: {ended.cause}"
        return Answer(number=13, verdict=REFUTED, evidence=evidence)
    evidence = f"after {refused.cause}, the redriven execution returned to CreateModel"
    return Answer(number=13, verdict=CONFIRMED, evidence=evidence)


def _bodies(ended: Ended) -> Iterator[Answer]:
    """What became of the record's text, from GetObject to the container, and of its answer."""
    body = ended.data["deployment"]["result"]["smoke_test"]["Body"]
    evidence = f"the record {RECORD!r}, read with GetObject and sent with InvokeEndpoint, was answered with {body!r}"
    is_text = isinstance(body, str) and body.startswith(_RECEIVED)
    yield Answer(number=6, verdict=CONFIRMED if is_text else REFUTED, evidence=evidence)
    if is_text:
        received = body.removeprefix(_RECEIVED).strip()
        verdict = CONFIRMED if received in {RECORD, f'"{RECORD}"'} else REFUTED
        yield Answer(number=5, verdict=verdict, evidence=evidence)
