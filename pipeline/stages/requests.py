"""The stages that are a single SageMaker request: the user's ``input``."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.input.errors import InputIssue, shown
from pipeline.stages.stage import CreatedName, Stage

if TYPE_CHECKING:
    from pipeline.asl.resources import Resources
    from pipeline.grants import Grants
    from pipeline.input.errors import Path
    from pipeline.input.stage_section import StageSection
    from pipeline.stages.section_schema import Requests, Schema

_ALGORITHM_FIELDS = ("AlgorithmSpecification", "ServerlessJobConfig")
_TRANSFORM_MB = 100
_DEFAULT_PAYLOAD_MB = 6


@dataclass(frozen=True, kw_only=True, eq=False)
class RequestStage(Stage):
    """A stage that is a single SageMaker request."""

    action: str
    """The SageMaker API action, spelt as Step Functions spells it: ``createTrainingJob``."""
    name_field: str
    """The request's field with the name of the job or model."""
    name_prefix: str = ""
    """The default name's prefix, before the execution's name."""
    waits: bool = True
    """Whether Step Functions waits for the job to end."""
    timeout: int | None = None
    """The timeout in seconds, for a job without a stopping condition."""
    model_from: "RequestStage | None" = None
    """The stage whose model it uses by default."""
    arn_field: str | None = None
    """The label in the report and the result's field with the ARN: ``Model=ModelArn``."""
    result: str = "$states.result"
    """The JSONata expression of its result."""
    output_path: str | None = None
    """The request's field with the S3 path below which SageMaker writes to a folder named after the job."""
    setting: tuple[str, str] | None = None
    """A key of the section with a number, and the job's environment variable that the state machine sets to it."""
    publishes: str | None = None
    """The job's environment variable without which it writes to its outputs only."""
    check: Callable[[dict[str, Any]], Iterator[tuple[str, str]]] | None = None
    """Yields what SageMaker would refuse in a request beyond its schema: the field, and the rest of the message."""

    @property
    def integration(self) -> str:
        """The action as a Step Functions service integration: ``createTrainingJob.sync``."""
        return f"{self.action}.sync" if self.waits else self.action

    @property
    def noun(self) -> str:
        """The resource that the action creates, as in the API's action names: ``TrainingJob``."""
        return self.action.removeprefix("create")

    @property
    def default_name(self) -> str:
        """The JSONata expression of the default name of the job or model."""
        name = "$states.context.Execution.Name"
        return f"('{self.name_prefix}' & {name})" if self.name_prefix else name

    def variables(self, section: Mapping[str, Any]) -> dict[str, str]:
        """The environment variables that the section sets, as the state machine does.

        Args:
            section: the stage's.
        """
        key, variable = self.setting or ("", "")
        value = section.get(key)
        return {variable: str(value)} if isinstance(value, int) else {}

    def section(self, requests: "Requests") -> "Schema":
        """Has ``run`` and the request."""
        from pipeline.stages.section_schema import request_section  # noqa: PLC0415 - see pipeline.stages.stage

        return request_section(self, requests)

    def states(self, resources: "Resources", *, following: str) -> dict[str, Any]:
        """One task; see :mod:`pipeline.asl.request_state`."""
        from pipeline.asl.request_state import request_state  # noqa: PLC0415 - see pipeline.stages.stage

        return request_state(self, resources, following=following)

    def grants(self) -> "Grants":
        """The grants of its one integration."""
        from pipeline.grants import creation, job  # noqa: PLC0415 - see pipeline.stages.stage

        return {f"sagemaker:{self.integration}": job(self.noun) if self.waits else creation(self.noun)}

    def issues(self, data: Mapping[str, Any], *, in_vpc: bool = False) -> Iterator[InputIssue]:  # noqa: ARG002
        """Yields what SageMaker would refuse in the request beyond its schema."""
        from pipeline.input.stage_section import StageSection  # noqa: PLC0415 - see pipeline.stages.stage

        use = StageSection.of(data, self)
        if self.check is None or not use.runs:
            return
        for field, message in self.check(use.request):
            yield InputIssue(path=(self.key, "input", field), message=message, value=use.request.get(field))

    def created_names(self) -> tuple[CreatedName, ...]:
        """The name of the job or model."""
        return (CreatedName(keys=("input", self.name_field), prefix=self.name_prefix),)

    def model_fields(self, section: "StageSection") -> list[tuple["Path", dict[str, Any]]]:
        """The request itself, if it uses another stage's model."""
        if self.model_from is None or not isinstance(section.value.get("input"), dict):
            return []
        return [((self.key, "input", self.model_from.name_field), section.request)]

    def report_rows(self, result: dict[str, Any]) -> dict[str, Any]:
        """The ARN of the job or model, if the report shows it."""
        name, _, field = (self.arn_field or "").partition("=")
        return {name: result.get(field)} if name else {}


def _check_training(request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """A training job needs an algorithm, though the schema requires neither field."""
    algorithm, serverless = _ALGORITHM_FIELDS
    if request.get(algorithm) is None and request.get(serverless) is None:
        yield algorithm, f"is missing, and so is {serverless}; SageMaker needs one of the two"


def _check_transform(request: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The payloads of all concurrent requests may have 100 MB together.

    https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
    """
    given, concurrent = request.get("MaxPayloadInMB"), request.get("MaxConcurrentTransforms")
    payload = _DEFAULT_PAYLOAD_MB if given is None else given
    if not isinstance(payload, int) or not isinstance(concurrent or 1, int):
        return
    if payload * (concurrent or 1) > _TRANSFORM_MB:
        default = " by default" if given is None else ""
        times = f", and MaxConcurrentTransforms is {shown(concurrent)}" if concurrent else ""
        limit = f"SageMaker allows {_TRANSFORM_MB} MB for all concurrent transforms together"
        yield "MaxPayloadInMB", f"is {shown(payload)}{default}{times}; {limit}"


_PROCESSED = ("ProcessingJobName", "ProcessingOutputConfig", "EnteredTime")
"""What is kept of a processing job's description; ``EnteredTime`` is evaluation's."""

PREPROCESSING = RequestStage(
    key="preprocessing",
    action="createProcessingJob",
    name_field="ProcessingJobName",
    kept_result=_PROCESSED,
)

TRAINING = RequestStage(
    key="training",
    action="createTrainingJob",
    name_field="TrainingJobName",
    output_path="OutputDataConfig.S3OutputPath",
    check=_check_training,
    kept_result=("TrainingJobName", "ModelArtifacts"),
)

EVALUATION = RequestStage(
    key="evaluation",
    action="createProcessingJob",
    name_field="ProcessingJobName",
    name_prefix="evaluation-",
    kept_result=_PROCESSED,
    # The gate rejects a model that has changed since its evaluation began.
    result="$merge([$states.result, {'EnteredTime': $states.context.State.EnteredTime}])",
)

CREATE_MODEL = RequestStage(
    key="CreateModel",
    action="createModel",
    name_field="ModelName",
    name_prefix="model-",
    waits=False,
    arn_field="Model=ModelArn",
    kept_result=("ModelArn",),
)

BATCH_TRANSFORM = RequestStage(
    key="batchTransform",
    action="createTransformJob",
    name_field="TransformJobName",
    name_prefix="batch-",
    kept_result=("TransformJobName", "TransformOutput"),
    model_from=CREATE_MODEL,
    # CreateTransformJob has no stopping condition.
    timeout=5 * 24 * 3600,
    check=_check_transform,
)
