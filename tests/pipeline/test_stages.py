import pytest
from botocore.model import ServiceModel

from pipeline.stages import EXECUTION_NAME_LENGTH, REQUEST_STAGES, RequestStage, stage_of_job


@pytest.mark.parametrize("stage", REQUEST_STAGES, ids=lambda stage: stage.key)
def test_request_field_exists_in_sagemaker(stage: RequestStage, sagemaker: ServiceModel) -> None:
    """Each stage's action is one of SageMaker's, its name field is a required string of the request."""
    shape = sagemaker.operation_model(f"Create{stage.noun}").input_shape
    assert shape is not None
    assert stage.name_field in shape.required_members
    assert len(stage.name_prefix) + EXECUTION_NAME_LENGTH <= shape.members[stage.name_field].metadata["max"]


@pytest.mark.parametrize("stage", REQUEST_STAGES, ids=lambda stage: stage.key)
def test_job_belongs_to_its_stage(stage: RequestStage) -> None:
    """The name that the state machine gives a job tells its stage."""
    assert stage_of_job(stage.action, f"{stage.name_prefix}mlops-demo-1") == stage.key
