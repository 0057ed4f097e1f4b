"""The state of a stage that is one SageMaker request: its ``input``, with default names filled in.

The state is in ``request_state.asl.yaml``; this module selects the parts that depend on the stage or the deployment.

``redrive-execution`` continues at the state that failed, with its data. SageMaker never accepts a job name twice, so a
redriven stage's job gets a new one. A training job's name is part of its artifact's URI, so that URI changes in the
requests of later stages, too.

Source: https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html
"""

from pathlib import Path
from typing import Any

from pipeline.asl.resources import Resources
from pipeline.asl.states_file import read_states
from pipeline.asl.timeouts import REQUEST_TIMEOUT
from pipeline.stages import SAGEMAKER_NAME_LENGTH, RequestStage

_FILE = Path(__file__).with_suffix(".asl.yaml")

_NETWORK = {"TrainingJob": "default_vpc", "Model": "default_vpc", "ProcessingJob": "default_network"}
"""The substitution that sets the network, by what is created. Transform jobs and endpoints run in their model's."""

_RESULTS = {
    "TrainingJob": "OutputDataConfig",
    "ProcessingJob": "ProcessingOutputConfig",
    "TransformJob": "TransformOutput",
}
"""The field that has the location of the results and the ``KmsKeyId`` that encrypts them, by what is created.

Without ``KmsKeyId``, SageMaker uses the account's default key for S3, not the bucket's:
https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_OutputDataConfig.html
"""


def request_state(stage: RequestStage, resources: Resources, *, following: str) -> dict[str, Any]:
    """Returns the stage's one state, by its name.

    Args:
        stage: the stage.
        resources: the deployment's resources.
        following: the name of the state to continue with.
    """
    facts = {
        "stage": stage.key,
        "integration": stage.integration,
        "name_field": stage.name_field,
        "name_length": SAGEMAKER_NAME_LENGTH,
        "default_name": stage.default_name,
        "model_name_field": stage.model_from.name_field if stage.model_from else None,
        "results_field": _RESULTS.get(stage.noun),
        "result": stage.result,
        "setting": stage.setting[0] if stage.setting else None,
        "variable": stage.setting[1] if stage.setting else None,
        "output_path": stage.output_path,
    }
    return read_states(
        _FILE,
        resources.substitutions() | facts,
        names="${own_name_and_models}" if stage.model_from else "${own_name}",
        arguments=_arguments(stage, resources),
        timeout=stage.timeout or ("{% ${job_timeout} %}" if stage.waits else REQUEST_TIMEOUT),
        output="${with_result_and_moved_output}" if stage.output_path else "${with_result}",
        following=following,
    )


def _arguments(stage: RequestStage, resources: Resources) -> str:
    # A model's name is in use only once CreateModel has succeeded, and then no redrive repeats it.
    request = "${request_with_unused_name}" if stage.waits else "${request}"
    defaults = ", ".join(_completions(stage, resources))
    return f"$given := {request}; $merge([$given, {defaults}])" if defaults else request


def _completions(stage: RequestStage, resources: Resources) -> list[str]:
    """Returns the substitutions that add a setting and the deployment's role, network and key to the request."""
    found = []
    if stage.setting:
        found.append("${variable_of_setting}")
    if stage.noun == "Model":
        found.append("${default_role}")
    if resources.subnets and stage.noun in _NETWORK:
        found.append("${" + _NETWORK[stage.noun] + "}")
    if resources.key and stage.noun in _RESULTS:
        found.append("${default_key}")
    return found
