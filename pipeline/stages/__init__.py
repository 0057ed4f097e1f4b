"""The list of stages, from which everything else is derived.

That is the state machine, its role's permissions, the schema of ``input.yaml`` and its checks, and the summary and
report of a run.

A stage is an instance of :class:`Stage` in a package of its own, or an entry in ``requests`` if it is a single
SageMaker request, plus a line in the list.
"""

from pipeline.stages.approval import APPROVAL
from pipeline.stages.deployment import DEFAULT_VARIANT, DEPLOYMENT
from pipeline.stages.monitoring import MONITORING
from pipeline.stages.registration import REGISTRATION
from pipeline.stages.requests import BATCH_TRANSFORM, CREATE_MODEL, EVALUATION, PREPROCESSING, TRAINING, RequestStage
from pipeline.stages.stage import Stage

__all__ = [
    "APPROVAL",
    "BATCH_TRANSFORM",
    "CREATE_MODEL",
    "DEFAULT_VARIANT",
    "DEPLOYMENT",
    "EVALUATION",
    "EVENT_HASH_LENGTH",
    "EXECUTION_NAME_LENGTH",
    "MONITORING",
    "PREPROCESSING",
    "REGISTRATION",
    "REQUEST_STAGES",
    "SAGEMAKER_NAME_LENGTH",
    "STAGES",
    "TRAINING",
    "RequestStage",
    "Stage",
    "stage_of_state",
]

STAGES: list[Stage] = [
    PREPROCESSING,
    TRAINING,
    EVALUATION,
    REGISTRATION,
    APPROVAL,
    CREATE_MODEL,
    BATCH_TRANSFORM,
    DEPLOYMENT,
    MONITORING,
]
"""The stages in the order in which they run."""

REQUEST_STAGES = tuple(stage for stage in STAGES if isinstance(stage, RequestStage))

SAGEMAKER_NAME_LENGTH = 63
"""The maximum length of the name of a job or a model (CreateTrainingJob, CreateModel)."""

EXECUTION_NAME_LENGTH = SAGEMAKER_NAME_LENGTH - max(len(stage.name_prefix) for stage in REQUEST_STAGES)
"""The maximum length of an execution's name, so that every name derived from it fits SageMaker's limit."""

EVENT_HASH_LENGTH = 16
"""Characters at the end of an execution's name that identify the event: ``<job_prefix>-<model_id>-<hash>``."""


def stage_of_state(name: str) -> str | None:
    """Returns the key of the stage that a state belongs to; None for the states between the stages."""
    key = name.partition(":")[0]
    return key if key in {stage.key for stage in STAGES} else None
