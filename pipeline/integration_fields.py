"""The request fields that Step Functions' optimized integrations of SageMaker are known to pass on.

An optimized integration takes a fixed list of fields. Any other fails the execution with ``States.Runtime`` ("The field
... is not supported by Step Functions"), which is neither retried nor caught:
https://github.com/aws/aws-step-functions-data-science-sdk-python/issues/15. AWS's page
https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html lists the actions, and no longer their
fields.
An archived source of it (awsdocs/aws-step-functions-developer-guide, ``doc_source/connect-sagemaker.md`` at 634a2ce)
lists them without their names: 11 for CreateProcessingJob and 7 for CreateModel, as many as here, and fewer for the two
others.

So the fields here are those that AWS's own tools send through these integrations: the tasks of aws-cdk-lib 2.2
(``aws_stepfunctions_tasks.SageMakerCreate...``) and the steps of aws-step-functions-data-science-sdk 2.3
(``stepfunctions.steps.sagemaker``); and ``EnableManagedSpotTraining``, of which an AWS developer said in September 2021
that the page listed it (https://github.com/aws/aws-step-functions-data-science-sdk-python/issues/42). Another field may
work; nobody has confirmed it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.input.errors import InputIssue
from pipeline.input.stage_section import StageSection
from pipeline.stages import REQUEST_STAGES

SOURCE = "https://docs.aws.amazon.com/step-functions/latest/dg/connect-sagemaker.html"

_OF_JOBS = {"RoleArn", "StoppingCondition", "Tags", "ExperimentConfig", "Environment"}

FIELDS = {
    "createProcessingJob": _OF_JOBS
    | {"AppSpecification", "NetworkConfig", "ProcessingInputs", "ProcessingJobName", "ProcessingOutputConfig"}
    | {"ProcessingResources", "AppManaged"},
    "createTrainingJob": _OF_JOBS
    | {"AlgorithmSpecification", "DebugHookConfig", "DebugRuleConfigurations", "EnableManagedSpotTraining"}
    | {"EnableNetworkIsolation", "HyperParameters", "InputDataConfig", "OutputDataConfig", "ResourceConfig"}
    | {"TrainingJobName", "VpcConfig"},
    "createTransformJob": {"BatchStrategy", "DataProcessing", "Environment", "ExperimentConfig", "Tags", "ModelName"}
    | {"MaxConcurrentTransforms", "MaxPayloadInMB", "ModelClientConfig", "TransformInput", "TransformJobName"}
    | {"TransformOutput", "TransformResources"},
    "createModel": {"Containers", "EnableNetworkIsolation", "ExecutionRoleArn", "ModelName", "PrimaryContainer"}
    | {"Tags", "VpcConfig"},
}
"""The fields by action. ``AppManaged`` is dropped before the request is sent."""


def unconfirmed_fields(data: Mapping[str, Any]) -> Iterator[InputIssue]:
    """Yields a warning for each field of a stage that runs that its integration may not support.

    Args:
        data: the parsed file or the execution's input.
    """
    for stage in REQUEST_STAGES:
        section = StageSection.of(data, stage)
        for field, value in section.request.items() if section.runs else ():
            if value is not None and field not in FIELDS[stage.action]:
                message = (
                    f"Step Functions may not support this field in sagemaker:{stage.integration}, and would then fail "
                    f"the execution with States.Runtime; {SOURCE}"
                )
                yield InputIssue(path=(stage.key, "input", field), message=message, value=value)
