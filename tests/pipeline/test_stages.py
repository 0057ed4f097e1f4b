from pathlib import Path

import pytest
from botocore.model import ServiceModel

from pipeline.input.execution import execution_name
from pipeline.input.yaml_document import Document
from pipeline.stages import EXECUTION_NAME_LENGTH, REQUEST_STAGES, RequestStage, stage_of_state
from settings import SettingsError, read_settings

PROJECT = Path(__file__).parent.parent.parent


@pytest.mark.parametrize("stage", REQUEST_STAGES, ids=lambda stage: stage.key)
def test_request_field_exists_in_sagemaker(stage: RequestStage, sagemaker: ServiceModel) -> None:
    """Each stage's action exists in SageMaker, and its name field is a required string."""
    shape = sagemaker.operation_model(f"Create{stage.noun}").input_shape
    assert shape is not None
    assert stage.name_field in shape.required_members
    assert len(stage.name_prefix) + EXECUTION_NAME_LENGTH <= shape.members[stage.name_field].metadata["max"]


def test_states_belong_to_their_stage() -> None:
    """A state's name identifies its stage; the Choices between the stages have none."""
    assert stage_of_state("deployment: wait") == stage_of_state("deployment") == "deployment"
    assert stage_of_state("After training") is None


def test_the_longest_model_name_fits_the_shipped_input() -> None:
    """The longest model-name that the settings accept gives an execution name of exactly the maximum length."""
    longest = "m" * 100
    while True:
        try:
            read_settings({"schedule": "0 6 * * ? *", "model-name": longest}.get, {})
        except SettingsError:
            longest = longest[1:]
        else:
            break
    data = Document((PROJECT / "scripts" / "input.yaml").read_bytes()).data
    name, problems = execution_name(data, tokens={"MODEL_NAME": longest}, event_id="event")
    assert (len(name), problems) == (EXECUTION_NAME_LENGTH, [])
