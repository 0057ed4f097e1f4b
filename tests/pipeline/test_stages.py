import pytest
from botocore.model import ServiceModel

from pipeline.stages import EXECUTION_NAME_LENGTH, REQUEST_STAGES, RequestStage, stage_of_state


@pytest.mark.parametrize("stage", REQUEST_STAGES, ids=lambda stage: stage.key)
def test_request_field_exists_in_sagemaker(stage: RequestStage, sagemaker: ServiceModel) -> None:
    """Each stage's action is one of SageMaker's, its name field is a required string of the request."""
    shape = sagemaker.operation_model(f"Create{stage.noun}").input_shape
    assert shape is not None
    assert stage.name_field in shape.required_members
    assert len(stage.name_prefix) + EXECUTION_NAME_LENGTH <= shape.members[stage.name_field].metadata["max"]


def test_states_belong_to_their_stage() -> None:
    """A state's name tells its stage; the choices between the stages have none."""
    assert stage_of_state("deployment: wait") == stage_of_state("deployment") == "deployment"
    assert stage_of_state("After training") is None
