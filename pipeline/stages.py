"""The list of stages, written down once.

The states of the state machine, its role's permissions, the local jobs and the table in the README follow from it.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of the pipeline: one SageMaker request."""

    key: str
    """Its key in ``input.yaml``, and the name of its state."""
    action: str
    """The SageMaker API action, spelt as Step Functions spells it: ``createTrainingJob``."""
    name_field: str
    """The request's field that holds the name of what the action creates."""
    name_prefix: str = ""
    """What comes before the execution's name in that name."""
    resource_type: str
    """The resource type in the ARN of what the action creates: ``training-job``."""
    managed_rule: str | None = None
    """The EventBridge rule by which Step Functions waits for the job's end; None where there is nothing to wait for.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/sagemaker-iam.html
    """
    model_from: str | None = None
    """The key of the stage whose model this one uses, when its own request names none."""

    @property
    def integration(self) -> str:
        """The action as a Step Functions service integration: ``createTrainingJob.sync``."""
        return f"{self.action}.sync" if self.managed_rule else self.action

    @property
    def noun(self) -> str:
        """What the action creates, as it stands in the API's action names: ``TrainingJob``."""
        return self.action.removeprefix("create")


STAGES = (
    Stage(
        key="preprocessing",
        action="createProcessingJob",
        name_field="ProcessingJobName",
        resource_type="processing-job",
        managed_rule="StepFunctionsGetEventsForSageMakerProcessingJobsRule",
    ),
    Stage(
        key="training",
        action="createTrainingJob",
        name_field="TrainingJobName",
        resource_type="training-job",
        managed_rule="StepFunctionsGetEventsForSageMakerTrainingJobsRule",
    ),
    Stage(
        key="evaluation",
        action="createProcessingJob",
        name_field="ProcessingJobName",
        name_prefix="evaluation-",
        resource_type="processing-job",
        managed_rule="StepFunctionsGetEventsForSageMakerProcessingJobsRule",
    ),
    Stage(
        key="CreateModel",
        action="createModel",
        name_field="ModelName",
        name_prefix="model-",
        resource_type="model",
    ),
    Stage(
        key="batchTransform",
        action="createTransformJob",
        name_field="TransformJobName",
        name_prefix="batch-",
        resource_type="transform-job",
        managed_rule="StepFunctionsGetEventsForSageMakerTransformJobsRule",
        model_from="CreateModel",
    ),
)
"""The stages in the order in which they run."""

SAGEMAKER_NAME_LENGTH = 63
"""Characters that SageMaker allows in the name of a job or a model (CreateTrainingJob, CreateModel: at most 63)."""

EXECUTION_NAME_LENGTH = SAGEMAKER_NAME_LENGTH - max(len(stage.name_prefix) for stage in STAGES)
"""Characters that an execution's name may have, so that every name made from it fits SageMaker's limit."""


def stage(key: str) -> Stage:
    """The stage with this key.

    Raises:
        KeyError: no stage has it.
    """
    return {candidate.key: candidate for candidate in STAGES}[key]


def stage_of_job(action: str, name: str) -> str:
    """The key of the stage that a job belongs to, told by the prefix of its name.

    Args:
        action: the action that created it, such as ``createProcessingJob``.
        name: its name; one that the user gave counts for the first stage of that action.
    """
    candidates = [candidate for candidate in STAGES if candidate.action == action]
    prefixed = [
        candidate for candidate in candidates if candidate.name_prefix and name.startswith(candidate.name_prefix)
    ]
    return (prefixed or candidates)[0].key
