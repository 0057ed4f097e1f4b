"""The list of stages, written down once.

The states of the state machine, its role's permissions, the schema of ``input.yaml``, the local jobs and the table in
the README follow from it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of the pipeline."""

    key: str
    """Its key in ``input.yaml``; its states are called so, or ``<key>: ...``."""


@dataclass(frozen=True, kw_only=True)
class RequestStage(Stage):
    """A stage that is one SageMaker request, passed whole."""

    action: str
    """The SageMaker API action, spelt as Step Functions spells it: ``createTrainingJob``."""
    name_field: str
    """The request's field that holds the name of what the action creates."""
    name_prefix: str = ""
    """What comes before the execution's name in that name."""
    waits: bool = True
    """Whether Step Functions waits for the end of what the action starts."""
    model_from: str | None = None
    """The key of the stage whose model this one uses, when its own request names none."""

    @property
    def integration(self) -> str:
        """The action as a Step Functions service integration: ``createTrainingJob.sync``."""
        return f"{self.action}.sync" if self.waits else self.action

    @property
    def noun(self) -> str:
        """What the action creates, as it stands in the API's action names: ``TrainingJob``."""
        return self.action.removeprefix("create")


PREPROCESSING = RequestStage(key="preprocessing", action="createProcessingJob", name_field="ProcessingJobName")
TRAINING = RequestStage(key="training", action="createTrainingJob", name_field="TrainingJobName")
EVALUATION = RequestStage(
    key="evaluation", action="createProcessingJob", name_field="ProcessingJobName", name_prefix="evaluation-"
)
REGISTRATION = Stage(key="registration")
APPROVAL = Stage(key="approval")
CREATE_MODEL = RequestStage(
    key="CreateModel", action="createModel", name_field="ModelName", name_prefix="model-", waits=False
)
BATCH_TRANSFORM = RequestStage(
    key="batchTransform",
    action="createTransformJob",
    name_field="TransformJobName",
    name_prefix="batch-",
    model_from="CreateModel",
)
DEPLOYMENT = Stage(key="deployment")

STAGES: tuple[Stage, ...] = (
    PREPROCESSING,
    TRAINING,
    EVALUATION,
    REGISTRATION,
    APPROVAL,
    CREATE_MODEL,
    BATCH_TRANSFORM,
    DEPLOYMENT,
)
"""The stages in the order in which they run."""

REQUEST_STAGES = tuple(stage for stage in STAGES if isinstance(stage, RequestStage))

SAGEMAKER_NAME_LENGTH = 63
"""Characters that SageMaker allows in the name of a job or a model (CreateTrainingJob, CreateModel: at most 63)."""

EXECUTION_NAME_LENGTH = SAGEMAKER_NAME_LENGTH - max(len(stage.name_prefix) for stage in REQUEST_STAGES)
"""Characters that an execution's name may have, so that every name made from it fits SageMaker's limit."""


DEFAULT_VARIANT = {
    "VariantName": "AllTraffic",
    "ServerlessConfig": {"MemorySizeInMB": 2048, "MaxConcurrency": 5},
}
"""What the deployment serves with where the user says nothing: it costs nothing while nobody asks."""


def request_stage(key: str) -> RequestStage:
    """The stage of one request with this key.

    Raises:
        KeyError: no such stage has it.
    """
    return {stage.key: stage for stage in REQUEST_STAGES}[key]


def stage_of_state(name: str) -> str | None:
    """The key of the stage that a state of the state machine belongs to; None for those between the stages."""
    key = name.partition(":")[0]
    return key if key in {stage.key for stage in STAGES} else None
